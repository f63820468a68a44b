"""What card providers tell of money they owe us and pay out: saved answers of Paystack's and Flutterwave's lists."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from onpoint_pay.kit.clock import nairobi
from onpoint_pay.kit.entries import (
    CHARGE,
    IN,
    OUT,
    RECEIPT,
    SETTLEMENT,
    Entry,
    FileRefused,
    Head,
    Items,
    Skipped,
    Unreadable,
)
from onpoint_pay.kit.money import Money, MoneyError
from providers.strict_json import NotStrict, load_object

_LARGEST = 64 * 1024 * 1024
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """How a provider names things. `minor_of` reads its amounts; `members` the transactions of a settlement."""

    reference: str
    paid: str
    settled: tuple[str, ...]
    fees: tuple[str, ...]
    paid_at: str
    settled_at: str
    net: str
    members: str
    minor_of: Callable[[object], int]


def _subunits(value: object) -> int:
    """Paystack: amounts are in cents. Raises ValueError."""
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("an amount is no whole number of cents")
    return value


def _units(value: object) -> int:
    """Flutterwave: amounts are in shillings, with cents behind a point. Raises ValueError and MoneyError."""
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, (int, Decimal, str)):
        raise ValueError("an amount is no number")
    return Money.parse(value).minor


PAYSTACK = Words(
    reference="reference",
    paid="success",
    settled=("success",),
    fees=("fees",),
    paid_at="paid_at",
    settled_at="settlement_date",
    net="effective_amount",
    members="",
    minor_of=_subunits,
)
FLUTTERWAVE = Words(
    reference="tx_ref",
    paid="successful",
    settled=("completed", "completed-offline"),
    fees=("app_fee", "merchant_fee"),
    paid_at="created_at",
    settled_at="processed_date",
    net="net_amount",
    members="meta",
    minor_of=_units,
)


def read_cards(lines: Iterable[bytes], words: Words) -> Items:
    """Transactions, each with its charge, or settlements, whichever list was saved. Raises FileRefused.

    A list on several pages tells no period whole.
    """
    document = _document(lines)
    rows = document["data"]
    domains = {str(row.get("domain")) for row in rows if isinstance(row, dict) and row.get("domain")}
    if len(domains) > 1:
        raise FileRefused("the list has rows of both modes")
    yield Head(mode=next(iter(domains), ""), pages=_pages(document))
    for line_no, row in enumerate(rows, start=1):
        yield from _items(row, words, line_no)


def _document(lines: Iterable[bytes]) -> dict[str, Any]:
    body = bytearray()
    for line in lines:
        body += line
        if len(body) > _LARGEST:
            raise FileRefused("the list is larger than 64 MiB: save it by days")
    try:
        document = load_object(bytes(body), largest=_LARGEST)
    except NotStrict as error:
        raise FileRefused(f"not the JSON of a list: {error}") from None
    if not isinstance(document.get("data"), list):
        raise FileRefused("the document has no list `data`")
    return dict(document)


def _pages(document: Row) -> int:
    meta = document.get("meta")
    told = meta if isinstance(meta, dict) else {}
    info = told.get("page_info") if isinstance(told.get("page_info"), dict) else told
    found = (info or {}).get("pageCount") or (info or {}).get("total_pages") or 1
    return found if isinstance(found, int) else 1


def _items(row: object, words: Words, line_no: int) -> Iterator[Entry | Skipped | Unreadable]:
    if not isinstance(row, dict):
        yield Unreadable(line_no=line_no, text=str(row)[:500], why="no object")
        return
    try:
        yield from (_settlement if words.net in row else _transaction)(row, words, line_no)
    except (ValueError, KeyError, MoneyError) as error:
        yield Unreadable(line_no=line_no, text=str(row)[:500], why=str(error)[:200])


def _transaction(row: Row, words: Words, line_no: int) -> Iterator[Entry | Skipped]:
    if row["status"] != words.paid:
        yield Skipped(line_no=line_no)
        return
    name, at, currency = str(row["id"]), _moment(row[words.paid_at]), str(row["currency"])
    place: dict[str, Any] = {
        "line_no": line_no,
        "external_id": name,
        "occurred_at": at,
        "value_date": nairobi(at).date(),
    }
    gross = words.minor_of(row["amount"])
    fees = sum(words.minor_of(row.get(fee)) for fee in words.fees)
    if gross <= 0 or fees < 0:
        raise ValueError("no amount")
    reference = str(row.get(words.reference) or "")
    yield Entry(
        **place, direction=IN, money=Money(gross, currency), kind=RECEIPT, narrative="card", client_ref=reference
    )
    if fees:
        yield Entry(**place, direction=OUT, money=Money(fees, currency), kind=CHARGE, narrative="fees", linked_id=name)


def _settlement(row: Row, words: Words, line_no: int) -> Iterator[Entry | Skipped]:
    net = words.minor_of(row[words.net])
    if row["status"] not in words.settled or net <= 0:
        yield Skipped(line_no=line_no)
        return
    at = _moment(row[words.settled_at])
    members = row.get(words.members) if words.members else None
    yield Entry(
        line_no=line_no,
        external_id=str(row["id"]),
        direction=OUT,
        money=Money(net, str(row["currency"])),
        occurred_at=at,
        value_date=nairobi(at).date(),
        kind=SETTLEMENT,
        narrative=f"settlement {row['id']}",
        linked_id=",".join(str(member) for member in members) if isinstance(members, list) else "",
        batch=str(row["id"]),
    )


def _moment(text: object) -> datetime:
    """Raises ValueError."""
    found = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    if found.tzinfo is None:
        raise ValueError("a time without a zone")
    return found
