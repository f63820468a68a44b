"""Money that came a second time for one payment: it becomes a payment of its own, owed back to the payer."""

from datetime import datetime
from typing import Any

from onpoint_pay.kit.ids import new_id, new_reference, random_letters
from payments.models import Payment
from payments.services.intent import ACCOUNT_LETTERS, NOTHING_YET

PAID_TWICE = "paid_twice"
# What both payments have in common. The merchant's reference stays, so that they know which order was paid twice.
SHARED = (
    "merchant_id",
    "mode",
    "merchant_reference",
    "shown_reference",
    "amount",
    "currency",
    "fee",
    "payment_method",
    "channel",
    "provider",
    "provider_account_id",
    "shortcode",
    "simulated",
    "phone",
    "phone_hash",
    "payer_name",
    "email",
    "description",
    "language",
    "metadata",
    "callback_url",
    "callback_endpoint",
    "request_id",
)


def make_surplus(payment: Payment, *, at: datetime) -> Payment:
    """The stored row of a surplus payment, initiated, for the amount of `payment`; it holds no merchant's reference.

    Raises IntegrityError when the drawn references are taken: the whole unit is then done again with others.
    """
    shared: dict[str, Any] = {name: getattr(payment, name) for name in SHARED}
    own = {
        "id": new_id(),
        "reference": new_reference("TXN", at),
        "account_reference": random_letters(ACCOUNT_LETTERS),
        "reference_policy": "any",
        "surplus": True,
        "created_by": "system",
        "created_at": at,
        "expires_at": at,
    }
    surplus: Payment = Payment.objects.create(**(shared | NOTHING_YET | own))
    return surplus


def is_other_money(paid: Payment, receipt: str | None) -> bool:
    """Whether a success of another attempt is other money than what `paid` has.

    Told by the receipts, or by each attempt having been confirmed by a word about itself.
    """
    if receipt and paid.receipt:
        return receipt != paid.receipt
    return paid.confirmed_by in ("callback", "query")
