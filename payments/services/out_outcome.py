"""The one place where a provider's word changes a try that sends money out, and the refund or payout behind it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import structlog

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.jobs import nudge
from onpoint_pay.kit.money import Money
from payments.models import MoneyOp, ProviderEvent
from payments.services.evidence import (
    APPLIED,
    DUPLICATE,
    IGNORED,
    QUARANTINED,
    WAITING,
    Answer,
    keep_answer,
    lock_event,
    lock_receipt_of,
    read_claim,
)
from payments.services.out_locking import lock_order
from payments.services.out_names import ALREADY_REVERSED
from payments.services.out_order import Ending, Order
from payments.states import (
    OP_ACCEPTED,
    OP_CANCELLED,
    OP_CREATED,
    OP_FAILED,
    OP_OPEN,
    OP_REJECTED,
    OP_SENDING,
    OP_SUCCEEDED,
    OP_UNKNOWN,
)
from providers.types import Outcome, OutcomeStatus

log = structlog.get_logger(__name__)
SWEEP = "payments.sweep"
# Where a word about a try comes from: the answer to our sending, a callback, the answer to a question of ours.
ANSWER, CALLBACK, QUESTION = "answer", "callback", "transaction_status"
# Other words that decide: a provider's statement, and two people.
STATEMENT, OPERATOR = "statement", "operator"
# Only these tell why no money left. Without a reason nothing is sent again, or another way.
WITH_REASONS = (ANSWER, CALLBACK)
OVER = (OP_REJECTED, OP_FAILED, OP_CANCELLED)
OUT_TWICE = "MONEY MAY BE OUT TWICE: late success, and "
NOT_THERE = (
    "The provider knows no such transaction. That alone frees no money: it waits for the statement of that day, or for "
    "two people."
)


@dataclass(slots=True, kw_only=True)
class Case:
    """Everything one application looks at, locked: the order with its tries, the claim, what it says."""

    op: MoneyOp
    order: Order
    event: ProviderEvent
    outcome: Outcome
    source: str
    at: datetime

    @property
    def ending(self) -> Ending:
        return Ending(op=self.op, outcome=self.outcome, event=self.event, actor=self.source)


def apply_out_outcome(op_id: UUID, outcome: Outcome, *, evidence: int | Answer, source: str) -> str:
    """Apply a provider's word to a try that sends money out; returns what became of the claim.

    `evidence` is the id of a stored claim, or an Answer that is stored in the same transaction. States, ledger
    transfer, audit event and webhook event commit together. A word that disagrees, or that would book money twice,
    is kept apart and changes nothing.
    """
    return retry_unit(lambda: _apply(op_id, outcome, evidence=evidence, source=source))


def _apply(op_id: UUID, outcome: Outcome, *, evidence: int | Answer, source: str) -> str:
    event = None
    if isinstance(evidence, int):
        event = lock_event(evidence)
        if event.status not in WAITING:
            return event.status
    if outcome.receipt:
        lock_receipt_of(op_id, outcome.receipt)
    order = lock_order(op_id)
    op = order.op(op_id)
    if event is None:
        assert isinstance(evidence, Answer)  # noqa: S101 - the other kind was loaded above
        event = keep_answer(op, evidence)
    case = Case(op=op, order=order, event=event, outcome=outcome, source=source, at=now())
    verdict, note = RULES[outcome.status](case)
    event.status, event.note, event.op_id = verdict, note or event.note, op.id
    event.save(update_fields=["status", "note", "op"])
    return verdict


# --- success ----------------------------------------------------------------------------------------------------------


def _succeeded(case: Case) -> tuple[str, str]:
    doubt = _disagreement(case)
    if doubt:
        look_again(case.op, at=case.at)
        return QUARANTINED, doubt
    if case.op.status == OP_SUCCEEDED:
        return _fill_receipt(case)
    rival = next((op for op in case.order.rivals(case.op) if op.status not in OVER), None)
    if rival is not None and rival.status != OP_CREATED:
        return _paid_twice(case, f"a newer try of this {case.order.noun} is out too: {rival.client_ref}")
    why = case.order.why_no_room(case.op, by_people=case.source == OPERATOR)
    if why:
        return _paid_twice(case, why)
    if rival is not None:
        _cancel(rival)
    _close_op(case, OP_SUCCEEDED)
    case.order.complete(case.ending)
    return APPLIED, ""


def _disagreement(case: Case) -> str:
    """Why this success may not be booked; empty when it may."""
    asked, told = Money(case.op.amount, case.op.currency), case.outcome.money
    if told is not None and told != asked:
        return f"amount differs: asked {asked.decimal_text()}, told {told.decimal_text()} {told.currency}"
    if told is None and case.op.kind == "b2c" and case.source == CALLBACK:
        return "success without an amount"
    if case.op.kind == "b2c" and case.outcome.phone not in (None, case.order.phone):
        return "the money went to another number than asked"
    if case.op.status in (OP_CREATED, OP_CANCELLED):
        return "success for a try that never left"
    return _receipt_doubt(case)


def _receipt_doubt(case: Case) -> str:
    receipt = case.outcome.receipt
    if receipt is None:
        return ""
    if case.op.status == OP_SUCCEEDED and case.order.receipt_of(case.op) not in (None, receipt):
        return "another receipt than the one on record"
    return case.order.receipt_doubt(case.op, receipt)


def _paid_twice(case: Case, why: str) -> tuple[str, str]:
    """Two people must look: the money may have gone out twice, and the books know of it once."""
    log.error("may_be_paid_twice", order=case.order.reference, op=case.op.client_ref, why=why)
    return QUARANTINED, f"{OUT_TWICE}{why}"


def _cancel(op: MoneyOp) -> None:
    """It has not left and must not: an earlier try paid after all."""
    op.status = OP_CANCELLED
    op.save(update_fields=["status"])


def _fill_receipt(case: Case) -> tuple[str, str]:
    receipt = case.outcome.receipt
    if receipt and case.order.fill_receipt(case.op, receipt):
        return DUPLICATE, "receipt filled in"
    return DUPLICATE, ""


# --- failure ----------------------------------------------------------------------------------------------------------


def _failed(case: Case) -> tuple[str, str]:
    if case.op.status == OP_CREATED:
        return QUARANTINED, "failure of a try that has not left"
    if case.op.status not in OP_OPEN:
        contradicts = case.op.status == OP_SUCCEEDED
        return DUPLICATE, "contradicts a success, which stays" if contradicts else ""
    is_refusal = case.source == ANSWER
    _close_op(case, OP_REJECTED if is_refusal and case.op.status == OP_SENDING else OP_FAILED)
    failure = case.outcome.failure
    assert failure is not None  # noqa: S101 - Outcome refuses to be built without it
    paid = late_success(case.order.rivals(case.op))
    if paid is not None:
        return _paid_by_earlier(case, paid)
    step = None
    if case.source in WITH_REASONS:
        step = case.order.next_try(case.op, failure=failure, is_refusal=is_refusal, at=case.at)
    if step is None:
        case.order.fail(case.ending)
        return APPLIED, ""
    step.take()
    return APPLIED, step.note


def late_success(ops: Sequence[MoneyOp]) -> ProviderEvent | None:
    """The word that one of these tries, believed over, has paid; kept apart because another was out."""
    kept = ProviderEvent.objects.filter(op__in=ops, status=QUARANTINED, note__startswith=OUT_TWICE)
    return kept.order_by("id").first()


def _paid_by_earlier(case: Case, event: ProviderEvent) -> tuple[str, str]:
    """Nothing left with this try, and with the earlier one it did: that one's result is applied now, if it is one."""
    if event.question_id is not None or not event.door.startswith("result"):
        case.order.wait_because("reconciling")
        return APPLIED, "an earlier try may have paid: two people must look"
    paid = next(op for op in case.order.ops if op.id == event.op_id)
    earlier = replace(case, op=paid, event=event, outcome=read_claim(event).outcome, source=CALLBACK)
    _close_op(earlier, OP_SUCCEEDED)
    case.order.complete(earlier.ending)
    event.status, event.note = APPLIED, "applied when the newer try had failed"
    event.save(update_fields=["status", "note"])
    return APPLIED, "an earlier try has paid"


