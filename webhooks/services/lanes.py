"""Lanes in the database: taking the right to send to an endpoint, keeping it, and reading what is due there."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection

from webhooks.pace import Lane

PROBE = 64
START = UUID(int=0)
# A delivery that was in the lane's head while so many leases ended without a word is suspected of ending them.
SUSPECT_AFTER = 3

# Steps from endpoint to endpoint through the index and looks at PROBE of them: neither one endpoint's backlog nor the
# number of waiting endpoints makes it slower. The newest deliveries are looked at besides, so that what has just
# happened does not wait for the walk to come by. FOR UPDATE SKIP LOCKED keeps two drains apart.
CLAIM = """
WITH RECURSIVE walk AS (
  (SELECT endpoint_id FROM webhooks_delivery WHERE state = 'open' AND endpoint_id > %(after)s
   ORDER BY endpoint_id LIMIT 1)
  UNION ALL
  SELECT (SELECT d.endpoint_id FROM webhooks_delivery d
          WHERE d.state = 'open' AND d.endpoint_id > walk.endpoint_id ORDER BY d.endpoint_id LIMIT 1)
  FROM walk WHERE walk.endpoint_id IS NOT NULL),
probe AS MATERIALIZED (SELECT endpoint_id FROM walk WHERE endpoint_id IS NOT NULL LIMIT %(probe)s),
newest AS MATERIALIZED (SELECT endpoint_id, state FROM webhooks_delivery ORDER BY id DESC LIMIT %(probe)s),
free AS MATERIALIZED (
  SELECT l.endpoint_id, first.id AS head, first.merchant_id
  FROM (SELECT endpoint_id FROM probe UNION SELECT endpoint_id FROM newest WHERE state = 'open') AS seen
  JOIN webhooks_lane l ON l.endpoint_id = seen.endpoint_id
  CROSS JOIN LATERAL (
    SELECT d.id, d.merchant_id FROM webhooks_delivery d
    WHERE d.endpoint_id = l.endpoint_id AND d.state = 'open' AND d.next_attempt_at <= now()
    ORDER BY d.next_attempt_at, d.id LIMIT 1) AS first
  WHERE (l.lease_until IS NULL OR l.lease_until < now()) AND (l.open_until IS NULL OR l.open_until <= now())
  FOR UPDATE OF l SKIP LOCKED),
mine AS MATERIALIZED (
  SELECT * FROM free ORDER BY endpoint_id LIMIT greatest(1, least(%(lanes)s, (
    SELECT ceil(2.0 * count(*) / %(drains)s)::integer FROM free)))),
taken AS (
  UPDATE webhooks_lane l SET lease_until = now() + make_interval(secs => %(lease)s), lease_token = %(token)s,
    leases_lost = CASE WHEN l.lease_until IS NULL THEN 0 WHEN l.head = mine.head THEN least(l.leases_lost + 1, 100)
      ELSE 1 END,
    head = mine.head, open_until = NULL, breaker = CASE l.breaker WHEN 'open' THEN 'half' ELSE l.breaker END
  FROM mine WHERE l.endpoint_id = mine.endpoint_id
  RETURNING l.endpoint_id, mine.merchant_id, l.head, l.leases_lost, l.send_window AS window, l.breaker, l.last_ms,
    l.times_tripped, l.failures_in_row, l.failing_since, l.failing_tries, l.failing_events, l.last_success_at,
    l.notified_level)
SELECT (SELECT count(*) FROM probe), (SELECT endpoint_id FROM probe ORDER BY endpoint_id DESC LIMIT 1),
  (SELECT count(*) FROM free), taken.*
FROM (SELECT 1) AS always LEFT JOIN taken ON true
"""
LANE_COLUMNS = (
    "endpoint_id",
    "merchant_id",
    "head",
    "leases_lost",
    "window",
    "breaker",
    "last_ms",
    "times_tripped",
    "failures_in_row",
    "failing_since",
    "failing_tries",
    "failing_events",
    "last_success_at",
    "notified_level",
)
DUE_COLUMNS = (
    "id",
    "event_id",
    "mode",
    "tries",
    "trigger",
    "expires_at",
    "body",
    "kind",
    "url",
    "endpoint_status",
    "is_deleted",
    "rate_limit",
)

# Of each lane the oldest due, as many as it has room for; behind a pile also the one that came last, so that what
# happens now does not wait until the pile is gone. What concerns the endpoint is looked up once for each lane, and the
# order is made by the caller: sorting rows that carry whole bodies costs more than finding them.
FETCH = """
WITH mine AS MATERIALIZED (
  SELECT want.place, want.endpoint_id, want.room, want.is_behind, e.kind, e.url, e.status,
    e.deleted_at IS NOT NULL AS is_deleted, e.rate_limit, array_to_string(CASE e.kind WHEN 'inline' THEN ARRAY(
        SELECT s.id FROM webhooks_secret s WHERE s.endpoint_id IS NULL AND s.merchant_id = e.merchant_id
          AND s.mode = e.mode AND (s.expires_at IS NULL OR s.expires_at > now())
        ORDER BY s.expires_at DESC NULLS FIRST, s.created_at DESC, s.id DESC)
      ELSE ARRAY(
        SELECT s.id FROM webhooks_secret s
        WHERE s.endpoint_id = e.id AND (s.expires_at IS NULL OR s.expires_at > now())
        ORDER BY s.expires_at DESC NULLS FIRST, s.created_at DESC, s.id DESC) END, ' ') AS secret_ids
  FROM unnest(%(endpoints)s::uuid[], %(tokens)s::uuid[], %(rooms)s::integer[], %(behind)s::boolean[])
    WITH ORDINALITY AS want (endpoint_id, token, room, is_behind, place)
  JOIN webhooks_lane l ON l.endpoint_id = want.endpoint_id AND l.lease_token = want.token AND l.lease_until > now()
  JOIN webhooks_endpoint e ON e.id = want.endpoint_id)
