"""A day's batches: opened from what is due, closed by releasing it. Each step commits alone and may be repeated."""

from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string

from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.ids import new_id
from settlements.errors import DayNotOver
from settlements.models import FloatProof, Settlement, SettlementLine
from settlements.schedule import ONE_DAY, end_of, is_settled_on, last_due
from settlements.selectors.due import INSERT, TOTALS, Bounds, Due, due_sums, values_of
from settlements.selectors.settlement_terms import Shop, Terms, holidays, shops, terms_of, terms_of_all
from settlements.services.settlement_events import announce
from settlements.services.settlement_release import release
from settlements.states import SETTLEMENT_OPEN

log = structlog.get_logger(__name__)
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"


class _NothingDue(Exception):
    """The batch would be empty: it is undone, and what there is rolls on."""


def run_settlement(*, day: date, merchant_id: UUID | None = None, by_hand: bool = False) -> list[Settlement]:
    """Settle everything that was due at the end of `day`, for all merchants or one; the batches of that day.

    A merchant's schedule is minded unless it is asked for by hand. Running it again, or at the same time elsewhere,
    gives the same batches. What the books' proof finds holds them open, with the reason. Raises DayNotOver.
    """
    check_over(day)
    for shop in shops(merchant_id):
        terms = terms_of(shop.merchant_id)
        if by_hand or is_due_on(day + ONE_DAY, terms):
            with _logged(shop):
                open_batch(shop, day=day, terms=terms)
    close_open(merchant_id)
    found = Settlement.objects.filter(day=day).order_by("merchant_id", "mode", "currency")
    return list(found.filter(merchant_id=merchant_id) if merchant_id else found)


def check_over(day: date) -> None:
    """Raises DayNotOver until SETTLEMENT_OPENS_MINUTES after the day's end."""
    opens = end_of(day) + timedelta(minutes=settings.SETTLEMENT_OPENS_MINUTES)
    if now() < opens:
        raise DayNotOver(f"{day} can be settled from {nairobi(opens):%Y-%m-%d %H:%M} in Nairobi.")


def last_over() -> date:
    """The last day that can be settled now."""
    return nairobi(now() - timedelta(minutes=settings.SETTLEMENT_OPENS_MINUTES)).date() - ONE_DAY


def is_due_on(run_day: date, terms: Terms) -> bool:
    """Whether a merchant with these terms is settled on this day."""
    return is_settled_on(
        run_day, schedule=terms.schedule, weekday=terms.weekday, month_day=terms.month_day, holidays=holidays()
    )


def what_is_due(found: Sequence[Shop], *, day: date) -> dict[Shop, Due]:
    """What the batches of that day would hold; nothing is written."""
    terms, free = terms_of_all([shop.merchant_id for shop in found]), holidays()
    with transaction.atomic():
        return due_sums([_bounds(shop, day=day, terms=terms[shop.merchant_id], free=free) for shop in found])


def open_batch(shop: Shop, *, day: date, terms: Terms) -> Settlement | None:
    """The batch of that day with its lines, made unless it is there; None when nothing is to be released."""

    def unit() -> Settlement:
        lock(shop, what=day)
        found: Settlement | None = _of_day(shop, day)
        return found or _fill(shop, day=day, terms=terms)

    try:
        return retry_unit(unit)
    except _NothingDue:
        return None


def _of_day(shop: Shop, day: date) -> Any:
    rows = Settlement.objects.scoped(shop.merchant_id, shop.mode)
    return rows.filter(currency=shop.currency, day=day).first()


def _fill(shop: Shop, *, day: date, terms: Terms) -> Settlement:
    row = Settlement.objects.create(
        id=new_id(),
        merchant_id=shop.merchant_id,
        mode=shop.mode,
        currency=shop.currency,
        day=day,
        status=SETTLEMENT_OPEN,
    )
    asked = _bounds(shop, day=day, terms=terms, free=holidays())
    values = values_of([asked]) | {"settlement": row.id}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '60s'")
        cursor.execute(INSERT, values)
        cursor.execute(TOTALS, values)
        total = cursor.fetchone()[0]
        if total <= 0:
            SettlementLine.objects.filter(settlement=row).delete()
            cursor.execute(TOTALS, values)
    if total <= 0 and not reserves_due(shop, day=day):
        raise _NothingDue
    row.refresh_from_db()
    announce(row, name="created", before=None)
    return row


