"""Payments as JSON, in and out. One dictionary is the answer, the event and the stored replay."""

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from merchants.serializers import TextField
from onpoint_pay import openapi_texts as texts
from onpoint_pay.kit.api import DecimalText, InputSerializer, plain_number
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.clock import rfc3339
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money, MoneyError
from onpoint_pay.kit.phone import PhoneInvalid, parse_phone
from payments.models import Payment
from payments.states import AWAITING_CUSTOMER, CLOSED_UNPAID, EXPIRED, PAID, PAYMENT_STATES, PENDING_REASONS

METHODS = ("mpesa",)
REFERENCE = re.compile(r"[A-Za-z0-9._\-/:]{1,64}")
SHOWN_REFERENCE = re.compile(r"[A-Za-z0-9 \-]{1,12}")
METADATA_KEY = re.compile(r"[A-Za-z0-9_.\-]{1,40}")
METADATA_BYTES = 16 * 1024
# Of what JSON readers agree on: 64 bits.
LARGEST_NUMBER = 2**63 - 1


def fail(code: str, detail: str) -> serializers.ValidationError:
    return serializers.ValidationError(detail, code=code)


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "pattern": r"^(0|[1-9][0-9]{0,15})(\.[0-9]{1,2})?$"},
            {"type": "number", "exclusiveMinimum": 0},
        ],
        "examples": ["100.00"],
    }
)
class AmountField(serializers.Field[str, Any, str, Any]):
    """A decimal with at most two places, as a number or text, read from its digits."""

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, bool) or not isinstance(data, (str, int)):
            raise fail("amount_invalid", "The amount must be a number or a decimal text.")
        try:
            return Money.parse(data).decimal_text()
        except MoneyError as error:
            raise fail(error.code, str(error)) from None

    def to_representation(self, value: str) -> str:
        return value


class CurrencyField(serializers.ChoiceField):
    """Upper-case letters of ISO 4217."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or data not in self.choices:
            raise fail("currency_unsupported", f"Only {', '.join(map(str, self.choices))} is supported.")
        return data


@extend_schema_field(OpenApiTypes.EMAIL)
class EmailField(TextField):
    """An e-mail address, in the case it was written in."""

    def to_internal_value(self, data: Any) -> str:
        address = super().to_internal_value(data)
        try:
            validate_email(address)
        except ValidationError:
            raise fail("email_invalid", "This is not an e-mail address.") from None
        return address


class FlagField(serializers.BooleanField):
    """True or false, and no text or number that looks like it."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise fail("parameter_invalid", "This must be true or false.")
        return data


class PhoneField(serializers.CharField):
    """A Kenyan mobile number in any common spelling; stored as 2547… or 2541…."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or isinstance(data, DecimalText):
            raise fail("phone_invalid", "The phone number must be text such as 254712345678.")
        try:
            return parse_phone(data)
        except PhoneInvalid:
            raise fail("phone_invalid", "This is not a Kenyan mobile number, such as 254712345678.") from None


@extend_schema_field(
    {
        "type": "object",
        "maxProperties": 50,
        "propertyNames": {"pattern": f"^{METADATA_KEY.pattern}$"},
        "additionalProperties": {"type": ["string", "number", "boolean"], "maxLength": 500},
    }
)
class MetadataField(serializers.JSONField):
    """At most 50 keys; values are text, numbers or true/false; sent back unchanged."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict) or len(data) > 50:
            raise fail("metadata_invalid", "Metadata must be an object of at most 50 keys.")
        kept = {key: plain_number(value) for key, value in data.items()}
        for key, value in kept.items():
            self._check(key, value)
        if sum(len(key) + len(str(value)) for key, value in kept.items()) > METADATA_BYTES:
            raise fail("metadata_invalid", "Metadata may hold 16 KiB in all.")
        return kept

    def _check(self, key: str, value: Any) -> None:
        if not METADATA_KEY.fullmatch(key):
            raise fail("metadata_invalid", "A metadata key has 1 to 40 letters, digits, _ - or .")
        if isinstance(value, (int, float)) and abs(value) > LARGEST_NUMBER:
            raise fail("metadata_invalid", f"The number of {key} is too large to come back unchanged; send it as text.")
        if not isinstance(value, (str, int, float, bool)) or len(str(value)) > 500:
            raise fail("metadata_invalid", f"The value of {key} must be text, a number or true/false, up to 500 long.")


