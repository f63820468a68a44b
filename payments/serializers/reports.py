"""Figures over a time as JSON and CSV."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from onpoint_pay import openapi_texts_reports as texts
from onpoint_pay.kit.clock import nairobi
from payments.selectors.exports import Cell
from payments.selectors.reports import PERIODS, REPORTS, Span


def report_body(name: str, span: Span, rows: Sequence[Sequence[Cell]], *, livemode: bool) -> dict[str, Any]:
    """A report; the members of a row are the report's columns, amounts decimal texts in major units."""
    columns = REPORTS[name].columns
    return {
        "object": "report",
        "livemode": livemode,
        "name": name,
        "by": span.by,
        "date_from": nairobi(span.start).date().isoformat(),
        "date_to": (nairobi(span.end) - timedelta(days=1)).date().isoformat(),
        "rows": [dict(zip(columns, row, strict=True)) for row in rows],
    }


class RowSerializer(serializers.Serializer[Any]):
    period = serializers.DateField(help_text="First day of the day, week or month, in Africa/Nairobi.")
    currency = serializers.CharField()


class PaymentFiguresSerializer(RowSerializer):
    """Payments that were asked for in a period. Amounts in major units."""

    payment_method = serializers.CharField()
    asked = serializers.IntegerField()
    paid = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    expired = serializers.IntegerField()
    open = serializers.IntegerField()
    received = serializers.CharField()
    refunded = serializers.CharField()
    fee = serializers.CharField(help_text="With the tax on it.")


class FailureFiguresSerializer(RowSerializer):
    """Payments that were not made, by the code of their failure."""

    payment_method = serializers.CharField()
    status = serializers.CharField()
    failure = serializers.CharField(allow_blank=True)
    payments = serializers.IntegerField()
    amount = serializers.CharField()


class RefundFiguresSerializer(RowSerializer):
    """Refunds that were asked for in a period."""

    route = serializers.CharField()
    asked = serializers.IntegerField()
    completed = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    open = serializers.IntegerField()
    returned = serializers.CharField(help_text="By those that are completed.")


class PayoutFiguresSerializer(RowSerializer):
    """Payouts that were asked for in a period."""

    route = serializers.CharField()
    asked = serializers.IntegerField()
    completed = serializers.IntegerField()
    failed = serializers.IntegerField()
    returned = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    open = serializers.IntegerField()
    paid_out = serializers.CharField(help_text="What has arrived and did not come back.")
    fee = serializers.CharField()


class ReportSerializer(serializers.Serializer[Any]):
    object = serializers.CharField(default="report")
    livemode = serializers.BooleanField()
    name = serializers.ChoiceField(choices=tuple(REPORTS))
    by = serializers.ChoiceField(choices=PERIODS)
    date_from = serializers.DateField()
    date_to = serializers.DateField()


@extend_schema_serializer(examples=[OpenApiExample("A day", value=texts.PAYMENT_REPORT)])
class PaymentReportSerializer(ReportSerializer):
    """Payments by period and method."""

    rows = PaymentFiguresSerializer(many=True)


@extend_schema_serializer(examples=[OpenApiExample("A day", value=texts.FAILURE_REPORT)])
class FailureReportSerializer(ReportSerializer):
    """Payments that were not made, by period, method and reason."""

    rows = FailureFiguresSerializer(many=True)


@extend_schema_serializer(examples=[OpenApiExample("A day", value=texts.REFUND_REPORT)])
class RefundReportSerializer(ReportSerializer):
    """Refunds by period and route."""

    rows = RefundFiguresSerializer(many=True)


@extend_schema_serializer(examples=[OpenApiExample("A day", value=texts.PAYOUT_REPORT)])
class PayoutReportSerializer(ReportSerializer):
    """Payouts by period and route."""

    rows = PayoutFiguresSerializer(many=True)
