"""The API of reconciliation runs: bring a statement, look at the run, read the lines."""

from io import BytesIO

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from merchants.idempotency import replayable
from merchants.permissions import STATEMENTS
from onpoint_pay import openapi_texts_recon as texts
from onpoint_pay.kit.api import (
    ApiViewSet,
    json_answer,
    key_from,
    list_answer,
    page_size,
    request_id_of,
    validated,
)
from onpoint_pay.kit.entries import ENTRY_KINDS
from onpoint_pay.kit.uploads.multipart import SentFile
from onpoint_pay.kit.uploads.scanner import refuse_infected
from onpoint_pay.openapi import IDEMPOTENCY_HEADER, refuses, sort_by
from settlements.selectors.recon_runs import page_of_items, page_of_runs, run_by_id
from settlements.serializers.recon_runs import (
    ReconItemListSerializer,
    ReconRunListSerializer,
    ReconRunSerializer,
    StartRunSerializer,
    item_body,
    run_body,
)
from settlements.services.recon_runs import Brought, ask_run
from settlements.states import RECON_LINE_STATES, RECON_RUN_STATES, RECON_SOURCES
from settlements.views.payouts import AMOUNT_AND_TIME_FILTERS, text_filter
from settlements.views.recon import words

RUN_ID = OpenApiParameter("id", OpenApiTypes.STR, OpenApiParameter.PATH, description="The run's id, rec_….")
ACCOUNT = text_filter("account", "The provider and your shortcode there, such as daraja:600123.")
TIMES = [each for each in AMOUNT_AND_TIME_FILTERS if not each.name.startswith("amount_")]


class ReconRunViewSet(ApiViewSet):
    """Runs on accounts of the caller's own merchant; for people who may see to statements, no API key gets in."""

    required_scopes = dict.fromkeys(("create", "list", "retrieve", "items"), STATEMENTS)
    rate_policies = {"create": "statement"}

    @extend_schema(
        operation_id="start_reconciliation",
        summary="Bring a statement and have it compared with the books",
        request={"multipart/form-data": StartRunSerializer},
        parameters=[IDEMPOTENCY_HEADER],
        responses={202: ReconRunSerializer},
        examples=[
            OpenApiExample(
                "An organisation statement",
                value=texts.UPLOAD_EXAMPLE,
                request_only=True,
                media_type="multipart/form-data",
            ),
            OpenApiExample("Waiting for a worker", value=texts.QUEUED_EXAMPLE, response_only=True),
        ],
        extensions=refuses(
            "unknown_parameter",
            "date_invalid",
            "currency_unsupported",
            "resource_missing",
            "state_conflict",
            "body_too_large",
            "file_refused",
            "upload_scanner_unavailable",
        ),
    )
    def create(self, request: Request) -> HttpResponse:
        """A worker takes the file in, whole or not at all, and compares it: the run tells what came of it, and
        `reconciliation.completed` that it is over. The same file again adds nothing.

        In live mode the operator of this installation looks at the file first: the run is `requires_approval`.
        """
        asked = validated(StartRunSerializer(data=request.data))
        file: SentFile = asked.pop("file")
        refuse_infected(file.data)
        compared = {name: str(value) for name, value in asked.items()} | {"file": file.sha256}

        def work() -> HttpResponse:
            brought = Brought(stream=BytesIO(file.data), name=file.name, **asked)
            body = run_body(ask_run(self.caller, brought, request_id=request_id_of(request)))
            answer = json_answer(body, 202)
            answer["Location"] = f"/api/v1/reconciliation/runs/{body['id']}/"
            return answer

        return replayable(request, self.caller, work, compared=compared)

    @extend_schema(
        operation_id="list_reconciliations",
        summary="Comparisons of your own accounts, newest first",
        parameters=[
            words("status", RECON_RUN_STATES),
            words("source", RECON_SOURCES),
            ACCOUNT,
            sort_by("created_at"),
            *TIMES,
        ],
        responses=ReconRunListSerializer,
        extensions=refuses("date_invalid"),
    )
    def list(self, request: Request) -> Response:
        """Those that somebody asked for with a statement, and those that the operator's work made."""
        found, turn = page_of_runs(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [run_body(row) for row in found], turn=turn)

    @extend_schema(
        operation_id="get_reconciliation", summary="One run", parameters=[RUN_ID], responses=ReconRunSerializer
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        return json_answer(run_body(run_by_id(self.caller, key_from("rec", pk))))

    @extend_schema(
        operation_id="list_reconciliation_items",
        summary="Lines of your own statements with what they were matched to",
        parameters=[
            words("state", RECON_LINE_STATES),
            words("kind", ENTRY_KINDS),
            words("direction", ("in", "out")),
            ACCOUNT,
            text_filter("receipt", "The network's code."),
            text_filter("run", "The run that brought the line, rec_…."),
            sort_by("occurred_at", "amount"),
            *AMOUNT_AND_TIME_FILTERS,
        ],
        responses=ReconItemListSerializer,
        extensions=refuses("date_invalid"),
    )
    def items(self, request: Request) -> Response:
        """The latest movement first; days and times are of the movement. Payers are not named."""
        found, turn = page_of_items(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [item_body(line) for line in found], turn=turn)
