"""What any statement of an account is read into: its head, its lines, and what could not be read of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NoReturn

from onpoint_pay.kit.money import Money

IN, OUT = "in", "out"
CHARGE, RECEIPT, PAYOUT, REVERSAL, OTHER = "charge", "receipt", "payout", "reversal", "other"
# A card provider pays out what it owed us, of many receipts at once.
SETTLEMENT = "settlement"
ENTRY_KINDS = (CHARGE, RECEIPT, PAYOUT, REVERSAL, SETTLEMENT, OTHER)


class FileRefused(Exception):
    """The file as a whole cannot be taken; the text says why, in words for the person who brought it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a file says of itself; None and empty for what it does not say. Balances in minor units.

    `pages`: of how many the file is one; only a whole list accounts for a time.
    """

    account: str = ""
    mode: str = ""
    currency: str = ""
    pages: int = 1
    start: datetime | None = None
    end: datetime | None = None
    opening: int | None = None
    closing: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One movement. `money` is positive, `direction` is seen from the account; `balance_after` in minor units.

    `external_id` is the provider's or bank's name of it, `client_ref` the reference we gave, `linked_id` the name of
    the movement it belongs to: what a charge was taken for, what a reversal undoes. `party` is a phone or an account,
    `batch` the settlement that the movement is paid out with.
    """

    line_no: int
    external_id: str
    direction: str
    money: Money
    occurred_at: datetime
    value_date: date
    kind: str
    narrative: str
    balance_after: int | None = None
    client_ref: str = ""
    linked_id: str = ""
    account_reference: str = ""
    party: str = field(default="", repr=False)
    batch: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A line that says something nobody could read: `text` as it stands there, `why` in a few words."""

    line_no: int
    text: str = field(repr=False)
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A line that moved no money: declined, or cancelled."""

    line_no: int


Item = Head | Entry | Unreadable | Skipped
Items = Iterator[Item]
SEPARATORS = (",", ";", "\t", "|")


def text_of(raw: bytes, line_no: int, *, encoding: str = "utf-8") -> str:
    """One line as text, without its end. Raises FileRefused: a file in another encoding is read wrong everywhere."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or (b"\x00" in raw and not encoding.startswith("utf-16")):
        raise FileRefused("the file is in UTF-16 or no text at all: save it as UTF-8")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise FileRefused(f"line {line_no} is not in {encoding}: {error.reason}") from None
    except LookupError:
        raise FileRefused(f"{encoding} is no encoding") from None
    return text.lstrip("\ufeff").rstrip("\r\n")


def refuse_header(line_no: int, found: str, *, wanted: str) -> NoReturn:
    """The columns are all there, with another separator between them."""
    names = {"\t": "a tab"}
    raise FileRefused(
        f"line {line_no} has the columns, separated by {names.get(found, repr(found))} and not by"
        f" {names.get(wanted, repr(wanted))}"
    )


def refuse_cut(line_no: int) -> NoReturn:
    """The last line is not whole."""
    raise FileRefused(f"the file breaks off in the middle of line {line_no}: get it whole, nothing of it was taken")


def minor_of(text: str, *, decimals: str = ".") -> int | None:
    """Signed minor units of an amount such as "1,500.00" or "-20"; None for nothing at all. Raises MoneyError.

    `decimals` is the mark before the cents; the other of comma and point may separate thousands.
    """
    plain = text.replace(" ", "").replace("," if decimals == "." else ".", "")
    if not plain:
        return None
    sign = -1 if plain.startswith("-") else 1
    return sign * Money.parse(plain.lstrip("+-").replace(decimals, ".")).minor
