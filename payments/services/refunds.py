"""Asking for a refund: the money is held, the try is stored, and a worker is woken. Nobody is called here."""

from typing import Any
from uuid import UUID

from django.db import IntegrityError, OperationalError, transaction

from merchants.selectors.find import person_of
from merchants.services.provider_accounts import provider_for
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.errors import Fault, Invalid, Problem, RateLimited
from onpoint_pay.kit.ids import new_reference, to_public
from onpoint_pay.kit.jobs import nudge
from onpoint_pay.kit.money import Money
from payments.errors import not_refundable, refund_too_large
from payments.models import Payment, Refund
from payments.selectors.find import payment_by_any_reference
from payments.selectors.refunds import refund_by_id
from payments.services.refund_approval import APPROVE, needs_approval
from payments.services.refund_elsewhere import refuse_used_proof
from payments.services.refund_events import announce_refund
from payments.services.refund_next import SEND_REFUNDS
from payments.services.refund_routes import REVERSAL, Route, choose_route
from payments.services.refund_rows import add_try, lock_refund, make_refund, money_of
from payments.states import COMPLETED, MANUAL, OP_CREATED, REFUND_PENDING, REFUND_REQUIRES_APPROVAL
from providers.types import Capability
from settlements.errors import BalanceTooLow
from settlements.services.refunds import hold_refund

LOCK_TIMEOUT = "55P03"
DRAWS = 3


def ask_refund(caller: Caller, request: dict[str, Any], *, request_id: str) -> Refund:
    """Hold the money, and put the refund on its way or have it wait for a second person.

    `request` is AskRefundSerializer's checked input.

    Raises NotFound, Invalid, and Problem reference_ambiguous, payment_not_refundable, refund_exceeds_payment,
    insufficient_balance, provider_not_configured, parameter_missing, rate_limited; of one that was sent by hand also
    permission_denied, insufficient_scope, receipt_already_used.
    """
    payment = payment_by_any_reference(caller, request["reference"], method=None)
    check_refundable(payment)
    try:
        return retry_unit(lambda: _ask(payment, caller, request, request_id=request_id))
    except OperationalError as error:
        if getattr(error.__cause__, "pgcode", None) != LOCK_TIMEOUT:
            raise
        detail = "Many refunds of this payment are asked for at once; ask again in a second."
        raise RateLimited(retry_after_seconds=1, detail=detail) from error


def check_refundable(payment: Payment) -> None:
    """Raises Problem payment_not_refundable unless its money is here."""
    if payment.status != COMPLETED:
        raise not_refundable(f"The payment is {payment.status}: there is no money to give back.")


def _ask(found: Payment, caller: Caller, request: dict[str, Any], *, request_id: str) -> Refund:
    if request.get("route") == MANUAL:
        _check_manual(caller, found, request["proof"])
    payment = Payment.objects.select_for_update().get(id=found.id)
    check_refundable(payment)
    amount = amount_to_give_back(payment, request.get("amount"))
    route = _route_of(payment, amount, request)
    refund = make_refund(payment, amount, route=route, reason=request["reason"], caller=caller)
    refund.request_id, refund.proof = request_id, request.get("proof")
    _hold(refund, payment)
    must_wait = needs_approval(caller, amount, route=route.name)
    if must_wait:
        refund.expected_at = None
    _store(refund)
    if must_wait:
        announce_refund(refund, payment, name="requires_approval", before=None, evidence_id=None, actor=caller.actor)
    else:
        _put_on_its_way(refund, payment, caller)
    return refund


def _put_on_its_way(refund: Refund, payment: Payment, caller: Caller) -> None:
    refund.status, refund.pending_reason = REFUND_PENDING, "awaiting_provider"
    refund.save(update_fields=["status", "pending_reason"])
    add_try(refund, payment, kind=refund.route, at=now())
    announce_refund(refund, payment, name="created", before=None, evidence_id=None, actor=caller.actor)
    nudge(SEND_REFUNDS)


def _route_of(payment: Payment, amount: Money, request: dict[str, Any]) -> Route:
    """By hand, when the merchant says so, or else the way we choose. Raises what choosing may."""
    if request.get("route") == MANUAL:
        return Route(name=MANUAL, phone=payment.phone)
    route = choose_route(payment, amount, destination=request.get("destination", {}).get("phone"))
    _check_provider(payment, route.name)
    return route


def _check_manual(caller: Caller, payment: Payment, proof: str) -> None:
    """Raises Problem permission_denied (a key), insufficient_scope, receipt_already_used."""
    person_of(caller)
    if not caller.may(APPROVE):
        raise Problem("insufficient_scope", extra={"required_scope": APPROVE})
    refuse_used_proof(payment, proof)


def amount_to_give_back(payment: Payment, asked: str | None) -> Money:
    """What goes back: all that is left when nothing is named.

    Raises Invalid, and Problem payment_not_refundable and refund_exceeds_payment.
    """
    left = payment.captured - payment.refunded - payment.refund_held
    if asked is None:
        if not left:
            raise not_refundable("All of the payment was given back, or is on its way.")
        return Money(left, payment.currency)
    amount = Money.parse(asked, payment.currency)
    if not amount.is_positive:
        raise Invalid([Fault(param="amount", code="amount_too_small", detail="The amount must be more than zero.")])
    if amount.minor > left:
        raise refund_too_large(Money(left, payment.currency))
    return amount


def _check_provider(payment: Payment, route: str) -> None:
    """Raises Problem provider_not_configured."""
    provider = provider_for(payment.provider, payment.mode, payment.provider_account_id)
    needed = Capability.REFUND if route == REVERSAL else Capability.PAYOUT
    if needed not in provider.capabilities:
        raise Problem("provider_not_configured", "The account that was paid cannot send money back.")


def _hold(refund: Refund, payment: Payment) -> None:
    """Raises Problem insufficient_balance."""
    try:
        refund.held_from = hold_refund(money_of(refund, payment))
    except BalanceTooLow as error:
        raise Problem("insufficient_balance", "The balance is smaller than the refund.") from error
    payment.refund_held += refund.amount
    payment.version += 1
    payment.save(update_fields=["refund_held", "version"])


def _store(refund: Refund) -> None:
    """Six random letters may meet a reference of the same day: then they are drawn again."""
    for draw in range(DRAWS):
        try:
            with transaction.atomic():
                refund.save(force_insert=True)
            return
        except IntegrityError:
            if draw == DRAWS - 1:
                raise
            refund.reference = new_reference("RFD", refund.created_at)


def retry_refund(caller: Caller, refund_id: UUID) -> Refund:
    """Send a waiting refund now, of which nothing is out: our account held too little, or nobody was reached.

    Raises NotFound, and Problem state_conflict when it is closed, or may be out: it is never sent beside itself.
    """
    refund_by_id(caller, refund_id)

    def unit() -> Refund:
        locked = lock_refund(refund_id)
        waiting = next((op for op in locked.ops if op.status == OP_CREATED), None)
        if waiting is None:
            raise Problem("state_conflict", _why_not(locked.refund))
        waiting.next_check = now()
        waiting.save(update_fields=["next_check"])
        nudge(SEND_REFUNDS)
        return locked.refund

    return retry_unit(unit)


def _why_not(refund: Refund) -> str:
    if refund.status == REFUND_REQUIRES_APPROVAL:
        return "The refund waits for a second person: approve or cancel it."
    if refund.status != REFUND_PENDING:
        return f"The refund is {refund.status}; ask for a new one of {to_public('pay', refund.payment_id)}."
    return "The money may be on its way: it is never sent a second time before the provider has said what it did."
