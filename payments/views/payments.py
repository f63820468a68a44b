"""The API of payments: parse, one service call, answer."""

import orjson
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from merchants.idempotency import read_key, request_fingerprint
from onpoint_pay.kit.api import (
    ApiViewSet,
    json_answer,
    key_from,
    list_answer,
    page_size,
    problem_answer,
    request_id_of,
    validated,
)
from onpoint_pay.kit.caller import PUBLISHABLE
from onpoint_pay.kit.ids import to_public
from onpoint_pay.openapi import CURSOR, IDEMPOTENCY_HEADER, LIMIT, refuses, sort_by
from payments.errors import payment_refused
from payments.models import Payment
from payments.selectors import find, pages
from payments.selectors.settled import with_settlements
from payments.selectors.timeline import timeline_of
from payments.serializers.payments import (
    InitiateSerializer,
    PaymentListSerializer,
    PaymentSerializer,
    StatusSerializer,
    TimelineSerializer,
    payment_body,
)
from payments.serializers.public import PAYMENT_OR_STATE, STATE_EXAMPLES, payment_state_body
from payments.services.c2b_start import start_payment
from payments.services.replay import Claim, Stored
from payments.services.status import refreshed
from payments.states import PAYMENT_STATES

READ, WRITE = "payments:read", "payments:write"


def text_filter(name: str, description: str, **more: object) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, description=description, **more)  # type: ignore[arg-type]


LIST_FILTERS = [
    text_filter("status", f"One or several of {', '.join(PAYMENT_STATES)}, separated by commas."),
    text_filter("payment_method", "One or several methods, separated by commas."),
    text_filter("provider", "One or several providers, separated by commas."),
    text_filter("reference", "The gateway's or your own reference."),
    text_filter("phone", "The payer's phone."),
    text_filter("currency", "ISO 4217 code."),
    text_filter("amount_min", "Smallest amount, included."),
    text_filter("amount_max", "Largest amount, included."),
    text_filter("date_from", "First day in Africa/Nairobi, included."),
    text_filter("date_to", "Last day in Africa/Nairobi, included."),
    text_filter("created_after", "RFC 3339 time, excluded."),
    text_filter("created_before", "RFC 3339 time, excluded."),
    text_filter("q", "Searches references, receipt, phone, e-mail and description."),
    sort_by("created_at", "amount", "completed_at"),
    OpenApiParameter(
        "metadata",
        {"type": "object", "additionalProperties": True},
        description="By a value of the metadata: `metadata[order_id]=123`.",
        style="deepObject",
        explode=True,
    ),
    LIMIT,
    CURSOR,
]
PAYMENT_ID = OpenApiParameter("id", OpenApiTypes.STR, OpenApiParameter.PATH, description="The payment's id, pay_….")
CHECKOUT_ID = OpenApiParameter(
    "checkout_request_id", OpenApiTypes.STR, OpenApiParameter.PATH, description="Of `provider_details`, ws_CO_…."
)
SCENARIO_HEADER = OpenApiParameter(
    "OnPoint-Scenario",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Test mode with the simulator only: what shall happen: `stk=1032; callback.delay=30`, or `fault=F05`.",
)
NOT_FOUND = refuses("payment_not_found")


# What a call that sends a prompt may refuse with, besides the faults of its own input.
PROMPT_CODES = (
    "limit_exceeded",
    "phone_invalid",
    "payment_failed",
    "duplicate_reference",
    "prompt_throttled",
    "provider_unavailable",
    "provider_not_configured",
)


def claim_of(request: Request) -> Claim | None:
    """The caller's Idempotency-Key for this request. Raises Problem idempotency_key_invalid."""
    key = read_key(request)
    if key is None:
        return None
    fingerprint = request_fingerprint(request, request.data)
    return Claim(key=key, fingerprint=fingerprint, request_id=request_id_of(request))


def prompt_answer(request: Request, stored: Stored) -> HttpResponse:
    """What a call that sends a prompt is answered, the first time and as a replay."""
    if stored.status == 402:
        refusal = payment_refused(orjson.loads(stored.body), original_request=stored.original_request)
        answer = problem_answer(refusal, request._request)
    else:
        answer = json_answer(stored.body, stored.status)
        payment_id = to_public("pay", stored.location) if stored.location else orjson.loads(stored.body)["id"]
        answer["Location"] = f"/api/v1/payments/{payment_id}/"
    if stored.original_request is not None:
        answer["Idempotent-Replayed"] = "true"
        answer["Idempotent-Original-Request"] = stored.original_request
    return answer


