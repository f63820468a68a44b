"""Reading the ledger."""

from typing import Any
from uuid import UUID

from settlements.models import LedgerEntry


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
