"""Reads of the book for people and fault runs: prompts, callbacks, totals."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from simulator.book import Book
from simulator.identifiers import iso_utc
from simulator.initiator_listing import summarise_transfers

MAX_LIMIT = 1_000
FILTERS = {
    "checkout_request_id": "p.checkout_request_id = ?",
    "account_reference": "p.account_reference = ?",
    "phone": "p.phone = ?",
    "shortcode": "p.shortcode = ?",
    "after": "p.number > (SELECT number FROM prompts WHERE checkout_request_id = ?)",
}
# Written out, not bound: SQLite then sees that the index of open prompts will do.
STATUSES = {status: f"p.status = '{status}'" for status in ("open", "paid", "failed")}

_PROMPTS = """
SELECT p.*,
       (SELECT count(*) FROM callbacks c
         WHERE c.checkout_request_id = p.checkout_request_id AND c.sent_at IS NOT NULL) AS callbacks_sent,
       (SELECT count(*) FROM pushes s
         WHERE s.account_reference = p.account_reference AND s.shortcode = p.shortcode
           AND s.phone = p.phone) AS pushes,
       (SELECT coalesce(sum(t.cents), 0) FROM transfers t
         WHERE t.kind = 'reversal' AND t.status = 'completed' AND t.original = p.receipt) AS reversed_cents
  FROM prompts p
"""

_TOTALS = """
SELECT count(*) AS prompts,
       coalesce(sum(p.status = 'open'), 0) AS open,
       coalesce(sum(p.status = 'paid'), 0) AS paid,
       coalesce(sum(p.status = 'failed'), 0) AS failed,
       coalesce(sum(CASE WHEN p.status = 'paid' THEN p.amount END), 0) AS paid_amount
  FROM prompts p
"""

_PUSHES = """
SELECT count(*) AS pushes_received,
       coalesce(sum(p.checkout_request_id IS NULL), 0) AS pushes_refused
  FROM pushes p
"""

_C2B = """
SELECT count(*) AS c2b_paid, coalesce(sum(p.cents), 0) AS c2b_paid_cents FROM c2b_payments p
"""


def list_prompts(book: Book, filters: Mapping[str, str], *, limit: int) -> dict[str, Any]:
    """Prompts in the order they were opened. `after` is the id of the last one already seen."""
    where, values = _where(filters)
    rows = book.rows(f"{_PROMPTS} {where} ORDER BY p.number LIMIT ?", [*values, limit + 1])
    return {"prompts": [_prompt_entry(row) for row in rows[:limit]], "has_more": len(rows) > limit}


def list_callbacks(book: Book, checkout_request_id: str) -> list[dict[str, Any]]:
    """Every callback booked for a prompt: due or sent, and what the receiver answered."""
    rows = book.rows("SELECT * FROM callbacks WHERE checkout_request_id = ? ORDER BY number", [checkout_request_id])
    return [
        {
            **dict(row),
            "body": _as_text(row["body"]),
            "due_at": iso_utc(row["due_at"]),
            "sent_at": iso_utc(row["sent_at"]),
        }
        for row in rows
    ]


def _as_text(body: str | bytes) -> str:
    return body if isinstance(body, str) else body.decode(errors="replace")


def summarise(book: Book, shortcode: str | None) -> dict[str, int]:
    """Totals, in whole KES unless named cents; of one shortcode if given (queries, pulls, tokens always of all)."""
    chosen = {"shortcode": shortcode} if shortcode else {}
    where, values = _where(chosen)
    where_paid, _ = _where({**chosen, "status": "paid"})
    counters = book.counters()
    return {
        **dict(book.rows(f"{_TOTALS} {where}", values)[0]),
        **dict(book.rows(f"{_PUSHES} {where}", values)[0]),
        **dict(book.rows(f"{_C2B} {where_paid}", values)[0]),
        **summarise_transfers(book, shortcode),
        "queries": counters.get("queries", 0),
        "pulls": counters.get("pulls", 0),
        "tokens": counters.get("tokens", 0),
    }


def count_faults(book: Book) -> dict[str, int]:
    rows = book.rows("SELECT kind, count(*) AS times FROM faults GROUP BY kind ORDER BY kind")
    return {row["kind"]: row["times"] for row in rows}


def _where(filters: Mapping[str, str]) -> tuple[str, list[str]]:
    clauses = [FILTERS[name] for name in filters if name in FILTERS]
    values = [filters[name] for name in filters if name in FILTERS]
    if "status" in filters:
        clauses.append(STATUSES[filters["status"]])
    return (f"WHERE {' AND '.join(clauses)}" if clauses else ""), values


def _prompt_entry(row: sqlite3.Row) -> dict[str, Any]:
    plain = (
        "checkout_request_id",
        "merchant_request_id",
        "shortcode",
        "party_b",
        "amount",
        "phone",
        "account_reference",
        "status",
        "result_code",
        "result_text",
        "receipt",
        "reversed_cents",
        "callback_url",
        "callbacks_sent",
        "pushes",
        "queries",
    )
    times = ("opened_at", "decided_at", "answer_at")
    entry = {name: row[name] for name in plain} | {name: iso_utc(row[name]) for name in times}
    return {**entry, "by_hand": bool(row["by_hand"])}
