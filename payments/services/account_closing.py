"""Closing a merchant's account: only when nothing is open and nobody owes anybody anything."""

from uuid import UUID

from django.db.models import F

from merchants.models import Merchant
from merchants.services.standing import close_merchant
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.errors import Problem
from payments.models import Payment, Refund
from payments.states import FINAL, REFUND_OPEN
from settlements.models import LedgerAccount, Payout
from settlements.states import PAYOUT_OPEN


def close_account(*, merchant_id: UUID, actor: str, reason: str) -> Merchant:
    """From the next request on every key and person of the merchant is refused.

    Raises NotFound, and Problem state_conflict while money of live mode is open or on the merchant's accounts.
    """
    obstacle = _obstacle(merchant_id)
    if obstacle is not None:
        raise Problem("state_conflict", obstacle)
    return close_merchant(merchant_id=merchant_id, actor=actor, reason=reason)


def _obstacle(merchant_id: UUID) -> str | None:
    of = {"merchant_id": merchant_id, "mode": LIVE}
    if Payment.objects.filter(**of).exclude(status__in=FINAL).exists():
        return "A payment is not closed yet."
    if (
        Refund.objects.filter(**of, status__in=REFUND_OPEN).exists()
        or Payout.objects.filter(**of, status__in=PAYOUT_OPEN).exists()
    ):
        return "A refund or payout is not closed yet."
    if LedgerAccount.objects.filter(**of).exclude(debits=F("credits")).exists():
        return "The books still hold money for this merchant, or it owes some: settle first."
    return None
