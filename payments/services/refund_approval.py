"""Refunds that wait for a second person: which do, who may agree, and calling one off."""

from uuid import UUID

from merchants.models import Merchant
from merchants.selectors.find import person_of
from merchants.services.step_up import require_recent
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.jobs import nudge
from onpoint_pay.kit.money import Money
from payments.models import Refund
from payments.selectors.refunds import refund_by_id
from payments.services.refund_closing import call_off_refund
from payments.services.refund_elsewhere import book_sent_by_hand, refuse_used_proof
from payments.services.refund_events import announce_refund
from payments.services.refund_next import SEND_REFUNDS
from payments.services.refund_rows import add_try, expected_at, lock_refund
from payments.states import MANUAL, REFUND_PENDING, REFUND_REQUIRES_APPROVAL
from settlements.services.payout_limits import makers_of_key
from settlements.services.step_up import own_request

APPROVE = "refunds:approve"


def needs_approval(caller: Caller, amount: Money, *, route: str) -> bool:
    """Whether a second person must agree: above the merchant's limit, by a role that may only ask, or sent by hand."""
    may_only_ask = caller.kind == "user" and not caller.may(APPROVE)
    if route == MANUAL or may_only_ask:
        return True
    return is_above_limit(caller, amount)


def is_above_limit(caller: Caller, amount: Money) -> bool:
    limit = Merchant.objects.values_list("refund_approval_above", flat=True).get(id=caller.merchant_id)
    return limit is not None and amount.minor > limit


def approve_refund(caller: Caller, refund_id: UUID) -> Refund:
    """A second person agrees: the refund is put on its way, or booked at once when it was sent by hand.

    Raises NotFound, and Problem permission_denied (a key), own_request_approval (the one who asked, or whose key did),
    step_up_required (above the merchant's limit), state_conflict, receipt_already_used.
    """
    person_of(caller)
    asked = refund_by_id(caller, refund_id)
    makers = [asked.requested_by, *makers_of_key(asked.requested_by)]
    if caller.actor in makers:
        raise own_request(caller, makers, what="refund", scope=APPROVE)
    if is_above_limit(caller, Money(asked.amount, asked.currency)):
        require_recent(caller, to="approve a refund above the limit")
    return retry_unit(lambda: _approve(caller, asked))


def _approve(caller: Caller, asked: Refund) -> Refund:
    if asked.proof is not None:
        refuse_used_proof(asked.payment, asked.proof, besides=asked.id)
    locked = lock_refund(asked.id)
    refund, at = locked.refund, now()
    _refuse_decided(refund)
    refund.status, refund.approved_by = REFUND_PENDING, caller.actor
    refund.version += 1
    if refund.route == MANUAL:
        refund.save(update_fields=["status", "approved_by", "version"])
        book_sent_by_hand(locked, actor=caller.actor)
        return refund
    refund.pending_reason = "awaiting_provider"
    refund.expected_at = expected_at(refund.route, at)
    refund.save(update_fields=["status", "approved_by", "version", "pending_reason", "expected_at"])
    add_try(refund, locked.payment, kind=refund.route, at=at)
    announce_refund(
        refund,
        locked.payment,
        name="created",
        deed="approved",
        before=REFUND_REQUIRES_APPROVAL,
        evidence_id=None,
        actor=caller.actor,
    )
    nudge(SEND_REFUNDS)
    return refund


def cancel_refund(caller: Caller, refund_id: UUID) -> Refund:
    """Call off a refund that waits for a second person: its money goes back to where it was held from.

    Raises NotFound, and Problem state_conflict when it is on its way or closed.
    """
    refund_by_id(caller, refund_id)

    def unit() -> Refund:
        locked = lock_refund(refund_id)
        _refuse_decided(locked.refund)
        call_off_refund(locked, actor=caller.actor)
        return locked.refund

    return retry_unit(unit)


def _refuse_decided(refund: Refund) -> None:
    if refund.status != REFUND_REQUIRES_APPROVAL:
        raise Problem("state_conflict", f"The refund is {refund.status}: there is nothing left to decide.")
