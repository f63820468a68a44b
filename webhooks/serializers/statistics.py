"""JSON of an endpoint's statistics, its breaker in plain words."""

from datetime import datetime
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from onpoint_pay import openapi_texts_webhooks as texts
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.clock import nairobi
from onpoint_pay.kit.ids import to_public
from webhooks.models import CLOSED, HALF, TRIPPED, Endpoint, Lane
from webhooks.selectors.statistics import Spread, Statistics
from webhooks.serializers.deliveries import sentence_of
from webhooks.serializers.fields import stamp


def statistics_body(endpoint: Endpoint, found: Statistics, *, at: datetime) -> dict[str, Any]:
    return {
        "object": "webhook_statistics",
        "endpoint": to_public("whe", endpoint.pk),
        "livemode": endpoint.mode == LIVE,
        "hours": found.hours,
        "since": stamp(found.since),
        "complete": found.is_complete,
        "tries": found.tries,
        "delivered": found.delivered,
        "failed": found.failed,
        "open": found.open,
        "held": found.held,
        "success_rate": round(found.delivered / found.tries, 4) if found.tries else None,
        "answer_ms": _spread(found.answer_ms, digits=0),
        "receipt_seconds": _spread(found.receipt_seconds, digits=3),
        "oldest_due_at": stamp(found.oldest_due_at),
        "next_try_at": stamp(found.next_try_at),
        "breaker": {"state": endpoint.lane.breaker, "detail": breaker_words(endpoint.lane, at=at)},
        "errors": [
            {"error": error, "count": count, "detail": sentence_of(error)} for error, count in found.errors.items()
        ],
    }


def breaker_words(lane: Lane, *, at: datetime) -> str:
    """Whether tries go out now, until when not, and why; times on a clock in Nairobi."""
    if lane.breaker == HALF:
        return "half open: one try is being made; the others follow when it succeeds."
    waits_until = lane.open_until if lane.open_until is not None and lane.open_until > at else None
    if lane.breaker == TRIPPED:
        until = f"open until {_clock(waits_until)}" if waits_until else "open: one try is due now"
        return f"{until}: {_tries(lane.failures_in_row)} failed in a row."
    if waits_until:
        return f"{CLOSED}: waiting until {_clock(waits_until)}, as the endpoint asked."
    if lane.failures_in_row:
        return f"{CLOSED}: {_tries(lane.failures_in_row)} failed in a row so far."
    if lane.last_success_at is None:
        return f"{CLOSED}: nothing has been sent yet."
    return f"{CLOSED}: the last try succeeded at {_clock(lane.last_success_at)}."


def _tries(count: int) -> str:
    return "1 try" if count == 1 else f"{count} tries"


def _clock(moment: datetime) -> str:
    return f"{nairobi(moment):%H:%M}"


def _spread(spread: Spread | None, *, digits: int) -> dict[str, float | int] | None:
    if spread is None:
        return None
    p50, p95 = round(spread.p50, digits), round(spread.p95, digits)
    return {"p50": p50, "p95": p95} if digits else {"p50": int(p50), "p95": int(p95)}


class AnswerMsSerializer(serializers.Serializer[Any]):
    p50 = serializers.IntegerField()
    p95 = serializers.IntegerField()


class ReceiptSecondsSerializer(serializers.Serializer[Any]):
    p50 = serializers.FloatField()
    p95 = serializers.FloatField()


class BreakerSerializer(serializers.Serializer[Any]):
    """Five failures in a row open it: tries wait, from 10 seconds up to 15 minutes, and one success closes it."""

    state = serializers.CharField(help_text="closed, open or half.")
    detail = serializers.CharField(help_text="The same in plain words; times in Africa/Nairobi.")


class WebhookErrorCountSerializer(serializers.Serializer[Any]):
    error = serializers.CharField()
    count = serializers.IntegerField()
    detail = serializers.CharField()


@extend_schema_serializer(examples=[OpenApiExample("A day", value=texts.STATISTICS_EXAMPLE)])
class WebhookStatisticsSerializer(serializers.Serializer[Any]):
    """How an endpoint has been answering."""

    object = serializers.CharField(default="webhook_statistics")
    endpoint = serializers.CharField()
    livemode = serializers.BooleanField()
    hours = serializers.IntegerField(help_text="As asked for.")
    since = serializers.DateTimeField(help_text="The first moment that is counted.")
    complete = serializers.BooleanField(help_text="False when only the newest 50,000 tries of that time are counted.")
    tries = serializers.IntegerField()
    delivered = serializers.IntegerField(help_text="Tries that were answered with 2xx.")
    failed = serializers.IntegerField(help_text="Deliveries made in that time and given up.")
    open = serializers.IntegerField(help_text="Deliveries still to be made, now.")
    held = serializers.IntegerField(help_text="Deliveries kept while it was off, now.")
    success_rate = serializers.FloatField(allow_null=True, help_text="Of tries, 0 to 1; null without any.")
    answer_ms = AnswerMsSerializer(allow_null=True, help_text="How long answers took, of all tries that got one.")
    receipt_seconds = ReceiptSecondsSerializer(
        allow_null=True, help_text="From the change to its receipt, waits between tries included; of the newest 5,000."
    )
    oldest_due_at = serializers.DateTimeField(allow_null=True, help_text="Of what should have been tried by now.")
    next_try_at = serializers.DateTimeField(allow_null=True)
    breaker = BreakerSerializer()
    errors = WebhookErrorCountSerializer(many=True)  # type: ignore[assignment]
