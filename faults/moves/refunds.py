"""Refunds: asked for, agreed with, called off, and reversals that nobody here asked for."""

from typing import Any

from faults.moves.world import NEVER, RECEIPTS, World
from merchants.models import Merchant
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from payments.models import Refund
from payments.services.refund_approval import approve_refund, cancel_refund
from payments.services.refund_elsewhere import BOOKED, OutsideReversal, book_outside_reversal
from payments.services.refunds import ask_refund, retry_refund
from payments.states import MANUAL
from settlements.services.payout_limits import set_limits

SHARES = (1, 2, 3, 10)


def ask(world: World, a: int, b: int) -> None:
    """By anybody; all of it or a part."""
    payment = world.paid(a)
    asked: dict[str, Any] = {"reference": to_public("pay", payment.id), "reason": "Returned"}
    minor = payment.captured - payment.refunded - payment.refund_held
    if share := SHARES[b % len(SHARES)] - 1:
        asked["amount"] = str(payment.captured // 100 // (share + 1))
        minor = Money.parse(asked["amount"]).minor
    if b % 7 == 0:
        asked |= {"route": MANUAL, "proof": RECEIPTS[a % len(RECEIPTS)]}
    world.own.refunds[ask_refund(world.caller(b // 4), asked, request_id="req_sequence").id] = minor


def limit(world: World, a: int, b: int) -> None:
    """The merchant changes above which amounts a second person must agree."""
    minor = (None, 0, 50_00)[b % 3]
    if a % 2:
        Merchant.objects.filter(id=world.merchant.id).update(refund_approval_above=minor)
    else:
        set_limits(world.merchant.id, {"approval_above": minor}, actor="sequence")


def approve(world: World, a: int, b: int) -> None:
    refund = approve_refund(world.caller(b), world.refund(a, "requires_approval").id)
    if refund.route == MANUAL:
        world.own.left(world.own.refunds[refund.id])


def cancel(world: World, a: int, b: int) -> None:
    cancel_refund(world.caller(b), world.refund(a, "requires_approval").id)


def again(world: World, a: int, b: int) -> None:
    retry_refund(world.key, world.refund(a, "pending").id)


def undo_outside(world: World, a: int, b: int) -> None:
    """Somebody reverses a payment at the provider, or a statement tells of it again."""
    payment = world.payment(a)
    minor = payment.amount if b % 2 else payment.amount // 2
    found = OutsideReversal(
        payment_id=payment.id,
        amount=Money(minor),
        receipt=(None, *RECEIPTS)[b % 4],
        occurred_at=NEVER,
        source="statement",
        told={},
    )
    if book_outside_reversal(found) == BOOKED:
        world.own.left(minor)
        for key in Refund.objects.exclude(id__in=world.own.refunds).values_list("id", flat=True):
            world.own.refunds[key] = minor
