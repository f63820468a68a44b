"""The money of payouts in the ledger: held when asked for, booked when it has left, given back when it has not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q

from onpoint_pay.kit.db import broke
from onpoint_pay.kit.money import Money
from settlements.chart import (
    Leg,
    PaidFrom,
    legs_on,
    payout_charge_legs,
    payout_done_legs,
    payout_hold_legs,
    payout_return_legs,
    payout_undo_legs,
    split_hold,
)
from settlements.errors import BalanceTooLow
from settlements.models import LedgerTransfer
from settlements.selectors import balances_of
from settlements.services.ledger import post_transfer, post_transfers

FLOOR = "ledger_account_floor"
# Others take from the same accounts at the same time; each round somebody gets on.
ROUNDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutMoney:
    """What the ledger must know of a payout, or of one part of it. `name` is the float or the bank account it leaves.

    `part` counts from 1: the parts of one payout are booked apart. `fee_by` chooses the row of our income.
    """

    payout_id: UUID
    merchant_id: UUID
    mode: str
    amount: Money
    source: PaidFrom
    name: str
    fee_by: UUID
    part: int = 1


def hold_payouts(moneys: Sequence[PayoutMoney], *, fee: Money) -> None:
    """Take amounts and fees of payouts of one merchant, one fee each, from what it may use: all of them or none.

    Raises BalanceTooLow. Must run inside the transaction of the change it belongs to.
    """
    named = {
        _idem(money, "hold"): payout_hold_legs(payout_id=money.fee_by, amount=money.amount, fee=fee) for money in moneys
    }
    try:
        with transaction.atomic():
            _post_all(moneys[0], named, step="hold")
    except IntegrityError as error:
        if not broke(error, FLOOR):
            raise
        raise BalanceTooLow(f"{len(moneys)} payouts") from error


def release_payouts(moneys: Sequence[PayoutMoney], *, fee: Money) -> None:
    """As release_payout, of many payouts of one merchant that have one fee each."""
    named = {
        _idem(money, "undo"): payout_undo_legs(payout_id=money.fee_by, amount=money.amount, fee=fee) for money in moneys
    }
    _post_all(moneys[0], named, step="undo")


def _post_all(money: PayoutMoney, named: Mapping[str, Sequence[Leg]], *, step: str) -> None:
    post_transfers(
        named,
        kind=f"payout_{step}",
        merchant_id=money.merchant_id,
        currency=money.amount.currency,
        mode=money.mode,
    )


def hold_payout_again(money: PayoutMoney) -> UUID:
    """For a part that left after its hold was given back: what the balance lacks becomes a debt. No fee."""
    for _ in range(ROUNDS):
        balances = balances_of(money.merchant_id, currency=money.amount.currency, mode=money.mode)
        taken = split_hold(money.amount.minor, balances, may_owe=True, order=("available",)) or {}
        legs = [*legs_on(taken, "D"), Leg(kind="payout_hold", side="C", amount=money.amount.minor)]
        try:
            with transaction.atomic():
                return _post(money, legs, step="rehold")
        except IntegrityError as error:
            # Somebody took the money between our look and our posting: look again.
            if not broke(error, FLOOR):
                raise
    raise BalanceTooLow(f"{money.amount} for {money.payout_id}")


def book_payout(money: PayoutMoney, *, occurred_at: datetime | None) -> UUID:
    """The receiver has the money: it left the float or the bank account."""
    legs = payout_done_legs(payout_id=money.payout_id, amount=money.amount, name=money.name, source=money.source)
    return _post(money, legs, step="done", occurred_at=occurred_at)


def release_payout(money: PayoutMoney, *, fee: Money) -> UUID:
    """No money left: the amount, and the fee unless it stays earned, are the merchant's to use again."""
    legs = payout_undo_legs(payout_id=money.fee_by, amount=money.amount, fee=fee)
    return _post(money, legs, step="undo")


def return_payout_money(money: PayoutMoney, *, occurred_at: datetime | None) -> UUID:
    """Money that had left came back."""
    legs = payout_return_legs(payout_id=money.payout_id, amount=money.amount, name=money.name, source=money.source)
    return _post(money, legs, step="return", occurred_at=occurred_at)


def book_payout_charge(money: PayoutMoney, *, charge: Money) -> UUID:
    """What the provider took from the float for sending, at our cost."""
    legs = payout_charge_legs(payout_id=money.payout_id, charge=charge, float_name=money.name)
    return _post(money, legs, step="charge")


def is_booked(money: PayoutMoney, step: str) -> bool:
    """Whether this part was booked so before: `hold`, `done`, `undo`, `rehold`, `return` or `charge`."""
    return LedgerTransfer.objects.filter(idem=_idem(money, step)).exists()


def count_booked(payout_id: UUID, step: str) -> int:
    """How many parts of a payout were booked so."""
    name = f"po:{payout_id}:{step}"
    return LedgerTransfer.objects.filter(Q(idem=name) | Q(idem__startswith=f"{name}:")).count()


def _idem(money: PayoutMoney, step: str) -> str:
    """The first part carries the payout's own name: most payouts have no other."""
    return f"po:{money.payout_id}:{step}" + (f":{money.part}" if money.part > 1 else "")


def _post(money: PayoutMoney, legs: Sequence[Leg], *, step: str, occurred_at: datetime | None = None) -> UUID:
    return post_transfer(
        legs,
        idem=_idem(money, step),
        kind=f"payout_{step}",
        merchant_id=money.merchant_id,
        currency=money.amount.currency,
        mode=money.mode,
        occurred_at=occurred_at,
    )
