"""JSON of the further calls on payments: a new prompt, a quote, many prompts at once, a payment in plain words."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from onpoint_pay import openapi_texts as texts
from onpoint_pay.kit.api import InputSerializer
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from payments.explanation.reasons import TURNS
from payments.explanation.situations import CERTAINTIES
from payments.explanation.words import LANGUAGES
from payments.models import BulkLine, BulkRun, Payment
from payments.serializers.fields import AmountField, CurrencyField, PhoneField, fail, stamp
from payments.serializers.payments import METHODS, PROMPT_METHOD, InitiateSerializer
from payments.states import LINE_OPEN, LINE_STATES, PAYMENT_STATES

MOST_ITEMS = 500


# --- a new prompt, and plain words ------------------------------------------------------------------------------------


@extend_schema_serializer(examples=[OpenApiExample("To another phone", value=texts.RESEND_EXAMPLE)])
class ResendSerializer(InputSerializer):
    """What a merchant may change about a prompt that is sent again."""

    phone = PhoneField(required=False, max_length=32, help_text="Who gets the prompt; the same phone when absent.")


@extend_schema_serializer(examples=[OpenApiExample("Not decided yet", value=texts.EXPLANATION_EXAMPLE)])
class ExplanationSerializer(serializers.Serializer[Any]):
    """A payment in plain words. Times in the texts are Nairobi's."""

    object = serializers.CharField(default="explanation")
    lang = serializers.ChoiceField(choices=LANGUAGES)
    payment = serializers.CharField()
    headline = serializers.CharField()
    what_happened = serializers.CharField()
    certainty = serializers.ChoiceField(choices=CERTAINTIES, help_text="Of the outcome.")
    whose_turn = serializers.ChoiceField(choices=TURNS, help_text="Who has to do something now.")
    tell_customer = serializers.CharField(help_text="To be read out or sent to the payer.")
    do_next = serializers.ListField(child=serializers.CharField(), help_text="Names in backquotes are `links`.")
    links = serializers.DictField(child=serializers.CharField())


# --- quotes -----------------------------------------------------------------------------------------------------------


