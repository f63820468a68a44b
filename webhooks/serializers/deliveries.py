"""JSON of deliveries and of the tries to make them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from onpoint_pay import openapi_texts_webhooks as texts
from onpoint_pay.kit.api import InputSerializer
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.pages import PageSerializer
from webhooks.channels import describe
from webhooks.events import TEST_PING
from webhooks.models import OPEN, Attempt, Delivery
from webhooks.serializers.fields import TextField, stamp

# Why a delivery ended without a try of its own.
GIVEN_UP = {
    "endpoint_deleted": "The endpoint was deleted before this was delivered.",
    "body_too_large": "The event is larger than 64 KiB, which no endpoint is sent.",
    "no_secret": "There is no secret to sign with: rotate the secret of the endpoint and send this again.",
    "interrupted": "Sending was cut off several times on our side; it is tried again.",
}


def sentence_of(error: str) -> str | None:
    """An error word of a try or a delivery for people; None where there was none."""
    return (GIVEN_UP.get(error) or describe(error)) if error else None


# --- what comes in ------------------------------------------------------------------------------------------------


@extend_schema_serializer(examples=[OpenApiExample("A payment that failed", value=texts.TEST_EXAMPLE)])
class WebhookTestSerializer(InputSerializer):
    """Nothing sends a test.ping."""

    type = TextField(
        default=TEST_PING,
        max_length=64,
        help_text="An event type whose example is sent in place of test.ping; in test mode only.",
    )


# --- what goes out ------------------------------------------------------------------------------------------------


def delivery_body(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": to_public("whd", UUID(int=delivery.pk)),
        "object": "webhook_delivery",
        "livemode": delivery.mode == LIVE,
        "event": to_public("evt", delivery.event_id),
        "event_type": delivery.event.type,
        "endpoint": to_public("whe", delivery.endpoint_id),
        "status": delivery.state,
        "tries": delivery.tries,
        "next_attempt_at": stamp(delivery.next_attempt_at) if delivery.state == OPEN else None,
        "expires_at": stamp(delivery.expires_at),
        "last_status": delivery.last_status,
        "last_error": delivery.last_error or None,
        "last_error_detail": sentence_of(delivery.last_error),
        "delivered_at": stamp(delivery.delivered_at),
        "created_at": stamp(delivery.created_at),
    }


def attempt_body(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.n,
        "trigger": attempt.trigger,
        "started_at": stamp(attempt.started_at),
        "connect_ms": attempt.connect_ms,
        "total_ms": attempt.total_ms,
        "ip": attempt.ip,
        "status": attempt.status,
        "error": attempt.error_code or None,
        "error_detail": sentence_of(attempt.error_code),
        "request_headers": attempt.request_headers,
        "response_headers": attempt.response_headers,
        "response_excerpt": attempt.response_excerpt,
    }


def delivery_with_attempts(delivery: Delivery, attempts: Sequence[Attempt]) -> dict[str, Any]:
    """What is sent, with the headers of the last try, and every try."""
    request = {
        "url": delivery.endpoint.url,
        "headers": attempts[-1].request_headers if attempts else {},
        "body": delivery.event.body,
    }
    return delivery_body(delivery) | {"request": request, "attempts": [attempt_body(each) for each in attempts]}


# --- the same for the OpenAPI document; a test holds the two together -----------------------------------------------


@extend_schema_serializer(examples=[OpenApiExample("Delivered", value=texts.DELIVERY_EXAMPLE)])
class WebhookDeliverySerializer(serializers.Serializer[Any]):
    """One event on its way to one endpoint."""

    id = serializers.CharField()
    object = serializers.CharField(default="webhook_delivery")
    livemode = serializers.BooleanField()
    event = serializers.CharField()
    event_type = serializers.CharField()
    endpoint = serializers.CharField()
    status = serializers.CharField(help_text="open, delivered, failed or held.")
    tries = serializers.IntegerField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField()
    last_status = serializers.IntegerField(allow_null=True)
    last_error = serializers.CharField(allow_null=True)
    last_error_detail = serializers.CharField(allow_null=True, help_text="The same in a sentence.")
    delivered_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class WebhookRequestSerializer(serializers.Serializer[Any]):
    """What is sent, but for the signature."""

    url = serializers.CharField(help_text="Where the endpoint is now.")
    headers = serializers.DictField(child=serializers.CharField(), help_text="Of the last try; empty before the first.")
    body = serializers.CharField(help_text="The exact text that is signed.")


class WebhookAttemptSerializer(serializers.Serializer[Any]):
    """One try; the signature is not kept. Tries are kept for 30 days."""

    number = serializers.IntegerField()
    trigger = serializers.CharField(help_text="auto, manual, recover or test.")
    started_at = serializers.DateTimeField()
    connect_ms = serializers.IntegerField(allow_null=True, help_text="Null when a kept connection was used.")
    total_ms = serializers.IntegerField()
    ip = serializers.CharField(allow_null=True, help_text="The address that was called.")
    status = serializers.IntegerField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    error_detail = serializers.CharField(allow_null=True, help_text="The same in a sentence.")
    request_headers = serializers.DictField(child=serializers.CharField())
    response_headers = serializers.DictField(child=serializers.CharField())
    response_excerpt = serializers.CharField(help_text="The first 4 KiB.")


@extend_schema_serializer(examples=[OpenApiExample("Delivered at the first try", value=texts.TRIED_DELIVERY_EXAMPLE)])
class WebhookDeliveryWithAttemptsSerializer(WebhookDeliverySerializer):
    request = WebhookRequestSerializer()
    attempts = WebhookAttemptSerializer(many=True)


class WebhookDeliveryListSerializer(PageSerializer):
    data = WebhookDeliverySerializer(many=True)  # type: ignore[assignment]
