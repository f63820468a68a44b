"""The API of events, of their deliveries, and of what became of endpoints."""

from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from onpoint_pay.kit.api import ApiViewSet, json_answer, key_from, list_answer, page_size, validated
from onpoint_pay.openapi import refuses
from webhooks.models import STATES, Delivery
from webhooks.selectors import find, pages
from webhooks.serializers.deliveries import (
    WebhookDeliveryListSerializer,
    WebhookDeliverySerializer,
    WebhookDeliveryWithAttemptsSerializer,
    delivery_body,
    delivery_with_attempts,
)
from webhooks.serializers.events import EventListSerializer, EventSerializer, event_response
from webhooks.serializers.fields import NothingSerializer
from webhooks.serializers.recoveries import (
    WebhookNoticeListSerializer,
    WebhookRecoverySerializer,
    notice_body,
    recovery_body,
)
from webhooks.services.resend import resend_delivery
from webhooks.views.parameters import (
    DELIVERY_ID,
    EVENT_ID,
    OF_ENDPOINT,
    OF_TYPE,
    PAGE,
    READ,
    RECOVERY_ID,
    WRITE,
    text_filter,
)

AFTER_SEQUENCE = OpenApiParameter(
    "after_sequence",
    {"type": "integer", "minimum": 0},
    description="Only events with a higher `sequence`, the lowest first: remember the last one you have read.",
)


class EventViewSet(ApiViewSet):
    """What happened to the caller's merchant."""

    required_scopes = {"list": "events:read", "retrieve": "events:read"}

    @extend_schema(
        operation_id="list_events",
        summary="Events, newest first, or upwards from a sequence",
        parameters=[OF_TYPE, AFTER_SEQUENCE, *PAGE],
        responses=EventListSerializer,
    )
    def list(self, request: Request) -> Response:
        """Events are listed as soon as they have their `sequence`, a second or so after they happened, and kept for 90
        days. Whoever reads on from the last `sequence` they have seen misses none.
        """
        found, turn = pages.page_of_events(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [event_response(event) for event in found], turn=turn)

    @extend_schema(operation_id="get_event", summary="One event", parameters=[EVENT_ID], responses=EventSerializer)
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        return json_answer(event_response(find.event_of(self.caller, key_from("evt", pk))))


class DeliveryViewSet(ApiViewSet):
    """Events on their way to endpoints."""

    required_scopes = {"list": READ, "retrieve": READ, "resend": WRITE}

    @extend_schema(
        operation_id="list_webhook_deliveries",
        summary="Deliveries, newest first",
        parameters=[
            OF_ENDPOINT,
            text_filter("event", "The event's id, evt_…."),
            text_filter("status", f"One or several of {', '.join(STATES)}, separated by commas."),
            OF_TYPE,
            text_filter("date_from", "First day in Africa/Nairobi, included."),
            text_filter("date_to", "Last day in Africa/Nairobi, included."),
            text_filter("created_after", "RFC 3339 time, excluded."),
            text_filter("created_before", "RFC 3339 time, excluded."),
            *PAGE,
        ],
        responses=WebhookDeliveryListSerializer,
        extensions=refuses("date_invalid"),
    )
    def list(self, request: Request) -> Response:
        found, turn = pages.page_of_deliveries(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [delivery_body(delivery) for delivery in found], turn=turn)

    @extend_schema(
        operation_id="get_webhook_delivery",
        summary="One delivery: what is sent, and every try with its answer",
        parameters=[DELIVERY_ID],
        responses=WebhookDeliveryWithAttemptsSerializer,
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        delivery = self._delivery(pk)
        return json_answer(delivery_with_attempts(delivery, find.attempts_of(delivery)))

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
        return json_answer(delivery_body(resend_delivery(delivery, actor=self.caller.actor)), 202)

    def _delivery(self, pk: str) -> Delivery:
        key: UUID = key_from("whd", pk)
        return find.delivery_of(self.caller, key)


class RecoveryViewSet(ApiViewSet):
    """Jobs that send again what an endpoint missed."""

    required_scopes = {"retrieve": READ}

    @extend_schema(
        operation_id="get_webhook_recovery",
        summary="One recovery and how far it is",
        parameters=[RECOVERY_ID],
        responses=WebhookRecoverySerializer,
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        return json_answer(recovery_body(find.recovery_of(self.caller, key_from("whr", pk))))


class NoticeViewSet(ApiViewSet):
    """What owners were told of endpoints that fail."""

    required_scopes = {"list": READ}

    @extend_schema(
        operation_id="list_webhook_notices",
        summary="Notices of failing endpoints, newest first",
        parameters=[OF_ENDPOINT, *PAGE],
        responses=WebhookNoticeListSerializer,
    )
    def list(self, request: Request) -> Response:
        """One after a day without a success, one after 3 days, and one when an endpoint is switched off: after 5 days,
        or because it answered 410. The owners get them by mail too.
        """
        found, turn = pages.page_of_notices(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [notice_body(notice) for notice in found], turn=turn)
