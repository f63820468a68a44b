"""The figures that are watched, one reading each, over all merchants and modes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from webhooks.models import BREAKERS
from webhooks.selectors.lanes import oldest_due

LATELY_MINUTES = 5
# Seconds from the change to its receipt.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

# What was simply delivered is the bulk of the table and has no index of its own: it is counted by its tries.
WAITING = """
SELECT (SELECT count(*) FROM webhooks_delivery WHERE state = 'open'),
  (SELECT count(*) FROM webhooks_delivery WHERE state = 'open' AND next_attempt_at <= now()),
  (SELECT count(*) FROM webhooks_delivery WHERE state = 'held'),
  (SELECT count(*) FROM webhooks_delivery WHERE state = 'failed')
"""
LANES = "SELECT breaker, count(*) FROM webhooks_lane GROUP BY 1"
TRIES = """
SELECT CASE error_code WHEN '' THEN 'delivered' ELSE 'failed' END, count(*) FROM webhooks_attempt
WHERE started_at > now() - make_interval(mins => %(minutes)s) GROUP BY 1
"""
# Of deliveries nobody asked for by hand, retries included. Bucket 0 is what was quicker than the first edge.
RECEIPTS = """
WITH receipts AS (
  SELECT extract(epoch FROM a.started_at - d.created_at) + a.total_ms / 1000.0 AS seconds
  FROM webhooks_attempt a
  CROSS JOIN LATERAL (SELECT created_at FROM webhooks_delivery WHERE id = a.delivery_id OFFSET 0) AS d
  WHERE a.started_at > now() - make_interval(mins => %(minutes)s) AND a.error_code = '' AND a.trigger = 'auto')
SELECT array_agg(bucket ORDER BY bucket), array_agg(times ORDER BY bucket),
  (SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY seconds) FROM receipts)
FROM (SELECT width_bucket(seconds, %(edges)s::numeric[]) AS bucket, count(*) AS times FROM receipts GROUP BY 1) AS found
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Deliveries that have not arrived; `due` ones are among the open."""

    open: int
    due: int
    held: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipts:
    """Of the last minutes: how many took no longer than each of BUCKETS, how many in all, and two percentiles."""

    by_bucket: tuple[int, ...]
    total: int
    p50_seconds: float | None
    p99_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    oldest_due_at: datetime | None
    waiting: Waiting
    lanes: Mapping[str, int]
    tries: Mapping[str, int]
    receipts: Receipts


def read_all() -> Readings:
    """Every figure of now and of the last LATELY_MINUTES."""
    return Readings(
        oldest_due_at=oldest_due(),
        waiting=waiting(),
        lanes=lanes_by_breaker(),
        tries=tries_lately(),
        receipts=receipts_lately(),
    )


def waiting() -> Waiting:
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        opened, due, held, failed = cursor.fetchone()
    return Waiting(open=opened, due=due, held=held, failed=failed)


def lanes_by_breaker() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(LANES)
        return dict.fromkeys(BREAKERS, 0) | dict(cursor.fetchall())


def tries_lately() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(TRIES, {"minutes": LATELY_MINUTES})
        return {"delivered": 0, "failed": 0} | dict(cursor.fetchall())


def receipts_lately() -> Receipts:
    with connection.cursor() as cursor:
        cursor.execute(RECEIPTS, {"minutes": LATELY_MINUTES, "edges": list(BUCKETS)})
        buckets, times, spread = cursor.fetchone()
    counted = dict(zip(buckets or [], times or [], strict=True))
    up_to = tuple(sum(counted.get(each, 0) for each in range(place + 1)) for place in range(len(BUCKETS)))
    p50, p99 = spread or (None, None)
    return Receipts(
        by_bucket=up_to,
        total=sum(counted.values()),
        p50_seconds=None if p50 is None else float(p50),
        p99_seconds=None if p99 is None else float(p99),
    )
