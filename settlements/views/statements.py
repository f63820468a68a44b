"""The API of statements: parse, one service call, answer."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from onpoint_pay.kit.api import ApiViewSet
from onpoint_pay.kit.errors import Problem
from settlements.errors import DayNotOver
from settlements.serializers.statements import StatementSerializer
from settlements.services.statement_files import TYPES, write_statement
from settlements.services.statements import statement_of

PARAMETERS = ("date", "format", "currency")


class FormatIsOurs(DefaultContentNegotiation):
    """`format` in the query chooses the file, and no renderer of the framework."""

    def filter_renderers(self, renderers: Iterable[BaseRenderer], format: str) -> list[BaseRenderer]:
        return list(renderers)


class StatementViewSet(ApiViewSet):
    """The books of the caller's merchant, day by day."""

    required_scopes = {"retrieve": "settlements:read"}
    content_negotiation_class = FormatIsOurs

    @extend_schema(
        operation_id="get_statement",
        summary="The statement of a day",
        parameters=[
            OpenApiParameter("date", OpenApiTypes.DATE, description="A day in Africa/Nairobi.", required=True),
            OpenApiParameter("format", OpenApiTypes.STR, enum=list(TYPES), description="json when absent."),
            OpenApiParameter("currency", OpenApiTypes.STR, description="KES when absent."),
        ],
        responses={
            (200, "application/json"): StatementSerializer,
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR),
            (200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY),
        },
    )
    def retrieve(self, request: Request) -> HttpResponse:
        """Opening balance, each movement, closing balance; the next day opens with it. All formats agree to the cent.

        Until a quarter past midnight in Nairobi a day is not `final`.
        """
        query = request.query_params.dict()
        day, format = _read(query)
        caller = self.caller
        try:
            statement = statement_of(
                caller.merchant_id, caller.mode, day, currency=query.get("currency", "KES").upper()
            )
        except DayNotOver as error:
            raise Problem("date_invalid", str(error), param="date") from None
        answer = HttpResponse(
            write_statement(statement, format=format, name=caller.merchant.business_name), content_type=TYPES[format]
        )
        if format != "json":
            answer["Content-Disposition"] = f'attachment; filename="statement-{day}.{format}"'
        return answer


def _read(query: dict[str, Any]) -> tuple[date, str]:
    if unknown := [name for name in query if name not in PARAMETERS]:
        raise Problem("parameter_invalid", "There is no such filter.", param=unknown[0][:64])
    format = query.get("format", "json")
    if format not in TYPES:
        raise Problem("parameter_invalid", f"format must be one of {', '.join(TYPES)}.", param="format")
    if "date" not in query:
        raise Problem("parameter_missing", "Name the day: ?date=2026-11-20", param="date")
    try:
        return date.fromisoformat(query["date"]), format
    except ValueError:
        raise Problem("date_invalid", "Send a date such as 2026-11-21.", param="date") from None
