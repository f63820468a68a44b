"""Payouts and batches that a person of the operator decides on: as the second of two, never alone."""

from collections.abc import Collection
from uuid import UUID

from merchants.models import Membership, Operator
from merchants.services.operator_callers import caller_for
from onpoint_pay.kit.errors import NotFound, Problem
from onpoint_pay.kit.ids import PublicIdInvalid, from_public
from onpoint_pay.kit.operator import OperatorCard
from settlements.models import Payout, PayoutBatch
from settlements.services.payout_batches import approve_batch_as_second, cancel_batch
from settlements.services.payouts import approve_as_second, cancel_payout


def approve_payout_as_operator(card: OperatorCard, payout_id: UUID) -> Payout:
    """Let a payout go out that a person of the merchant's asked for.

    Raises NotFound, Problem step_up_required, permission_denied (no such person asked), own_request_approval,
    state_conflict.
    """
    found = _payout(payout_id)
    _demand_second(card, found, what="payout")
    return approve_as_second(caller_for(card, found.merchant_id, found.mode), payout_id)


def approve_batch_as_operator(card: OperatorCard, batch_id: UUID) -> PayoutBatch:
    """The same of a whole batch."""
    found = _batch(batch_id)
    _demand_second(card, found, what="batch")
    return approve_batch_as_second(caller_for(card, found.merchant_id, found.mode), batch_id)


def refuse_payout_as_operator(card: OperatorCard, payout_id: UUID, *, reason: str) -> Payout:
    """Call a waiting payout off: what was held goes back to the merchant's balance. Raises NotFound, state_conflict."""
    found = _payout(payout_id)
    return cancel_payout(caller_for(card, found.merchant_id, found.mode), payout_id, reason=reason)


def refuse_batch_as_operator(card: OperatorCard, batch_id: UUID, *, reason: str) -> PayoutBatch:
    """The same of a whole batch."""
    found = _batch(batch_id)
    return cancel_batch(caller_for(card, found.merchant_id, found.mode), batch_id, reason=reason)


def _payout(payout_id: UUID) -> Payout:
    found: Payout | None = Payout.objects.filter(id=payout_id).first()
    if found is None:
        raise NotFound("There is no such payout.")
    return found


def _batch(batch_id: UUID) -> PayoutBatch:
    found: PayoutBatch | None = PayoutBatch.objects.filter(id=batch_id).first()
    if found is None:
        raise NotFound("There is no such batch.")
    return found


def _demand_second(card: OperatorCard, found: Payout | PayoutBatch, *, what: str) -> None:
    """A person of the merchant's, who is none of the platform's too, has asked; and the operator is who they say."""
    if not card.is_proved:
        raise Problem("step_up_required", f"To approve a {what}, give a fresh code first.")
    if not _asked_by_merchant(found.merchant_id, found.makers):
        raise Problem(
            "permission_denied",
            f"No person of the merchant's asked for this {what}, so nobody of the platform may approve it: "
            "a merchant's money is never moved by the platform alone.",
        )


def _asked_by_merchant(merchant_id: UUID, makers: Collection[str]) -> bool:
    people = [key for key in map(_person, makers) if key is not None]
    team = Membership.objects.filter(merchant_id=merchant_id, user_id__in=people)
    return team.exclude(user_id__in=Operator.objects.values("user_id")).exists()


def _person(maker: str) -> UUID | None:
    try:
        return from_public("usr", maker)
    except PublicIdInvalid:
        return None
