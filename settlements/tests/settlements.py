"""What tests of settlement share: money that came on a named day, and the days themselves."""

from dataclasses import replace
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from merchants.models import Merchant
from onpoint_pay.kit.clock import NAIROBI
from onpoint_pay.kit.ids import new_id
from onpoint_pay.kit.money import Money
from settlements.chart import Leg, capture_legs
from settlements.models import Settlement, SettlementLine
from settlements.services.ledger import post_transfer

# A week without a holiday.
MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = (date(2026, 6, day) for day in range(8, 15))
NOON, LAST_INSTANT = time(12), time(23, 59, 59, 999_999)


def post_on(
    merchant: Merchant,
    legs: list[Leg],
    *,
    day: date,
    at: time = NOON,
    kind: str = "capture",
    mode: str = "test",
    currency: str = "KES",
) -> UUID:
    """A transfer that was posted at this time of this day in Nairobi."""
    with transaction.atomic():
        key = post_transfer(
            legs, idem=f"tests:{new_id()}", kind=kind, merchant_id=merchant.id, currency=currency, mode=mode
        )
    move_to(key, datetime.combine(day, at, NAIROBI))
    return key


def move_to(transfer_id: UUID, at: datetime) -> None:
    """As though it had been posted then: the database's own clock cannot be set."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_transfer DISABLE TRIGGER ledger_transfer_keep")
        cursor.execute("UPDATE ledger_transfer SET posted_at = %s WHERE id = %s", [at, transfer_id])
        cursor.execute("ALTER TABLE ledger_transfer ENABLE TRIGGER ledger_transfer_keep")


def pay_on(merchant: Merchant, gross: int, *, day: date, fee: int = 0, card: bool = False, **more: Any) -> UUID:
    """A captured payment; minor units. `row` is the one of pending that it is put on, where there are several."""
    payment_id, row = new_id(), more.pop("row", "")
    legs = capture_legs(
        payment_id=payment_id,
        gross=Money(gross, more.get("currency", "KES")),
        fee=Money(fee, more.get("currency", "KES")),
        tax=Money(0, more.get("currency", "KES")),
        float_name="paystack:main" if card else "daraja:174379",
        surplus=False,
        source="receivable" if card else "float",
    )
    legs = [replace(leg, sub=row, spread_by=None) if leg.kind == "pending" else leg for leg in legs]
    return post_on(merchant, legs, day=day, **more)


def give_back_on(merchant: Merchant, amount: int, *, day: date, **more: Any) -> UUID:
    """Money of pending that is gone: to a payer, through the float, in one transfer."""
    legs = [
        Leg(kind="pending", side="D", amount=amount, sub=more.pop("sub", "")),
        Leg(kind="provider_float", side="C", amount=amount, sub="daraja:174379:00"),
    ]
    return post_on(merchant, legs, day=day, kind="refund_hold", **more)


def parts(row: Settlement) -> tuple[str, int, int, int, int]:
    """Status, total, debt, reserve and available."""
    found = Settlement.objects.get(id=row.id)
    return found.status, found.total, found.debt, found.reserve, found.available


def lines_of(row: Settlement) -> list[tuple[str, int]]:
    return list(SettlementLine.objects.filter(settlement=row).order_by("id").values_list("kind", "amount"))
