"""Payments as JSON, in and out. One dictionary is the answer, the event and the stored replay."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from merchants.serializers import TextField
from onpoint_pay import openapi_texts as texts
from onpoint_pay import openapi_texts_c2b as c2b_texts
from onpoint_pay.kit.api import InputSerializer
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from onpoint_pay.kit.pages import PageSerializer
from payments.models import Payment
from payments.serializers.fields import (
    REFERENCE,
    SHOWN_REFERENCE,
    AmountField,
    CurrencyField,
    EmailField,
    FlagField,
    MetadataField,
    PhoneField,
    fail,
    refuse_cards,
    stamp,
)
from payments.states import AWAITING_CUSTOMER, PAID, PAYMENT_STATES, PENDING_REASONS

PROMPT_METHOD, C2B_METHOD = "mpesa", "mpesa_c2b"
METHODS = (PROMPT_METHOD, C2B_METHOD)
# Seconds a payer has, unless the merchant says otherwise: a prompt ends by itself, a paybill is paid some time today.
LASTS = {PROMPT_METHOD: 120, C2B_METHOD: 86_400}


@extend_schema_serializer(
    examples=[
        OpenApiExample("Prompt a phone", value=texts.INITIATE_EXAMPLE),
        OpenApiExample("Have it paid to the paybill", value=c2b_texts.PAY_BY_HAND_EXAMPLE),
    ]
)
class InitiateSerializer(InputSerializer):
    """What a merchant sends to ask a payer for money."""

    amount = AmountField(help_text='Decimal in major units, such as 100 or "100.00"; M-Pesa takes whole shillings.')
    currency = CurrencyField(choices=["KES"], default="KES")
    payment_method = serializers.CharField(
        max_length=32,
        help_text="mpesa: a prompt on the payer's phone. mpesa_c2b: the payer pays by hand, as `next_action` says.",
    )
    provider = serializers.ChoiceField(choices=["daraja"], required=False)
    phone = PhoneField(required=False, max_length=32, help_text="Who gets the prompt: required with mpesa.")
    email = EmailField(required=False, max_length=254)
    reference = serializers.CharField(required=False, help_text="Your own; refused while open or paid.")
    description = TextField(required=False, max_length=255)
    account_reference = serializers.CharField(required=False, max_length=12, help_text="Shown on the prompt.")
    callback_url = serializers.CharField(required=False, max_length=2000, help_text="Extra webhook for this payment.")
    expires_in = serializers.IntegerField(
        required=False, min_value=60, max_value=86_400, help_text="Seconds; 120 for a prompt, a day for a paybill."
    )
    language = serializers.ChoiceField(choices=["en", "sw"], required=False, default="en")
    metadata = MetadataField(required=False, default=dict)

    methods: tuple[str, ...] = METHODS

    def to_internal_value(self, data: Any) -> Any:
        """A prompt needs a phone; that it is missing is told together with everything else."""
        is_needed = isinstance(data, dict) and data.get("payment_method") != C2B_METHOD and "phone" not in data
        missing = {"phone": [ErrorDetail("This field is required.", "required")]} if is_needed else {}
        try:
            found = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if not isinstance(error.detail, dict):
                raise
            raise serializers.ValidationError({**error.detail, **missing}) from None
        if missing:
            raise serializers.ValidationError(missing)
        return found

    def validate_payment_method(self, value: str) -> str:
        if value not in self.methods:
            words = f"{value[:32]} is not supported; use one of {', '.join(self.methods)}."
            raise fail("payment_method_unsupported", words)
        return value

    def validate_reference(self, value: str) -> str:
        if not REFERENCE.fullmatch(value):
            raise fail("reference_invalid", "A reference has 1 to 64 of A-Z a-z 0-9 . _ - / :")
        return value

    def validate_description(self, value: str) -> str:
        refuse_cards(value)
        return value

    def validate_account_reference(self, value: str) -> str:
        if not SHOWN_REFERENCE.fullmatch(value):
            raise fail("parameter_invalid", "The account reference has 1 to 12 letters, digits, spaces or hyphens.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["payment_method"] == C2B_METHOD and "account_reference" in attrs:
            detail = "Payers type an account number of the gateway's making."
            raise serializers.ValidationError({"account_reference": [ErrorDetail(detail, "parameter_invalid")]})
        attrs.setdefault("expires_in", LASTS[attrs["payment_method"]])
        attrs["money"] = Money.parse(attrs.pop("amount"), attrs["currency"])
        return attrs


@extend_schema_serializer(examples=[OpenApiExample("By your own reference", value=texts.STATUS_EXAMPLE)])
class StatusSerializer(InputSerializer):
    """How a merchant asks for a payment's state."""

    reference = serializers.CharField(
        max_length=128, help_text="Gateway reference, id, your reference, checkout request id or receipt."
    )
    payment_method = serializers.CharField(required=False, max_length=32)
    refresh = FlagField(required=False, default=True, help_text="Ask the provider when it is pending.")


