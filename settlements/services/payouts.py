"""Asking for payouts, approving them and calling them off. The money is held at once; nobody is called here."""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

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
from settlements.services.payout_events import announce_payout
from settlements.services.payout_limits import (
    NO_LIMITS,
    SYSTEM,
    check_day,
    check_size,
    limits_of,
    makers_of,
    reasons_to_ask,
)
from settlements.services.payout_money import PayoutMoney, hold_payout, release_payout
from settlements.services.step_up import require_person
from settlements.states import PAYOUT_CANCELLED, PAYOUT_PENDING, PAYOUT_REQUIRES_APPROVAL, ROUTE_OF

# The job of the room above that puts approved payouts on their way.
SEND_PAYOUTS = "payments.send_payouts"
MPESA = "daraja"
# Daraja: the least that is sent to a phone, in minor units.
SMALLEST_TO_PHONE = 10_00
REFERENCE_DRAWS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutAsk:
    """One payout as it is asked for. `reference` is the merchant's own name for it."""

    amount: Money
    target: Target
    reason: str
    purpose: str = "business"
    reference: str | None = None


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
    check_ask(caller, ask)

    def unit() -> Payout:
        limits = NO_LIMITS if caller.kind == SYSTEM else limits_of(caller.merchant_id)
        check_size(ask.amount, limits)
        why = reasons_to_ask(ask.target, ask.amount, limits, mode=caller.mode) if reasons is None else reasons
        payout = hold_and_store(caller, ask, why=why, request_id=request_id)
        check_day(caller, limits, currency=ask.amount.currency)
        if not why:
            release_to_send(payout, approved_by=None)
        return payout

    return retry_unit(unit)


def check_ask(caller: Caller, ask: PayoutAsk) -> None:
    """Raises Invalid, Problem state_conflict for a deleted destination, provider_not_configured."""
    faults = amount_faults(ask)
    if faults:
        raise Invalid(faults)
    if ask.target.row is not None and ask.target.row.status != ACTIVE:
        raise Problem("state_conflict", "The destination was deleted.", param="destination.id")
    if ROUTE_OF[ask.target.type] == "b2c":
        provider = provider_for(MPESA, caller.mode, account_of(caller, MPESA))
        if Capability.PAYOUT not in provider.capabilities:
            raise Problem("provider_not_configured", "The M-Pesa account is not set up for sending money.")


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


def hold_and_store(
    caller: Caller, ask: PayoutAsk, *, why: list[str], request_id: str | None, place: Place | None = None
) -> Payout:
    """A payout that waits for approval, its money held; told of. Raises Problem insufficient_balance and
    duplicate_reference."""
    payout = _make(caller, ask, why=why, request_id=request_id, place=place)
    _store(payout)
    try:
        hold_payout(money_of(payout), fee=Money(payout.fee, payout.currency))
    except BalanceTooLow as error:
        raise Problem("insufficient_balance", "The available balance is smaller than payout and fee.") from error
    announce_payout(payout, name="created", before=None, actor=caller.actor)
    if why:
        announce_payout(payout, name="requires_approval", before=None, actor=caller.actor)
    return payout


def _make(caller: Caller, ask: PayoutAsk, *, why: list[str], request_id: str | None, place: Place | None) -> Payout:
    at, key, route = now(), new_id(), ROUTE_OF[ask.target.type]
    account_id = None if route == "bank" else account_of(caller, MPESA)
    return Payout(
        id=key,
        merchant_id=caller.merchant_id,
        mode=caller.mode,
        reference=new_reference("POT", at),
        merchant_reference=ask.reference,
        batch=place.batch if place else None,
        line=place.line if place else None,
        amount=ask.amount.minor,
        fee=settings.PAYOUT_FEE,
        currency=ask.amount.currency,
        destination=ask.target.shown,
        destination_sealed=seal_for_payout(key, ask.target),
        destination_row=ask.target.row,
        route=route,
        provider="bank" if route == "bank" else MPESA,
        provider_account_id=account_id,
        paid_from=_paid_from(route, caller.mode, account_id),
        reason=ask.reason,
        purpose=ask.purpose,
        status=PAYOUT_REQUIRES_APPROVAL,
        approval_reasons=why,
        requested_by=caller.actor,
        makers=makers_of(caller, ask.target),
        request_id=request_id,
        created_at=at,
        version=1,
    )


