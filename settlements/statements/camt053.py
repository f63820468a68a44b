"""Statements in ISO 20022 camt.053: XML read as a stream, by a parser that refuses entities and document types."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import BinaryIO
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import iterparse  # type: ignore[import-untyped]

from onpoint_pay.kit.entries import CHARGE, IN, OUT, Entry, FileRefused, Head, Item, Items, Unreadable
from onpoint_pay.kit.money import Money
from settlements.statements.words import bank_kind, reference_or_nothing, start_of

_DIRECTIONS = {"CRDT": IN, "DBIT": OUT}
_OPENING, _CLOSING = ("OPBD", "PRCD"), ("CLBD",)


def read_camt053(stream: BinaryIO) -> Items:
    """Head and movements of each statement in the file; booked entries only. Raises FileRefused for other XML."""
    number, statement = 0, None
    for event, element in _elements(stream):
        name = _name(element)
        if name == "Stmt":
            statement = element
            if event == "end":
                yield _head(element)
                element.clear()
        elif name == "Ntry" and event == "end" and statement is not None:
            number += 1
            if (_text(element, "Sts/Cd") or _text(element, "Sts") or "BOOK") == "BOOK":
                yield _item(element, number)
            # What was read is let go: the file may be larger than the memory.
            statement.remove(element)
    if statement is None:
        raise FileRefused("no camt.053 statement: the document has no Stmt")


def _elements(stream: BinaryIO) -> Iterator[tuple[str, Element]]:
    try:
        yield from iterparse(stream, events=("start", "end"), forbid_dtd=True)
    except (ParseError, DefusedXmlException) as error:
        raise FileRefused(f"the XML cannot be read: {error}") from None


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _find(element: Element, path: str) -> Element | None:
    return element.find("/".join(f"{{*}}{step}" for step in path.split("/")))


def _text(element: Element, path: str) -> str:
    found = _find(element, path)
    return (found.text or "").strip() if found is not None else ""


def _head(statement: Element) -> Head:
    balances = {_text(row, "Tp/CdOrPrtry/Cd"): row for row in statement if _name(row) == "Bal"}
    opening = next((balances[code] for code in _OPENING if code in balances), None)
    closing = next((balances[code] for code in _CLOSING if code in balances), None)
    start, end = _day(opening), _day(closing)
    if start and opening is not balances.get(_OPENING[0]):
        # The balance at which the statement before closed, dated on its day.
        start += timedelta(days=1)
    return Head(
        account=_text(statement, "Acct/Id/IBAN") or _text(statement, "Acct/Id/Othr/Id"),
        currency=_text(statement, "Acct/Ccy"),
        start=_moment(_text(statement, "FrToDt/FrDtTm")) or (start_of(start) if start else None),
        end=_moment(_text(statement, "FrToDt/ToDtTm")) or (start_of(end + timedelta(days=1)) if end else None),
        opening=_balance(opening),
        closing=_balance(closing),
    )


def _day(element: Element | None) -> date | None:
    if element is None:
        return None
    text = _text(element, "Dt/Dt") or _text(element, "Dt/DtTm") or _text(element, "Dt") or _text(element, "DtTm")
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _balance(element: Element | None) -> int | None:
    if element is None:
        return None
    try:
        minor = _minor(_text(element, "Amt"))
    except ValueError:
        return None
    return -minor if _text(element, "CdtDbtInd") == "DBIT" else minor


def _minor(text: str) -> int:
    """Raises ValueError."""
    try:
        units = Decimal(text) * 100
    except InvalidOperation:
        raise ValueError("no amount") from None
    if not units.is_finite() or units != units.to_integral_value():
        raise ValueError("parts of a cent")
    return int(units)


def _item(entry: Element, number: int) -> Item:
    try:
        return _entry(entry, number)
    except (ValueError, KeyError) as error:
        told = " ".join(" ".join(entry.itertext()).split())
        return Unreadable(line_no=number, text=told[:2000], why=str(error)[:200])


def _entry(entry: Element, number: int) -> Entry:
    amount = _find(entry, "Amt")
    booked = _day(_find(entry, "BookgDt"))
    direction = _DIRECTIONS[_text(entry, "CdtDbtInd")]
    minor = _minor(_text(entry, "Amt"))
    if booked is None or minor <= 0:
        raise ValueError("no amount or booking date")
    details = "NtryDtls/TxDtls"
    words = " ".join(filter(None, (_text(entry, f"{details}/RmtInf/Ustrd"), _text(entry, "AddtlNtryInf"))))
    is_charge = _text(entry, "BkTxCd/Domn/Fmly/SubFmlyCd") in ("CHRG", "FEES")
    return Entry(
        line_no=number,
        external_id=reference_or_nothing(
            _text(entry, "AcctSvcrRef") or _text(entry, f"{details}/Refs/AcctSvcrRef") or _text(entry, "NtryRef")
        ),
        client_ref=reference_or_nothing(_text(entry, f"{details}/Refs/EndToEndId")),
        direction=direction,
        money=Money(minor, amount.get("Ccy", "") if amount is not None else ""),
        occurred_at=start_of(booked),
        value_date=_day(_find(entry, "ValDt")) or booked,
        kind=CHARGE if is_charge else bank_kind(words),
        narrative=words,
    )
