"""The API of payouts: parse, one service call, answer."""

from collections.abc import Callable
from typing import Any

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
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.money import Money
from onpoint_pay.openapi import CURSOR, IDEMPOTENCY_HEADER, LIMIT, REQUIRED_IDEMPOTENCY_HEADER, refuses, sort_by
from settlements.models import Payout
from settlements.selectors.payouts import destination_by_id, page_of_payouts, payout_by_id
from settlements.serializers.payouts import (
    AskPayoutSerializer,
    CancelPayoutSerializer,
    PayoutListSerializer,
    PayoutSerializer,
    payout_body,
)
from settlements.services.destinations import Target, details_of, kept_target, target_of
from settlements.services.payout_retry import retry_payout
from settlements.services.payouts import PayoutAsk, approve_payout, cancel_payout, create_payout, reject_payout
from settlements.states import PAYOUT_ROUTES, PAYOUT_STATES

READ, WRITE, APPROVE = "payouts:read", "payouts:write", "payouts:approve"


def text_filter(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, description=description)


AMOUNT_AND_TIME_FILTERS = [
    text_filter("amount_min", "Smallest amount, included."),
    text_filter("amount_max", "Largest amount, included."),
    text_filter("date_from", "First day in Africa/Nairobi, included."),
    text_filter("date_to", "Last day in Africa/Nairobi, included."),
    text_filter("created_after", "RFC 3339 time, excluded."),
    text_filter("created_before", "RFC 3339 time, excluded."),
    LIMIT,
    CURSOR,
]
FILTERS = [
    text_filter("status", f"One or several of {', '.join(PAYOUT_STATES)}, separated by commas."),
    text_filter("route", f"One or several of {', '.join(PAYOUT_ROUTES)}, separated by commas."),
    text_filter("reference", "Your reference, or the gateway's own."),
    text_filter("batch", "A batch's id, bat_…."),
    text_filter("destination", "A kept destination's id, dst_…."),
    text_filter("retry_of", "The id of the payout that it was asked for in place of, pyt_…."),
    sort_by("created_at", "amount", "completed_at"),
    *AMOUNT_AND_TIME_FILTERS,
]
PAYOUT_ID = OpenApiParameter("id", OpenApiTypes.STR, OpenApiParameter.PATH, description="The payout's id, pyt_….")


def ask_of(caller: Caller, asked: dict[str, Any]) -> PayoutAsk:
    """What a checked request asks for. Raises NotFound for a destination that is not the caller's."""
    where = asked["destination"]
    if "id" in where:
        target = target_of(destination_by_id(caller, where["id"]))
    else:
        target = kept_target(caller, Target(type=where["type"], details=where["details"]))
    return payout_ask(asked, target)


def payout_ask(asked: dict[str, Any], target: Target) -> PayoutAsk:
    """The same, to a destination that was found."""
    return PayoutAsk(
        amount=Money.parse(asked["amount"], asked["currency"]),
        target=target,
        reason=asked["reason"],
        purpose=asked["purpose"],
        reference=asked.get("reference"),
    )


def _created(payout: Payout) -> HttpResponse:
    body = payout_body(payout)
    answer = json_answer(body, 201)
    answer["Location"] = f"/api/v1/payouts/{body['id']}/"
    return answer


