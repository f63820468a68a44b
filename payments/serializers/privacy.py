"""Requests of payers as JSON, in and out."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from onpoint_pay import openapi_texts_audit as texts
from onpoint_pay.kit.api import InputSerializer
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.pages import PageSerializer
from payments.models import Erasure
from payments.models.privacy import ERASURE_STATES
from payments.serializers.fields import EmailField, PhoneField, stamp


@extend_schema_serializer(examples=[OpenApiExample("By phone", value=texts.PAYER_EXAMPLE)])
class PayerSerializer(InputSerializer):
    """Who it is about: a phone, an e-mail address, or both."""

    phone = PhoneField(required=False, max_length=32)
    email = EmailField(required=False, max_length=254)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError(
                {"phone": [ErrorDetail("Send a phone number or an e-mail address.", "parameter_missing")]}
            )
        return attrs


@extend_schema_serializer(examples=[OpenApiExample("One payment", value=texts.PRIVACY_EXPORT_EXAMPLE)])
class PrivacyExportSerializer(serializers.Serializer[Any]):
    """All that is kept of the payer, in both modes; payments, refunds and receipts as their own routes show them."""

    object = serializers.CharField(default="privacy_export")
    merchant = serializers.CharField()
    phone = serializers.CharField(allow_null=True)
    email = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    names = serializers.ListField(child=serializers.CharField())
    payments = serializers.ListField(child=serializers.DictField())
    refunds = serializers.ListField(child=serializers.DictField())
    c2b_receipts = serializers.ListField(child=serializers.DictField())
    c2b_accounts = serializers.ListField(child=serializers.DictField())
    decisions = serializers.ListField(
        child=serializers.DictField(), help_text="What people decided about refunds whose end nobody knew."
    )
    provider_messages = serializers.ListField(child=serializers.DictField(), help_text="What the provider said.")


@extend_schema_serializer(examples=[OpenApiExample("Done", value=texts.ERASURE_EXAMPLE)])
class ErasureSerializer(serializers.Serializer[Any]):
    """A payer who is to be forgotten. `waiting` says why in `waits_for`; `rows` counts what was changed, by table."""

    id = serializers.CharField()
    object = serializers.CharField(default="privacy_erasure")
    status = serializers.ChoiceField(choices=ERASURE_STATES)
    waits_for = serializers.CharField(allow_null=True)
    rows = serializers.DictField(child=serializers.IntegerField())
    requested_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class ErasureListSerializer(PageSerializer):
    """A page of erasures."""

    data = ErasureSerializer(many=True)  # type: ignore[assignment]


def erasure_body(row: Erasure) -> dict[str, Any]:
    """Says what was done, and not to whom."""
    return {
        "id": to_public("ers", row.id),
        "object": "privacy_erasure",
        "status": row.status,
        "waits_for": row.waits_for,
        "rows": row.rows,
        "requested_by": row.requested_by,
        "created_at": stamp(row.created_at),
        "completed_at": stamp(row.completed_at),
        "version": row.version,
    }
