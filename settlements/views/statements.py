"""The API of statements: parse, one service call, answer."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from onpoint_pay import openapi_texts_money as texts
from onpoint_pay.kit.api import ApiViewSet, key_from
from onpoint_pay.kit.errors import Problem
from onpoint_pay.openapi import refuses
from settlements.errors import DayNotOver
from settlements.selectors.settlements import settlement_by_id
from settlements.serializers.settlements import SettlementStatementSerializer
from settlements.serializers.statements import StatementSerializer
from settlements.services.settlement_files import write_settlement
from settlements.services.statement_files import TYPES, write_statement
from settlements.services.statements import statement_of
from settlements.views.settlements import READ, SETTLEMENT_ID

PARAMETERS = ("date", "format", "currency")
CURRENCIES = ("KES",)
FORMAT = OpenApiParameter("format", OpenApiTypes.STR, enum=list(TYPES), description="json when absent.")


class FormatIsOurs(DefaultContentNegotiation):
    """`format` in the query chooses the file, and no renderer of the framework."""

    def filter_renderers(self, renderers: Iterable[BaseRenderer], format: str) -> list[BaseRenderer]:
        return list(renderers)


class StatementViewSet(ApiViewSet):
    """The books of the caller's merchant, day by day."""

    required_scopes = dict.fromkeys(("retrieve", "of_settlement"), READ)
    content_negotiation_class = FormatIsOurs

    @extend_schema(
        operation_id="get_statement",
        summary="The statement of a day",
        parameters=[
            OpenApiParameter("date", OpenApiTypes.DATE, description="A day in Africa/Nairobi.", required=True),
            FORMAT,
            OpenApiParameter("currency", OpenApiTypes.STR, enum=list(CURRENCIES), description="KES when absent."),
        ],
        responses={
            (200, "application/json"): StatementSerializer,
            (200, "text/csv"): OpenApiResponse(
                OpenApiTypes.STR, examples=[OpenApiExample("A day with one payment", value=texts.STATEMENT_CSV)]
            ),
            (200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY),
        },
        extensions=refuses("date_invalid", "currency_unsupported"),
    )
    def retrieve(self, request: Request) -> HttpResponse:
        """Opening balance, each movement, closing balance; the next day opens with it. All formats agree to the cent.

        Until a quarter past midnight in Nairobi a day is not `final`.
        """
        query = request.query_params.dict()
        day, format, currency = _read(query)
        caller = self.caller
        try:
            statement = statement_of(caller.merchant_id, caller.mode, day, currency=currency)
        except DayNotOver as error:
            raise Problem("date_invalid", str(error), param="date") from None
        content = write_statement(statement, format=format, name=caller.merchant.business_name)
        return _file(content, format, name=f"statement-{day}")

    @extend_schema(
        operation_id="get_settlement_statement",
        summary="The statement of a settlement",
        parameters=[SETTLEMENT_ID, FORMAT],
        responses={
            (200, "application/json"): SettlementStatementSerializer,
            (200, "text/csv"): OpenApiResponse(
                OpenApiTypes.STR, examples=[OpenApiExample("One payment", value=texts.SETTLEMENT_CSV)]
            ),
            (200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY),
        },
    )
    @action(detail=True, methods=["get"])
    def of_settlement(self, request: Request, pk: str) -> HttpResponse:
        """Each transfer in it, and as lines of their own what its release took for debts and the rolling reserve.

        They sum to what the settlement made available. All formats agree to the cent.
        """
        query = request.query_params.dict()
        _refuse_others(query, ("format",))
        format = _format(query)
        settlement = settlement_by_id(self.caller, key_from("stl", pk))
        content = write_settlement(settlement, format=format, name=self.caller.merchant.business_name)
        return _file(content, format, name=f"settlement-{settlement.day}")


def _file(content: bytes, format: str, *, name: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=TYPES[format])
    if format != "json":
        answer["Content-Disposition"] = f'attachment; filename="{name}.{format}"'
    return answer


def _read(query: dict[str, Any]) -> tuple[date, str, str]:
    """The day, the format and the currency."""
    _refuse_others(query, PARAMETERS)
    format = _format(query)
    currency = query.get("currency", CURRENCIES[0])
    if currency not in CURRENCIES:
        raise Problem("currency_unsupported", param="currency")
    if "date" not in query:
        raise Problem("parameter_missing", "Name the day: ?date=2026-11-20", param="date")
    try:
        return date.fromisoformat(query["date"]), format, currency
    except ValueError:
        raise Problem("date_invalid", "Send a date such as 2026-11-21.", param="date") from None


def _refuse_others(query: dict[str, Any], known: Sequence[str]) -> None:
    if unknown := [name for name in query if name not in known]:
        raise Problem("parameter_invalid", "There is no such filter.", param=unknown[0][:64])


def _format(query: dict[str, Any]) -> str:
    format = query.get("format", "json")
    if format not in TYPES:
        raise Problem("parameter_invalid", f"format must be one of {', '.join(TYPES)}.", param="format")
    return str(format)
