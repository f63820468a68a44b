"""Lists of one merchant's rows: filters by name, newest first, page by page."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet

from onpoint_pay.kit.api import decode_cursor, encode_cursor
from onpoint_pay.kit.clock import NAIROBI
from onpoint_pay.kit.crypto import fingerprint
from onpoint_pay.kit.errors import Fault, Invalid, Problem
from onpoint_pay.kit.money import Money, MoneyError

M = TypeVar("M", bound=Model)
Readers = Mapping[str, Callable[[str], Q]]
NO_FILTERS = ("limit", "cursor")


def page_of(
    rows: QuerySet[M], query: Mapping[str, str], readers: Readers, *, by: str, limit: int
) -> tuple[list[M], str | None]:
    """One page by filter, newest first by the time `by`, and the cursor of the next; `readers` are its filters.

    Raises Invalid for unknown or unreadable filters, Problem cursor_invalid for a cursor of another query.
    """
    rows = rows.filter(_conditions(query, readers))
    mark = fingerprint({name: text for name, text in query.items() if name not in NO_FILTERS})[:16]
    if query.get("cursor"):
        rows = rows.filter(_after(query["cursor"], mark, by=by))
    found = list(rows.order_by(f"-{by}", "-id")[: limit + 1])
    if len(found) <= limit:
        return found, None
    last: Any = found[limit - 1]
    return found[:limit], encode_cursor([mark, getattr(last, by).isoformat(), str(last.id)])


def _after(cursor: str, mark: str, *, by: str) -> Q:
    found, text, key = decode_cursor(cursor, length=3)
    try:
        at, last = datetime.fromisoformat(text), UUID(key)
    except ValueError:
        raise Problem("cursor_invalid", param="cursor") from None
    if found != mark:
        raise Problem("cursor_invalid", "The cursor belongs to other filters; start again without it.", param="cursor")
    return Q(**{f"{by}__lte": at}) & (Q(**{f"{by}__lt": at}) | Q(id__lt=last))


def _conditions(query: Mapping[str, str], readers: Readers) -> Q:
    faults: list[Fault] = []
    wanted = Q()
    for name, text in query.items():
        if "\x00" in name + text:
            faults.append(Fault(param=name[:64], code="parameter_invalid", detail="Holds a NUL character."))
        elif name not in readers and name not in NO_FILTERS:
            faults.append(Fault(param=name[:64], code="parameter_invalid", detail="There is no such filter."))
        elif name in readers and text != "":
            try:
                wanted &= readers[name](text)
            except (ValueError, OverflowError) as error:
                code = "date_invalid" if "date" in name or "created" in name else "parameter_invalid"
                faults.append(Fault(param=name, code=code, detail=str(error) or "Cannot be read."))
    if faults:
        raise Invalid(faults)
    return wanted


def one_of(field: str, words: tuple[str, ...]) -> Callable[[str], Q]:
    """A filter that takes one or several of `words`, separated by commas."""

    def read(text: str) -> Q:
        wanted = text.split(",")
        if unknown := [word for word in wanted if word not in words]:
            raise ValueError(f"{unknown[0][:32]} is none of {', '.join(words)}.")
        return Q(**{f"{field}__in": wanted})

    return read


def _amount(text: str) -> int:
    try:
        return Money.parse(text, "KES").minor
    except MoneyError as error:
        raise ValueError(str(error)) from None


def _day_start(text: str) -> datetime:
    """A day is a day in Nairobi."""
    try:
        return datetime.combine(date.fromisoformat(text), time.min, NAIROBI)
    except ValueError:
        raise ValueError("Send a date such as 2026-11-21.") from None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("Send an RFC 3339 time such as 2026-11-21T08:00:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


# Of rows with `amount` in minor units and `created_at`.
AMOUNT_AND_TIME: Readers = {
    "amount_min": lambda text: Q(amount__gte=_amount(text)),
    "amount_max": lambda text: Q(amount__lte=_amount(text)),
    "date_from": lambda text: Q(created_at__gte=_day_start(text)),
    "date_to": lambda text: Q(created_at__lt=_day_start(text) + timedelta(days=1)),
    "created_after": lambda text: Q(created_at__gt=_moment(text)),
    "created_before": lambda text: Q(created_at__lt=_moment(text)),
}
