"""Lists of one merchant's rows: how filters and cursors are read, and one page after the other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet

from onpoint_pay.kit.api import decode_cursor, encode_cursor
from onpoint_pay.kit.clock import NAIROBI
from onpoint_pay.kit.crypto import fingerprint
from onpoint_pay.kit.errors import Fault, Invalid, Problem
from onpoint_pay.kit.ids import PublicIdInvalid, from_public
from onpoint_pay.kit.money import Money, MoneyError

M = TypeVar("M", bound=Model)
V = TypeVar("V")
Page = tuple[list[M], str | None]
# name of a filter: reads its text; ValueError tells what is wrong with it
Readers = Mapping[str, Callable[[str], V]]
Conditions = Readers[Q]
NO_FILTERS = ("limit", "cursor")
MOST_DIGITS = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The unique column a list goes by, and how its value is read from a cursor."""

    by: str = "id"
    read: Callable[[str], Any] = UUID
    descending: bool = True


NEWEST_FIRST = Order()


# --- pages --------------------------------------------------------------------------------------------------------


def page_of(rows: QuerySet[M], query: Mapping[str, str], conditions: Conditions, *, by: str, limit: int) -> Page[M]:
    """One page by filter, newest first by the time `by`, and the cursor of the next.

    Raises Invalid for unknown or unreadable filters, Problem cursor_invalid for a cursor of another query.
    """
    rows = rows.filter(read_conditions(query, conditions))
    mark = mark_of(rows.model._meta.label_lower, query)
    last = last_seen(query, mark, _moment_and_key)
    if last is not None:
        at, key = last
        # The first condition alone lets the index begin at the right place.
        rows = rows.filter(Q(**{f"{by}__lte": at}) & (Q(**{f"{by}__lt": at}) | Q(id__lt=key)))
    found = list(rows.order_by(f"-{by}", "-id")[: limit + 1])
    return cut(found, limit=limit, mark=mark, shown=lambda row: f"{getattr(row, by).isoformat()} {row.pk}")


def page_by(
    rows: QuerySet[M],
    query: Mapping[str, str],
    conditions: Conditions,
    *,
    limit: int,
    order: Order = NEWEST_FIRST,
    within: str = "",
) -> Page[M]:
    """As page_of, by a unique column; `within` tells lists of the same rows apart."""
    rows = rows.filter(read_conditions(query, conditions))
    mark = mark_of(rows.model._meta.label_lower + within, query)
    last = last_seen(query, mark, order.read)
    if last is not None:
        rows = rows.filter(**{f"{order.by}__{'lt' if order.descending else 'gt'}": last})
    found = list(rows.order_by(f"-{order.by}" if order.descending else order.by)[: limit + 1])
    return cut(found, limit=limit, mark=mark, shown=lambda row: str(getattr(row, order.by)))


def read_conditions(query: Mapping[str, str], conditions: Conditions) -> Q:
    """Every filter that was sent, as one condition. Raises Invalid with every fault together."""
    return Q(*read_filters(query, conditions).values())


def read_filters(query: Mapping[str, str], readers: Readers[V]) -> dict[str, V]:
    """The filters that were sent, read. Raises Invalid with every fault together."""
    found, faults = {}, []
    for name, text in query.items():
        if name in NO_FILTERS:
            continue
        try:
            found[name] = readers[name](said(text))
        except KeyError:
            faults.append(Fault(param=name[:64], code="parameter_invalid", detail="There is no such filter."))
        except (ValueError, OverflowError) as error:
            faults.append(Fault(param=name[:64], code=_fault_of(name), detail=str(error) or "Cannot be read."))
    if faults:
        raise Invalid(faults)
    return found


def said(text: str) -> str:
    """The text of a filter. An empty one would quietly find everything: ValueError, as for a NUL character."""
    if text == "" or "\x00" in text:
        raise ValueError("Holds a NUL character." if text else "Is empty: send a value, or leave it out.")
    return text


def _fault_of(name: str) -> str:
    is_date = name in ("from", "to", "day") or name.startswith(("date_", "created_"))
    return "date_invalid" if is_date else "parameter_invalid"