def refund_status(payment: Payment) -> str:
    """`pending` while money is on its way back; else how much of it went back."""
    if payment.refund_held:
        return "pending"
    if not payment.refunded:
        return "none"
    return "full" if payment.refunded == payment.captured else "partial"


def next_action(payment: Payment) -> dict[str, Any]:
    is_awaited = payment.status == "pending" and payment.pending_reason == AWAITING_CUSTOMER
    if is_awaited and payment.payment_method == C2B_METHOD:
        return pay_by_hand(payment)
    if is_awaited:
        return {"type": "approve_on_phone", "expires_at": stamp(payment.expires_at)}
    return {"type": "none", "expires_at": None}


def pay_by_hand(payment: Payment) -> dict[str, Any]:
    """What the payer does: pay this amount to this paybill and account, or to this till."""
    where = {name: payment.provider_details[name] for name in ("paybill", "till") if name in payment.provider_details}
    is_typed = "paybill" in where
    return {
        "type": "pay_to_paybill",
        **where,
        "account": payment.account_reference if is_typed else None,
        "amount": Money(payment.amount, payment.currency).decimal_text(),
        "expires_at": stamp(payment.expires_at),
    }


def payment_body(payment: Payment) -> dict[str, Any]:
    """The payment as merchants see it. Amounts are decimal texts in major units, times RFC 3339 in UTC."""

    def money(minor: int) -> str:
        return Money(minor, payment.currency).decimal_text()

    is_paid = payment.status in PAID
    # A surplus payment is owed back to the payer: no fee was taken and nothing is the merchant's.
    fee = 0 if payment.surplus else payment.fee + payment.tax
    net = 0 if payment.surplus else payment.amount - fee
    return {
        "id": to_public("pay", payment.id),
        "object": "payment",
        "livemode": payment.mode == LIVE,
        "simulated": payment.simulated,
        "reference": payment.reference,
        "merchant_reference": payment.merchant_reference,
        "amount": money(payment.amount),
        "currency": payment.currency,
        "amount_received": money(payment.captured),
        "amount_refunded": money(payment.refunded),
        "amount_refundable": money(payment.captured - payment.refunded - payment.refund_held),
        "refund_status": refund_status(payment),
        "fee": money(fee) if is_paid else None,
        "net": money(net) if is_paid else None,
        "payment_method": payment.payment_method,
        "channel": payment.channel,
        "provider": payment.provider,
        "status": payment.status,
        "pending_reason": payment.pending_reason,
        "failure": payment.failure,
        "safe_to_retry": payment.is_safe_to_retry,
        "late": payment.late,
        "surplus": payment.surplus,
        "amount_check": payment.amount_check,
        "phone": payment.phone,
        "phone_hash": payment.phone_hash,
        "payer_name": payment.payer_name,
        "email": payment.email,
        "description": payment.description,
        "customer_message": payment.customer_message,
        "next_action": next_action(payment),
        "provider_receipt": payment.receipt,
        "provider_details": payment.provider_details,
        "attempts": payment.attempts,
        "confirmed_by": payment.confirmed_by,
        "callback_url": payment.callback_url,
        "metadata": payment.metadata,
        "created_at": stamp(payment.created_at),
        "submitted_at": stamp(payment.submitted_at),
        "completed_at": stamp(payment.completed_at),
        "expires_at": stamp(payment.expires_at),
        "cancel_requested_at": stamp(payment.cancel_requested_at),
        "settlement": to_public("stl", payment.settlement_id) if payment.settlement_id else None,
        "version": payment.version,
    }


class RetrySerializer(serializers.Serializer[Any]):
    advice = serializers.CharField()
    after = serializers.IntegerField(allow_null=True)


class FailureSerializer(serializers.Serializer[Any]):
    """Why a payment did not happen, for the merchant and for the payer."""

    code = serializers.CharField()
    provider_code = serializers.CharField(allow_null=True)
    provider_message = serializers.CharField(allow_null=True)
    reason = serializers.CharField()
    customer_message = serializers.CharField()
    merchant_action = serializers.CharField()
    certainty = serializers.CharField()
    retry = RetrySerializer()


