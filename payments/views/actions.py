"""Further calls on payments: ask again, call off, ask the provider now, explain, quote, and many prompts at once."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from merchants.idempotency import replayable
from onpoint_pay.kit.api import ApiViewSet, json_answer, key_from, request_id_of, validated
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import to_public
from onpoint_pay.openapi import IDEMPOTENCY_HEADER, refuses
from payments.explanation.words import LANGUAGES
from payments.models import BulkRun, Payment
from payments.selectors import find
from payments.selectors.explanation import explanation_of
from payments.selectors.settled import with_settlement
from payments.serializers.actions import (
    BulkRunSerializer,
    BulkSerializer,
    ExplanationSerializer,
    QuoteAnswerSerializer,
    QuoteSerializer,
    ResendSerializer,
    bulk_body,
)
from payments.serializers.payments import PaymentSerializer, payment_body
from payments.services.bulk import start_bulk
from payments.services.cancel import cancel_payment
from payments.services.quote import quote
from payments.services.resend import resend_prompt
from payments.services.status import synced
from payments.views.payments import (
    NOT_FOUND,
    PAYMENT_ID,
    PROMPT_CODES,
    READ,
    SCENARIO_HEADER,
    WRITE,
    claim_of,
    prompt_answer,
)

LANG = OpenApiParameter(
    "lang",
    OpenApiTypes.STR,
    description="en or sw; by default what Accept-Language prefers, else the payment's own language.",
    enum=LANGUAGES,
)
BULK_ID = OpenApiParameter("id", OpenApiTypes.STR, OpenApiParameter.PATH, description="The run's id, blk_….")


class ActionViewSet(ApiViewSet):
    """What can be done with one payment of the caller's, besides reading it."""

    required_scopes = {"resend": WRITE, "cancel": WRITE, "sync": READ, "explanation": READ, "quote": READ}
    rate_policies = {"resend": "initiate", "sync": "status"}

    @extend_schema(
        operation_id="resend_prompt",
        summary="Ask the payer again",
        request=ResendSerializer,
        parameters=[PAYMENT_ID, IDEMPOTENCY_HEADER, SCENARIO_HEADER],
        responses={201: PaymentSerializer},
        extensions=refuses(
            "unknown_parameter", "payment_not_found", "payment_in_progress", "state_conflict", *PROMPT_CODES
        ),
    )
    def resend(self, request: Request, pk: str) -> HttpResponse:
        """A new attempt of the same payment, for one that failed, was cancelled or expired with certainty.

        While the last prompt may still be paid the answer is 409 `payment_in_progress`, with `asked_again_at` and
        `Retry-After`: M-Pesa is asked again then. An earlier prompt that is paid all the same beside the new one
        becomes a payment of its own, marked `surplus`, to be refunded.
        """
        asked = validated(ResendSerializer(data=request.data))
        stored = resend_prompt(
            self.caller,
            self._payment(pk),
            phone=asked.get("phone"),
            claim=claim_of(request),
            scenario=request.headers.get("OnPoint-Scenario"),
        )
        return prompt_answer(request, stored)

    @extend_schema(
        operation_id="cancel_payment",
        summary="Stop waiting for a payment",
        request=None,
        parameters=[PAYMENT_ID, IDEMPOTENCY_HEADER],
        responses=PaymentSerializer,
        extensions=refuses("payment_not_found", "state_conflict"),
    )
    def cancel(self, request: Request, pk: str) -> HttpResponse:
        """A prompt that is out cannot be recalled: the payment stays `pending`, `awaiting_provider`, until M-Pesa has
        said how it ended, and is `cancelled` then. Money that comes all the same is booked, with `late` true.
        """
        payment_id = self._payment(pk).id
        return replayable(
            request, self.caller, lambda: json_answer(payment_body(cancel_payment(self.caller, payment_id)))
        )

    @extend_schema(
        operation_id="sync_payment",
        summary="Ask the provider now",
        request=None,
        parameters=[PAYMENT_ID],
        responses=PaymentSerializer,
        extensions=NOT_FOUND,
    )
    def sync(self, request: Request, pk: str) -> HttpResponse:
        """Asks M-Pesa about every attempt that may still turn out paid, once in five seconds at most, and answers the
        payment within three: as it is then, whether or not M-Pesa answered.
        """
        return json_answer(payment_body(with_settlement(synced(self._payment(pk)))))

    @extend_schema(
        operation_id="explain_payment",
        summary="A payment in plain words",
        parameters=[PAYMENT_ID, LANG],
        responses=ExplanationSerializer,
        extensions=NOT_FOUND,
    )
    def explanation(self, request: Request, pk: str) -> HttpResponse:
        """What happened, how sure that is, whose turn it is, what to tell the payer and what to do: in English or
        Swahili, from the payment's own evidence. It promises nothing that is not known.
        """
        payment = self._payment(pk)
        return json_answer(explanation_of(payment, lang=language_of(request) or payment.language))

    @extend_schema(
        operation_id="quote",
        summary="Fee and way of a payment or refund",
        request=QuoteSerializer,
        responses={200: QuoteAnswerSerializer},
        extensions=refuses(
            "unknown_parameter",
            "amount_invalid",
            "amount_too_small",
            "amount_too_large",
            "amount_not_whole",
            "limit_exceeded",
            "currency_unsupported",
            "phone_invalid",
            "payment_not_found",
            "payment_not_refundable",
            "refund_exceeds_payment",
            "reference_ambiguous",
            "provider_not_configured",
        ),
    )
    def quote(self, request: Request) -> HttpResponse:
        """What a payment of this amount would cost, or which way a refund would go. Nothing is stored or promised."""
        return json_answer(quote(self.caller, validated(QuoteSerializer(data=request.data))))

    def _payment(self, public_id: str) -> Payment:
        return find.payment_by_id(self.caller, key_from("pay", public_id, code="payment_not_found"))


