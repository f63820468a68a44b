"""Comparing what the gateway says with what the simulator's book says, payment by payment."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

UNPAID = ("failed", "cancelled", "expired")
OPEN = ("initiated", "pending")


@dataclass(slots=True)
class Verdict:
    """What a comparison found; `faults` is empty when every payment equals the book."""

    states: Counter[str] = field(default_factory=Counter)
    confirmed_by: Counter[str] = field(default_factory=Counter)
    late: int = 0
    booked: int = 0
    paid: int = 0
    faults: list[str] = field(default_factory=list)


def judge(payments: Iterable[Mapping[str, Any]], book: Mapping[str, list[dict[str, Any]]]) -> Verdict:
    """`book` holds the simulator's prompts by account reference, which each payment carries in its metadata."""
    verdict = Verdict()
    receipts: Counter[str] = Counter()
    for payment in payments:
        prompts = book.get(payment["metadata"]["account_reference"], [])
        verdict.states[payment["status"]] += 1
        verdict.confirmed_by[str(payment["confirmed_by"])] += 1
        verdict.late += payment["late"]
        verdict.booked += len(prompts)
        verdict.paid += sum(prompt["status"] == "paid" for prompt in prompts)
        receipts[payment["provider_receipt"] or ""] += 1
        for fault in _faults_of(payment, prompts):
            verdict.faults.append(f"{payment['reference']}: {fault}")
    verdict.faults += [f"receipt {receipt} on {n} payments" for receipt, n in receipts.items() if receipt and n > 1]
    return verdict


def times_to_truth(
    payments: Iterable[Mapping[str, Any]],
    book: Mapping[str, list[dict[str, Any]]],
    reached: Mapping[str, datetime],
) -> list[float]:
    """Seconds from the moment the payer decided to the moment the gateway had it right, shortest first.

    A payment that knew before the payer's decision was told counts as 0; one without a prompt has no truth to wait for.
    """
    found = []
    for payment in payments:
        prompts = book.get(payment["metadata"]["account_reference"], [])
        if len(prompts) == 1 and prompts[0]["decided_at"] and payment["id"] in reached:
            decided = datetime.fromisoformat(prompts[0]["decided_at"])
            found.append(max((reached[payment["id"]] - decided).total_seconds(), 0.0))
    return sorted(found)


def share_below(seconds: Sequence[float], share: float) -> float:
    """The value that `share` of them stay at or below; 0 when there are none."""
    return seconds[min(int(len(seconds) * share), len(seconds) - 1)] if seconds else 0.0


def _faults_of(payment: Mapping[str, Any], prompts: list[dict[str, Any]]) -> list[str]:
    if len(prompts) > 1:
        return [f"{len(prompts)} prompts for one payment"]
    if not prompts:
        return [] if payment["status"] in UNPAID else [f"{payment['status']} without a prompt in the book"]
    prompt = prompts[0]
    if prompt["status"] == "open":
        return [f"the book is still open: {prompt['checkout_request_id']}"]
    found = []
    if (prompt["status"] == "paid") != (payment["status"] == "completed"):
        found.append(f"{payment['status']} here, {prompt['status']} ({prompt['result_code']}) in the book")
    if payment["status"] in OPEN:
        found.append(f"not concluded: {payment['pending_reason']}")
    if payment["status"] == "completed" and payment["amount_received"] != f"{prompt['amount']}.00":
        found.append(f"received {payment['amount_received']}, the book says {prompt['amount']}")
    if payment["provider_receipt"] not in (None, prompt["receipt"]):
        found.append(f"receipt {payment['provider_receipt']}, the book says {prompt['receipt']}")
    return found
