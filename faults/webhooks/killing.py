"""Under full load a drain dies every second, workers die, Valkey forgets everything and PostgreSQL crashes."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from faults.webhooks.facts import gather
from faults.webhooks.judge import Verdict, judge
from faults.webhooks.processes import Publisher, Receiver, Target
from faults.webhooks.report import Outcome, share
from faults.webhooks.stack import KILL, KILL_WORKER, RESTART, Stack
from faults.webhooks.waiting import wait_until_numbered, wait_until_sent
from onpoint_pay.local.tail import Tail
from webhooks.pace import LARGEST_WINDOW

MERCHANTS = 5
WANTS = [*([["*"]] * 5), *([["payment.*"]] * 3), ["payment.completed"], ["refund.*", "c2b.received"]]
BLOW_EVERY = 1.0
WORKER_EVERY = 11
MOST_OPEN = 2000
SENT_SECONDS, NUMBERED_SECONDS = 300.0, 30.0
# What the workers say of it, and what it means.
WORDS = {
    "lane_lost": "lanes whose lease ended before its owner was done",
    "webhook_set_aside": "deliveries set aside after three lost leases",
    "webhooks_database_away": "times a drain waited for the database",
    "webhooks_not_settled": "groups that could not be written at once",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    seconds: int
    seed: int
    lease_seconds: float


def run_killing(stack: Stack, plan: Plan, *, folder: Path, say: Callable[[str], object]) -> Outcome:
    outcome = Outcome(title=f"Killing, {plan.seconds} s")
    tail = Tail(stack.logs / "webhook-worker.log")
    with (
        Receiver(folder / "killing.record") as receiver,
        Publisher(folder / "killing.book", stack.environ) as publisher,
    ):
        targets = publisher.make_targets(receiver, merchants=MERCHANTS, wants=WANTS)
        merchants = sorted({target.merchant for target in targets})
        say(f"Killing for {plan.seconds} s, {len(targets)} endpoints of {len(merchants)} merchants")
        publisher.begin("load", merchants=merchants, seconds=plan.seconds, most_open=MOST_OPEN)
        missed, ended = _do_harm(stack, plan, say)
        publisher.end()
        began = time.monotonic()
        if not wait_until_sent(stack, targets, seconds=SENT_SECONDS):
            outcome.faults.append(f"something is still open after {SENT_SECONDS:.0f} s")
        if not wait_until_numbered(stack, seconds=NUMBERED_SECONDS):
            outcome.faults.append("events have no number")
        outcome.add("sent after the load", f"{time.monotonic() - began:.1f} s")
        facts = gather(stack, targets=targets, publishers=[publisher], receiver=receiver)
    verdict = judge(facts, lease_seconds=plan.lease_seconds)
    outcome.faults += verdict.faults
    _tell(outcome, verdict, stack, targets)
    outcome.add("unknown commits", sum(change.word == "unknown" for change in facts.book))
    outcome.add("blows that found no drain", missed)
    outcome.add("ended without being killed", ", ".join(ended) or "none")
    lines = tail.new_lines()
    for word, meaning in WORDS.items():
        outcome.add(meaning, sum(word in line for line in lines))
    return outcome


def _do_harm(stack: Stack, plan: Plan, say: Callable[[str], object]) -> tuple[int, list[str]]:
    """A blow a second; gives the seconds in which no drain was known, and who ended by himself."""
    chance, began, missed, ended = random.Random(plan.seed), time.monotonic(), 0, []
    rare = [(0.25, _flush), (0.5, _crash), (0.75, _empty)]
    for blow in count(1):
        time.sleep(BLOW_EVERY)
        elapsed = time.monotonic() - began
        if elapsed >= plan.seconds:
            break
        ended += stack.revive()
        if rare and elapsed >= rare[0][0] * plan.seconds:
            say(f"{elapsed:>5.0f} s  {rare.pop(0)[1](stack)}")
        elif blow % WORKER_EVERY == 0:
            stack.kill_worker()
            say(f"{elapsed:>5.0f} s  webhook worker killed")
        else:
            missed += not stack.kill_a_drain(chance)
    return missed, ended + stack.revive()


def _flush(stack: Stack) -> str:
    stack.flush_valkey()
    return "Valkey flushed"


def _crash(stack: Stack) -> str:
    stack.restart_postgres()
    return f"PostgreSQL crashed and was back after {stack.incidents[-1].seconds:.1f} s"


def _empty(stack: Stack) -> str:
    stack.stop_valkey()
    stack.start_valkey_empty()
    return "Valkey killed, emptied and started again"


def _tell(outcome: Outcome, verdict: Verdict, stack: Stack, targets: list[Target]) -> None:
    kinds = [incident.kind for incident in stack.incidents]
    windows = LARGEST_WINDOW * len(targets)
    most = max(verdict.by_blow.values(), default=0)
    if most > windows:
        outcome.faults.append(f"{most} repeated for one kill, more than the sum of windows {windows}")
    outcome.add("events committed", f"{verdict.events:,}")
    outcome.add("deliveries owed", f"{verdict.owed:,}")
    outcome.add("requests received", f"{verdict.requests:,}")
    outcome.add("lost", len(verdict.lost))
    outcome.add("killed", f"{kinds.count(KILL)} drains, {kinds.count(KILL_WORKER)} workers")
    outcome.add("database crashes", kinds.count(RESTART))
    outcome.add("came twice", share(verdict.repeated, verdict.owed))
    for reason, times in verdict.reasons.most_common():
        outcome.add("    because", f"{times:,} {reason}")
    outcome.add("at most for one kill", f"{most} (sum of windows {windows})")
    outcome.add("states", ", ".join(f"{rows:,} {state}" for state, rows in verdict.states.items()))
