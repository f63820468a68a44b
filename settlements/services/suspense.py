"""Money without an owner in the ledger: booked when it comes, undone when it was booked twice or to the wrong one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from onpoint_pay.kit.money import Money
from settlements.chart import split_hold, suspense_legs, suspense_undo_legs, uncapture_legs
from settlements.errors import BalanceTooLow
from settlements.selectors import rows_of
from settlements.services.ledger import post_transfer
from settlements.services.refunds import FLOOR, ROUNDS

# A capture is taken back from where it was put, as far as it is still there.
TAKEN_BACK_FROM = ("pending", "available")


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspenseMoney:
    """What the ledger must know of money that came by itself. `merchant_id` None: nobody's yet."""

    receipt_id: UUID
    merchant_id: UUID | None
    mode: str
    amount: Money
    float_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """A capture to be taken back: of a payment with this fee and tax, by this transfer.

    `is_surplus`: it was owed back to the payer whole, and was never the merchant's.
    """

    payment_id: UUID
    transfer_id: UUID
    fee: Money
    tax: Money
    is_surplus: bool = False


def book_suspense(money: SuspenseMoney, *, occurred_at: datetime | None) -> UUID:
    """The float grows, and the money waits for its owner."""
    legs = suspense_legs(receipt_id=money.receipt_id, amount=money.amount, float_name=money.float_name)
    return post_transfer(
        legs,
        idem=f"c2b:{money.receipt_id}:received",
        kind="c2b_received",
        merchant_id=money.merchant_id,
        currency=money.amount.currency,
        mode=money.mode,
        occurred_at=occurred_at,
    )


def undo_suspense(money: SuspenseMoney, *, booked: UUID) -> UUID:
    """The money is in the books already, as a payment that was told of without a receipt. `booked` put it here."""
    legs = suspense_undo_legs(receipt_id=money.receipt_id, amount=money.amount, float_name=money.float_name)
    return post_transfer(
        legs,
        idem=f"c2b:{money.receipt_id}:undo:{booked}",
        kind="c2b_undo",
        merchant_id=money.merchant_id,
        currency=money.amount.currency,
        mode=money.mode,
        reverses=booked,
    )


def return_to_suspense(money: SuspenseMoney, captured: Captured, *, actor: str) -> UUID:
    """Take a capture back from the merchant. Raises BalanceTooLow when the merchant's accounts do not cover it."""
    for _ in range(ROUNDS):
        taken = _choose(money, captured)
        if taken is None:
            break
        try:
            with transaction.atomic():
                return _post_return(money, captured, taken, actor=actor)
        except IntegrityError as error:
            # Somebody took the money between our look and our posting: look again.
            diagnosis = getattr(error.__cause__, "diag", None)
            if getattr(diagnosis, "constraint_name", None) != FLOOR:
                raise
    raise BalanceTooLow(f"{money.amount} of {captured.payment_id}")


def _choose(money: SuspenseMoney, captured: Captured) -> dict[str, int] | None:
    if captured.is_surplus:
        return {"overpaid": money.amount.minor}
    assert money.merchant_id is not None  # noqa: S101 - a captured payment has a merchant
    net = money.amount.minor - captured.fee.minor - captured.tax.minor
    rows = rows_of(money.merchant_id, currency=money.amount.currency, mode=money.mode)
    return split_hold(net, rows, order=TAKEN_BACK_FROM)


def _post_return(money: SuspenseMoney, captured: Captured, taken: Mapping[str, int], *, actor: str) -> UUID:
    legs = uncapture_legs(
        payment_id=captured.payment_id,
        fee=captured.fee,
        tax=captured.tax,
        taken=taken,
        float_name=money.float_name,
    )
    return post_transfer(
        legs,
        idem=f"pay:{captured.payment_id}:unmatch",
        kind="c2b_unmatch",
        merchant_id=money.merchant_id,
        currency=money.amount.currency,
        mode=money.mode,
        reverses=captured.transfer_id,
        actor=actor,
    )
