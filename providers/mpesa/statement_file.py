"""M-Pesa's organisation statement as a file: the columns of the portal's CSV, and saved pages of the pull list."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from onpoint_pay.kit.clock import NAIROBI, nairobi
from onpoint_pay.kit.entries import (
    CHARGE,
    IN,
    OTHER,
    OUT,
    PAYOUT,
    RECEIPT,
    REVERSAL,
    SEPARATORS,
    Entry,
    FileRefused,
    Head,
    Item,
    Items,
    Skipped,
    Unreadable,
    minor_of,
    refuse_cut,
    refuse_header,
    text_of,
)
from onpoint_pay.kit.money import Money, MoneyError
from providers.errors import ProviderUnavailable
from providers.mpesa.statement import lines as pull_lines
from providers.mpesa.values import CURRENCY, clear_phone, plain_names
from providers.strict_json import NotStrict, load_object

# The portal's names, compared in lower case without blanks and points.
_RECEIPT, _COMPLETED, _DETAILS, _STATUS = "receiptno", "completiontime", "details", "transactionstatus"
_PAID_IN, _WITHDRAWN, _BALANCE = "paidin", "withdrawn", "balance"
_REASON, _PARTY, _LINKED, _TYPED = "reasontype", "otherpartyinfo", "linkedtransactionid", "a/cno"
_NEEDED = (_RECEIPT, _COMPLETED, _STATUS, _PAID_IN, _WITHDRAWN, _BALANCE)
_HEAD_LINES = 40
_STAMPS = ("%d-%m-%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%d-%m-%Y %H:%M")
_STAMP_TEXT = re.compile(r"[0-9]{2,4}[-/][0-9]{2}[-/][0-9]{2,4} [0-9:]{5,8}")
_CODE = re.compile(r"[0-9A-Z]{6,20}")
# Daraja: ten upper-case letters and digits that begin with letters for the year and the month. Some hold no digit.
_RECEIPT_WORD = re.compile(r"\b[A-Z]{2}[0-9A-Z]{8}\b")
_TYPED_IN_DETAILS = re.compile(r"\bAcc(?:ount)?\.? ?(?:No\.? ?)?([0-9A-Za-z][0-9A-Za-z /._-]{0,19})$")
_MONEY_OUT_WORDS = ("business payment", "salary payment", "promotion payment", "b2c", "organization to customer")
_OWN_MONEY_WORDS = ("settlement", "working account", "utility account", "transfer", "deposit", "withdrawal")
_LONGEST_PULL = 16 * 1024 * 1024


def read_statement(lines: Iterable[bytes]) -> Items:
    """Head and movements of the portal's CSV. Raises FileRefused when it is no such file, or not all of it.

    Each physical line is read by itself: a stray quotation mark spoils one line and not the rest of the file.
    """
    columns: list[str] | None = None
    found: dict[str, str] = {}
    for line_no, raw in enumerate(lines, start=1):
        text = text_of(raw, line_no)
        cells = _cells(text, line_no)
        if columns is not None:
            yield from [cells] if isinstance(cells, Unreadable) else _row(cells, columns, line_no, text)
            if not raw.endswith(b"\n") and _is_cut(cells, columns):
                refuse_cut(line_no)
        elif isinstance(cells, Unreadable):
            continue
        elif _is_header(cells):
            columns = [_plain(cell) for cell in cells]
            yield _head(found)
        elif line_no > _HEAD_LINES:
            break
        else:
            _refuse_other_separator(text, line_no)
            _remember(found, cells)
    if columns is None:
        raise FileRefused("no line with the columns Receipt No., Completion Time, Paid In, Withdrawn and Balance")


def _cells(text: str, line_no: int) -> list[str] | Unreadable:
    try:
        return [cell.strip() for cell in next(csv.reader([text], strict=True), [])]
    except csv.Error as error:
        return Unreadable(line_no=line_no, text=text, why=str(error))


def _is_cut(cells: list[str] | Unreadable, columns: Sequence[str]) -> bool:
    return isinstance(cells, Unreadable) or (any(cells) and len(cells) < len(columns))


def _refuse_other_separator(text: str, line_no: int) -> None:
    for separator in SEPARATORS[1:]:
        if _is_header(text.split(separator)):
            refuse_header(line_no, separator, wanted=SEPARATORS[0])


def _plain(cell: str) -> str:
    return re.sub(r"[\s.]", "", cell).lower()


def _is_header(cells: Sequence[str]) -> bool:
    return set(_NEEDED) <= {_plain(cell) for cell in cells}


# --- the head ---------------------------------------------------------------------------------------------------------


def _remember(found: dict[str, str], cells: Sequence[str]) -> None:
    """`Short Code:,600123,Opening Balance:,1.00` and the like: a name with a colon, then its value."""
    for name, value in zip(cells, cells[1:], strict=False):
        if name.endswith(":"):
            found.setdefault(_plain(name[:-1]), value)


def _head(found: Mapping[str, str]) -> Head:
    stamps = _STAMP_TEXT.findall(found.get("timeperiod", ""))
    start, end = (_moment(stamp) for stamp in stamps) if len(stamps) == 2 else (None, None)
    return Head(
        account=found.get("shortcode", ""),
        currency=CURRENCY,
        start=start,
        # The last second belongs to the period.
        end=end + timedelta(seconds=1) if end is not None and nairobi(end).second == 59 else end,
        opening=_balance(found.get("openingbalance", "")),
        closing=_balance(found.get("closingbalance", "")),
    )


def _balance(text: str) -> int | None:
    try:
        return minor_of(text.upper().replace(CURRENCY, ""))
    except MoneyError:
        return None


def _moment(text: str) -> datetime | None:
    return next((moment for moment in (_try_stamp(text, stamp) for stamp in _STAMPS) if moment), None)


def _try_stamp(text: str, stamp: str) -> datetime | None:
    try:
        return datetime.strptime(text, stamp).replace(tzinfo=NAIROBI).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


# --- the movements ----------------------------------------------------------------------------------------------------


def _row(cells: Sequence[str], columns: Sequence[str], line_no: int, text: str) -> Iterator[Item]:
    if not any(cells):
        return
    row = dict(zip(columns, cells, strict=False))
    if not row.keys() >= set(_NEEDED):
        yield Unreadable(line_no=line_no, text=text, why="too few columns")
    elif row.get(_STATUS, "").lower() not in ("completed", ""):
        yield Skipped(line_no=line_no)
    else:
        try:
            yield _entry(row, line_no)
        except (MoneyError, ValueError) as error:
            yield Unreadable(line_no=line_no, text=text, why=str(error)[:200])


def _entry(row: Mapping[str, str], line_no: int) -> Entry:
    """Raises MoneyError and ValueError for what cannot be read."""
    receipt = row[_RECEIPT].upper()
    if not _CODE.fullmatch(receipt):
        raise ValueError("no receipt")
    moment = _moment(row[_COMPLETED])
    if moment is None:
        raise ValueError("no completion time")
    came, went = minor_of(row[_PAID_IN]) or 0, minor_of(row[_WITHDRAWN]) or 0
    if bool(came) == bool(went):
        raise ValueError("either Paid In or Withdrawn must have an amount")
    direction = IN if came > 0 else OUT
    details, reason = row.get(_DETAILS, ""), row.get(_REASON, "")
    kind = kind_of(f"{reason} {details}", direction)
    return Entry(
        line_no=line_no,
        external_id=receipt,
        direction=direction,
        money=Money(abs(came or went), row.get("currency") or CURRENCY),
        occurred_at=moment,
        value_date=nairobi(moment).date(),
        kind=kind,
        narrative=details or reason,
        balance_after=minor_of(row[_BALANCE]),
        linked_id=row.get(_LINKED, "").upper() or _linked_in(details, receipt, kind),
        account_reference=row.get(_TYPED) or _typed_in(details),
        party=_phone_in(row.get(_PARTY, "")),
    )


@lru_cache(maxsize=4096)
def kind_of(words: str, direction: str) -> str:
    """What a movement is, by the portal's words for it; money that came for an unknown reason is a receipt."""
    plain = words.lower()
    if "charge" in plain or "tariff" in plain or " fee" in plain:
        return CHARGE
    if "reversal" in plain or "reversed" in plain:
        return REVERSAL
    if any(word in plain for word in _MONEY_OUT_WORDS):
        return PAYOUT if direction == OUT else REVERSAL
    if direction == OUT or any(word in plain for word in _OWN_MONEY_WORDS):
        return OTHER
    return RECEIPT


