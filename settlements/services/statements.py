"""The statement of a merchant's day: what there was, each movement, what there is. It must agree with the ledger."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from onpoint_pay.kit.clock import nairobi, now
from settlements.errors import DayNotOver, StatementBroken
from settlements.models import DayStatement
from settlements.schedule import ONE_DAY, end_of, start_of
from settlements.selectors.movements import BUCKETS, Movement, balances_at, movements, with_total
from settlements.selectors.settlement_terms import Shop
from settlements.services.batches import check_over


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One day in Nairobi. Balances by bucket, with their total, in minor units; `final`: nothing can join it."""

    shop: Shop
    day: date
    opening: dict[str, int]
    closing: dict[str, int]
    movements: tuple[Movement, ...]
    final: bool


def statement_of(merchant_id: UUID, mode: str, day: date, *, currency: str = "KES") -> Statement:
    """The statement of a day; one that is over is kept, so that the next day begins with what it ended with.

    Raises DayNotOver for a day that has not begun, StatementBroken when the books say otherwise than before.
    """
    if day > nairobi(now()).date():
        raise DayNotOver(f"{day} has not begun.")
    shop = Shop(merchant_id=merchant_id, mode=mode, currency=currency)
    moved = tuple(movements(shop, start=start_of(day), end=end_of(day)))
    opening = _opening(shop, day)
    sums = {bucket: opening[bucket] + sum(movement.amounts[bucket] for movement in moved) for bucket in BUCKETS}
    final = _is_over(day)
    statement = Statement(shop=shop, day=day, opening=opening, closing=with_total(sums), movements=moved, final=final)
    if final:
        _keep(statement)
    return statement


def _is_over(day: date) -> bool:
    try:
        check_over(day)
    except DayNotOver:
        return False
    return True


def _opening(shop: Shop, day: date) -> dict[str, int]:
    before = _kept(shop, day - ONE_DAY)
    return with_total(before.closing) if before else balances_at(shop, start_of(day))


def _kept(shop: Shop, day: date) -> DayStatement | None:
    rows = DayStatement.objects.filter(merchant_id=shop.merchant_id, mode=shop.mode, currency=shop.currency)
    return rows.filter(day=day).first()


def _keep(statement: Statement) -> None:
    shop = statement.shop
    row = DayStatement(
        merchant_id=shop.merchant_id,
        mode=shop.mode,
        currency=shop.currency,
        day=statement.day,
        opening=statement.opening,
        closing=statement.closing,
    )
    DayStatement.objects.bulk_create([row], ignore_conflicts=True)
    kept = _kept(shop, statement.day)
    if kept is None or (kept.opening, kept.closing) != (statement.opening, statement.closing):
        raise StatementBroken(f"the statement of {statement.day} was {kept and kept.closing}, now {statement.closing}")