class NextActionSerializer(serializers.Serializer[Any]):
    """What the payer has to do. `pay_to_paybill` alone says where and how much: paybill and account, or till."""

    type = serializers.ChoiceField(choices=["approve_on_phone", "pay_to_paybill", "none"])
    expires_at = serializers.DateTimeField(allow_null=True)
    paybill = serializers.CharField(required=False, help_text="With pay_to_paybill, unless a till is paid.")
    till = serializers.CharField(required=False, help_text="With pay_to_paybill, in place of the paybill.")
    account = serializers.CharField(
        required=False, allow_null=True, help_text="With pay_to_paybill: what the payer types, null for a till."
    )
    amount = serializers.CharField(required=False, help_text="With pay_to_paybill.")


@extend_schema_serializer(
    examples=[
        OpenApiExample("The payer has been asked", value=texts.PAYMENT_EXAMPLE),
        OpenApiExample("To be paid to the paybill", value=c2b_texts.TO_BE_PAID_EXAMPLE, status_codes=[201]),
        OpenApiExample("Paid", value=texts.PAID_EXAMPLE, status_codes=[200]),
        OpenApiExample("Failed", value=texts.FAILED_EXAMPLE, status_codes=[200]),
    ]
)
class PaymentSerializer(serializers.Serializer[Any]):
    """A payment. Amounts are decimal texts in major units."""

    id = serializers.CharField()
    object = serializers.CharField(default="payment")
    livemode = serializers.BooleanField()
    simulated = serializers.BooleanField()
    reference = serializers.CharField()
    merchant_reference = serializers.CharField(allow_null=True)
    amount = serializers.CharField()
    currency = serializers.CharField()
    amount_received = serializers.CharField()
    amount_refunded = serializers.CharField()
    amount_refundable = serializers.CharField()
    refund_status = serializers.ChoiceField(choices=["none", "pending", "partial", "full"])
    fee = serializers.CharField(allow_null=True)
    net = serializers.CharField(allow_null=True)
    payment_method = serializers.CharField()
    channel = serializers.CharField()
    provider = serializers.CharField()
    status = serializers.ChoiceField(choices=PAYMENT_STATES)
    pending_reason = serializers.ChoiceField(choices=PENDING_REASONS, allow_null=True)
    failure = FailureSerializer(allow_null=True)
    safe_to_retry = serializers.BooleanField()
    late = serializers.BooleanField()
    surplus = serializers.BooleanField()
    amount_check = serializers.ChoiceField(choices=["exact", "under", "over"])
    phone = serializers.CharField(allow_null=True)
    phone_hash = serializers.CharField(allow_null=True, help_text="SHA-256 of a number that only the network knows.")
    payer_name = serializers.CharField(allow_null=True)
    email = serializers.CharField(allow_null=True)
    description = serializers.CharField(allow_null=True)
    customer_message = serializers.CharField(allow_null=True)
    next_action = NextActionSerializer()
    provider_receipt = serializers.CharField(allow_null=True)
    provider_details = serializers.DictField(child=serializers.CharField())
    attempts = serializers.IntegerField()
    confirmed_by = serializers.CharField(allow_null=True)
    callback_url = serializers.CharField(allow_null=True)
    metadata = serializers.DictField()
    created_at = serializers.DateTimeField()
    submitted_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField()
    cancel_requested_at = serializers.DateTimeField(allow_null=True)
    settlement = serializers.CharField(allow_null=True, help_text="The settlement that holds it, stl_….")
    version = serializers.IntegerField()


class PaymentListSerializer(PageSerializer):
    """A page of payments."""

    data = PaymentSerializer(many=True)  # type: ignore[assignment]


@extend_schema_serializer(examples=[OpenApiExample("The money came", value=texts.MOMENT_EXAMPLE)])
class MomentSerializer(serializers.Serializer[Any]):
    """One line of a payment's story."""

    at = serializers.DateTimeField()
    kind = serializers.CharField()
    actor = serializers.CharField()
    title = serializers.CharField()
    detail = serializers.CharField(allow_null=True)
    evidence = serializers.DictField(allow_null=True)


class TimelineSerializer(PageSerializer):
    """The whole story on one page, oldest first."""

    data = MomentSerializer(many=True)  # type: ignore[assignment]
