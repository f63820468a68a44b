"""The API of payout batches: parse, one service call, answer."""

from collections.abc import Callable, Mapping
from typing import IO, Any, cast

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from merchants.idempotency import replayable
from onpoint_pay import openapi_texts_payouts as texts
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
from onpoint_pay.kit.errors import Fault, Problem
from onpoint_pay.openapi import IDEMPOTENCY_HEADER, REQUIRED_IDEMPOTENCY_HEADER, refuses, sort_by
from settlements.models import PayoutBatch
from settlements.selectors.payouts import batch_by_id, page_of_batches
from settlements.serializers.payout_batches import (
    AskBatchSerializer,
    PayoutBatchListSerializer,
    PayoutBatchSerializer,
    batch_body,
    read_csv,
)
from settlements.serializers.payouts import CancelPayoutSerializer
from settlements.services.destinations import find_targets
from settlements.services.payout_batches import approve_batch, cancel_batch, counts_of, create_batch, reject_batch
from settlements.services.payouts import PayoutAsk
from settlements.states import BATCH_STATES
from settlements.views.payouts import AMOUNT_AND_TIME_FILTERS, APPROVE, READ, WRITE, payout_ask, text_filter

BATCH_ID = OpenApiParameter("id", OpenApiTypes.STR, OpenApiParameter.PATH, description="The batch's id, bat_….")
DESCRIPTION = OpenApiParameter(
    "description", OpenApiTypes.STR, description="Of a CSV file: what it is for, up to 120 characters."
)
FILTERS = [
    text_filter("status", f"One or several of {', '.join(BATCH_STATES)}, separated by commas."),
    sort_by("created_at", "amount", "completed_at"),
    *AMOUNT_AND_TIME_FILTERS,
]
LONGEST_DESCRIPTION = 120


class CsvParser(BaseParser):
    """A CSV file as the whole body, in UTF-8."""

    media_type = "text/csv"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, str]:
        try:
            return {"csv": stream.read().decode()}
        except UnicodeDecodeError:
            raise Problem("parameter_invalid", "The file must be in UTF-8.") from None


