"""Writing down what tries came to, many at once: attempts, deliveries, and what was learned of their lanes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction

from onpoint_pay.kit.clock import now
from webhooks.channels import GONE
from webhooks.pace import Lane
from webhooks.schedule import notice_level
from webhooks.services.endpoints import disable_endpoint
from webhooks.services.notices import note_failing

# One statement, one commit. An owner whose lease has been taken over writes its tries and moves nothing. A delivery
# that was put on hold while it was under way, and arrived, is delivered all the same. Waits end by the database's clock
# whatever the worker's shows, which is `at`.
SETTLE = """
SELECT webhook_settle(%(tries)s, %(lanes)s, %(at)s)
"""


@dataclass(slots=True, kw_only=True)
class Settled:
    """One finished try, or one delivery that could not be tried, and what becomes of the delivery."""

    id: int
    endpoint_id: UUID
    token: UUID
    # Tries made, this one included.
    n: int
    state: str
    error: str
    trigger: str = "auto"
    was_sent: bool = True
    due_at: datetime | None = None
    started_at: datetime | None = None
    connect_ms: int | None = None
    total_ms: int = 0
    status: int | None = None
    request_headers: Mapping[str, str] = field(default_factory=dict)
    response_headers: Mapping[str, str] = field(default_factory=dict)
    excerpt: str = ""
    ip: str | None = None
    worker: str = ""

    @property
    def asks_to_stop(self) -> bool:
        return self.status == GONE


def settle(tries: Sequence[Settled], *, changed: Iterable[Lane], given_back: Iterable[Lane]) -> None:
    """Write a group of tries and what was learned of lanes; `given_back` lanes are free for any drain from then on.

    Normally one statement. An endpoint that answered 410, or that has been failing for a day, is dealt with in the same
    transaction. Raises DataError or IntegrityError when one of the tries cannot be stored; then nothing was.
    """
    back = list(given_back)
    freed = {lane.endpoint_id for lane in back}
    lanes = [*back, *(lane for lane in changed if lane.endpoint_id not in freed)]
    if not any(done.asks_to_stop for done in tries) and not any(_needs_notice(lane) for lane in lanes):
        _write(tries, lanes, back)
        return
    with transaction.atomic(durable=True):
        for lane in filter(_needs_notice, lanes):
            _note(lane)
        for endpoint_id in {done.endpoint_id for done in tries if done.asks_to_stop}:
            disable_endpoint(endpoint_id, reason="the endpoint answered 410")
        _write(tries, lanes, back)


def _needs_notice(lane: Lane) -> bool:
    return lane.failing_since is not None and notice_level(lane.failing_since, at=now()) > lane.notified_level


def _note(lane: Lane) -> None:
    assert lane.failing_since is not None  # noqa: S101 - it needs a notice
    lane.notified_level = note_failing(
        lane.endpoint_id,
        failing_since=lane.failing_since,
        failing_tries=lane.failing_tries,
        failing_events=lane.failing_events,
        notified_level=lane.notified_level,
        at=now(),
    )


def _write(tries: Sequence[Settled], lanes: Sequence[Lane], back: Sequence[Lane]) -> None:
    freed = {lane.endpoint_id for lane in back}
    learned = [_lane_row(lane, is_given_back=lane.endpoint_id in freed) for lane in lanes]
    with connection.cursor() as cursor:
        # orjson writes the tries' fields by the names the statement reads.
        rows = {"tries": orjson.dumps(tries).decode(), "lanes": orjson.dumps(learned).decode()}
        cursor.execute(SETTLE, {**rows, "at": now()})
    for lane in lanes:
        lane.is_changed = False


def _lane_row(lane: Lane, *, is_given_back: bool) -> dict[str, Any]:
    return {
        "endpoint_id": lane.endpoint_id,
        "token": lane.token,
        "send_window": lane.window,
        "last_ms": lane.last_ms,
        "breaker": lane.breaker,
        "open_until": lane.open_until,
        "times_tripped": lane.times_tripped,
        "failures_in_row": lane.failures_in_row,
        "failing_since": lane.failing_since,
        "failing_tries": lane.failing_tries,
        "failing_events": lane.failing_events,
        "last_success_at": lane.last_success_at,
        "notified_level": lane.notified_level,
        "is_given_back": is_given_back,
    }
