"""Closing a payout or refund in doubt by two people: one proposes with proof how it ended, another confirms."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import orjson
import structlog
from django.db import IntegrityError

from audit.services import record
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import broke, retry_unit
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import new_id, to_public
from onpoint_pay.kit.money import Money
from payments.models import DoubtDecision, MoneyOp, ProviderEvent
from payments.services.evidence import APPLIED, Answer, keep_answer
from payments.services.failures import DECIDED_BY_PEOPLE
from payments.services.out_locking import lock_order
from payments.services.out_order import Ending, Order
from payments.services.out_outcome import OPERATOR, apply_out_outcome, late_success
from payments.states import (
    DOUBT_CONFIRMED,
    DOUBT_PROPOSED,
    DOUBT_REJECTED,
    OP_ACCEPTED,
    OP_CANCELLED,
    OP_FAILED,
    OP_FILED,
    OP_OUT,
    OP_REJECTED,
    OP_SUCCEEDED,
    OP_UNKNOWN,
)
from providers.types import Outcome, OutcomeStatus

log = structlog.get_logger(__name__)
# What the provider has taken may be told of for so long: until then it is late, and no doubt.
SILENT_FOR = timedelta(hours=24)
NOBODY = ("key", "system", "operator")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a try ended: `succeeded` or `failed`, and what shows it: the network's receipt, or a note, or both."""

    outcome: str
    receipt: str | None = None
    note: str = ""


def propose(op_id: UUID, verdict: Verdict, *, actor: str) -> DoubtDecision:
    """Say how a try in doubt ended, for a second person to confirm; nothing moves yet.

    Raises Problem state_conflict (it is in no doubt, or a proposal is open), parameter_missing (no proof),
    permission_denied (not a person).
    """
    _demand_person(actor)
    if not verdict.receipt and not verdict.note.strip():
        raise Problem("parameter_missing", "Name the receipt, or say in a note what was looked at.", param="note")

    def unit() -> DoubtDecision:
        order = lock_order(op_id)
        op = order.op(op_id)
        _demand_open(order, op, verdict.outcome)
        row = DoubtDecision(
            id=new_id(),
            op=op,
            merchant_id=op.merchant_id,
            mode=op.mode,
            outcome=verdict.outcome,
            receipt=verdict.receipt or None,
            note=verdict.note.strip()[:500],
            status=DOUBT_PROPOSED,
            proposed_by=actor,
        )
        row.save(force_insert=True)
        _note(row, op, "proposed", actor)
        return row

    try:
        return retry_unit(unit)
    except IntegrityError as error:
        if not broke(error, "doubt_decision_one_open"):
            raise
        raise Problem("state_conflict", "A proposal is open already: confirm or reject it.") from error


def confirm(decision_id: UUID, *, actor: str) -> DoubtDecision:
    """Agree with what another person proposed: the try and its payout or refund end so, the money is booked or freed.

    Raises Problem state_conflict (nothing is open, or it cannot be booked so) and permission_denied (the one who
    proposed it, or not a person). Then nothing has changed.
    """
    _demand_person(actor)

    def unit() -> DoubtDecision:
        op_id = DoubtDecision.objects.values_list("op_id", flat=True).get(id=decision_id)
        order = lock_order(op_id)
        row, op = _lock_open(decision_id), order.op(op_id)
        if row.proposed_by == actor:
            raise Problem("permission_denied", "Who proposed it cannot confirm it: another person must agree.")
        _demand_open(order, op, row.outcome)
        event = keep_answer(op, Answer(door=OPERATOR, body=_told(row, actor), dedupe=str(row.id)))
        _apply(row, order, op, event)
        row.evidence = event
        _close(row, op, DOUBT_CONFIRMED, actor=actor)
        return row

    return retry_unit(unit)


def reject(decision_id: UUID, *, actor: str) -> DoubtDecision:
    """Disagree, or take one's own proposal back. Raises Problem state_conflict when nothing is open."""
    _demand_person(actor)

    def unit() -> DoubtDecision:
        row = _lock_open(decision_id)
        _close(row, row.op, DOUBT_REJECTED, actor=actor)
        return row

    return retry_unit(unit)


