"""Recovering what an endpoint missed: a job opens deliveries again, in ranges, at a pace that lets live ones by."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from audit.services import record
from onpoint_pay.kit.clock import now, rfc3339
from onpoint_pay.kit.errors import Fault, Invalid, NotFound, Problem
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.jobs import nudge
from webhooks.bell import ring_on_commit
from webhooks.models import (
    ALL,
    DELIVERED,
    DONE,
    ENABLED,
    FAILED,
    HELD,
    MISSED,
    RUNNING,
    STOPPED,
    Endpoint,
    Recovery,
)
from webhooks.schedule import EXPIRY_HOURS
from webhooks.services.endpoints import check_events

RECOVER = "webhooks.recover"
RANGE = 1000
START = UUID(int=0)
STATES = {MISSED: [FAILED, HELD], FAILED: [FAILED], HELD: [HELD], ALL: [FAILED, HELD, DELIVERED]}

# Deliveries are numbered when they are written, so all that were made since then have higher keys than one whose event
# is an hour older: events carry the time in their keys.
JUST_BEFORE = """
SELECT coalesce(max(d.id), 0) FROM (
  SELECT id FROM webhooks_event WHERE merchant_id = %(merchant)s AND mode = %(mode)s
    AND id < uuidv7(%(since)s - now() - interval '1 hour') ORDER BY id DESC LIMIT 50) AS earlier
JOIN webhooks_delivery d ON d.event_id = earlier.id
"""
# The endpoint's status holds until the range is committed. A job that somebody else is at, or whose endpoint is just
# being changed, is passed over.
TAKE = """
SELECT r.id, r.cursor, r.since, r.until, r.types, r.which, r.merchant_id, r.mode, r.endpoint_id,
  e.status = 'enabled' AND e.deleted_at IS NULL AS is_wanted, e.rate_limit,
  (SELECT max(due_until) FROM webhooks_recovery WHERE endpoint_id = r.endpoint_id) AS taken_until
FROM webhooks_recovery r JOIN webhooks_endpoint e ON e.id = r.endpoint_id
WHERE r.state = 'running' AND (r.id = %(only)s OR %(only)s IS NULL) AND r.id > %(after)s
ORDER BY r.id LIMIT 1 FOR UPDATE OF r SKIP LOCKED FOR SHARE OF e SKIP LOCKED
"""
COLUMNS = (
    "id",
    "cursor",
    "since",
    "until",
    "types",
    "which",
    "merchant_id",
    "mode",
    "endpoint_id",
    "is_wanted",
    "rate_limit",
    "taken_until",
)
# What an endpoint missed has an index of its own; what was delivered is found among the merchant's deliveries. Tests
# have no key: nobody misses them.
MISSED_RANGE = """
  SELECT id, event_id, endpoint_id, state, created_at FROM webhooks_delivery
  WHERE endpoint_id = %(endpoint)s AND state IN ('failed', 'held') AND id > %(cursor)s ORDER BY id LIMIT %(range)s"""
WHOLE_RANGE = """
  SELECT id, event_id, endpoint_id, state, created_at FROM webhooks_delivery
  WHERE merchant_id = %(merchant)s AND mode = %(mode)s AND id > %(cursor)s ORDER BY id LIMIT %(range)s"""
OPEN = """
WITH looked AS MATERIALIZED ({range}),
wanted AS MATERIALIZED (
  SELECT l.id, row_number() OVER (ORDER BY l.id) AS n
  FROM looked l JOIN webhooks_event v ON v.id = l.event_id
  WHERE l.endpoint_id = %(endpoint)s AND l.state = ANY(%(states)s) AND l.created_at >= %(since)s
    AND l.created_at < %(until)s AND v.key IS NOT NULL
    AND (%(types)s::text[] = '{{}}' OR %(types)s && ARRAY['*', split_part(v.type, '.', 1) || '.*', v.type])),
opened AS (
  UPDATE webhooks_delivery d SET state = 'open', tries = 0, trigger = 'recover', delivered_at = NULL, last_error = '',
    next_attempt_at = planned.at, expires_at = planned.at + make_interval(hours => %(expiry)s)
  FROM (SELECT id, %(start)s + make_interval(secs => n / %(pace)s::float8) AS at FROM wanted) AS planned
  WHERE d.id = planned.id AND d.state = ANY(%(states)s)
  RETURNING d.next_attempt_at)
SELECT count(*), max(id), min(created_at) > %(until)s + interval '1 hour',
  count(*) FILTER (WHERE endpoint_id = %(endpoint)s AND created_at >= %(since)s AND created_at < %(until)s),
  (SELECT count(*) FROM opened), (SELECT max(next_attempt_at) FROM opened)
FROM looked
"""
ADVANCE = """
UPDATE webhooks_recovery SET cursor = coalesce(%(last)s, cursor), seen = seen + %(seen)s, opened = opened + %(opened)s,
  due_until = coalesce(%(due)s, due_until), state = %(state)s,
  finished_at = CASE WHEN %(state)s <> 'running' THEN now() END
