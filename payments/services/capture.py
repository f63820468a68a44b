"""A payment's money in the books: how a capture is posted, and whether it is the merchant's at all."""

from datetime import datetime
from uuid import UUID

from onpoint_pay.kit.money import Money
from payments.models import Payment
from payments.states import CLOSED_UNPAID
from settlements.chart import capture_legs
from settlements.services.ledger import post_transfer


def capture(payment: Payment, *, in_suspense: bool, occurred_at: datetime | None) -> UUID:
    """Post the payment's capture, once for ever; `in_suspense`: its money was booked when it came, without an owner."""
    legs = capture_legs(
        payment_id=payment.id,
        gross=Money(payment.amount, payment.currency),
        fee=Money(payment.fee, payment.currency),
        tax=Money(payment.tax, payment.currency),
        float_name=f"{payment.provider}:{payment.shortcode}",
        surplus=payment.surplus,
        source="suspense" if in_suspense else "float",
    )
    return post_transfer(
        legs,
        idem=f"pay:{payment.id}:capture",
        kind="capture",
        merchant_id=payment.merchant_id,
        currency=payment.currency,
        mode=payment.mode,
        occurred_at=occurred_at,
    )


def is_replaced(payment: Payment) -> bool:
    """Another payment with the same merchant reference is open or paid by now: this money is one too many."""
    if payment.merchant_reference is None or payment.reference_policy == "any":
        return False
    others = Payment.objects.scoped(payment.merchant_id, payment.mode).filter(
        merchant_reference=payment.merchant_reference, surplus=False
    )
    return others.exclude(id=payment.id).exclude(status__in=CLOSED_UNPAID).exists()