# --- what may be decided ----------------------------------------------------------------------------------------------


def _demand_open(order: Order, op: MoneyOp, outcome: str) -> None:
    """Raises Problem state_conflict."""
    why = why_closed(order, op, outcome)
    if why:
        raise Problem("state_conflict", f"{op.client_ref} cannot be decided so: {why}.")


def why_closed(order: Order, op: MoneyOp, outcome: str) -> str:
    """Why people may not say that the try ended so; empty when they may."""
    if op.kind not in (*OP_OUT, *OP_FILED):
        return "no money left with it"
    if op.status == OP_UNKNOWN:
        return ""
    if op.status == OP_ACCEPTED:
        is_silent = op.sent_at is not None and now() - op.sent_at >= SILENT_FOR
        return "" if is_silent else f"it was taken, and its result may still come for {SILENT_FOR}"
    if op.status in (OP_FAILED, OP_REJECTED) and late_success([op]) is not None:
        return "" if outcome == OP_SUCCEEDED else "it failed before; the word kept apart says that it paid"
    if is_frozen(order, op):
        return "" if outcome == OP_FAILED else "it never left"
    return f"it is {op.status}"


def is_frozen(order: Order, op: MoneyOp) -> bool:
    """Whether it was stopped before it left, and nothing came in its place."""
    return order.is_open and op.status == OP_CANCELLED and all(other.id < op.id for other in order.rivals(op))


# --- what is done -----------------------------------------------------------------------------------------------------


def _apply(row: DoubtDecision, order: Order, op: MoneyOp, event: ProviderEvent) -> None:
    """Raises Problem state_conflict for a verdict that the books refuse."""
    if is_frozen(order, op):
        op.evidence = event
        op.save(update_fields=["evidence"])
        order.fail(Ending(op=op, outcome=_outcome(row, op), event=event, actor=OPERATOR))
        ProviderEvent.objects.filter(id=event.id).update(status=APPLIED)
        return
    verdict = apply_out_outcome(op.id, _outcome(row, op), evidence=event.id, source=OPERATOR)
    if verdict != APPLIED:
        event.refresh_from_db()
        raise Problem("state_conflict", f"{op.client_ref} cannot be booked so: {event.note}.")


def _outcome(row: DoubtDecision, op: MoneyOp) -> Outcome:
    if row.outcome == OP_FAILED:
        return Outcome(status=OutcomeStatus.FAILED, failure=DECIDED_BY_PEOPLE)
    return Outcome(status=OutcomeStatus.SUCCEEDED, receipt=row.receipt, money=Money(op.amount, op.currency))


def _told(row: DoubtDecision, actor: str) -> bytes:
    said = {"decision": to_public("dbt", row.id), "outcome": row.outcome, "receipt": row.receipt, "note": row.note}
    return orjson.dumps(said | {"proposed_by": row.proposed_by, "confirmed_by": actor})


def _lock_open(decision_id: UUID) -> DoubtDecision:
    row: DoubtDecision = DoubtDecision.objects.select_for_update(of=("self",)).select_related("op").get(id=decision_id)
    if row.status != DOUBT_PROPOSED:
        raise Problem("state_conflict", f"The proposal was {row.status} by {row.decided_by}.")
    return row


def _close(row: DoubtDecision, op: MoneyOp, status: str, *, actor: str) -> None:
    row.status, row.decided_by, row.decided_at = status, actor, now()
    row.save(update_fields=["status", "decided_by", "decided_at", "evidence"])
    _note(row, op, status, actor)


def _note(row: DoubtDecision, op: MoneyOp, deed: str, actor: str) -> None:
    log.warning("doubt_decision", deed=deed, op=op.client_ref, outcome=row.outcome)
    record(
        merchant_id=row.merchant_id,
        actor=actor,
        action=f"doubt.{deed}",
        object_id=to_public("dbt", row.id),
        detail={"try": op.client_ref, "outcome": row.outcome, "receipt": row.receipt, "evidence": row.evidence_id},
    )


def _demand_person(actor: str) -> None:
    if not actor.strip() or actor.partition("_")[0] in NOBODY:
        raise Problem("permission_denied", "A person decides about money in doubt: say who you are.")
