"""Endpoints and events for tests, made through the services."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from merchants.models import Merchant
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id
from webhooks.models import Attempt, Delivery, Endpoint
from webhooks.services.drain import Counts, drain_until_idle
from webhooks.services.endpoints import add_endpoint
from webhooks.services.outbox import publish_event

URL = "https://shop.example/webhooks"


def make_endpoint(
    merchant: Merchant, *, url: str = URL, mode: str = "test", events: Sequence[str] = ("*",), status: str = "enabled"
) -> tuple[Endpoint, str]:
    """The endpoint and its secret in clear."""
    endpoint, secret = add_endpoint(merchant_id=merchant.pk, mode=mode, url=url, events=events, actor="key_test")
    if status != "enabled":
        Endpoint.objects.filter(pk=endpoint.pk).update(status=status)
        endpoint.refresh_from_db()
    return endpoint, secret


def publish(merchant: Merchant, *, type: str = "payment.completed", mode: str = "test", **more: Any) -> UUID:
    """One event about an object of its own, committed unless a test holds a transaction."""
    with transaction.atomic():
        return publish_event(
            merchant_id=merchant.pk,
            mode=mode,
            type=type,
            object_id=more.pop("object_id", new_id()),
            body_object={"object": "payment", "amount": "100.00", "status": "completed"},
            previous={"status": "pending"},
            request_id="req_01",
            **more,
        )


def make_delivery(merchant: Merchant, *, url: str = URL, mode: str = "test") -> Delivery:
    """An open delivery of one event to one new endpoint."""
    endpoint, _ = make_endpoint(merchant, url=url, mode=mode)
    event_id = publish(merchant, mode=mode)
    return Delivery.objects.get(event_id=event_id, endpoint=endpoint)


def make_attempt(delivery: Delivery, **fields: Any) -> Attempt:
    """A try of now that was answered with 200 after 20 ms, unless told otherwise."""
    fields = {"n": 1, "trigger": "auto", "started_at": now(), "total_ms": 20, "status": 200} | fields
    attempt: Attempt = Attempt.objects.create(delivery=delivery, endpoint_id=delivery.endpoint_id, **fields)
    return attempt


def drain() -> Counts:
    return drain_until_idle(seconds=30)