def _close_op(case: Case, status: str) -> None:
    op = case.op
    op.status, op.evidence, op.lease_until, op.last_answer_at = status, case.event, None, case.at
    op.provider_ref = op.provider_ref or free_reference(op, case.outcome.provider_reference)
    op.save(update_fields=["status", "evidence", "provider_ref", "lease_until", "last_answer_at"])


def free_reference(op: MoneyOp, reference: str | None) -> str | None:
    """The provider's name of this try, unless another has it: then it tells nothing."""
    taken = MoneyOp.objects.filter(provider=op.provider, mode=op.mode, kind=op.kind, provider_ref=reference)
    return None if reference is None or taken.exclude(id=op.id).exists() else reference


# --- no decision ------------------------------------------------------------------------------------------------------


def _pending(case: Case) -> tuple[str, str]:
    if not _note_answer(case):
        return IGNORED, "still in progress, by a provider that had already decided"
    if case.op.status != OP_UNKNOWN:
        return IGNORED, "in progress"
    case.op.status, case.op.evidence = OP_ACCEPTED, case.event
    case.op.save(update_fields=["status", "evidence"])
    case.order.wait_because("awaiting_provider")
    return APPLIED, "in progress"


def _unknown(case: Case) -> tuple[str, str]:
    if case.outcome.is_unknown_there:
        return IGNORED, NOT_THERE if _note_answer(case) else ""
    if case.source == CALLBACK:
        look_again(case.op, at=case.at)
    return IGNORED, ALREADY_REVERSED if case.outcome.is_reversed else "no decision in it"


