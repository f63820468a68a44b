"""Asking for payouts, approving them and calling them off. The money is held at once; nobody is called here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from merchants.services.provider_accounts import account_of, provider_for
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import broke, retry_unit
from onpoint_pay.kit.errors import Fault, Invalid, Problem
from onpoint_pay.kit.ids import new_id, new_reference, to_public
from onpoint_pay.kit.jobs import nudge
from onpoint_pay.kit.money import Money
from providers.types import Capability
from settlements.errors import BalanceTooLow
from settlements.models import Payout, PayoutBatch
from settlements.selectors.payouts import payout_by_id
from settlements.services.destinations import ACTIVE, Target, seal_for_payout
from settlements.services.payout_events import announce_payouts
from settlements.services.payout_limits import (
    NO_LIMITS,
    SYSTEM,
    check_day,
    check_size,
    limits_of,
    makers_of,
    reasons_to_ask,
)
from settlements.services.payout_money import PayoutMoney, hold_payouts, release_payouts
from settlements.services.step_up import own_request, require_person, require_proven_person
from settlements.states import PAYOUT_CANCELLED, PAYOUT_PENDING, PAYOUT_REQUIRES_APPROVAL, ROUTE_OF

# The job of the room above that puts approved payouts on their way.
SEND_PAYOUTS = "payments.send_payouts"
MPESA = "daraja"
# Daraja: the least that is sent to a phone, in minor units.
SMALLEST_TO_PHONE = 10_00
REFERENCE_DRAWS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutAsk:
    """One payout as it is asked for. `reference` is the merchant's own name for it, `retry_of` what it stands for."""

    amount: Money
    target: Target
    reason: str
    purpose: str = "business"
    reference: str | None = None
    retry_of: Payout | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How money leaves: the route, whose interface, and the float `provider:shortcode` or bank account."""

    route: str
    provider: str
    account_id: UUID | None
    paid_from: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A line of a batch."""

    batch: PayoutBatch
    line: int


def create_payout(
    caller: Caller, ask: PayoutAsk, *, request_id: str | None, reasons: list[str] | None = None
) -> Payout:
    """Hold the money and put the payout on its way, or keep it for a second person's approval.

    `reasons` why one must agree are found here when None. Raises Invalid, and Problem insufficient_balance,
    limit_exceeded, duplicate_reference, state_conflict, provider_not_configured.
    """
    check_ask(ask)
    way = way_of(caller, ask.target)

    def unit() -> Payout:
        limits = NO_LIMITS if caller.kind == SYSTEM else limits_of(caller.merchant_id)
        check_size(ask.amount, limits)
        why = reasons_to_ask(ask.target, ask.amount, limits, mode=caller.mode) if reasons is None else reasons
        payout = make_row(caller, ask, way, why=why, makers=makers_of(caller, ask.target), request_id=request_id)
        store_and_hold([payout])
        check_day(caller, limits, currency=ask.amount.currency)
        if why:
            tell_of_waiting([payout])
        else:
            release_to_send([payout], approved_by=None)
        return payout

    return retry_unit(unit)


def check_ask(ask: PayoutAsk) -> None:
    """Raises Invalid, Problem state_conflict for a deleted destination."""
    faults = amount_faults(ask)
    if faults:
        raise Invalid(faults)
    if ask.target.row is not None and ask.target.row.status != ACTIVE:
        raise Problem("state_conflict", "The destination was deleted.", param="destination.id")


def amount_faults(ask: PayoutAsk) -> list[Fault]:
    amount = ask.amount
    if not amount.is_positive:
        return [Fault(param="amount", code="amount_too_small", detail="The amount must be more than zero.")]
    if ask.target.type == "bank":
        return []
    if not amount.is_whole:
        return [Fault(param="amount", code="amount_not_whole", detail="M-Pesa sends whole shillings.")]
    if ask.target.type == "mpesa_phone" and amount.minor < SMALLEST_TO_PHONE:
        least = Money(SMALLEST_TO_PHONE, amount.currency)
        return [Fault(param="amount", code="amount_too_small", detail=f"M-Pesa sends {least} or more to a phone.")]
    return []