def reserves_due(shop: Shop, *, day: date) -> bool:
    """Whether a reserve of an earlier batch comes back with the batch of this day."""
    rows = Settlement.objects.scoped(shop.merchant_id, shop.mode).filter(currency=shop.currency, reserve__gt=0)
    return rows.filter(reserve_due__lte=day + ONE_DAY, reserve_transfer=None).exists()


def _bounds(shop: Shop, *, day: date, terms: Terms, free: Set[date]) -> Bounds:
    last_days = {method: last_due(day + ONE_DAY, delay, free) for method, delay in terms.delays.items()}
    return Bounds.of_day(shop, day=day, last_days=last_days)


def lock(shop: Shop, *, what: object) -> None:
    """One process at a time works on one merchant's day, or on its payout, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [f"settlement:{shop.merchant_id}:{shop.mode}:{shop.currency}:{what}"])


# --- closing ----------------------------------------------------------------------------------------------------------


def close_open(merchant_id: UUID | None = None) -> None:
    """Release what every open batch holds, oldest first, unless the books are not proved: then say why it waits."""
    rows = Settlement.objects.filter(status=SETTLEMENT_OPEN).order_by("day", "id")
    waiting = list(rows.filter(merchant_id=merchant_id) if merchant_id else rows)
    if not waiting:
        return
    broken = _broken()
    for row in waiting:
        with _logged(shop_of(row)):
            _close(row, reason=broken or _float_gap(row))


def shop_of(row: Settlement) -> Shop:
    return Shop(merchant_id=row.merchant_id, mode=row.mode, currency=row.currency)


def _close(row: Settlement, *, reason: str) -> None:
    def unit() -> None:
        lock(shop_of(row), what=row.day)
        held = Settlement.objects.select_for_update().get(id=row.id)
        if held.status != SETTLEMENT_OPEN:
            return
        if reason:
            _hold(held, reason)
        else:
            release(held)

    retry_unit(unit)


def _hold(row: Settlement, reason: str) -> None:
    if row.hold_reason != reason:
        row.hold_reason, row.version = reason, row.version + 1
        row.save(update_fields=["hold_reason", "version"])
        log.error("settlement_held", settlement=str(row.id), reason=reason)


def _broken() -> str:
    """What the proof of the books finds, in words; a proof that cannot be made finds something too."""
    try:
        return str(import_string(settings.SETTLEMENT_PROOF)())
    except Exception as error:  # noqa: BLE001 - without a proof nothing is released
        log.exception("settlement_proof_failed")
        return f"The books could not be proved: {type(error).__name__}."


def _float_gap(row: Settlement) -> str:
    """The accounts at providers whose balance of that day differs from the books, unexplained."""
    red = FloatProof.objects.filter(mode=row.mode, currency=row.currency, day=row.day, is_green=False)
    names = red.exclude(unexplained=None).exclude(unexplained=0).order_by("account").values_list("account", flat=True)
    if names:
        return f"The provider's balance differs from the books: {', '.join(names)}."
    return _unproved(row) if settings.SETTLEMENT_NEEDS_STATEMENT and row.mode == LIVE else ""


def _unproved(row: Settlement) -> str:
    """The accounts of whose balance that day no statement tells; everything, when nothing was proved at all."""
    proofs = FloatProof.objects.filter(mode=row.mode, currency=row.currency, day=row.day)
    names = list(proofs.filter(is_green=False).order_by("account").values_list("account", flat=True))
    if proofs.exists() and not names:
        return ""
    return f"No statement proves the balance of that day: {', '.join(names) or 'none was brought'}."


@contextmanager
def _logged(shop: Shop) -> Iterator[None]:
    """One merchant's trouble is no other's: it is logged, and the next run tries again."""
    if connection.in_atomic_block:
        raise RuntimeError("each step of a settlement is a transaction of its own")
    try:
        yield
    except Exception:  # noqa: BLE001 - see above
        log.exception("settlement_step_failed", merchant=str(shop.merchant_id), mode=shop.mode)
