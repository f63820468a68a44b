"""The API of exports: ask, look, and fetch the file."""

from typing import Any

from django.http import FileResponse, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from merchants.idempotency import replayable
from onpoint_pay import openapi_texts_money as texts
from onpoint_pay.kit.api import (
    ApiViewSet,
    json_answer,
    key_from,
    list_answer,
    page_size,
    request_id_of,
    validated,
)
from onpoint_pay.openapi import CURSOR, IDEMPOTENCY_HEADER, LIMIT, refuses
from payments.selectors.exports import read_export_filters
from settlements.selectors.exports import export_by_id, page_of_exports
from settlements.serializers.exports import AskExportSerializer, ExportListSerializer, ExportSerializer, export_body
from settlements.services.exports import ask_export, file_of
from settlements.states import EXPORT_STATES, EXPORT_TYPES

SCOPE = "exports:write"
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}
# A file of JSON is a list.
ROWS = {"description": "A row for each object, under the names of the columns.", "items": {"type": "object"}}
EXPORT_ID = OpenApiParameter("id", OpenApiTypes.STR, OpenApiParameter.PATH, description="The export's id, exp_….")
TOKEN = OpenApiParameter("token", OpenApiTypes.STR, OpenApiParameter.PATH, description="As `url` of the export has it.")
LIST_FILTERS = [
    OpenApiParameter(
        "status", OpenApiTypes.STR, description=f"One or several of {', '.join(EXPORT_STATES)}, separated by commas."
    ),
    OpenApiParameter(
        "type", OpenApiTypes.STR, description=f"One or several of {', '.join(EXPORT_TYPES)}, separated by commas."
    ),
    LIMIT,
    CURSOR,
]


class ExportViewSet(ApiViewSet):
    """Files of the caller's rows in the caller's mode."""

    required_scopes = dict.fromkeys(("create", "list", "retrieve", "fetch"), SCOPE)
    rate_policies = {"create": "export"}

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """A file is what it is, whatever the client would rather have."""
        return super().perform_content_negotiation(request, force=force or self.action == "fetch")

    @extend_schema(
        operation_id="ask_export",
        summary="Have a file made of your rows",
        request=AskExportSerializer,
        parameters=[IDEMPOTENCY_HEADER],
        responses={202: ExportSerializer},
        extensions=refuses("unknown_parameter", "date_invalid"),
    )
    def create(self, request: Request) -> HttpResponse:
        """The file is made in the background; `export.ready` tells when, and `url` works for 24 hours from then.

        All rows are of one instant. Text that a spreadsheet would run as a formula has an apostrophe in front.
        """
        asked = validated(AskExportSerializer(data=request.data))
        filters = asked.get("filters", {})
        read_export_filters(asked["type"], filters)

        def work() -> HttpResponse:
            row = ask_export(
                self.caller,
                type=asked["type"],
                format=asked["format"],
                filters=filters,
                request_id=request_id_of(request),
            )
            answer = json_answer(export_body(row), 202)
            answer["Location"] = f"/api/v1/exports/{export_body(row)['id']}/"
            return answer

        return replayable(request, self.caller, work)

    @extend_schema(
        operation_id="list_exports",
        summary="Exports, newest first",
        parameters=LIST_FILTERS,
        responses=ExportListSerializer,
    )
    def list(self, request: Request) -> Response:
        found, turn = page_of_exports(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [export_body(row) for row in found], turn=turn)

    @extend_schema(operation_id="get_export", summary="One export", parameters=[EXPORT_ID], responses=ExportSerializer)
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        return json_answer(export_body(export_by_id(self.caller, key_from("exp", pk))))

    @extend_schema(
        operation_id="fetch_export",
        summary="The file of an export",
        parameters=[TOKEN],
        responses={
            (200, CONTENT_TYPES["json"]): OpenApiResponse(
                ROWS, examples=[OpenApiExample("Ledger entries", value=texts.EXPORT_ROWS)]
            ),
            (200, CONTENT_TYPES["xlsx"]): OpenApiResponse(OpenApiTypes.BINARY),
            (200, CONTENT_TYPES["csv"]): OpenApiResponse(
                OpenApiTypes.STR, examples=[OpenApiExample("Ledger entries", value=texts.EXPORT_CSV)]
            ),
        },
    )
    @action(detail=True, methods=["get"])
    def fetch(self, request: Request, token: str) -> FileResponse:
        """The link is signed and works for 24 hours, with a key or token of the merchant and mode it was made for."""
        row, path = file_of(self.caller, token)
        answer = FileResponse(
            path.open("rb"),
            as_attachment=True,
            filename=f"{row.type}-{row.created_at:%Y%m%d-%H%M%S}.{row.format}",
            content_type=CONTENT_TYPES[row.format],
        )
        answer["Cache-Control"] = "private, no-store"
        return answer
