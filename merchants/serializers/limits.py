"""Limits of payments as JSON, in and out: what holds, of whose word, and how often the merchant may call."""

from collections.abc import Mapping
from typing import Any

from django_ratelimit.core import _split_rate
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from merchants.models import KINDS, MerchantLimits
from merchants.selectors.limits import COUNT, Limits, caps_of, card_of, limits_of
from merchants.serializers.fields import AmountField, fail
from onpoint_pay import openapi_texts_limits as texts
from onpoint_pay.kit.api import DecimalText, InputSerializer
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.money import Money
from onpoint_pay.kit.ratelimit import RAISABLE, rate_of

MOST_PAYMENTS = 1_000_000


class LimitField(AmountField):
    """Whole shillings, at least one; null for none."""

    def __init__(self, help_text: str) -> None:
        super().__init__(required=False, allow_null=True, help_text=help_text)

    def to_internal_value(self, data: Any) -> Any:
        money = Money.parse(super().to_internal_value(data))
        if not money.is_positive:
            raise fail("amount_too_small", "A limit is at least one shilling; null for none.")
        if not money.is_whole:
            raise fail("amount_not_whole", "A limit is in whole shillings.")
        return money.minor


class CountField(serializers.IntegerField):
    """A number of JSON, nothing that could be read as one."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int) or isinstance(data, DecimalText):
            raise fail("parameter_invalid", "This must be a whole number.")
        return int(super().to_internal_value(data))


@extend_schema_serializer(examples=[OpenApiExample("A day of 100,000", value=texts.LIMITS_CHANGES_EXAMPLE)])
class LimitsChangesSerializer(InputSerializer):
    """What is not named stays as it is; null gives a limit of one's own up."""

    largest = LimitField(texts.OF["largest"])
    per_day = LimitField(texts.OF["per_day"])
    per_month = LimitField(texts.OF["per_month"])
    per_payer_day = LimitField(texts.OF["per_payer_day"])
    payments_per_payer_day = CountField(
        required=False, allow_null=True, min_value=1, max_value=MOST_PAYMENTS, help_text=texts.OF[COUNT]
    )


# --- what goes out ----------------------------------------------------------------------------------------------------


def limits_body(row: MerchantLimits) -> dict[str, Any]:
    """Everything but what is used of it."""
    card = card_of(row)
    holds, caps = limits_of(card), caps_of(card)
    return {
        "object": "limits",
        "livemode": row.mode == LIVE,
        "currency": "KES",
        **{
            kind: {
                "limit": _text(kind, _size(holds, kind)),
                "own": _text(kind, card.own.get(kind)),
                "cap": _text(kind, caps[kind]),
            }
            for kind in KINDS
        },
        "rates": [rate_body(policy, row.rates) for policy in RAISABLE],
        "version": row.version,
    }


def _size(holds: Limits, kind: str) -> int | None:
    return holds.largest if kind == "largest" else holds.sums.get(kind)


def _text(kind: str, size: int | None) -> str | int | None:
    return size if size is None or kind == COUNT else Money(size).decimal_text()


def use_body(limit: int, used: int, *, opens_at: str) -> dict[str, Any]:
    """Of a sum, in minor units."""
    left = max(limit - used, 0)
    return {"used": Money(used).decimal_text(), "left": Money(left).decimal_text(), "opens_at": opens_at}


def rate_body(policy: str, own: Mapping[str, str]) -> dict[str, Any]:
    quota, window = _split_rate(rate_of(policy, own))
    return {"policy": policy, "quota": quota, "window": window, "is_usual": policy not in own}


class LimitSerializer(serializers.Serializer[Any]):
    """One limit of payments; null where there is none."""

    limit = serializers.CharField(allow_null=True, help_text="What holds: the smaller of the two others.")
    own = serializers.CharField(allow_null=True, help_text="What the business allows itself.")
    cap = serializers.CharField(allow_null=True, help_text="What the operator allows it.")


class CountLimitSerializer(serializers.Serializer[Any]):
    """As the others, in payments."""

    limit = serializers.IntegerField(allow_null=True)
    own = serializers.IntegerField(allow_null=True)
    cap = serializers.IntegerField(allow_null=True)


class UsedLimitSerializer(LimitSerializer):
    """With what was used of it; null where there is no limit."""

    used = serializers.CharField(
        allow_null=True,
        help_text="Payments that have brought money or still may. What closes unpaid gives its share back.",
    )
    left = serializers.CharField(allow_null=True)
    opens_at = serializers.DateTimeField(allow_null=True, help_text="When the whole of it is free again.")


class RateSerializer(serializers.Serializer[Any]):
    policy = serializers.CharField(help_text="As RateLimit-Policy names it.")
    quota = serializers.IntegerField()
    window = serializers.IntegerField(help_text="In seconds.")
    is_usual = serializers.BooleanField(help_text="Everybody's; false where the operator gave the business its own.")


class RefundLimitsSerializer(serializers.Serializer[Any]):
    """Changed at /merchant/."""

    approval_above = serializers.CharField(allow_null=True)


class PayoutLimitsSerializer(serializers.Serializer[Any]):
    """Changed by the operator."""

    largest = serializers.CharField(allow_null=True)
    per_day = serializers.CharField(allow_null=True)
    approval_above = serializers.CharField(allow_null=True)


@extend_schema_serializer(examples=[OpenApiExample("A shop", value=texts.LIMITS_EXAMPLE)])
class LimitsSerializer(serializers.Serializer[Any]):
    """How much the business may take, return and pay out in this mode, and how often it may call."""

    object = serializers.CharField(default="limits")
    livemode = serializers.BooleanField()
    currency = serializers.CharField()
    largest = LimitSerializer(help_text=texts.OF["largest"])
    per_day = UsedLimitSerializer(help_text=texts.OF["per_day"])
    per_month = UsedLimitSerializer(help_text=texts.OF["per_month"])
    per_payer_day = LimitSerializer(help_text=texts.OF["per_payer_day"])
    payments_per_payer_day = CountLimitSerializer(help_text=texts.OF[COUNT])
    rates = RateSerializer(many=True)
    refunds = RefundLimitsSerializer()
    payouts = PayoutLimitsSerializer()
    version = serializers.IntegerField()
