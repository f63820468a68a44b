"""Single rows of one merchant in one mode, and what belongs to them."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.errors import NotFound
from webhooks.models import HELD, Attempt, Delivery, Endpoint, Event, Notice, Recovery

BIGGEST_DELIVERY = 2**63 - 1


def endpoints_of(caller: Caller) -> QuerySet[Endpoint]:
    """With their lanes, without the deleted ones."""
    return Endpoint.objects.scoped(caller.merchant_id, caller.mode).filter(deleted_at=None).select_related("lane")


def endpoint_of(caller: Caller, key: UUID) -> Endpoint:
    """Also one behind a `callback_url`, which lists leave out. Raises NotFound, also for a deleted one."""
    return _one(endpoints_of(caller).filter(pk=key))


def held_for(endpoint: Endpoint) -> int:
    """How many deliveries wait until the endpoint is enabled and they are recovered."""
    return int(Delivery.objects.filter(endpoint=endpoint, state=HELD).count())


def event_of(caller: Caller, key: UUID) -> Event:
    """Raises NotFound for another merchant's or mode's event."""
    return _one(Event.objects.scoped(caller.merchant_id, caller.mode).filter(pk=key))


def deliveries_of(caller: Caller) -> QuerySet[Delivery]:
    return Delivery.objects.scoped(caller.merchant_id, caller.mode).select_related("event")


def delivery_of(caller: Caller, key: UUID) -> Delivery:
    """With its event and endpoint. Raises NotFound for another merchant's or mode's delivery."""
    if key.int > BIGGEST_DELIVERY:
        raise NotFound
    return _one(deliveries_of(caller).select_related("event", "endpoint").filter(pk=key.int))


def attempts_of(delivery: Delivery) -> list[Attempt]:
    """Every try that is kept, oldest first."""
    return list(Attempt.objects.filter(delivery=delivery).order_by("id"))


def recovery_of(caller: Caller, key: UUID) -> Recovery:
    """Raises NotFound for another merchant's or mode's recovery."""
    return _one(Recovery.objects.scoped(caller.merchant_id, caller.mode).filter(pk=key))


# --- for operators, of an endpoint or event that is at hand ----------------------------------------------------------

SHOWN_AT_MOST = 50


def latest_of(endpoint: Endpoint) -> list[Delivery]:
    """The newest deliveries to it, with their events."""
    rows = Delivery.objects.scoped(endpoint.merchant_id, endpoint.mode).filter(endpoint=endpoint)
    return list(rows.select_related("event").defer("event__body").order_by("-id")[:SHOWN_AT_MOST])


def deliveries_of_event(event: Event) -> list[Delivery]:
    rows = Delivery.objects.filter(event=event).select_related("event").defer("event__body")
    return list(rows.order_by("id")[:SHOWN_AT_MOST])


def notices_of(endpoint: Endpoint) -> list[Notice]:
    return list(Notice.objects.filter(endpoint=endpoint).order_by("-id")[:SHOWN_AT_MOST])


def recoveries_of(endpoint: Endpoint) -> list[Recovery]:
    return list(Recovery.objects.filter(endpoint=endpoint).order_by("-id")[:SHOWN_AT_MOST])


def _one(rows: QuerySet[Any]) -> Any:
    found = rows.first()
    if found is None:
        raise NotFound
    return found
