"""Money that came in, by prompt or by a payer's own hand (C2B), as one list."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.book import Book

DEFAULT_NAME = "AMINA WAIRIMU OTIENO"
"""The payer's name where none is given, and of everybody who answers a prompt."""

_ALL = f"""
SELECT receipt, shortcode, CASE WHEN party_b = shortcode THEN '' ELSE party_b END AS till, amount * 100 AS cents,
       phone, account_reference AS reference, '{DEFAULT_NAME}' AS name, decided_at, number
  FROM prompts WHERE status = 'paid'
 UNION ALL
SELECT receipt, shortcode, till, cents, phone, bill_ref, name, decided_at, number
  FROM c2b_payments WHERE status = 'paid'
"""  # noqa: S608 - a fixed name
_COLUMNS = "receipt, shortcode, till, cents, phone, reference, name, decided_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyIn:
    """One payment a shortcode received. `cents` is KES cents, `decided_at` epoch seconds, `till` empty for none."""

    receipt: str
    shortcode: str
    till: str
    cents: int
    phone: str
    reference: str
    name: str
    decided_at: float

    @property
    def is_goods(self) -> bool:
        return bool(self.till)

    @property
    def first_name(self) -> str:
        return self.name.partition(" ")[0]


def list_money_in(book: Book, shortcode: str, *, since: float, before: float, offset: int, limit: int) -> list[MoneyIn]:
    """What a shortcode was paid from `since` until just `before` (epoch seconds), in the order of payment."""
    rows = book.rows(
        f"SELECT {_COLUMNS} FROM ({_ALL}) WHERE shortcode = ? AND decided_at >= ? AND decided_at < ? "  # noqa: S608
        "ORDER BY decided_at, number, receipt LIMIT ? OFFSET ?",
        (shortcode, since, before, limit, offset),
    )
    return [MoneyIn(**dict(row)) for row in rows]


def find_money_in(book: Book, receipt: str) -> MoneyIn | None:
    """The payment with this receipt, None if no money came in under it."""
    rows = book.rows(f"SELECT {_COLUMNS} FROM ({_ALL}) WHERE receipt = ?", (receipt,))  # noqa: S608
    return MoneyIn(**dict(rows[0])) if rows else None


def has_paid(book: Book, shortcode: str, *, phone: str, cents: int, since: float) -> bool:
    """Has this phone paid this shortcode exactly `cents` (KES) at `since` (epoch seconds) or later?"""
    rows = book.rows(
        f"SELECT 1 FROM ({_ALL}) WHERE shortcode = ? AND phone = ? AND cents = ? AND decided_at >= ? LIMIT 1",  # noqa: S608
        (shortcode, phone, cents, since),
    )
    return bool(rows)
