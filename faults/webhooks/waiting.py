"""Waiting for the outbox: until nothing is open, and until every event has its number."""

from collections.abc import Sequence

from faults.clients import wait_until
from faults.webhooks.processes import Target
from faults.webhooks.stack import Stack

OPEN = "SELECT count(*) FROM webhooks_delivery WHERE state = 'open' AND endpoint_id = ANY(%s::uuid[])"
UNNUMBERED = "SELECT count(*) FROM webhooks_event WHERE sequence IS NULL"


def open_deliveries(stack: Stack, targets: Sequence[Target]) -> int:
    return int(stack.rows(OPEN, [target.id for target in targets])[0][0])


def wait_until_sent(stack: Stack, targets: Sequence[Target], *, seconds: float, every: float = 0.2) -> bool:
    """Whether nothing is open any more at these endpoints, within the time."""
    return wait_until(lambda: open_deliveries(stack, targets) == 0, seconds=seconds, every=every)


def wait_until_numbered(stack: Stack, *, seconds: float) -> bool:
    return wait_until(lambda: not stack.rows(UNNUMBERED)[0][0], seconds=seconds)
