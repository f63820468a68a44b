"""The story of one payment, from request to the delivery of the merchant's webhook, each line with its evidence."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Q

from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from payments.models import MoneyOp, Payment, Refund
from payments.selectors.moments import (
    Moment,
    claim_moments,
    event_moments,
    ledger_moments,
    moment,
    op_moments,
    state_moments,
)
from settlements.models import LedgerTransfer
from webhooks.events import event_key

OP_TITLES = {
    "sending": "Prompt handed to the provider",
    "accepted": "Provider accepted the prompt",
    "rejected": "Provider refused the prompt",
    "cancelled": "Nothing was sent",
    "unknown": "The provider's answer was lost; its word is awaited",
    "succeeded": "Provider confirmed the money",
    "failed": "Provider reported a failure",
    "expired": "Provider has no result",
}
# A try that the payer makes without a prompt.
BY_HAND_TITLES = OP_TITLES | {
    "sending": "The payer may pay by hand",
    "accepted": "The payer was told where to pay",
    "expired": "The provider's list has no such money",
}
REFUND_OP_TITLES = OP_TITLES | {
    "sending": "Refund handed to the provider",
    "accepted": "Provider accepted the refund",
    "rejected": "Provider refused the refund",
    "succeeded": "Provider confirmed that the payer has the money",
}
EVENTS = ("created", "prompt_resent", "pending", "completed", "failed", "cancelled", "expired", "reversed")
REFUND_EVENTS = ("requires_approval", "created", "completed", "failed", "cancelled")


def timeline_of(payment: Payment) -> list[dict[str, Any]]:
    """Every moment, oldest first: `at, kind, actor, title, detail, evidence`."""
    tries = MoneyOp.objects.filter(Q(payment_id=payment.id) | Q(surplus_payment_id=payment.id)).order_by("id")
    ops, captures = list(tries), LedgerTransfer.objects.filter(idem__in=transfer_names_of(payment))
    moments = [
        moment(payment.created_at, "payment.initiated", payment.created_by, "Payment asked for", payment.reference),
        *op_moments((op for op in ops if op.kind != "c2b"), OP_TITLES),
        *op_moments((op for op in ops if op.kind == "c2b"), BY_HAND_TITLES),
        *claim_moments(ops),
        *state_moments("payment", payment.id),
        *ledger_moments(captures, title="Money booked"),
        *event_moments(event_keys_of(payment)),
        *_called_off_moments(payment),
        *_surplus_moments(payment, ops),
        *_refund_moments(payment),
    ]
    return [shown for _, _, shown in sorted(moments, key=lambda found: found[:2])]


def event_keys_of(payment: Payment) -> list[str]:
    """Whatever was told of the payment has one of these; each attempt has its own."""
    attempts = range(1, payment.attempts + 1)
    return [event_key(f"payment.{name}", payment.id, nth=n) for name in EVENTS for n in attempts]


def event_keys_of_refund(refund: Refund) -> list[str]:
    return [f"refund.{name}:{refund.id}" for name in REFUND_EVENTS]


def transfer_names_of_refund(refund: Refund) -> list[str]:
    """How the ledger knows the postings of a refund."""
    return [f"ref:{refund.id}:{step}" for step in ("hold", "undo", "rehold", "done")]


def transfer_names_of(payment: Payment) -> list[str]:
    return [f"pay:{payment.id}:{step}" for step in ("capture", "unmatch")]


def _called_off_moments(payment: Payment) -> Iterator[Moment]:
    if payment.cancel_requested_at is None:
        return
    actor = payment.cancel_requested_by or "system"
    yield moment(payment.cancel_requested_at, "payment.cancel_requested", actor, "Called off by the merchant", rank=2)
    if payment.completed_at is not None:
        title = "Paid after it was called off; a refund is offered"
        yield moment(payment.completed_at, "exception.paid_after_close", "system", title, rank=4)


def _surplus_moments(payment: Payment, ops: list[MoneyOp]) -> Iterator[Moment]:
    """The money of another try of the same payment: owed back to the payer."""
    extra = [op.surplus_payment_id for op in ops if op.payment_id == payment.id and op.surplus_payment_id is not None]
    for surplus in Payment.objects.filter(id__in=extra).order_by("id"):
        ref = {"type": "payment", "ref": to_public("pay", surplus.id)}
        title = "Paid twice; the second payment is kept apart, and a refund is offered"
        at = surplus.completed_at or surplus.created_at
        yield moment(at, "exception.paid_twice", "system", title, surplus.reference, evidence=ref, rank=4)


def _refund_moments(payment: Payment) -> Iterator[Moment]:
    """The same for each of its refunds."""
    for refund in Refund.objects.filter(payment_id=payment.id).order_by("id"):
        ref = {"type": "refund", "ref": to_public("ref", refund.id)}
        detail = f"{refund.reference}: {Money(refund.amount, refund.currency)}, {refund.reason}"
        yield moment(refund.created_at, "refund.asked", refund.requested_by, "Refund asked for", detail, evidence=ref)
        ops = list(MoneyOp.objects.filter(refund_id=refund.id).order_by("id"))
        yield from op_moments(ops, REFUND_OP_TITLES)
        yield from claim_moments(ops)
        yield from state_moments("refund", refund.id)
        booked = LedgerTransfer.objects.filter(idem__in=transfer_names_of_refund(refund))
        yield from ledger_moments(booked, title="Money of the refund moved")
        yield from event_moments(event_keys_of_refund(refund))
