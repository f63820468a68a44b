"""The state of a payment as a page in a browser may see it: nothing of the payer, no amount, no reference."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, PolymorphicProxySerializer
from rest_framework import serializers

from onpoint_pay import openapi_texts as texts
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.ids import to_public
from payments.models import Payment
from payments.serializers.fields import stamp
from payments.serializers.payments import PaymentSerializer
from payments.states import PAYMENT_STATES, PENDING_REASONS

SHOWN = ("id", "object", "livemode", "status", "pending_reason", "completed_at")


def payment_state_body(payment: Payment) -> dict[str, Any]:
    return {
        "id": to_public("pay", payment.id),
        "object": "payment_state",
        "livemode": payment.mode == LIVE,
        "status": payment.status,
        "pending_reason": payment.pending_reason,
        "completed_at": stamp(payment.completed_at),
    }


class PaymentStateSerializer(serializers.Serializer[Any]):
    """What a publishable key is shown of a payment."""

    id = serializers.CharField()
    object = serializers.CharField(default="payment_state")
    livemode = serializers.BooleanField()
    status = serializers.ChoiceField(choices=PAYMENT_STATES)
    pending_reason = serializers.ChoiceField(choices=PENDING_REASONS, allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)


PAYMENT_OR_STATE = PolymorphicProxySerializer(
    component_name="PaymentOrState",
    serializers=[PaymentSerializer, PaymentStateSerializer],
    resource_type_field_name=None,
)
STATE_EXAMPLE = {name: texts.PAYMENT_EXAMPLE[name] for name in SHOWN} | {"object": "payment_state"}
STATE_EXAMPLES = [
    OpenApiExample("With a secret key", value=texts.PAYMENT_EXAMPLE, response_only=True),
    OpenApiExample("With a publishable key", value=STATE_EXAMPLE, response_only=True),
]
