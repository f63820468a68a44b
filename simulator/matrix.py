"""The fault matrix by id: what each line means, the kinds of fault that play it, and how one of them is picked."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulator.faults import KINDS, InvalidRegime, Wish

LOST_ANSWERS = (
    "push_reset",
    "push_hang",
    "push_500_after",
    "push_empty",
    "push_html",
    "push_cut_json",
    "push_wrong_types",
    "push_huge",
    "push_drip",
    "send_reset",
    "send_hang",
    "send_500_after",
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the matrix. A kind is a variant of it; a line without kinds is not the simulator's to play."""

    where: str
    meaning: str
    kinds: tuple[str, ...] = ()


LINES: dict[str, Line] = {
    "F01": Line("STK push", "refused, nothing is booked", ("push_400", "push_busy", "push_spike", "send_refused")),
    "F02": Line("STK push", "connection refused before sending; played by the caller: the simulator is away"),
    "F03": Line("STK push", "booked, and the answer is lost or unreadable", LOST_ANSWERS),
    "F04": Line("STK push", "booked, answered 500, and a repeat would open a second prompt", ("push_unlocked",)),
    "F05": Line("callback", "dropped", ("callback_lost", "result_lost", "confirm_lost")),
    "F06": Line(
        "callback",
        "told several times at once, over connections of their own",
        ("callback_doubled", "callback_flood", "result_doubled", "confirm_doubled"),
    ),
    "F07": Line("callback", "told before the request is answered", ("callback_early", "result_early")),
    "F08": Line(
        "callback",
        "failure told before, or after, the success",
        ("callback_reordered", "callback_contradictory", "result_reordered"),
    ),
    "F09": Line(
        "callback",
        "other amount, used receipt, foreign CheckoutRequestID (Daraja: a callback names no currency)",
        ("callback_amount", "callback_receipt", "callback_foreign"),
    ),
    "F10": Line(
        "callback",
        "besides the true one a well-formed claim under a wrong token, or none",
        ("forged_wrong_token", "forged_no_token"),
    ),
    "F11": Line("callback", "besides the true one a claim under another prompt's token", ("forged_other_token",)),
    "F12": Line(
        "callback",
        "besides the true one a malformed body under the right token",
        (
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
    ),
    "F13": Line(
        "callback and C2B confirmation",
        "told at both doors, in either order, or one is missing",
        ("doors_both", "doors_confirm_first", "doors_callback_lost", "doors_confirm_lost"),
    ),
    "F14": Line(
        "query",
        "contradicts, says pending, knows nothing, fails, is throttled, or the token is dead",
        (
            "query_contradicts",
            "query_pending",
            "query_unknown",
            "query_500",
            "query_spike",
            "query_token_expired",
            "pull_500",
            "pull_spike",
            "status_500",
            "status_lost",
        ),
    ),
    "F15": Line("query", "fails until the control API heals it", ("query_outage",)),
    "F16": Line(
        "OAuth",
        "token dead at birth, revoked, refused or slow",
        ("token_expired", "token_invalid", "token_500", "token_slow"),
    ),
    "F17": Line(
        "C2B",
        "validation late, overruled or skipped; account or shortcode unknown; told twice; cents",
        (
            "validation_late",
            "validation_overruled",
            "validation_skipped",
            "payer_unknown_account",
            "confirm_shortcode",
            "confirm_doubled",
            "payer_cents",
        ),
    ),
    "F18": Line(
        "B2C",
        "answer lost, time-out notice, result never or hours late, duplicate id, float too small",
        (
            "send_reset",
            "timeout_then_success",
            "timeout_then_failure",
            "result_lost",
            "result_6h",
            "send_duplicate",
            "b2c_no_funds",
        ),
    ),
    "F19": Line(
        "reversal",
        "answer lost, given back already, refused after the hold, success after a failure",
        (
            "send_reset",
            "send_500_after",
            "send_hang",
            "result_lost",
            "reversal_already",
            "reversal_no_funds",
            "result_reordered",
        ),
    ),
}


def kinds_of(name: str) -> tuple[str, ...]:
    """The kinds behind a line (`F05`) or a variant (`F03.push_html`). Raises ValueError for one not in the table."""
    line_id, dot, kind = name.partition(".")
    line = LINES.get(line_id.upper())
    if line is None or (dot and kind not in line.kinds):
        raise ValueError(name)
    return (kind,) if dot else line.kinds


def read_name(text: str) -> str:
    """A name of the table as it stands in a header, or ValueError."""
    kinds_of(text)
    return text


def make_wish(name: str | None, *, seed: int | None, calls: tuple[str, ...]) -> Wish:
    """What a header's `fault` comes to for a request that plays faults at these calls (keys of KINDS).

    Of several variants that can be played the seed picks one, the first without a seed. Without any only the seed is
    left.
    """
    places = {kind: call for call in reversed(calls) for kind in KINDS[call]}
    playable = [kind for kind in (kinds_of(name) if name else ()) if kind in places]
    if not playable:
        return Wish(seed=seed)
    dice = random.Random(f"{seed}:{','.join(playable)}")  # noqa: S311 - replayable, not secret
    kind = playable[0] if seed is None else dice.choice(playable)
    return Wish(seed=seed, call=places[kind], kind=kind)


def expand_regime(body: Mapping[str, Any]) -> dict[str, Any]:
    """The control API's regime with the lines of `matrix` written out beside its `kinds`. Raises InvalidRegime."""
    names, named = body.get("matrix"), body.get("kinds")
    if names is None or not isinstance(named, (list, type(None))):
        return dict(body)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidRegime("matrix must be a list of ids")
    return {**body, "kinds": [*(named or ()), *(kind for name in names for kind in _drawable(name))]}


def _drawable(name: str) -> tuple[str, ...]:
    try:
        kinds = kinds_of(name)
    except ValueError:
        raise InvalidRegime(f"unknown in the matrix: {name}") from None
    if not kinds:
        raise InvalidRegime(f"{name} cannot be drawn: {LINES[name.upper()].meaning}")
    return kinds


def describe_matrix() -> list[dict[str, Any]]:
    """Every line with its variants, and the calls each is played at."""
    return [
        {
            "id": line_id,
            "where": line.where,
            "meaning": line.meaning,
            "variants": [{"name": f"{line_id}.{kind}", "calls": _calls_of(kind)} for kind in line.kinds],
        }
        for line_id, line in LINES.items()
    ]


def _calls_of(kind: str) -> list[str]:
    return [call for call, kinds in KINDS.items() if kind in kinds]
