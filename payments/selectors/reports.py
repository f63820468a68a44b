"""Figures over a time: one statement each, summed by the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from payments.selectors.exports import Cell, amount

PERIODS = ("day", "week", "month")
ZONE = "Africa/Nairobi"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One kind of figures: rows of `table` grouped by period and `groups`; `counts` and `sums` by name."""

    table: str
    groups: Mapping[str, str]
    counts: Mapping[str, str]
    sums: Mapping[str, str]
    condition: str = "true"

    @property
    def columns(self) -> list[str]:
        return ["period", *self.groups, "currency", *self.counts, *self.sums]


OPEN = "status IN ('initiated', 'pending', 'requires_approval')"
PAYMENTS = Report(
    table="transactions",
    groups={"payment_method": "payment_method"},
    counts={
        "asked": "true",
        "paid": "captured > 0",
        "failed": "status = 'failed'",
        "cancelled": "status = 'cancelled'",
        "expired": "status = 'expired'",
        "open": OPEN,
    },
    sums={
        "received": "captured",
        "refunded": "refunded",
        "fee": "CASE WHEN captured > 0 AND NOT surplus THEN fee + tax ELSE 0 END",
    },
)
FAILURES = Report(
    table="transactions",
    groups={"payment_method": "payment_method", "status": "status", "failure": "coalesce(failure->>'code', '')"},
    counts={"payments": "true"},
    sums={"amount": "amount"},
    condition="status IN ('failed', 'cancelled', 'expired')",
)
REFUNDS = Report(
    table="refunds",
    groups={"route": "route"},
    counts={
        "asked": "true",
        "completed": "status = 'completed'",
        "failed": "status = 'failed'",
        "cancelled": "status = 'cancelled'",
        "open": OPEN,
    },
    sums={"returned": "CASE WHEN status = 'completed' THEN amount ELSE 0 END"},
)
PAYOUTS = Report(
    table="payouts",
    groups={"route": "route"},
    counts={
        "asked": "true",
        "completed": "status = 'completed'",
        "failed": "status = 'failed'",
        "returned": "status = 'returned'",
        "cancelled": "status = 'cancelled'",
        "open": OPEN,
    },
    sums={
        "paid_out": "paid - given_back",
        "fee": "CASE WHEN status = 'completed' THEN fee ELSE 0 END",
    },
)
REPORTS = {"payments": PAYMENTS, "failures": FAILURES, "refunds": REFUNDS, "payouts": PAYOUTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From `start` up to `end`, which is excluded, in steps of `by`: day, week (from Monday) or month in Nairobi."""

    start: datetime
    end: datetime
    by: str


def rows_of_report(name: str, span: Span, *, merchant_id: UUID, mode: str) -> list[list[Cell]]:
    """The figures of one merchant and mode, the earliest period first; of what was created in the span.

    A cell for each of the report's columns, amounts as exact numbers of major units.
    """
    report = REPORTS[name]
    values: dict[str, Any] = {
        "merchant": merchant_id,
        "mode": mode,
        "start": span.start,
        "end": span.end,
        "by": span.by,
    }
    with connection.cursor() as cursor:
        cursor.execute(_statement(report), values)
        found = cursor.fetchall()
    first_sum = len(report.columns) - len(report.sums)
    return [[_shown(cell, is_sum=place >= first_sum) for place, cell in enumerate(row)] for row in found]


def _statement(report: Report) -> str:
    keys = [f"date_trunc(%(by)s, created_at AT TIME ZONE '{ZONE}')::date", *report.groups.values(), "currency"]
    counts = [f"count(*) FILTER (WHERE {condition})" for condition in report.counts.values()]
    sums = [f"sum({expression})::bigint" for expression in report.sums.values()]
    places = ", ".join(str(place + 1) for place in range(len(keys)))
    return (
        f"SELECT {', '.join([*keys, *counts, *sums])} FROM {report.table} "  # noqa: S608 - constants
        f"WHERE merchant_id = %(merchant)s AND mode = %(mode)s AND created_at >= %(start)s AND created_at < %(end)s "
        f"AND {report.condition} GROUP BY {places} ORDER BY {places}"
    )


def _shown(cell: Any, *, is_sum: bool) -> Cell:
    if isinstance(cell, date):
        return cell.isoformat()
    return amount(cell) if is_sum else cell
