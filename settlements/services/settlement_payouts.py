"""From closed to paid: what may be used is paid out, to the merchant's kept destination, when it is enough."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import F

from merchants.models import Merchant
from merchants.permissions import ALL_SCOPES
from merchants.selectors.records import merchant_card
from merchants.services.live_mode import is_verified
from onpoint_pay.kit.caller import LIVE, Caller
from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import MINOR_PER_UNIT, Money
from settlements.models import Payout, PayoutDestination, Settlement
from settlements.selectors import balances_of
from settlements.selectors.settlement_terms import Shop, Terms, terms_of
from settlements.services.batches import lock, shop_of
from settlements.services.destinations import ACTIVE, target_of
from settlements.services.payout_limits import NEW_DESTINATION
from settlements.services.payouts import PayoutAsk, create_payout
from settlements.services.settlement_events import announce
from settlements.states import (
    PAYOUT_CANCELLED,
    PAYOUT_COMPLETED,
    PAYOUT_FAILED,
    PAYOUT_PENDING,
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
# Which ends of a payout are news to its batches in this state: it may have gone out after all, or come back.
NEWS = {
    SETTLEMENT_PROCESSING: tuple(BECAME),
    SETTLEMENT_FAILED: (PAYOUT_COMPLETED,),
    SETTLEMENT_PAID: (PAYOUT_RETURNED,),
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
    is_real = shop.mode == LIVE
    needs = is_real and not is_verified(Merchant.objects.only("kyc_status").get(id=shop.merchant_id))
    return "The business is not verified yet." if needs else ""


def _pay_out(shop: Shop, terms: Terms, destination: PayoutDestination) -> None:
    lock(shop, what="payout")
    rows = Settlement.objects.scoped(shop.merchant_id, shop.mode).select_for_update().order_by("day", "id")
    closed = list(rows.filter(currency=shop.currency, status__in=(SETTLEMENT_CLOSED, SETTLEMENT_FAILED)))
    closed = [row for row in closed if row.closed_at is not None]
    available = balances_of(shop.merchant_id, currency=shop.currency, mode=shop.mode).get("available", 0)
    amount = _payable(available, whole_units=destination.type != "bank")
    if not any(row.status == SETTLEMENT_CLOSED for row in closed) or available < terms.minimum or not amount:
        return
    new_until = _new_until(shop, terms, destination)
    # Limits are for what is asked for, and the operator chose the schedule: only a new destination needs a person.
    _send(shop, closed, Money(amount, shop.currency), destination, reasons=[NEW_DESTINATION] if new_until else [])
    if new_until:
        _tell_who_waits(closed, new_until)


def _send(
    shop: Shop, closed: Sequence[Settlement], amount: Money, destination: PayoutDestination, *, reasons: list[str]
) -> Payout:
    """The payout of these batches, which are at work from now on."""
    name = to_public("stl", closed[-1].id)
    ask = PayoutAsk(amount=amount, target=target_of(destination), reason=f"Settlement {name}", reference=name)
    payout = create_payout(_system(shop), ask, request_id=None, reasons=reasons)
    for row in closed:
        row.payout_id = payout.id
        _move(row, SETTLEMENT_PROCESSING)
    return payout


def _payable(available: int, *, whole_units: bool) -> int:
    """What may be used less the payout's fee, in minor units; M-Pesa sends whole shillings."""
    amount = max(available - settings.PAYOUT_FEE, 0)
    return amount - amount % MINOR_PER_UNIT if whole_units else amount


def _new_until(shop: Shop, terms: Terms, destination: PayoutDestination) -> datetime | None:
    """Until when somebody must agree to each payout: its destination was added or chosen lately. Live mode only."""
    until = destination.usable_from
    if terms.destination_since is not None:
        until = max(until, terms.destination_since + timedelta(hours=settings.PAYOUT_DESTINATION_HOURS))
    return until if shop.mode == LIVE and until > now() else None


