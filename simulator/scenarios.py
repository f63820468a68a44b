"""The `OnPoint-Scenario` header: how one push, its prompt and its callbacks are to behave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from simulator.callback_shapes import SHAPES
from simulator.faults import Wish
from simulator.matrix import make_wish, read_name
from simulator.outcomes import CallbackPlan, is_result_code

HEADER = "OnPoint-Scenario"

PUSH_CALLS = ("push", "callback", "forgery", "doors", "query", "outage")
C2B_CALLS = ("payer", "validation", "confirm")
"""Where `fault` can be played by a request: keys of faults.KINDS, the first that knows a kind plays it."""

MAX_COPIES = 500
MAX_DELAY_SECONDS = 86_400.0
MAX_QUERY_FAILURES = 1_000

_HANDOVERS = {
    "500": "push_error",
    "busy": "push_busy",
    "timeout": "push_hang",
    "reset": "push_reset",
    "types": "push_wrong_types",
    "huge": "push_huge",
    "drip": "push_drip",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What the header asks for; None and the defaults leave the ordinary behaviour in place."""

    result_code: str | None = None
    handover: str | None = None
    by_hand: bool = False
    callback_delay: float | None = None
    callback_copies: int | None = None
    callback_lost: bool = False
    callback_body: str | None = None
    confirm: bool | None = None
    confirm_first: bool = False
    confirm_lost: bool = False
    query_failures: int = 0
    fault: str | None = None
    seed: int | None = None

    @property
    def wish(self) -> Wish:
        return make_wish(self.fault, seed=self.seed, calls=PUSH_CALLS)

    @property
    def shapes_callbacks(self) -> bool:
        asked = (self.callback_delay, self.callback_copies, self.callback_body)
        return self.callback_lost or any(each is not None for each in asked)

    @property
    def shapes_confirmation(self) -> bool:
        return self.confirm is not None or self.confirm_first or self.confirm_lost

    def adjust(self, plan: CallbackPlan) -> CallbackPlan:
        """The plan with what the header says about callbacks laid over it."""
        if self.callback_delay is not None:
            plan = replace(plan, delay_seconds=self.callback_delay)
        if self.callback_copies is not None:
            plan = replace(plan, copies=self.callback_copies)
        if self.callback_body is not None:
            plan = replace(plan, body=self.callback_body)
        return replace(plan, copies=0) if self.callback_lost else plan


NO_SCENARIO = Scenario()


def read_code(text: str) -> str:
    """A result code, or ValueError."""
    if not is_result_code(text):
        raise ValueError(text)
    return text


def read_count(most: int) -> Callable[[str], int]:
    """A reader of whole numbers, kept between 0 and `most`."""
    return lambda text: min(max(int(text), 0), most)


def read_seconds(text: str) -> float:
    """Simulated seconds up to a day, or ValueError."""
    seconds = float(text)
    if not 0 <= seconds <= MAX_DELAY_SECONDS:
        raise ValueError(text)
    return seconds


def _shape(text: str) -> str:
    if text not in SHAPES:
        raise ValueError(text)
    return text


Readers = Mapping[str, tuple[str, Callable[[str], Any]]]
"""What a header may hold: by key, the field it fills and how its text is read."""

WISH_READERS: Readers = {"fault": ("fault", read_name), "seed": ("seed", int)}

_READERS: Readers = {
    **WISH_READERS,
    "stk": ("result_code", read_code),
    "push": ("handover", _HANDOVERS.__getitem__),
    "pin": ("by_hand", lambda text: text == "hand"),
    "callback.delay": ("callback_delay", read_seconds),
    "callback.copies": ("callback_copies", read_count(MAX_COPIES)),
    "callback.lost": ("callback_lost", lambda text: text == "1"),
    "callback.body": ("callback_body", _shape),
    "confirm": ("confirm", lambda text: text == "1"),
    "confirm.first": ("confirm_first", lambda text: text == "1"),
    "confirm.lost": ("confirm_lost", lambda text: text == "1"),
    "query.fail": ("query_failures", read_count(MAX_QUERY_FAILURES)),
}


def parse_scenario(header: str | None) -> Scenario:
    """Reads `stk=1032; callback.delay=30; ...`. Unknown keys and values that make no sense are ignored."""
    return Scenario(**read_header(header, _READERS)) if header else NO_SCENARIO


def parse_wish(header: str | None, *, calls: tuple[str, ...]) -> Wish:
    """Reads `fault=F17; seed=7`, for requests whose header has nothing else to say."""
    found = read_header(header or "", WISH_READERS)
    return make_wish(found.get("fault"), seed=found.get("seed"), calls=calls)


def read_header(header: str, readers: Readers) -> dict[str, Any]:
    """The fields a header fills; what its readers do not know or cannot read is left out."""
    found: dict[str, Any] = {}
    for part in header.split(";"):
        key, _, text = part.partition("=")
        name, read = readers.get(key.strip().lower(), ("", str))
        try:
            value = read(text.strip())
        except (ValueError, KeyError):
            continue
        if name:
            found[name] = value
    return found
