"""Of 200 endpoints 40 hang and 20 fail: the others get everything, and nothing of the sick ones is forgotten."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from faults.clients import wait_until
from faults.webhooks.facts import gather
from faults.webhooks.judge import judge
from faults.webhooks.processes import Publisher, Receiver, Target
from faults.webhooks.receiver import HANG, OK
from faults.webhooks.report import Outcome
from faults.webhooks.stack import Stack
from faults.webhooks.waiting import open_deliveries, wait_until_numbered, wait_until_sent

MERCHANTS, EACH = 20, 10
EVENTS = 50
HEALTHY_SECONDS, TRIED_SECONDS, HEALED_SECONDS = 180.0, 120.0, 180.0
# One snapshot: tries counted in deliveries, and tries on record.
COUNTED = """
SELECT count(*) FILTER (WHERE state <> 'open'), coalesce(sum(tries), 0),
  count(DISTINCT endpoint_id) FILTER (WHERE tries > 0),
  (SELECT count(*) FROM webhooks_attempt WHERE endpoint_id = ANY(%s::uuid[]))
FROM webhooks_delivery WHERE endpoint_id = ANY(%s::uuid[])
"""
# Hours pass.
DUE_NOW = """
UPDATE webhooks_delivery SET next_attempt_at = now()
WHERE endpoint_id = ANY(%s::uuid[]) AND state = 'open' AND next_attempt_at > now()
"""
BREAKERS_ARE_OVER = (
    "UPDATE webhooks_lane SET open_until = now() WHERE endpoint_id = ANY(%s::uuid[]) AND open_until > now()"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    lease_seconds: float


def run_isolation(stack: Stack, plan: Plan, *, folder: Path, say: Callable[[str], object]) -> Outcome:
    outcome = Outcome(title="Isolation")
    with (
        Receiver(folder / "isolation.record") as receiver,
        Publisher(folder / "isolation.book", stack.environ) as publisher,
    ):
        targets = publisher.make_targets(receiver, merchants=MERCHANTS, wants=[["*"]] * EACH)
        manners = {target.path: manner for n, target in enumerate(targets) if (manner := _manner(n)) != OK}
        sick = [target for target in targets if target.path in manners]
        healthy = [target for target in targets if target.path not in manners]
        receiver.tell(manners=manners)
        say(f"{len(targets)} endpoints, {len(sick)} of them sick")
        publisher.ask("publish", merchants=sorted({target.merchant for target in targets}), count=EVENTS)
        _serve_the_healthy(outcome, stack, healthy)
        _count_the_sick(outcome, stack, sick)
        receiver.tell(manners=dict.fromkeys(manners, OK))
        say("All are well again")
        if not wait_until(lambda: _is_healed(stack, sick), seconds=HEALED_SECONDS, every=1.0):
            outcome.faults.append(f"something is still open after {HEALED_SECONDS:.0f} s")
        wait_until_numbered(stack, seconds=HEALED_SECONDS)
        verdict = judge(
            gather(stack, targets=targets, publishers=[publisher], receiver=receiver), lease_seconds=plan.lease_seconds
        )
    outcome.faults += verdict.faults
    outcome.add("deliveries owed", f"{verdict.owed:,}")
    outcome.add("lost", len(verdict.lost))
    return outcome


def _manner(n: int) -> str:
    """A fifth hangs, a tenth answers 500."""
    if n % 5 == 0:
        return HANG
    return "500" if n % 10 == 1 else OK


def _serve_the_healthy(outcome: Outcome, stack: Stack, healthy: Sequence[Target]) -> None:
    began = time.monotonic()
    if not wait_until_sent(stack, healthy, seconds=HEALTHY_SECONDS):
        outcome.faults.append(f"{open_deliveries(stack, healthy)} are still open at healthy endpoints")
    outcome.add("healthy endpoints", f"{len(healthy)}, all sent {time.monotonic() - began:.1f} s after the last commit")


def _count_the_sick(outcome: Outcome, stack: Stack, sick: Sequence[Target]) -> None:
    keys = [target.id for target in sick]

    def look() -> tuple[int, int, int, int]:
        ((closed, counted, tried, on_record),) = stack.rows(COUNTED, keys, keys)
        return int(closed), int(counted), int(tried), int(on_record)

    wait_until(lambda: look()[2] == len(sick), seconds=TRIED_SECONDS, every=0.5)
    closed, counted, tried, on_record = look()
    outcome.add("sick endpoints", f"{len(sick)}, tried {tried}; {counted} tries counted, {on_record} on record")
    if closed or counted != on_record or tried != len(sick):
        outcome.faults.append(
            f"sick endpoints: {closed} not open, {counted} counted, {on_record} on record, {tried} tried"
        )


def _is_healed(stack: Stack, sick: Sequence[Target]) -> bool:
    keys = [target.id for target in sick]
    stack.rows(DUE_NOW, keys)
    stack.rows(BREAKERS_ARE_OVER, keys)
    return open_deliveries(stack, sick) == 0
