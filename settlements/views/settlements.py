"""The API of settlements: parse, one service call, answer."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from merchants.idempotency import replayable
from onpoint_pay.kit.api import ApiViewSet, json_answer, key_from, list_answer, page_size
from onpoint_pay.openapi import CURSOR, IDEMPOTENCY_HEADER, LIMIT, refuses, sort_by
from settlements.selectors.settlements import page_of_lines, page_of_settlements, settlement_by_id
from settlements.serializers.settlements import (
    SettlementLineListSerializer,
    SettlementListSerializer,
    SettlementSerializer,
    line_body,
    settlement_body,
)
from settlements.services.settling import settle_by_request
from settlements.services.step_up import require_step_up
from settlements.states import LINE_KINDS, SETTLEMENT_STATES

READ = "settlements:read"
SETTLEMENT_ID = OpenApiParameter("id", OpenApiTypes.STR, "path", description="stl_…")


def text_filter(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, description=description)


FILTERS = [
    text_filter("status", f"One or several of {', '.join(SETTLEMENT_STATES)}, separated by commas."),
    text_filter("day", "The last day it takes in, in Africa/Nairobi."),
    text_filter("date_from", "First such day, included."),
    text_filter("date_to", "Last such day, included."),
    sort_by("created_at"),
    LIMIT,
    CURSOR,
]


class SettlementViewSet(ApiViewSet):
    """What fell due to the caller's merchant, day by day."""

    required_scopes = {"list": READ, "retrieve": READ, "items": READ, "run": READ}

    @extend_schema(
        operation_id="list_settlements",
        summary="List settlements",
        parameters=FILTERS,
        responses=SettlementListSerializer,
        extensions=refuses("date_invalid"),
    )
    def list(self, request: Request) -> Response:
        """Newest first."""
        rows, turn = page_of_settlements(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [settlement_body(row) for row in rows], turn=turn)

    @extend_schema(
        operation_id="get_settlement",
        summary="One settlement",
        parameters=[SETTLEMENT_ID],
        responses=SettlementSerializer,
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        """What was due at the end of a day, and what became of it."""
        return json_answer(settlement_body(settlement_by_id(self.caller, key_from("stl", pk))))

    @extend_schema(
        operation_id="list_settlement_items",
        summary="What a settlement is made of",
        parameters=[
            SETTLEMENT_ID,
            text_filter("kind", f"One or several of {', '.join(LINE_KINDS)}, separated by commas."),
            LIMIT,
            CURSOR,
        ],
        responses=SettlementLineListSerializer,
    )
    @action(detail=True, methods=["get"])
    def items(self, request: Request, pk: str) -> Response:
        """Each transfer once, in one settlement only. Without `reserve_return` they sum to `total`."""
        settlement = settlement_by_id(self.caller, key_from("stl", pk))
        rows, turn = page_of_lines(settlement, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [line_body(row) for row in rows], turn=turn)

    @extend_schema(
        operation_id="run_settlement",
        summary="Settle now",
        request=None,
        parameters=[IDEMPOTENCY_HEADER],
        responses=SettlementListSerializer,
        extensions=refuses("permission_denied", "step_up_required", "state_conflict"),
    )
    @action(detail=False, methods=["post"])
    def run(self, request: Request) -> HttpResponse:
        """For a manual schedule, by a person whose role handles money: everything due at the end of yesterday.

        Asked again on the same day it gives the same settlement.
        """
        require_step_up(self.caller, to="settle")

        def work() -> HttpResponse:
            rows = settle_by_request(self.caller)
            return json_answer(
                {
                    "object": "list",
                    "url": request._request.path,
                    "data": [settlement_body(row) for row in rows],
                    "has_more": False,
                    "next_cursor": None,
                    "previous_cursor": None,
                }
            )

        return replayable(request, self.caller, work)