@extend_schema_serializer(examples=[OpenApiExample("Prompt a phone", value=texts.INITIATE_EXAMPLE)])
class InitiateSerializer(InputSerializer):
    """What a merchant sends to ask a payer for money."""

    amount = AmountField(help_text='Decimal in major units, such as 100 or "100.00"; M-Pesa takes whole shillings.')
    currency = CurrencyField(choices=["KES"], default="KES")
    payment_method = serializers.CharField(max_length=32, help_text="mpesa: a prompt on the payer's phone.")
    provider = serializers.ChoiceField(choices=["daraja"], required=False)
    phone = PhoneField(max_length=32, help_text="Who gets the prompt.")
    email = EmailField(required=False, max_length=254)
    reference = serializers.CharField(required=False, help_text="Your own; refused while open or paid.")
    description = TextField(required=False, max_length=255)
    account_reference = serializers.CharField(required=False, max_length=12, help_text="Shown on the prompt.")
    callback_url = serializers.CharField(required=False, max_length=2000, help_text="Extra webhook for this payment.")
    expires_in = serializers.IntegerField(required=False, min_value=60, max_value=86_400, default=120)
    language = serializers.ChoiceField(choices=["en", "sw"], required=False, default="en")
    metadata = MetadataField(required=False, default=dict)

    def validate_payment_method(self, value: str) -> str:
        if value not in METHODS:
            raise fail("payment_method_unsupported", f"{value[:32]} is not supported; use one of {', '.join(METHODS)}.")
        return value

    def validate_reference(self, value: str) -> str:
        if not REFERENCE.fullmatch(value):
            raise fail("reference_invalid", "A reference has 1 to 64 of A-Z a-z 0-9 . _ - / :")
        return value

    def validate_account_reference(self, value: str) -> str:
        if not SHOWN_REFERENCE.fullmatch(value):
            raise fail("parameter_invalid", "The account reference has 1 to 12 letters, digits, spaces or hyphens.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
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


def stamp(value: Any) -> str | None:
    return None if value is None else rfc3339(value)


def next_action(payment: Payment) -> dict[str, Any]:
    if payment.status == "pending" and payment.pending_reason == AWAITING_CUSTOMER:
        return {"type": "approve_on_phone", "expires_at": stamp(payment.expires_at)}
    return {"type": "none", "expires_at": None}


def is_safe_to_retry(payment: Payment) -> bool:
    """A new try cannot charge twice: the provider said no. A prompt that only ran out may still be paid late."""
    if payment.status == EXPIRED:
        return bool((payment.failure or {}).get("certainty") == "certain")
    return payment.status in CLOSED_UNPAID


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
        "fee": money(fee) if is_paid else None,
        "net": money(net) if is_paid else None,
        "payment_method": payment.payment_method,
        "channel": payment.channel,
        "provider": payment.provider,
        "status": payment.status,
        "pending_reason": payment.pending_reason,
        "failure": payment.failure,
        "safe_to_retry": is_safe_to_retry(payment),
        "late": payment.late,
        "surplus": payment.surplus,
        "amount_check": payment.amount_check,
        "phone": payment.phone,
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
    type = serializers.ChoiceField(choices=["approve_on_phone", "none"])
    expires_at = serializers.DateTimeField(allow_null=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample("The payer has been asked", value=texts.PAYMENT_EXAMPLE),
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
    version = serializers.IntegerField()


class PageSerializer(serializers.Serializer[Any]):
    object = serializers.CharField(default="list")
    url = serializers.CharField()
    has_more = serializers.BooleanField()
    next_cursor = serializers.CharField(allow_null=True)


class PaymentListSerializer(PageSerializer):
    """A page of payments; the totals only with `include=total`."""

    data = PaymentSerializer(many=True)  # type: ignore[assignment]
    total = serializers.IntegerField(required=False, help_text="Exact up to 10,000.")
    total_is_estimate = serializers.BooleanField(required=False)


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
