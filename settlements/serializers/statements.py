"""The statement of a day as rows of text: the same in JSON, CSV and PDF."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from onpoint_pay import openapi_texts_money as texts
from onpoint_pay.kit.clock import rfc3339
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from settlements.selectors.movements import BUCKETS, Movement

COLUMNS = ("at", "transfer", "kind", "source", *BUCKETS, "total")


def amounts_text(amounts: dict[str, int], currency: str) -> dict[str, str]:
    """Each bucket and the total as decimal texts in major units."""
    return {name: Money(amounts[name], currency).decimal_text() for name in (*BUCKETS, "total")}


def movement_body(movement: Movement, currency: str) -> dict[str, Any]:
    """One movement; its members are COLUMNS."""
    return {
        "at": rfc3339(movement.at),
        "transfer": to_public("trf", movement.transfer_id),
        "kind": movement.kind,
        "source": movement.source,
        **amounts_text(movement.amounts, currency),
    }


class BucketsSerializer(serializers.Serializer[Any]):
    """Your money by where it stands. Decimal texts in major units; what you owe us is negative."""

    pending = serializers.CharField()
    available = serializers.CharField()
    reserve = serializers.CharField()
    held = serializers.CharField(help_text="For refunds, payouts and disputes that are under way.")
    owed = serializers.CharField()
    total = serializers.CharField()


class MovementSerializer(BucketsSerializer):
    """One transfer, and what it did to each bucket."""

    at = serializers.DateTimeField()
    transfer = serializers.CharField()
    kind = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]


@extend_schema_serializer(examples=[OpenApiExample("A day with one payment", value=texts.STATEMENT_EXAMPLE)])
class StatementSerializer(serializers.Serializer[Any]):
    """A day: opening balance, each movement, closing balance."""

    object = serializers.CharField(default="statement")
    livemode = serializers.BooleanField()
    day = serializers.DateField()
    currency = serializers.CharField()
    final = serializers.BooleanField(help_text="False until the day is over and complete.")
    opening = BucketsSerializer()
    closing = BucketsSerializer()
    movements = MovementSerializer(many=True)
