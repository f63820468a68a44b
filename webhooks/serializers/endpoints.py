"""JSON of endpoints."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from onpoint_pay import openapi_texts_webhooks as texts
from onpoint_pay.kit.api import InputSerializer
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.pages import PageSerializer
from webhooks.models import Endpoint
from webhooks.serializers.fields import description_field, events_field, stamp, url_field

KNOWN_VERSIONS = (settings.API_VERSION,)

# --- what comes in ------------------------------------------------------------------------------------------------


def rate_limit_field() -> serializers.IntegerField:
    return serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=1000,
        help_text="Tries per second at most; null sets no limit.",
    )


def api_version_field() -> serializers.ChoiceField:
    known = ", ".join(KNOWN_VERSIONS)
    return serializers.ChoiceField(
        choices=KNOWN_VERSIONS,
        required=False,
        error_messages={"invalid_choice": f"This version is not known: use {known}."},
        help_text=f"The version of the API whose shapes it receives: {known}. It stays as it was given at creation.",
    )


@extend_schema_serializer(examples=[OpenApiExample("Payments", value=texts.NEW_ENDPOINT_EXAMPLE)])
class NewWebhookEndpointSerializer(InputSerializer):
    """Belongs to the mode of the request."""

    url = url_field()
    events = events_field()
    description = description_field()
    rate_limit = rate_limit_field()
    api_version = api_version_field()


@extend_schema_serializer(examples=[OpenApiExample("Enable it again", value=texts.ENDPOINT_CHANGES_EXAMPLE)])
class WebhookEndpointChangesSerializer(InputSerializer):
    """Absent fields stay as they are."""

    url = url_field(required=False)
    events = events_field(required=False)
    description = description_field()
    status = serializers.RegexField(
        r"^(enabled|paused)$",
        required=False,
        error_messages={"invalid": "status must be enabled or paused."},
        help_text="enabled or paused. While paused, deliveries are kept as held. Enabling also ends disabled; what is "
        "held waits until it is recovered.",
    )
    rate_limit = rate_limit_field()
    api_version = api_version_field()


@extend_schema_serializer(examples=[OpenApiExample("A day to change over", value=texts.ROTATE_EXAMPLE)])
class RotateWebhookSecretSerializer(InputSerializer):
    overlap_hours = serializers.IntegerField(
        default=24,
        min_value=0,
        max_value=168,
        help_text="How long the earlier secrets sign along; 0 ends them.",
    )


# --- what goes out ------------------------------------------------------------------------------------------------


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
        "rate_limit": endpoint.rate_limit,
        "failing_since": stamp(endpoint.lane.failing_since),
        "api_version": endpoint.api_version,
        "created_at": stamp(endpoint.created_at),
        "version": endpoint.version,
    }


def endpoint_with_held(endpoint: Endpoint, held: int) -> dict[str, Any]:
    return endpoint_body(endpoint) | {"held_deliveries": held}


# --- the same for the OpenAPI document; a test holds the two together -----------------------------------------------


@extend_schema_serializer(examples=[OpenApiExample("An endpoint", value=texts.ENDPOINT_EXAMPLE)])
class WebhookEndpointSerializer(serializers.Serializer[Any]):
    """Where events are sent."""

    id = serializers.CharField()
    object = serializers.CharField(default="webhook_endpoint")
    livemode = serializers.BooleanField()
    kind = serializers.CharField(help_text="normal, or inline for one that stands for the callback_url of payments.")
    url = serializers.CharField()
    description = serializers.CharField(allow_null=True)
    events = serializers.ListField(child=serializers.CharField())
    status = serializers.CharField(
        help_text="enabled, paused by you, or disabled because it failed for 5 days or answered 410."
    )
    rate_limit = serializers.IntegerField(allow_null=True, help_text="Tries per second at most.")
    failing_since = serializers.DateTimeField(
        allow_null=True, help_text="Since when no try has succeeded; null when the last one did."
    )
    api_version = serializers.CharField()
    created_at = serializers.DateTimeField()
    version = serializers.IntegerField()


@extend_schema_serializer(examples=[OpenApiExample("With its secret", value=texts.SHOWN_ENDPOINT_EXAMPLE)])
class ShownWebhookEndpointSerializer(WebhookEndpointSerializer):
    """An endpoint with its new signing secret, shown this once."""

    secret = serializers.CharField()


@extend_schema_serializer(examples=[OpenApiExample("Enabled, with a backlog", value=texts.ENDPOINT_WITH_HELD_EXAMPLE)])
class WebhookEndpointWithHeldSerializer(WebhookEndpointSerializer):
    """An endpoint, and how much waits for it."""

    held_deliveries = serializers.IntegerField(
        help_text="Deliveries kept while it was off. POST …/recover/ sends them."
    )


class WebhookEndpointListSerializer(PageSerializer):
    data = WebhookEndpointSerializer(many=True)  # type: ignore[assignment]
