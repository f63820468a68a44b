"""Trying an endpoint: one event to it alone, and the answer while the caller waits."""

import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import new_id, to_public
from webhooks.bell import ring_on_commit
from webhooks.events import TEST_PING, event_body
from webhooks.models import ENABLED, TEST, Attempt, Delivery, Endpoint, Event
from webhooks.schedule import EXPIRY_HOURS
from webhooks.serializers.sent import EXAMPLE_TYPES, example_object
from webhooks.services.urgent import go_first

FIRST_LOOK_SECONDS, LONGEST_LOOK_SECONDS = 0.02, 0.25
# Callers of one web process that may wait at a time: the threads are there for payments.
WAITERS = 4

_places = threading.BoundedSemaphore(WAITERS)


def send_test(endpoint: Endpoint, *, type: str = TEST_PING, request_id: str | None = None) -> Delivery:
    """Send a `test.ping`, or the documented example of another type, to this endpoint alone, whatever it subscribed to,
    and wait until it was tried, for WEBHOOK_TEST_WAIT_SECONDS at most.

    An example has an id of its own and counts as no object's event. Raises Problem parameter_invalid for a type that
    is not published, or another than test.ping in live mode, state_conflict unless the endpoint is enabled.
    """
    if type != TEST_PING:
        _refuse_type(type, endpoint)
    with transaction.atomic():
        locked = Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
        if locked.deleted_at is not None or locked.status != ENABLED:
            raise Problem("state_conflict", "The endpoint is not enabled.")
        event = _written(locked, type, request_id=request_id)
        delivery: Delivery = Delivery.objects.create(
            event=event,
            endpoint=locked,
            merchant_id=locked.merchant_id,
            mode=locked.mode,
            trigger=TEST,
            next_attempt_at=go_first(locked.pk),
            expires_at=event.created_at + timedelta(hours=EXPIRY_HOURS),
        )
        ring_on_commit()
    _wait_for_try(delivery)
    tried: Delivery = Delivery.objects.select_related("event", "endpoint").get(pk=delivery.pk)
    return tried


def _refuse_type(type: str, endpoint: Endpoint) -> None:
    if type not in EXAMPLE_TYPES:
        raise Problem("parameter_invalid", f"{type[:60]!r} is not a type that is published.", param="type")
    if endpoint.mode == LIVE:
        detail = "In live mode only test.ping is sent: an example must never be taken for real money."
        raise Problem("parameter_invalid", detail, param="type")


def _written(endpoint: Endpoint, type: str, *, request_id: str | None) -> Event:
    event_id, moment = new_id(), now()
    body = event_body(
        event_id,
        type,
        merchant_id=endpoint.merchant_id,
        mode=endpoint.mode,
        at=moment,
        object=_pinged(endpoint) if type == TEST_PING else example_object(type, mode=endpoint.mode),
        previous=None,
        request_id=request_id,
        idempotency_key=None,
    )
    event: Event = Event.objects.create(
        id=event_id,
        merchant_id=endpoint.merchant_id,
        mode=endpoint.mode,
        type=type,
        api_version=endpoint.api_version,
        body=body,
        created_at=moment,
    )
    return event


def _pinged(endpoint: Endpoint) -> Mapping[str, Any]:
    return {"id": to_public("whe", endpoint.pk), "object": "webhook_endpoint", "livemode": endpoint.mode == LIVE}


def _wait_for_try(delivery: Delivery) -> None:
    """Look until there is an attempt. Not inside a transaction, which no drain could see the end of, and not at all
    when too many are waiting already."""
    if connection.in_atomic_block or not _places.acquire(blocking=False):
        return
    try:
        gives_up_at, pause = time.monotonic() + settings.WEBHOOK_TEST_WAIT_SECONDS, FIRST_LOOK_SECONDS
        while time.monotonic() < gives_up_at and not Attempt.objects.filter(delivery=delivery).exists():
            time.sleep(min(pause, max(gives_up_at - time.monotonic(), 0)))
            pause = min(pause * 1.5, LONGEST_LOOK_SECONDS)
    finally:
        _places.release()
