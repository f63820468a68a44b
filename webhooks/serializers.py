"""JSON of webhooks in and out."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from onpoint_pay import openapi_texts as texts
from onpoint_pay import openapi_texts_c2b as c2b_texts
from onpoint_pay.kit.api import DecimalText, InputSerializer
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.clock import rfc3339
from onpoint_pay.kit.ids import to_public
from webhooks.addresses import MAX_URL_LENGTH
from webhooks.events import EMITTED, PATTERNS
from webhooks.models import OPEN, Attempt, Delivery, Endpoint, Event

# --- what comes in ------------------------------------------------------------------------------------------------


class TextField(serializers.CharField):
    """Text only, trimmed, in composed form (NFC), without control characters."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or isinstance(data, DecimalText):
            raise serializers.ValidationError("This must be text.", code="parameter_invalid")
        text = unicodedata.normalize("NFC", super().to_internal_value(data))
        if any(unicodedata.category(letter) == "Cc" for letter in text):
            raise serializers.ValidationError("Control characters are not allowed.", code="parameter_invalid")
        return text


class DescriptionField(TextField):
    """Null clears it."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return "" if data is None else super().run_validation(data)


def url_field(**options: Any) -> TextField:
    return TextField(
        max_length=MAX_URL_LENGTH,
        help_text="Absolute, https in live mode, on port 443 or 8443, at a public address.",
        error_messages={"max_length": "The URL is too long."},
        **options,
    )


def events_field(**options: Any) -> serializers.ListField:
    return serializers.ListField(
        child=TextField(max_length=64),
        allow_empty=False,
        max_length=len(PATTERNS),
        help_text='Event types such as payment.completed, payment.* for all of one kind, or "*" for everything.',
        **options,
    )


def description_field() -> DescriptionField:
    return DescriptionField(max_length=255, required=False, allow_blank=True, allow_null=True)


class NewWebhookEndpointSerializer(InputSerializer):
    """Belongs to the mode of the request."""

    url = url_field()
    events = events_field()
    description = description_field()


class WebhookEndpointChangesSerializer(InputSerializer):
    """Absent fields stay as they are."""

    url = url_field(required=False)
    events = events_field(required=False)
    description = description_field()
    status = serializers.RegexField(
        r"^(enabled|paused)$",
        required=False,
        error_messages={"invalid": "status must be enabled or paused."},
        help_text="enabled or paused. While paused, deliveries are kept as held. Enabling also ends disabled.",
    )


class RotateWebhookSecretSerializer(InputSerializer):
    overlap_hours = serializers.IntegerField(
        default=24,
        min_value=0,
        max_value=168,
        help_text="How long the earlier secrets sign along; 0 ends them.",
    )


class NothingSerializer(InputSerializer):
    """Takes no parameters."""


# --- what goes out ------------------------------------------------------------------------------------------------


def stamp(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


def endpoint_body(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": to_public("whe", endpoint.pk),
        "object": "webhook_endpoint",
        "livemode": endpoint.mode == LIVE,
        "kind": endpoint.kind,
        "url": endpoint.url,
        "description": endpoint.description or None,
        "events": endpoint.events,
        "status": endpoint.status,
        "api_version": endpoint.api_version,
        "created_at": stamp(endpoint.created_at),
        "version": endpoint.version,
    }


def event_response(event: Event) -> dict[str, Any]:
    """The body as it was sent, with the sequence that was given to it later."""
    return {**orjson.loads(event.body), "sequence": event.sequence}


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
        "delivered_at": stamp(delivery.delivered_at),
        "created_at": stamp(delivery.created_at),
    }


def attempt_body(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.n,
        "trigger": attempt.trigger,
        "started_at": stamp(attempt.started_at),
        "total_ms": attempt.total_ms,
        "status": attempt.status,
        "error": attempt.error_code or None,
        "request_headers": attempt.request_headers,
        "response_headers": attempt.response_headers,
        "response_excerpt": attempt.response_excerpt,
    }


def delivery_with_attempts(delivery: Delivery, attempts: Sequence[Attempt]) -> dict[str, Any]:
    return delivery_body(delivery) | {"attempts": [attempt_body(attempt) for attempt in attempts]}


# --- the same for the OpenAPI document; a test holds the two together -----------------------------------------------


@extend_schema_serializer(many=False)
class PageSerializer(serializers.Serializer[Any]):
    object = serializers.CharField(default="list")
    url = serializers.CharField()
    has_more = serializers.BooleanField()
    next_cursor = serializers.CharField(allow_null=True)


class WebhookEndpointSerializer(serializers.Serializer[Any]):
    """Where events are sent."""

    id = serializers.CharField()
    object = serializers.CharField(default="webhook_endpoint")
    livemode = serializers.BooleanField()
    kind = serializers.CharField(help_text="normal, or inline for one that stands for the callback_url of payments.")
    url = serializers.CharField()
    description = serializers.CharField(allow_null=True)
    events = serializers.ListField(child=serializers.CharField())
    status = serializers.CharField(help_text="enabled, paused or disabled.")
    api_version = serializers.CharField()
    created_at = serializers.DateTimeField()
    version = serializers.IntegerField()


class ShownWebhookEndpointSerializer(WebhookEndpointSerializer):
    """An endpoint with its new signing secret, shown this once."""

    secret = serializers.CharField()


class WebhookEndpointListSerializer(PageSerializer):
    data = WebhookEndpointSerializer(many=True)  # type: ignore[assignment]


class EventRequestSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(allow_null=True)
    idempotency_key = serializers.CharField(allow_null=True)


class EventDataSerializer(serializers.Serializer[Any]):
    """The object as the API shows it, and the earlier values of what changed."""

    object = serializers.DictField()
    previous = serializers.DictField(allow_null=True)


@extend_schema_serializer(examples=[OpenApiExample("A payment was paid", value=texts.EVENT_EXAMPLE)])
class EventSerializer(serializers.Serializer[Any]):
    """Something that happened."""

    id = serializers.CharField()
    object = serializers.CharField(default="event")
    type = serializers.ChoiceField(choices=list(EMITTED.items()))
    timestamp = serializers.DateTimeField()
    livemode = serializers.BooleanField()
    api_version = serializers.CharField()
    merchant = serializers.CharField()
    sequence = serializers.IntegerField(
        allow_null=True, required=False, help_text="Grows by one per merchant and mode; not in what is sent."
    )
    request = EventRequestSerializer()
    data = EventDataSerializer()  # type: ignore[assignment]


class EventListSerializer(PageSerializer):
    data = EventSerializer(many=True)  # type: ignore[assignment]


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
    delivered_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class WebhookAttemptSerializer(serializers.Serializer[Any]):
    """One try; the signature is not kept."""

    number = serializers.IntegerField()
    trigger = serializers.CharField(help_text="auto, manual, recover or test.")
    started_at = serializers.DateTimeField()
    total_ms = serializers.IntegerField()
    status = serializers.IntegerField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    request_headers = serializers.DictField(child=serializers.CharField())
    response_headers = serializers.DictField(child=serializers.CharField())
    response_excerpt = serializers.CharField()


class WebhookDeliveryWithAttemptsSerializer(WebhookDeliverySerializer):
    attempts = WebhookAttemptSerializer(many=True)


class WebhookDeliveryListSerializer(PageSerializer):
    data = WebhookDeliverySerializer(many=True)  # type: ignore[assignment]


# --- what merchants receive ---------------------------------------------------------------------------------------

SENT_EXAMPLES = {sent["type"]: sent for sent in (*texts.SENT_EXAMPLES, *c2b_texts.SENT_EXAMPLES)}


def describe_webhooks(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Adds the `webhooks` of the OpenAPI document: every event as a merchant's backend receives it."""
    result["webhooks"] = {kind: {"post": _described(kind, meaning)} for kind, meaning in EMITTED.items()}
    return result


def _described(kind: str, meaning: str) -> dict[str, Any]:
    media: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/Event"}}
    if kind in SENT_EXAMPLES:
        media["example"] = SENT_EXAMPLES[kind]
    return {
        "operationId": f"on_{kind.replace('.', '_')}",
        "summary": meaning,
        "tags": ["webhooks"],
        "security": [],
        "parameters": [
            {"in": "header", "name": name, "required": True, "description": words, "schema": {"type": "string"}}
            for name, words in texts.SENT_HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": media}},
        "responses": {"2XX": {"description": "Taken. Anything else within 15 seconds, or nothing, is tried again."}},
    }
