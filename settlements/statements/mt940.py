"""Statements in SWIFT MT940, read by the library `mt-940`, one message at a time."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from mt940.models import Amount, Balance, Transactions

from onpoint_pay.kit.entries import CHARGE, IN, OUT, Entry, FileRefused, Head, Item, Items, Unreadable, text_of
from onpoint_pay.kit.money import Money
from settlements.statements.words import bank_kind, reference_or_nothing, start_of

# Credit, and the reversal of a debit, bring money; debit and the reversal of a credit take it.
DIRECTIONS = {"C": IN, "RD": IN, "D": OUT, "RC": OUT}
_LONGEST_MESSAGE = 32 * 1024 * 1024


def read_mt940(lines: Iterable[bytes]) -> Items:
    """Head and movements of each message. Raises FileRefused when there is none, or one is not whole."""
    has_message = False
    for first_line, text in _messages(lines):
        has_message = True
        yield from _message(text, first_line)
    if not has_message:
        raise FileRefused("no MT940 message: nothing begins with :20:")


def _messages(lines: Iterable[bytes]) -> Iterator[tuple[int, str]]:
    """Each message with the number of its first line; what stands before the first is no message."""
    start, kept, size = 0, [""], 0
    for line_no, raw in enumerate(lines, start=1):
        line = text_of(raw, line_no)
        if line.startswith(":20:"):
            if start:
                yield start, "\n".join(kept)
            start, kept, size = line_no, [], 0
        size += len(line)
        if size > _LONGEST_MESSAGE:
            raise FileRefused("one message of the file is longer than any bank makes them")
        if start:
            kept.append(line)
    if start:
        yield start, "\n".join(kept)


def _message(text: str, first_line: int) -> Iterator[Item]:
    try:
        message = Transactions()
        message.parse(text)
    except Exception as error:  # noqa: BLE001 - the library raises whatever its patterns meet
        raise FileRefused(f"the message at line {first_line} cannot be read: {error}"[:300]) from None
    told = message.data
    opening, closing = _balance(told, "opening"), _balance(told, "closing")
    if opening is None or closing is None:
        raise FileRefused(f"the message at line {first_line} lacks a balance (:60: or :62:): the file is cut off")
    stated = opening.amount
    yield Head(
        account=str(told.get("account_identification") or ""),
        currency=str(stated.currency) if isinstance(stated, Amount) else "",
        start=_start(opening, closing),
        end=start_of(closing.date + timedelta(days=1)) if closing.date else None,
        opening=_minor(opening),
        closing=_minor(closing),
    )
    if text.count("\n:61:") > len(message):
        yield Unreadable(line_no=first_line, text=text[:2000], why="a :61: line of this message cannot be read")
    for number, line in enumerate(message):
        yield _item(line.data, first_line + number)


def _start(opening: Balance, closing: Balance) -> datetime | None:
    """The opening balance is dated on the day before, when the last statement closed; some banks date it on the day."""
    if not opening.date:
        return None
    is_same_day = bool(closing.date) and closing.date == opening.date
    return start_of(opening.date if is_same_day else opening.date + timedelta(days=1))


def _balance(told: dict[str, Any], which: str) -> Balance | None:
    found = told.get(f"final_{which}_balance") or told.get(f"intermediate_{which}_balance")
    return found if isinstance(found, Balance) else None


def _minor(balance: Balance | None) -> int | None:
    amount = balance.amount if balance else None
    return int(amount.amount * 100) if isinstance(amount, Amount) else None


def _item(told: dict[str, Any], line_no: int) -> Item:
    status, amount, day = str(told.get("status") or ""), told.get("amount"), told.get("date")
    if status not in DIRECTIONS or amount is None or not isinstance(day, date) or not amount.amount:
        return Unreadable(line_no=line_no, text=str(told)[:2000], why="no direction, amount or date")
    booked = told.get("entry_date") or day
    words = " ".join(str(told.get(name) or "") for name in ("transaction_details", "extra_details")).strip()
    is_charge = str(told.get("id") or "").endswith("CHG")
    return Entry(
        line_no=line_no,
        external_id=reference_or_nothing(told.get("bank_reference")),
        client_ref=reference_or_nothing(told.get("customer_reference")),
        direction=DIRECTIONS[status],
        money=Money(abs(int(amount.amount * 100)), str(amount.currency)),
        occurred_at=start_of(booked),
        value_date=date(day.year, day.month, day.day),
        kind=CHARGE if is_charge else bank_kind(words),
        narrative=words,
    )
