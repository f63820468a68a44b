"""The chart of accounts, and the entries each business fact is posted as."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
    """One line of a transfer: an account by kind and sub-account, the side, and the amount in minor units.

    `spread_by`: where the merchant's account is striped, the row that this payment's id names, in place of `sub`.
    """

    kind: str
    side: Side
    amount: int
    sub: str = ""
    spread_by: UUID | None = None


# Where money of the platform lies, by the word that services use for it.
CASH = {"float": "provider_float", "receivable": "provider_receivable", "bank": "bank"}


def account_name(kind: str, sub: str) -> str:
    """How a row of the books is named where amounts are kept by account: `pending`, or `pending:07` of several."""
    return f"{kind}:{sub}" if sub else kind


def legs_on(amounts: Mapping[str, int], side: Side) -> list[Leg]:
    """Lines on the accounts named, in the order of their names, without empty ones."""
    named = [(*name.partition(":")[::2], amount) for name, amount in sorted(amounts.items())]
    return [Leg(kind=kind, side=side, amount=amount, sub=sub) for kind, sub, amount in named if amount]


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
    source: Literal["float", "suspense", "receivable"] = "float",
) -> list[Leg]:
    """A payment completed: the float (or what a card provider owes us) grows by the gross, the merchant by the net.

    A surplus payment (second success for one order) is owed back to the payer whole, and earns no fee.
    `float_name` is `provider:shortcode`. With source `suspense` the money was booked when it came, without an owner.
    """
    stripe = stripe_of(payment_id)
    debit = Leg(kind=CASH.get(source, "suspense"), side="D", amount=gross.minor, sub=f"{float_name}:{stripe}")
    if source == "suspense":
        debit = Leg(kind="suspense", side="D", amount=gross.minor, sub=float_name)
    if surplus:
        return [debit, Leg(kind="overpaid", side="C", amount=gross.minor)]
    net = gross - fee - tax
    credits = [
        Leg(kind="pending", side="C", amount=net.minor, spread_by=payment_id),
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
        *legs_on(taken, "D"),
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
    """How much of an amount each row of the merchant's accounts gives, in minor units; None when they do not cover it.

    `balances` by account name; of one kind the rows give in the order of their names. With `may_owe` the rest becomes
    the merchant's debt: the money is gone already.
    """
    taken: dict[str, int] = {}
    left = amount
    for name in (name for kind in order for name in sorted(balances) if name.partition(":")[0] == kind):
        part = min(left, max(balances[name], 0))
        if part:
            taken[name] = part
            left -= part
    if left and may_owe:
        taken["owed"] = left
    return None if left and not may_owe else taken


def refund_hold_legs(taken: Mapping[str, int]) -> list[Leg]:
    """Money promised to a payer, taken from the accounts named, in minor units each."""
    hold = Leg(kind="refund_hold", side="C", amount=sum(taken.values()))
    return [*legs_on(taken, "D"), hold]


def refund_undo_legs(taken: Mapping[str, int]) -> list[Leg]:
    """The promise is off: everything goes back to where it was taken from."""
    hold = Leg(kind="refund_hold", side="D", amount=sum(taken.values()))
    return [hold, *legs_on(taken, "C")]


def refund_done_legs(
    *, payment_id: UUID, amount: Money, float_name: str, source: Literal["float", "receivable"] = "float"
) -> list[Leg]:
    """The payer has the money: it left where the payment came to. `float_name` is `provider:shortcode`."""
    stripe = stripe_of(payment_id)
    return [
        Leg(kind="refund_hold", side="D", amount=amount.minor),
        Leg(kind=CASH[source], side="C", amount=amount.minor, sub=f"{float_name}:{stripe}"),
    ]


def fee_back_legs(*, payment_id: UUID, fee: Money, tax: Money) -> list[Leg]:
    """The plan gives the fee of a refunded payment back to the merchant."""
    given = [
        Leg(kind="fee_income", side="D", amount=fee.minor, sub=stripe_of(payment_id)),
        Leg(kind="tax_payable", side="D", amount=tax.minor),
    ]
    back = Leg(kind="available", side="C", amount=fee.minor + tax.minor)
    return [*[leg for leg in given if leg.amount], back]


# --- from pending to the merchant -------------------------------------------------------------------------------------


def release_legs(taken: Mapping[str, int], *, debt: int, reserve_bps: int) -> list[Leg]:
    """Pending money falls due: the merchant's debt is paid first, a share is kept back, the rest is available.

    `taken` is what each row of pending gives; all in minor units. The reserve is `reserve_bps` of the whole, rounded
    half-even, as far as the debt leaves it.
    """
    whole = sum(taken.values())
    repaid = min(max(debt, 0), whole)
    reserved = min(bps_of(whole, reserve_bps), whole - repaid)
    given = {"owed": repaid, "reserve": reserved, "available": whole - repaid - reserved}
    return [*legs_on(taken, "D"), *[Leg(kind=kind, side="C", amount=part) for kind, part in given.items() if part]]


def bps_of(amount: int, bps: int) -> int:
    """A share in hundredths of a percent, rounded half-even to one minor unit."""
    whole, rest = divmod(amount * bps, 10_000)
    return whole + int(rest > 5_000 or (rest == 5_000 and whole % 2 == 1))


def reserve_due_legs(amount: Money) -> list[Leg]:
    """What was kept back of a release is the merchant's to use."""
    return [
        Leg(kind="reserve", side="D", amount=amount.minor),
        Leg(kind="available", side="C", amount=amount.minor),
    ]


