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
SELECT * FROM webhook_claim_lanes(%(after)s, %(lanes)s, %(drains)s, %(lease)s, %(token)s)
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
SELECT * FROM webhook_fetch_due(%(endpoints)s::uuid[], %(tokens)s::uuid[], %(rooms)s::integer[], %(behind)s::boolean[],
  %(flying)s::bigint[])
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
