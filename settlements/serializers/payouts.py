"""Payouts and destinations as JSON, in and out. One dictionary is the answer, the event and the replay."""

import re
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from merchants.serializers import AmountField, CurrencyField, PhoneField, TextField, fail, stamp
from onpoint_pay import openapi_texts_payouts as texts
from onpoint_pay.kit.api import InputSerializer
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.ids import PublicIdInvalid, from_public, to_public
from onpoint_pay.kit.money import Money
from onpoint_pay.kit.pages import PageSerializer
from settlements.models import Payout, PayoutDestination
from settlements.states import (
    DESTINATION_STATES,
    DESTINATION_TYPES,
    PAYOUT_PENDING_REASONS,
    PAYOUT_PURPOSES,
    PAYOUT_ROUTES,
    PAYOUT_STATES,
)

REFERENCE = re.compile(r"[A-Za-z0-9._\-/:]{1,64}")
SHORTCODE = re.compile(r"[0-9]{5,7}")
PAYBILL_ACCOUNT = re.compile(r"[A-Za-z0-9 .\-/]{1,20}")
BANK_CODE = re.compile(r"[0-9]{2}")
BRANCH_CODE = re.compile(r"[0-9]{3}")
ACCOUNT_NUMBER = re.compile(r"[0-9]{6,20}")
# What each type of destination is made of; the names in the second tuple may be left out.
DETAILS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "mpesa_phone": (("phone",), ()),
    "paybill": (("number", "account"), ()),
    "till": (("number",), ()),
    "bank": (("bank_code", "account_number", "account_name"), ("branch_code",)),
}


class ShapedField(TextField):
    """Text of one shape; `words` tell what the shape is."""

    def __init__(self, shape: re.Pattern[str], words: str, **more: Any) -> None:
        super().__init__(max_length=64, help_text=words, **more)
        self.shape, self.words = shape, words

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not self.shape.fullmatch(text):
            raise fail("parameter_invalid", self.words)
        return text