class PayoutViewSet(ApiViewSet):
    """Payouts of the caller's merchant in the caller's mode."""

    required_scopes = {
        "create": WRITE,
        "list": READ,
        "retrieve": READ,
        "approve": APPROVE,
        "reject": APPROVE,
        "cancel": WRITE,
        "retry": WRITE,
    }

    @extend_schema(
        operation_id="create_payout",
        summary="Send money of the balance",
        request=AskPayoutSerializer,
        parameters=[REQUIRED_IDEMPOTENCY_HEADER],
        responses={201: PayoutSerializer},
        extensions=refuses(
            "unknown_parameter",
            "amount_invalid",
            "amount_too_small",
            "amount_not_whole",
            "currency_unsupported",
            "phone_invalid",
            "reference_invalid",
            "insufficient_balance",
            "limit_exceeded",
            "resource_missing",
            "duplicate_reference",
            "state_conflict",
            "provider_not_configured",
        ),
    )
    def create(self, request: Request) -> HttpResponse:
        """Holds amount and fee at once. `requires_approval` when a second person must agree: above the merchant's
        limit, or in live mode to a destination that is new. A payout whose outcome is not known is never sent again.
        """
        asked = validated(AskPayoutSerializer(data=request.data))

        def work() -> HttpResponse:
            return _created(create_payout(self.caller, ask_of(self.caller, asked), request_id=request_id_of(request)))

        return replayable(request, self.caller, work, needs_key=True)

    @extend_schema(
        operation_id="list_payouts",
        summary="Payouts, newest first",
        parameters=FILTERS,
        responses=PayoutListSerializer,
        extensions=refuses("date_invalid"),
    )
    def list(self, request: Request) -> Response:
        found, turn = page_of_payouts(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [payout_body(payout) for payout in found], turn=turn)

    @extend_schema(operation_id="get_payout", summary="One payout", parameters=[PAYOUT_ID], responses=PayoutSerializer)
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        """With its destination in clear."""
        payout = payout_by_id(self.caller, key_from("pyt", pk))
        return json_answer(payout_body(payout, details=details_of(payout)))

    @extend_schema(
        operation_id="approve_payout",
        summary="Let a waiting payout go out",
        request=None,
        parameters=[PAYOUT_ID, IDEMPOTENCY_HEADER],
        responses=PayoutSerializer,
        extensions=refuses("permission_denied", "step_up_required", "own_request_approval", "state_conflict"),
    )
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> HttpResponse:
        """By a person who has signed in, and who neither asked for it, nor made the key it was asked with, nor added
        its new destination.
        """
        payout_id = key_from("pyt", pk)
        return replayable(
            request, self.caller, lambda: json_answer(payout_body(approve_payout(self.caller, payout_id)))
        )

    @extend_schema(
        operation_id="reject_payout",
        summary="Refuse to approve a waiting payout",
        request=CancelPayoutSerializer,
        parameters=[PAYOUT_ID, IDEMPOTENCY_HEADER],
        responses=PayoutSerializer,
        extensions=refuses("unknown_parameter", "permission_denied", "state_conflict"),
    )
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> HttpResponse:
        """By a person who may approve. The payout is `cancelled`; amount and fee go back to the balance."""
        return self._called_off(request, pk, reject_payout)

    @extend_schema(
        operation_id="cancel_payout",
        summary="Call a waiting payout off",
        request=CancelPayoutSerializer,
        parameters=[PAYOUT_ID, IDEMPOTENCY_HEADER],
        responses=PayoutSerializer,
        extensions=refuses("unknown_parameter", "state_conflict"),
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> HttpResponse:
        """Before it is approved. Amount and fee go back to the balance."""
        return self._called_off(request, pk, cancel_payout)

    @extend_schema(
        operation_id="retry_payout",
        summary="Ask again for a payout that failed or came back",
        request=None,
        parameters=[PAYOUT_ID, IDEMPOTENCY_HEADER],
        responses={201: PayoutSerializer},
        extensions=refuses("insufficient_balance", "limit_exceeded", "state_conflict", "provider_not_configured"),
    )
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> HttpResponse:
        """A new payout, with `retry_of`, to the same destination, of what did not arrive: all of it, or the parts that
        failed or came back. Limits and approval are minded anew. A payout is asked for again once; of a retry that
        failed too, ask again for that one.
        """
        payout_id = key_from("pyt", pk)
        return replayable(
            request,
            self.caller,
            lambda: _created(retry_payout(self.caller, payout_id, request_id=request_id_of(request))),
        )

    def _called_off(self, request: Request, pk: str, call_off: Callable[..., Payout]) -> HttpResponse:
        payout_id = key_from("pyt", pk)
        asked = validated(CancelPayoutSerializer(data=request.data or {}))

        def work() -> HttpResponse:
            return json_answer(payout_body(call_off(self.caller, payout_id, reason=asked.get("reason", ""))))

        return replayable(request, self.caller, work)
