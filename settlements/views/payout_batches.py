"""The API of payout batches: parse, one service call, answer."""

from collections.abc import Mapping
from typing import IO, Any, cast

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.parsers import BaseParser
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
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.strict_json import StrictJSONParser
from onpoint_pay.openapi import IDEMPOTENCY_HEADER, refuses
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
from settlements.services.payout_batches import approve_batch, cancel_batch, counts_of, create_batch
from settlements.services.payouts import PayoutAsk
from settlements.states import BATCH_STATES
from settlements.views.payouts import AMOUNT_AND_TIME_FILTERS, APPROVE, READ, WRITE, ask_of, text_filter

BATCH_ID = OpenApiParameter("id", OpenApiTypes.STR, OpenApiParameter.PATH, description="The batch's id, pob_….")
DESCRIPTION = OpenApiParameter(
    "description", OpenApiTypes.STR, description="Of a CSV file: what it is for, up to 120 characters."
)
FILTERS = [
    text_filter("status", f"One or several of {', '.join(BATCH_STATES)}, separated by commas."),
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

    required_scopes = {"create": WRITE, "list": READ, "retrieve": READ, "approve": APPROVE, "cancel": WRITE}
    parser_classes = [StrictJSONParser, CsvParser]

    @extend_schema(
        operation_id="create_payout_batch",
        summary="Send money to many",
        request={"application/json": AskBatchSerializer, "text/csv": OpenApiTypes.STR},
        parameters=[IDEMPOTENCY_HEADER, DESCRIPTION],
        responses={201: PayoutBatchSerializer},
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
        asks = {name: self._ask(name, item) for name, item in asked.items()}

        def work() -> HttpResponse:
            batch = create_batch(self.caller, asks, description=description, request_id=request_id_of(request))
            body = _shown(batch)
            answer = json_answer(body, 201)
            answer["Location"] = f"/api/v1/payout-batches/{body['id']}/"
            return answer

        return replayable(request, self.caller, work)

    def _ask(self, name: str, item: dict[str, Any]) -> PayoutAsk:
        try:
            return ask_of(self.caller, item)
        except Problem as problem:
            raise Problem(problem.code, f"{name}: {problem.detail}", param=f"{name}.destination.id") from None

    @extend_schema(
        operation_id="list_payout_batches",
        summary="Batches of payouts, newest first",
        parameters=FILTERS,
        responses=PayoutBatchListSerializer,
        extensions=refuses("date_invalid"),
    )
    def list(self, request: Request) -> Response:
        found, cursor = page_of_batches(self.caller, request.query_params.dict(), limit=page_size(request))
        return list_answer(request, [_shown(batch) for batch in found], next_cursor=cursor)

    @extend_schema(
        operation_id="get_payout_batch",
        summary="One batch of payouts",
        parameters=[BATCH_ID],
        responses=PayoutBatchSerializer,
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        """What became of each of its payouts is told by the list of payouts, filtered by `batch`."""
        return json_answer(_shown(batch_by_id(self.caller, key_from("pob", pk))))

    @extend_schema(
        operation_id="approve_payout_batch",
        summary="Let a waiting batch go out",
        request=None,
        parameters=[BATCH_ID, IDEMPOTENCY_HEADER],
        responses=PayoutBatchSerializer,
        extensions=refuses("state_conflict"),
    )
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> HttpResponse:
        """By a person who has signed in and had no hand in asking, as for a payout of its own."""
        batch_id = key_from("pob", pk)
        return replayable(request, self.caller, lambda: json_answer(_shown(approve_batch(self.caller, batch_id))))

    @extend_schema(
        operation_id="cancel_payout_batch",
        summary="Call a waiting batch off, or refuse it",
        request=CancelPayoutSerializer,
        parameters=[BATCH_ID, IDEMPOTENCY_HEADER],
        responses=PayoutBatchSerializer,
        extensions=refuses("unknown_parameter", "state_conflict"),
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> HttpResponse:
        """Before it is approved, and whole: amounts and fees go back to the balance."""
        batch_id = key_from("pob", pk)
        asked = validated(CancelPayoutSerializer(data=request.data or {}))

        def work() -> HttpResponse:
            return json_answer(_shown(cancel_batch(self.caller, batch_id, reason=asked.get("reason", ""))))

        return replayable(request, self.caller, work)


def _asked(request: Request) -> tuple[str, dict[str, dict[str, Any]]]:
    """What the batch is for, and its payouts by the names that faults of theirs are told under."""
    if not (request.content_type or "").lower().startswith(CsvParser.media_type):
        asked = validated(AskBatchSerializer(data=request.data))
        return asked["description"], {f"items[{n}]": item for n, item in enumerate(asked["items"])}
    description = request.query_params.get("description", "").strip()
    if not 1 <= len(description) <= LONGEST_DESCRIPTION or not description.isprintable():
        raise Problem("parameter_invalid", "Say what the file is for, in 1 to 120 characters.", param="description")
    text: str = cast(Any, request.data)["csv"]
    return description, {f"line[{line}]": item for line, item in read_csv(text).items()}


def _shown(batch: PayoutBatch) -> dict[str, Any]:
    return batch_body(batch, counts=counts_of(batch))