def store_and_hold(payouts: Sequence[Payout]) -> None:
    """Payouts of one merchant and fee that wait for approval, their money held; nobody is told yet.

    Raises Problem insufficient_balance and duplicate_reference.
    """
    _store(payouts)
    try:
        hold_payouts([money_of(payout) for payout in payouts], fee=Money(payouts[0].fee, payouts[0].currency))
    except BalanceTooLow as error:
        raise Problem("insufficient_balance", "The available balance is smaller than payout and fee.") from error


def tell_of_waiting(payouts: Sequence[Payout]) -> None:
    """Announce payouts that somebody must agree with; those that nobody need are announced when they are released."""
    for name in ("created", "requires_approval"):
        announce_payouts(payouts, name=name, before=None, actor=payouts[0].requested_by)


def way_of(caller: Caller, target: Target) -> Way:
    """By which route money gets there, and out of what. Raises Problem provider_not_configured."""
    route = ROUTE_OF[target.type]
    if route == "bank":
        return Way(route=route, provider="bank", account_id=None, paid_from=str(settings.PAYOUT_BANK_ACCOUNT))
    account_id = account_of(caller, MPESA)
    provider = provider_for(MPESA, caller.mode, account_id)
    if route == "b2c" and Capability.PAYOUT not in provider.capabilities:
        raise Problem("provider_not_configured", "The M-Pesa account is not set up for sending money.")
    return Way(route=route, provider=MPESA, account_id=account_id, paid_from=f"{MPESA}:{provider.float_name}")


def make_row(
    caller: Caller,
    ask: PayoutAsk,
    way: Way,
    *,
    why: list[str],
    makers: list[str],
    request_id: str | None,
    place: Place | None = None,
) -> Payout:
    """A payout not yet stored and not yet approved."""
    at, key = now(), new_id()
    return Payout(
        id=key,
        merchant_id=caller.merchant_id,
        mode=caller.mode,
        reference=new_reference("POT", at),
        merchant_reference=ask.reference,
        batch=place.batch if place else None,
        line=place.line if place else None,
        retry_of=ask.retry_of,
        amount=ask.amount.minor,
        fee=settings.PAYOUT_FEE,
        currency=ask.amount.currency,
        destination=ask.target.shown,
        destination_sealed=seal_for_payout(key, ask.target, merchant_id=caller.merchant_id),
        destination_row=ask.target.row,
        route=way.route,
        provider=way.provider,
        provider_account_id=way.account_id,
        paid_from=way.paid_from,
        reason=ask.reason,
        purpose=ask.purpose,
        status=PAYOUT_REQUIRES_APPROVAL,
        approval_reasons=why,
        requested_by=caller.actor,
        makers=makers,
        request_id=request_id,
        created_at=at,
        version=1,
    )


def _store(payouts: Sequence[Payout]) -> None:
    """Six random letters may meet a reference of the same day: then they are drawn again.

    Raises Problem duplicate_reference for the merchant's own.
    """
    for draw in range(REFERENCE_DRAWS):
        try:
            with transaction.atomic():
                Payout.objects.bulk_create(payouts)
            return
        except IntegrityError as error:
            if broke(error, "payouts_live_reference"):
                raise _duplicate(payouts) from error
            if draw == REFERENCE_DRAWS - 1:
                raise
            for payout in payouts:
                payout.reference = new_reference("POT", payout.created_at)


def _duplicate(payouts: Sequence[Payout]) -> Problem:
    names = [payout.merchant_reference for payout in payouts]
    rows = Payout.objects.scoped(payouts[0].merchant_id, payouts[0].mode).filter(merchant_reference__in=names)
    live = rows.exclude(status__in=("failed", "cancelled", "returned")).values_list("id", flat=True).first()
    existing = None if live is None else to_public("pyt", live)
    return Problem(
        "duplicate_reference",
        f"A payout with this reference is open or paid already: {existing}.",
        param="reference",
        extra={"existing": existing},
    )


def money_of(payout: Payout, *, amount: int | None = None, part: int = 1) -> PayoutMoney:
    """What the ledger must know of the payout, or of one part of it."""
    return PayoutMoney(
        payout_id=payout.id,
        merchant_id=payout.merchant_id,
        mode=payout.mode,
        amount=Money(payout.amount if amount is None else amount, payout.currency),
        source="bank" if payout.route == "bank" else "float",
        name=payout.paid_from,
        part=part,
        # The payouts of a batch are booked in one transaction: with one row of our income they lock no second one.
        fee_by=payout.batch_id or payout.id,
    )


