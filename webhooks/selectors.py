"""Reads of one merchant in one mode: endpoints, events, deliveries and their tries, one by one or in pages."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from onpoint_pay.kit.api import decode_cursor, encode_cursor
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.crypto import fingerprint
from onpoint_pay.kit.errors import Fault, Invalid, NotFound, Problem
from onpoint_pay.kit.ids import PublicIdInvalid, from_public
from webhooks.events import PATTERNS
from webhooks.models import NORMAL, STATES, Attempt, Delivery, Endpoint, Event

BIGGEST_DELIVERY = 2**63 - 1


# --- one ----------------------------------------------------------------------------------------------------------


def endpoint_of(caller: Caller, key: UUID) -> Endpoint:
    """Also one behind a `callback_url`, which lists leave out. Raises NotFound, also for a deleted one."""
    return _one(_endpoints_of(caller).filter(pk=key))


def event_of(caller: Caller, key: UUID) -> Event:
    """Raises NotFound for another merchant's or mode's event."""
    return _one(Event.objects.scoped(caller.merchant_id, caller.mode).filter(pk=key))


def delivery_of(caller: Caller, key: UUID) -> Delivery:
    """With its event. Raises NotFound for another merchant's or mode's delivery."""
    if key.int > BIGGEST_DELIVERY:
        raise NotFound
    return _one(_deliveries_of(caller).filter(pk=key.int))


def attempts_of(delivery: Delivery) -> list[Attempt]:
    """Every try, oldest first."""
    return list(Attempt.objects.filter(delivery=delivery).order_by("id"))


def _one(rows: QuerySet[Any]) -> Any:
    found = rows.first()
    if found is None:
        raise NotFound
    return found


def _endpoints_of(caller: Caller) -> QuerySet[Endpoint]:
    return Endpoint.objects.scoped(caller.merchant_id, caller.mode).filter(deleted_at=None)


def _deliveries_of(caller: Caller) -> QuerySet[Delivery]:
    return Delivery.objects.scoped(caller.merchant_id, caller.mode).select_related("event")


# --- pages --------------------------------------------------------------------------------------------------------


def page_of_endpoints(caller: Caller, query: Mapping[str, str], *, limit: int) -> tuple[list[Endpoint], str | None]:
    """Newest first, without those behind callback URLs, and the cursor of the next page."""
    return _page(_endpoints_of(caller).filter(kind=NORMAL), query, {}, limit=limit)


def page_of_events(caller: Caller, query: Mapping[str, str], *, limit: int) -> tuple[list[Event], str | None]:
    """Newest first, all or those of one `type` (`payment.completed`, `payment.*`), and the cursor of the next page."""
    rows = Event.objects.scoped(caller.merchant_id, caller.mode)
    return _page(rows, query, {"type": _by_type}, limit=limit)


def page_of_deliveries(caller: Caller, query: Mapping[str, str], *, limit: int) -> tuple[list[Delivery], str | None]:
    """Newest first, by `endpoint`, `event` or `status`, and the cursor of the next page."""
    readers = {"endpoint": _by_endpoint, "event": _by_event, "status": _by_state}
    return _page(_deliveries_of(caller), query, readers, limit=limit)


def _page(
    rows: QuerySet[Any], query: Mapping[str, str], readers: Mapping[str, Callable[[str], Q]], *, limit: int
) -> tuple[list[Any], str | None]:
    """Raises Invalid for filters that are unknown or cannot be read, Problem cursor_invalid for a foreign cursor."""
    rows = rows.filter(_conditions(query, readers))
    name = rows.model._meta.label_lower
    mark = fingerprint([name, {key: text for key, text in query.items() if key in readers}])[:16]
    if query.get("cursor"):
        rows = rows.filter(id__lt=_last_seen(query["cursor"], mark, rows.model))
    found = list(rows.order_by("-id")[: limit + 1])
    if len(found) <= limit:
        return found, None
    return found[:limit], encode_cursor([mark, str(found[limit - 1].pk)])


def _last_seen(cursor: str, mark: str, model: Any) -> UUID | int:
    of_query, last = decode_cursor(cursor, length=2)
    if of_query == mark:
        try:
            if model is not Delivery:
                return UUID(last)
            if 0 < int(last) <= BIGGEST_DELIVERY:
                return int(last)
        except ValueError:
            pass
    raise Problem("cursor_invalid", "The cursor belongs to another list; start again without it.", param="cursor")


def _conditions(query: Mapping[str, str], readers: Mapping[str, Callable[[str], Q]]) -> Q:
    wanted, faults = Q(), []
    for name, text in query.items():
        if name in ("limit", "cursor"):
            continue
        try:
            wanted &= readers[name](text)
        except KeyError:
            faults.append(Fault(param=name[:64], code="parameter_invalid", detail="There is no such filter."))
        except ValueError as error:
            faults.append(Fault(param=name, code="parameter_invalid", detail=str(error)))
    if faults:
        raise Invalid(faults)
    return wanted


def _by_type(text: str) -> Q:
    if text not in PATTERNS:
        raise ValueError("This is not an event type.")
    if text == "*":
        return Q()
    return Q(type__startswith=text.removesuffix("*")) if text.endswith("*") else Q(type=text)


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
