"""After the hand-over to the provider: accepted, refused, never sent, or in doubt. Nothing here completes a payment."""

from typing import Any
from uuid import UUID

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.ids import new_id
from payments import schedule
from payments.models import MoneyOp, Payment
from payments.services.events import announce
from payments.services.evidence import APPLIED, Answer, failure_body, keep_answer
from payments.states import (
    FAILED,
    INITIATED,
    OP_CANCELLED,
    OP_REJECTED,
    OP_SENDING,
    OP_UNKNOWN,
    PENDING,
    RECONCILING,
)
from providers.types import Outcome

NOTHING_SENT: dict[str, Any] = {
    "code": "provider_down",
    "provider_code": None,
    "provider_message": None,
    "reason": "The provider could not be reached; nothing was sent to the payer.",
    "customer_message": "The payment could not be started. Nothing was charged; please try again.",
    "merchant_action": "Ask again in a moment; the same reference may be used.",
    "certainty": "certain",
    "retry": {"advice": "now", "after": None},
}


def refuse_hand_over(op_id: UUID, outcome: Outcome, *, answer: bytes) -> Payment:
    """The provider refused at once: nothing is on the payer's phone. Returns the payment, failed unless money came."""

    def unit() -> Payment:
        op = MoneyOp.objects.select_for_update().get(id=op_id)
        payment: Payment = Payment.objects.select_for_update().get(id=op.payment_id)
        if op.status != OP_SENDING:
            return payment
        event = keep_answer(op, Answer(door="push", body=answer, dedupe=str(new_id())))
        op.status, op.evidence, op.lease_until = OP_REJECTED, event, None
        op.save(update_fields=["status", "evidence", "lease_until"])
        assert outcome.failure is not None  # noqa: S101 - a refusal carries its reason
        _close_initiated(
            payment,
            failure_body(outcome.failure, outcome, language=payment.language),
            actor="provider",
            evidence_id=event.id,
        )
        event.status = APPLIED
        event.save(update_fields=["status"])
        return payment

    return retry_unit(unit)


def give_up_hand_over(op_id: UUID) -> Payment:
    """Nothing left the server: the operation is withdrawn and the payment closed, safe to ask again."""

    def unit() -> Payment:
        op = MoneyOp.objects.select_for_update().get(id=op_id)
        payment: Payment = Payment.objects.select_for_update().get(id=op.payment_id)
        if op.status == OP_SENDING:
            op.status, op.lease_until = OP_CANCELLED, None
            op.save(update_fields=["status", "lease_until"])
            _close_initiated(payment, NOTHING_SENT, actor="system", evidence_id=None)
        return payment

    return retry_unit(unit)


def doubt_hand_over(op_id: UUID) -> Payment:
    """No answer, or none that can be read: the prompt may be on the phone. It waits for the provider's word."""

    def unit() -> Payment:
        op = MoneyOp.objects.select_for_update().get(id=op_id)
        payment: Payment = Payment.objects.select_for_update().get(id=op.payment_id)
        if op.status != OP_SENDING:
            return payment
        at = now()
        op.status, op.lease_until = OP_UNKNOWN, None
        op.next_check = schedule.next_check_at(op.sent_at or at, at)
        op.save(update_fields=["status", "lease_until", "next_check"])
        if payment.status == INITIATED:
            payment.status, payment.pending_reason = PENDING, RECONCILING
            payment.submitted_at = op.sent_at or at
            payment.version += 1
            payment.save(update_fields=["status", "pending_reason", "submitted_at", "version"])
            announce(payment, previous={"status": INITIATED}, evidence_id=None, actor="system")
        return payment

    return retry_unit(unit)


def _close_initiated(payment: Payment, failure: dict[str, Any], *, actor: str, evidence_id: int | None) -> None:
    if payment.status != INITIATED:
        return
    payment.status, payment.failure, payment.evidence_id = FAILED, failure, evidence_id
    payment.version += 1
    payment.save(update_fields=["status", "failure", "evidence", "version"])
    announce(payment, previous={"status": INITIATED}, evidence_id=evidence_id, actor=actor)
