"""Lists of one merchant in one mode, page by page: their filters, their order, and the cursor between pages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from onpoint_pay.kit.api import decode_cursor, encode_cursor
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import NAIROBI
from onpoint_pay.kit.crypto import fingerprint
from onpoint_pay.kit.errors import Fault, Invalid, Problem
from onpoint_pay.kit.ids import PublicIdInvalid, from_public
from webhooks.events import PATTERNS
from webhooks.models import NORMAL, STATES, Delivery, Endpoint, Event, Notice, Recovery
from webhooks.selectors.find import BIGGEST_DELIVERY, deliveries_of, endpoints_of

Readers = Mapping[str, Callable[[str], Q]]
NO_FILTERS = ("limit", "cursor")


def page_of_endpoints(caller: Caller, query: Mapping[str, str], *, limit: int) -> tuple[list[Endpoint], str | None]:
    """Newest first, without those behind callback URLs, and the cursor of the next page."""
    return _page(endpoints_of(caller).filter(kind=NORMAL), query, {}, order=Order("id", UUID), limit=limit)


def page_of_events(caller: Caller, query: Mapping[str, str], *, limit: int) -> tuple[list[Event], str | None]:
    """Events that have their number, by `type`: newest first, or upwards from `after_sequence`."""
    rows = Event.objects.scoped(caller.merchant_id, caller.mode).filter(sequence__isnull=False)
    is_pulled = query.get("after_sequence", "") != ""
    order = Order("sequence", _whole_number, descending=not is_pulled)
    return _page(rows, query, EVENT_READERS, order=order, limit=limit)


def page_of_deliveries(caller: Caller, query: Mapping[str, str], *, limit: int) -> tuple[list[Delivery], str | None]:
    """Newest first, by `endpoint`, `event`, `status`, `type` and time, and the cursor of the next page."""
    rows = deliveries_of(caller).defer("event__body")
    return _page(rows, query, DELIVERY_READERS, order=Order("id", _whole_number), limit=limit)


def page_of_recoveries(
    endpoint: Endpoint, query: Mapping[str, str], *, limit: int
) -> tuple[list[Recovery], str | None]:
    """Of one endpoint, newest first, and the cursor of the next page."""
    rows = Recovery.objects.filter(endpoint=endpoint)
    return _page(rows, query, {}, order=Order("id", UUID), limit=limit, within=str(endpoint.pk))


def page_of_notices(caller: Caller, query: Mapping[str, str], *, limit: int) -> tuple[list[Notice], str | None]:
    """Newest first, by `endpoint`, and the cursor of the next page."""
    rows = Notice.objects.filter(endpoint__merchant_id=caller.merchant_id, endpoint__mode=caller.mode)
    readers = {"endpoint": _by_endpoint}
    return _page(rows.select_related("endpoint"), query, readers, order=Order("id", _whole_number), limit=limit)


# --- pages --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Order:
    """The column a list goes by, and how its value is read from a cursor."""

    by: str
    read: Callable[[str], Any]
    descending: bool = True


def _page(
    rows: QuerySet[Any],
    query: Mapping[str, str],
    readers: Readers,
    *,
    order: Order,
    limit: int,
    within: str = "",
) -> tuple[list[Any], str | None]:
    """Raises Invalid for filters that are unknown or cannot be read, Problem cursor_invalid for a foreign cursor."""
    rows = rows.filter(_conditions(query, readers))
    name = rows.model._meta.label_lower + within
    mark = fingerprint([name, {key: text for key, text in query.items() if key in readers}])[:16]
    if query.get("cursor"):
        way = "lt" if order.descending else "gt"
        rows = rows.filter(**{f"{order.by}__{way}": _last_seen(query["cursor"], mark, order)})
    found = list(rows.order_by(f"-{order.by}" if order.descending else order.by)[: limit + 1])
    if len(found) <= limit:
        return found, None
    return found[:limit], encode_cursor([mark, str(getattr(found[limit - 1], order.by))])


def _last_seen(cursor: str, mark: str, order: Order) -> Any:
    of_query, last = decode_cursor(cursor, length=2)
    if of_query == mark:
        try:
            return order.read(last)
        except ValueError:
            pass
    raise Problem("cursor_invalid", "The cursor belongs to another list; start again without it.", param="cursor")


def _conditions(query: Mapping[str, str], readers: Readers) -> Q:
    wanted, faults = Q(), []
    for name, text in query.items():
        if name in NO_FILTERS:
            continue
        try:
            wanted &= readers[name](text)
        except KeyError:
            faults.append(Fault(param=name[:64], code="parameter_invalid", detail="There is no such filter."))
        except (ValueError, OverflowError) as error:
            code = "date_invalid" if "date" in name or "created" in name else "parameter_invalid"
            faults.append(Fault(param=name, code=code, detail=str(error) or "Cannot be read."))
    if faults:
        raise Invalid(faults)
    return wanted


# --- filters ------------------------------------------------------------------------------------------------------


def _by_type(text: str, *, column: str = "type") -> Q:
    if text not in PATTERNS:
        raise ValueError("This is not an event type.")
    if text == "*":
        return Q()
    return Q(**{f"{column}__startswith": text.removesuffix("*")}) if text.endswith("*") else Q(**{column: text})


def _after_sequence(text: str) -> Q:
    return Q(sequence__gt=_whole_number(text))


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text[:20]) > BIGGEST_DELIVERY:
        raise ValueError("Send a whole number.")
    return int(text)


def _by_state(text: str) -> Q:
    states = text.split(",")
    if not set(states) <= set(STATES):
        raise ValueError(f"status must be among {', '.join(STATES)}.")
    return Q(state__in=states)


def _by_endpoint(text: str) -> Q:
    return Q(endpoint_id=_key("whe", text))


def _by_event(text: str) -> Q:
    return Q(event_id=_key("evt", text))


def _key(prefix: str, text: str) -> UUID:
    try:
        return from_public(prefix, text)
    except PublicIdInvalid:
        raise ValueError(f"This is not an id that begins with {prefix}_.") from None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("Send an RFC 3339 time such as 2026-11-21T08:00:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _day_start(text: str) -> datetime:
    """A day is a day in Nairobi."""
    try:
        return datetime.combine(date.fromisoformat(text), time.min, NAIROBI)
    except ValueError:
        raise ValueError("Send a date such as 2026-11-21.") from None


EVENT_READERS: Readers = {"type": _by_type, "after_sequence": _after_sequence}
DELIVERY_READERS: Readers = {
    "endpoint": _by_endpoint,
    "event": _by_event,
    "status": _by_state,
    "type": lambda text: _by_type(text, column="event__type"),
    "date_from": lambda text: Q(created_at__gte=_day_start(text)),
    "date_to": lambda text: Q(created_at__lt=_day_start(text) + timedelta(days=1)),
    "created_after": lambda text: Q(created_at__gt=_moment(text)),
    "created_before": lambda text: Q(created_at__lt=_moment(text)),
}
