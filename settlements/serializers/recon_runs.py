"""Runs of reconciliation and the lines they compared as JSON, in and out."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from merchants.serializers import CurrencyField, TextField, stamp
from onpoint_pay import openapi_texts_recon as texts
from onpoint_pay.kit.api import InputSerializer
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.clock import rfc3339
from onpoint_pay.kit.entries import ENTRY_KINDS
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from onpoint_pay.kit.pages import PageSerializer
from onpoint_pay.kit.uploads.fields import SentFileField
from settlements.models import ReconLine, ReconRun
from settlements.serializers.books import numbered
from settlements.serializers.recon import PREFIXES
from settlements.states import (
    RECON_CLOSED,
    RECON_LINE_STATES,
    RECON_MATCH_STATES,
    RECON_RUN_STATES,
    RECON_SOURCES,
)

COUNTS = ("lines", "lines_new", "unparsable", "gaps", "matched", "proposed", "charges", "booked", "closed")


def run_body(row: ReconRun) -> dict[str, Any]:
    """A run as its merchant sees it; the event's object too. Counts are null until there is something to count."""
    return {
        "id": to_public("rec", row.id),
        "object": "reconciliation",
        "livemode": row.mode == LIVE,
        "account": row.account,
        "source": row.source,
        "name": row.name,
        "status": row.status,
        "failure": row.failure,
        **{name: row.found.get(name) for name in COUNTS},
        "exceptions": row.found.get("exceptions"),
        "requested_by": row.requested_by,
        "created_at": rfc3339(row.created_at),
        "finished_at": stamp(row.finished_at),
        "version": row.version,
    }


def item_body(line: ReconLine) -> dict[str, Any]:
    """A line of a statement, what it was matched to, and the exception it raised. Amounts in major units."""
    closing = line.balance_after
    return {
        "id": numbered("rcl", line.pk),
        "object": "reconciliation_item",
        "livemode": line.mode == LIVE,
        "account": line.account,
        "line": line.line_no,
        "kind": line.kind,
        "direction": line.direction,
        "amount": Money(line.amount, line.currency).decimal_text(),
        "currency": line.currency,
        "balance_after": None if closing is None else Money(closing, line.currency).decimal_text(),
        "receipt": line.external_id or None,
        "linked_receipt": line.linked_id or None,
        "account_reference": line.account_reference or None,
        "narrative": line.narrative,
        "occurred_at": rfc3339(line.occurred_at),
        "state": line.state,
        "match": _match(line),
        "exception": _exception(line),
    }


def _match(line: ReconLine) -> dict[str, Any] | None:
    """A line has one match that was not rejected; both it and the exceptions were fetched with the page."""
    for match in line.matches.all():
        prefix = PREFIXES.get(match.object_type)
        return {
            "state": match.state,
            "rule": match.rule,
            "type": match.object_type,
            "concerns": to_public(prefix, match.object_id) if prefix else None,
            "transfer": to_public("trf", match.transfer_id) if match.transfer_id else None,
        }
    return None


def _exception(line: ReconLine) -> str | None:
    """The newest, and an open one before a closed one."""
    found = sorted(line.exceptions.all(), key=lambda row: (row.status != RECON_CLOSED, row.opened_at, row.id))
    return to_public("rcx", found[-1].id) if found else None


# --- in, and for the document -----------------------------------------------------------------------------------------


