"""The API of endpoints."""

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from onpoint_pay import openapi_texts_webhooks as texts
from onpoint_pay.kit.api import (
    ApiViewSet,
    json_answer,
    key_from,
    list_answer,
    page_size,
    request_id_of,
    validated,
)
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import Problem
from onpoint_pay.openapi import refuses
from webhooks.models import Endpoint
from webhooks.selectors import find, pages
from webhooks.selectors.statistics import LONGEST_HOURS, statistics_of
from webhooks.serializers.deliveries import (
    WebhookDeliveryWithAttemptsSerializer,
    WebhookTestSerializer,
    delivery_with_attempts,
)
from webhooks.serializers.endpoints import (
    NewWebhookEndpointSerializer,
    RotateWebhookSecretSerializer,
    ShownWebhookEndpointSerializer,
    WebhookEndpointChangesSerializer,
    WebhookEndpointListSerializer,
    WebhookEndpointWithHeldSerializer,
    endpoint_body,
    endpoint_with_held,
)
from webhooks.serializers.recoveries import (
    RecoverWebhooksSerializer,
    WebhookRecoveryListSerializer,
    WebhookRecoverySerializer,
    recovery_body,
)
from webhooks.serializers.statistics import WebhookStatisticsSerializer, statistics_body
from webhooks.services import endpoints
from webhooks.services.recovery import start_recovery
from webhooks.services.trial import send_test
from webhooks.views.parameters import ENDPOINT_ID, NO_CONTENT, PAGE, READ, URL_REFUSALS, WRITE

HOURS = OpenApiParameter(
    "hours",
    {"type": "integer", "minimum": 1, "maximum": LONGEST_HOURS, "default": 24},
    description="How far back to count.",
)
NOT_TRIED = OpenApiResponse(
    WebhookDeliveryWithAttemptsSerializer,
    description="Sent, and not answered yet: read the delivery again in a moment.",
    examples=[OpenApiExample("Under way", value=texts.NOT_TRIED_EXAMPLE)],
)


class EndpointViewSet(ApiViewSet):
    """Where the caller's merchant wants events, in the caller's mode."""

    required_scopes = {
        "list": READ,
        "retrieve": READ,
        "statistics": READ,
        "recoveries": READ,
        "create": WRITE,
        "update": WRITE,
        "destroy": WRITE,
        "rotate_secret": WRITE,
        "test": WRITE,
        "recover": WRITE,
    }

    @extend_schema(
        operation_id="list_webhook_endpoints",
        summary="Endpoints, newest first",
        parameters=PAGE,
        responses=WebhookEndpointListSerializer,
    )
    def list(self, request: Request) -> Response:
        found, turn = pages.page_of_endpoints(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [endpoint_body(endpoint) for endpoint in found], turn=turn)

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
        summary="One endpoint, and how much waits for it",
        parameters=[ENDPOINT_ID],
        responses=WebhookEndpointWithHeldSerializer,
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        endpoint = self._endpoint(pk)
        return json_answer(endpoint_with_held(endpoint, find.held_for(endpoint)))

    @extend_schema(
        operation_id="update_webhook_endpoint",
        summary="Change an endpoint, pause it or enable it again",
        request=WebhookEndpointChangesSerializer,
        parameters=[ENDPOINT_ID],
        responses=WebhookEndpointWithHeldSerializer,
        extensions=refuses(*URL_REFUSALS, "state_conflict"),
    )
    def update(self, request: Request, pk: str) -> HttpResponse:
        """While it is paused, deliveries are kept as `held`. Enabling it sends what happens from then on;
        `held_deliveries` tells how many wait, and `recover` sends them.
        """
        endpoint = self._endpoint(pk)
        changes = validated(WebhookEndpointChangesSerializer(data=request.data))
        changed = endpoints.update_endpoint(endpoint, changes=changes, actor=self.caller.actor)
        return json_answer(endpoint_with_held(changed, find.held_for(changed)))

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
        operation_id="get_webhook_endpoint_statistics",
        summary="How an endpoint has been answering",
        parameters=[ENDPOINT_ID, HOURS],
        responses=WebhookStatisticsSerializer,
    )
    def statistics(self, request: Request, pk: str) -> HttpResponse:
        endpoint = self._endpoint(pk)
        found = statistics_of(endpoint, hours=_hours(request))
        return json_answer(statistics_body(endpoint, found, at=now()))

    @extend_schema(
        operation_id="test_webhook_endpoint",
        summary="Send a test to this endpoint and show its answer",
        request=WebhookTestSerializer,
        parameters=[ENDPOINT_ID],
        responses={200: WebhookDeliveryWithAttemptsSerializer, 202: NOT_TRIED},
        extensions=refuses("unknown_parameter", "state_conflict"),
    )
    def test(self, request: Request, pk: str) -> HttpResponse:
        """Sends a `test.ping`, or in test mode the documented example of another type, to this endpoint alone. Waits up
        to 10 seconds for the answer, good or bad, and shows it with the request that was made.
        """
        endpoint = self._endpoint(pk)
        wanted = validated(WebhookTestSerializer(data=request.data))
        delivery = send_test(endpoint, request_id=request_id_of(request), **wanted)
        attempts = find.attempts_of(delivery)
        return json_answer(delivery_with_attempts(delivery, attempts), 200 if attempts else 202)

    @extend_schema(
        operation_id="recover_webhook_endpoint",
        summary="Send again what this endpoint missed",
        request=RecoverWebhooksSerializer,
        parameters=[ENDPOINT_ID],
        responses={202: WebhookRecoverySerializer},
        extensions=refuses("unknown_parameter", "date_invalid", "state_conflict"),
    )
    def recover(self, request: Request, pk: str) -> HttpResponse:
        """Opens deliveries of that time again, however many, at a pace that leaves room for what happens now. Events
        keep their ids. The endpoint must be enabled, and one recovery of it runs at a time.
        """
        endpoint = self._endpoint(pk)
        wanted = validated(RecoverWebhooksSerializer(data=request.data))
        body = recovery_body(start_recovery(endpoint, actor=self.caller.actor, **wanted))
        answer = json_answer(body, 202)
        answer["Location"] = f"/api/v1/webhook-recoveries/{body['id']}/"
        return answer

    @extend_schema(
        operation_id="list_webhook_recoveries",
        summary="Recoveries of an endpoint, newest first",
        parameters=[ENDPOINT_ID, *PAGE],
        responses=WebhookRecoveryListSerializer,
    )
    def recoveries(self, request: Request, pk: str) -> Response:
        endpoint = self._endpoint(pk)
        found, turn = pages.page_of_recoveries(endpoint, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [recovery_body(recovery) for recovery in found], turn=turn)

    def _endpoint(self, pk: str) -> Endpoint:
        return find.endpoint_of(self.caller, key_from("whe", pk))


def _hours(request: Request) -> int:
    text = request.query_params.get("hours", "24")
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= LONGEST_HOURS):
        detail = f"hours must be a whole number from 1 to {LONGEST_HOURS}."
        raise Problem("parameter_invalid", detail, param="hours")
    return int(text)
