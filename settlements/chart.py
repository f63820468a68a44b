"""The chart of accounts, and the entries each business fact is posted as."""

from collections.abc import Mapping, Sequence
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
    *,
    payment_id: UUID,
    gross: Money,
    fee: Money,
    tax: Money,
    float_name: str,
    surplus: bool,
    source: Literal["float", "suspense"] = "float",
) -> list[Leg]:
    """A payment completed on mobile money: the float grows by the gross, the merchant is owed the net.

    A surplus payment (second success for one order) is owed back to the payer whole, and earns no fee.
    `float_name` is `provider:shortcode`. With source `suspense` the money was booked when it came, without an owner.
    """
    stripe = stripe_of(payment_id)
    debit = Leg(kind="provider_float", side="D", amount=gross.minor, sub=f"{float_name}:{stripe}")
    if source == "suspense":
        debit = Leg(kind="suspense", side="D", amount=gross.minor, sub=float_name)
    if surplus:
        return [debit, Leg(kind="overpaid", side="C", amount=gross.minor)]
    net = gross - fee - tax
    credits = [
        Leg(kind="pending", side="C", amount=net.minor),
        Leg(kind="fee_income", side="C", amount=fee.minor, sub=stripe),
        Leg(kind="tax_payable", side="C", amount=tax.minor),
    ]
    return [debit, *[leg for leg in credits if leg.amount]]


# --- money without an owner -------------------------------------------------------------------------------------------


def suspense_legs(*, receipt_id: UUID, amount: Money, float_name: str) -> list[Leg]:
    """Money came and nobody knows whose it is. `float_name` is `provider:shortcode`."""
    return [
        Leg(kind="provider_float", side="D", amount=amount.minor, sub=f"{float_name}:{stripe_of(receipt_id)}"),
        Leg(kind="suspense", side="C", amount=amount.minor, sub=float_name),
    ]


def suspense_undo_legs(*, receipt_id: UUID, amount: Money, float_name: str) -> list[Leg]:
    """It was the money of a payment that had been booked without its receipt: it had come once, not twice."""
    return [
        Leg(kind="suspense", side="D", amount=amount.minor, sub=float_name),
        Leg(kind="provider_float", side="C", amount=amount.minor, sub=f"{float_name}:{stripe_of(receipt_id)}"),
    ]


def uncapture_legs(*, payment_id: UUID, fee: Money, tax: Money, taken: Mapping[str, int], float_name: str) -> list[Leg]:
    """A payment was given to the wrong owner: its net, `taken` from the merchant's accounts, and its fees go back."""
    gross = sum(taken.values()) + fee.minor + tax.minor
    debits = [
        *[Leg(kind=kind, side="D", amount=part) for kind, part in taken.items()],
        Leg(kind="fee_income", side="D", amount=fee.minor, sub=stripe_of(payment_id)),
        Leg(kind="tax_payable", side="D", amount=tax.minor),
    ]
    return [*[leg for leg in debits if leg.amount], Leg(kind="suspense", side="C", amount=gross, sub=float_name)]


# --- refunds ----------------------------------------------------------------------------------------------------------

# What a refund is held from, the first as far as it goes.
HELD_FROM = ("available", "pending")


def split_hold(
    amount: int, balances: Mapping[str, int], *, may_owe: bool = False, order: Sequence[str] = HELD_FROM
) -> dict[str, int] | None:
    """How much of a refund each of the merchant's accounts gives, in minor units; None when they do not cover it.

    With `may_owe` the rest becomes the merchant's debt: the money is gone already.
    """
    taken: dict[str, int] = {}
    left = amount
    for kind in order:
        part = min(left, max(balances.get(kind, 0), 0))
        if part:
            taken[kind] = part
            left -= part
    if left and may_owe:
        taken["owed"] = left
    return None if left and not may_owe else taken


def refund_hold_legs(taken: Mapping[str, int]) -> list[Leg]:
    """Money promised to a payer, taken from the accounts named, in minor units each."""
    hold = Leg(kind="refund_hold", side="C", amount=sum(taken.values()))
    return [*[Leg(kind=kind, side="D", amount=part) for kind, part in taken.items()], hold]


def refund_undo_legs(taken: Mapping[str, int]) -> list[Leg]:
    """The promise is off: everything goes back to where it was taken from."""
    hold = Leg(kind="refund_hold", side="D", amount=sum(taken.values()))
    return [hold, *[Leg(kind=kind, side="C", amount=part) for kind, part in taken.items()]]


def refund_done_legs(*, payment_id: UUID, amount: Money, float_name: str) -> list[Leg]:
    """The payer has the money: it left the float that the payment came to. `float_name` is `provider:shortcode`."""
    stripe = stripe_of(payment_id)
    return [
        Leg(kind="refund_hold", side="D", amount=amount.minor),
        Leg(kind="provider_float", side="C", amount=amount.minor, sub=f"{float_name}:{stripe}"),
    ]