class ReferenceField(TextField):
    """The merchant's own name of a payout."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not REFERENCE.fullmatch(text):
            raise fail("reference_invalid", "Use 1 to 64 of A-Z a-z 0-9 . _ - / :")
        return text


class PayoutTargetSerializer(InputSerializer):
    """Where money goes: the kind of destination and what belongs to it, or a kept destination by its id."""

    id = TextField(required=False, max_length=40, help_text="A kept destination, dst_…; then nothing else.")
    type = serializers.ChoiceField(choices=DESTINATION_TYPES, required=False)
    phone = PhoneField(required=False, help_text="Of mpesa_phone: a Kenyan mobile number.")
    number = ShapedField(SHORTCODE, "Of paybill and till: 5 to 7 digits.", required=False)
    account = ShapedField(PAYBILL_ACCOUNT, "Of paybill: the account, up to 20 letters and digits.", required=False)
    bank_code = ShapedField(BANK_CODE, "Of bank: the two digits of the bank at the clearing house.", required=False)
    branch_code = ShapedField(BRANCH_CODE, "Of bank: the three digits of the branch.", required=False)
    account_number = ShapedField(ACCOUNT_NUMBER, "Of bank: 6 to 20 digits.", required=False)
    account_name = TextField(required=False, max_length=70, help_text="Of bank: whose account it is.")

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        unknown = [str(name)[:64] for name in data if name not in self.fields] if isinstance(data, dict) else []
        if unknown:
            raise serializers.ValidationError(
                {name: [ErrorDetail("Not a parameter.", "unknown_parameter")] for name in unknown}
            )
        found: dict[str, Any] = super().to_internal_value(data)
        return found

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "id" in attrs:
            return _kept(attrs)
        kind = attrs.pop("type", None)
        if kind is None:
            raise serializers.ValidationError({"type": [ErrorDetail("This is required.", "required")]})
        return {"type": kind, "details": _details(kind, attrs)}


def _kept(attrs: dict[str, Any]) -> dict[str, Any]:
    if len(attrs) > 1:
        raise serializers.ValidationError(
            {"id": [ErrorDetail("A kept destination is named by its id alone.", "parameter_invalid")]}
        )
    try:
        return {"id": from_public("dst", attrs["id"])}
    except PublicIdInvalid:
        raise serializers.ValidationError(
            {"id": [ErrorDetail("This is not the id of a destination.", "parameter_invalid")]}
        ) from None


def _details(kind: str, attrs: dict[str, Any]) -> dict[str, str]:
    needed, possible = DETAILS[kind]
    faults: dict[str, list[ErrorDetail]] = {
        name: [ErrorDetail(f"A destination of type {kind} needs this.", "required")]
        for name in needed
        if name not in attrs
    }
    for name in attrs:
        if name not in needed + possible:
            faults[name] = [ErrorDetail(f"A destination of type {kind} has none.", "parameter_invalid")]
    if faults:
        raise serializers.ValidationError(faults)
    return {name: attrs[name] for name in needed + possible if name in attrs}


@extend_schema_serializer(
    examples=[
        OpenApiExample("To a phone", value=texts.PAYOUT_TO_PHONE),
        OpenApiExample("To a kept destination", value=texts.PAYOUT_TO_KEPT),
    ]
)
class AskPayoutSerializer(InputSerializer):
    """What a merchant sends to pay out."""

    amount = AmountField(help_text="What the receiver gets, in major units; M-Pesa takes whole shillings.")
    currency = CurrencyField(choices=["KES"], default="KES")
    destination = PayoutTargetSerializer()
    reason = TextField(max_length=100, help_text="Kept with the payout, and told to the provider.")
    reference = ReferenceField(required=False, help_text="Yours; one live payout has it at a time.")
    purpose = serializers.ChoiceField(choices=PAYOUT_PURPOSES, default="business")


@extend_schema_serializer(examples=[OpenApiExample("Why", value=texts.CANCEL_PAYOUT)])
class CancelPayoutSerializer(InputSerializer):
    """Why a payout or batch is called off."""

    reason = TextField(max_length=255, required=False, help_text="Kept in the audit trail.")


@extend_schema_serializer(examples=[OpenApiExample("A bank account", value=texts.ADD_DESTINATION)])
class AddDestinationSerializer(PayoutTargetSerializer):
    """A destination to be kept."""

    label = TextField(max_length=80, help_text="Its name among people.")  # type: ignore[assignment]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        label = attrs.pop("label")
        if "id" in attrs:
            raise serializers.ValidationError({"id": [ErrorDetail("Not a parameter here.", "unknown_parameter")]})
        return super().validate(attrs) | {"label": label}


@extend_schema_serializer(examples=[OpenApiExample("Another name", value=texts.RENAME_DESTINATION)])
class RenameDestinationSerializer(InputSerializer):
    """What may change of a destination: its name among people."""

    label = TextField(max_length=80)  # type: ignore[assignment]


# --- out --------------------------------------------------------------------------------------------------------------


def payout_body(payout: Payout, *, details: dict[str, str] | None = None) -> dict[str, Any]:
    """The payout as merchants see it: amounts are decimal texts in major units, times RFC 3339 in UTC.

    Without `details`, what names a person is masked: so it is in lists and events.
    """
    return {
        "id": to_public("pyt", payout.id),
        "object": "payout",
        "livemode": payout.mode == LIVE,
        "reference": payout.merchant_reference or payout.reference,
        "gateway_reference": payout.reference,
        "batch": None if payout.batch_id is None else to_public("bat", payout.batch_id),
        "line": payout.line,
        "retry_of": None if payout.retry_of_id is None else to_public("pyt", payout.retry_of_id),
        "amount": _text(payout.amount, payout),
        "fee": _text(payout.fee, payout),
        "amount_paid": _text(payout.paid, payout),
        "amount_released": _text(payout.released, payout),
        "amount_returned": _text(payout.given_back, payout),
        "currency": payout.currency,
        "status": payout.status,
        "pending_reason": payout.pending_reason,
        "approval_reasons": payout.approval_reasons,
        "destination": _shown(payout, details),
        "route": payout.route,
        "reason": payout.reason,
        "purpose": payout.purpose,
        "provider_receipt": payout.receipt,
        "failure": payout.failure,
        "requested_by": payout.requested_by,
        "approved_by": payout.approved_by,
        "created_at": stamp(payout.created_at),
        "approved_at": stamp(payout.approved_at),
        "completed_at": stamp(payout.completed_at),
        "version": payout.version,
    }


def _text(minor: int, row: Payout) -> str:
    return Money(minor, row.currency).decimal_text()


def _shown(payout: Payout, details: dict[str, str] | None) -> dict[str, Any]:
    kept = payout.destination_row_id
    name = {"id": None if kept is None else to_public("dst", kept)}
    return name | (payout.destination if details is None else {"type": payout.destination["type"], **details})


def destination_body(destination: PayoutDestination, *, details: dict[str, str] | None = None) -> dict[str, Any]:
    """A kept destination; without `details`, what names a person is masked."""
    return {
        "id": to_public("dst", destination.id),
        "object": "payout_destination",
        "livemode": destination.mode == LIVE,
        "label": destination.label,
        "status": destination.status,
        "usable_from": stamp(destination.usable_from),
        "created_by": destination.created_by,
        "created_at": stamp(destination.created_at),
        "deleted_at": stamp(destination.deleted_at),
        **(destination.shown if details is None else {"type": destination.type, **details}),
    }


class PayoutDestinationShownSerializer(serializers.Serializer[Any]):
    """Where a payout goes. In lists and events, what names a person is masked."""

    id = serializers.CharField(allow_null=True)
    type = serializers.ChoiceField(choices=DESTINATION_TYPES)
    phone = serializers.CharField(required=False)
    number = serializers.CharField(required=False)
    account = serializers.CharField(required=False)
    bank_code = serializers.CharField(required=False)
    branch_code = serializers.CharField(required=False)
    account_number = serializers.CharField(required=False)
    account_name = serializers.CharField(required=False)


class PayoutRetrySerializer(serializers.Serializer[Any]):
    """What to do about it, and after how many seconds where there is a number."""

    advice = serializers.CharField()
    after = serializers.IntegerField(allow_null=True)


class PayoutFailureSerializer(serializers.Serializer[Any]):
    """Why no money left."""

    code = serializers.CharField()
    provider_code = serializers.CharField(allow_null=True)
    provider_message = serializers.CharField(allow_null=True)
    reason = serializers.CharField()
    customer_message = serializers.CharField()
    merchant_action = serializers.CharField()
    certainty = serializers.CharField()
    retry = PayoutRetrySerializer()


@extend_schema_serializer(examples=[OpenApiExample("On its way", value=texts.PAYOUT_EXAMPLE)])
class PayoutSerializer(serializers.Serializer[Any]):
    """Money on its way out. Amounts are decimal texts in major units."""

    id = serializers.CharField()
    object = serializers.CharField(default="payout")
    livemode = serializers.BooleanField()
    reference = serializers.CharField()
    gateway_reference = serializers.CharField()
    batch = serializers.CharField(allow_null=True)
    line = serializers.IntegerField(allow_null=True)
    retry_of = serializers.CharField(allow_null=True, help_text="The payout that this one was asked for in place of.")
    amount = serializers.CharField()
    fee = serializers.CharField()
    amount_paid = serializers.CharField(help_text="What has left and was confirmed.")
    amount_released = serializers.CharField(help_text="What did not leave and is in the balance again.")
    amount_returned = serializers.CharField(help_text="What was confirmed and came back later.")
    currency = serializers.CharField()
    status = serializers.ChoiceField(choices=PAYOUT_STATES)
    pending_reason = serializers.ChoiceField(choices=PAYOUT_PENDING_REASONS, allow_null=True)
    approval_reasons = serializers.ListField(child=serializers.ChoiceField(choices=["above_limit", "new_destination"]))
    destination = PayoutDestinationShownSerializer()
    route = serializers.ChoiceField(choices=PAYOUT_ROUTES)
    reason = serializers.CharField()
    purpose = serializers.ChoiceField(choices=PAYOUT_PURPOSES)
    provider_receipt = serializers.CharField(allow_null=True)
    failure = PayoutFailureSerializer(allow_null=True)
    requested_by = serializers.CharField()
    approved_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    approved_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


@extend_schema_serializer(examples=[OpenApiExample("A bank account", value=texts.DESTINATION_EXAMPLE)])
class DestinationSerializer(PayoutDestinationShownSerializer):
    """A kept destination."""

    object = serializers.CharField(default="payout_destination")
    livemode = serializers.BooleanField()
    label = serializers.CharField()  # type: ignore[assignment]
    status = serializers.ChoiceField(choices=DESTINATION_STATES)
    usable_from = serializers.DateTimeField(help_text="From when a payout to it needs no second person.")
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    deleted_at = serializers.DateTimeField(allow_null=True)


class PayoutListSerializer(PageSerializer):
    """A page of payouts."""

    data = PayoutSerializer(many=True)  # type: ignore[assignment]


class DestinationListSerializer(PageSerializer):
    """A page of destinations."""

    data = DestinationSerializer(many=True)  # type: ignore[assignment]
