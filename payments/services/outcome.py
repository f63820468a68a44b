"""The one place where a payment or its operation changes state after it was handed to a provider."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from django.db import IntegrityError

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from payments import schedule
from payments.models import C2bReceipt, MoneyOp, Payment, ProviderEvent
from payments.services.c2b_suspense import (
    BY_RECEIPT,
    Match,
    attach,
    is_in_suspense,
    may_be_credited,
    objection,
    received_as,
    undo_hold,
    with_held_receipt,
)
from payments.services.capture import capture, is_replaced
from payments.services.events import announce, note_surplus
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
    lock_receipt_of,
)
from payments.services.failures import NOTHING_ANSWERED, NOTHING_CAME
from payments.services.surplus import PAID_TWICE, is_other_money, make_surplus, money_beside, move_to_own_try
from payments.states import (
    CANCELLED,
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

log = structlog.get_logger(__name__)
# Notes on money that came when nobody waited for it any more; a refund is offered.
PAID_AFTER_CLOSE = "paid_after_close: the merchant had called the payment off or replaced it"
# Two answers of one rank contradict each other: the list or a callback will name the receipt, if there is one.
NEEDS_RECEIPT = "the provider said no when asked before; to say otherwise it must name the receipt"
CREDITED_ELSEWHERE = "names no receipt, and money that may be the same was credited to another payment"
SAVED_PAID = (
    *("late", "surplus", "capture_transfer", "captured", "status", "pending_reason", "failure", "receipt"),
    *("confirmed_by", "completed_at", "evidence", "provider_reference", "version"),
)


@dataclass(slots=True, kw_only=True)
class Case:
    """Everything one application looks at, locked: operation, payment, the claim and what it says.

    `received` is the same money as it came by itself, announced at another door, and `match` why it is this payment's;
    `beside` is other money, which the operation was given before. `news` is told when all else is written.
    """

    op: MoneyOp
    payment: Payment
    event: ProviderEvent
    outcome: Outcome
    source: str
    at: datetime
    received: C2bReceipt | None
    match: Match
    beside: C2bReceipt | None
    news: list[Callable[[], None]] = field(default_factory=list)


def apply_outcome(
    op_id: UUID, outcome: Outcome, *, evidence: int | Answer, source: str, match: Match = BY_RECEIPT
) -> str:
    """Apply a provider's word to an operation and its payment; returns what became of the claim.

    `evidence` is the id of a stored callback, or an Answer that is stored in the same transaction. `source` is
    `callback`, `query` or another of the API's `confirmed_by` words. State, ledger transfer, audit event and webhook
    event commit together. Whatever contradicts money that is already taken changes nothing. A receipt that lies in
    suspense is taken from there, for the reason `match`.
    """

    def unit() -> str:
        return _apply(op_id, outcome, evidence=evidence, source=source, match=match)

    try:
        return retry_unit(unit)
    except IntegrityError as error:
        # Two truths met at a constraint (a receipt, a reference): the second look sees the first one's rows.
        log.warning("outcome_met_constraint", op=str(op_id), error=str(error)[:200])
        return retry_unit(unit)


def _apply(op_id: UUID, outcome: Outcome, *, evidence: int | Answer, source: str, match: Match) -> str:
    event, received = None, None
    if isinstance(evidence, int):
        event = lock_event(evidence)
        if event.status not in WAITING:
            return event.status
    outcome = with_held_receipt(op_id, outcome)
    if outcome.receipt:
        lock_receipt_of(op_id, outcome.receipt)
    op = MoneyOp.objects.select_for_update().get(id=op_id)
    payment = Payment.objects.select_for_update().get(id=op.payment_id)
    if event is None:
        assert isinstance(evidence, Answer)  # noqa: S101 - the other kind was loaded above
        event = keep_answer(op, evidence)
    if outcome.receipt:
        received = received_as(op.provider, op.mode, outcome.receipt)
    case = Case(
        op=op,
        payment=payment,
        event=event,
        outcome=outcome,
        source=source,
        at=now(),
        received=received,
        match=match,
        beside=money_beside(op, payment, outcome),
    )
    verdict, note = RULES[outcome.status](case)
    event.status, event.note, event.op_id = verdict, note or event.note, op.id
    event.save(update_fields=["status", "note", "op"])
    # Last, because a merchant's audit chain has one head: from here to the commit their payments wait for each other.
    for tell in case.news:
        tell()
    return verdict


# --- success ------------------------------------------------------------------------------------------------------


def _succeeded(case: Case) -> tuple[str, str]:
    doubt = _disagreement(case)
    if doubt:
        _look_again(case, at=_soon(case))
        return QUARANTINED, doubt
    if case.op.status == OP_SUCCEEDED and case.beside is None:
        return _fill_receipt(case)
    if case.payment.status in PAID:
        return _succeeded_again(case)
    is_late = _is_late(case)
    _close_op(case, OP_SUCCEEDED)
    _complete(case, is_late=is_late)
    is_unwanted = case.payment.surplus or case.payment.cancel_requested_at is not None
    return APPLIED, PAID_AFTER_CLOSE if is_late and is_unwanted else ""


def _is_late(case: Case) -> bool:
    """This attempt, or the whole payment, was given up before the money came."""
    payment = case.payment
    return case.op.status not in OP_OPEN or payment.status in CLOSED_UNPAID or payment.cancel_requested_at is not None


def _succeeded_again(case: Case) -> tuple[str, str]:
    """Another attempt of a paid payment was paid as well: real money, and owed back to the payer."""
    if not is_other_money(case.payment, case.outcome.receipt):
        return QUARANTINED, "cannot be told apart from the money that is already booked"
    if case.beside is not None:
        move_to_own_try(case.beside, case.payment, evidence=case.event)
    original, surplus = case.payment, make_surplus(case.payment, at=case.at)
    case.op.surplus_payment = surplus
    _close_op(case, OP_SUCCEEDED)
    _complete(replace(case, payment=surplus), is_late=False)
    case.news.append(lambda: note_surplus(original, surplus, evidence_id=case.event.id))
    return APPLIED, f"{PAID_TWICE}: booked as {to_public('pay', surplus.id)}"


def _credited(case: Case) -> Payment | None:
    """The payment this operation's money belongs to; None for money beyond what a paid payment has."""
    if case.op.status == OP_SUCCEEDED and case.beside is None:
        return case.op.surplus_payment or case.payment
    return None if case.payment.status in PAID else case.payment


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
    if case.outcome.receipt:
        return _receipt_disagreement(case)
    if case.payment.ended_by_an_answer and case.op.status not in OP_OPEN:
        return NEEDS_RECEIPT
    is_told = case.op.status == OP_SUCCEEDED
    return "" if is_told or not may_be_credited(case.op, case.payment) else CREDITED_ELSEWHERE


