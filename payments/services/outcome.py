"""The one place where a payment or its operation changes state after it was handed to a provider."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import IntegrityError

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.money import Money
from payments import schedule
from payments.models import MoneyOp, Payment, ProviderEvent
from payments.services.events import announce
from payments.services.evidence import (
    APPLIED,
    DUPLICATE,
    IGNORED,
    QUARANTINED,
    WAITING,
    Answer,
    failure_body,
    keep_answer,
    lock_event,
)
from payments.states import (
    CLOSED_UNPAID,
    COMPLETED,
    FINAL,
    INITIATED,
    OP_ACCEPTED,
    OP_CANCELLED,
    OP_EXPIRED,
    OP_FAILED,
    OP_OPEN,
    OP_SENDING,
    OP_SUCCEEDED,
    OP_UNKNOWN,
    PAID,
    PENDING,
)
from providers.types import Outcome, OutcomeStatus
from settlements.chart import capture_legs
from settlements.services.ledger import post_transfer

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Case:
    """Everything one application looks at, locked: operation, payment, the claim and what it says."""

    op: MoneyOp
    payment: Payment
    event: ProviderEvent
    outcome: Outcome
    source: str
    at: datetime


def apply_outcome(op_id: UUID, outcome: Outcome, *, evidence: int | Answer, source: str) -> str:
    """Apply a provider's word to an operation and its payment; returns what became of the claim.

    `evidence` is the id of a stored callback, or an Answer that is stored in the same transaction. `source` is
    `callback`, `query` or another of the API's `confirmed_by` words. State, ledger transfer, audit event and webhook
    event commit together. Whatever contradicts money that is already taken changes nothing.
    """
    try:
        return retry_unit(lambda: _apply(op_id, outcome, evidence=evidence, source=source))
    except IntegrityError as error:
        # Two truths met at a constraint (a receipt, a reference): the second look sees the first one's rows.
        log.warning("outcome_met_constraint", op=str(op_id), error=str(error)[:200])
        return retry_unit(lambda: _apply(op_id, outcome, evidence=evidence, source=source))


def _apply(op_id: UUID, outcome: Outcome, *, evidence: int | Answer, source: str) -> str:
    event = None
    if isinstance(evidence, int):
        event = lock_event(evidence)
        if event.status not in WAITING:
            return event.status
    op = MoneyOp.objects.select_for_update().get(id=op_id)
    payment = Payment.objects.select_for_update().get(id=op.payment_id)
    if event is None:
        assert isinstance(evidence, Answer)  # noqa: S101 - the other kind was loaded above
        event = keep_answer(op, evidence)
    case = Case(op=op, payment=payment, event=event, outcome=outcome, source=source, at=now())
    verdict, note = RULES[outcome.status](case)
    event.status, event.note, event.op_id = verdict, note or event.note, op.id
    event.save(update_fields=["status", "note", "op"])
    return verdict


# --- success ------------------------------------------------------------------------------------------------------


def _succeeded(case: Case) -> tuple[str, str]:
    doubt = _disagreement(case)
    if doubt:
        _look_again(case, at=case.at)
        return QUARANTINED, doubt
    if case.op.status == OP_SUCCEEDED:
        return _fill_receipt(case)
    if case.payment.status in PAID:
        return QUARANTINED, "second success for a payment that is already paid"
    _close_op(case, OP_SUCCEEDED)
    _complete(case)
    return APPLIED, ""


def _disagreement(case: Case) -> str:
    """Why this success may not move money; empty when it may."""
    asked = Money(case.op.amount, case.op.currency)
    told = case.outcome.money
    if told is None and case.source == "callback":
        return "success without an amount"
    if told is not None and told != asked:
        return f"amount differs: asked {asked.decimal_text()}, told {told.decimal_text()} {told.currency}"
    if case.op.status == OP_CANCELLED:
        return "success for an operation that never left"
    receipt = case.outcome.receipt
    if receipt and case.payment.receipt not in (None, receipt):
        return "another receipt than the one on record"
    taken = receipt and Payment.objects.filter(provider=case.op.provider, mode=case.op.mode, receipt=receipt).exclude(
        id=case.payment.id
    )
    return "receipt already credited to another payment" if taken and taken.exists() else ""


def _look_again(case: Case, *, at: datetime) -> None:
    """A doubtful word about an open operation makes us ask the provider, no later than `at`."""
    op = case.op
    if op.status in OP_OPEN and (op.next_check is None or op.next_check > at):
        op.next_check = at
        op.save(update_fields=["next_check"])


def _fill_receipt(case: Case) -> tuple[str, str]:
    if case.outcome.receipt and case.payment.receipt is None:
        case.payment.receipt = case.outcome.receipt
        case.payment.version += 1
        case.payment.save(update_fields=["receipt", "version"])
        return DUPLICATE, "receipt filled in"
    return DUPLICATE, ""


def _complete(case: Case) -> None:
    payment, before = case.payment, case.payment.status
    if before == INITIATED:
        _hand_over_late(case)
    payment.late = before in CLOSED_UNPAID
    payment.surplus = payment.surplus or (payment.late and _is_replaced(payment))
    payment.capture_transfer_id = _capture(case)
    payment.captured = payment.amount
    payment.status, payment.pending_reason, payment.failure = COMPLETED, None, None
    payment.receipt = payment.receipt or case.outcome.receipt
    payment.confirmed_by, payment.completed_at, payment.evidence = case.source, case.at, case.event
    payment.provider_reference = payment.provider_reference or case.outcome.provider_reference
    payment.version += 1
    payment.save(
        update_fields=[
            "late",
            "surplus",
            "capture_transfer",
            "captured",
            "status",
            "pending_reason",
            "failure",
            "receipt",
            "confirmed_by",
            "completed_at",
            "evidence",
            "provider_reference",
            "version",
        ]
    )
    announce(payment, previous={"status": before}, evidence_id=case.event.id, actor=case.source)


def _is_replaced(payment: Payment) -> bool:
    """Another payment with the same merchant reference is open or paid by now: this money is one too many."""
    if payment.merchant_reference is None or payment.reference_policy == "any":
        return False
    others = Payment.objects.scoped(payment.merchant_id, payment.mode).filter(
        merchant_reference=payment.merchant_reference, surplus=False
    )
    return others.exclude(id=payment.id).exclude(status__in=CLOSED_UNPAID).exists()


def _capture(case: Case) -> UUID:
    payment = case.payment
    legs = capture_legs(
        payment_id=payment.id,
        gross=Money(payment.amount, payment.currency),
        fee=Money(payment.fee, payment.currency),
        tax=Money(payment.tax, payment.currency),
        float_name=f"{payment.provider}:{payment.shortcode}",
        surplus=payment.surplus,
    )
    return post_transfer(
        legs,
        idem=f"pay:{payment.id}:capture",
        kind="capture",
        merchant_id=payment.merchant_id,
        currency=payment.currency,
        mode=payment.mode,
        occurred_at=case.outcome.occurred_at,
    )


# --- failure ------------------------------------------------------------------------------------------------------


def _failed(case: Case) -> tuple[str, str]:
    if case.op.status not in OP_OPEN:
        contradicts = case.op.status == OP_SUCCEEDED
        return DUPLICATE, "contradicts a success, which stays" if contradicts else ""
    failure = case.outcome.failure
    assert failure is not None  # noqa: S101 - Outcome refuses to be built without it
    _close_op(case, OP_EXPIRED if failure.closes_as == "expired" and case.op.status != OP_SENDING else OP_FAILED)
    if case.payment.status not in FINAL:
        _close_unpaid(case, failure.closes_as, failure_body(failure, case.outcome, language=case.payment.language))
    return APPLIED, ""


def _close_unpaid(case: Case, status: str, failure: dict[str, Any]) -> None:
    payment, before = case.payment, case.payment.status
    if before == INITIATED:
        _hand_over_late(case)
    payment.status, payment.pending_reason, payment.failure = status, None, failure
    payment.evidence = case.event
    payment.confirmed_by = case.source
    payment.provider_reference = payment.provider_reference or case.outcome.provider_reference
    payment.version += 1
    payment.save(
        update_fields=[
            "status",
            "pending_reason",
            "failure",
            "evidence",
            "confirmed_by",
            "provider_reference",
            "version",
        ]
    )
    announce(payment, previous={"status": before}, evidence_id=case.event.id, actor=case.source)


def _hand_over_late(case: Case) -> None:
    """The provider's word came before its answer to the hand-over: the step it proves is made up first."""
    case.payment.status = PENDING
    case.payment.submitted_at = case.payment.submitted_at or case.at
    case.payment.save(update_fields=["status", "submitted_at"])


