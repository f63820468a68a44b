"""Deliveries to an endpoint that is off: kept as `held`, or given up when it is deleted.

A change of an endpoint deals with the first of them in its own transaction; a worker goes on with whatever is left, and
finds what was written in the same instant. Until then a drain that comes upon one does not send it either.
"""

import time
from uuid import UUID

from django.db import connection, transaction

from onpoint_pay.kit.jobs import nudge

HOLD_LEFTOVERS = "webhooks.hold_leftovers"
# In one transaction: by somebody who waits for the answer, and by a worker.
AT_ONCE, IN_A_ROW = 2_000, 5_000
# A delivery that is being settled in this instant is passed over: it may have arrived.
HOLD = """
UPDATE webhooks_delivery SET state = 'held' WHERE id IN (
  SELECT id FROM webhooks_delivery WHERE endpoint_id = %(endpoint)s AND state = 'open'
  ORDER BY next_attempt_at, id LIMIT %(most)s FOR UPDATE SKIP LOCKED)
"""
# Nothing waits for a later time in this lane any more, so a recovery to come need not queue behind an earlier one.
UNPLAN = "UPDATE webhooks_recovery SET due_until = now() WHERE endpoint_id = %(endpoint)s AND due_until > now()"
GIVE_UP = """
UPDATE webhooks_delivery SET state = 'failed', last_error = 'endpoint_deleted' WHERE id IN (
  SELECT id FROM webhooks_delivery WHERE endpoint_id = %(endpoint)s AND state IN ('open', 'held')
  LIMIT %(most)s FOR UPDATE SKIP LOCKED)
"""
# Endpoints that are being changed are left to that change.
HOLD_REST = """
UPDATE webhooks_delivery SET state = 'held' WHERE id IN (
  SELECT waiting.id FROM webhooks_endpoint e CROSS JOIN LATERAL (
    SELECT d.id FROM webhooks_delivery d WHERE d.endpoint_id = e.id AND d.state = 'open'
    LIMIT %(most)s FOR UPDATE SKIP LOCKED) AS waiting
  WHERE e.status <> 'enabled' AND e.deleted_at IS NULL LIMIT %(most)s FOR SHARE OF e SKIP LOCKED)
"""
GIVE_UP_REST = """
UPDATE webhooks_delivery SET state = 'failed', last_error = 'endpoint_deleted' WHERE id IN (
  SELECT waiting.id FROM webhooks_endpoint e CROSS JOIN LATERAL (
    SELECT d.id FROM webhooks_delivery d WHERE d.endpoint_id = e.id AND d.state IN ('open', 'held')
    LIMIT %(most)s FOR UPDATE SKIP LOCKED) AS waiting
  WHERE e.deleted_at > now() - interval '90 days' LIMIT %(most)s)
"""


def hold_open(endpoint_id: UUID) -> None:
    """Hold what is open. Call it in the transaction that switched the endpoint off."""
    _begin(HOLD, endpoint_id)
    with connection.cursor() as cursor:
        cursor.execute(UNPLAN, {"endpoint": endpoint_id})


def give_up(endpoint_id: UUID) -> None:
    """Fail what is open or held. Call it in the transaction that deleted the endpoint."""
    _begin(GIVE_UP, endpoint_id)


def _begin(statement: str, endpoint_id: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"endpoint": endpoint_id, "most": AT_ONCE})
        if cursor.rowcount == AT_ONCE:
            nudge(HOLD_LEFTOVERS)


def hold_leftovers(*, seconds: float = 20.0) -> int:
    """Finish what changes of endpoints left behind, for at most so long; returns how many deliveries were moved."""
    closes_at, moved = time.monotonic() + seconds, 0
    for statement in (HOLD_REST, GIVE_UP_REST):
        found = IN_A_ROW
        while found == IN_A_ROW and time.monotonic() < closes_at:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement, {"most": IN_A_ROW})
                found = cursor.rowcount
            moved += found
    return moved
