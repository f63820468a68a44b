"""Fields that come in, times as they go out, and the frame of every list."""

import unicodedata
from datetime import datetime
from typing import Any

from rest_framework import serializers

from onpoint_pay.kit.api import DecimalText, InputSerializer
from onpoint_pay.kit.clock import rfc3339
from webhooks.addresses import MAX_URL_LENGTH
from webhooks.events import PATTERNS


class TextField(serializers.CharField):
    """Text only, trimmed, in composed form (NFC), without control characters."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or isinstance(data, DecimalText):
            raise serializers.ValidationError("This must be text.", code="parameter_invalid")
        text = unicodedata.normalize("NFC", super().to_internal_value(data))
        if any(unicodedata.category(letter) == "Cc" for letter in text):
            raise serializers.ValidationError("Control characters are not allowed.", code="parameter_invalid")
        return text


class DescriptionField(TextField):
    """Null clears it."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return "" if data is None else super().run_validation(data)


class MomentField(serializers.DateTimeField):
    """An RFC 3339 time."""

    default_error_messages = {
        name: "Send an RFC 3339 time such as 2026-11-21T08:00:00Z."
        for name in ("invalid", "date", "make_aware", "overflow")
    }

    def to_internal_value(self, value: Any) -> datetime:
        try:
            found: datetime = super().to_internal_value(value)
        except (serializers.ValidationError, OverflowError):
            raise serializers.ValidationError(self.error_messages["invalid"], code="date_invalid") from None
        return found


def url_field(**options: Any) -> TextField:
    return TextField(
        max_length=MAX_URL_LENGTH,
        help_text="Absolute, https in live mode, on port 443 or 8443, at a public address.",
        error_messages={"max_length": "The URL is too long."},
        **options,
    )


def events_field(**options: Any) -> serializers.ListField:
    words = {
        "help_text": 'Event types such as payment.completed, payment.* for all of one kind, or "*" for everything.'
    } | options
    return serializers.ListField(child=TextField(max_length=64), allow_empty=False, max_length=len(PATTERNS), **words)


def description_field() -> DescriptionField:
    return DescriptionField(max_length=255, required=False, allow_blank=True, allow_null=True)


class NothingSerializer(InputSerializer):
    """Takes no parameters."""


def stamp(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