def _paid_from(route: str, mode: str, account_id: UUID | None) -> str:
    """The bank account, or the float `provider:shortcode`. Raises Problem provider_not_configured."""
    if route == "bank":
        return str(settings.PAYOUT_BANK_ACCOUNT)
    return f"{MPESA}:{provider_for(MPESA, mode, account_id).float_name}"


def _store(payout: Payout) -> None:
    """Six random letters may meet a reference of the same day: then they are drawn again.

    Raises Problem duplicate_reference for the merchant's own.
    """
    for draw in range(REFERENCE_DRAWS):
        try:
            with transaction.atomic():
                payout.save(force_insert=True)
            return
        except IntegrityError as error:
            if broke(error, "payouts_live_reference"):
                raise _duplicate(payout) from error
            if draw == REFERENCE_DRAWS - 1:
                raise
            payout.reference = new_reference("POT", payout.created_at)


def _duplicate(payout: Payout) -> Problem:
    rows = Payout.objects.scoped(payout.merchant_id, payout.mode).filter(merchant_reference=payout.merchant_reference)
    live = rows.exclude(status__in=("failed", "cancelled", "returned")).values_list("id", flat=True).first()
    existing = None if live is None else to_public("po", live)
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
    )


# --- approved, or called off ------------------------------------------------------------------------------------------


def release_to_send(payout: Payout, *, approved_by: str | None) -> None:
    """From now on the payout is sent. The caller holds its lock; `approved_by` None: nobody had to agree."""
    before = payout.status
    payout.status, payout.pending_reason = PAYOUT_PENDING, "queued"
    payout.approved_by, payout.approved_at = approved_by, now()
    payout.version += 1
    payout.save(update_fields=["status", "pending_reason", "approved_by", "approved_at", "version"])
    if approved_by is not None:
        announce_payout(payout, name="approved", before=before, actor=approved_by)
    nudge(SEND_PAYOUTS)


def check_second_person(caller: Caller, makers: list[str], *, what: str) -> None:
    """Raises Problem permission_denied for whoever had a hand in asking."""
    if caller.actor in makers:
        detail = f"Whoever asked for a {what}, made the key it was asked with, or added its new destination may not "
        raise Problem("permission_denied", f"{detail}approve it.")


def approve_payout(caller: Caller, payout_id: UUID) -> Payout:
    """Let a waiting payout go out. Raises NotFound, Problem permission_denied and state_conflict."""

    payout_by_id(caller, payout_id)
    require_person(caller, to="approve a payout")

    def unit() -> Payout:
        payout = _waiting(caller, payout_id)
        check_second_person(caller, payout.makers, what="payout")
        release_to_send(payout, approved_by=caller.actor)
        return payout

    return retry_unit(unit)


def cancel_payout(caller: Caller, payout_id: UUID, *, reason: str = "") -> Payout:
    """Call a waiting payout off, or refuse to approve it: the money and the fee go back.

    Raises NotFound and Problem state_conflict.
    """

    def unit() -> Payout:
        payout = _waiting(caller, payout_id)
        call_off(payout, actor=caller.actor, reason=reason)
        return payout

    return retry_unit(unit)


def call_off(payout: Payout, *, actor: str, reason: str) -> None:
    """Give the money of a payout that was not approved back. The caller holds its lock."""
    before = payout.status
    release_payout(money_of(payout), fee=Money(payout.fee, payout.currency))
    payout.status, payout.released = PAYOUT_CANCELLED, payout.amount
    payout.version += 1
    payout.save(update_fields=["status", "released", "version"])
    announce_payout(payout, name="cancelled", before=before, actor=actor, reason=reason)


def _waiting(caller: Caller, payout_id: UUID) -> Payout:
    payout_by_id(caller, payout_id)
    payout: Payout = Payout.objects.select_for_update().get(id=payout_id)
    if payout.status != PAYOUT_REQUIRES_APPROVAL:
        raise Problem("state_conflict", f"The payout is {payout.status}; only one that waits can be decided.")
    if payout.batch_id is not None:
        raise Problem("state_conflict", f"It is decided with its batch, {to_public('pob', payout.batch_id)}.")
    return payout