WHERE id = %(job)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A recovery that is ours until the transaction ends. Not wanted any more when its endpoint is off or deleted."""

    id: UUID
    cursor: int
    since: datetime
    until: datetime
    types: list[str]
    which: str
    merchant_id: UUID
    mode: str
    endpoint_id: UUID
    is_wanted: bool
    rate_limit: int | None
    taken_until: datetime | None


def start_recovery(
    endpoint: Endpoint,
    *,
    since: datetime,
    actor: str,
    until: datetime | None = None,
    types: Sequence[str] = (),
    only: str = MISSED,
) -> Recovery:
    """Begin to send again what was made for this endpoint in [since, until) and is `only`: missed (failed or held),
    failed, held, or all. Workers take it up after commit.

    Raises NotFound, Problem date_invalid unless `since` is before `until` and now, parameter_invalid for unknown
    types, state_conflict unless the endpoint is enabled and no other recovery of it is running.
    """
    moment = now()
    until = min(until or moment, moment)
    if since >= until:
        fault = Fault(param="since", code="date_invalid", detail="since must lie before until, and in the past.")
        raise Invalid([fault])
    if types:
        check_events(types, param="types")
    with transaction.atomic():
        locked = Endpoint.objects.select_for_update(no_key=True).filter(pk=endpoint.pk, deleted_at=None).first()
        if locked is None:
            raise NotFound
        _refuse_while_off_or_busy(locked)
        recovery: Recovery = Recovery.objects.create(
            merchant_id=locked.merchant_id,
            mode=locked.mode,
            endpoint=locked,
            since=since,
            until=until,
            types=list(dict.fromkeys(types)),
            which=only,
            cursor=_just_before(locked, since),
        )
        _audit(recovery, actor=actor)
        nudge(RECOVER)
    return recovery


def run_recoveries(*, seconds: float = 10.0) -> int:
    """Open a range of every running recovery in turn, until none is left or the time is over; returns how many
    deliveries were opened.

    Each range is one transaction with its own progress: whoever takes up a job after a crash begins where it stood.
    """
    closes_at, after, opened, has_found = time.monotonic() + seconds, START, 0, False
    while time.monotonic() < closes_at:
        found = advance(after=after)
        if found is not None:
            after, count = found
            opened += count
            has_found = True
        elif has_found:
            after, has_found = START, False
        else:
            break
    return opened


def advance(*, after: UUID = START, only: UUID | None = None) -> tuple[UUID, int] | None:
    """Open the next range of the first running recovery behind `after`, or of `only`; which one it was, and how many
    deliveries. None when there is none, or none that nobody is at.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(TAKE, {"after": after, "only": only})
        row = cursor.fetchone()
        if row is None:
            return None
        job = Job(**dict(zip(COLUMNS, row, strict=True)))
        return job.id, _open_range(job) if job.is_wanted else _stop(job)


def _open_range(job: Job) -> int:
    values: dict[str, Any] = {
        "endpoint": job.endpoint_id,
        "merchant": job.merchant_id,
        "mode": job.mode,
        "cursor": job.cursor,
        "range": RANGE,
        "since": job.since,
        "until": job.until,
        "types": job.types,
        "states": STATES[job.which],
        "start": max(now(), job.taken_until or job.since),
        "pace": _pace(job.rate_limit),
        "expiry": EXPIRY_HOURS,
    }
    statement = OPEN.format(range=WHOLE_RANGE if job.which == ALL else MISSED_RANGE)
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        looked, last, is_past, seen, opened, due = cursor.fetchone()
        is_done = looked < RANGE or is_past
        progress = {"last": last, "seen": seen, "opened": opened, "due": due, "state": DONE if is_done else RUNNING}
        cursor.execute(ADVANCE, {"job": job.id, **progress})
    if opened:
        ring_on_commit()
    return int(opened)


def _stop(job: Job) -> int:
    with connection.cursor() as cursor:
        nothing = {"last": None, "seen": 0, "opened": 0, "due": None}
        cursor.execute(ADVANCE, {"job": job.id, "state": STOPPED, **nothing})
    return 0


def _pace(rate_limit: int | None) -> float:
    """Deliveries per second; half of what the endpoint takes is left to live ones."""
    pace = float(settings.WEBHOOK_RECOVER_PER_SECOND)
    return pace if rate_limit is None else min(pace, rate_limit / 2)


def _refuse_while_off_or_busy(endpoint: Endpoint) -> None:
    if endpoint.status != ENABLED:
        raise Problem("state_conflict", "The endpoint is not enabled: enable it first.")
    running = Recovery.objects.filter(endpoint=endpoint, state=RUNNING).values_list("pk", flat=True).first()
    if running is not None:
        raise Problem("state_conflict", f"A recovery is running already: {to_public('whr', running)}.")


def _just_before(endpoint: Endpoint, since: datetime) -> int:
    with connection.cursor() as cursor:
        # Nothing is kept for as long as a year, and keys of events end somewhere.
        earliest = max(since, now() - timedelta(days=365))
        cursor.execute(JUST_BEFORE, {"merchant": endpoint.merchant_id, "mode": endpoint.mode, "since": earliest})
        return int(cursor.fetchone()[0])


def _audit(recovery: Recovery, *, actor: str) -> None:
    record(
        merchant_id=recovery.merchant_id,
        actor=actor,
        action="webhook_endpoint.recovery_started",
        object_id=to_public("whe", recovery.endpoint_id),
        detail={
            "recovery": to_public("whr", recovery.pk),
            "since": rfc3339(recovery.since),
            "until": rfc3339(recovery.until),
            "types": recovery.types,
            "only": recovery.which,
        },
    )