def _linked_in(details: str, receipt: str, kind: str) -> str:
    """The movement it belongs to: a charge carries its receipt, a reversal names what it undoes in its words."""
    if kind != REVERSAL:
        return receipt if kind == CHARGE else ""
    words = {word for word in _RECEIPT_WORD.findall(details) if word != receipt}
    found = {word for word in words if not word.isalpha()} or words
    return found.pop() if len(found) == 1 else ""


def _typed_in(details: str) -> str:
    found = _TYPED_IN_DETAILS.search(details)
    return found[1].strip() if found else ""


def _phone_in(party: str) -> str:
    """`254712345678 - AMINA OTIENO`: the number; empty where it is masked."""
    return clear_phone(party.partition(" - ")[0]) or ""


# --- the pull list ----------------------------------------------------------------------------------------------------


def read_pull(lines: Iterable[bytes]) -> Items:
    """The rows of one saved answer of the pull interface; they tell of money received only. Raises FileRefused."""
    yield Head(currency=CURRENCY)
    for line_no, row in enumerate(_pull_rows(lines), start=1):
        yield _pull_item(row, line_no)


def _pull_rows(lines: Iterable[bytes]) -> list[object]:
    body = bytearray()
    for line in lines:
        body += line
        if len(body) > _LONGEST_PULL:
            raise FileRefused("an answer of the pull interface is never this long")
    try:
        rows = plain_names(load_object(bytes(body))).get("response")
    except NotStrict as error:
        raise FileRefused(f"not the JSON of the pull interface: {error}") from None
    if not isinstance(rows, list):
        raise FileRefused("the document has no Response")
    flat: list[object] = []
    for row in rows:
        flat.extend(row if isinstance(row, list) else [row])
    return flat


def _pull_item(row: object, line_no: int) -> Item:
    try:
        found = pull_lines([row]) if isinstance(row, dict) else []
    except ProviderUnavailable as error:
        return Unreadable(line_no=line_no, text=str(row)[:500], why=str(error)[:200])
    line = next(iter(found), None)
    if line is None or line.occurred_at is None or not line.money:
        return Unreadable(line_no=line_no, text=str(row)[:500], why="no receipt, time or amount")
    return Entry(
        line_no=line_no,
        external_id=line.receipt,
        direction=IN,
        money=line.money,
        occurred_at=line.occurred_at,
        value_date=nairobi(line.occurred_at).date(),
        kind=RECEIPT,
        narrative=line.description,
        account_reference=line.account_reference,
        party=line.phone or "",
    )
