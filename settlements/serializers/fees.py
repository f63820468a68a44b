"""Fee plans as JSON."""

from datetime import datetime
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from onpoint_pay import openapi_texts_money as texts
from onpoint_pay.kit.clock import rfc3339
from onpoint_pay.kit.money import Money
from settlements.fees import ANY_METHOD, Rule, Terms
from settlements.selectors.fee_plans import Version


def rule_body(rule: Rule, currency: str) -> dict[str, Any]:
    """A rule as people write it. Amounts are decimal texts in major units; `to` is the first amount beyond."""

    def text(minor: int | None) -> str | None:
        return None if minor is None else Money(minor, currency).decimal_text()

    return {
        "method": rule.method,
        "from": text(rule.start),
        "to": text(rule.end),
        "bps": rule.terms.bps,
        "flat": text(rule.terms.flat),
        "min": text(rule.terms.least),
        "max": text(rule.terms.most),
        "tax_bps": rule.terms.tax_bps,
    }


def version_body(version: Version, currency: str) -> dict[str, Any]:
    return {
        "id": str(version.id),
        "effective_from": rfc3339(version.effective_from),
        "rules": [rule_body(rule, currency) for rule in version.rules],
    }


def fees_body(
    *, livemode: bool, currency: str, source: str, version: Version | None, later: Version | None, own: Terms
) -> dict[str, Any]:
    """What a merchant is charged now and what is known to come. `source`: whose plan it is, or `merchant_fee`."""
    now_in_force: dict[str, Any] = {
        "id": None,
        "effective_from": None,
        "rules": [rule_body(Rule(method=ANY_METHOD, start=0, end=None, terms=own), currency)],
    }
    return {
        "object": "fee_plan",
        "livemode": livemode,
        "currency": currency,
        "source": source,
        "in_force": version_body(version, currency) if version else now_in_force,
        "next": version_body(later, currency) if later else None,
    }


def moment(text: str) -> datetime:
    """An instant with its zone. Raises ValueError."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("The time needs a zone, such as 2026-12-01T00:00:00+03:00.")
    return found


class FeeRuleSerializer(serializers.Serializer[Any]):
    """What is taken from amounts of one band."""

    method = serializers.CharField(help_text="A payment method, or * for any without a rule of its own.")
    to = serializers.CharField(allow_null=True, help_text="The first amount beyond the band.")
    bps = serializers.IntegerField(help_text="Hundredths of a percent.")
    flat = serializers.CharField()
    min = serializers.CharField()
    max = serializers.CharField(allow_null=True)
    tax_bps = serializers.IntegerField(help_text="Tax on the rounded fee, in hundredths of a percent.")

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of the language."""
        fields = super().get_fields()
        return {
            "method": fields["method"],
            "from": serializers.CharField(help_text="The first amount of the band."),
            **fields,
        }


class FeeVersionSerializer(serializers.Serializer[Any]):
    """A plan from one moment on."""

    id = serializers.CharField(allow_null=True)
    effective_from = serializers.DateTimeField(allow_null=True)
    rules = FeeRuleSerializer(many=True)


@extend_schema_serializer(examples=[OpenApiExample("A plan with bands", value=texts.FEES_EXAMPLE)])
class FeesSerializer(serializers.Serializer[Any]):
    """What you are charged now, and what is known to come. Amounts are decimal texts in major units."""

    object = serializers.CharField(default="fee_plan")
    livemode = serializers.BooleanField()
    currency = serializers.CharField()
    source = serializers.ChoiceField(choices=["merchant_plan", "platform_plan", "merchant_fee"])  # type: ignore[assignment]
    in_force = FeeVersionSerializer()
    next = FeeVersionSerializer(allow_null=True)