def mark_of(name: str, query: Mapping[str, str]) -> str:
    """Ties a cursor to its list and filters."""
    return fingerprint([name, {key: text for key, text in query.items() if key not in NO_FILTERS}])[:16]


def last_seen(query: Mapping[str, str], mark: str, read: Callable[[str], V]) -> V | None:
    """Where a page goes on, None for the first. Raises Problem cursor_invalid for another list's cursor."""
    if not query.get("cursor"):
        return None
    of_query, last = decode_cursor(query["cursor"], length=2)
    if of_query == mark:
        try:
            return read(last)
        except ValueError:
            pass
    detail = "The cursor belongs to another list or to other filters; start again without it."
    raise Problem("cursor_invalid", detail, param="cursor")


def cut(
    found: list[M], *, limit: int, mark: str, shown: Callable[[M], str] = lambda row: str(row.pk)
) -> tuple[list[M], str | None]:
    """A page out of one row more than it holds, and the cursor of the next; `shown` is what `last_seen` reads."""
    if len(found) <= limit:
        return found, None
    return found[:limit], encode_cursor([mark, shown(found[limit - 1])])


def _moment_and_key(text: str) -> tuple[datetime, UUID]:
    at, _, key = text.partition(" ")
    return datetime.fromisoformat(at), UUID(key)


# --- reading what was sent ----------------------------------------------------------------------------------------


def among(words: tuple[str, ...]) -> Callable[[str], list[str]]:
    """One or several of `words`, separated by commas."""

    def read(text: str) -> list[str]:
        wanted = text.split(",")
        if unknown := [word for word in wanted if word not in words]:
            raise ValueError(f"{unknown[0][:32]} is none of {', '.join(words)}.")
        return wanted

    return read


def key_of(prefix: str) -> Callable[[str], UUID]:
    """A public id of this kind."""

    def read(text: str) -> UUID:
        try:
            return from_public(prefix, text)
        except PublicIdInvalid:
            raise ValueError(f"This is not an id that begins with {prefix}_.") from None

    return read


def number_of(prefix: str) -> Callable[[str], int]:
    """As key_of, for rows that are numbered: an id of no such row finds nothing."""
    read_key = key_of(prefix)

    def read(text: str) -> int:
        number = read_key(text).int
        return number if number < 2**63 else 0

    return read


def whole_number(text: str) -> int:
    """As large as a column of the database takes."""
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS and int(text) < 2**63):
        raise ValueError("Send a whole number.")
    return int(text)


def amount(text: str) -> int:
    """Minor units of an amount in major units."""
    try:
        return Money.parse(text, "KES").minor
    except MoneyError as error:
        raise ValueError(str(error)) from None


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
CREATED: Readers[datetime] = {
    "date_from": day_start,
    "date_to": day_end,
    "created_after": moment,
    "created_before": moment,
}


# --- conditions ---------------------------------------------------------------------------------------------------


def one_of(field: str, words: tuple[str, ...]) -> Callable[[str], Q]:
    """A filter that takes one or several of `words`, separated by commas."""
    read = among(words)
    return lambda text: Q(**{f"{field}__in": read(text)})


def key_in(field: str, prefix: str) -> Callable[[str], Q]:
    """A filter that takes the public id of what `field` refers to."""
    read = key_of(prefix)
    return lambda text: Q(**{field: read(text)})


def time_range(field: str) -> Conditions:
    """Filters by days and times of `field`."""
    return {
        "date_from": lambda text: Q(**{f"{field}__gte": day_start(text)}),
        "date_to": lambda text: Q(**{f"{field}__lt": day_end(text)}),
        "created_after": lambda text: Q(**{f"{field}__gt": moment(text)}),
        "created_before": lambda text: Q(**{f"{field}__lt": moment(text)}),
    }


# Of rows with `amount` in minor units and `created_at`.
AMOUNT_AND_TIME: Conditions = {
    "amount_min": lambda text: Q(amount__gte=amount(text)),
    "amount_max": lambda text: Q(amount__lte=amount(text)),
    **time_range("created_at"),
}
