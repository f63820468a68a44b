"""Exceptions of reconciliation as JSON: the API's answer and the event's object."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from onpoint_pay import openapi_texts_money as texts
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.clock import now, rfc3339
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from onpoint_pay.kit.pages import PageSerializer
from settlements.models import ReconException
from settlements.states import RECON_EXCEPTION_KINDS, RECON_EXCEPTION_STATES, RECON_SEVERITIES

# What a merchant can look up by its name in the API.
PREFIXES = {"payment": "pay", "refund": "ref", "c2b_receipt": "c2b"}


def exception_body(row: ReconException) -> dict[str, Any]:
    """An exception as the owner of the shortcode sees it. Amounts are decimal texts in major units."""
    concerns = None
    if row.object_type in PREFIXES and row.object_id is not None:
        concerns = to_public(PREFIXES[row.object_type], row.object_id)
    return {
        "id": to_public("rcx", row.id),
        "object": "reconciliation_exception",
        "livemode": row.mode == LIVE,
        "kind": row.kind,
        "status": row.status,
        "severity": row.severity,
        "account": row.account,
        "receipt": row.external_id or None,
        "concerns": concerns,
        "amount": Money(row.amount, row.currency).decimal_text(),
        "currency": row.currency,
        "occurred_at": rfc3339(row.occurred_at),
        "opened_at": rfc3339(row.opened_at),
        "closed_at": None if row.closed_at is None else rfc3339(row.closed_at),
        "resolution": row.resolution,
    }


# What an operator may do about it where nothing is to be posted against an account of ours.
SUGGESTIONS = {
    "missing_here": "find its owner; it waits in suspense",
    "missing_there": "ask the provider; its amount is frozen",
    "state_differs": "wait: it is concluded by the statement, or the provider is asked",
    "late_success": "wait: it is completed by the statement",
    "overpaid": "give it back to the payer, or match it",
    "returned_payout": "wait: it is booked as returned",
    "mode_differs": "ask the merchant: the payer used the details of the other mode",
    "unparsable": "read the line, and bring the file anew",
    "balance_gap": "bring the statement that has the missing line",
}


def suggestion_of(row: ReconException) -> str:
    """How it may end, in words for an operator."""
    contra = row.posting.get("contra") if isinstance(row.posting, dict) else None
    if contra and row.float_effect:
        return f"post against {contra}"
    return SUGGESTIONS.get(row.kind, "look at the line, and close it without a posting")


def operator_body(row: ReconException) -> dict[str, Any]:
    """An exception as an operator sees it."""
    return exception_body(row) | {
        "owner": row.owner,
        "age_days": (now() - row.opened_at).days,
        "direction": row.detail.get("direction"),
        "float_effect": Money(row.float_effect, row.currency).decimal_text(),
        "suggestion": suggestion_of(row),
        "proposed_by": row.proposed_by,
        "closed_by": row.closed_by,
        "detail": row.detail,
    }


@extend_schema_serializer(examples=[OpenApiExample("A prompt paid twice", value=texts.RECON_EXCEPTION_EXAMPLE)])
class ReconExceptionSerializer(serializers.Serializer[Any]):
    """A line of your own shortcode's statement, or a movement of yours, that does not fit. Amounts in major units."""

    id = serializers.CharField()
    object = serializers.CharField(default="reconciliation_exception")
    livemode = serializers.BooleanField()
    kind = serializers.ChoiceField(choices=RECON_EXCEPTION_KINDS)
    status = serializers.ChoiceField(choices=RECON_EXCEPTION_STATES)
    severity = serializers.ChoiceField(choices=RECON_SEVERITIES)
    account = serializers.CharField(help_text="The provider and your shortcode there.")
    receipt = serializers.CharField(allow_null=True)
    concerns = serializers.CharField(allow_null=True, help_text="The id of the payment, refund or receipt it is about.")
    amount = serializers.CharField()
    currency = serializers.CharField()
    occurred_at = serializers.DateTimeField()
    opened_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    resolution = serializers.CharField(allow_null=True)


class ReconExceptionListSerializer(PageSerializer):
    """A page of exceptions."""

    data = ReconExceptionSerializer(many=True)  # type: ignore[assignment]
