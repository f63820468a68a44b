"""The API of what a business shows to be verified."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from merchants.idempotency import replayable
from merchants.models import KycDocument
from merchants.permissions import KYC
from merchants.selectors.kyc import kyc_of, page_of_documents
from merchants.serializers.kyc import (
    KycDocumentListSerializer,
    KycDocumentSerializer,
    KycSerializer,
    UploadSerializer,
    document_body,
    kyc_body,
)
from merchants.services import kyc_documents
from merchants.states import KYC_DOCUMENT_STATES
from onpoint_pay.kit.api import ApiViewSet, json_answer, key_from, list_answer, page_size, validated
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.uploads.content import EXTENSIONS, check_file
from onpoint_pay.kit.uploads.multipart import UploadParser
from onpoint_pay.kit.uploads.scanner import refuse_infected
from onpoint_pay.openapi import CURSOR, IDEMPOTENCY_HEADER, LIMIT, refuses

DOCUMENT_ID = OpenApiParameter(
    "document_id", OpenApiTypes.STR, OpenApiParameter.PATH, description="The document's id, doc_…."
)
TYPE = OpenApiParameter(
    "type", OpenApiTypes.STR, description=f"One or several of {', '.join(KycDocument.Type.values)}."
)
STATUS = OpenApiParameter(
    "status", OpenApiTypes.STR, description=f"One or several of {', '.join(KYC_DOCUMENT_STATES)}."
)
HOW_TO_SEND = "Send multipart/form-data with the parts `type` and `file`."


class KycViewSet(ApiViewSet):
    """The papers of the caller's business, for its owners in person; every look at one is in the audit trail."""

    required_scopes = dict.fromkeys(("standing", "submit", "list", "create", "retrieve", "destroy", "download"), KYC)
    rate_policies = {"create": "upload"}

    def get_parsers(self) -> list[BaseParser]:
        is_upload = getattr(self, "action_map", {}).get(getattr(self.request, "method", "").lower()) == "create"
        return [UploadParser()] if is_upload else super().get_parsers()

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, UnsupportedMediaType) and self.action == "create":
            exc = Problem("unsupported_media_type", next_step=HOW_TO_SEND)
        return super().handle_exception(exc)

    @extend_schema(operation_id="get_kyc", summary="How far the business is verified", responses=KycSerializer)
    def standing(self, request: Request) -> HttpResponse:
        """What is required, what is missing, what a reviewer asked for, and what was decided."""
        return json_answer(self._standing())

    @extend_schema(
        operation_id="submit_kyc",
        summary="Hand in what was sent",
        request=None,
        parameters=[IDEMPOTENCY_HEADER],
        responses=KycSerializer,
        extensions=refuses("state_conflict"),
    )
    def submit(self, request: Request) -> HttpResponse:
        """Every document that is `uploaded` goes to a reviewer, once nothing required is missing."""

        def work() -> HttpResponse:
            kyc_documents.submit(self.caller)
            return json_answer(self._standing())

        return replayable(request, self.caller, work)

    @extend_schema(
        operation_id="list_kyc_documents",
        summary="Documents, newest first",
        parameters=[TYPE, STATUS, LIMIT, CURSOR],
        responses=KycDocumentListSerializer,
    )
    def list(self, request: Request) -> Response:
        found, turn = page_of_documents(self.caller, request.query_params.dict(), limit=page_size(request))
        kyc_documents.note_list(self.caller)
        return list_answer(request, [self._body(document) for document in found], turn=turn)

    @extend_schema(
        operation_id="upload_kyc_document",
        summary="Send a document",
        request={"multipart/form-data": UploadSerializer},
        parameters=[IDEMPOTENCY_HEADER],
        responses={201: KycDocumentSerializer},
        extensions=refuses(
            "unknown_parameter",
            "file_refused",
            "upload_scanner_unavailable",
            "limit_exceeded",
            "resource_missing",
            "state_conflict",
            "body_too_large",
            "unsupported_media_type",
        ),
    )
    def create(self, request: Request) -> HttpResponse:
        """One PDF, JPEG or PNG. What it is is told by its content; the name and the type it is sent under count for
        nothing. Pictures are encoded anew without their metadata. PDFs with scripts, actions, attachments or
        passwords are refused. With `replaces` it comes in the place of another; one that nobody has decided about is
        taken back by that. A document is reviewed after `POST /kyc/submit/`.
        """
        wanted = validated(UploadSerializer(data=request.data))
        replaces = key_from("doc", wanted["replaces"]) if "replaces" in wanted else None
        checked = check_file(wanted["file"].data)
        refuse_infected(wanted["file"].data)

        def work() -> HttpResponse:
            document = kyc_documents.upload(
                self.caller,
                type=wanted["type"],
                sent=wanted["file"],
                checked=checked,
                expires_on=wanted.get("expires_on"),
                replaces=replaces,
            )
            answer = json_answer(self._body(document), 201)
            answer["Location"] = f"/api/v1/kyc/documents/{document.public_id}/"
            return answer

        return replayable(request, self.caller, work)

    @extend_schema(
        operation_id="get_kyc_document",
        summary="One document",
        parameters=[DOCUMENT_ID],
        responses=KycDocumentSerializer,
    )
    def retrieve(self, request: Request, document_id: str) -> HttpResponse:
        return json_answer(self._body(kyc_documents.look(self.caller, key_from("doc", document_id))))

    @extend_schema(
        operation_id="withdraw_kyc_document",
        summary="Take a document back",
        parameters=[DOCUMENT_ID],
        responses={204: OpenApiResponse(description="Done.")},
        extensions=refuses("state_conflict"),
    )
    def destroy(self, request: Request, document_id: str) -> HttpResponse:
        """While nobody has decided about it. Its file is gone for good; its row stays as `withdrawn`."""
        kyc_documents.withdraw(self.caller, key_from("doc", document_id))
        return HttpResponse(status=204)

    @extend_schema(
        operation_id="download_kyc_document",
        summary="The file of a document",
        parameters=[DOCUMENT_ID],
        responses={(200, kind): OpenApiResponse(OpenApiTypes.BINARY) for kind in EXTENSIONS},
    )
    def download(self, request: Request, document_id: str) -> HttpResponse:
        """The file as it is kept, to be saved: it is sealed on our disk and nobody else's to read."""
        document, data = kyc_documents.download(self.caller, key_from("doc", document_id))
        name = f"{document.type}-{document.public_id}.{EXTENSIONS[document.content_type]}"
        headers = {"Cache-Control": "private, no-store", "Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(data, content_type=document.content_type, headers=headers)

    def _standing(self) -> dict[str, Any]:
        return kyc_body(kyc_of(self.caller.merchant_id), livemode=self.caller.livemode)

    def _body(self, document: KycDocument) -> dict[str, Any]:
        return document_body(document, livemode=self.caller.livemode)
