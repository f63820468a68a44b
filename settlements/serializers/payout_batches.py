"""Batches of payouts, in as JSON or CSV and out as JSON."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from merchants.serializers import TextField, stamp
from onpoint_pay import openapi_texts_payouts as texts
from onpoint_pay.kit.api import InputSerializer, faults_of
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.errors import Fault, Invalid, Problem
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from onpoint_pay.kit.pages import PageSerializer
from settlements.models import PayoutBatch
from settlements.serializers.payouts import AskPayoutSerializer
from settlements.states import BATCH_STATES

MOST_LINES = 500
# The columns of a CSV file: those of a destination under their own names.
DESTINATION_COLUMNS = (
    "type",
    "phone",
    "number",
    "account",
    "bank_code",
    "branch_code",
    "account_number",
    "account_name",
)
PAYOUT_COLUMNS = ("amount", "currency", "reason", "reference", "purpose")
KEPT_COLUMN = "destination"
COLUMNS = (*PAYOUT_COLUMNS, KEPT_COLUMN, *DESTINATION_COLUMNS)


class PayoutItemSerializer(AskPayoutSerializer):
    """One payout of a batch, as for one of its own."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = [str(name)[:64] for name in data if name not in self.fields] if isinstance(data, dict) else []
        faults: dict[str, Any] = {name: [ErrorDetail("Not a parameter.", "unknown_parameter")] for name in unknown}
        try:
            found = super().to_internal_value(data)
        except serializers.ValidationError as error:
            detail = error.detail if isinstance(error.detail, dict) else {"non_field_errors": error.detail}
            raise serializers.ValidationError({**detail, **faults}) from None
        if faults:
            raise serializers.ValidationError(faults)
        return found


@extend_schema_serializer(examples=[OpenApiExample("Two riders", value=texts.BATCH_REQUEST)])
class AskBatchSerializer(InputSerializer):
    """Payouts to be approved together."""

    description = TextField(max_length=120, help_text="What it is for, in the words of whoever will approve it.")
    items = serializers.ListField(child=PayoutItemSerializer(), min_length=1, max_length=MOST_LINES)


def read_csv(text: str) -> dict[int, dict[str, Any]]:
    """The checked payouts of a CSV file with a header, by the number of their line in the file.

    Raises Invalid with every fault of every line (`line[3].amount`), Problem parameter_invalid for a file that is
    none, or has too many lines.
    """
    rows = list(_rows(text))
    if not 1 <= len(rows) <= MOST_LINES:
        raise Problem("parameter_invalid", f"The file must have 1 to {MOST_LINES} payouts; it has {len(rows)}.")
    checked: dict[int, dict[str, Any]] = {}
    faults: list[Fault] = []
    for line, row in rows:
        serializer = PayoutItemSerializer(data=row)
        if serializer.is_valid():
            checked[line] = serializer.validated_data
        else:
            faults += faults_of(serializer.errors_with_codes(), f"line[{line}]")
    if faults:
        raise Invalid(faults)
    return checked


def _rows(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers and what each line says, shaped as a payout in JSON; empty cells are left out."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        names = [name.strip() for name in reader.fieldnames or []]
        unknown = [name for name in names if name not in COLUMNS]
        if unknown or "amount" not in names or len(set(names)) < len(names):
            shown = f"not {unknown[0][:32]!r}" if unknown else "amount among them, each once"
            raise Problem("parameter_invalid", f"The first line must name columns of {', '.join(COLUMNS)}; {shown}.")
        reader.fieldnames = names
        for row in reader:
            if None in row:
                raise Problem("parameter_invalid", f"Line {reader.line_num} has more cells than the header.")
            yield reader.line_num, _shaped({name: cell.strip() for name, cell in row.items() if cell and cell.strip()})
    except csv.Error as error:
        raise Problem("parameter_invalid", f"Line {reader.line_num} is not CSV: {error}.") from None


def _shaped(cells: dict[str, str]) -> dict[str, Any]:
    where = {name: cells[name] for name in DESTINATION_COLUMNS if name in cells}
    if KEPT_COLUMN in cells:
        where["id"] = cells[KEPT_COLUMN]
    return {name: cells[name] for name in PAYOUT_COLUMNS if name in cells} | {"destination": where}


# --- out --------------------------------------------------------------------------------------------------------------


def batch_body(batch: PayoutBatch, *, counts: dict[str, int]) -> dict[str, Any]:
    """A batch; `counts` says how many of its payouts are in each state."""
    return {
        "id": to_public("bat", batch.id),
        "object": "payout_batch",
        "livemode": batch.mode == LIVE,
        "description": batch.description,
        "status": batch.status,
        "approval_reasons": batch.approval_reasons,
        "lines": batch.lines,
        "amount": Money(batch.amount, batch.currency).decimal_text(),
        "fee": Money(batch.fee, batch.currency).decimal_text(),
        "currency": batch.currency,
        "counts": counts,
        "requested_by": batch.requested_by,
        "approved_by": batch.approved_by,
        "created_at": stamp(batch.created_at),
        "completed_at": stamp(batch.completed_at),
        "version": batch.version,
    }


@extend_schema_serializer(examples=[OpenApiExample("Waiting for approval", value=texts.BATCH_EXAMPLE)])
class PayoutBatchSerializer(serializers.Serializer[Any]):
    """Payouts asked for together."""

    id = serializers.CharField()
    object = serializers.CharField(default="payout_batch")
    livemode = serializers.BooleanField()
    description = serializers.CharField()
    status = serializers.ChoiceField(choices=BATCH_STATES)
    approval_reasons = serializers.ListField(child=serializers.CharField())
    lines = serializers.IntegerField()
    amount = serializers.CharField()
    fee = serializers.CharField()
    currency = serializers.CharField()
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="Payouts by status.")
    requested_by = serializers.CharField()
    approved_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class PayoutBatchListSerializer(PageSerializer):
    """A page of batches."""

    data = PayoutBatchSerializer(many=True)  # type: ignore[assignment]
