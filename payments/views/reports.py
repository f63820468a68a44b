"""The API of reports: figures over a time, as JSON or as a file."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from onpoint_pay import openapi_texts_reports as texts
from onpoint_pay.kit.api import ApiViewSet, json_answer
from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.listing import day_end, day_start, read_filters
from onpoint_pay.openapi import refuses
from payments.selectors.reports import PERIODS, REPORTS, Span, rows_of_report
from payments.serializers.reports import (
    FailureReportSerializer,
    PaymentReportSerializer,
    PayoutReportSerializer,
    RefundReportSerializer,
    report_body,
)
from settlements.services.export_files import table_bytes

FORMATS = ("json", "csv")
CSV = "text/csv; charset=utf-8"
USUAL_DAYS, MOST_DAYS = 30, 366
PARAMETERS = [
    OpenApiParameter(
        "date_from", OpenApiTypes.DATE, description="First day in Africa/Nairobi; 30 days in all when absent."
    ),
    OpenApiParameter("date_to", OpenApiTypes.DATE, description="Last day in Africa/Nairobi; today when absent."),
    OpenApiParameter("by", OpenApiTypes.STR, enum=list(PERIODS), description="day when absent."),
    OpenApiParameter("format", OpenApiTypes.STR, enum=list(FORMATS), description="json when absent."),
]


class FormatIsOurs(DefaultContentNegotiation):
    """`format` in the query chooses the file, and no renderer of the framework."""

    def filter_renderers(self, renderers: Iterable[BaseRenderer], format: str) -> list[BaseRenderer]:
        return list(renderers)


def report_schema(name: str, serializer: Any, *, summary: str) -> Any:
    responses: dict[Any, Any] = {(200, "application/json"): serializer}
    shown = [OpenApiExample("A day", value=texts.PAYMENT_REPORT_CSV)] if name == "payments" else []
    responses[(200, "text/csv")] = OpenApiResponse(OpenApiTypes.STR, examples=shown)
    return extend_schema(
        operation_id=f"report_{name}",
        summary=summary,
        parameters=PARAMETERS,
        responses=responses,
        extensions=refuses("date_invalid"),
    )


class ReportViewSet(ApiViewSet):
    """Figures of the caller's merchant in the caller's mode."""

    required_scopes = dict.fromkeys(REPORTS, "exports:write")
    content_negotiation_class = FormatIsOurs

    @report_schema("payments", PaymentReportSerializer, summary="Payments by period and method")
    @action(detail=False, methods=["get"])
    def payments(self, request: Request) -> HttpResponse:
        """Of what was asked for in up to 366 days; periods without any are left out."""
        return self._answer(request, "payments")

    @report_schema("failures", FailureReportSerializer, summary="Payments that were not made, by reason")
    @action(detail=False, methods=["get"])
    def failures(self, request: Request) -> HttpResponse:
        return self._answer(request, "failures")

    @report_schema("refunds", RefundReportSerializer, summary="Refunds by period and route")
    @action(detail=False, methods=["get"])
    def refunds(self, request: Request) -> HttpResponse:
        return self._answer(request, "refunds")

    @report_schema("payouts", PayoutReportSerializer, summary="Payouts by period and route")
    @action(detail=False, methods=["get"])
    def payouts(self, request: Request) -> HttpResponse:
        return self._answer(request, "payouts")

    def _answer(self, request: Request, name: str) -> HttpResponse:
        span, format = _read(request)
        caller = self.caller
        rows = rows_of_report(name, span, merchant_id=caller.merchant_id, mode=caller.mode)
        body = report_body(name, span, rows, livemode=caller.livemode)
        if format == "json":
            return json_answer(body)
        content = table_bytes(rows, format=format, columns=REPORTS[name].columns)
        answer = HttpResponse(content, content_type=CSV)
        file = f"{name}-{body['date_from']}-{body['date_to']}.{format}"
        answer["Content-Disposition"] = f'attachment; filename="{file}"'
        return answer


def _among(words: tuple[str, ...]) -> Any:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"Send one of {', '.join(words)}.")
        return text

    return read


def _read(request: Request) -> tuple[Span, str]:
    """The time and the format. Raises Invalid, and Problem date_invalid for too long a time."""
    readers = {"date_from": day_start, "date_to": day_end, "by": _among(PERIODS), "format": _among(FORMATS)}
    given: dict[str, Any] = read_filters(request.query_params.dict(), readers)
    end: datetime = given.get("date_to") or day_end(nairobi(now()).date().isoformat())
    start: datetime = given.get("date_from") or end - timedelta(days=USUAL_DAYS)
    if not timedelta(0) < end - start <= timedelta(days=MOST_DAYS):
        raise Problem(
            "date_invalid", f"Ask for 1 to {MOST_DAYS} days, the first not after the last.", param="date_from"
        )
    return Span(start=start, end=end, by=given.get("by", "day")), given.get("format", "json")