def _note_answer(case: Case) -> bool:
    """Whether the try is still open; then the answer counts."""
    if case.op.status not in OP_OPEN:
        return False
    case.op.answered_checks += 1
    case.op.last_answer_at = case.at
    case.op.save(update_fields=["answered_checks", "last_answer_at"])
    return True


def look_again(op: MoneyOp, *, at: datetime) -> None:
    """A doubtful word about an open try makes us ask the provider at `at`."""
    if op.status in OP_OPEN and op.status != OP_CREATED and (op.next_check is None or op.next_check > at):
        op.next_check = at
        op.save(update_fields=["next_check"])
        nudge(SWEEP)


# --- notices ----------------------------------------------------------------------------------------------------------


def apply_out_notice(op_id: UUID, event_id: int) -> str:
    """The provider says that the result is late: never a failure, only a reason to ask soon."""

    def unit() -> str:
        event = lock_event(event_id)
        if event.status not in WAITING:
            return event.status
        order = lock_order(op_id)
        doubt(order, order.op(op_id), ask_at=now())
        event.status, event.note, event.op_id = IGNORED, "the result is late; the provider is asked", op_id
        event.save(update_fields=["status", "note", "op"])
        return IGNORED

    return retry_unit(unit)


def doubt(order: Order, op: MoneyOp, *, ask_at: datetime) -> None:
    """Whether the money left is not known: it waits for the provider's word and is never sent again."""
    if op.status in (OP_SENDING, OP_ACCEPTED):
        op.status, op.lease_until = OP_UNKNOWN, None
        op.save(update_fields=["status", "lease_until"])
    if op.status == OP_UNKNOWN:
        order.wait_because("reconciling")
        look_again(op, at=ask_at)


RULES = {
    OutcomeStatus.SUCCEEDED: _succeeded,
    OutcomeStatus.FAILED: _failed,
    OutcomeStatus.PENDING: _pending,
    OutcomeStatus.UNKNOWN: _unknown,
}
