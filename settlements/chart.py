"""The chart of accounts, and the entries each business fact is posted as."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from onpoint_pay.kit.money import Money

Side = Literal["D", "C"]
PLATFORM = "platform"
MERCHANT = "merchant"
STRIPES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of account: whose it is, the side it grows on, whether it may never fall below zero."""

    owner: str
    normal: Side
    floored: bool


KINDS: dict[str, Kind] = {
    "provider_float": Kind(owner=PLATFORM, normal="D", floored=False),
    "provider_receivable": Kind(owner=PLATFORM, normal="D", floored=False),
    "bank": Kind(owner=PLATFORM, normal="D", floored=False),
    "fee_income": Kind(owner=PLATFORM, normal="C", floored=False),
    "tax_payable": Kind(owner=PLATFORM, normal="C", floored=False),
    "provider_cost": Kind(owner=PLATFORM, normal="D", floored=False),
    "suspense": Kind(owner=PLATFORM, normal="C", floored=True),
    "overpaid": Kind(owner=PLATFORM, normal="C", floored=True),
    "loss": Kind(owner=PLATFORM, normal="D", floored=False),
    "capital": Kind(owner=PLATFORM, normal="C", floored=False),
    "pending": Kind(owner=MERCHANT, normal="C", floored=True),
    "available": Kind(owner=MERCHANT, normal="C", floored=True),
    "reserve": Kind(owner=MERCHANT, normal="C", floored=True),
    "refund_hold": Kind(owner=MERCHANT, normal="C", floored=True),
    "payout_hold": Kind(owner=MERCHANT, normal="C", floored=True),
    "dispute_hold": Kind(owner=MERCHANT, normal="C", floored=True),
    "owed": Kind(owner=MERCHANT, normal="D", floored=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One line of a transfer: an account by kind and sub-account, the side, and the amount in minor units."""

    kind: str
    side: Side
    amount: int
    sub: str = ""


def stripe_of(key: UUID) -> str:
    """`00` to `15`: which row of a busy platform account this payment uses, so that writers do not queue on one row."""
    return f"{key.int % STRIPES:02d}"


def capture_legs(
    *, payment_id: UUID, gross: Money, fee: Money, tax: Money, float_name: str, surplus: bool
) -> list[Leg]:
    """A payment completed on mobile money: the float grows by the gross, the merchant is owed the net.

    A surplus payment (second success for one order) is owed back to the payer whole, and earns no fee.
    `float_name` is `provider:shortcode`.
    """
    stripe = stripe_of(payment_id)
    debit = Leg(kind="provider_float", side="D", amount=gross.minor, sub=f"{float_name}:{stripe}")
    if surplus:
        return [debit, Leg(kind="overpaid", side="C", amount=gross.minor)]
    net = gross - fee - tax
    credits = [
        Leg(kind="pending", side="C", amount=net.minor),
        Leg(kind="fee_income", side="C", amount=fee.minor, sub=stripe),
        Leg(kind="tax_payable", side="C", amount=tax.minor),
    ]
    return [debit, *[leg for leg in credits if leg.amount]]