class PaymentViewSet(ApiViewSet):
    """Payments of the caller's merchant in the caller's mode."""

    required_scopes = {
        "initiate": WRITE,
        "status": READ,
        "by_checkout": READ,
        "transactions": READ,
        "list": READ,
        "retrieve": READ,
        "timeline": READ,
    }
    rate_policies = {"initiate": "initiate", "status": "status", "by_checkout": "status"}
    public_actions = ("by_checkout",)

    @extend_schema(
        operation_id="initiate_payment",
        summary="Ask a payer for money",
        request=InitiateSerializer,
        parameters=[IDEMPOTENCY_HEADER, SCENARIO_HEADER],
        responses={201: PaymentSerializer},
        extensions=refuses(
            "unknown_parameter",
            "amount_invalid",
            "amount_too_small",
            "amount_too_large",
            "amount_not_whole",
            "currency_unsupported",
            "payment_method_unsupported",
            "email_invalid",
            "reference_invalid",
            "metadata_invalid",
            "card_data_not_accepted",
            "callback_url_invalid",
            "callback_url_forbidden",
            "state_conflict",
            *PROMPT_CODES,
        ),
    )
    @action(detail=False, methods=["post"])
    def initiate(self, request: Request) -> HttpResponse:
        """Sends a prompt to the payer's phone and answers at once, while the payer decides: the payment is `pending`.

        When the hand-over to M-Pesa has no clear answer, the payment is `pending` with reason `reconciling` until
        M-Pesa says what became of it. 503 means that nothing was sent, and the same request may be made again.
        """
        checked = validated(InitiateSerializer(data=request.data))
        stored = start_payment(
            self.caller,
            checked,
            request_id=request_id_of(request),
            claim=claim_of(request),
            scenario=request.headers.get("OnPoint-Scenario"),
        )
        return prompt_answer(request, stored)

    @extend_schema(
        operation_id="payment_status",
        summary="State of a payment by any reference",
        request=StatusSerializer,
        responses={200: PaymentSerializer},
        extensions=refuses("unknown_parameter", "payment_not_found", "reference_ambiguous"),
    )
    @action(detail=False, methods=["post"])
    def status(self, request: Request) -> HttpResponse:
        """Asks M-Pesa when the payment is pending and its last word is older than ten seconds."""
        asked = validated(StatusSerializer(data=request.data))
        payment = find.payment_by_any_reference(self.caller, asked["reference"], method=asked.get("payment_method"))
        return json_answer(payment_body(refreshed(payment) if asked["refresh"] else payment))

    @extend_schema(
        operation_id="payment_status_by_checkout",
        summary="State of a payment by its checkout request id",
        parameters=[CHECKOUT_ID],
        responses={200: PAYMENT_OR_STATE},
        examples=STATE_EXAMPLES,
        extensions=NOT_FOUND,
    )
    def by_checkout(self, request: Request, checkout_request_id: str) -> HttpResponse:
        """For pages that wait. With a publishable key only how it stands: nothing of the payer, and no amount."""
        shown = payment_state_body if self.caller.kind == PUBLISHABLE else payment_body
        return json_answer(shown(find.payment_by_provider_reference(self.caller, checkout_request_id)))

    @extend_schema(
        operation_id="list_transactions",
        summary="Payments, newest first",
        parameters=LIST_FILTERS,
        responses=PaymentListSerializer,
        extensions=refuses("date_invalid"),
    )
    @action(detail=False, methods=["get"])
    def transactions(self, request: Request) -> Response:
        return self._page(request)

    @extend_schema(
        operation_id="list_payments",
        summary="Payments, newest first (the same as transactions)",
        parameters=LIST_FILTERS,
        responses=PaymentListSerializer,
        extensions=refuses("date_invalid"),
    )
    def list(self, request: Request) -> Response:
        return self._page(request)

    def _page(self, request: Request) -> Response:
        query = request.query_params.dict()
        found, turn = pages.page_of_payments(self.caller, query, limit=page_size(request))
        return list_answer(request, [payment_body(payment) for payment in with_settlements(found)], turn=turn)

    @extend_schema(
        operation_id="get_payment",
        summary="One payment",
        parameters=[PAYMENT_ID],
        responses=PaymentSerializer,
        extensions=NOT_FOUND,
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        return json_answer(payment_body(self._payment(pk)))

    @extend_schema(
        operation_id="payment_timeline",
        summary="The story of a payment",
        parameters=[PAYMENT_ID],
        responses=TimelineSerializer,
        extensions=NOT_FOUND,
    )
    def timeline(self, request: Request, pk: str) -> Response:
        return list_answer(request, timeline_of(self._payment(pk)))

    def _payment(self, public_id: str) -> Payment:
        return find.payment_by_id(self.caller, key_from("pay", public_id, code="payment_not_found"))
