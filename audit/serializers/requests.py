"""Calls of the API as JSON."""

from typing import Any

import orjson
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from audit.models import RequestLog
from onpoint_pay import openapi_texts_keys as texts
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.clock import rfc3339
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.pages import PageSerializer


def request_body(row: RequestLog) -> dict[str, Any]:
    return {
        "id": to_public("req", row.id),
        "object": "request",
        "livemode": row.mode == LIVE,
        "created_at": rfc3339(row.at),
        "actor": row.actor,
        "method": row.method,
        "path": row.path,
        "status": row.status,
        "error_code": row.error_code or None,
        "ms": row.ms,
        "address": row.address or None,
        "idempotency_key_digest": row.idempotency_digest or None,
        "client_request_id": row.client_request_id or None,
    }


def request_detail_body(row: RequestLog) -> dict[str, Any]:
    return request_body(row) | {"request_body": _read(row.request_body), "answer_body": _read(row.answer_body)}


def _read(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)


@extend_schema_serializer(examples=[OpenApiExample("Refused", value=texts.REQUEST_EXAMPLE)])
class RequestSerializer(serializers.Serializer[Any]):
    """A call of the API."""

    id = serializers.CharField(help_text="The `Request-Id` of its answer.")
    object = serializers.CharField(default="request")
    livemode = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    actor = serializers.CharField(help_text="The key or the person, also one who was turned away.")
    method = serializers.CharField()
    path = serializers.CharField(help_text="Without its query, tokens and phones.")
    status = serializers.IntegerField()
    error_code = serializers.CharField(allow_null=True)
    ms = serializers.IntegerField(help_text="Milliseconds until the answer.")
    address = serializers.CharField(allow_null=True, help_text="The IPv4 address, or the /64 of an IPv6 address.")
    idempotency_key_digest = serializers.CharField(
        allow_null=True, help_text="The first 32 hexadecimal digits of the SHA-256 of the Idempotency-Key."
    )
    client_request_id = serializers.CharField(allow_null=True, help_text="What was sent as X-Request-Id.")


@extend_schema_serializer(examples=[OpenApiExample("Refused", value=texts.REQUEST_DETAIL_EXAMPLE)])
class RequestDetailSerializer(RequestSerializer):
    """A call of the API with its bodies, where they are kept."""

    request_body = serializers.DictField(allow_null=True)
    answer_body = serializers.DictField(allow_null=True)


class RequestListSerializer(PageSerializer):
    data = RequestSerializer(many=True)  # type: ignore[assignment]
