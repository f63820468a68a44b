"""After the hand-over to the provider: accepted, refused, never sent, or in doubt. Nothing here completes a payment."""

from datetime import datetime
from typing import Any
from uuid import UUID

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.ids import new_id
from payments import schedule
from payments.models import MoneyOp, Payment
from payments.services.events import announce
from payments.services.evidence import APPLIED, Answer, failure_body, keep_answer
from payments.services.failures import NOTHING_SENT
from payments.states import (
    AWAITING_PROVIDER,
    CANCELLED,
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
            words = failure_body(NOTHING_SENT, None, language=payment.language)
            _close_initiated(payment, words, actor="system", evidence_id=None)
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
            _await_word(payment, RECONCILING, sent_at=op.sent_at or at)
        return payment

    return retry_unit(unit)


def accept_called_off(op_id: UUID) -> Payment:
    """The provider took a prompt that the merchant called off meanwhile: now only the provider's word can end it."""

    def unit() -> Payment:
        op = MoneyOp.objects.select_for_update().get(id=op_id)
        payment: Payment = Payment.objects.select_for_update().get(id=op.payment_id)
        if payment.status == INITIATED:
            _await_word(payment, AWAITING_PROVIDER, sent_at=op.sent_at or now())
        return payment

    return retry_unit(unit)


def _await_word(payment: Payment, reason: str, *, sent_at: datetime) -> None:
    payment.status, payment.pending_reason = PENDING, reason
    payment.submitted_at = sent_at
    payment.version += 1
    payment.save(update_fields=["status", "pending_reason", "submitted_at", "version"])
    announce(payment, previous={"status": INITIATED}, evidence_id=None, actor="system")


def _close_initiated(payment: Payment, failure: dict[str, Any], *, actor: str, evidence_id: int | None) -> None:
    if payment.status != INITIATED:
        return
    payment.status = FAILED if payment.cancel_requested_at is None else CANCELLED
    payment.failure, payment.evidence_id = failure, evidence_id
    payment.version += 1
    payment.save(update_fields=["status", "failure", "evidence", "version"])
    announce(payment, previous={"status": INITIATED}, evidence_id=evidence_id, actor=actor)
