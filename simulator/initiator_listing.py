"""Reads of the book's initiator requests for people and fault runs: requests, results, totals."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from simulator.book import Book
from simulator.identifiers import iso_utc
from simulator.initiator_book import B2C, BALANCE, COMPLETED, FAILED, REFUSED, REVERSAL, STATUS, TIMEOUT

KINDS = (B2C, REVERSAL, STATUS, BALANCE)
STATUSES = (COMPLETED, FAILED, REFUSED)
FILTERS = {
    "kind": "t.kind = ?",
    "status": "t.status = ?",
    "originator_conversation_id": "t.originator_conversation_id = ?",
    "conversation_id": "t.conversation_id = ?",
    "receipt": "t.receipt = ?",
    "phone": "t.phone = ?",
    "original": "t.original = ?",
    "shortcode": "t.shortcode = ?",
    "after": "t.number > ?",
}

_TRANSFERS = """
SELECT t.*,
       (SELECT count(*) FROM callbacks c
         WHERE c.checkout_request_id = t.originator_conversation_id AND t.status <> 'refused'
           AND c.sent_at IS NOT NULL) AS results_sent
  FROM transfers t
"""

_TOTALS = """
SELECT coalesce(sum(t.status <> 'refused'), 0) AS transfers,
       coalesce(sum(t.status = 'refused'), 0) AS transfers_refused,
       coalesce(sum(CASE WHEN t.kind = 'b2c' AND t.status = 'completed' THEN t.cents END), 0) AS paid_out_cents,
       coalesce(sum(CASE WHEN t.kind = 'reversal' AND t.status = 'completed' THEN t.cents END), 0) AS reversed_cents
  FROM transfers t
"""

_PLAIN = (
    "number",
    "kind",
    "originator_conversation_id",
    "conversation_id",
    "shortcode",
    "command_id",
    "cents",
    "phone",
    "original",
    "status",
    "result_code",
    "result_text",
    "receipt",
    "error_code",
    "error_message",
    "handover",
    "result_url",
    "timeout_url",
    "results_sent",
)


def list_transfers(book: Book, filters: Mapping[str, str], *, limit: int) -> dict[str, Any]:
    """Requests in the order they came. `after` is the number of the last one already seen."""
    where, values = _where(filters)
    rows = book.rows(f"{_TRANSFERS} {where} ORDER BY t.number LIMIT ?", [*values, limit + 1])
    return {"transfers": [_entry(row) for row in rows[:limit]], "has_more": len(rows) > limit}


def list_results(book: Book, originator_conversation_id: str) -> list[dict[str, Any]]:
    """Every message booked for a request: result or time-out notice, due or sent, and the answer it got."""
    sql = "SELECT * FROM callbacks WHERE checkout_request_id = ? ORDER BY number"
    return [_message(row) for row in book.rows(sql, [originator_conversation_id])]


def summarise_transfers(book: Book, shortcode: str | None) -> dict[str, int]:
    """Totals in KES cents, of one shortcode if given. Queries of status and balance count as transfers."""
    where, values = _where({"shortcode": shortcode} if shortcode else {})
    return dict(book.rows(f"{_TOTALS} {where}", values)[0])


def _where(filters: Mapping[str, str]) -> tuple[str, list[str]]:
    clauses = [FILTERS[name] for name in filters]
    return (f"WHERE {' AND '.join(clauses)}" if clauses else ""), list(filters.values())


def _entry(row: sqlite3.Row) -> dict[str, Any]:
    return {name: row[name] for name in _PLAIN} | {"at": iso_utc(row["at"])}


def _message(row: sqlite3.Row) -> dict[str, Any]:
    plain = ("number", "url", "body", "http_status", "error")
    is_notice = row["result_code"] == TIMEOUT
    return {name: row[name] for name in plain} | {
        "kind": "timeout" if is_notice else "result",
        "result_code": None if is_notice else row["result_code"],
        "due_at": iso_utc(row["due_at"]),
        "sent_at": iso_utc(row["sent_at"]),
    }
