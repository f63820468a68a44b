"""The API of webhooks: parse, one service call, answer."""

from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from onpoint_pay.kit.api import ApiViewSet, json_answer, key_from, list_answer, page_size, validated
from onpoint_pay.openapi import CURSOR, LIMIT, refuses
from webhooks import selectors
from webhooks.models import STATES, Delivery, Endpoint
from webhooks.serializers import (
    EventListSerializer,
    EventSerializer,
    NewWebhookEndpointSerializer,
    NothingSerializer,
    RotateWebhookSecretSerializer,
    ShownWebhookEndpointSerializer,
    WebhookDeliveryListSerializer,
    WebhookDeliverySerializer,
    WebhookDeliveryWithAttemptsSerializer,
    WebhookEndpointChangesSerializer,
    WebhookEndpointListSerializer,
    WebhookEndpointSerializer,
    delivery_body,
    delivery_with_attempts,
    endpoint_body,
    event_response,
)
from webhooks.services import endpoints
from webhooks.services.delivery import resend_delivery
from webhooks.services.outbox import publish_test


def path_id(description: str) -> OpenApiParameter:
    return OpenApiParameter("id", OpenApiTypes.STR, OpenApiParameter.PATH, description=description)


NO_CONTENT = OpenApiResponse(description="Done.")
ENDPOINT_ID = path_id("The endpoint's id, whe_….")
EVENT_ID = path_id("The event's id, evt_….")
DELIVERY_ID = path_id("The delivery's id, whd_….")
PAGE = [LIMIT, CURSOR]
URL_REFUSALS = ("unknown_parameter", "callback_url_invalid", "callback_url_forbidden")


