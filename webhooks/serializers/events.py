"""JSON of events, as they are sent and as they are read."""

from typing import Any

import orjson
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from onpoint_pay import openapi_texts as texts
from onpoint_pay.kit.pages import PageSerializer
from webhooks.events import EMITTED
from webhooks.models import Event


def event_response(event: Event) -> dict[str, Any]:
    """The body as it was sent, with the sequence that was given to it later."""
    return {**orjson.loads(event.body), "sequence": event.sequence}


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
        allow_null=True,
        required=False,
        help_text="Grows by one per merchant and mode; not in what is sent, and null for a moment after it happened.",
    )
    request = EventRequestSerializer()
    data = EventDataSerializer()  # type: ignore[assignment]


class EventListSerializer(PageSerializer):
    data = EventSerializer(many=True)  # type: ignore[assignment]