def split_legs(legs: Sequence[Leg], shares: Mapping[str, int]) -> list[Leg]:
    """A capture whose pending line is divided among sub-accounts by their shares, to the cent.

    Each gets its whole part; what is left over goes one unit each to the largest remainders.
    """
    divided: list[Leg] = []
    for leg in legs:
        if leg.kind != "pending":
            divided.append(leg)
            continue
        parts = divide(leg.amount, shares)
        divided += [Leg(kind="pending", side=leg.side, amount=part, sub=sub) for sub, part in parts.items() if part]
    return divided


def divide(amount: int, shares: Mapping[str, int]) -> dict[str, int]:
    """`amount` in minor units by whole-number shares, the largest remainders first; the parts sum to the amount."""
    whole = sum(shares.values())
    parts = {name: amount * share // whole for name, share in shares.items()}
    by_remainder = sorted(shares, key=lambda name: (-(amount * shares[name] % whole), name))
    for name in by_remainder[: amount - sum(parts.values())]:
        parts[name] += 1
    return parts


def card_settled_legs(*, settlement_id: UUID, gross: Money, charge: Money, float_name: str, bank: str) -> list[Leg]:
    """A card provider paid what it owed us to our bank account `bank`, less its charge."""
    debits = [
        Leg(kind="bank", side="D", amount=gross.minor - charge.minor, sub=bank),
        Leg(kind="provider_cost", side="D", amount=charge.minor),
    ]
    owing = f"{float_name}:{stripe_of(settlement_id)}"
    return [
        *[leg for leg in debits if leg.amount],
        Leg(kind="provider_receivable", side="C", amount=gross.minor, sub=owing),
    ]


# --- payouts ----------------------------------------------------------------------------------------------------------

# `source` and `name` of a payout: the float `provider:shortcode` it leaves, or the bank account.
PaidFrom = Literal["float", "bank"]


def paid_from(payout_id: UUID, *, source: PaidFrom, name: str) -> tuple[str, str]:
    """Kind and sub-account of the cash that a payout leaves from; of a float the row that this payout uses."""
    return CASH[source], f"{name}:{stripe_of(payout_id)}" if source == "float" else name


def payout_hold_legs(*, payout_id: UUID, amount: Money, fee: Money) -> list[Leg]:
    """A payout is made: its amount waits in the hold, and its fee is ours."""
    credits = [
        Leg(kind="payout_hold", side="C", amount=amount.minor),
        Leg(kind="fee_income", side="C", amount=fee.minor, sub=stripe_of(payout_id)),
    ]
    whole = Leg(kind="available", side="D", amount=amount.minor + fee.minor)
    return [whole, *[leg for leg in credits if leg.amount]]


def payout_undo_legs(*, payout_id: UUID, amount: Money, fee: Money) -> list[Leg]:
    """No money left: the amount and the fee go back to the merchant."""
    flipped: dict[Side, Side] = {"D": "C", "C": "D"}
    hold, *rest = payout_hold_legs(payout_id=payout_id, amount=amount, fee=fee)
    return [replace(leg, side=flipped[leg.side]) for leg in (*rest, hold)]


def payout_done_legs(*, payout_id: UUID, amount: Money, name: str, source: PaidFrom = "float") -> list[Leg]:
    """The merchant has the money: it left the float or the bank account named."""
    kind, sub = paid_from(payout_id, source=source, name=name)
    return [
        Leg(kind="payout_hold", side="D", amount=amount.minor),
        Leg(kind=kind, side="C", amount=amount.minor, sub=sub),
    ]


def payout_return_legs(*, payout_id: UUID, amount: Money, name: str, source: PaidFrom = "float") -> list[Leg]:
    """The money of a confirmed payout came back: it is the merchant's again. The fee is not given back."""
    kind, sub = paid_from(payout_id, source=source, name=name)
    return [
        Leg(kind=kind, side="D", amount=amount.minor, sub=sub),
        Leg(kind="available", side="C", amount=amount.minor),
    ]


def payout_charge_legs(*, payout_id: UUID, charge: Money, float_name: str) -> list[Leg]:
    """What the provider took from the float for a payout, at our cost."""
    return [
        Leg(kind="provider_cost", side="D", amount=charge.minor),
        Leg(kind="provider_float", side="C", amount=charge.minor, sub=f"{float_name}:{stripe_of(payout_id)}"),
    ]


# --- disputes ---------------------------------------------------------------------------------------------------------


def dispute_open_legs(taken: Mapping[str, int]) -> list[Leg]:
    """A payer disputes a card payment: the money is put aside, from what the merchant has and else as a debt."""
    return [*legs_on(taken, "D"), Leg(kind="dispute_hold", side="C", amount=sum(taken.values()))]


def dispute_lost_legs(*, payment_id: UUID, amount: Money, float_name: str) -> list[Leg]:
    """The payer is right: the card provider keeps the money back from us."""
    sub = f"{float_name}:{stripe_of(payment_id)}"
    return [
        Leg(kind="dispute_hold", side="D", amount=amount.minor),
        Leg(kind="provider_receivable", side="C", amount=amount.minor, sub=sub),
    ]


def dispute_won_legs(*, amount: Money, debt: int) -> list[Leg]:
    """The merchant is right: the debt is repaid first, the rest is available. `debt` in minor units."""
    repaid = min(max(debt, 0), amount.minor)
    given = {"owed": repaid, "available": amount.minor - repaid}
    credits = [Leg(kind=kind, side="C", amount=part) for kind, part in given.items() if part]
    return [Leg(kind="dispute_hold", side="D", amount=amount.minor), *credits]


def dispute_fee_legs(taken: Mapping[str, int], *, payment_id: UUID, float_name: str) -> list[Leg]:
    """What the card provider takes from us for a dispute, from what the merchant has and else as a debt."""
    sub = f"{float_name}:{stripe_of(payment_id)}"
    return [*legs_on(taken, "D"), Leg(kind="provider_receivable", side="C", amount=sum(taken.values()), sub=sub)]