SELECT due.next_attempt_at, mine.place - 1, mine.secret_ids, due.id, due.event_id, due.mode, due.tries, due.trigger,
  due.expires_at, v.body, mine.kind, mine.url, mine.status, mine.is_deleted, mine.rate_limit
FROM mine
CROSS JOIN LATERAL (
  (SELECT d.id, d.event_id, d.mode, d.tries, d.trigger, d.expires_at, d.next_attempt_at
   FROM webhooks_delivery d
   WHERE d.endpoint_id = mine.endpoint_id AND d.state = 'open' AND d.next_attempt_at <= now()
     AND d.id <> ALL(%(flying)s::bigint[])
   ORDER BY d.next_attempt_at, d.id LIMIT mine.room - mine.is_behind::integer)
  UNION
  (SELECT d.id, d.event_id, d.mode, d.tries, d.trigger, d.expires_at, d.next_attempt_at
   FROM webhooks_delivery d
   WHERE mine.is_behind AND d.endpoint_id = mine.endpoint_id AND d.state = 'open' AND d.next_attempt_at <= now()
     AND d.next_attempt_at > now() - interval '1 minute' AND d.id <> ALL(%(flying)s::bigint[])
   ORDER BY d.next_attempt_at DESC, d.id DESC LIMIT 1)) AS due
JOIN webhooks_event v ON v.id = due.event_id
"""
RENEW = """
UPDATE webhooks_lane l SET lease_until = now() + make_interval(secs => %(lease)s)
FROM unnest(%(endpoints)s::uuid[], %(tokens)s::uuid[]) AS mine (endpoint_id, token)
WHERE l.endpoint_id = mine.endpoint_id AND l.lease_token = mine.token AND l.lease_until > now()
RETURNING l.endpoint_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One delivery to be tried now, with all that a try needs."""

    id: int
    event_id: UUID
    endpoint_id: UUID
    merchant_id: UUID
    mode: str
    tries: int
    trigger: str
    expires_at: datetime
    body: str = field(repr=False)
    kind: str
    url: str = field(repr=False)
    endpoint_status: str
    is_deleted: bool
    rate_limit: int | None
    secret_ids: Sequence[UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one look brought. `after` is where the next begins, START when the walk reached the last endpoint."""

    lanes: list[Lane]
    after: UUID
    # Lanes that were free and due, taken or not.
    waiting: int


def claim_lanes(*, lanes: int, drains: int, after: UUID = START) -> Claim:
    """Take at most `lanes` lanes that are due and nobody's, and no more than twice this drain's share of them.

    One statement, committed at once: what is taken and never given back is free again when its lease ends. Raises
    RuntimeError inside a transaction, where the lease would be nobody else's to see.
    """
    if connection.in_atomic_block:
        raise RuntimeError("a lane is taken outside transactions")
    token = uuid4()
    values: dict[str, Any] = {
        "after": after,
        "probe": PROBE,
        "lanes": lanes,
        "drains": max(drains, 1),
        "lease": settings.WEBHOOK_LEASE_SECONDS,
        "token": token,
    }
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, values)
        rows = cursor.fetchall()
    probed, last, waiting = rows[0][:3]
    taken = [Lane(token=token, **dict(zip(LANE_COLUMNS, row[3:], strict=True))) for row in rows if row[3] is not None]
    return Claim(lanes=taken, after=last if probed >= PROBE else START, waiting=waiting)


def fetch_due(rooms: Mapping[UUID, int], lanes: Mapping[UUID, Lane], *, flying: Collection[int]) -> list[Due]:
    """What is due in these lanes, oldest first, at most as many as each has room for.

    A lane that is not ours any more brings nothing.
    """
    mine = [lanes[key] for key in rooms]
    values: dict[str, Any] = {
        "endpoints": [lane.endpoint_id for lane in mine],
        "tokens": [lane.token for lane in mine],
        "rooms": list(rooms.values()),
        "behind": [lane.is_behind and rooms[lane.endpoint_id] > 1 for lane in mine],
        "flying": list(flying),
    }
    with connection.cursor() as cursor:
        cursor.execute(FETCH, values)
        rows = cursor.fetchall()
    # By the time they are due, then by key.
    rows.sort(key=lambda row: (row[0], row[3]))
    return [_due(mine[place], _keys(secrets), columns) for _, place, secrets, *columns in rows]


def _due(lane: Lane, secret_ids: Sequence[UUID], columns: Sequence[Any]) -> Due:
    return Due(
        endpoint_id=lane.endpoint_id,
        merchant_id=lane.merchant_id,
        secret_ids=secret_ids,
        **dict(zip(DUE_COLUMNS, columns, strict=True)),
    )


@lru_cache(maxsize=10_000)
def _keys(text: str) -> tuple[UUID, ...]:
    """Every delivery of an endpoint comes with the same few, and reading a key costs more than the rest of its row."""
    return tuple(UUID(each) for each in text.split())


def renew(lanes: Iterable[Lane]) -> set[UUID]:
    """Lengthen the leases and return those that are still ours; a lease that has ended is not taken back."""
    mine = list(lanes)
    values: dict[str, Any] = {
        "lease": settings.WEBHOOK_LEASE_SECONDS,
        "endpoints": [lane.endpoint_id for lane in mine],
        "tokens": [lane.token for lane in mine],
    }
    with connection.cursor() as cursor:
        cursor.execute(RENEW, values)
        return {row[0] for row in cursor.fetchall()}
