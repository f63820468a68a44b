"""Forgetting old tries: partitions are made ahead and dropped whole by the one function that may."""

from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import connection, transaction

log = structlog.get_logger(__name__)
DAYS_AHEAD = 7
# Making and dropping partitions waits for readers of the table, and everybody else for that.
LOCK_WAIT = "SET LOCAL lock_timeout = '2s'"
TEND = "SELECT made, dropped FROM webhooks_tend_attempts(%s, %s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tended:
    """Partitions, each of one day."""

    made: int
    dropped: int


def tend_attempts() -> Tended:
    """Make the partitions of the next days and drop those that have been kept for WEBHOOK_ATTEMPTS_KEPT_DAYS.

    Raises OperationalError when the table stays busy for two seconds, IntegrityError when fewer than 7 days are to be
    kept; nothing has changed then.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK_WAIT)
        cursor.execute(TEND, [DAYS_AHEAD, settings.WEBHOOK_ATTEMPTS_KEPT_DAYS])
        made, dropped = cursor.fetchone()
    if made or dropped:
        log.info("webhook_attempts_tended", made=made, dropped=dropped)
    return Tended(made=made, dropped=dropped)