# --- approved, or called off ------------------------------------------------------------------------------------------


def release_to_send(payouts: Sequence[Payout], *, approved_by: str | None) -> None:
    """From now on these payouts of one merchant are sent. The caller holds their locks; `approved_by` None: nobody had
    to agree.
    """
    _change(payouts, status=PAYOUT_PENDING, pending_reason="queued", approved_by=approved_by, approved_at=now())
    if approved_by is None:
        announce_payouts(payouts, name="created", before=None, actor=payouts[0].requested_by)
    else:
        announce_payouts(payouts, name="approved", before=PAYOUT_REQUIRES_APPROVAL, actor=approved_by)
    nudge(SEND_PAYOUTS)


def _change(payouts: Sequence[Payout], **changes: Any) -> None:
    """The same of all of them that waited, in the rows and here."""
    rows = Payout.objects.filter(id__in=[payout.id for payout in payouts], status=PAYOUT_REQUIRES_APPROVAL)
    rows.update(**changes, version=F("version") + 1)
    for payout in payouts:
        payout.version += 1
        for name, value in changes.items():
            setattr(payout, name, value)


def check_second_person(caller: Caller, makers: list[str], *, what: str) -> None:
    """Raises Problem own_request_approval for whoever had a hand in asking."""
    if caller.actor in makers:
        raise own_request(caller, makers, what=what, scope="payouts:approve")


def approve_payout(caller: Caller, payout_id: UUID) -> Payout:
    """Let a waiting payout go out.

    Raises NotFound, Problem permission_denied (a key), step_up_required, own_request_approval and state_conflict.
    """
    payout_by_id(caller, payout_id)
    require_proven_person(caller, to="approve a payout")
    return approve_as_second(caller, payout_id)


def approve_as_second(caller: Caller, payout_id: UUID) -> Payout:
    """The same of a person who proved elsewhere who they are. Raises Problem own_request_approval, state_conflict."""

    def unit() -> Payout:
        payout = _waiting(caller, payout_id)
        check_second_person(caller, payout.makers, what="payout")
        release_to_send([payout], approved_by=caller.actor)
        return payout

    return retry_unit(unit)


def reject_payout(caller: Caller, payout_id: UUID, *, reason: str = "") -> Payout:
    """A person refuses to approve a waiting payout. Raises NotFound, Problem permission_denied and state_conflict."""
    payout_by_id(caller, payout_id)
    require_person(caller, to="refuse a payout")
    return cancel_payout(caller, payout_id, reason=reason)


def cancel_payout(caller: Caller, payout_id: UUID, *, reason: str = "") -> Payout:
    """Call a waiting payout off: the money and the fee go back. Raises NotFound and Problem state_conflict."""

    def unit() -> Payout:
        payout = _waiting(caller, payout_id)
        call_off([payout], actor=caller.actor, reason=reason)
        return payout

    return retry_unit(unit)


def call_off(payouts: Sequence[Payout], *, actor: str, reason: str) -> None:
    """Give the money of payouts of one merchant and fee that were not approved back. The caller holds their locks."""
    release_payouts([money_of(payout) for payout in payouts], fee=Money(payouts[0].fee, payouts[0].currency))
    _change(payouts, status=PAYOUT_CANCELLED, released=F("amount"))
    for payout in payouts:
        payout.released = payout.amount
    announce_payouts(payouts, name="cancelled", before=PAYOUT_REQUIRES_APPROVAL, actor=actor, reason=reason)


def _waiting(caller: Caller, payout_id: UUID) -> Payout:
    payout_by_id(caller, payout_id)
    payout: Payout = Payout.objects.select_for_update().get(id=payout_id)
    if payout.status != PAYOUT_REQUIRES_APPROVAL:
        raise Problem("state_conflict", f"The payout is {payout.status}; only one that waits can be decided.")
    if payout.batch_id is not None:
        raise Problem("state_conflict", f"It is decided with its batch, {to_public('bat', payout.batch_id)}.")
    return payout