class StartRunSerializer(InputSerializer):
    """A statement of an account of your own, as the form field `file` of a multipart body."""

    file = SentFileField(help_text="As the provider gave it out; 10 MiB at most.")
    account = TextField(max_length=100, help_text="The provider and your shortcode there, such as daraja:600123.")
    source = serializers.ChoiceField(choices=RECON_SOURCES, help_text="What kind of file it is.")  # type: ignore[assignment]
    currency = CurrencyField(choices=["KES"], default="KES")
    batch = TextField(
        required=False, max_length=100, help_text="Of a card provider's transactions: the settlement they are of."
    )
    first_day = serializers.DateField(required=False, help_text="Of a card provider's list: the first day told whole.")
    last_day = serializers.DateField(required=False, help_text="And the last.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        days = (attrs.pop("first_day", None), attrs.pop("last_day", None))
        if (days[0] is None) != (days[1] is None) or (days[0] is not None and days[0] > days[1]):
            raise serializers.ValidationError({"last_day": "Send both days, the first before the last, or neither."})
        attrs["days"] = None if days[0] is None else days
        return attrs


def count(words: str) -> serializers.IntegerField:
    return serializers.IntegerField(allow_null=True, help_text=words)


@extend_schema_serializer(examples=[OpenApiExample("Compared", value=texts.RUN_EXAMPLE)])
class ReconRunSerializer(serializers.Serializer[Any]):
    """One comparison of an account of your own with the books, with or without a statement that somebody brought."""

    id = serializers.CharField()
    object = serializers.CharField(default="reconciliation")
    livemode = serializers.BooleanField()
    account = serializers.CharField()
    source = serializers.ChoiceField(choices=RECON_SOURCES, allow_null=True)  # type: ignore[assignment]
    name = serializers.CharField(allow_null=True, help_text="Of the file.")
    status = serializers.ChoiceField(
        choices=RECON_RUN_STATES, help_text="In live mode a statement that was brought waits for the operator."
    )
    failure = serializers.CharField(allow_null=True)
    lines = count("In the file; null where none was brought.")
    lines_new = count("That no earlier file had.")
    unparsable = count("That nobody could read.")
    gaps = count("Places where the file leaves a movement out.")
    matched = count("Lines matched by this run.")
    proposed = count("Matches proposed to a person.")
    charges = count("Charges booked.")
    booked = count("Receipts booked that only the statement knew.")
    closed = count("Exceptions that fit after all.")
    exceptions = serializers.DictField(
        child=serializers.IntegerField(), allow_null=True, help_text="New ones, how many of each kind."
    )
    requested_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class ReconMatchSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=RECON_MATCH_STATES)
    rule = serializers.CharField()
    type = serializers.CharField()
    concerns = serializers.CharField(allow_null=True, help_text="The id of the payment, refund or receipt it is.")
    transfer = serializers.CharField(allow_null=True, help_text="What moved it in the books, trf_….")


@extend_schema_serializer(examples=[OpenApiExample("A matched receipt", value=texts.ITEM_EXAMPLE)])
class ReconItemSerializer(serializers.Serializer[Any]):
    """A line of a statement of your own shortcode. `direction` is seen from the shortcode."""

    id = serializers.CharField()
    object = serializers.CharField(default="reconciliation_item")
    livemode = serializers.BooleanField()
    account = serializers.CharField()
    line = serializers.IntegerField(help_text="Where it stands in its file.")
    kind = serializers.ChoiceField(choices=ENTRY_KINDS)
    direction = serializers.ChoiceField(choices=("in", "out"))
    amount = serializers.CharField()
    currency = serializers.CharField()
    balance_after = serializers.CharField(allow_null=True)
    receipt = serializers.CharField(allow_null=True)
    linked_receipt = serializers.CharField(allow_null=True, help_text="What it was charged for, or undoes.")
    account_reference = serializers.CharField(allow_null=True)
    narrative = serializers.CharField(allow_blank=True)
    occurred_at = serializers.DateTimeField()
    state = serializers.ChoiceField(choices=RECON_LINE_STATES)
    match = ReconMatchSerializer(allow_null=True)
    exception = serializers.CharField(allow_null=True, help_text="The id of the exception it raised, rcx_….")


class ReconRunListSerializer(PageSerializer):
    """A page of runs."""

    data = ReconRunSerializer(many=True)  # type: ignore[assignment]


class ReconItemListSerializer(PageSerializer):
    """A page of lines."""

    data = ReconItemSerializer(many=True)  # type: ignore[assignment]
