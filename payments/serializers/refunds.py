"""Refunds as JSON, in and out. One dictionary is the answer, the event and the stored replay."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from merchants.serializers import TextField
from onpoint_pay import openapi_texts as texts
from onpoint_pay.kit.api import InputSerializer
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from onpoint_pay.kit.pages import PageSerializer
from payments.models import Refund
from payments.serializers.fields import AmountField, PhoneField, stamp
from payments.serializers.payments import FailureSerializer
from payments.states import MANUAL, REFUND_PENDING_REASONS, REFUND_ROUTES, REFUND_STATES


class DestinationSerializer(InputSerializer):
    """The payer's number, where the gateway does not know it."""

    phone = PhoneField(max_length=32)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        unknown = [str(name)[:64] for name in data if name not in self.fields] if isinstance(data, dict) else []
        if unknown:
            raise serializers.ValidationError(
                {name: [ErrorDetail("Not a parameter.", "unknown_parameter")] for name in unknown}
            )
        found: dict[str, Any] = super().to_internal_value(data)
        return found


@extend_schema_serializer(examples=[OpenApiExample("Part of a payment", value=texts.ASK_REFUND_EXAMPLE)])
class AskRefundSerializer(InputSerializer):
    """What a merchant sends to give money back."""

    reference = serializers.CharField(
        max_length=128, help_text="Of the payment: gateway reference, id, your reference, checkout request id, receipt."
    )
    amount = AmountField(required=False, help_text="All that is left when absent.")
    reason = TextField(max_length=255, help_text="Kept with the refund, and told to the provider.")
    destination = DestinationSerializer(required=False, help_text="Only where the payer's number is not known.")
    route = serializers.ChoiceField(
        choices=[MANUAL],
        required=False,
        help_text="For money you have sent yourself, from the shortcode that was paid.",
    )
    proof = TextField(
        max_length=64, required=False, help_text="With the route `manual`: the receipt it was sent under."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("route" in attrs) != ("proof" in attrs):
            missing = "proof" if "route" in attrs else "route"
            raise serializers.ValidationError({missing: [ErrorDetail("A refund sent by hand names both.", "required")]})
        if "proof" in attrs:
            # Receipts are told apart by their letters, and typed in either case.
            attrs["proof"] = attrs["proof"].upper()
        return attrs


def refund_body(refund: Refund) -> dict[str, Any]:
    """The refund as merchants see it. Amounts are decimal texts in major units, times RFC 3339 in UTC."""
    return {
        "id": to_public("ref", refund.id),
        "object": "refund",
        "livemode": refund.mode == LIVE,
        "payment": to_public("pay", refund.payment_id),
        "reference": refund.reference,
        "amount": Money(refund.amount, refund.currency).decimal_text(),
        "currency": refund.currency,
        "status": refund.status,
        "pending_reason": refund.pending_reason,
        "route": refund.route,
        "destination": {"phone": refund.phone} if refund.route == "b2c" else None,
        "reason": refund.reason,
        "fee": Money(0, refund.currency).decimal_text(),
        "expected_at": stamp(refund.expected_at),
        "provider_receipt": refund.receipt,
        "proof": refund.proof,
        "failure": refund.failure,
        "requested_by": refund.requested_by,
        "approved_by": refund.approved_by,
        "created_at": stamp(refund.created_at),
        "completed_at": stamp(refund.completed_at),
        "version": refund.version,
    }


class RefundDestinationSerializer(serializers.Serializer[Any]):
    phone = serializers.CharField()


@extend_schema_serializer(
    examples=[
        OpenApiExample("On its way", value=texts.REFUND_EXAMPLE),
        OpenApiExample("Done", value=texts.REFUNDED_EXAMPLE, status_codes=[200]),
    ]
)
class RefundSerializer(serializers.Serializer[Any]):
    """Money on its way back to a payer. Amounts are decimal texts in major units."""

    id = serializers.CharField()
    object = serializers.CharField(default="refund")
    livemode = serializers.BooleanField()
    payment = serializers.CharField()
    reference = serializers.CharField()
    amount = serializers.CharField()
    currency = serializers.CharField()
    status = serializers.ChoiceField(choices=REFUND_STATES)
    pending_reason = serializers.ChoiceField(choices=REFUND_PENDING_REASONS, allow_null=True)
    route = serializers.ChoiceField(choices=REFUND_ROUTES)
    destination = RefundDestinationSerializer(allow_null=True)
    reason = serializers.CharField()
    fee = serializers.CharField()
    expected_at = serializers.DateTimeField(allow_null=True)
    provider_receipt = serializers.CharField(allow_null=True)
    proof = serializers.CharField(allow_null=True, help_text="Of a refund that was sent by hand.")
    failure = FailureSerializer(allow_null=True)
    requested_by = serializers.CharField()
    approved_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class RefundListSerializer(PageSerializer):
    """A page of refunds."""

    data = RefundSerializer(many=True)  # type: ignore[assignment]
