"""The money of refunds in the ledger: held when asked for, booked when the payer has it, given back when it failed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from onpoint_pay.kit.money import Money
from settlements.chart import Leg, refund_done_legs, refund_hold_legs, refund_undo_legs, split_hold
from settlements.errors import BalanceTooLow
from settlements.services.ledger import post_transfer
from settlements.services.striping import rows_to_take_from

FLOOR = "ledger_account_floor"
# Others take from the same accounts at the same time; each round somebody gets on.
ROUNDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundMoney:
    """What the ledger must know of a refund. `is_surplus`: of a payment that was never the merchant's."""

    refund_id: UUID
    payment_id: UUID
    merchant_id: UUID
    mode: str
    amount: Money
    is_surplus: bool
    float_name: str


def hold_refund(refund: RefundMoney) -> dict[str, int]:
    """Promise the money to the payer; returns the accounts it was taken from, in minor units each.

    Raises BalanceTooLow. Must run inside the transaction of the change it belongs to.
    """
    return _hold(refund, step="hold", may_owe=False)


def hold_refund_gone(refund: RefundMoney) -> dict[str, int]:
    """As hold_refund, for money that left without us: what the balance lacks becomes a debt."""
    return _hold(refund, step="hold", may_owe=True)


def hold_refund_again(refund: RefundMoney) -> dict[str, int]:
    """As hold_refund, for money that left after its hold was given back: what the balance lacks becomes a debt."""
    return _hold(refund, step="rehold", may_owe=True)


def book_refund(refund: RefundMoney, *, occurred_at: datetime | None) -> UUID:
    """The payer has the money: the held amount leaves our float."""
    legs = refund_done_legs(payment_id=refund.payment_id, amount=refund.amount, float_name=refund.float_name)
    return _post(refund, legs, step="done", occurred_at=occurred_at)


def release_refund(refund: RefundMoney, *, held_from: dict[str, int]) -> UUID:
    """No money left: what was held goes back to where it came from."""
    return _post(refund, refund_undo_legs(held_from), step="undo")


def _hold(refund: RefundMoney, *, step: str, may_owe: bool) -> dict[str, int]:
    for _ in range(ROUNDS):
        taken = _choose(refund, may_owe=may_owe)
        if taken is None:
            break
        try:
            with transaction.atomic():
                _post(refund, refund_hold_legs(taken), step=step)
            return taken
        except IntegrityError as error:
            # Somebody took the money between our look and our posting: look again.
            diagnosis = getattr(error.__cause__, "diag", None)
            if getattr(diagnosis, "constraint_name", None) != FLOOR:
                raise
    raise BalanceTooLow(f"{refund.amount} for {refund.refund_id}")


def _choose(refund: RefundMoney, *, may_owe: bool) -> dict[str, int] | None:
    if refund.is_surplus:
        return {"overpaid": refund.amount.minor}
    rows = rows_to_take_from(refund.merchant_id, currency=refund.amount.currency, mode=refund.mode)
    return split_hold(refund.amount.minor, rows, may_owe=may_owe)


def _post(refund: RefundMoney, legs: Sequence[Leg], *, step: str, occurred_at: datetime | None = None) -> UUID:
    return post_transfer(
        legs,
        idem=f"ref:{refund.refund_id}:{step}",
        kind=f"refund_{step}",
        merchant_id=refund.merchant_id,
        currency=refund.amount.currency,
        mode=refund.mode,
        occurred_at=occurred_at,
    )
