"""The API of payout destinations: parse, one service call, answer."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from merchants.idempotency import replayable
from onpoint_pay.kit.api import ApiViewSet, json_answer, key_from, list_answer, page_size, validated
from onpoint_pay.openapi import CURSOR, IDEMPOTENCY_HEADER, LIMIT, refuses, sort_by
from settlements.selectors.payouts import destination_by_id, page_of_destinations
from settlements.serializers.payouts import (
    AddDestinationSerializer,
    DestinationListSerializer,
    DestinationSerializer,
    RenameDestinationSerializer,
    destination_body,
)
from settlements.services.destinations import add_destination, delete_destination, rename_destination, target_of
from settlements.services.step_up import require_person
from settlements.states import DESTINATION_STATES, DESTINATION_TYPES
from settlements.views.payouts import READ, WRITE, text_filter

DESTINATION_ID = OpenApiParameter(
    "id", OpenApiTypes.STR, OpenApiParameter.PATH, description="The destination's id, dst_…."
)
FILTERS = [
    text_filter("status", f"One or several of {', '.join(DESTINATION_STATES)}; active ones when absent."),
    text_filter("type", f"One or several of {', '.join(DESTINATION_TYPES)}, separated by commas."),
    sort_by("created_at"),
    LIMIT,
    CURSOR,
]


class DestinationViewSet(ApiViewSet):
    """Where the caller's merchant sends money in the caller's mode. Changed by people only."""

    required_scopes = {"create": WRITE, "list": READ, "retrieve": READ, "update": WRITE, "destroy": WRITE}

    @extend_schema(
        operation_id="add_payout_destination",
        summary="Keep a destination",
        request=AddDestinationSerializer,
        parameters=[IDEMPOTENCY_HEADER],
        responses={201: DestinationSerializer},
        extensions=refuses(
            "unknown_parameter", "phone_invalid", "permission_denied", "step_up_required", "duplicate_reference"
        ),
    )
    def create(self, request: Request) -> HttpResponse:
        """By a person with the role owner, admin or finance. Until `usable_from`, each payout to it in live mode needs
        a second person's approval.
        """
        require_person(self.caller, to="add a destination")
        asked = validated(AddDestinationSerializer(data=request.data))

        def work() -> HttpResponse:
            body = destination_body(add_destination(self.caller, **asked))
            answer = json_answer(body, 201)
            answer["Location"] = f"/api/v1/payout-destinations/{body['id']}/"
            return answer

        return replayable(request, self.caller, work)

    @extend_schema(
        operation_id="list_payout_destinations",
        summary="Kept destinations, newest first",
        parameters=FILTERS,
        responses=DestinationListSerializer,
    )
    def list(self, request: Request) -> Response:
        found, turn = page_of_destinations(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [destination_body(each) for each in found], turn=turn)

    @extend_schema(
        operation_id="get_payout_destination",
        summary="One kept destination",
        parameters=[DESTINATION_ID],
        responses=DestinationSerializer,
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        """In clear."""
        row = destination_by_id(self.caller, key_from("dst", pk))
        return json_answer(destination_body(row, details=target_of(row).details))

    @extend_schema(
        operation_id="rename_payout_destination",
        summary="Rename a kept destination",
        request=RenameDestinationSerializer,
        parameters=[DESTINATION_ID, IDEMPOTENCY_HEADER],
        responses=DestinationSerializer,
        extensions=refuses("unknown_parameter", "permission_denied", "step_up_required"),
    )
    def update(self, request: Request, pk: str) -> HttpResponse:
        """Where it leads never changes: keep another one instead."""
        key = key_from("dst", pk)
        asked = validated(RenameDestinationSerializer(data=request.data))

        def work() -> HttpResponse:
            return json_answer(destination_body(rename_destination(self.caller, key, label=asked["label"])))

        return replayable(request, self.caller, work)

    @extend_schema(
        operation_id="delete_payout_destination",
        summary="Delete a kept destination",
        parameters=[DESTINATION_ID],
        responses={200: DestinationSerializer},
        extensions=refuses("permission_denied", "step_up_required"),
    )
    def destroy(self, request: Request, pk: str) -> HttpResponse:
        """No new payouts to it. Those that were asked for are not touched."""
        return json_answer(destination_body(delete_destination(self.caller, key_from("dst", pk))))
