"""Lists of one merchant in one mode, page by page: their filters, their order, and the cursor between pages."""

from collections.abc import Mapping

from django.db.models import Q

from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.listing import Conditions, Order, Page, key_in, one_of, page_by, time_range, whole_number
from webhooks.events import PATTERNS
from webhooks.models import NORMAL, STATES, Delivery, Endpoint, Event, Notice, Recovery
from webhooks.selectors.find import deliveries_of, endpoints_of


def page_of_endpoints(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[Endpoint]:
    """Newest first, without those behind callback URLs, and the cursor of the next page."""
    return page_by(endpoints_of(caller).filter(kind=NORMAL), query, {}, limit=limit)


def page_of_events(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[Event]:
    """Events that have their number, by `type`: newest first, or upwards from `after_sequence`."""
    rows = Event.objects.scoped(caller.merchant_id, caller.mode).filter(sequence__isnull=False)
    is_pulled = query.get("after_sequence", "") != ""
    order = Order(by="sequence", read=whole_number, descending=not is_pulled)
    return page_by(rows, query, EVENT_READERS, order=order, limit=limit)


def page_of_deliveries(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[Delivery]:
    """Newest first, by `endpoint`, `event`, `status`, `type` and time, and the cursor of the next page."""
    rows = deliveries_of(caller).defer("event__body")
    return page_by(rows, query, DELIVERY_READERS, order=Order(read=whole_number), limit=limit)


def page_of_recoveries(endpoint: Endpoint, query: Mapping[str, str], *, limit: int) -> Page[Recovery]:
    """Of one endpoint, newest first, and the cursor of the next page."""
    rows = Recovery.objects.filter(endpoint=endpoint)
    return page_by(rows, query, {}, limit=limit, within=str(endpoint.pk))


def page_of_notices(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[Notice]:
    """Newest first, by `endpoint`, and the cursor of the next page."""
    rows = Notice.objects.filter(endpoint__merchant_id=caller.merchant_id, endpoint__mode=caller.mode)
    readers = {"endpoint": _by_endpoint}
    return page_by(rows.select_related("endpoint"), query, readers, order=Order(read=whole_number), limit=limit)


# --- filters ------------------------------------------------------------------------------------------------------


def _by_type(text: str, *, column: str = "type") -> Q:
    if text not in PATTERNS:
        raise ValueError("This is not an event type.")
    if text == "*":
        return Q()
    return Q(**{f"{column}__startswith": text.removesuffix("*")}) if text.endswith("*") else Q(**{column: text})


def _after_sequence(text: str) -> Q:
    return Q(sequence__gt=whole_number(text))


_by_endpoint = key_in("endpoint_id", "whe")
EVENT_READERS: Conditions = {"type": _by_type, "after_sequence": _after_sequence}
DELIVERY_READERS: Conditions = {
    "endpoint": _by_endpoint,
    "event": key_in("event_id", "evt"),
    "status": one_of("state", STATES),
    "type": lambda text: _by_type(text, column="event__type"),
    **time_range("created_at"),
}
