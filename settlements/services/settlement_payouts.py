"""From closed to paid: what may be used is paid out, to the merchant's kept destination, when it is enough."""

from functools import partial
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import F

from merchants.models import Merchant
from merchants.permissions import ALL_SCOPES
from merchants.selectors.records import merchant_card
from onpoint_pay.kit.caller import LIVE, Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import MINOR_PER_UNIT, Money
from settlements.models import Payout, PayoutDestination, Settlement
from settlements.selectors import balances_of
from settlements.selectors.settlement_terms import Shop, Terms, terms_of
from settlements.services.batches import lock, shop_of
from settlements.services.destinations import ACTIVE, target_of
from settlements.services.payouts import PayoutAsk, create_payout
from settlements.services.settlement_events import announce
from settlements.states import (
    PAYOUT_CANCELLED,
    PAYOUT_COMPLETED,
    PAYOUT_FAILED,
    PAYOUT_RETURNED,
    SETTLEMENT_CLOSED,
    SETTLEMENT_FAILED,
    SETTLEMENT_PAID,
    SETTLEMENT_PROCESSING,
)

log = structlog.get_logger(__name__)
SYSTEM = "system"
# What became of a payout decides what became of its batches; an open one decides nothing yet.
BECAME = {
    PAYOUT_COMPLETED: SETTLEMENT_PAID,
    PAYOUT_FAILED: SETTLEMENT_FAILED,
    PAYOUT_CANCELLED: SETTLEMENT_FAILED,
    PAYOUT_RETURNED: SETTLEMENT_FAILED,
}


def pay_closed(merchant_id: UUID | None = None) -> None:
    """One payout of all that may be used, for each merchant with closed batches; what is not enough rolls on."""
    rows = Settlement.objects.filter(status=SETTLEMENT_CLOSED)
    rows = rows.filter(merchant_id=merchant_id) if merchant_id else rows
    for shop in sorted({shop_of(row) for row in rows}, key=lambda shop: (str(shop.merchant_id), shop.mode)):
        try:
            _pay(shop)
        except Exception:  # noqa: BLE001 - one merchant's trouble is no other's
            log.exception("settlement_payout_failed", merchant=str(shop.merchant_id), mode=shop.mode)


def _pay(shop: Shop) -> None:
    terms = terms_of(shop.merchant_id)
    if terms.destination_id is None:
        return
    reason = terms.hold_reason or _kyc_reason(shop)
    destination = PayoutDestination.objects.filter(
        id=terms.destination_id, merchant_id=shop.merchant_id, mode=shop.mode, status=ACTIVE
    ).first()
    if destination is None:
        return
    if not reason:
        try:
            retry_unit(lambda: _pay_out(shop, terms, destination))
        except Problem as problem:
            reason = problem.detail
    _note(shop, reason)


def _kyc_reason(shop: Shop) -> str:
    """Real money goes out to verified businesses only."""
    merchant = Merchant.objects.only("kyc_status").get(id=shop.merchant_id)
    needs = shop.mode == LIVE and merchant.kyc_status != Merchant.Kyc.VERIFIED
    return "The business is not verified yet." if needs else ""


def _pay_out(shop: Shop, terms: Terms, destination: PayoutDestination) -> None:
    lock(shop, what="payout")
    rows = Settlement.objects.scoped(shop.merchant_id, shop.mode).select_for_update().order_by("day", "id")
    closed = list(rows.filter(currency=shop.currency, status__in=(SETTLEMENT_CLOSED, SETTLEMENT_FAILED)))
    closed = [row for row in closed if row.closed_at is not None]
    amount = _payable(shop, whole_units=destination.type != "bank")
    if not any(row.status == SETTLEMENT_CLOSED for row in closed) or amount < max(terms.minimum, 1):
        return
    caller = _system(shop)
    ask = PayoutAsk(
        amount=Money(amount, shop.currency),
        target=target_of(destination),
        reason=f"Settlement {to_public('stl', closed[-1].id)}",
        reference=to_public("stl", closed[-1].id),
    )
    # The operator chose the destination and the schedule: no second person is asked each day.
    payout = create_payout(caller, ask, request_id=None, reasons=[])
    for row in closed:
        row.payout_id = payout.id
        _move(row, SETTLEMENT_PROCESSING)


def _payable(shop: Shop, *, whole_units: bool) -> int:
    """What may be used less the payout's fee, in minor units; M-Pesa sends whole shillings."""
    balances = balances_of(shop.merchant_id, currency=shop.currency, mode=shop.mode)
    amount = max(balances.get("available", 0) - settings.PAYOUT_FEE, 0)
    amount = min(amount, settings.PAYOUT_LARGEST or amount)
    return amount - amount % MINOR_PER_UNIT if whole_units else amount


def _system(shop: Shop) -> Caller:
    merchant = Merchant.objects.get(id=shop.merchant_id)
    card = merchant_card(merchant)
    return Caller(merchant=card, mode=shop.mode, actor=SYSTEM, kind=SYSTEM, scopes=ALL_SCOPES)


def _note(shop: Shop, reason: str) -> None:
    """Say on closed batches why they are not paid, or no longer."""
    rows = Settlement.objects.scoped(shop.merchant_id, shop.mode)
    closed = rows.filter(currency=shop.currency, status=SETTLEMENT_CLOSED).exclude(hold_reason=reason)
    closed.update(hold_reason=reason, version=F("version") + 1)


# --- what became of it ------------------------------------------------------------------------------------------------


def follow_payouts() -> None:
    """Batches whose payout is decided are paid, or failed; a failed one is paid with the next batch."""
    at_work = Settlement.objects.filter(status__in=(SETTLEMENT_PROCESSING, SETTLEMENT_PAID), payout_id__isnull=False)
    decided = Payout.objects.filter(id__in=at_work.values("payout_id"), status__in=BECAME)
    for payout_id, status in decided.values_list("id", "status"):
        retry_unit(partial(_follow, payout_id, BECAME[status]))


def _follow(payout_id: UUID, became: str) -> None:
    rows = Settlement.objects.select_for_update().filter(payout_id=payout_id).order_by("day", "id")
    for row in rows.exclude(status=became):
        _move(row, became)


def pay_by_hand(settlement_id: UUID, *, proof: str, actor: str) -> Settlement:
    """An operator has paid a closed batch outside of here; `proof` is the bank's reference or the like.

    Raises Problem state_conflict. The money must have left `available` by a payout or a booking of its own.
    """

    def unit() -> Settlement:
        row: Settlement = Settlement.objects.select_for_update().get(id=settlement_id)
        if row.status not in (SETTLEMENT_CLOSED, SETTLEMENT_FAILED) or row.closed_at is None:
            raise Problem("state_conflict", f"The settlement is {row.status}; only a closed one can be paid by hand.")
        row.paid_proof = proof
        _move(row, SETTLEMENT_PAID, actor=actor)
        return row

    return retry_unit(unit)


def _move(row: Settlement, status: str, *, actor: str = SYSTEM) -> None:
    before, row.status = row.status, status
    row.hold_reason, row.version = "", row.version + 1
    row.paid_at = now() if status == SETTLEMENT_PAID else row.paid_at
    row.save(update_fields=["status", "hold_reason", "payout_id", "paid_proof", "paid_at", "version"])
    if status in (SETTLEMENT_PAID, SETTLEMENT_FAILED):
        announce(row, name=status, before=before, actor=actor, nth=row.version)
