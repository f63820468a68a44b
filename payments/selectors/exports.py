"""What each kind of export holds: its columns, its filters, and its rows one by one from the database."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from onpoint_pay.kit.clock import rfc3339
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.listing import CREATED, Readers, among, number_of, read_filters
from payments.states import C2B_STATES, PAYMENT_STATES, REFUND_STATES
from settlements.selectors.books import MERCHANT_KINDS
from settlements.states import PAYOUT_STATES, SETTLEMENT_STATES

Cell = str | int | Decimal | None
Render = Callable[[Any], Cell]
FETCHED_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, the expression it is read with, and how its value is written."""

    name: str
    sql: str
    render: Render = lambda value: value


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One kind of export. `time` is what its days are counted by; `clauses` what its own filters add."""

    table: str
    owner: str
    order: str
    time: str
    columns: tuple[Column, ...]
    readers: Readers[Any] = field(default_factory=dict)
    clauses: Mapping[str, str] = field(default_factory=dict)


def shown(prefix: str) -> Render:
    return lambda value: (
        None if value is None else to_public(prefix, UUID(int=value) if isinstance(value, int) else value)
    )


def amount(value: Any) -> Cell:
    """Minor units as an exact number of major units; all currencies here have two decimals."""
    return None if value is None else Decimal(value).scaleb(-2)


def moment(value: Any) -> Cell:
    return None if value is None else rfc3339(value)


def text(value: Any) -> Cell:
    return None if value is None else str(value)


def amounts(table: str, *names: str) -> tuple[Column, ...]:
    return tuple(Column(name, f"{table}.{name}", amount) for name in names)


def moments(table: str, *names: str) -> tuple[Column, ...]:
    return tuple(Column(name, f"{table}.{name}", moment) for name in names)


def texts(table: str, *names: str) -> tuple[Column, ...]:
    return tuple(Column(name, f"{table}.{name}", text) for name in names)


PAYMENTS = Source(
    table="transactions t",
    owner="t",
    order="t.created_at, t.id",
    time="t.created_at",
    columns=(
        Column("id", "t.id", shown("pay")),
        *texts("t", "reference", "merchant_reference", "status"),
        *amounts("t", "amount", "captured", "refunded", "fee", "tax"),
        *texts("t", "currency", "payment_method", "provider", "shortcode", "receipt", "phone", "payer_name", "email"),
        *texts("t", "description", "confirmed_by"),
        Column("failure", "t.failure->>'code'", text),
        *moments("t", "created_at", "completed_at"),
    ),
    readers={"status": among(PAYMENT_STATES)},
    clauses={"status": "t.status = ANY (%(status)s)"},
)
REFUNDS = Source(
    table="refunds t",
    owner="t",
    order="t.created_at, t.id",
    time="t.created_at",
    columns=(
        Column("id", "t.id", shown("ref")),
        Column("payment", "t.payment_id", shown("pay")),
        *texts("t", "reference", "status"),
        *amounts("t", "amount"),
        *texts("t", "currency", "route", "reason", "phone", "receipt", "requested_by", "approved_by"),
        Column("failure", "t.failure->>'code'", text),
        *moments("t", "created_at", "completed_at"),
    ),
    readers={"status": among(REFUND_STATES)},
    clauses={"status": "t.status = ANY (%(status)s)"},
)
PAYOUTS = Source(
    table="payouts t",
    owner="t",
    order="t.created_at, t.id",
    time="t.created_at",
    columns=(
        Column("id", "t.id", shown("pyt")),
        *texts("t", "reference", "merchant_reference", "status"),
        *amounts("t", "amount", "fee"),
        *texts("t", "currency", "route", "purpose", "reason", "receipt", "requested_by", "approved_by"),
        Column("failure", "t.failure->>'code'", text),
        *moments("t", "created_at", "completed_at"),
    ),
    readers={"status": among(PAYOUT_STATES)},
    clauses={"status": "t.status = ANY (%(status)s)"},
)
SETTLEMENTS = Source(
    table="settlement t",
    owner="t",
    order="t.created_at, t.id",
    time="t.created_at",
    columns=(
        Column("id", "t.id", shown("stl")),
        *texts("t", "day", "status"),
        *amounts("t", "gross", "fee", "total", "debt", "reserve", "available", "returned"),
        *texts("t", "currency"),
        *moments("t", "created_at", "closed_at", "paid_at"),
    ),
    readers={"status": among(SETTLEMENT_STATES)},
    clauses={"status": "t.status = ANY (%(status)s)"},
)
LEDGER_ENTRIES = Source(
    table="ledger_entry e JOIN ledger_account a ON a.id = e.account_id JOIN ledger_transfer t ON t.id = e.transfer_id",
    owner="a",
    order="e.id",
    time="t.posted_at",
    columns=(
        Column("id", "e.id", shown("ent")),
        Column("account", "e.account_id", shown("led")),
        *texts("a", "kind", "sub"),
        Column("side", "CASE e.side WHEN 'D' THEN 'debit' ELSE 'credit' END", text),
        *amounts("e", "amount"),
        Column(
            "balance_after",
            "CASE a.normal WHEN 'C' THEN e.credits_after - e.debits_after ELSE e.debits_after - e.credits_after END",
            amount,
        ),
        *texts("e", "currency"),
        Column("transfer", "e.transfer_id", shown("trf")),
        Column("transfer_kind", "t.kind", text),
        Column("source", "t.idem", text),
        *moments("t", "occurred_at", "posted_at"),
    ),
    readers={"kind": among(MERCHANT_KINDS), "account": number_of("led")},
    clauses={"kind": "a.kind = ANY (%(kind)s)", "account": "a.id = %(account)s"},
)
C2B_RECEIPTS = Source(
    table="c2b_receipt t",
    owner="t",
    order="t.received_at, t.id",
    time="t.received_at",
    columns=(
        Column("id", "t.id", shown("c2b")),
        *texts("t", "receipt", "shortcode"),
        *amounts("t", "amount"),
        *texts("t", "currency", "bill_ref", "phone", "payer_name", "state", "verification", "source"),
        Column("payment", "t.payment_id", shown("pay")),
        *moments("t", "occurred_at", "received_at"),
    ),
    readers={"status": among(C2B_STATES)},
    clauses={"status": "t.state = ANY (%(status)s)"},
)
SOURCES: dict[str, Source] = {
    "payments": PAYMENTS,
    "refunds": REFUNDS,
    "payouts": PAYOUTS,
    "settlements": SETTLEMENTS,
    "ledger_entries": LEDGER_ENTRIES,
    "c2b_receipts": C2B_RECEIPTS,
}
RANGES = {"date_from": ">=", "date_to": "<", "created_after": ">", "created_before": "<"}


def read_export_filters(type: str, filters: Mapping[str, str]) -> dict[str, Any]:
    """The filters of an export, read. Raises Invalid with every fault together."""
    return read_filters(filters, {**CREATED, **SOURCES[type].readers})


def columns_of(type: str) -> list[str]:
    return [column.name for column in SOURCES[type].columns]


def rows_of_export(type: str, filters: Mapping[str, str], *, merchant_id: UUID, mode: str) -> Iterator[list[Cell]]:
    """Every row, oldest first, fetched a thousand at a time from a cursor on the server.

    Must be used up inside one transaction, which is the one snapshot they come from.
    """
    source = SOURCES[type]
    wanted = read_export_filters(type, filters)
    ranges = [f"{source.time} {sign} %({name})s" for name, sign in RANGES.items() if name in wanted]
    own = [clause for name, clause in source.clauses.items() if name in wanted]
    conditions = [f"{source.owner}.merchant_id = %(merchant)s", f"{source.owner}.mode = %(mode)s", *ranges, *own]
    sql = (
        f"SELECT {', '.join(column.sql for column in source.columns)} FROM {source.table} "  # noqa: S608 - constants
        f"WHERE {' AND '.join(conditions)} ORDER BY {source.order}"
    )
    renders = [column.render for column in source.columns]
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, wanted | {"merchant": merchant_id, "mode": mode})
        while batch := cursor.fetchmany(FETCHED_ROWS):
            for row in batch:
                yield [render(value) for render, value in zip(renders, row, strict=True)]
