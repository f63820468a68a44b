"""The API of the audit trail: parse, look up, answer."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from audit.selectors.receipts import page_of_checkpoints, receipt_of
from audit.selectors.records import page_of_records, record_by_key
from audit.serializers.records import (
    AuditCheckpointListSerializer,
    AuditReceiptSerializer,
    AuditRecordListSerializer,
    AuditRecordSerializer,
    AuditVerificationSerializer,
    checkpoint_body,
    receipt_body,
    record_body,
)
from audit.services.own_chain import verify_own
from onpoint_pay.kit.api import ApiViewSet, json_answer, key_from, list_answer, page_size
from onpoint_pay.kit.errors import Problem
from onpoint_pay.openapi import CURSOR, LIMIT, refuses

SCOPE = "audit:read"


def text(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, description=description)


FILTERS = [
    text("actor", "Whose deeds: usr_…, key_…, system."),
    text("object", "What was done to this object: its id."),
    text("action", "An action such as api_key.created, or payment.* for all of a kind."),
    text("date_from", "First day in Africa/Nairobi, included."),
    text("date_to", "Last day in Africa/Nairobi, included."),
    LIMIT,
    CURSOR,
]
RECORD_ID = OpenApiParameter("id", OpenApiTypes.STR, OpenApiParameter.PATH, description="The record's id, aud_….")
NUMBER = OpenApiParameter("number", OpenApiTypes.INT, description="Of the checkpoint; the newest when absent.")


class AuditViewSet(ApiViewSet):
    """Who did what at the caller's merchant, in both modes. For people who have signed in; no API key gets in."""

    required_scopes = dict.fromkeys(("list", "retrieve", "checkpoints", "receipt", "verify"), SCOPE)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.caller.kind != "user":
            raise Problem("permission_denied", "Only a person who has signed in may read the audit trail.")

    @extend_schema(
        operation_id="list_audit_records",
        summary="Who did what, newest first",
        parameters=FILTERS,
        responses=AuditRecordListSerializer,
        extensions=refuses("date_invalid"),
    )
    def list(self, request: Request) -> Response:
        """Both modes of the merchant are in one trail."""
        found, turn = page_of_records(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [record_body(record) for record in found], turn=turn)

    @extend_schema(
        operation_id="get_audit_record", summary="One record", parameters=[RECORD_ID], responses=AuditRecordSerializer
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        return json_answer(record_body(record_by_key(self.caller, key_from("aud", pk))))

    @extend_schema(
        operation_id="list_audit_checkpoints",
        summary="Signed checkpoints, newest first",
        parameters=[LIMIT, CURSOR],
        responses=AuditCheckpointListSerializer,
    )
    @action(detail=False, methods=["get"])
    def checkpoints(self, request: Request) -> Response:
        found, turn = page_of_checkpoints(request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [checkpoint_body(checkpoint) for checkpoint in found], turn=turn)

    @extend_schema(
        operation_id="get_audit_receipt",
        summary="Proof of where your trail stood",
        parameters=[NUMBER],
        responses=AuditReceiptSerializer,
        extensions=refuses("resource_missing"),
    )
    @action(detail=False, methods=["get"])
    def receipt(self, request: Request) -> HttpResponse:
        """Keep it: with it you can prove later, by yourself, that nothing before it was changed or removed."""
        return json_answer(receipt_body(receipt_of(self.caller, _number(request))))

    @extend_schema(
        operation_id="verify_audit",
        summary="Recompute the end of your trail",
        responses=AuditVerificationSerializer,
    )
    @action(detail=False, methods=["get"])
    def verify(self, request: Request) -> HttpResponse:
        """The newest 10,000 records, and the newest checkpoint. The operator's `audit_verify` recomputes all."""
        return json_answer({"object": "audit_verification", **verify_own(self.caller)})


def _number(request: Request) -> int | None:
    query = request.query_params.dict()
    if unknown := sorted(set(query) - {"number"}):
        raise Problem("parameter_invalid", "There is no such filter.", param=unknown[0][:64])
    given = query.get("number", "")
    if given and not (given.isascii() and given.isdigit() and len(given) <= 18):
        raise Problem("parameter_invalid", "number must be a whole number.", param="number")
    return int(given) if given else None
