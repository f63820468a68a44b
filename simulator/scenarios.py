"""The `OnPoint-Scenario` header: how one push, its prompt and its callbacks are to behave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from simulator.outcomes import CallbackPlan, is_result_code

HEADER = "OnPoint-Scenario"

MAX_COPIES = 500
MAX_DELAY_SECONDS = 86_400.0
MAX_QUERY_FAILURES = 1_000

_HANDOVERS = {"500": "push_error", "busy": "push_busy", "timeout": "push_hang", "reset": "push_reset"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What the header asks for; None and the defaults leave the ordinary behaviour in place."""

    result_code: str | None = None
    handover: str | None = None
    by_hand: bool = False
    callback_delay: float | None = None
    callback_copies: int | None = None
    callback_lost: bool = False
    query_failures: int = 0
    seed: int | None = None

    @property
    def shapes_callbacks(self) -> bool:
        return self.callback_lost or self.callback_delay is not None or self.callback_copies is not None

    def adjust(self, plan: CallbackPlan) -> CallbackPlan:
        """The plan with what the header says about callbacks laid over it."""
        if self.callback_delay is not None:
            plan = replace(plan, delay_seconds=self.callback_delay)
        if self.callback_copies is not None:
            plan = replace(plan, copies=self.callback_copies)
        return replace(plan, copies=0) if self.callback_lost else plan


NO_SCENARIO = Scenario()


def _code(text: str) -> str:
    if not is_result_code(text):
        raise ValueError(text)
    return text


def _count(most: int) -> Callable[[str], int]:
    return lambda text: min(max(int(text), 0), most)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= MAX_DELAY_SECONDS:
        raise ValueError(text)
    return seconds


_READERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "stk": ("result_code", _code),
    "push": ("handover", _HANDOVERS.__getitem__),
    "pin": ("by_hand", lambda text: text == "hand"),
    "callback.delay": ("callback_delay", _seconds),
    "callback.copies": ("callback_copies", _count(MAX_COPIES)),
    "callback.lost": ("callback_lost", lambda text: text == "1"),
    "query.fail": ("query_failures", _count(MAX_QUERY_FAILURES)),
    "seed": ("seed", int),
}


def parse_scenario(header: str | None) -> Scenario:
    """Reads `stk=1032; callback.delay=30; ...`. Unknown keys and values that make no sense are ignored."""
    if not header:
        return NO_SCENARIO
    found: dict[str, Any] = {}
    for part in header.split(";"):
        key, _, text = part.partition("=")
        name, read = _READERS.get(key.strip().lower(), ("", str))
        try:
            value = read(text.strip())
        except (ValueError, KeyError):
            continue
        if name:
            found[name] = value
    return Scenario(**found)
