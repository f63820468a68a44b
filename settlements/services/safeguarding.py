"""Safeguarding: whether the cash at providers and banks covers everything that is owed to merchants and payers."""

from dataclasses import dataclass
from typing import Any

from django.db import connection

# What is held for merchants and payers; what it is held in.
LIABILITIES = (
    "pending",
    "available",
    "reserve",
    "refund_hold",
    "payout_hold",
    "dispute_hold",
    "suspense",
    "overpaid",
)
CASH = ("provider_float", "provider_receivable", "bank")

REPORT = """
SELECT currency, mode, kind, sum(CASE normal WHEN 'C' THEN credits - debits ELSE debits - credits END)::bigint
FROM ledger_account WHERE kind = ANY (%s) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


@dataclass(slots=True, kw_only=True)
class Safeguard:
    """One currency in one mode, minor units by kind of account. `cover` below zero: the operator must add `capital`."""

    currency: str
    mode: str
    owed: dict[str, int]
    cash: dict[str, int]

    @property
    def cover(self) -> int:
        return sum(self.cash.values()) - sum(self.owed.values())

    @property
    def is_covered(self) -> bool:
        return self.cover >= 0

    def report(self) -> dict[str, Any]:
        """As JSON has it; amounts in minor units, by kind of account and summed."""
        return {
            "mode": self.mode,
            "currency": self.currency,
            "owed": dict(sorted(self.owed.items())),
            "held": dict(sorted(self.cash.items())),
            "owed_total": sum(self.owed.values()),
            "held_total": sum(self.cash.values()),
            "cover": self.cover,
            "is_covered": self.is_covered,
        }


def safeguarding_report() -> list[Safeguard]:
    """Every currency and mode there is money in."""
    found: dict[tuple[str, str], Safeguard] = {}
    with connection.cursor() as cursor:
        cursor.execute(REPORT, [[*LIABILITIES, *CASH]])
        for currency, mode, kind, balance in cursor.fetchall():
            row = found.setdefault((currency, mode), Safeguard(currency=currency, mode=mode, owed={}, cash={}))
            (row.cash if kind in CASH else row.owed)[kind] = balance
    return list(found.values())
