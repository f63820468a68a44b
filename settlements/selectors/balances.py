"""The ledger read: entries of a transfer, balances of a merchant."""

from typing import Any
from uuid import UUID

from settlements.chart import account_name
from settlements.models import LedgerAccount, LedgerEntry


def entries_of(transfer_id: UUID) -> list[dict[str, Any]]:
    """The entries of one transfer: account, side and amount in minor units, debits first."""
    rows = LedgerEntry.objects.filter(transfer_id=transfer_id).select_related("account").order_by("-side", "id")
    return [
        {
            "account": row.account.kind,
            "sub": row.account.sub,
            "side": "debit" if row.side == "D" else "credit",
            "amount": row.amount,
            "currency": row.currency,
        }
        for row in rows
    ]


def balances_of(merchant_id: UUID, *, currency: str, mode: str) -> dict[str, int]:
    """The merchant's balances by kind of account, in minor units, on the side each kind grows on."""
    found: dict[str, int] = {}
    for name, balance in rows_of(merchant_id, currency=currency, mode=mode).items():
        kind = name.partition(":")[0]
        found[kind] = found.get(kind, 0) + balance
    return found


def rows_of(merchant_id: UUID, *, currency: str, mode: str) -> dict[str, int]:
    """As balances_of, each row by its own name, `pending` or `pending:07`: what is taken is taken from rows."""
    rows = LedgerAccount.objects.filter(merchant_id=merchant_id, currency=currency, mode=mode)
    return {
        account_name(row.kind, row.sub): row.credits - row.debits if row.normal == "C" else row.debits - row.credits
        for row in rows
    }
