"""C2B in the book: the URLs a shortcode registered, and the payments its payers made by themselves."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from simulator.book import Book
from simulator.money_in import MoneyIn

INTERRUPTED = "interrupted"
"""Refusal of a payment whose validation a restart or a reset cut short."""

_FILTERS = ("receipt", "shortcode", "bill_ref", "phone", "status")


@dataclass(frozen=True, slots=True, kw_only=True)
class C2bUrls:
    """What a shortcode registered. `version` is v1 or v2, `response_type` Completed or Cancelled."""

    shortcode: str
    version: str
    response_type: str
    confirmation_url: str
    validation_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class C2bOrder:
    """What a payer asks the operator to do. `cents` is KES cents; `till` is empty for a paybill."""

    shortcode: str
    till: str = ""
    cents: int
    phone: str
    bill_ref: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class C2bPayment:
    """One payment in the book. Status: asked, paid or refused. Times are epoch seconds."""

    receipt: str
    order: C2bOrder
    status: str = "asked"
    refusal: str | None = None
    third_party_id: str = ""
    asked_at: float
    decided_at: float | None = None

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Self:
        order = C2bOrder(**{name: row[name] for name in C2bOrder.__slots__})
        rest = ("receipt", "status", "refusal", "third_party_id", "asked_at", "decided_at")
        return cls(order=order, **{name: row[name] for name in rest})

    def as_money(self, *, at: float) -> MoneyIn:
        """The same payment as an entry of what came in at `at`."""
        order = self.order
        return MoneyIn(
            receipt=self.receipt,
            shortcode=order.shortcode,
            till=order.till,
            cents=order.cents,
            phone=order.phone,
            reference=order.bill_ref,
            name=order.name,
            decided_at=at,
        )


def save_urls(book: Book, urls: C2bUrls) -> None:
    book.change(
        "INSERT OR REPLACE INTO c2b_urls (shortcode, version, response_type, confirmation_url, validation_url) "
        "VALUES (:shortcode, :version, :response_type, :confirmation_url, :validation_url)",
        asdict(urls),
    )


def urls_of(book: Book, shortcode: str) -> C2bUrls | None:
    rows = book.rows("SELECT * FROM c2b_urls WHERE shortcode = ?", (shortcode,))
    return C2bUrls(**dict(rows[0])) if rows else None


def drop_urls(book: Book, shortcode: str) -> None:
    book.change("DELETE FROM c2b_urls WHERE shortcode = ?", (shortcode,))


def insert_payment(book: Book, order: C2bOrder, *, receipt: str, at: float) -> C2bPayment:
    """Notes that a payer asks; no money moves yet."""
    book.change(
        "INSERT INTO c2b_payments (receipt, shortcode, till, cents, phone, bill_ref, name, status, asked_at) "
        "VALUES (:receipt, :shortcode, :till, :cents, :phone, :bill_ref, :name, 'asked', :at)",
        {**asdict(order), "receipt": receipt, "at": at},
    )
    return C2bPayment(receipt=receipt, order=order, asked_at=at)


def settle_payment(book: Book, receipt: str, *, at: float, refusal: str | None, third_party_id: str) -> bool:
    """Gives an asked payment its one outcome, paid when `refusal` is None; False if it has one or is gone."""
    changed = book.change(
        "UPDATE c2b_payments SET status = ?, refusal = ?, third_party_id = ?, decided_at = ? "
        "WHERE receipt = ? AND status = 'asked'",
        ("paid" if refusal is None else "refused", refusal, third_party_id, at, receipt),
    )
    return changed > 0


def refuse_interrupted(book: Book, *, at: float) -> None:
    """Ends the payments whose validation a stopped process left behind: no answer was heard, no money moved."""
    book.change(
        "UPDATE c2b_payments SET status = 'refused', refusal = ?, decided_at = ? WHERE status = 'asked'",
        (INTERRUPTED, at),
    )


def count_payments(book: Book, order: C2bOrder) -> int:
    """How many payments there are with this reference; without one, from this phone."""
    sql = "SELECT count(*) FROM c2b_payments WHERE shortcode = ? AND bill_ref = ? AND (bill_ref <> '' OR phone = ?)"
    return int(book.rows(sql, (order.shortcode, order.bill_ref, order.phone))[0][0])


def count_of_payer(book: Book, phone: str) -> int:
    """How many payments a phone has asked for by hand."""
    return int(book.rows("SELECT count(*) FROM c2b_payments WHERE phone = ?", (phone,))[0][0])


def list_payments(book: Book, filters: Mapping[str, Any], *, limit: int) -> list[C2bPayment]:
    """Payments in the order they were asked for; filters receipt, shortcode, bill_ref, phone and status."""
    named = [name for name in _FILTERS if name in filters]
    where = " AND ".join(["true", *(f"{name} = ?" for name in named)])
    sql = f"SELECT * FROM c2b_payments WHERE {where} ORDER BY number LIMIT ?"  # noqa: S608 - fixed names
    return [C2bPayment.from_row(row) for row in book.rows(sql, [*(filters[name] for name in named), limit])]
