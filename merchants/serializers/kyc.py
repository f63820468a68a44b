"""KYC documents and a business's standing as JSON, in and out."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from merchants.models import KycDocument, KycRequest, Merchant
from merchants.selectors.kyc import KycFacts
from merchants.serializers.fields import TextField, stamp
from merchants.states import KYC_DOCUMENT_STATES
from onpoint_pay import openapi_texts_kyc as texts
from onpoint_pay.kit.api import InputSerializer
from onpoint_pay.kit.pages import PageSerializer
from onpoint_pay.kit.uploads.fields import SentFileField

# As many as a webhook has room for.
MOST_SHOWN = 50


class UploadSerializer(InputSerializer):
    """One document. `replaces` names the one of the same type in whose place it comes."""

    type = serializers.ChoiceField(choices=KycDocument.Type.values)
    file = SentFileField(help_text="A PDF, JPEG or PNG of at most 10 MiB and 40 megapixels.")
    expires_on = serializers.DateField(required=False, help_text="The last day on which the document holds.")
    replaces = TextField(max_length=40, required=False, help_text="doc_…")


def document_body(document: KycDocument, *, livemode: bool) -> dict[str, Any]:
    return {
        "id": document.public_id,
        "object": "kyc_document",
        "livemode": livemode,
        "type": document.type,
        "status": document.status,
        "file_name": document.file_name,
        "content_type": document.content_type,
        "size": document.size,
        "sha256": document.sha256,
        "reasons": document.reasons,
        "note": document.note or None,
        "expires_on": document.expires_on.isoformat() if document.expires_on else None,
        "replaces": None if document.replaces_id is None else KycDocument(id=document.replaces_id).public_id,
        "uploaded_by": document.uploaded_by,
        "created_at": stamp(document.created_at),
        "submitted_at": stamp(document.submitted_at),
        "decided_at": stamp(document.decided_at),
        "version": document.version,
    }


def kyc_body(facts: KycFacts, *, livemode: bool) -> dict[str, Any]:
    """The standing of a business, as its owners and its webhooks see it."""
    return {
        "object": "kyc",
        "livemode": livemode,
        "merchant": facts.merchant.public_id,
        "status": facts.merchant.kyc_status,
        "live_enabled": facts.merchant.live_enabled,
        "required": list(facts.required),
        "missing": facts.missing,
        "requests": [_request_body(request) for request in facts.requests],
        "documents": [_short_body(document) for document in facts.documents[:MOST_SHOWN]],
        "version": facts.merchant.version,
    }


def _request_body(request: KycRequest) -> dict[str, Any]:
    return {"type": request.type, "note": request.note, "asked_at": stamp(request.asked_at)}


def _short_body(document: KycDocument) -> dict[str, Any]:
    whole = document_body(document, livemode=False)
    return {name: whole[name] for name in ("id", "type", "status", "reasons", "note", "expires_on")}


# --- how they are described -------------------------------------------------------------------------------------------


class _Judged(serializers.Serializer[Any]):
    id = serializers.CharField()
    type = serializers.ChoiceField(choices=KycDocument.Type.values)
    status = serializers.ChoiceField(choices=KYC_DOCUMENT_STATES)
    reasons = serializers.ListField(
        child=serializers.CharField(), help_text=f"Why it was rejected: {', '.join(KycDocument.Reason.values)}."
    )
    note = serializers.CharField(allow_null=True, help_text="The reviewer's words.")
    expires_on = serializers.DateField(allow_null=True)


@extend_schema_serializer(examples=[OpenApiExample("A certificate", value=texts.DOCUMENT_EXAMPLE)])
class KycDocumentSerializer(_Judged):
    """A document, the same in both modes. Pictures are encoded anew, so size and digest are of what is kept."""

    object = serializers.CharField(default="kyc_document")
    livemode = serializers.BooleanField(help_text="The mode that was asked in.")
    file_name = serializers.CharField()
    content_type = serializers.CharField(help_text="What the file truly is, by its content.")
    size = serializers.IntegerField(help_text="Bytes.")
    sha256 = serializers.CharField()
    replaces = serializers.CharField(allow_null=True)
    uploaded_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    submitted_at = serializers.DateTimeField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class KycDocumentListSerializer(PageSerializer):
    data = KycDocumentSerializer(many=True)  # type: ignore[assignment]


class KycDocumentShortSerializer(_Judged):
    """A document in short."""


class KycRequestSerializer(serializers.Serializer[Any]):
    """What a reviewer wants besides the usual."""

    type = serializers.ChoiceField(choices=KycDocument.Type.values)
    note = serializers.CharField()
    asked_at = serializers.DateTimeField()


@extend_schema_serializer(examples=[OpenApiExample("Waiting for a reviewer", value=texts.KYC_EXAMPLE)])
class KycSerializer(serializers.Serializer[Any]):
    """How far the business is verified, the same in both modes. Live mode needs `verified`."""

    object = serializers.CharField(default="kyc")
    livemode = serializers.BooleanField(help_text="The mode that was asked in.")
    merchant = serializers.CharField()
    status = serializers.ChoiceField(choices=Merchant.Kyc.values)
    live_enabled = serializers.BooleanField()
    required = serializers.ListField(child=serializers.CharField())  # type: ignore[assignment]
    missing = serializers.ListField(child=serializers.CharField(), help_text="Required, and neither held nor waiting.")
    requests = KycRequestSerializer(many=True)
    documents = KycDocumentShortSerializer(many=True)
    version = serializers.IntegerField()
