"""Settlements and their lines as JSON, in and out."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from onpoint_pay import openapi_texts_money as texts
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.clock import rfc3339
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from onpoint_pay.kit.pages import PageSerializer
from settlements.models import Settlement, SettlementLine
from settlements.states import LINE_KINDS, SETTLEMENT_STATES


def settlement_body(settlement: Settlement) -> dict[str, Any]:
    """The batch as merchants see it. Amounts are decimal texts in major units, times RFC 3339 in UTC."""

    def text(minor: int) -> str:
        return Money(minor, settlement.currency).decimal_text()

    return {
        "id": to_public("stl", settlement.id),
        "object": "settlement",
        "livemode": settlement.mode == LIVE,
        "day": settlement.day.isoformat(),
        "currency": settlement.currency,
        "status": settlement.status,
        "hold_reason": settlement.hold_reason or None,
        "gross": text(settlement.gross),
        "fee": text(settlement.fee),
        "total": text(settlement.total),
        "debt_repaid": text(settlement.debt),
        "reserved": text(settlement.reserve),
        "reserve_due": settlement.reserve_due.isoformat() if settlement.reserve_due else None,
        "reserve_returned": text(settlement.returned),
        "available": text(settlement.available),
        "payout": to_public("pyt", settlement.payout_id) if settlement.payout_id else None,
        "paid_proof": settlement.paid_proof or None,
        "created_at": rfc3339(settlement.created_at),
        "closed_at": rfc3339(settlement.closed_at) if settlement.closed_at else None,
        "paid_at": rfc3339(settlement.paid_at) if settlement.paid_at else None,
        "version": settlement.version,
    }


def line_body(line: SettlementLine) -> dict[str, Any]:
    """One transfer of a batch; `source` is the business fact it was posted for."""
    currency = line.transfer.currency
    return {
        "object": "settlement_line",
        "transfer": to_public("trf", line.transfer_id),
        "kind": line.kind,
        "source": line.transfer.idem,
        "gross": Money(line.amount + line.fee, currency).decimal_text(),
        "fee": Money(line.fee, currency).decimal_text(),
        "amount": Money(line.amount, currency).decimal_text(),
        "currency": currency,
        "posted_at": rfc3339(line.transfer.posted_at),
    }


@extend_schema_serializer(examples=[OpenApiExample("Released and paid", value=texts.SETTLEMENT_EXAMPLE)])
class SettlementSerializer(serializers.Serializer[Any]):
    """What fell due to you by the end of one day. Amounts are decimal texts in major units."""

    id = serializers.CharField()
    object = serializers.CharField(default="settlement")
    livemode = serializers.BooleanField()
    day = serializers.DateField(help_text="The last day in Africa/Nairobi that it takes in.")
    currency = serializers.CharField()
    status = serializers.ChoiceField(choices=SETTLEMENT_STATES)
    hold_reason = serializers.CharField(allow_null=True, help_text="Why it goes no further.")
    gross = serializers.CharField(help_text="What payers paid.")
    fee = serializers.CharField(help_text="Fees and the tax on them.")
    total = serializers.CharField(help_text="What left your pending balance: the sum of the lines.")
    debt_repaid = serializers.CharField()
    reserved = serializers.CharField()
    reserve_due = serializers.DateField(allow_null=True)
    reserve_returned = serializers.CharField(help_text="Of earlier settlements.")
    available = serializers.CharField(help_text="What became available: total less debt and reserve.")
    payout = serializers.CharField(allow_null=True)
    paid_proof = serializers.CharField(allow_null=True, help_text="Where it was paid by hand.")
    created_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    paid_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


@extend_schema_serializer(examples=[OpenApiExample("A payment", value=texts.SETTLEMENT_LINE_EXAMPLE)])
class SettlementLineSerializer(serializers.Serializer[Any]):
    """One movement of your pending balance, or a reserve that came due."""

    object = serializers.CharField(default="settlement_line")
    transfer = serializers.CharField()
    kind = serializers.ChoiceField(choices=LINE_KINDS)
    source = serializers.CharField()  # type: ignore[assignment]
    gross = serializers.CharField()
    fee = serializers.CharField()
    amount = serializers.CharField()
    currency = serializers.CharField()
    posted_at = serializers.DateTimeField()


class StatementItemSerializer(SettlementLineSerializer):
    """One line of a statement: of the settlement, or what its release took of the whole."""

    transfer = serializers.CharField(allow_null=True)
    kind = serializers.ChoiceField(choices=(*LINE_KINDS, "debt_repaid", "rolling_reserve"))
    source = serializers.CharField(allow_blank=True)  # type: ignore[assignment]
    posted_at = serializers.DateTimeField(allow_null=True)


@extend_schema_serializer(examples=[OpenApiExample("Released and paid", value=texts.SETTLEMENT_STATEMENT_EXAMPLE)])
class SettlementStatementSerializer(serializers.Serializer[Any]):
    """A settlement with all its lines. `total` is their sum, and what the settlement has made available."""

    object = serializers.CharField(default="settlement_statement")
    livemode = serializers.BooleanField()
    settlement = SettlementSerializer()
    items = StatementItemSerializer(many=True)
    total = serializers.CharField()


class SettlementListSerializer(PageSerializer):
    """A page of settlements."""

    data = SettlementSerializer(many=True)  # type: ignore[assignment]


class SettlementLineListSerializer(PageSerializer):
    """A page of lines."""

    data = SettlementLineSerializer(many=True)  # type: ignore[assignment]
