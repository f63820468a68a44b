"""The API of refunds: parse, one service call, answer."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from merchants.idempotency import replayable
from onpoint_pay.kit.api import (
    ApiViewSet,
    json_answer,
    key_from,
    list_answer,
    page_size,
    request_id_of,
    validated,
)
from onpoint_pay.openapi import CURSOR, IDEMPOTENCY_HEADER, LIMIT, refuses, sort_by
from payments.selectors.refunds import page_of_refunds, refund_by_id
from payments.serializers.refunds import AskRefundSerializer, RefundListSerializer, RefundSerializer, refund_body
from payments.services.refund_approval import APPROVE, approve_refund, cancel_refund
from payments.services.refunds import ask_refund, retry_refund
from payments.states import REFUND_ROUTES, REFUND_STATES

READ, WRITE = "refunds:read", "refunds:write"


def text_filter(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, description=description)


LIST_FILTERS = [
    text_filter("status", f"One or several of {', '.join(REFUND_STATES)}, separated by commas."),
    text_filter("route", f"One or several of {', '.join(REFUND_ROUTES)}, separated by commas."),
    text_filter("payment", "The payment's id, pay_…."),
    text_filter("reference", "The refund's own reference, RFD…."),
    text_filter("amount_min", "Smallest amount, included."),
    text_filter("amount_max", "Largest amount, included."),
    text_filter("date_from", "First day in Africa/Nairobi, included."),
    text_filter("date_to", "Last day in Africa/Nairobi, included."),
    text_filter("created_after", "RFC 3339 time, excluded."),
    text_filter("created_before", "RFC 3339 time, excluded."),
    sort_by("created_at", "amount", "completed_at"),
    LIMIT,
    CURSOR,
]
REFUND_ID = OpenApiParameter("id", OpenApiTypes.STR, OpenApiParameter.PATH, description="The refund's id, ref_….")


class RefundViewSet(ApiViewSet):
    """Refunds of the caller's merchant in the caller's mode."""

    required_scopes = {
        "ask": WRITE,
        "approve": APPROVE,
        "cancel": WRITE,
        "retry": WRITE,
        "list": READ,
        "retrieve": READ,
    }

    @extend_schema(
        operation_id="ask_refund",
        summary="Give money of a payment back",
        request=AskRefundSerializer,
        parameters=[IDEMPOTENCY_HEADER],
        responses={201: RefundSerializer},
        extensions=refuses(
            "unknown_parameter",
            "amount_invalid",
            "amount_too_small",
            "amount_too_large",
            "amount_not_whole",
            "phone_invalid",
            "insufficient_balance",
            "payment_not_found",
            "payment_not_refundable",
            "refund_exceeds_payment",
            "reference_ambiguous",
            "receipt_already_used",
            "permission_denied",
            "provider_not_configured",
        ),
    )
    @action(detail=False, methods=["post"])
    def ask(self, request: Request) -> HttpResponse:
        """Holds the amount and sends it back to whoever paid. The answer comes at once, while the refund is `pending`.

        A whole payment of which nothing has moved is reversed; a part, or a payment that M-Pesa will not reverse, is
        sent to the payer's phone. Above the merchant's limit, or asked for by somebody who may not approve, it is
        `requires_approval` until a second person has agreed. With the route `manual` two people say that the money was
        sent by hand, and its `proof`. A refund whose outcome is not known is never sent a second time.
        """
        asked = validated(AskRefundSerializer(data=request.data))

        def work() -> HttpResponse:
            body = refund_body(ask_refund(self.caller, asked, request_id=request_id_of(request)))
            answer = json_answer(body, 201)
            answer["Location"] = f"/api/v1/refunds/{body['id']}/"
            return answer

        return replayable(request, self.caller, work)

    @extend_schema(
        operation_id="list_refunds",
        summary="Refunds, newest first",
        parameters=LIST_FILTERS,
        responses=RefundListSerializer,
        extensions=refuses("date_invalid"),
    )
    def list(self, request: Request) -> Response:
        found, turn = page_of_refunds(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [refund_body(refund) for refund in found], turn=turn)

    @extend_schema(operation_id="get_refund", summary="One refund", parameters=[REFUND_ID], responses=RefundSerializer)
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        return json_answer(refund_body(refund_by_id(self.caller, key_from("ref", pk))))

    @extend_schema(
        operation_id="approve_refund",
        summary="Agree to a refund that waits for a second person",
        request=None,
        parameters=[REFUND_ID, IDEMPOTENCY_HEADER],
        responses=RefundSerializer,
        extensions=refuses(
            "permission_denied", "own_request_approval", "step_up_required", "state_conflict", "receipt_already_used"
        ),
    )
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> HttpResponse:
        """By a signed-in person who may approve and did not ask for it; no API key can. The refund is then `pending`.

        One with the route `manual` is `completed` at once.
        """
        refund_id = key_from("ref", pk)
        return replayable(
            request, self.caller, lambda: json_answer(refund_body(approve_refund(self.caller, refund_id)))
        )

    @extend_schema(
        operation_id="cancel_refund",
        summary="Call off a refund that waits for a second person",
        request=None,
        parameters=[REFUND_ID, IDEMPOTENCY_HEADER],
        responses=RefundSerializer,
        extensions=refuses("state_conflict"),
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> HttpResponse:
        """Nothing was sent; the money held for it is free again. Refused once it is on its way."""
        refund_id = key_from("ref", pk)
        return replayable(request, self.caller, lambda: json_answer(refund_body(cancel_refund(self.caller, refund_id))))

    @extend_schema(
        operation_id="retry_refund",
        summary="Send a waiting refund now",
        request=None,
        parameters=[REFUND_ID, IDEMPOTENCY_HEADER],
        responses=RefundSerializer,
        extensions=refuses("state_conflict"),
    )
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> HttpResponse:
        """For a refund of which nothing is out: the account held too little, or M-Pesa could not be reached.

        Refused while the money may be on its way. A failed refund is closed: ask for a new one.
        """
        refund_id = key_from("ref", pk)
        return replayable(request, self.caller, lambda: json_answer(refund_body(retry_refund(self.caller, refund_id))))
