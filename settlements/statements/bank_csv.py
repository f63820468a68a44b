"""A bank's statement as CSV; which column means what is a setting, because every bank has its own."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from onpoint_pay.kit.entries import (
    IN,
    OUT,
    SEPARATORS,
    Entry,
    FileRefused,
    Head,
    Item,
    Items,
    Unreadable,
    minor_of,
    refuse_cut,
    refuse_header,
    text_of,
)
from onpoint_pay.kit.money import Money, MoneyError
from settlements.statements.words import bank_kind, reference_or_nothing, start_of

_HEAD_LINES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The bank's names of its columns. Either `amount`, with a sign, or `debit` and `credit`; the rest may be empty."""

    date: str = "Transaction Date"
    value_date: str = "Value Date"
    reference: str = "Reference"
    client_ref: str = ""
    details: str = "Narrative"
    debit: str = "Debit"
    credit: str = "Credit"
    amount: str = ""
    balance: str = "Balance"
    date_format: str = "%d/%m/%Y"
    separator: str = ","
    decimals: str = "."
    encoding: str = "utf-8"

    @property
    def needed(self) -> set[str]:
        return {self.date, *((self.amount,) if self.amount else (self.debit, self.credit))}


def read_bank_csv(lines: Iterable[bytes], columns: Columns, *, currency: str) -> Items:
    """The movements of the file. Raises FileRefused when no line has the columns that are needed, or it is cut off."""
    header: list[str] | None = None
    for line_no, raw in enumerate(lines, start=1):
        text = text_of(raw, line_no, encoding=columns.encoding)
        cells = _cells(text, columns.separator)
        if header is not None:
            yield from _items(cells, header, columns, currency=currency, line_no=line_no, text=text)
            if not raw.endswith(b"\n") and (cells is None or (any(cells) and len(cells) < len(header))):
                refuse_cut(line_no)
        elif cells is not None and columns.needed <= set(cells):
            header = cells
            yield Head(currency=currency)
        elif line_no > _HEAD_LINES:
            break
        else:
            _refuse_other_separator(text, columns, line_no)
    if header is None:
        raise FileRefused(
            f"no line has the columns {', '.join(sorted(columns.needed))}, separated by {columns.separator!r}"
        )


def _cells(text: str, separator: str) -> list[str] | None:
    """None for what is no CSV."""
    try:
        return [cell.strip() for cell in next(csv.reader([text], delimiter=separator, strict=True), [])]
    except csv.Error:
        return None


def _refuse_other_separator(text: str, columns: Columns, line_no: int) -> None:
    for separator in SEPARATORS:
        if columns.needed <= {cell.strip().strip('"') for cell in text.split(separator)}:
            refuse_header(line_no, separator, wanted=columns.separator)


def _items(
    cells: list[str] | None, header: Sequence[str], columns: Columns, *, currency: str, line_no: int, text: str
) -> Iterator[Item]:
    if cells is None:
        yield Unreadable(line_no=line_no, text=text, why="the quotation marks do not match")
    elif any(cells):
        yield _item(dict(zip(header, cells, strict=False)), columns, currency=currency, line_no=line_no, text=text)


def _item(row: Mapping[str, str], columns: Columns, *, currency: str, line_no: int, text: str) -> Item:
    try:
        return _entry(row, columns, currency=currency, line_no=line_no)
    except (MoneyError, ValueError, KeyError) as error:
        return Unreadable(line_no=line_no, text=text, why=str(error)[:200])


def _entry(row: Mapping[str, str], columns: Columns, *, currency: str, line_no: int) -> Entry:
    signed = _signed(row, columns)
    booked = _day(row[columns.date], columns)
    details = row.get(columns.details, "")
    valued = row.get(columns.value_date, "")
    return Entry(
        line_no=line_no,
        external_id=reference_or_nothing(row.get(columns.reference)),
        client_ref=reference_or_nothing(row.get(columns.client_ref)),
        direction=IN if signed > 0 else OUT,
        money=Money(abs(signed), currency),
        occurred_at=start_of(booked),
        value_date=_day(valued, columns) if valued else booked,
        kind=bank_kind(details),
        narrative=details,
        balance_after=minor_of(row.get(columns.balance, ""), decimals=columns.decimals),
    )


def _signed(row: Mapping[str, str], columns: Columns) -> int:
    names: Sequence[str] = (columns.amount,) if columns.amount else (columns.credit, columns.debit)
    found = [minor_of(row.get(name, ""), decimals=columns.decimals) or 0 for name in names]
    signed = found[0] - abs(found[1]) if len(found) == 2 else found[0]
    if not signed:
        raise ValueError("no amount")
    return signed


def _day(text: str, columns: Columns) -> date:
    return datetime.strptime(text, columns.date_format).date()  # noqa: DTZ007 - a day has no zone
