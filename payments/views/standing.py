"""The public page of how the gateway is doing."""

from typing import Any

from django.core.cache import cache
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from onpoint_pay import openapi_texts_accounts as texts
from onpoint_pay.kit.api import json_answer
from payments.selectors.standing import standing

# Anybody may ask as often as they like; the database is asked no more often than this.
KEPT_SECONDS = 5
KEPT_AS = "standing"


class ComponentSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=["operational", "degraded", "down"])
    lag_seconds = serializers.FloatField(allow_null=True, help_text="Age of the oldest work that is due.")


class DelaySerializer(serializers.Serializer[Any]):
    p50 = serializers.FloatField()
    p99 = serializers.FloatField()


class ProviderStandingSerializer(serializers.Serializer[Any]):
    provider = serializers.CharField()
    mode = serializers.CharField()
    status = serializers.ChoiceField(choices=["operational", "degraded"], help_text="Of its callbacks to us.")
    results = serializers.IntegerField(help_text="Prompts that ended in the last 15 minutes.")
    delay_seconds = DelaySerializer(help_text="From the prompt to its result.")


class IncidentSerializer(serializers.Serializer[Any]):
    type = serializers.CharField()
    provider = serializers.CharField()
    mode = serializers.CharField()
    shortcodes = serializers.IntegerField()
    since = serializers.DateTimeField()
    detail = serializers.CharField()


@extend_schema_serializer(
    examples=[
        OpenApiExample("Callbacks do not arrive", value=texts.STATUS_EXAMPLE, status_codes=[200]),
        OpenApiExample("Down", value=texts.DOWN_EXAMPLE, status_codes=[503]),
    ]
)
class StandingSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["operational", "degraded", "down"])
    components = ComponentSerializer(many=True)
    providers = ProviderStandingSerializer(many=True)
    incidents = IncidentSerializer(many=True)


class StandingViewSet(ViewSet):
    """Open to everybody: it names no merchant, phone or shortcode."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="status_page",
        summary="How the gateway and its providers are doing",
        responses={200: StandingSerializer, 503: StandingSerializer},
    )
    def show(self, request: Request) -> HttpResponse:
        body = _kept() or _read()
        return json_answer(body, 503 if body["status"] == "down" else 200)


def _kept() -> dict[str, Any] | None:
    try:
        kept: dict[str, Any] | None = cache.get(KEPT_AS)
    except Exception:  # noqa: BLE001 - a cache that is away is one of the things this page tells
        return None
    return kept


def _read() -> dict[str, Any]:
    body = standing()
    try:
        cache.set(KEPT_AS, body, KEPT_SECONDS)
    except Exception:  # noqa: BLE001 - as above: then every call reads anew
        return body
    return body