def language_of(request: Request) -> str | None:
    """`lang` of the query, else the first of Accept-Language that we speak. Raises Problem parameter_invalid."""
    asked = request.query_params.get("lang")
    if asked is not None:
        if asked not in LANGUAGES:
            raise Problem("parameter_invalid", f"lang must be one of {', '.join(LANGUAGES)}.", param="lang")
        return asked
    wanted = request.headers.get("Accept-Language", "").split(",")
    spoken = (part.partition(";")[0].strip().lower().partition("-")[0] for part in wanted)
    return next((language for language in spoken if language in LANGUAGES), None)


class BulkViewSet(ApiViewSet):
    """Many prompts in one call."""

    required_scopes = {"create": WRITE, "retrieve": READ}
    rate_policies = {"create": "initiate"}

    @extend_schema(
        operation_id="start_bulk",
        summary="Ask many payers for money",
        request=BulkSerializer,
        parameters=[IDEMPOTENCY_HEADER],
        responses={202: BulkRunSerializer},
        extensions=refuses(
            "unknown_parameter",
            "amount_invalid",
            "amount_too_small",
            "amount_too_large",
            "amount_not_whole",
            "limit_exceeded",
            "currency_unsupported",
            "payment_method_unsupported",
            "phone_invalid",
            "email_invalid",
            "reference_invalid",
            "metadata_invalid",
            "card_data_not_accepted",
            "callback_url_invalid",
            "callback_url_forbidden",
        ),
    )
    def create(self, request: Request) -> HttpResponse:
        """Up to 500 prompts, checked as a whole: one fault, named as `items[3].phone`, and nothing is stored.

        They are handed over a few each second, and each becomes an ordinary payment with its own events. Send an
        `Idempotency-Key`: a repeat gets the same run.
        """
        items = validated(BulkSerializer(data=request.data))["items"]

        def work() -> HttpResponse:
            run = start_bulk(self.caller, items, request_id=request_id_of(request))
            answer = json_answer(_shown(run), 202)
            answer["Location"] = f"/api/v1/payments/bulk/{to_public('blk', run.id)}/"
            return answer

        return replayable(request, self.caller, work)

    @extend_schema(
        operation_id="get_bulk",
        summary="How far a run of prompts has come",
        parameters=[BULK_ID],
        responses=BulkRunSerializer,
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        return json_answer(_shown(find.bulk_run_by_id(self.caller, key_from("blk", pk))))


def _shown(run: BulkRun) -> dict[str, object]:
    return bulk_body(run, *find.lines_of(run))
