"""Lists of one merchant's rows: how filters and cursors are read, and one page after the other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import DateTimeField, IntegerField, Model, Q, QuerySet

from onpoint_pay.kit.api import Turn, decode_cursor, encode_cursor
from onpoint_pay.kit.clock import NAIROBI
from onpoint_pay.kit.crypto import fingerprint
from onpoint_pay.kit.errors import Fault, Invalid, Problem
from onpoint_pay.kit.ids import PublicIdInvalid, from_public
from onpoint_pay.kit.money import Money, MoneyError

M = TypeVar("M")
R = TypeVar("R", bound=Model)
V = TypeVar("V")
Page = tuple[list[M], Turn]
# name of a filter: reads its text; ValueError tells what is wrong with it
Readers = Mapping[str, Callable[[str], V]]
Conditions = Readers[Q]
NO_FILTERS = ("limit", "cursor")
PAGED = (*NO_FILTERS, "include")
SORTED = (*PAGED, "sort")
SORTS = ("created_at", "amount", "completed_at")
TOTAL_COUNTED = 10_000
NEXT, PREVIOUS = "next", "previous"
MOST_DIGITS = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The unique column a list goes by, and how its value is read from a cursor."""

    by: str = "id"
    read: Callable[[str], Any] = UUID
    descending: bool = True


