"""The book: one SQLite file, written before anything is answered, that says what truly happened."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from simulator.outcomes import PAID
from simulator.schema import TABLES, WORKING_TABLES
from simulator.schema_initiator import INITIATOR_TABLES, INITIATOR_WORKING_TABLES
from simulator.schema_money import MONEY_TABLES, MONEY_WORKING_TABLES

OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One prompt on one payer's phone. Status: open, paid or failed. Times are epoch seconds, amount whole KES."""

    number: int
    checkout_request_id: str
    merchant_request_id: str
    shortcode: str
    party_b: str
    amount: int
    phone: str
    account_reference: str
    description: str
    callback_url: str
    status: str = OPEN
    result_code: str | None = None
    result_text: str | None = None
    receipt: str | None = None
    opened_at: float
    dies_at: float
    answer_at: float | None
    decided_at: float | None = None
    planned_code: str
    planned_text: str
    by_hand: bool
    plan: str
    query_failures: int
    queries: int = 0

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Self:
        return cls(**{**dict(row), "by_hand": bool(row["by_hand"])})

    @property
    def is_open(self) -> bool:
        return self.status == OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """One message to a receiver: due, or sent with what came back."""

    number: int
    checkout_request_id: str
    url: str
    result_code: str
    body: str | bytes
    due_at: float
    sent_at: float | None = None
    http_status: int | None = None
    error: str | None = None