class EndpointViewSet(ApiViewSet):
    """Where the caller's merchant wants events, in the caller's mode."""

    required_scopes = {
        "list": "webhooks:read",
        "retrieve": "webhooks:read",
        "create": "webhooks:write",
        "update": "webhooks:write",
        "destroy": "webhooks:write",
        "rotate_secret": "webhooks:write",
        "test": "webhooks:write",
    }

    @extend_schema(
        operation_id="list_webhook_endpoints",
        summary="Endpoints, newest first",
        parameters=PAGE,
        responses=WebhookEndpointListSerializer,
    )
    def list(self, request: Request) -> Response:
        found, cursor = selectors.page_of_endpoints(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [endpoint_body(endpoint) for endpoint in found], next_cursor=cursor)

    @extend_schema(
        operation_id="create_webhook_endpoint",
        summary="Add an endpoint; its secret is shown once",
        request=NewWebhookEndpointSerializer,
        responses={201: ShownWebhookEndpointSerializer},
        extensions=refuses(*URL_REFUSALS, "limit_exceeded"),
    )
    def create(self, request: Request) -> HttpResponse:
        wanted = validated(NewWebhookEndpointSerializer(data=request.data))
        endpoint, secret = endpoints.add_endpoint(
            merchant_id=self.caller.merchant_id, mode=self.caller.mode, actor=self.caller.actor, **wanted
        )
        shown = endpoint_body(endpoint)
        answer = json_answer(shown | {"secret": secret}, 201)
        answer["Location"] = f"{request.path}{shown['id']}/"
        return answer

    @extend_schema(
        operation_id="get_webhook_endpoint",
        summary="One endpoint",
        parameters=[ENDPOINT_ID],
        responses=WebhookEndpointSerializer,
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        return json_answer(endpoint_body(self._endpoint(pk)))

    @extend_schema(
        operation_id="update_webhook_endpoint",
        summary="Change an endpoint, pause it or enable it again",
        request=WebhookEndpointChangesSerializer,
        parameters=[ENDPOINT_ID],
        responses=WebhookEndpointSerializer,
        extensions=refuses(*URL_REFUSALS, "state_conflict"),
    )
    def update(self, request: Request, pk: str) -> HttpResponse:
        endpoint = self._endpoint(pk)
        changes = validated(WebhookEndpointChangesSerializer(data=request.data))
        return json_answer(endpoint_body(endpoints.update_endpoint(endpoint, changes=changes, actor=self.caller.actor)))

    @extend_schema(
        operation_id="delete_webhook_endpoint",
        summary="Delete an endpoint; what was still to be sent to it is given up",
        parameters=[ENDPOINT_ID],
        responses={204: NO_CONTENT},
        extensions=refuses("state_conflict"),
    )
    def destroy(self, request: Request, pk: str) -> HttpResponse:
        endpoints.delete_endpoint(self._endpoint(pk), actor=self.caller.actor)
        return HttpResponse(status=204)

    @extend_schema(
        operation_id="rotate_webhook_endpoint_secret",
        summary="A new signing secret, shown once; the earlier ones sign along for a while",
        request=RotateWebhookSecretSerializer,
        parameters=[ENDPOINT_ID],
        responses={200: ShownWebhookEndpointSerializer},
        extensions=refuses("unknown_parameter", "state_conflict"),
    )
    def rotate_secret(self, request: Request, pk: str) -> HttpResponse:
        endpoint = self._endpoint(pk)
        wanted = validated(RotateWebhookSecretSerializer(data=request.data))
        secret = endpoints.rotate_secret(endpoint, actor=self.caller.actor, **wanted)
        return json_answer(endpoint_body(endpoint) | {"secret": secret})

    @extend_schema(
        operation_id="test_webhook_endpoint",
        summary="Send a test.ping to this endpoint",
        request=None,
        parameters=[ENDPOINT_ID],
        responses={202: WebhookDeliverySerializer},
        extensions=refuses("invalid_json", "unknown_parameter", "state_conflict"),
    )
    def test(self, request: Request, pk: str) -> HttpResponse:
        endpoint = self._endpoint(pk)
        validated(NothingSerializer(data=request.data))
        request_id = getattr(request._request, "request_id", None)
        return json_answer(delivery_body(publish_test(endpoint, request_id=request_id)), 202)

    def _endpoint(self, pk: str) -> Endpoint:
        return selectors.endpoint_of(self.caller, key_from("whe", pk))


class EventViewSet(ApiViewSet):
    """What happened to the caller's merchant."""

    required_scopes = {"list": "events:read", "retrieve": "events:read"}

    @extend_schema(
        operation_id="list_events",
        summary="Events, newest first",
        parameters=[
            OpenApiParameter("type", OpenApiTypes.STR, description="A type, or payment.* for all of one kind."),
            *PAGE,
        ],
        responses=EventListSerializer,
    )
    def list(self, request: Request) -> Response:
        found, cursor = selectors.page_of_events(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [event_response(event) for event in found], next_cursor=cursor)

    @extend_schema(operation_id="get_event", summary="One event", parameters=[EVENT_ID], responses=EventSerializer)
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        return json_answer(event_response(selectors.event_of(self.caller, key_from("evt", pk))))


class DeliveryViewSet(ApiViewSet):
    """Events on their way to endpoints."""

    required_scopes = {"list": "webhooks:read", "retrieve": "webhooks:read", "resend": "webhooks:write"}

    @extend_schema(
        operation_id="list_webhook_deliveries",
        summary="Deliveries, newest first",
        parameters=[
            OpenApiParameter("endpoint", OpenApiTypes.STR, description="The endpoint's id, whe_…."),
            OpenApiParameter("event", OpenApiTypes.STR, description="The event's id, evt_…."),
            OpenApiParameter("status", OpenApiTypes.STR, description=f"One or several of {', '.join(STATES)}."),
            *PAGE,
        ],
        responses=WebhookDeliveryListSerializer,
    )
    def list(self, request: Request) -> Response:
        found, cursor = selectors.page_of_deliveries(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [delivery_body(delivery) for delivery in found], next_cursor=cursor)

    @extend_schema(
        operation_id="get_webhook_delivery",
        summary="One delivery with every try",
        parameters=[DELIVERY_ID],
        responses=WebhookDeliveryWithAttemptsSerializer,
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        delivery = self._delivery(pk)
        return json_answer(delivery_with_attempts(delivery, selectors.attempts_of(delivery)))

    @extend_schema(
        operation_id="resend_webhook_delivery",
        summary="Send an event to its endpoint again",
        request=None,
        parameters=[DELIVERY_ID],
        responses={202: WebhookDeliverySerializer},
        extensions=refuses("invalid_json", "unknown_parameter", "state_conflict"),
    )
    def resend(self, request: Request, pk: str) -> HttpResponse:
        delivery = self._delivery(pk)
        validated(NothingSerializer(data=request.data))
        return json_answer(delivery_body(resend_delivery(delivery)), 202)

    def _delivery(self, pk: str) -> Delivery:
        key: UUID = key_from("whd", pk)
        return selectors.delivery_of(self.caller, key)
