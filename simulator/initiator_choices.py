"""What becomes of an initiator request, decided when it arrives: how it is answered, how it ends, how it is told."""

from __future__ import annotations

from dataclasses import dataclass, replace

from simulator.engine import Simulator
from simulator.faults import ALL_KINDS, PAID_ONLY, Fault
from simulator.handover import Handover
from simulator.initiator_book import BALANCE, STATUS
from simulator.initiator_scenario import ResultPlan, TransferScenario
from simulator.outcomes import PAID, SYSTEM_BLOCKED

SIX_HOURS_SECONDS = 6 * 3600.0

_ASKS = (STATUS, BALANCE)
"""Kinds that move no money. One draw decides both their answer and their result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One request to be decided: what draws its faults (`key`, and `n` such requests before), and its header.

    `has_own_id`: the caller gave the OriginatorConversationID.
    """

    kind: str
    key: str
    n: int
    has_own_id: bool
    scenario: TransferScenario

    def draw(self, simulator: Simulator, call: str, *, allowed: frozenset[str] = ALL_KINDS) -> Fault | None:
        wish = self.scenario.wish_for(self.kind)
        return simulator.draw_fault(call, key=self.key, n=self.n, wish=wish, allowed=allowed)


def choose_handover(simulator: Simulator, case: Case) -> Handover:
    """The header wins, then the fault regime."""
    if case.scenario.handover is not None:
        return Handover(case.scenario.handover)
    allowed = ALL_KINDS if case.has_own_id else ALL_KINDS - {"send_duplicate"}
    fault = case.draw(simulator, "status" if case.kind in _ASKS else "send", allowed=allowed)
    return Handover() if fault is None else Handover(fault.kind, fault.dice)


def draw_outcome(simulator: Simulator, case: Case) -> str:
    """The kind of fault that decides how a transfer ends, empty for none. An outcome the header sets keeps it away."""
    if case.kind in _ASKS or case.scenario.code_for(case.kind) is not None:
        return ""
    fault = case.draw(simulator, case.kind)
    return fault.kind if fault else ""


def choose_telling(simulator: Simulator, case: Case, *, code: str, handover: Handover) -> tuple[ResultPlan, str]:
    """How the result is told, and the code it ends with: the one foreseen unless a drawn fault makes it fail.

    A header that shapes the result keeps faults away from it.
    """
    plan = ResultPlan(delay_seconds=simulator.switches.result_seconds)
    if case.scenario.shapes_results:
        return case.scenario.adjust(plan), code
    if case.kind in _ASKS:
        return (replace(plan, copies=0) if handover.kind == "status_lost" else plan), code
    fault = case.draw(simulator, "result", allowed=_allowed(case, code))
    if fault is None:
        return plan, code
    ends_badly = fault.kind == "timeout_then_failure" and code == PAID
    return _spoil(simulator, plan, fault), SYSTEM_BLOCKED if ends_badly else code


def _allowed(case: Case, code: str) -> frozenset[str]:
    """A success can only be told of one; an outcome the header set is not made to fail."""
    allowed = ALL_KINDS if code == PAID else ALL_KINDS - PAID_ONLY
    return allowed if case.scenario.code_for(case.kind) is None else allowed - {"timeout_then_failure"}


def _spoil(simulator: Simulator, plan: ResultPlan, fault: Fault) -> ResultPlan:
    """The plan after a result fault: told late, never, often, early, after a failure, or after a time-out notice."""
    late = plan.delay_seconds + simulator.late_seconds
    match fault.kind:
        case "result_late":
            return replace(plan, delay_seconds=late)
        case "result_lost":
            return replace(plan, copies=0)
        case "result_doubled":
            return replace(plan, copies=fault.dice.randint(2, 5))
        case "result_early":
            return replace(plan, delay_seconds=0.0, early=True)
        case "result_6h":
            return replace(plan, delay_seconds=plan.delay_seconds + SIX_HOURS_SECONDS)
        case "result_reordered":
            return replace(plan, first=SYSTEM_BLOCKED)
        case "timeout_then_success" | "timeout_then_failure":
            return replace(plan, notice_seconds=plan.delay_seconds, delay_seconds=late)
    return plan
