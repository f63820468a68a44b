"""Exports as JSON, in and out."""

from typing import Any

from django.conf import settings
from django.core.signing import Signer
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from onpoint_pay import openapi_texts_money as texts
from onpoint_pay.kit.api import InputSerializer
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.clock import rfc3339
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.pages import PageSerializer
from settlements.models import Export
from settlements.states import EXPORT_FORMATS, EXPORT_READY, EXPORT_STATES, EXPORT_TYPES

_signer = Signer(salt="onpoint_pay.export")


def token_of(row: Export) -> str:
    """What the link of a ready export ends in: its key and its end, signed. `signed_parts` reads it."""
    assert row.expires_at is not None  # noqa: S101 - ready
    return _signer.sign(f"{row.id}~{int(row.expires_at.timestamp())}")


def signed_parts(token: str) -> tuple[str, int]:
    """The key and the end (seconds) a token names. Raises BadSignature or ValueError for one that is not ours."""
    key, end = _signer.unsign(token).split("~")
    return key, int(end)


def export_body(row: Export) -> dict[str, Any]:
    """The export as its merchant sees it; `url` while its file can be had."""
    is_ready = row.status == EXPORT_READY
    return {
        "id": to_public("exp", row.id),
        "object": "export",
        "livemode": row.mode == LIVE,
        "type": row.type,
        "format": row.format,
        "filters": row.filters,
        "status": row.status,
        "rows": row.rows,
        "bytes": row.bytes,
        "sha256": row.sha256,
        "url": f"{settings.BASE_URL}/api/v1/export-files/{token_of(row)}/" if is_ready else None,
        "failure": row.failure,
        "requested_by": row.requested_by,
        "created_at": rfc3339(row.created_at),
        "ready_at": rfc3339(row.ready_at) if row.ready_at else None,
        "expires_at": rfc3339(row.expires_at) if row.expires_at else None,
        "version": row.version,
    }


@extend_schema_serializer(examples=[OpenApiExample("Last month's payments", value=texts.ASK_EXPORT_EXAMPLE)])
class AskExportSerializer(InputSerializer):
    """What a file should hold."""

    type = serializers.ChoiceField(choices=EXPORT_TYPES)
    format = serializers.ChoiceField(choices=EXPORT_FORMATS)
    filters = serializers.DictField(
        child=serializers.CharField(max_length=256),
        required=False,
        help_text="As in the list of the same objects: date_from, date_to, created_after, created_before; status, "
        "or kind and account for ledger entries.",
    )


@extend_schema_serializer(examples=[OpenApiExample("Ready", value=texts.EXPORT_EXAMPLE)])
class ExportSerializer(serializers.Serializer[Any]):
    """A file of rows. Its `url` takes the key or token of the same merchant and mode, until `expires_at`."""

    id = serializers.CharField()
    object = serializers.CharField(default="export")
    livemode = serializers.BooleanField()
    type = serializers.ChoiceField(choices=EXPORT_TYPES)
    format = serializers.ChoiceField(choices=EXPORT_FORMATS)
    filters = serializers.DictField(child=serializers.CharField())
    status = serializers.ChoiceField(choices=EXPORT_STATES)
    rows = serializers.IntegerField(allow_null=True)
    bytes = serializers.IntegerField(allow_null=True)
    sha256 = serializers.CharField(allow_null=True)
    url = serializers.CharField(allow_null=True)
    failure = serializers.CharField(allow_null=True)
    requested_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    ready_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class ExportListSerializer(PageSerializer):
    """A page of exports."""

    data = ExportSerializer(many=True)  # type: ignore[assignment]
