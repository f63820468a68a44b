"""Claiming due deliveries: a few per endpoint, each under a lease that outlives the longest try."""

from collections.abc import Collection
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

LEASE_SECONDS = 45
PER_ENDPOINT = 4
PROBE = 64
START = UUID(int=0)

# Steps from endpoint to endpoint through the index and looks at PROBE of them, so that neither one endpoint's backlog
# nor the number of waiting endpoints makes it slower. FOR UPDATE SKIP LOCKED keeps two drains apart.
CLAIM = """
WITH RECURSIVE walk AS (
  (SELECT endpoint_id FROM webhooks_delivery
   WHERE state = 'open' AND endpoint_id > %(after)s
     AND EXISTS (SELECT 1 FROM webhooks_delivery WHERE state = 'open' AND next_attempt_at <= now())
   ORDER BY endpoint_id LIMIT 1)
  UNION ALL
  SELECT (SELECT d.endpoint_id FROM webhooks_delivery d
          WHERE d.state = 'open' AND d.endpoint_id > walk.endpoint_id ORDER BY d.endpoint_id LIMIT 1)
  FROM walk WHERE walk.endpoint_id IS NOT NULL),
probe AS MATERIALIZED (SELECT endpoint_id FROM walk WHERE endpoint_id IS NOT NULL LIMIT %(probe)s),
mine AS MATERIALIZED (
  SELECT due.id FROM probe CROSS JOIN LATERAL (
    SELECT d.id FROM webhooks_delivery d
    WHERE d.endpoint_id = probe.endpoint_id AND d.state = 'open' AND d.next_attempt_at <= now()
      AND (d.lease_until IS NULL OR d.lease_until < now())
    ORDER BY d.next_attempt_at, d.id LIMIT %(each)s FOR UPDATE SKIP LOCKED) AS due
  WHERE probe.endpoint_id <> ALL(%(busy)s::uuid[])
  LIMIT %(room)s),
taken AS (
  UPDATE webhooks_delivery d SET lease_until = now() + make_interval(secs => %(lease)s)
  FROM mine, webhooks_event v, webhooks_endpoint e
  WHERE d.id = mine.id AND v.id = d.event_id AND e.id = d.endpoint_id
  RETURNING d.id, d.event_id, d.endpoint_id, d.merchant_id, d.mode, d.tries, d.trigger, d.lease_until, d.expires_at,
    v.body, e.kind, e.url, e.status AS endpoint_status, e.deleted_at IS NOT NULL AS is_deleted)
SELECT (SELECT count(*) FROM probe), (SELECT endpoint_id FROM probe ORDER BY endpoint_id DESC LIMIT 1), taken.*
FROM (SELECT 1) AS always LEFT JOIN taken ON true ORDER BY taken.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """One delivery that is ours until `lease_until`, with all that a try needs; the lease is our token too."""

    id: int
    event_id: UUID
    endpoint_id: UUID
    merchant_id: UUID
    mode: str
    tries: int
    trigger: str
    lease_until: datetime
    expires_at: datetime
    body: str = field(repr=False)
    kind: str
    url: str = field(repr=False)
    endpoint_status: str
    is_deleted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one look brought; `after` is where the next one begins, None when the walk reached the last endpoint."""

    deliveries: list[Claimed]
    after: UUID | None


def claim_due(*, room: int, busy: Collection[UUID], after: UUID = START) -> Claim:
    """Lease at most `room` due deliveries of endpoints behind `after`, leaving `busy` endpoints alone. One statement,
    committed at once: what is claimed and never settled is free again when its lease ends.

    Raises RuntimeError inside a transaction, where the lease would be nobody else's to see.
    """
    values: dict[str, Any] = {
        "after": after,
        "busy": list(busy),
        "each": PER_ENDPOINT,
        "lease": LEASE_SECONDS,
        "probe": PROBE,
        "room": room,
    }
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(CLAIM, values)
        rows = cursor.fetchall()
    probed, last = rows[0][:2]
    names = [each.name for each in fields(Claimed)]
    deliveries = [Claimed(**dict(zip(names, row[2:], strict=True))) for row in rows if row[2] is not None]
    return Claim(deliveries=deliveries, after=last if probed >= PROBE else None)