def _tell_who_waits(rows: Sequence[Settlement], new_until: datetime) -> None:
    for row in rows:
        row.hold_reason = (
            f"A person who may approve payouts must agree to this one: its destination is new until "
            f"{nairobi(new_until):%Y-%m-%d %H:%M} in Nairobi."
        )
        row.save(update_fields=["hold_reason"])


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
    rows = [_decided(state, ends) for state, ends in NEWS.items()]
    for payout_id, status in _agreed().union(*rows):
        if status == PAYOUT_PENDING:
            _at_work(payout_id).update(hold_reason="", version=F("version") + 1)
        else:
            retry_unit(partial(_follow, payout_id, BECAME[status]))


def _agreed() -> Any:
    """Payouts that a second person has agreed with since, of batches that say they wait for one."""
    told = Settlement.objects.filter(status=SETTLEMENT_PROCESSING, payout_id__isnull=False).exclude(hold_reason="")
    agreed = Payout.objects.filter(status=PAYOUT_PENDING, id__in=told.values("payout_id"))
    return agreed.values_list("id", "status")


def _at_work(payout_id: UUID) -> Any:
    return Settlement.objects.filter(status=SETTLEMENT_PROCESSING, payout_id=payout_id)


def _decided(state: str, ends: Sequence[str]) -> Any:
    """Payouts that ended so, of batches that do not know it."""
    unaware = Settlement.objects.filter(status=state, payout_id__isnull=False)
    decided = Payout.objects.filter(status__in=ends, id__in=unaware.values("payout_id"))
    return decided.values_list("id", "status")


def _follow(payout_id: UUID, became: str) -> None:
    rows = Settlement.objects.select_for_update().filter(payout_id=payout_id).order_by("day", "id")
    for row in rows.exclude(status=became):
        _move(row, became)


def take_over(earlier: Payout, retry: Payout) -> None:
    """A payout of batches was asked for again: they are at work once more, with the new one."""
    for row in Settlement.objects.select_for_update().filter(payout_id=earlier.id).order_by("day", "id"):
        if row.status == SETTLEMENT_PAID:
            _move(row, SETTLEMENT_FAILED)
        row.payout_id = retry.id
        _move(row, SETTLEMENT_PROCESSING)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByHand:
    """What an operator has paid outside of here: `amount` None stands for all that may be used; `proof` is the bank's
    reference. `destination_id` None stands for the one of the profile.
    """

    proof: str
    amount: Money | None = None
    destination_id: UUID | None = None


def pay_out_by_hand(settlement_id: UUID, paid: ByHand) -> Payout:
    """The payout of a closed batch that has been paid by hand: its money is held, nothing is sent.

    Raises Problem state_conflict (the batch, or its destination), insufficient_balance. Whether the money has left is
    for two people to say.
    """
    row: Settlement = Settlement.objects.get(id=settlement_id)
    shop = shop_of(row)
    lock(shop, what="payout")
    row = Settlement.objects.select_for_update().get(id=settlement_id)
    if row.status not in (SETTLEMENT_CLOSED, SETTLEMENT_FAILED) or row.closed_at is None:
        raise Problem("state_conflict", f"The settlement is {row.status}; only a closed one can be paid by hand.")
    key = paid.destination_id or terms_of(shop.merchant_id).destination_id
    kept = PayoutDestination.objects.scoped(shop.merchant_id, shop.mode).filter(id=key, status=ACTIVE, type="bank")
    destination = kept.first()
    if destination is None:
        raise Problem(
            "state_conflict", "Name a bank account that the merchant keeps: that is where money goes by hand."
        )
    available = balances_of(shop.merchant_id, currency=shop.currency, mode=shop.mode).get("available", 0)
    amount = paid.amount or Money(_payable(available, whole_units=False), shop.currency)
    row.paid_proof = paid.proof
    return _send(shop, [row], amount, destination, reasons=[])


def _move(row: Settlement, status: str, *, actor: str = SYSTEM) -> None:
    before, row.status = row.status, status
    row.hold_reason, row.version = "", row.version + 1
    row.paid_at = now() if status == SETTLEMENT_PAID else row.paid_at
    row.paid_proof = "" if status == SETTLEMENT_FAILED else row.paid_proof
    row.save(update_fields=["status", "hold_reason", "payout_id", "paid_proof", "paid_at", "version"])
    if status in (SETTLEMENT_PAID, SETTLEMENT_FAILED):
        announce(row, name=status, before=before, actor=actor, nth=row.version)
