"""What the tests of the ledger share: posting, looking, and being refused by name."""

from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection, transaction

from merchants.models import Merchant
from onpoint_pay.kit.ids import new_id
from onpoint_pay.kit.money import Money
from settlements.chart import Leg, capture_legs
from settlements.models import LedgerAccount
from settlements.services.ledger import post_transfer


def execute(sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall()) if cursor.description else []


def post(
    merchant: Merchant, legs: list[Leg], *, idem: str | None = None, mode: str = "test", currency: str = "KES"
) -> UUID:
    """Post in a transaction of its own, or in the open one."""
    with transaction.atomic():
        return post_transfer(
            legs, idem=idem or f"tests:{new_id()}", kind="test", merchant_id=merchant.id, currency=currency, mode=mode
        )


def pay(
    merchant: Merchant, gross: int, *, fee: int = 0, tax: int = 0, payment_id: UUID | None = None, **more: Any
) -> UUID:
    """A captured payment; amounts in minor units."""
    legs = capture_legs(
        payment_id=payment_id or new_id(),
        gross=Money(gross),
        fee=Money(fee),
        tax=Money(tax),
        float_name="daraja:174379",
        surplus=more.pop("surplus", False),
    )
    return post(merchant, legs, **more)


def balance(kind: str, merchant: Merchant | None = None, *, mode: str = "test") -> int:
    """All accounts of a kind together, on the side they grow on; minor units."""
    rows = LedgerAccount.objects.filter(kind=kind, merchant=merchant, mode=mode)
    return sum((row.credits - row.debits) if row.normal == "C" else (row.debits - row.credits) for row in rows)


def refused_by(sql: str, *parameters: object) -> str:
    """The constraint or words with which the database refuses a statement; empty when it does not."""
    try:
        with transaction.atomic():
            execute(sql, *parameters)
            execute("SET CONSTRAINTS ALL IMMEDIATE")
    except DatabaseError as error:
        diagnosis: Any = error.__cause__.diag  # type: ignore[union-attr]
        return str(diagnosis.constraint_name or diagnosis.message_primary)
    return ""
