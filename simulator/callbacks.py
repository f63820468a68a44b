"""What callbacks say and when: the bodies, and the list of messages a prompt's plan comes to."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from simulator.book import Prompt
from simulator.callback_shapes import STRINGS, reshape
from simulator.faults import Fault
from simulator.identifiers import eat_digits
from simulator.outcomes import CANCELLED, NO_ANSWER, PAID, CallbackPlan, result_text

GAP_SECONDS = 1.0
"""Between contradicting messages, so that the first one is usually the first to arrive."""

MOST_COPIES = 500

_AMOUNT = "@amount"
"""Stands in for the amount until the JSON is text: no JSON writer keeps the two decimals of `1500.00`."""


@dataclass(frozen=True, slots=True)
class Message:
    """One callback to send `after_seconds` (simulated) from the decision. An empty `url` is the prompt's own."""

    after_seconds: float
    result_code: str
    body: str | bytes
    url: str = ""


def spoil(plan: CallbackPlan, fault: Fault, *, late_seconds: float) -> CallbackPlan:
    """The plan after a callback fault: told late, never, often, early, wrongly, or in the wrong order."""
    match fault.kind:
        case "callback_late":
            return replace(plan, delay_seconds=plan.delay_seconds + late_seconds)
        case "callback_lost":
            return replace(plan, copies=0)
        case "callback_doubled":
            return replace(plan, copies=fault.dice.randint(2, 5))
        case "callback_reordered":
            return replace(plan, first=fault.dice.choice((CANCELLED, NO_ANSWER)))
        case "callback_contradictory":
            return replace(plan, last=fault.dice.choice((CANCELLED, NO_ANSWER)))
        case "callback_early":
            return replace(plan, early=True)
        case "callback_amount":
            return replace(plan, amount_off=fault.dice.choice((1, 100)))
        case "callback_receipt" | "callback_foreign":
            return replace(plan, lie=fault.kind)
        case "callback_flood":
            return replace(plan, copies=fault.dice.randint(2, MOST_COPIES))
    return plan


def open_doors(plan: CallbackPlan, fault: Fault) -> CallbackPlan:
    """The plan with the C2B confirmation beside the callback: after it, before it, or one of them without the other."""
    match fault.kind:
        case "doors_both":
            return replace(plan, confirm_copies=1, confirm_first=False)
        case "doors_confirm_first":
            return replace(plan, confirm_copies=1, confirm_first=True)
        case "doors_callback_lost":
            return replace(plan, confirm_copies=1, copies=0)
        case "doors_confirm_lost":
            return replace(plan, confirm_copies=0)
    return plan


def success_body(prompt: Prompt, *, amount: int, shape: str | None = None) -> str:
    """Daraja: two decimals on Amount, a Balance without a Value, date and phone as numbers. `amount` is in KES."""
    told_amount = f"{amount}.00"
    items = [
        {"Name": "Amount", "Value": told_amount if shape == STRINGS else _AMOUNT},
        {"Name": "MpesaReceiptNumber", "Value": prompt.receipt},
        {"Name": "Balance"},
        {"Name": "TransactionDate", "Value": int(eat_digits(prompt.decided_at or 0))},
        {"Name": "PhoneNumber", "Value": int(prompt.phone)},
    ]
    news = {**_head(prompt, code=PAID, text=result_text(PAID)), "CallbackMetadata": {"Item": items}}
    return _envelope(reshape(news, shape)).replace(f'"{_AMOUNT}"', told_amount)


def failure_body(prompt: Prompt, *, code: str, text: str, shape: str | None = None) -> str:
    """Daraja: no CallbackMetadata on failure; codes are integers unless they hold letters."""
    return _envelope(reshape(_head(prompt, code=code, text=text), shape))


def messages(prompt: Prompt, plan: CallbackPlan) -> list[Message]:
    """Everything to be sent about a decided prompt. Contradictions and altered amounts only where money moved."""
    if prompt.result_code != PAID:
        text = prompt.result_text or ""
        body = failure_body(prompt, code=prompt.result_code or "", text=text, shape=plan.body)
        return [Message(plan.delay_seconds, prompt.result_code or "", body)] * plan.copies
    news = success_body(prompt, amount=max(1, prompt.amount + plan.amount_off), shape=plan.body)
    start = plan.delay_seconds + (GAP_SECONDS if plan.confirm_first and plan.confirm_copies else 0.0)
    lead = GAP_SECONDS if plan.first else 0.0
    told = [Message(start + lead, PAID, news)] * plan.copies
    before = _contradiction(prompt, plan.first, after=start)
    after = _contradiction(prompt, plan.last, after=start + lead + GAP_SECONDS)
    return before + told + after


def _contradiction(prompt: Prompt, code: str | None, *, after: float) -> list[Message]:
    if code is None:
        return []
    return [Message(after, code, failure_body(prompt, code=code, text=result_text(code)))]


def _head(prompt: Prompt, *, code: str, text: str) -> dict[str, Any]:
    return {
        "MerchantRequestID": prompt.merchant_request_id,
        "CheckoutRequestID": prompt.checkout_request_id,
        "ResultCode": int(code) if code.isdecimal() else code,
        "ResultDesc": text,
    }


def _envelope(news: dict[str, Any]) -> str:
    return json.dumps({"Body": {"stkCallback": news}})
