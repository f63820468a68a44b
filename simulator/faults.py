"""Seeded faults: which calls and callbacks go wrong, drawn so that the same seed replays the same run."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

KINDS: dict[str, tuple[str, ...]] = {
    "token": ("token_500",),
    "push": (
        "push_refused",
        "push_busy",
        "push_spike",
        "push_reset",
        "push_500_after",
        "push_empty",
        "push_html",
        "push_cut_json",
        "push_slow",
        "push_wrong_types",
        "push_huge",
        "push_drip",
        "token_invalid",
    ),
    "query": ("query_500", "query_pending", "query_spike", "query_contradicts", "token_invalid"),
    "pull": ("pull_500", "pull_spike", "token_invalid"),
    "send": ("send_refused", "send_reset", "send_500_after", "send_hang", "token_invalid"),
    "result": (
        "result_late",
        "result_lost",
        "result_doubled",
        "result_early",
        "timeout_then_success",
        "timeout_then_failure",
    ),
    "status": ("status_500", "status_lost", "token_invalid"),
    "callback": (
        "callback_late",
        "callback_lost",
        "callback_doubled",
        "callback_reordered",
        "callback_contradictory",
        "callback_early",
        "callback_amount",
    ),
    "validation": ("validation_skipped", "validation_overruled"),
    "confirm": ("confirm_lost", "confirm_doubled", "confirm_late"),
}
OPT_IN = frozenset({"query_contradicts", "callback_amount"})
"""Lies about money: never drawn unless a regime names them."""

HEAVY = frozenset({"push_huge", "push_drip"})
"""Faults that cost a caller megabytes or minutes: never drawn unless a regime names them."""

PAID_ONLY = frozenset(
    {"callback_reordered", "callback_contradictory", "callback_amount", "query_contradicts", "timeout_then_success"}
)
"""Faults that need a paid prompt or transfer: on any other they would tell of money that never moved."""

ALL_KINDS = frozenset(kind for kinds in KINDS.values() for kind in kinds)
DEFAULT_KINDS = ALL_KINDS - OPT_IN - HEAVY


class InvalidRegime(ValueError):
    """A fault regime that cannot be run; the text says why."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One drawn fault. `dice` continues the draw for its details (how many copies, which status)."""

    kind: str
    dice: random.Random = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """A run of faults. `slow_seconds` is real time; `late_seconds` is divided by the simulator's speed."""

    seed: int
    rate: float
    kinds: frozenset[str] = DEFAULT_KINDS
    slow_seconds: float = 1.5
    late_seconds: float = 30.0

    def draw(
        self, call: str, *, key: str, n: int, seed: int | None = None, allowed: frozenset[str] = ALL_KINDS
    ) -> Fault | None:
        """The fault of the n-th `call` (a key of KINDS) under `key`, or None.

        A pure function of seed (the regime's unless given), call, key and n. A kind outside
        `allowed` is drawn all the same and then dropped, so that what is allowed never shifts the rest of the run.
        """
        dice = random.Random(f"{self.seed if seed is None else seed}:{call}:{key}:{n}")  # noqa: S311 - replayable, not secret
        if dice.random() >= self.rate:
            return None
        choices = [kind for kind in KINDS[call] if kind in self.kinds]
        kind = dice.choice(choices) if choices else ""
        return Fault(kind, dice) if kind in allowed else None

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "kinds": sorted(self.kinds)}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Regime:
        """A regime from the control API's JSON. Raises InvalidRegime."""
        kinds = body.get("kinds")
        if kinds is not None and (not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds)):
            raise InvalidRegime("kinds must be a list of names")
        named = DEFAULT_KINDS if kinds is None else frozenset(kinds)
        if named - ALL_KINDS:
            raise InvalidRegime(f"unknown kinds: {', '.join(sorted(named - ALL_KINDS))}")
        if not isinstance(body.get("seed"), int):
            raise InvalidRegime("seed must be a whole number")
        return cls(
            seed=body["seed"],
            rate=_number(body, "rate", default=None, high=1),
            kinds=named,
            slow_seconds=_number(body, "slow_seconds", default=1.5, high=600),
            late_seconds=_number(body, "late_seconds", default=30.0, high=86_400),
        )


def _number(body: Mapping[str, Any], name: str, *, default: float | None, high: float) -> float:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= high:
        raise InvalidRegime(f"{name} must be a number from 0 to {high:g}")
    return float(value)