class PayoutBatchViewSet(ApiViewSet):
    """Batches of payouts of the caller's merchant in the caller's mode."""

    required_scopes = {
        "create": WRITE,
        "list": READ,
        "retrieve": READ,
        "approve": APPROVE,
        "reject": APPROVE,
        "cancel": WRITE,
    }

    @extend_schema(
        operation_id="create_payout_batch",
        summary="Send money to many",
        request={"application/json": AskBatchSerializer, "text/csv": OpenApiTypes.STR},
        parameters=[REQUIRED_IDEMPOTENCY_HEADER, DESCRIPTION],
        responses={201: PayoutBatchSerializer},
        examples=[
            OpenApiExample("Two riders", value=texts.BATCH_REQUEST, request_only=True),
            OpenApiExample("Two riders, as a file", value=texts.BATCH_CSV, request_only=True, media_type="text/csv"),
            OpenApiExample("Waiting for approval", value=texts.BATCH_EXAMPLE, response_only=True),
        ],
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
        """Up to 500 payouts, checked as a whole: one fault, named as `items[3].amount` or `line[5].amount`, and nothing
        is stored. All of them are approved at once; what becomes of each is told by the payouts of the batch.

        A CSV file has a first line of column names: `amount`, `reason`, `reference`, `purpose`, `currency`, and either
        `destination` (a kept one's id) or `type` with what belongs to it.
        """
        description, asked = _asked(request)
        asks, missing = _asks_of(self.caller, asked)

        def work() -> HttpResponse:
            batch = create_batch(
                self.caller, asks, description=description, request_id=request_id_of(request), found=missing
            )
            body = _shown(batch)
            answer = json_answer(body, 201)
            answer["Location"] = f"/api/v1/payout-batches/{body['id']}/"
            return answer

        return replayable(request, self.caller, work, needs_key=True)

    @extend_schema(
        operation_id="list_payout_batches",
        summary="Batches of payouts, newest first",
        parameters=FILTERS,
        responses=PayoutBatchListSerializer,
        extensions=refuses("date_invalid"),
    )
    def list(self, request: Request) -> Response:
        found, turn = page_of_batches(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [_shown(batch) for batch in found], turn=turn)

    @extend_schema(
        operation_id="get_payout_batch",
        summary="One batch of payouts",
        parameters=[BATCH_ID],
        responses=PayoutBatchSerializer,
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        """What became of each of its payouts is told by the list of payouts, filtered by `batch`."""
        return json_answer(_shown(batch_by_id(self.caller, key_from("bat", pk))))

    @extend_schema(
        operation_id="approve_payout_batch",
        summary="Let a waiting batch go out",
        request=None,
        parameters=[BATCH_ID, IDEMPOTENCY_HEADER],
        responses=PayoutBatchSerializer,
        extensions=refuses("permission_denied", "step_up_required", "own_request_approval", "state_conflict"),
    )
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> HttpResponse:
        """By a person who has signed in and had no hand in asking, as for a payout of its own."""
        batch_id = key_from("bat", pk)
        return replayable(request, self.caller, lambda: json_answer(_shown(approve_batch(self.caller, batch_id))))

    @extend_schema(
        operation_id="reject_payout_batch",
        summary="Refuse to approve a waiting batch",
        request=CancelPayoutSerializer,
        parameters=[BATCH_ID, IDEMPOTENCY_HEADER],
        responses=PayoutBatchSerializer,
        extensions=refuses("unknown_parameter", "permission_denied", "state_conflict"),
    )
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> HttpResponse:
        """By a person who may approve, and whole. Batch and payouts are `cancelled`; the money is in the balance."""
        return self._called_off(request, pk, reject_batch)

    @extend_schema(
        operation_id="cancel_payout_batch",
        summary="Call a waiting batch off",
        request=CancelPayoutSerializer,
        parameters=[BATCH_ID, IDEMPOTENCY_HEADER],
        responses=PayoutBatchSerializer,
        extensions=refuses("unknown_parameter", "state_conflict"),
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> HttpResponse:
        """Before it is approved, and whole: amounts and fees go back to the balance."""
        return self._called_off(request, pk, cancel_batch)

    def _called_off(self, request: Request, pk: str, call_off: Callable[..., PayoutBatch]) -> HttpResponse:
        batch_id = key_from("bat", pk)
        asked = validated(CancelPayoutSerializer(data=request.data or {}))

        def work() -> HttpResponse:
            return json_answer(_shown(call_off(self.caller, batch_id, reason=asked.get("reason", ""))))

        return replayable(request, self.caller, work)


def _asked(request: Request) -> tuple[str, dict[str, dict[str, Any]]]:
    """What the batch is for, and its payouts by the names that faults of theirs are told under."""
    if not (request.content_type or "").lower().startswith(CsvParser.media_type):
        asked = validated(AskBatchSerializer(data=request.data))
        return asked["description"], {f"items[{n}]": item for n, item in enumerate(asked["items"])}
    description = request.query_params.get("description", "").strip()
    if not 1 <= len(description) <= LONGEST_DESCRIPTION or not description.isprintable():
        raise Problem("parameter_invalid", "Say what the file is for, in 1 to 120 characters.", param="description")
    # Without a body no parser is asked.
    text: str = cast(Any, request.data).get("csv", "")
    return description, {f"line[{line}]": item for line, item in read_csv(text).items()}


def _asks_of(caller: Caller, asked: Mapping[str, dict[str, Any]]) -> tuple[dict[str, PayoutAsk], list[Fault]]:
    """What each line asks for, and a fault for each destination that is not the caller's."""
    targets = find_targets(caller, [item["destination"] for item in asked.values()])
    known = {name: target for name, target in zip(asked, targets, strict=True) if target is not None}
    asks = {name: payout_ask(asked[name], target) for name, target in known.items()}
    detail = "There is no such payout destination for this key."
    missing = [
        Fault(param=f"{name}.destination.id", code="resource_missing", detail=detail)
        for name in asked
        if name not in known
    ]
    return asks, missing


def _shown(batch: PayoutBatch) -> dict[str, Any]:
    return batch_body(batch, counts=counts_of(batch))
