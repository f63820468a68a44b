"""The rows of a refund about to be made and of its tries, and the order in which they are locked."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id, new_reference
from onpoint_pay.kit.money import Money
from payments.models import MoneyOp, Payment, Refund
from payments.services.refund_routes import REVERSAL, Route
from payments.states import OP_CREATED, REFUND_REQUIRES_APPROVAL
from settlements.services.refunds import RefundMoney

# How long a refund usually takes, told to the merchant; nothing happens by it.
USUAL_MINUTES = {REVERSAL: 60, "b2c": 10}


def expected_at(route: str, at: datetime) -> datetime | None:
    """When a refund that leaves now usually arrives; None when it has arrived already."""
    minutes = USUAL_MINUTES.get(route)
    return None if minutes is None else at + timedelta(minutes=minutes)


@dataclass(slots=True, kw_only=True)
class Locked:
    """A refund with everything that changes with it, locked: its tries (oldest first), its payment, itself."""

    ops: list[MoneyOp]
    payment: Payment
    refund: Refund

    def op(self, op_id: UUID) -> MoneyOp:
        return next(op for op in self.ops if op.id == op_id)


def lock_refund(refund_id: UUID) -> Locked:
    """Lock in the order of the house: operations, payment, refund."""
    ops = _lock_ops(refund_id)
    payment_id = Refund.objects.values_list("payment_id", flat=True).get(id=refund_id)
    payment = Payment.objects.select_for_update().get(id=payment_id)
    refund = Refund.objects.select_for_update().get(id=refund_id)
    if MoneyOp.objects.filter(refund_id=refund_id).count() > len(ops):
        # While we waited for the first try, its owner has added another.
        ops = _lock_ops(refund_id)
    return Locked(ops=ops, payment=payment, refund=refund)


def _lock_ops(refund_id: UUID) -> list[MoneyOp]:
    return list(MoneyOp.objects.select_for_update().filter(refund_id=refund_id).order_by("id"))


def make_refund(payment: Payment, amount: Money, *, route: Route, reason: str, caller: Caller) -> Refund:
    """A refund not yet stored and not yet approved."""
    at = now()
    return Refund(
        id=new_id(),
        payment=payment,
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        reference=new_reference("RFD", at),
        amount=amount.minor,
        currency=amount.currency,
        status=REFUND_REQUIRES_APPROVAL,
        route=route.name,
        reason=reason,
        phone=route.phone,
        held_from={},
        requested_by=caller.actor,
        created_at=at,
        expected_at=expected_at(route.name, at),
        version=1,
    )


def add_try(refund: Refund, payment: Payment, *, kind: str, at: datetime) -> MoneyOp:
    """A new try of a refund, to be sent at `at`; the unique index refuses one beside another that may have left."""
    earlier = MoneyOp.objects.filter(refund_id=refund.id).count()
    op: Any = MoneyOp.objects.create(
        refund=refund,
        merchant_id=refund.merchant_id,
        mode=refund.mode,
        provider=payment.provider,
        provider_account_id=payment.provider_account_id,
        kind=kind,
        amount=refund.amount,
        currency=refund.currency,
        # The name the provider knows it by: a second one under the same name would be refused there.
        client_ref=f"{refund.reference}-{earlier + 1}",
        status=OP_CREATED,
        next_check=at,
        checks=0,
        answered_checks=0,
        created_at=now(),
    )
    return op  # type: ignore[no-any-return]


def money_of(refund: Refund, payment: Payment) -> RefundMoney:
    return RefundMoney(
        refund_id=refund.id,
        payment_id=payment.id,
        merchant_id=refund.merchant_id,
        mode=refund.mode,
        amount=Money(refund.amount, refund.currency),
        is_surplus=payment.surplus,
        float_name=f"{payment.provider}:{payment.shortcode}",
    )
