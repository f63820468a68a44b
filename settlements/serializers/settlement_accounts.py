"""Accounts that settlements may be paid to, as JSON."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from onpoint_pay import openapi_texts_payouts as texts
from onpoint_pay.kit.pages import PageSerializer
from settlements.models import PayoutDestination
from settlements.serializers.payouts import DestinationSerializer, destination_body

EXAMPLE = texts.DESTINATION_EXAMPLE | {"object": "settlement_account", "receives_settlements": True}


def settlement_account_body(destination: PayoutDestination, *, is_chosen: bool) -> dict[str, Any]:
    """A kept destination, what names a person masked. One that is deleted is paid to no more."""
    is_paid_to = is_chosen and destination.deleted_at is None
    return destination_body(destination) | {"object": "settlement_account", "receives_settlements": is_paid_to}


@extend_schema_serializer(examples=[OpenApiExample("The one that is paid to", value=EXAMPLE)])
class SettlementAccountSerializer(DestinationSerializer):
    """A kept payout destination, and whether settlements are paid to it."""

    object = serializers.CharField(default="settlement_account")
    receives_settlements = serializers.BooleanField()


class SettlementAccountListSerializer(PageSerializer):
    """A page of accounts."""

    data = SettlementAccountSerializer(many=True)  # type: ignore[assignment]
