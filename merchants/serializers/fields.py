"""Fields that come in: text in one spelling, amounts, addresses, phones, networks; and times as they go out."""

import ipaddress
import unicodedata
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from onpoint_pay.kit.addresses import Network
from onpoint_pay.kit.api import DecimalText
from onpoint_pay.kit.clock import rfc3339
from onpoint_pay.kit.cross_origin import plain_origin
from onpoint_pay.kit.money import Money, MoneyError
from onpoint_pay.kit.phone import PhoneInvalid, parse_phone

MAPPED_BITS = 96
ROLE = "owner, admin, finance, developer, support or viewer, or the id of a role of the business's own, rol_…."


def fail(code: str, detail: str) -> serializers.ValidationError:
    return serializers.ValidationError(detail, code=code)


class TextField(serializers.CharField):
    """Text only, trimmed, in composed form (NFC), without control characters; null counts as empty where allowed."""

    def run_validation(self, data: Any = empty) -> Any:
        is_cleared = data is None and self.allow_null
        return "" if is_cleared else super().run_validation(data)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or isinstance(data, DecimalText):
            raise fail("parameter_invalid", "This must be text.")
        text = unicodedata.normalize("NFC", super().to_internal_value(data))
        if any(unicodedata.category(letter) == "Cc" for letter in text):
            raise fail("parameter_invalid", "Control characters are not allowed.")
        return text


@extend_schema_field(OpenApiTypes.EMAIL)
class EmailField(TextField):
    """An address in lower case, which is how accounts are told apart."""

    def to_internal_value(self, data: Any) -> str:
        address = super().to_internal_value(data).lower()
        try:
            validate_email(address)
        except ValidationError:
            raise fail("email_invalid", "This is not an e-mail address.") from None
        return address


class RoleField(TextField):
    """A role by its name, or one of the merchant's own by its id."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=40, help_text=ROLE, **options)


class PhoneField(TextField):
    """A Kenyan mobile number in any common spelling; comes out as 2547… or 2541…."""

    def to_internal_value(self, data: Any) -> str:
        try:
            return parse_phone(super().to_internal_value(data))
        except PhoneInvalid as error:
            raise fail(error.code, str(error)) from None


def _amounts(bound: str) -> dict[str, Any]:
    """How the OpenAPI document describes an amount; `bound` is the word for how 0 limits it."""
    text = {"type": "string", "pattern": r"^(0|[1-9][0-9]{0,15})(\.[0-9]{1,2})?$"}
    return {"oneOf": [text, {"type": "number", bound: 0}], "examples": ["100.00"]}


@extend_schema_field(_amounts("exclusiveMinimum"))
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


@extend_schema_field(_amounts("minimum"))
class AmountFromZeroField(AmountField):
    """An amount of which 0 says something."""


class CurrencyField(serializers.ChoiceField):
    """Upper-case letters of ISO 4217."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or data not in self.choices:
            raise fail("currency_unsupported", f"Only {', '.join(map(str, self.choices))} is supported.")
        return data


class PasswordField(serializers.CharField):
    """Taken as it is typed: neither trimmed nor changed. Its upper bound keeps hashing affordable."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=128, trim_whitespace=False, write_only=True, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or isinstance(data, DecimalText):
            raise fail("parameter_invalid", "The password must be text.")
        return data


class NetworkField(TextField):
    """An IPv4 or IPv6 address, or a network in CIDR notation."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        try:
            network = _plain_network(ipaddress.ip_network(text, strict=False))
        except ValueError:
            raise fail("parameter_invalid", "This is neither an IP address nor a CIDR network.") from None
        if network.prefixlen == 0:
            raise fail("parameter_invalid", "This is every address there is: leave the list empty instead.")
        return str(network)


class OriginField(TextField):
    """Scheme, host and port of a page's address as browsers send them; http only for one's own machine."""

    def to_internal_value(self, data: Any) -> str:
        found = plain_origin(super().to_internal_value(data))
        if found is None:
            raise fail(
                "parameter_invalid",
                "This is not an origin: https:// and a host, with a port where it is not the usual one, and no path.",
            )
        return found


def _plain_network(network: Network) -> Network:
    """IPv4 written as IPv6 becomes IPv4, as addresses do before they are looked up."""
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None or network.prefixlen < MAPPED_BITS:
        return network
    return ipaddress.ip_network(f"{mapped}/{network.prefixlen - MAPPED_BITS}")


def optional(max_length: int, **more: Any) -> TextField:
    return TextField(max_length=max_length, required=False, allow_null=True, allow_blank=True, **more)


def stamp(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
