"""Closing a batch: its total leaves pending for the merchant's debts, the reserve and what may be used."""

from datetime import timedelta
from uuid import UUID

from django.db import connection

from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.money import Money
from settlements.chart import Leg, account_name, release_legs, reserve_due_legs, split_hold
from settlements.models import Settlement, SettlementLine
from settlements.schedule import ONE_DAY, end_of
from settlements.selectors.due import INSERT_LATER_DEBITS, TOTALS, Bounds, values_of
from settlements.selectors.settlement_terms import Shop, terms_of
from settlements.services.ledger import post_transfer
from settlements.services.settlement_events import announce
from settlements.services.settlement_frozen import leave_out_frozen
from settlements.states import SETTLEMENT_CLOSED, SETTLEMENT_FAILED

SAVED = (
    *("status", "hold_reason", "closed_at", "version", "debt", "reserve", "available", "returned"),
    *("reserve_due", "release_transfer"),
)
REFUNDED = "Everything in it was refunded before its release."
FROZEN = "What was in it is frozen: the provider's statement does not tell of it."
RELEASE, RETURN = "settlement_release", "settlement_reserve_return"
# Locked in the order in which the ledger locks them too.
ROWS = "SELECT kind, sub, balance FROM ledger_lock_rows(%(merchant)s, %(currency)s, %(mode)s)"
ADVANCE = "SELECT settlement_advance(%(merchant)s, %(mode)s, %(currency)s)"


def release(row: Settlement) -> None:
    """Post what an open batch came to, and close it. The caller holds the batch's locks.

    A batch whose money was refunded meanwhile fails, and its lines are free for the next one.
    """
    due = _reserves_due(row)
    balances = _locked_rows(row)
    is_frozen = leave_out_frozen(row) > 0
    taken = _take(row, balances)
    before = row.status
    if taken:
        _post_release(row, taken, debt=balances.get("owed", 0))
    _return_reserves(row, due)
    row.status = SETTLEMENT_CLOSED if taken or row.returned else SETTLEMENT_FAILED
    row.hold_reason = "" if row.status == SETTLEMENT_CLOSED else FROZEN if is_frozen else REFUNDED
    row.closed_at = now() if row.status == SETTLEMENT_CLOSED else None
    row.version += 1
    row.save(update_fields=SAVED)
    _move_mark(row)
    announce(row, name=row.status, before=before, nth=row.version if row.status == SETTLEMENT_FAILED else 1)


def _locked_rows(row: Settlement) -> dict[str, int]:
    """Balances by account name in minor units; nobody else moves them until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(ROWS, {"merchant": row.merchant_id, "mode": row.mode, "currency": row.currency})
        return {account_name(kind, sub): balance for kind, sub, balance in cursor.fetchall()}


def _move_mark(row: Settlement) -> None:
    """What is settled for good is not read again by the next batch."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '60s'")
        cursor.execute(ADVANCE, {"merchant": row.merchant_id, "mode": row.mode, "currency": row.currency})


def _take(row: Settlement, balances: dict[str, int]) -> dict[str, int]:
    """What each row of pending gives. What was refunded out of pending since becomes a line of this batch."""
    taken = split_hold(row.total, balances, order=("pending",))
    if taken is None:
        _add_later_debits(row)
        taken = split_hold(max(row.total, 0), balances, order=("pending",))
    return taken or {}


def _add_later_debits(row: Settlement) -> None:
    shop = Shop(merchant_id=row.merchant_id, mode=row.mode, currency=row.currency)
    # Whatever is posted by now, whichever clock it was stamped by.
    asked = Bounds.all_before(shop, end_of(nairobi(now()).date() + ONE_DAY))
    values = values_of([asked]) | {"settlement": row.id}
    with connection.cursor() as cursor:
        cursor.execute(INSERT_LATER_DEBITS, values)
        cursor.execute(TOTALS, values)
        if cursor.fetchone()[0] <= 0:
            SettlementLine.objects.filter(settlement=row).delete()
            cursor.execute(TOTALS, values)
    row.refresh_from_db()


def _post_release(row: Settlement, taken: dict[str, int], *, debt: int) -> None:
    terms = terms_of(row.merchant_id)
    legs = release_legs(taken, debt=debt, reserve_bps=terms.reserve_bps)
    row.release_transfer_id = _post(row, legs, idem=f"stl:{row.id}:{row.merchant_id}:release", kind=RELEASE)
    parts = {leg.kind: leg.amount for leg in legs if leg.side == "C"}
    row.debt, row.reserve = parts.get("owed", 0), parts.get("reserve", 0)
    row.available = parts.get("available", 0)
    if row.reserve:
        row.reserve_due = row.day + timedelta(days=terms.reserve_days)


def _reserves_due(row: Settlement) -> list[Settlement]:
    """Earlier batches whose reserve is due by the day after this one's end; locked, as by a payout, before accounts."""
    earlier = Settlement.objects.scoped(row.merchant_id, row.mode).select_for_update().order_by("day", "id")
    due = earlier.filter(
        currency=row.currency, reserve__gt=0, reserve_transfer=None, reserve_due__lte=row.day + ONE_DAY
    )
    return list(due.exclude(id=row.id))


def _return_reserves(row: Settlement, due: list[Settlement]) -> None:
    """Each comes back with a line of its own."""
    for batch in due:
        legs = reserve_due_legs(Money(batch.reserve, batch.currency))
        batch.reserve_transfer_id = _post(batch, legs, idem=f"stl:{batch.id}:{row.merchant_id}:reserve", kind=RETURN)
        batch.version += 1
        batch.save(update_fields=["reserve_transfer", "version"])
        SettlementLine.objects.create(
            settlement=row, transfer_id=batch.reserve_transfer_id, kind="reserve_return", amount=batch.reserve
        )
        row.returned += batch.reserve


def _post(row: Settlement, legs: list[Leg], *, idem: str, kind: str) -> UUID:
    return post_transfer(
        legs,
        idem=idem,
        kind=kind,
        merchant_id=row.merchant_id,
        currency=row.currency,
        mode=row.mode,
    )
