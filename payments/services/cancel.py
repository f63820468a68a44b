"""Calling a payment off. A prompt that is out cannot be recalled: then it is remembered, and the provider decides."""

from datetime import datetime
from uuid import UUID

import orjson

from audit.services import record
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import new_id, to_public
from payments.models import MoneyOp, Payment, ProviderEvent
from payments.services.events import announce
from payments.states import (
    AWAITING_PROVIDER,
    CANCELLED,
    CLOSED_UNPAID,
    OP_CANCELLED,
    OP_CREATED,
    OP_FAILED,
    OP_OPEN,
    PAID,
    PENDING,
)

PROMPT = "charge"


def cancel_payment(caller: Caller, payment_id: UUID) -> Payment:
    """Stop waiting for a payment; calling it off again changes nothing. Returns it as it is now.

    Nothing on the phone: cancelled. Otherwise it stays pending, awaiting the provider, and ends cancelled unless it is
    paid; money that comes all the same is booked and flagged late. Raises Problem state_conflict for a payment that is
    paid, failed or expired.
    """
    return retry_unit(lambda: _cancel(caller, payment_id))


def _cancel(caller: Caller, payment_id: UUID) -> Payment:
    ops = list(
        MoneyOp.objects.select_for_update(of=("self",)).filter(payment_id=payment_id, status__in=OP_OPEN).order_by("id")
    )
    rows = Payment.objects.scoped(caller.merchant_id, caller.mode)
    payment: Payment = rows.select_for_update().get(id=payment_id)
    if payment.status == CANCELLED or payment.cancel_requested_at is not None:
        _refuse_paid(payment)
        return payment
    if payment.status in (*PAID, *CLOSED_UNPAID):
        _refuse_paid(payment)
        raise Problem("state_conflict", f"The payment is {payment.status} already; there is nothing to call off.")
    payment.cancel_requested_at, payment.cancel_requested_by = now(), caller.actor
    payment.version += 1
    if any(op.kind == PROMPT and op.status != OP_CREATED for op in ops):
        _remember(payment)
    else:
        _close(payment, ops)
    return payment


def _refuse_paid(payment: Payment) -> None:
    if payment.status in PAID:
        raise Problem("state_conflict", "The payment is paid; give the money back with a refund.")


def _close(payment: Payment, ops: list[MoneyOp]) -> None:
    """Nothing is out at a provider. What waited for money that payers send by themselves is closed on our word."""
    before, decision = payment.status, _decision(payment, at=now())
    for op in ops:
        op.status, op.lease_until = OP_CANCELLED if op.status == OP_CREATED else OP_FAILED, None
        op.evidence = decision
        op.save(update_fields=["status", "lease_until", "evidence"])
    payment.evidence, payment.status, payment.pending_reason = decision, CANCELLED, None
    payment.save(
        update_fields=[
            "status",
            "pending_reason",
            "evidence",
            "cancel_requested_at",
            "cancel_requested_by",
            "version",
        ]
    )
    announce(
        payment,
        previous={"status": before},
        evidence_id=payment.evidence_id,
        actor=payment.cancel_requested_by or "system",
    )


def _decision(payment: Payment, *, at: datetime) -> ProviderEvent:
    """The merchant's own word ends a payment that waits for nobody at a provider; it is kept like a claim."""
    return ProviderEvent.objects.create(
        provider=payment.provider,
        door="merchant",
        dedupe=str(new_id()),
        mode=payment.mode,
        body=orjson.dumps({"called_off_by": payment.cancel_requested_by, "payment": to_public("pay", payment.id)}),
        token_ok=True,
        status="applied",
        received_at=at,
        next_try=at,
        note="called off by the merchant",
    )


def _remember(payment: Payment) -> None:
    if payment.status == PENDING:
        payment.pending_reason = AWAITING_PROVIDER
    payment.save(update_fields=["pending_reason", "cancel_requested_at", "cancel_requested_by", "version"])
    record(
        merchant_id=payment.merchant_id,
        actor=payment.cancel_requested_by or "system",
        action="payment.cancel_requested",
        object_id=to_public("pay", payment.id),
        detail={"status": payment.status},
    )
