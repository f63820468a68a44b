"""The book's lines of initiator requests: one for each received, with its one true outcome, accepted or refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulator.book import Book

B2C = "b2c"
REVERSAL = "reversal"
STATUS = "status"
BALANCE = "balance"

COMPLETED = "completed"
FAILED = "failed"
REFUSED = "refused"

TIMEOUT = "timeout"
"""Stands in a time-out notice's line where a result has its code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One accepted request. Status: completed or failed, from the start. Times are epoch seconds, `cents` KES cents.

    `receipt` is None unless money moved.
    """

    number: int
    kind: str
    at: float
    shortcode: str
    originator_conversation_id: str
    conversation_id: str
    cents: int | None
    phone: str
    original: str
    result_url: str
    status: str
    result_code: str
    receipt: str | None
    result_body: str

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Transfer:
        return cls(**{name: row[name] for name in cls.__slots__})


def record_transfer(book: Book, line: Mapping[str, Any]) -> None:
    """One line per request received, accepted or refused."""
    names, marks = ", ".join(line), ", ".join(f":{name}" for name in line)
    book.change(f"INSERT INTO transfers ({names}) VALUES ({marks})", line)  # noqa: S608 - names come from this package


def find_transfer(book: Book, conversation_id: str) -> Transfer | None:
    """The accepted request with this OriginatorConversationID or ConversationID."""
    rows = book.rows(
        "SELECT * FROM transfers WHERE status <> 'refused' AND originator_conversation_id = ? "
        "UNION ALL SELECT * FROM transfers WHERE conversation_id = ?",
        (conversation_id, conversation_id),
    )
    return Transfer.from_row(rows[0]) if rows else None


def find_by_receipt(book: Book, receipt: str) -> Transfer | None:
    rows = book.rows("SELECT * FROM transfers WHERE receipt = ?", (receipt,))
    return Transfer.from_row(rows[0]) if rows else None


def count_earlier(book: Book, kind: str, fault_key: str) -> int:
    """How many requests of a kind came with this key before, refused ones too."""
    sql = "SELECT count(*) AS times FROM transfers WHERE kind = ? AND fault_key = ?"
    return int(book.rows(sql, (kind, fault_key))[0]["times"])


def reversed_cents(book: Book, receipt: str) -> int:
    """KES cents given back of a payment so far."""
    sql = (
        "SELECT coalesce(sum(cents), 0) AS cents FROM transfers "
        "WHERE kind = 'reversal' AND status = 'completed' AND original = ?"
    )
    return int(book.rows(sql, (receipt,))[0]["cents"])
