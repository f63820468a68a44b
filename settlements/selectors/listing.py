"""Lists of one merchant's rows: how filters and cursors are read, and one page newest first by key."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from onpoint_pay.kit.api import decode_cursor, encode_cursor
from onpoint_pay.kit.clock import NAIROBI
from onpoint_pay.kit.crypto import fingerprint
from onpoint_pay.kit.errors import Fault, Invalid, Problem
from onpoint_pay.kit.ids import PublicIdInvalid, from_public

# name of a filter: reads its text; ValueError tells what is wrong with it
Readers = Mapping[str, Callable[[str], Any]]
NO_FILTERS = ("limit", "cursor")


def read_filters(query: Mapping[str, str], readers: Readers) -> dict[str, Any]:
    """The filters that were sent, read; empty ones are left out. Raises Invalid with every fault together."""
    found, faults = {}, []
    for name, text in query.items():
        if name in NO_FILTERS or (name in readers and text == ""):
            continue
        try:
            found[name] = readers[name](text)
        except KeyError:
            faults.append(Fault(param=name[:64], code="parameter_invalid", detail="There is no such filter."))
        except (ValueError, OverflowError) as error:
            is_date = name in ("from", "to") or "date" in name or "created" in name
            code = "date_invalid" if is_date else "parameter_invalid"
            faults.append(Fault(param=name, code=code, detail=str(error) or "Cannot be read."))
    if faults:
        raise Invalid(faults)
    return found


def mark_of(name: str, query: Mapping[str, str]) -> str:
    """Ties a cursor to its list and filters."""
    return fingerprint([name, {key: text for key, text in query.items() if key not in NO_FILTERS}])[:16]


def last_seen(query: Mapping[str, str], mark: str, read: Callable[[str], Any]) -> Any:
    """The key a page goes on after, None for the first. Raises Problem cursor_invalid for another list's cursor."""
    if not query.get("cursor"):
        return None
    of_query, last = decode_cursor(query["cursor"], length=2)
    if of_query == mark:
        try:
            return read(last)
        except ValueError:
            pass
    raise Problem("cursor_invalid", "The cursor belongs to another list; start again without it.", param="cursor")


def cut(found: list[Any], *, limit: int, mark: str) -> tuple[list[Any], str | None]:
    """A page out of one row more than it holds, and the cursor of the next."""
    if len(found) <= limit:
        return found, None
    return found[:limit], encode_cursor([mark, str(found[limit - 1].pk)])


# --- reading what was sent --------------------------------------------------------------------------------------------


def key_of(prefix: str) -> Callable[[str], UUID]:
    """A filter that takes a public id of this kind."""

    def read(text: str) -> UUID:
        try:
            return from_public(prefix, text)
        except PublicIdInvalid:
            raise ValueError(f"This is not an id that begins with {prefix}_.") from None

    return read


def whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ValueError("Send a whole number.")
    return int(text)


def number_of(prefix: str) -> Callable[[str], int]:
    """As key_of, for rows that are numbered: an id of no such row finds nothing."""
    read_key = key_of(prefix)

    def read(text: str) -> int:
        number = read_key(text).int
        return number if number < 2**63 else 0

    return read


def among(words: tuple[str, ...]) -> Callable[[str], list[str]]:
    """A filter that takes one or several of `words`, separated by commas."""

    def read(text: str) -> list[str]:
        wanted = text.split(",")
        if unknown := [word for word in wanted if word not in words]:
            raise ValueError(f"{unknown[0][:32]} is none of {', '.join(words)}.")
        return wanted

    return read


def moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("Send an RFC 3339 time such as 2026-11-21T08:00:00Z.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("Send a date such as 2026-11-21.") from None


def day_start(text: str) -> datetime:
    """A day is a day in Nairobi."""
    return datetime.combine(day(text), time.min, NAIROBI)


def day_end(text: str) -> datetime:
    return day_start(text) + timedelta(days=1)


# Both ends of a day range are included, of a time range excluded.
CREATED: Readers = {"date_from": day_start, "date_to": day_end, "created_after": moment, "created_before": moment}
