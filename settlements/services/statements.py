"""The statement of a merchant's day: what there was, each movement, what there is. It must agree with the ledger.

A day that is over is closed for everybody at once, with what was committed by then; from that moment its statements are
fixed. A transfer that was stamped before midnight and committed after the closing stands in the next day's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from hashlib import sha256
from uuid import UUID

import orjson
import structlog
from django.db import connection

from onpoint_pay.kit.clock import nairobi, now
from settlements.errors import DayNotOver, StatementBroken
from settlements.models import ClosedDay, DayStatement
from settlements.schedule import ONE_DAY, end_of
from settlements.selectors.movements import BUCKETS, Cut, Movement, balances_at, movements, with_total
from settlements.selectors.settlement_terms import Shop
from settlements.services.batches import last_over

log = structlog.get_logger(__name__)
# Nights that were missed are closed together: nothing of them can be told apart any more.
CLOSE = """
INSERT INTO closed_day (day, snapshot, closed_at)
SELECT day::date, pg_current_snapshot()::text, now() FROM generate_series(%(first)s::date, %(last)s::date, '1 day') day
ON CONFLICT DO NOTHING
"""
MOVED = """
SELECT DISTINCT t.merchant_id, t.mode, t.currency FROM ledger_transfer t
WHERE t.merchant_id IS NOT NULL AND t.posted_at >= %(since)s AND t.posted_at < %(end)s
  AND NOT EXISTS (SELECT 1 FROM day_statement d WHERE d.day = %(day)s
    AND (d.merchant_id, d.mode, d.currency) = (t.merchant_id, t.mode, t.currency))
"""


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
    """The statement of a day; of one that is over, the same for ever, and what the next day begins with.

    Raises DayNotOver for a day that has not begun, StatementBroken when the books were tampered with since.
    """
    if day > nairobi(now()).date():
        raise DayNotOver(f"{day} has not begun.")
    close_days()
    shop = Shop(merchant_id=merchant_id, mode=mode, currency=currency)
    until = _cut(day)
    moved = tuple(movements(shop, after=_cut(day - ONE_DAY), until=until))
    opening = _opening(shop, day)
    sums = {bucket: opening[bucket] + sum(movement.amounts[bucket] for movement in moved) for bucket in BUCKETS}
    is_closed = until.snapshot is not None
    found = Statement(shop=shop, day=day, opening=opening, closing=with_total(sums), movements=moved, final=is_closed)
    if is_closed:
        _keep(found)
    return found


def close_days() -> None:
    """Close every day that is over and is not closed yet; at the first time only the last one, as of those before it
    nothing was promised.
    """
    last = last_over()
    closed = ClosedDay.objects.order_by("-day").values_list("day", flat=True).first()
    if closed is None or closed < last:
        first = last if closed is None else closed + ONE_DAY
        with connection.cursor() as cursor:
            cursor.execute(CLOSE, {"first": first, "last": last})


def keep_statements() -> int:
    """The nightly run: close the day that is over, and keep the statement of everybody whose money moved; how many."""
    close_days()
    day = last_over()
    kept = 0
    for shop in _moved_on(day):
        make = partial(statement_of, shop.merchant_id, shop.mode, day, currency=shop.currency)
        try:
            make()
            kept += 1
        except Exception:  # noqa: BLE001 - one merchant's trouble is no other's
            log.exception("statement_not_kept", merchant=str(shop.merchant_id), mode=shop.mode, day=str(day))
    return kept


def _moved_on(day: date) -> list[Shop]:
    values = {"day": day, "since": end_of(day - ONE_DAY - ONE_DAY), "end": end_of(day)}
    with connection.cursor() as cursor:
        cursor.execute(MOVED, values)
        return [Shop(merchant_id=row[0], mode=row[1], currency=row[2]) for row in cursor.fetchall()]


def _cut(day: date) -> Cut:
    """Where a day ends in the books. Days before the first that was closed ended by what had been committed then."""
    closed = ClosedDay.objects.filter(day__gte=day).order_by("day").first()
    return Cut(end=end_of(day), snapshot=None if closed is None else closed.snapshot)


def _opening(shop: Shop, day: date) -> dict[str, int]:
    before = _kept(shop, day - ONE_DAY)
    return with_total(before.closing) if before else balances_at(shop, _cut(day - ONE_DAY))


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
        rows=len(statement.movements),
        digest=digest_of(statement.movements),
    )
    DayStatement.objects.bulk_create([row], ignore_conflicts=True)
    kept = _kept(shop, statement.day)
    if kept is None or _essence(kept) != _essence(row, like=kept):
        raise StatementBroken(f"the statement of {statement.day} was {kept and kept.closing}, now {statement.closing}")


def _essence(row: DayStatement, *, like: DayStatement | None = None) -> tuple[object, ...]:
    """What must stay as it is; rows of before there were digests have none."""
    has_digest = (like or row).digest is not None
    return row.opening, row.closing, *((row.rows, row.digest) if has_digest else ())


def digest_of(moved: Sequence[Movement]) -> str:
    """Hex SHA-256 of every movement in its order."""
    digest = sha256()
    for row in moved:
        digest.update(orjson.dumps([row.transfer_id, row.at, row.kind, row.source, sorted(row.amounts.items())]))
    return digest.hexdigest()