def _close_op(case: Case, status: str) -> None:
    case.op.status, case.op.evidence = status, case.event
    case.op.provider_ref = case.op.provider_ref or case.outcome.provider_reference
    case.op.lease_until = None
    case.op.last_answer_at = case.at
    case.op.save(update_fields=["status", "evidence", "provider_ref", "lease_until", "last_answer_at"])


# --- no decision --------------------------------------------------------------------------------------------------


def _pending(case: Case) -> tuple[str, str]:
    op = case.op
    if op.status not in OP_OPEN:
        return IGNORED, "still in progress, by a provider that had already decided"
    op.answered_checks += 1
    op.last_answer_at = case.at
    op.save(update_fields=["answered_checks", "last_answer_at"])
    if op.sent_at and schedule.may_expire(op.sent_at, case.at, answered_checks=op.answered_checks):
        return _expire(case)
    if op.status == OP_UNKNOWN:
        op.status, op.evidence = OP_ACCEPTED, case.event
        op.save(update_fields=["status", "evidence"])
        return APPLIED, "in progress"
    return IGNORED, "in progress"


def _expire(case: Case) -> tuple[str, str]:
    """The provider itself says, again an hour later, that nothing came; a late success is still taken."""
    if case.op.status == OP_SENDING:
        return IGNORED, "in progress"
    _close_op(case, OP_EXPIRED)
    if case.payment.status not in FINAL:
        _close_unpaid(case, "expired", EXPIRED_UNANSWERED)
    return APPLIED, "expired after repeated answers without a result"


EXPIRED_UNANSWERED: dict[str, Any] = {
    "code": "prompt_expired",
    "provider_code": None,
    "provider_message": None,
    "reason": "The payer did not answer the prompt, and the provider has no payment an hour later.",
    "customer_message": "The payment request has ended. Ask for a new one if you still want to pay.",
    "merchant_action": "Offer the customer another try.",
    "certainty": "likely",
    "retry": {"advice": "ask_customer", "after": None},
}


def _unknown(case: Case) -> tuple[str, str]:
    if case.outcome.is_unknown_there:
        return _pending(case)
    soon = case.at if case.source == "callback" else schedule.unanswered_retry_at(case.at)
    _look_again(case, at=soon)
    return IGNORED, "no decision in it"


RULES = {
    OutcomeStatus.SUCCEEDED: _succeeded,
    OutcomeStatus.FAILED: _failed,
    OutcomeStatus.PENDING: _pending,
    OutcomeStatus.UNKNOWN: _unknown,
}
