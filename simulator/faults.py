"""Seeded faults: which calls and callbacks go wrong, drawn so that the same seed replays the same run."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

KINDS: dict[str, tuple[str, ...]] = {
    "token": ("token_500", "token_slow", "token_expired"),
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
        "push_400",
        "push_hang",
        "push_unlocked",
        "token_invalid",
    ),
    "query": (
        "query_500",
        "query_pending",
        "query_spike",
        "query_contradicts",
        "query_unknown",
        "query_token_expired",
        "token_invalid",
    ),
    "outage": ("query_outage",),
    "pull": ("pull_500", "pull_spike", "token_invalid"),
    "send": ("send_refused", "send_reset", "send_500_after", "send_hang", "send_duplicate", "token_invalid"),
    "b2c": ("b2c_no_funds",),
    "reversal": ("reversal_already", "reversal_no_funds"),
    "result": (
        "result_late",
        "result_lost",
        "result_doubled",
        "result_early",
        "timeout_then_success",
        "timeout_then_failure",
        "result_reordered",
        "result_6h",
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
        "callback_receipt",
        "callback_foreign",
        "callback_flood",
    ),
    "forgery": (
        "forged_wrong_token",
        "forged_no_token",
        "forged_other_token",
        "forged_cut",
        "forged_deep",
        "forged_large",
        "forged_nul",
        "forged_bad_utf8",
        "forged_double_keys",
        "forged_huge_number",
        "forged_endless_number",
        "forged_nan",
    ),
    "doors": ("doors_both", "doors_confirm_first", "doors_callback_lost", "doors_confirm_lost"),
    "payer": ("payer_unknown_account", "payer_cents"),
    "validation": ("validation_skipped", "validation_overruled", "validation_late"),
    "confirm": ("confirm_lost", "confirm_doubled", "confirm_late", "confirm_shortcode"),
}
OPT_IN = frozenset(
    {
        "query_contradicts",
        "query_unknown",
        "callback_amount",
        "callback_receipt",
        "callback_foreign",
        "confirm_shortcode",
    }
)
"""Lies about money: never drawn unless a regime names them."""

HEAVY = frozenset({"push_huge", "push_drip", "push_hang", "callback_flood"})
"""Faults that cost a caller megabytes or minutes: never drawn unless a regime names them."""

SPECIAL_CALLS = ("outage", "b2c", "reversal", "forgery", "doors", "payer")
SPECIAL = frozenset(kind for call in SPECIAL_CALLS for kind in KINDS[call]) | {
    "token_slow",
    "token_expired",
    "push_400",
    "push_unlocked",
    "query_token_expired",
    "send_duplicate",
    "result_reordered",
    "result_6h",
    "validation_late",
}
"""Faults of single lines of the matrix (matrix.py): never drawn unless a regime names them, so that runs without
them keep what their seeds draw.
"""

PAID_ONLY = frozenset(
    {
        "callback_reordered",
        "callback_contradictory",
        "callback_amount",
        "callback_receipt",
        "doors_callback_lost",
        "query_contradicts",
        "timeout_then_success",
        "result_reordered",
    }
)
"""Faults that need a paid prompt or transfer: on any other they would tell of money that never moved."""

ALL_KINDS = frozenset(kind for kinds in KINDS.values() for kind in kinds)
DEFAULT_KINDS = ALL_KINDS - OPT_IN - HEAVY - SPECIAL

DEFAULT_SLOW_SECONDS = 1.5
DEFAULT_LATE_SECONDS = 30.0


class InvalidRegime(ValueError):
    """A fault regime that cannot be run; the text says why."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One drawn fault. `dice` continues the draw for its details (how many copies, which status)."""

    kind: str
    dice: random.Random = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a header asks of the faults: a seed in place of the regime's, and one fault for certain.

    `call` is the key of KINDS that the fault is played at, empty where no fault is asked for.
    """

    seed: int | None = None
    call: str = ""
    kind: str = ""

    def fault(self) -> Fault:
        """The fault asked for; without a seed its details are those of seed 0."""
        return Fault(self.kind, random.Random(f"{self.seed or 0}:{self.call}:{self.kind}"))  # noqa: S311 - replayable


NO_WISH = Wish()


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """A run of faults. `slow_seconds` is real time; `late_seconds` is divided by the simulator's speed."""

    seed: int
    rate: float
    kinds: frozenset[str] = DEFAULT_KINDS
    slow_seconds: float = DEFAULT_SLOW_SECONDS
    late_seconds: float = DEFAULT_LATE_SECONDS

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
            slow_seconds=_number(body, "slow_seconds", default=DEFAULT_SLOW_SECONDS, high=600),
            late_seconds=_number(body, "late_seconds", default=DEFAULT_LATE_SECONDS, high=86_400),
        )


def _number(body: Mapping[str, Any], name: str, *, default: float | None, high: float) -> float:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= high:
        raise InvalidRegime(f"{name} must be a number from 0 to {high:g}")
    return float(value)
