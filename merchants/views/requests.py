"""The API of the request log: look up, answer."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from audit.selectors.requests import page_of_requests, request_of
from audit.serializers.requests import RequestDetailSerializer, RequestListSerializer, request_body, request_detail_body
from merchants.permissions import REQUESTS
from onpoint_pay.kit.api import ApiViewSet, json_answer, key_from, list_answer, page_size
from onpoint_pay.openapi import CURSOR, LIMIT, refuses


def text(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, description=description)


FILTERS = [
    text("method", "One or several methods, separated by commas."),
    text("status", "A status such as 402, or all of a class such as 4xx."),
    text("error_code", "The code of a refusal, such as ip_not_allowed."),
    text("actor", "Whose calls: key_… or usr_…."),
    text("path", "The beginning of the path."),
    text("idempotency_key", "Calls that were sent with this Idempotency-Key."),
    text("client_request_id", "Calls that were sent with this X-Request-Id."),
    text("date_from", "First day in Africa/Nairobi, included."),
    text("date_to", "Last day in Africa/Nairobi, included."),
    text("created_after", "RFC 3339 time, excluded."),
    text("created_before", "RFC 3339 time, excluded."),
    LIMIT,
    CURSOR,
]
REQUEST_ID = OpenApiParameter(
    "request_id", OpenApiTypes.STR, OpenApiParameter.PATH, description="The `Request-Id` of an answer, req_…."
)


class RequestViewSet(ApiViewSet):
    """Calls of the caller's merchant in the caller's mode. For people who have signed in; no API key gets in."""

    required_scopes = dict.fromkeys(("list", "retrieve"), REQUESTS)

    @extend_schema(
        operation_id="list_requests",
        summary="Calls of the last 30 days, newest first",
        parameters=FILTERS,
        responses=RequestListSerializer,
        extensions=refuses("date_invalid"),
    )
    def list(self, request: Request) -> Response:
        """For owners, admins and developers. A call is here some seconds after it was answered."""
        found, turn = page_of_requests(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [request_body(row) for row in found], turn=turn)

    @extend_schema(
        operation_id="get_request", summary="One call", parameters=[REQUEST_ID], responses=RequestDetailSerializer
    )
    def retrieve(self, request: Request, request_id: str) -> HttpResponse:
        """With the bodies of writes and refusals, without secrets, phones and what tells of a person.

        Bodies of sign-in, keys, credentials, documents, people and long ones are never kept.
        """
        return json_answer(request_detail_body(request_of(self.caller, key_from("req", request_id))))
