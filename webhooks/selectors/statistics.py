"""How one endpoint has been answering, read from the tries that are kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import fetch_one
from webhooks.models import ENABLED, Endpoint

# Of a busy endpoint the newest are counted: what comes before says little about today.
MOST_TRIES = 50_000
# Each of these is looked up in another table.
MOST_RECEIPTS = 5_000
LONGEST_HOURS = 720

TRIES = """
WITH counted AS MATERIALIZED (
  SELECT delivery_id, trigger, started_at, total_ms, status, error_code FROM webhooks_attempt
  WHERE endpoint_id = %(endpoint)s AND started_at >= %(since)s ORDER BY started_at DESC LIMIT %(most)s),
receipts AS (
  SELECT extract(epoch FROM c.started_at - d.created_at) + c.total_ms / 1000.0 AS seconds
  FROM (SELECT * FROM counted WHERE error_code = '' AND trigger = 'auto' ORDER BY started_at DESC LIMIT %(receipts)s) c
  CROSS JOIN LATERAL (SELECT created_at FROM webhooks_delivery WHERE id = c.delivery_id OFFSET 0) AS d)
SELECT count(*) AS tries, count(*) FILTER (WHERE error_code = '') AS delivered, min(started_at) AS began_at,
  percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY total_ms) FILTER (WHERE status IS NOT NULL) AS answer_ms,
  (SELECT percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY seconds) FROM receipts) AS receipt_seconds,
  (SELECT json_object_agg(error_code, times) FROM (
     SELECT error_code, count(*) AS times FROM counted WHERE error_code <> '' GROUP BY 1) AS kinds) AS errors
FROM counted
"""
WAITING = """
SELECT
  (SELECT count(*) FROM webhooks_delivery WHERE endpoint_id = %(endpoint)s AND state = 'open') AS open,
  (SELECT count(*) FROM webhooks_delivery WHERE endpoint_id = %(endpoint)s AND state = 'held') AS held,
  (SELECT count(*) FROM webhooks_delivery WHERE endpoint_id = %(endpoint)s AND state = 'failed'
     AND created_at >= %(since)s) AS failed,
  (SELECT min(next_attempt_at) FROM webhooks_delivery WHERE endpoint_id = %(endpoint)s AND state = 'open') AS first_at
"""


@dataclass(frozen=True, slots=True)
class Spread:
    """Half of them took no more than `p50`, nineteen of twenty no more than `p95`."""

    p50: float
    p95: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Of the tries since `since`; `open`, `held` and the two times are of now. Incomplete when there were too many."""

    hours: int
    since: datetime
    is_complete: bool
    tries: int
    delivered: int
    failed: int
    open: int
    held: int
    answer_ms: Spread | None
    receipt_seconds: Spread | None
    oldest_due_at: datetime | None
    next_try_at: datetime | None
    # Error word: how often, the most frequent first.
    errors: Mapping[str, int] = field(default_factory=dict)


def statistics_of(endpoint: Endpoint, *, hours: int) -> Statistics:
    """Over the last `hours`, 1 to LONGEST_HOURS, at most the newest MOST_TRIES tries."""
    at = now()
    since = at - timedelta(hours=hours)
    values: dict[str, Any] = {
        "endpoint": endpoint.pk,
        "since": since,
        "most": MOST_TRIES,
        "receipts": MOST_RECEIPTS,
    }
    found, waiting = fetch_one(TRIES, values) or {}, fetch_one(WAITING, values) or {}
    is_complete = found["tries"] < MOST_TRIES
    first_at: datetime | None = waiting["first_at"]
    errors: dict[str, int] = found["errors"] or {}
    return Statistics(
        hours=hours,
        since=since if is_complete else found["began_at"],
        is_complete=is_complete,
        tries=found["tries"],
        delivered=found["delivered"],
        failed=waiting["failed"],
        open=waiting["open"],
        held=waiting["held"],
        answer_ms=_spread(found["answer_ms"]),
        receipt_seconds=_spread(found["receipt_seconds"]),
        oldest_due_at=first_at if first_at is not None and first_at <= at else None,
        next_try_at=_next_try_at(endpoint, first_at, at=at),
        errors=dict(sorted(errors.items(), key=lambda each: (-each[1], each[0]))),
    )


def _next_try_at(endpoint: Endpoint, first_at: datetime | None, *, at: datetime) -> datetime | None:
    if first_at is None or endpoint.status != ENABLED:
        return None
    return max(first_at, at, endpoint.lane.open_until or at)


def _spread(found: list[Any] | None) -> Spread | None:
    return Spread(float(found[0]), float(found[1])) if found else None