@extend_schema_serializer(
    examples=[
        OpenApiExample("Of a payment", value=texts.QUOTE_EXAMPLE),
        OpenApiExample("Of a refund", value=texts.REFUND_QUOTE_EXAMPLE),
    ]
)
class QuoteSerializer(InputSerializer):
    """What shall be quoted: a payment by its amount and method, or the refund of one that was made."""

    amount = AmountField(required=False, help_text="Of a refund: all that is left when absent.")
    currency = CurrencyField(choices=["KES"], default="KES")
    payment_method = serializers.ChoiceField(choices=METHODS, required=False)
    refund_of = serializers.CharField(
        required=False, max_length=128, help_text="The payment, by its id or any other reference it has."
    )
    phone = PhoneField(required=False, max_length=32, help_text="The payer's, where the gateway does not know it.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "refund_of" in attrs and "payment_method" in attrs:
            raise fail("parameter_invalid", "Name a payment_method or refund_of, not both.")
        missing = [name for name in ("amount", "payment_method") if name not in attrs]
        if "refund_of" not in attrs and missing:
            raise serializers.ValidationError(
                {name: [ErrorDetail("Send it, or refund_of.", "required")] for name in missing}
            )
        if "refund_of" not in attrs:
            attrs["money"] = Money.parse(attrs["amount"], attrs["currency"])
        return attrs


@extend_schema_serializer(
    examples=[
        OpenApiExample("Of a payment", value=texts.QUOTED_EXAMPLE),
        OpenApiExample("Of a refund", value=texts.REFUND_QUOTED_EXAMPLE),
    ]
)
class QuoteAnswerSerializer(serializers.Serializer[Any]):
    """What it would cost and which way it would go, as things are now. Amounts are decimal texts in major units."""

    object = serializers.CharField(default="quote")
    livemode = serializers.BooleanField()
    amount = serializers.CharField()
    currency = serializers.CharField()
    fee = serializers.CharField()
    net = serializers.CharField(help_text="What is left after the fee: for you, or of a refund for the payer.")
    payment_method = serializers.CharField()
    provider = serializers.CharField()
    route = serializers.CharField(help_text="stk_push for a prompt; reversal or b2c for a refund.")
    simulated = serializers.BooleanField()
    refund_of = serializers.CharField(allow_null=True)
    expected_at = serializers.DateTimeField(allow_null=True, help_text="When a refund usually arrives; no promise.")
    requires_approval = serializers.BooleanField(help_text="Whether a refund would wait for a second person.")


# --- many prompts at once ---------------------------------------------------------------------------------------------


class BulkItemSerializer(InitiateSerializer):
    """One prompt, as for a payment of its own."""

    methods = (PROMPT_METHOD,)

    def to_internal_value(self, data: Any) -> Any:
        unknown = [str(name)[:64] for name in data if name not in self.fields] if isinstance(data, dict) else []
        faults: dict[str, Any] = {name: [ErrorDetail("Not a parameter.", "unknown_parameter")] for name in unknown}
        try:
            found = super().to_internal_value(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({**_by_name(error.detail), **faults}) from None
        if faults:
            raise serializers.ValidationError(faults)
        return found


def _by_name(detail: Any) -> dict[str, Any]:
    return dict(detail) if isinstance(detail, dict) else {"non_field_errors": detail}


@extend_schema_serializer(examples=[OpenApiExample("Two phones", value=texts.BULK_EXAMPLE)])
class BulkSerializer(InputSerializer):
    """Prompts to many phones."""

    items = serializers.ListField(child=BulkItemSerializer(), min_length=1, max_length=MOST_ITEMS)


def bulk_body(run: BulkRun, lines: Iterable[BulkLine], payments: Mapping[UUID, Payment]) -> dict[str, Any]:
    """The run as merchants see it; `payments` are those its lines have become, by key."""
    shown = list(lines)
    counts = {status: sum(line.status == status for line in shown) for status in LINE_STATES}
    is_open = any(counts[status] for status in LINE_OPEN)
    ends = [line.finished_at for line in shown if line.finished_at is not None]
    return {
        "id": to_public("blk", run.id),
        "object": "bulk",
        "livemode": run.mode == LIVE,
        "status": "running" if is_open else "finished",
        "total": run.total,
        "counts": counts,
        "lines": [_line_body(line, payments) for line in shown],
        "created_at": stamp(run.created_at),
        "finished_at": None if is_open else stamp(max(ends, default=run.created_at)),
    }


def _line_body(line: BulkLine, payments: Mapping[UUID, Payment]) -> dict[str, Any]:
    payment = payments.get(line.payment_id) if line.payment_id else None
    return {
        "n": line.n,
        "status": line.status,
        "phone": line.request["phone"],
        "amount": line.request["amount"],
        "reference": line.request.get("reference"),
        "payment": to_public("pay", line.payment_id) if line.payment_id else None,
        "payment_status": payment.status if payment else None,
        "problem": line.problem,
    }


class LineProblemSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()
    param = serializers.CharField(allow_null=True)


class BulkLineSerializer(serializers.Serializer[Any]):
    """One prompt of the run: `sent` has become a payment, `refused` has a problem."""

    n = serializers.IntegerField(help_text="Its place in `items`, from 0.")
    status = serializers.ChoiceField(choices=LINE_STATES)
    phone = serializers.CharField()
    amount = serializers.CharField()
    reference = serializers.CharField(allow_null=True)
    payment = serializers.CharField(allow_null=True)
    payment_status = serializers.ChoiceField(choices=PAYMENT_STATES, allow_null=True)
    problem = LineProblemSerializer(allow_null=True)


class BulkCountsSerializer(serializers.Serializer[Any]):
    waiting = serializers.IntegerField()
    sending = serializers.IntegerField()
    sent = serializers.IntegerField()
    refused = serializers.IntegerField()


@extend_schema_serializer(
    examples=[
        OpenApiExample("Just begun", value=texts.RUN_EXAMPLE, status_codes=[202]),
        OpenApiExample("At its end", value=texts.FINISHED_RUN_EXAMPLE, status_codes=[200]),
    ]
)
class BulkRunSerializer(serializers.Serializer[Any]):
    """How far a run of prompts has come."""

    id = serializers.CharField()
    object = serializers.CharField(default="bulk")
    livemode = serializers.BooleanField()
    status = serializers.ChoiceField(choices=["running", "finished"])
    total = serializers.IntegerField()
    counts = BulkCountsSerializer()
    lines = BulkLineSerializer(many=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