class Book:
    """The only writer of the SQLite file. Every call is short; each is its own transaction unless wrapped in one."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        # WAL with NORMAL survives the death of the process; only a power cut can lose the last moments.
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(TABLES)
        self._db.executescript(MONEY_TABLES)
        self._db.executescript(INITIATOR_TABLES)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing for the writes inside; may not be nested."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def rows(self, sql: str, values: Iterable[Any] = ()) -> list[sqlite3.Row]:
        """Reads for the listings; writes have a method each."""
        return self._db.execute(sql, tuple(values)).fetchall()

    def change(self, sql: str, values: Mapping[str, Any] | Sequence[Any] = ()) -> int:
        """One write of the modules that keep tables of their own (accounts, receipts, ...); how many rows it touched."""
        return self._db.execute(sql, values).rowcount

    def reset(self) -> None:
        """Forgets prompts, pushes, transfers, money, callbacks, faults, counts and switches.

        Numbers go on rising: a callback still on its way must not be taken for a later one.
        """
        with self.transaction():
            for table in (*WORKING_TABLES, *MONEY_WORKING_TABLES, *INITIATOR_WORKING_TABLES):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - fixed names

    # Apps, shortcodes, tokens

    def save_app(self, consumer_key: str, consumer_secret: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO apps VALUES (?, ?)", (consumer_key, consumer_secret))

    def secret_of(self, consumer_key: str) -> str | None:
        return self._text("SELECT consumer_secret FROM apps WHERE consumer_key = ?", consumer_key)

    def save_shortcode(self, shortcode: str, passkey: str, *, tills: list[str]) -> None:
        self._db.execute("INSERT OR REPLACE INTO shortcodes VALUES (?, ?, ?)", (shortcode, passkey, json.dumps(tills)))

    def passkey_of(self, shortcode: str) -> str | None:
        return self._text("SELECT passkey FROM shortcodes WHERE shortcode = ?", shortcode)

    def tills_of(self, shortcode: str) -> list[str]:
        """The tills that may stand behind a shortcode; none listed = any may."""
        tills: list[str] = json.loads(self._text("SELECT tills FROM shortcodes WHERE shortcode = ?", shortcode) or "[]")
        return tills

    def shortcode_of_till(self, till: str) -> str | None:
        """The shortcode a till stands behind: the one that lists it, else one of that very number."""
        sql = "SELECT shortcode FROM shortcodes, json_each(tills) WHERE json_each.value = ?"
        return self._text(sql, till) or self._text("SELECT shortcode FROM shortcodes WHERE shortcode = ?", till)

    def register_pull(self, shortcode: str) -> bool:
        """Registers a shortcode for Pull; False if it was already."""
        return self._db.execute("INSERT OR IGNORE INTO pull_shortcodes VALUES (?)", (shortcode,)).rowcount > 0

    def is_registered_for_pull(self, shortcode: str) -> bool:
        return self._value("SELECT 1 FROM pull_shortcodes WHERE shortcode = ?", shortcode) is not None

    def save_token(self, token: str, *, consumer_key: str, expires_at: float) -> None:
        self._db.execute("INSERT INTO tokens VALUES (?, ?, ?)", (token, consumer_key, expires_at))

    def is_token_live(self, token: str, *, now: float) -> bool:
        expires_at = self._value("SELECT expires_at FROM tokens WHERE token = ?", token)
        return expires_at is not None and expires_at > now

    def kill_token(self, token: str) -> None:
        self._db.execute("DELETE FROM tokens WHERE token = ?", (token,))

    def kill_tokens(self, consumer_key: str | None = None) -> None:
        """Ends the tokens of one app, or of all."""
        self._db.execute("DELETE FROM tokens WHERE ? IN (consumer_key, '')", (consumer_key or "",))

    # Switches and counters

    def save_switch(self, name: str, value: Any) -> None:
        self._db.execute("INSERT OR REPLACE INTO switches VALUES (?, ?)", (name, json.dumps(value)))

    def drop_switch(self, name: str) -> None:
        self._db.execute("DELETE FROM switches WHERE name = ?", (name,))

    def switches(self) -> dict[str, Any]:
        return {row["name"]: json.loads(row["value"]) for row in self.rows("SELECT * FROM switches")}

    def count_up(self, name: str) -> int:
        """Adds one to a counter and gives its new value."""
        sql = "INSERT INTO counters VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value"
        return int(self._value(sql, name))

    def counters(self) -> dict[str, int]:
        return {row["name"]: row["value"] for row in self.rows("SELECT * FROM counters")}

    def record_fault(self, *, at: float, call: str, key: str, n: int, kind: str) -> None:
        self._insert("faults", {"at": at, "call": call, "key": key, "n": n, "kind": kind})

    def clear_faults(self) -> None:
        self._db.execute("DELETE FROM faults")

    # Pushes and prompts

    def record_push(self, push: Mapping[str, Any]) -> None:
        """One line per push received, accepted or refused."""
        self._insert("pushes", push)

    def count_pushes(self, account_reference: str) -> int:
        return int(self._value("SELECT count(*) FROM pushes WHERE account_reference = ?", account_reference))

    def was_told_busy(self, *, phone: str, account_reference: str, code: str) -> bool:
        """Has this phone's latest push, or any earlier one with this reference, been refused with `code`?"""
        latest = self._value("SELECT error_code FROM pushes WHERE phone = ? ORDER BY number DESC LIMIT 1", phone)
        sql = "SELECT 1 FROM pushes WHERE account_reference = ? AND phone = ? AND error_code = ?"
        return latest == code or self._value(sql, account_reference, phone, code) is not None

    def insert_prompt(self, values: Mapping[str, Any]) -> Prompt:
        """Opens a prompt from its columns and gives it back as written."""
        number = self._insert("prompts", {"status": OPEN, **values})
        return Prompt(number=number, **values)

    def prompt(self, checkout_request_id: str) -> Prompt | None:
        row = self._row("SELECT * FROM prompts WHERE checkout_request_id = ?", checkout_request_id)
        return None if row is None else Prompt.from_row(row)

    def other_prompt(self, number: int) -> Prompt | None:
        """The latest prompt but this one: a paid one, if there is any."""
        sql = "SELECT * FROM prompts WHERE number <> ? {} ORDER BY number DESC LIMIT 1"
        row = self._row(sql.format("AND receipt IS NOT NULL"), number) or self._row(sql.format(""), number)
        return None if row is None else Prompt.from_row(row)

    def open_prompts(self, phone: str | None = None) -> list[Prompt]:
        """Prompts without an outcome, of one phone or of all."""
        sql = "SELECT * FROM prompts WHERE status = 'open'"
        rows = self.rows(sql) if phone is None else self.rows(f"{sql} AND phone = ?", (phone,))
        return [Prompt.from_row(row) for row in rows]

    def is_phone_locked(self, phone: str, *, now: float) -> bool:
        sql = "SELECT 1 FROM prompts WHERE status = 'open' AND phone = ? AND dies_at > ?"
        return self._value(sql, phone, now) is not None

    def leave_to_payer(self, checkout_request_id: str, *, answer_at: float, code: str, text: str) -> None:
        """The simulator will not answer an open prompt any more; it ends with `code` at `answer_at`."""
        self._db.execute(
            "UPDATE prompts SET by_hand = 1, answer_at = ?, planned_code = ?, planned_text = ? "
            "WHERE checkout_request_id = ? AND status = 'open'",
            (answer_at, code, text, checkout_request_id),
        )

    def settle_prompt(
        self, checkout_request_id: str, *, code: str, text: str, receipt: str | None, at: float
    ) -> Prompt | None:
        """Gives an open prompt its one final outcome; None if it had one already."""
        row = self._row(
            "UPDATE prompts SET status = ?, result_code = ?, result_text = ?, receipt = ?, decided_at = ? "
            "WHERE checkout_request_id = ? AND status = 'open' RETURNING *",
            "paid" if code == PAID else "failed",
            code,
            text,
            receipt,
            at,
            checkout_request_id,
        )
        return None if row is None else Prompt.from_row(row)

    def has_receipt(self, receipt: str) -> bool:
        return self._value("SELECT 1 FROM prompts WHERE receipt = ?", receipt) is not None

    def count_query(self, checkout_request_id: str) -> int:
        """Notes one more query of a prompt and gives how many there have been."""
        sql = "UPDATE prompts SET queries = queries + 1 WHERE checkout_request_id = ? RETURNING queries"
        return int(self._value(sql, checkout_request_id))

    def rescale_waits(self, *, now: float, factor: float) -> None:
        """Multiplies what is left of every wait, after a change of speed."""
        with self.transaction():
            for table, column in (("prompts", "answer_at"), ("prompts", "dies_at"), ("callbacks", "due_at")):
                unfinished = "status = 'open'" if table == "prompts" else "sent_at IS NULL"
                self._db.execute(
                    f"UPDATE {table} SET {column} = :now + ({column} - :now) * :factor "  # noqa: S608 - fixed names
                    f"WHERE {unfinished} AND {column} > :now",
                    {"now": now, "factor": factor},
                )

    # Callbacks

    def insert_callback(self, values: Mapping[str, Any]) -> Callback:
        number = self._insert("callbacks", values)
        return Callback(number=number, **values)

    def callback(self, number: int) -> Callback | None:
        row = self._row("SELECT * FROM callbacks WHERE number = ?", number)
        return None if row is None else Callback(**dict(row))

    def unsent_callbacks(self) -> list[Callback]:
        return [Callback(**dict(row)) for row in self.rows("SELECT * FROM callbacks WHERE sent_at IS NULL")]

    def finish_callback(self, number: int, *, at: float, http_status: int | None, error: str | None) -> None:
        self._db.execute(
            "UPDATE callbacks SET sent_at = ?, http_status = ?, error = ? WHERE number = ?",
            (at, http_status, error, number),
        )

    def _row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        rows = self.rows(sql, values)
        return rows[0] if rows else None

    def _value(self, sql: str, *values: Any) -> Any:
        row = self._row(sql, *values)
        return None if row is None else row[0]

    def _text(self, sql: str, *values: Any) -> str | None:
        value = self._value(sql, *values)
        return None if value is None else str(value)

    def _insert(self, table: str, values: Mapping[str, Any]) -> int:
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        sql = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - names come from this package
        return self._db.execute(sql, tuple(values.values())).lastrowid or 0
