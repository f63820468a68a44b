"""The whole run on one stack: killing, a backlog, and endpoints that hang or fail."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from faults.webhooks.backlog import Plan as BacklogPlan
from faults.webhooks.backlog import run_backlog
from faults.webhooks.isolation import Plan as IsolationPlan
from faults.webhooks.isolation import run_isolation
from faults.webhooks.killing import Plan as KillingPlan
from faults.webhooks.killing import run_killing
from faults.webhooks.report import show
from faults.webhooks.stack import Stack

# Shorter than in production, so that a minute sees many leases end.
LEASE_SECONDS = 5.0
PACE = {"WEBHOOK_LEASE_SECONDS": "5", "WEBHOOK_DEADLINE_SECONDS": "3", "SWEEP_SPEED": "10"}
PACE_IN_WORDS = "Leases of 5 s, tries of 3 s at most (production: 45 and 15); retries come ten times as fast"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`seconds` of killing, `backlog` deliveries on one endpoint, and the seed that chooses victims."""

    seconds: int
    backlog: int
    seed: int


def run_webhooks(plan: Plan, *, folder: Path, say: Callable[[str], object]) -> bool:
    """Whether nothing was lost. Records, books and logs are left in `folder`. Raises LocalError."""
    shutil.rmtree(folder / "logs", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    killing = KillingPlan(seconds=plan.seconds, seed=plan.seed, lease_seconds=LEASE_SECONDS)
    backlog = BacklogPlan(deliveries=plan.backlog, lease_seconds=LEASE_SECONDS)
    is_passed = True
    with Stack(folder / "logs", extra_env=PACE, say=say) as stack:
        stack.start_workers()
        say(PACE_IN_WORDS)
        for part in (
            lambda: run_killing(stack, killing, folder=folder, say=say),
            lambda: run_backlog(stack, backlog, folder=folder, say=say),
            lambda: run_isolation(stack, IsolationPlan(lease_seconds=LEASE_SECONDS), folder=folder, say=say),
        ):
            outcome = part()
            show(outcome, say)
            is_passed = is_passed and not outcome.faults
    return is_passed