def _receipt_disagreement(case: Case) -> str:
    receipt, credited = case.outcome.receipt, _credited(case)
    if credited is not None and credited.receipt not in (None, receipt):
        return "another receipt than the one on record"
    taken = Payment.objects.filter(provider=case.op.provider, mode=case.op.mode, receipt=receipt)
    owner = taken.exclude(id=credited.id if credited else None).first()
    if owner is None:
        return objection(case.received, credited or case.payment) if case.received else ""
    return f"receipt already credited to {'this' if owner.id == case.payment.id else 'another'} payment"


def _soon(case: Case) -> datetime:
    """At once after a callback; what was asked just now is not asked again in the same breath."""
    return case.at if case.source == "callback" else schedule.unanswered_retry_at(case.at)


def _look_again(case: Case, *, at: datetime) -> None:
    """A doubtful word about an open operation makes us ask the provider, no later than `at`."""
    op = case.op
    if op.status in OP_OPEN and (op.next_check is None or op.next_check > at):
        op.next_check = at
        op.save(update_fields=["next_check"])


def _fill_receipt(case: Case) -> tuple[str, str]:
    payment = case.op.surplus_payment or case.payment
    if case.outcome.receipt and payment.receipt is None:
        payment.receipt = case.outcome.receipt
        payment.version += 1
        payment.save(update_fields=["receipt", "version"])
        if is_in_suspense(case.received):
            undo_hold(case.received)
        _attach_received(case, payment)
        return DUPLICATE, "receipt filled in"
    return DUPLICATE, ""


