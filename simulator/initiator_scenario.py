"""The `OnPoint-Scenario` header of an initiator request: how it ends, how it is answered and how its result is told."""

from __future__ import annotations

from dataclasses import dataclass, replace

from simulator.faults import Wish
from simulator.initiator_book import B2C, REVERSAL
from simulator.initiator_results import QUIRKS
from simulator.matrix import make_wish
from simulator.scenarios import MAX_COPIES, WISH_READERS, Readers, read_code, read_count, read_header, read_seconds

NOTICE_GAP_SECONDS = 1.0
"""Between a time-out notice and its result, so that the notice is usually the first to arrive."""

_CALLS = {B2C: ("send", "result", "b2c"), REVERSAL: ("send", "result", "reversal")}
_HANDOVERS = {"reset": "send_reset", "500": "send_500_after", "timeout": "send_hang", "refused": "send_refused"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultPlan:
    """How one result is told. Waits are simulated seconds; `early` tells it before the request is answered.

    `notice_seconds` is the wait for a time-out notice, None = there is none. `first` is a failure code told before
    the true result.
    """

    delay_seconds: float
    copies: int = 1
    early: bool = False
    notice_seconds: float | None = None
    first: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferScenario:
    """What the header asks for; None and the defaults leave the ordinary behaviour in place."""

    b2c_code: str | None = None
    reversal_code: str | None = None
    handover: str | None = None
    result_delay: float | None = None
    result_copies: int | None = None
    result_lost: bool = False
    notice: bool = False
    quirks: frozenset[str] = frozenset()
    fault: str | None = None
    seed: int | None = None

    def wish_for(self, kind: str) -> Wish:
        """What `fault` and `seed` come to for a request of this kind."""
        return make_wish(self.fault, seed=self.seed, calls=_CALLS.get(kind, ("status",)))

    def code_for(self, kind: str) -> str | None:
        return {B2C: self.b2c_code, REVERSAL: self.reversal_code}.get(kind)

    @property
    def shapes_results(self) -> bool:
        return self.result_lost or self.notice or self.result_delay is not None or self.result_copies is not None

    def adjust(self, plan: ResultPlan) -> ResultPlan:
        """The plan with what the header says laid over it. After a notice, `result.delay` counts from the notice."""
        if self.notice:
            gap = NOTICE_GAP_SECONDS if self.result_delay is None else self.result_delay
            plan = replace(plan, notice_seconds=plan.delay_seconds, delay_seconds=plan.delay_seconds + gap)
        elif self.result_delay is not None:
            plan = replace(plan, delay_seconds=self.result_delay)
        if self.result_copies is not None:
            plan = replace(plan, copies=self.result_copies)
        return replace(plan, copies=0) if self.result_lost else plan


NO_TRANSFER_SCENARIO = TransferScenario()


def _read_quirks(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",")) & QUIRKS.keys()


_READERS: Readers = {
    **WISH_READERS,
    "b2c": ("b2c_code", read_code),
    "reversal": ("reversal_code", read_code),
    "send": ("handover", _HANDOVERS.__getitem__),
    "result.delay": ("result_delay", read_seconds),
    "result.copies": ("result_copies", read_count(MAX_COPIES)),
    "result.lost": ("result_lost", lambda text: text == "1"),
    "timeout": ("notice", lambda text: text == "notice"),
    "quirks": ("quirks", _read_quirks),
}


def parse_transfer_scenario(header: str | None) -> TransferScenario:
    """Reads `b2c=1; result.delay=30; ...`. Unknown keys and values that make no sense are ignored."""
    return TransferScenario(**read_header(header, _READERS)) if header else NO_TRANSFER_SCENARIO
