"""What the end of a refund does to payment and ledger, and what merchants are told. The caller holds the locks."""

from onpoint_pay.kit.clock import now
from payments.models import MoneyOp, Payment, ProviderEvent, Refund
from payments.services.evidence import failure_body
from payments.services.refund_events import announce_refund
from payments.services.refund_rows import Locked, money_of
from payments.states import (
    OP_CANCELLED,
    OP_CREATED,
    REFUND_CANCELLED,
    REFUND_COMPLETED,
    REFUND_FAILED,
    REFUND_PENDING,
    REFUND_REQUIRES_APPROVAL,
)
from providers.types import Outcome
from settlements.services.refunds import book_refund, hold_refund_again, release_refund


def has_room(refund: Refund, payment: Payment) -> bool:
    """Whether the payment can bear this refund; one that is open has its place already."""
    if refund.status == REFUND_PENDING:
        return True
    return payment.refunded + payment.refund_held + refund.amount <= payment.captured


def complete_refund(locked: Locked, op: MoneyOp, *, outcome: Outcome, event: ProviderEvent, actor: str) -> None:
    """The payer has the money. After a failure the hold is taken again, as a debt where the balance lacks it."""
    refund, payment, before = locked.refund, locked.payment, locked.refund.status
    money = money_of(refund, payment)
    if before == REFUND_FAILED:
        refund.held_from = hold_refund_again(money)
    else:
        payment.refund_held -= refund.amount
    payment.refunded += refund.amount
    _save_counters(payment)
    book_refund(money, occurred_at=outcome.occurred_at)
    refund.status, refund.pending_reason, refund.failure = REFUND_COMPLETED, None, None
    refund.receipt, refund.route = outcome.receipt, op.kind
    refund.completed_at, refund.evidence = now(), event
    refund.version += 1
    changed = ["status", "pending_reason", "failure", "receipt", "route", "completed_at", "evidence", "version"]
    refund.save(update_fields=[*changed, "held_from"])
    announce_refund(refund, payment, name=REFUND_COMPLETED, before=before, evidence_id=event.id, actor=actor)


def fail_refund(locked: Locked, *, outcome: Outcome, event: ProviderEvent, actor: str) -> None:
    """No money left, and none will: what was held goes back to where it came from."""
    refund, payment, before = locked.refund, locked.payment, locked.refund.status
    payment.refund_held -= refund.amount
    _save_counters(payment)
    release_refund(money_of(refund, payment), held_from=refund.held_from)
    assert outcome.failure is not None  # noqa: S101 - a failed outcome carries its reason
    refund.status, refund.pending_reason = REFUND_FAILED, None
    refund.failure = failure_body(outcome.failure, outcome, language=payment.language)
    refund.evidence = event
    refund.version += 1
    refund.save(update_fields=["status", "pending_reason", "failure", "evidence", "version"])
    announce_refund(refund, payment, name=REFUND_FAILED, before=before, evidence_id=event.id, actor=actor)


def call_off_refund(locked: Locked, *, actor: str) -> None:
    """It waited for a second person and is not wanted any more: what was held goes back to where it came from."""
    refund, payment = locked.refund, locked.payment
    payment.refund_held -= refund.amount
    _save_counters(payment)
    release_refund(money_of(refund, payment), held_from=refund.held_from)
    refund.status = REFUND_CANCELLED
    refund.version += 1
    refund.save(update_fields=["status", "version"])
    before = REFUND_REQUIRES_APPROVAL
    announce_refund(refund, payment, name=REFUND_CANCELLED, before=before, evidence_id=None, actor=actor)


def freeze_tries_of_others(refund: Refund) -> None:
    """What has not left of the same payment's other refunds stays here until a person has looked."""
    waiting = MoneyOp.objects.select_for_update(skip_locked=True).filter(
        refund__payment_id=refund.payment_id, status=OP_CREATED
    )
    for op in waiting.exclude(refund_id=refund.id):
        op.status = OP_CANCELLED
        op.save(update_fields=["status"])
        Refund.objects.filter(ops=op, status=REFUND_PENDING).update(pending_reason="reconciling")


def _save_counters(payment: Payment) -> None:
    payment.version += 1
    payment.save(update_fields=["refund_held", "refunded", "version"])
