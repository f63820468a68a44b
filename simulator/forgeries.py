"""Callbacks the operator never sends: with facts of another prompt, at doors that are not theirs, or unreadable."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit, urlunsplit

from simulator.book import Prompt
from simulator.callbacks import GAP_SECONDS, Message, failure_body, messages, success_body
from simulator.identifiers import receipt_prefix
from simulator.outcomes import CANCELLED, PAID, CallbackPlan, result_text

CLAIM = "forged"
UNREADABLE = "unreadable"
"""Stand in a forged message's line where a callback has its result code."""

LARGEST_BODY = 64 * 1024
_DEPTH = 10_000
_RESULT_CODE = re.compile(r'(?<="ResultCode": )("[^"]*"|[0-9]+)')
_DESCRIPTION = '"ResultDesc": "'


def all_messages(prompt: Prompt, plan: CallbackPlan, *, stranger: Prompt | None) -> list[Message]:
    """Everything to be sent about a decided prompt, a forged message a second before the others.

    `stranger` is the other prompt whose receipt, ids or address a forger has; without one there is nothing to borrow.
    """
    told = messages(_disguised(prompt, plan.lie, stranger=stranger), plan)
    forged = _forge(prompt, plan, stranger=stranger)
    if forged is None:
        return told
    return [forged, *(replace(each, after_seconds=each.after_seconds + GAP_SECONDS) for each in told)]


def _disguised(prompt: Prompt, lie: str | None, *, stranger: Prompt | None) -> Prompt:
    """The prompt with the stranger's receipt, or under the stranger's ids."""
    if stranger is None:
        return prompt
    match lie:
        case "callback_receipt":
            return replace(prompt, receipt=stranger.receipt or prompt.receipt)
        case "callback_foreign":
            return replace(
                prompt,
                checkout_request_id=stranger.checkout_request_id,
                merchant_request_id=stranger.merchant_request_id,
            )
    return prompt


def _forge(prompt: Prompt, plan: CallbackPlan, *, stranger: Prompt | None) -> Message | None:
    """The message that goes out besides the true ones, if the plan has one and there is an address for it."""
    if plan.forged is None:
        return None
    if plan.forged in _SPOILERS:
        return Message(plan.delay_seconds, UNREADABLE, _SPOILERS[plan.forged](_true_body(prompt)))
    url = _door(plan.forged, prompt.callback_url, stranger=stranger)
    return None if url in ("", prompt.callback_url) else Message(plan.delay_seconds, CLAIM, _claim(prompt), url=url)


def _true_body(prompt: Prompt) -> str:
    if prompt.result_code == PAID:
        return success_body(prompt, amount=prompt.amount)
    return failure_body(prompt, code=prompt.result_code or "", text=prompt.result_text or "")


def _claim(prompt: Prompt) -> str:
    """A well-formed success of this prompt, whether it was paid or not."""
    receipt = prompt.receipt or f"{receipt_prefix(prompt.decided_at or 0)}FORGED0"
    return success_body(replace(prompt, receipt=receipt), amount=prompt.amount)


def _door(forged: str, url: str, *, stranger: Prompt | None) -> str:
    """Where the claim goes; the longest part of the path is taken for the token. Empty where there is none."""
    if forged == "forged_other_token":
        return stranger.callback_url if stranger else ""
    parts = urlsplit(url)
    steps = parts.path.split("/")
    place = steps.index(max(steps, key=len))
    steps[place : place + 1] = ["0" * len(steps[place])] if forged == "forged_wrong_token" else []
    return urlunsplit(parts._replace(path="/".join(steps)))


def _with_code(code: str) -> Callable[[str], str]:
    return lambda body: _RESULT_CODE.sub(code, body, count=1)


def _with_bad_utf8(body: str) -> bytes:
    return body.encode().replace(_DESCRIPTION.encode(), _DESCRIPTION.encode() + b"\xff\xfe", 1)


def _with_double_keys(body: str) -> str:
    """Two `Body` keys: a cancellation first, then the truth."""
    found = json.loads(body)["Body"]["stkCallback"]
    other = {**found, "ResultCode": int(CANCELLED), "ResultDesc": result_text(CANCELLED)}
    other.pop("CallbackMetadata", None)
    return f'{{"Body": {json.dumps({"stkCallback": other})}, {body[1:]}'


_SPOILERS: dict[str, Callable[[str], str | bytes]] = {
    "forged_cut": lambda body: body[: len(body) // 2],
    "forged_deep": lambda _body: "[" * _DEPTH + "]" * _DEPTH,
    "forged_large": lambda body: body.ljust(LARGEST_BODY + 1),
    "forged_nul": lambda body: body.replace(_DESCRIPTION, f"{_DESCRIPTION}\\u0000", 1),
    "forged_bad_utf8": _with_bad_utf8,
    "forged_double_keys": _with_double_keys,
    "forged_huge_number": _with_code("9" * 30),
    "forged_endless_number": _with_code("9" * 5_000),
    "forged_nan": _with_code("NaN"),
}
"""What becomes of the true body, by kind."""