def _complete(case: Case, *, is_late: bool) -> None:
    payment, before = case.payment, case.payment.status
    if before == INITIATED:
        _hand_over_late(case)
    payment.late = is_late
    payment.surplus = payment.surplus or (payment.late and is_replaced(payment))
    payment.capture_transfer_id = capture(
        payment, in_suspense=is_in_suspense(case.received), occurred_at=case.outcome.occurred_at
    )
    payment.captured = payment.amount
    payment.status, payment.pending_reason, payment.failure = COMPLETED, None, None
    payment.receipt = payment.receipt or case.outcome.receipt
    payment.confirmed_by, payment.completed_at, payment.evidence = case.source, case.at, case.event
    payment.provider_reference = payment.provider_reference or case.outcome.provider_reference
    payment.version += 1
    payment.save(update_fields=SAVED_PAID)
    case.news += [_told(case, payment, before=before), lambda: _attach_received(case, payment)]


def _attach_received(case: Case, payment: Payment) -> None:
    if case.received is not None:
        attach(case.received, payment, case.match, source=case.source)


# --- failure ------------------------------------------------------------------------------------------------------


def _failed(case: Case) -> tuple[str, str]:
    if case.op.status not in OP_OPEN:
        return _failed_again(case)
    failure = case.outcome.failure
    assert failure is not None  # noqa: S101 - Outcome refuses to be built without it
    _close_op(case, OP_EXPIRED if failure.closes_as == "expired" and case.op.status != OP_SENDING else OP_FAILED)
    if case.payment.status not in FINAL:
        _close_unpaid(case, failure.closes_as, failure_body(failure, case.outcome, language=case.payment.language))
    return APPLIED, ""


def _failed_again(case: Case) -> tuple[str, str]:
    """Nothing to close; yet a payment that ended in silence learns why, and that asking again is safe."""
    if case.op.status == OP_SUCCEEDED:
        return DUPLICATE, "contradicts a success, which stays"
    payment, failure = case.payment, case.outcome.failure
    if payment.status not in CLOSED_UNPAID or not payment.ended_in_silence or failure is None:
        return DUPLICATE, ""
    payment.failure = failure_body(failure, case.outcome, language=payment.language)
    payment.version += 1
    payment.save(update_fields=["failure", "version"])
    return DUPLICATE, "the reason is known now"


def _close_unpaid(case: Case, status: str, failure: dict[str, Any]) -> None:
    payment, before = case.payment, case.payment.status
    if before == INITIATED:
        _hand_over_late(case)
    # A payment the merchant called off is cancelled, whatever the reason why the payer did not pay.
    payment.status = CANCELLED if payment.cancel_requested_at else status
    payment.pending_reason, payment.failure = None, failure
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
    case.news.append(_told(case, payment, before=before))


def _told(case: Case, payment: Payment, *, before: str) -> Callable[[], None]:
    return partial(announce, payment, previous={"status": before}, evidence_id=case.event.id, actor=case.source)


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
    case.op.save(
        update_fields=["status", "evidence", "provider_ref", "lease_until", "last_answer_at", "surplus_payment"]
    )


# --- no decision --------------------------------------------------------------------------------------------------


def _pending(case: Case) -> tuple[str, str]:
    op = case.op
    if op.status not in OP_OPEN:
        return IGNORED, "still in progress, by a provider that had already decided"
    if op.kind == "c2b" and case.payment.expires_at > case.at:
        return IGNORED, "the payer still has time"
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
        words = NOTHING_CAME if case.op.kind == "c2b" else NOTHING_ANSWERED
        _close_unpaid(case, "expired", failure_body(words, None, language=case.payment.language))
    return APPLIED, "expired after repeated answers without a result"


def _unknown(case: Case) -> tuple[str, str]:
    if case.outcome.is_unknown_there:
        return _pending(case)
    _look_again(case, at=_soon(case))
    return IGNORED, "no decision in it"


RULES = {
    OutcomeStatus.SUCCEEDED: _succeeded,
    OutcomeStatus.FAILED: _failed,
    OutcomeStatus.PENDING: _pending,
    OutcomeStatus.UNKNOWN: _unknown,
}
