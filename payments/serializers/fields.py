"""The fields of payments' JSON: amounts, phones, metadata, each with its own error."""

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from merchants.serializers import AmountField as AmountField
from merchants.serializers import CurrencyField as CurrencyField
from merchants.serializers import TextField
from onpoint_pay.kit.api import DecimalText, plain_number
from onpoint_pay.kit.cards import holds_card_number
from onpoint_pay.kit.clock import rfc3339
from onpoint_pay.kit.phone import PhoneInvalid, parse_phone

REFERENCE = re.compile(r"[A-Za-z0-9._\-/:]{1,64}")
SHOWN_REFERENCE = re.compile(r"[A-Za-z0-9 \-]{1,12}")
METADATA_KEY = re.compile(r"[A-Za-z0-9_.\-]{1,40}")
METADATA_BYTES = 16 * 1024
# Of what JSON readers agree on: 64 bits.
LARGEST_NUMBER = 2**63 - 1


def fail(code: str, detail: str) -> serializers.ValidationError:
    return serializers.ValidationError(detail, code=code)


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
        refuse_cards(key)
        refuse_cards(str(value))


def refuse_cards(text: str) -> None:
    """Raises ValidationError card_data_not_accepted for a card's number; the answer does not repeat it."""
    if holds_card_number(text):
        raise fail("card_data_not_accepted", "This holds the number of a card, which must not be stored here.")


def stamp(value: Any) -> str | None:
    return None if value is None else rfc3339(value)
