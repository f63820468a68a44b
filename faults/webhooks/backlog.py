"""A receiver comes back after two hours: all it missed arrives, it is not overrun, and nobody else notices."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from faults.webhooks.facts import Facts, gather
from faults.webhooks.judge import judge
from faults.webhooks.processes import Publisher, Receiver, Target
from faults.webhooks.receiver import DOWN, OK
from faults.webhooks.records import COMMITTED
from faults.webhooks.report import Outcome, milliseconds
from faults.webhooks.stack import Stack
from faults.webhooks.waiting import wait_until_numbered, wait_until_sent
from webhooks.pace import LARGEST_WINDOW

OTHERS, OTHERS_WANT = 3, [["*"], ["payment.*"]]
# Changes in a second by all merchants that go on selling, and how long that is watched without a backlog.
RATE, WATCH_SECONDS = 20.0, 10.0
ANSWER_SECONDS = 0.02
AT_ONCE = 200
SENT_SECONDS, NUMBERED_SECONDS = 900.0, 60.0
OUTAGE = """
WITH moved AS (
  UPDATE webhooks_delivery SET created_at = created_at - interval '2 hours',
    next_attempt_at = next_attempt_at - interval '2 hours', expires_at = expires_at - interval '2 hours'
  WHERE endpoint_id = %s AND state = 'open' RETURNING event_id)
UPDATE webhooks_event SET created_at = created_at - interval '2 hours' WHERE id IN (SELECT event_id FROM moved)
"""
BREAKER_IS_OVER = "UPDATE webhooks_lane SET open_until = now() WHERE endpoint_id = %s AND open_until > now()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    deliveries: int
    lease_seconds: float


def run_backlog(stack: Stack, plan: Plan, *, folder: Path, say: Callable[[str], object]) -> Outcome:
    outcome = Outcome(title=f"Backlog of {plan.deliveries:,}")
    with (
        Receiver(folder / "backlog.record") as receiver,
        Publisher(folder / "backlog.book", stack.environ) as publisher,
        Publisher(folder / "live.book", stack.environ) as live,
    ):
        (down,) = publisher.make_targets(receiver, merchants=1, wants=[["*"]])
        others = live.make_targets(receiver, merchants=OTHERS, wants=OTHERS_WANT)
        targets, sellers = [down, *others], sorted({target.merchant for target in others})
        receiver.tell(manners={down.path: DOWN}, after_seconds=ANSWER_SECONDS)
        live.ask("load", merchants=sellers, seconds=WATCH_SECONDS, rate=RATE)
        say(f"Making {plan.deliveries:,} events for a receiver that is down")
        publisher.ask("publish", merchants=[down.merchant], count=plan.deliveries, at_once=AT_ONCE)
        stack.rows(OUTAGE, down.id)
        say("Two hours later it is back")
        began, is_sent = _come_back(stack, down, receiver=receiver, live=live, sellers=sellers)
        ended = time.time()
        if not (is_sent and wait_until_sent(stack, targets, seconds=SENT_SECONDS)):
            outcome.faults.append(f"something is still open after {SENT_SECONDS:.0f} s")
        wait_until_numbered(stack, seconds=NUMBERED_SECONDS)
        facts = gather(stack, targets=targets, publishers=[publisher, live], receiver=receiver)
        most = receiver.tell()["most_busy"][down.path]
    outcome.faults += judge(facts, lease_seconds=plan.lease_seconds).faults
    _tell(outcome, facts, down, most=most, began=began, ended=ended)
    return outcome


def _come_back(
    stack: Stack, down: Target, *, receiver: Receiver, live: Publisher, sellers: Sequence[str]
) -> tuple[float, bool]:
    """When it was back, and whether all it missed was sent; meanwhile everybody goes on selling, the merchant too."""
    live.begin("load", merchants=[*sellers, down.merchant], seconds=SENT_SECONDS, rate=RATE)
    began = time.time()
    receiver.tell(manners={down.path: OK})
    stack.rows(BREAKER_IS_OVER, down.id)
    is_sent = wait_until_sent(stack, [down], seconds=SENT_SECONDS)
    live.stop()
    return began, is_sent


def _tell(outcome: Outcome, facts: Facts, down: Target, *, most: int, began: float, ended: float) -> None:
    seconds = ended - began
    missed = sum(each.path == down.path for each in facts.deliveries)
    outcome.add("sent to it", f"{missed:,} in {seconds:.1f} s, {missed / seconds:,.0f} a second")
    outcome.add("at once at its server", f"{most} at most (the limit is {LARGEST_WINDOW})")
    if most > LARGEST_WINDOW:
        outcome.faults.append(f"{most} requests at once")
    paths = {target.path for target in facts.targets} - {down.path}
    before = latencies(facts, paths=paths, since=0.0, until=began)
    during = latencies(facts, paths=paths, since=began, until=ended)
    outcome.add("others, before", milliseconds(before))
    outcome.add("others, meanwhile", milliseconds(during))
    live = latencies(facts, paths={down.path}, since=began, until=ended)
    outcome.add("its own new ones", milliseconds(live))
    for name, found in (("others'", during), ("its own", live)):
        if found and found[len(found) * 99 // 100] > seconds / 4:
            outcome.faults.append(f"{name} new events waited for the backlog")


def latencies(facts: Facts, *, paths: set[str], since: float, until: float) -> list[float]:
    """Seconds from commit to first receipt of what was committed in this time, shortest first."""
    committed = {each.event: each.at for each in facts.book if each.word == COMMITTED and since <= each.at <= until}
    first: dict[tuple[str, str], float] = {}
    for receipt in facts.record.receipts:
        if receipt.path in paths and receipt.event in committed:
            first.setdefault((receipt.event, receipt.path), max(receipt.at - committed[receipt.event], 0.0))
    return sorted(first.values())