NEWEST_FIRST = Order()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a page goes on: after `value` in the order of the list, or `back`, before it."""

    value: Any
    back: bool


# --- pages --------------------------------------------------------------------------------------------------------


def page_of(rows: QuerySet[R], query: Mapping[str, str], conditions: Conditions, *, by: str, limit: int) -> Page[R]:
    """One page by filter, newest first by the time `by` unless sorted otherwise.

    Raises Invalid for unknown or unreadable filters, Problem parameter_invalid for an unknown order, cursor_invalid for
    a cursor of another query.
    """
    rows = rows.filter(read_conditions(query, conditions, ignored=SORTED))
    return page_sorted(rows, query, by=by, limit=limit)


def page_sorted(rows: QuerySet[R], query: Mapping[str, str], *, by: str, limit: int) -> Page[R]:
    """As page_of, of rows that are filtered already. Ties are broken by the key."""
    model: type[Model] = rows.model
    field, descending = read_sort(query, sorts_of(model, by))
    column: Any = model._meta.get_field(field)
    if column.null:
        rows = rows.filter(**{f"{field}__isnull": False})
    is_time, is_numbered = isinstance(column, DateTimeField), isinstance(model._meta.pk, IntegerField)

    def read(text: str) -> tuple[Any, Any]:
        value, _, key = text.partition(" ")
        read_key = whole_number if is_numbered else UUID
        return datetime.fromisoformat(value) if is_time else whole_number(value), read_key(key)

    def shown(row: R) -> str:
        value = getattr(row, field)
        return f"{value.isoformat() if is_time else value} {row.pk}"

    def fetch(place: Place | None, count: int) -> list[R]:
        way, sign = _way(descending=descending, place=place)
        found = rows
        if place is not None:
            value, key = place.value
            # The first condition alone lets the index begin at the right place.
            beyond = Q(**{f"{field}__{way}": value}) | Q(**{f"id__{way}": key})
            found = rows.filter(Q(**{f"{field}__{way}e": value}) & beyond)
        return list(found.order_by(f"{sign}{field}", f"{sign}id")[:count])

    mark = mark_of(model._meta.label_lower, query)
    return turn_to(query, mark=mark, limit=limit, read=read, shown=shown, fetch=fetch, count=_counter(rows))


def page_by(
    rows: QuerySet[R],
    query: Mapping[str, str],
    conditions: Conditions,
    *,
    limit: int,
    order: Order = NEWEST_FIRST,
    within: str = "",
) -> Page[R]:
    """As page_of, by a unique column; `within` tells lists of the same rows apart."""
    rows = rows.filter(read_conditions(query, conditions, ignored=PAGED))
    by = order.by

    def fetch(place: Place | None, count: int) -> list[R]:
        way, sign = _way(descending=order.descending, place=place)
        found = rows if place is None else rows.filter(**{f"{by}__{way}": place.value})
        return list(found.order_by(f"{sign}{by}")[:count])

    def shown(row: R) -> str:
        return str(getattr(row, by))

    mark = mark_of(rows.model._meta.label_lower + within, query)
    return turn_to(query, mark=mark, limit=limit, read=order.read, shown=shown, fetch=fetch, count=_counter(rows))


def turn_to(
    query: Mapping[str, str],
    *,
    mark: str,
    limit: int,
    read: Callable[[str], Any],
    shown: Callable[[M], str],
    fetch: Callable[[Place | None, int], list[M]],
    count: Callable[[int], int],
) -> Page[M]:
    """One page of any list. `fetch` gives so many rows from a place on, the nearest first; `shown` writes what `read`
    reads; `count` counts the rows of the list up to so many.
    """
    place = place_of(query, mark, read)
    found = fetch(place, limit + 1)
    goes_back, is_more = place is not None and place.back, len(found) > limit
    found = found[:limit]
    if goes_back:
        found.reverse()
    # Where a page was come from there is another one, unless its rows are gone.
    is_other = place is not None and bool(found)
    has_next, has_previous = (is_other, is_more) if goes_back else (is_more, is_other)
    turn = Turn(
        next=encode_cursor([mark, NEXT, shown(found[-1])]) if has_next else None,
        previous=encode_cursor([mark, PREVIOUS, shown(found[0])]) if has_previous else None,
        total=_total(count) if wants_total(query) else None,
    )
    return found, turn


def _way(*, descending: bool, place: Place | None) -> tuple[str, str]:
    """The comparison and the sign of the order in which rows are walked from a place."""
    goes_down = descending != (place is not None and place.back)
    return ("lt", "-") if goes_down else ("gt", "")


def _counter(rows: QuerySet[R]) -> Callable[[int], int]:
    return lambda most: rows[:most].count()


def _total(count: Callable[[int], int]) -> dict[str, Any]:
    """Exact up to 10,000, then an estimate from below."""
    counted = count(TOTAL_COUNTED + 1)
    return {"total": min(counted, TOTAL_COUNTED), "total_is_estimate": counted > TOTAL_COUNTED}


def wants_total(query: Mapping[str, str]) -> bool:
    """Raises Problem parameter_invalid for anything else that is to be included."""
    if query.get("include", "total") != "total":
        raise Problem("parameter_invalid", "Only total can be included.", param="include")
    return "include" in query


def sorts_of(model: type[Model], by: str) -> tuple[str, ...]:
    """What rows of this kind can be sorted by, the usual order first."""
    names = {field.name for field in model._meta.concrete_fields}
    return (by, *(name for name in SORTS if name != by and name in names))


def read_sort(query: Mapping[str, str], sorts: tuple[str, ...]) -> tuple[str, bool]:
    """The column and whether it goes down. Raises Problem parameter_invalid."""
    text = query.get("sort", f"-{sorts[0]}")
    field = text.removeprefix("-")
    if field not in sorts:
        raise Problem(
            "parameter_invalid", f"sort must be one of {', '.join(sorts)}, or one with a minus.", param="sort"
        )
    return field, text.startswith("-")


def read_conditions(query: Mapping[str, str], conditions: Conditions, *, ignored: tuple[str, ...] = NO_FILTERS) -> Q:
    """Every filter that was sent, as one condition. Raises Invalid with every fault together."""
    return Q(*read_filters(query, conditions, ignored=ignored).values())


def read_filters(
    query: Mapping[str, str], readers: Readers[V], *, ignored: tuple[str, ...] = NO_FILTERS
) -> dict[str, V]:
    """The filters that were sent, read; `ignored` ones are none. Raises Invalid with every fault together."""
    found, faults = {}, []
    for name, text in query.items():
        if name in ignored:
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
    """Ties a cursor to its list, filters and order."""
    return fingerprint([name, {key: text for key, text in query.items() if key not in PAGED}])[:16]


def place_of(query: Mapping[str, str], mark: str, read: Callable[[str], Any]) -> Place | None:
    """Where a page goes on, None for the first. Raises Problem cursor_invalid for another list's cursor."""
    if not query.get("cursor"):
        return None
    of_query, way, last = decode_cursor(query["cursor"], length=3)
    if of_query == mark and way in (NEXT, PREVIOUS):
        try:
            return Place(value=read(last), back=way == PREVIOUS)
        except ValueError:
            pass
    detail = "The cursor belongs to another list or to other filters; start again without it."
    raise Problem("cursor_invalid", detail, param="cursor")


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


# Of rows with `amount` in minor units, and with `created_at`.
AMOUNTS: Conditions = {
    "amount_min": lambda text: Q(amount__gte=amount(text)),
    "amount_max": lambda text: Q(amount__lte=amount(text)),
}
AMOUNT_AND_TIME: Conditions = {**AMOUNTS, **time_range("created_at")}
