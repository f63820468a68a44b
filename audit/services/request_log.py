"""Storing the calls that wait in Valkey, and forgetting them by the day."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

import structlog
from django.db import DataError, IntegrityError, connection, transaction

from audit.models import RequestLog
from onpoint_pay.kit.request_queue import Call, drop_calls, first_calls, read_call

log = structlog.get_logger(__name__)
BATCH = 500
DAYS_AHEAD = 7
# Making and dropping partitions waits for readers of the table, and everybody else for that.
LOCK_WAIT = "SET LOCAL lock_timeout = '2s'"
TEXTS_AT_ONCE = 100
FORGET = """
DELETE FROM request_log WHERE merchant_id = %s
  AND concat_ws(' ', path, client_request_id, request_body, answer_body) ~* %s
"""
TEND = "SELECT made, dropped FROM request_log_tend(%s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The oldest entries of the list, as they lie there and read; what cannot be read is left out of `calls`."""

    entries: list[bytes]
    calls: list[Call]


def read_waiting() -> Waiting:
    """Nothing is taken away before `forget_read`: whoever dies in between loses nothing."""
    entries = first_calls(BATCH)
    calls = []
    for entry in entries:
        try:
            calls.append(read_call(entry))
        except (ValueError, TypeError, KeyError) as error:
            log.error("request_not_readable", error=type(error).__name__)
    return Waiting(entries=entries, calls=calls)


def forget_read(waiting: Waiting) -> None:
    """Call it after the transaction that stored them. Does nothing when another worker was faster."""
    drop_calls(waiting.entries)


def store(calls: Sequence[Call]) -> int:
    """Insert the calls, those that are there already excepted; returns how many were given.

    One that the database refuses is logged and left out, so that it cannot hold up the others.
    """
    rows = [_row(call) for call in calls]
    try:
        with transaction.atomic():
            RequestLog.objects.bulk_create(rows, ignore_conflicts=True)
    except (DataError, IntegrityError):
        for row in rows:
            _store_alone(row)
    return len(rows)


def _store_alone(row: RequestLog) -> None:
    try:
        with transaction.atomic():
            RequestLog.objects.bulk_create([row], ignore_conflicts=True)
    except (DataError, IntegrityError) as error:
        log.error("request_not_stored", request=str(row.id), error=type(error).__name__)


def _row(call: Call) -> RequestLog:
    fields = asdict(call)
    del fields["key_id"]
    return RequestLog(**fields)


def forget_calls(merchant_id: UUID, *, texts: Sequence[str]) -> int:
    """Delete the merchant's calls that hold one of the texts in path, body or answer; returns how many went."""
    gone = 0
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        pattern = "|".join(re.escape(text) for text in texts[start : start + TEXTS_AT_ONCE])
        with transaction.atomic(), connection.cursor() as cursor:
            # It reads all calls of a merchant, and nobody waits for it.
            cursor.execute("SET LOCAL statement_timeout = '30min'")
            cursor.execute(FORGET, [merchant_id, pattern])
            gone += cursor.rowcount
    return gone


def tend_requests() -> tuple[int, int]:
    """Make the partitions of the next days and drop what is older than 30 days; how many were made and dropped.

    Raises OperationalError when the table stays busy for two seconds; nothing has changed then.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK_WAIT)
        cursor.execute(TEND, [DAYS_AHEAD])
        made, dropped = cursor.fetchone()
    if made or dropped:
        log.info("request_log_tended", made=made, dropped=dropped)
    return made, dropped
