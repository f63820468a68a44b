"""Payouts and batches, where they go, and the files for banks; and being the second person who agrees or refuses."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelectWidget

from audit.operators import cells, shown
from audit.operators.deeds import Deed
from audit.operators.filters import by_key, lately, of_merchant, of_mode, one_of
from audit.operators.pages import OperatorPage, Section
from audit.operators.rights import Right
from audit.operators.waiting import counts
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.operator import OperatorCard
from settlements.admin.tables import postings
from settlements.models import BankFile, Payout, PayoutBatch, PayoutDestination
from settlements.selectors.postings import first_payouts_of, transfers_of_payout
from settlements.services.operator_approval import (
    approve_batch_as_operator,
    approve_payout_as_operator,
    refuse_batch_as_operator,
    refuse_payout_as_operator,
)
from settlements.states import (
    BATCH_REQUIRES_APPROVAL,
    BATCH_STATES,
    DESTINATION_STATES,
    DESTINATION_TYPES,
    PAYOUT_REQUIRES_APPROVAL,
    PAYOUT_ROUTES,
    PAYOUT_STATES,
)

SECOND = (
    "A person of the merchant's has asked for it, and you are the second who agrees. "
    "Whoever had a hand in asking cannot, and what nobody of the merchant's asked for cannot be approved here."
)
REFUSALS = {
    "not_confirmed": "The merchant did not confirm it",
    "destination_in_doubt": "The destination is in doubt",
    "merchant_in_doubt": "The merchant is being looked into",
    "asked_by_merchant": "The merchant asked for it",
}
PAYOUT_HEADERS = ("payout", "amount", "to", "status")


class RefuseForm(forms.Form):
    """Why it is refused, in words that the merchant may read too."""

    reason = forms.ChoiceField(choices=list(REFUSALS.items()), widget=UnfoldAdminSelectWidget())


def _approve(card: OperatorCard, row: Payout, said: Mapping[str, Any]) -> str:
    approve_payout_as_operator(card, row.pk)
    return "Approved: it is on its way."


def _refuse(card: OperatorCard, row: Payout, said: Mapping[str, Any]) -> str:
    refuse_payout_as_operator(card, row.pk, reason=REFUSALS[said["reason"]])
    return "Called off: amount and fee are in the merchant's balance again."


def _approve_batch(card: OperatorCard, row: PayoutBatch, said: Mapping[str, Any]) -> str:
    approve_batch_as_operator(card, row.pk)
    return "Approved: all of its payouts are on their way."


def _refuse_batch(card: OperatorCard, row: PayoutBatch, said: Mapping[str, Any]) -> str:
    refuse_batch_as_operator(card, row.pk, reason=REFUSALS[said["reason"]])
    return "Called off whole: amounts and fees are in the merchant's balance again."


def _waits(row: Payout) -> bool:
    return row.status == PAYOUT_REQUIRES_APPROVAL and row.batch_id is None


def _batch_waits(row: PayoutBatch) -> bool:
    return row.status == BATCH_REQUIRES_APPROVAL


def _target(destination: Any) -> str:
    """As lists and events show it: what names a person is starred already."""
    found = destination if isinstance(destination, dict) else {}
    return cells.words(" ".join(f"{name} {value}" for name, value in found.items() if value))


@admin.register(Payout)
class PayoutPage(OperatorPage):
    """A payout; the destination as everybody sees it, never in clear."""

    heading = "Payouts"
    sees = Right.PAYOUTS
    prefix = "pyt"
    finds = ("reference",)
    deeds = (
        Deed(name="approve", label="Approve", needs=Right.PAYOUTS_APPROVE, do=_approve, when=_waits, note=SECOND),
        Deed(name="refuse", label="Refuse", needs=Right.PAYOUTS_APPROVE, do=_refuse, form=RefuseForm, when=_waits),
    )
    list_display = (
        "shown_id",
        "shown_merchant",
        "mode",
        "shown_amount",
        "to",
        "route",
        "status",
        "pending_reason",
        "created",
    )
    list_filter = (
        *(one_of("status", PAYOUT_STATES), one_of("route", PAYOUT_ROUTES), of_mode(), of_merchant()),
        lately(by_key),
    )
    fields = (
        *(
            "shown_id",
            "reference",
            "own_reference",
            "shown_merchant",
            "mode",
            "status",
            "pending_reason",
            "shown_amount",
        ),
        *(
            "shown_fee",
            "shown_paid",
            "shown_released",
            "shown_given_back",
            "to",
            "route",
            "paid_from",
            "why",
            "purpose",
        ),
        *("asks", "requested_by", "hands", "approved_by", "batch_link", "retry", "receipt", "failed", "created"),
        *("approved", "completed"),
    )
    readonly_fields = fields

    shown_id = shown.public_id("pyt")
    shown_merchant = shown.merchant()
    shown_amount = shown.money("amount", label="amount")
    shown_fee = shown.money("fee", label="fee")
    shown_paid = shown.money("paid", label="paid")
    shown_released = shown.money("released", label="released")
    shown_given_back = shown.money("given_back", label="came back")
    created = shown.moment("created_at")
    approved = shown.moment("approved_at")
    completed = shown.moment("completed_at")

    @admin.display(description="merchant's reference")
    def own_reference(self, row: Payout) -> str:
        return cells.words(row.merchant_reference)

    @admin.display(description="to")
    def to(self, row: Payout) -> str:
        return _target(row.destination)

    @admin.display(description="reason")
    def why(self, row: Payout) -> str:
        return cells.words(row.reason)

    @admin.display(description="why a second person must agree")
    def asks(self, row: Payout) -> str:
        return ", ".join(row.approval_reasons) or shown.NOTHING

    @admin.display(description="had a hand in asking")
    def hands(self, row: Payout) -> str:
        return ", ".join(row.makers)

    @admin.display(description="batch")
    def batch_link(self, row: Payout) -> str:
        key = row.batch_id
        return shown.NOTHING if key is None else shown.link(to_public("bat", key), "settlements_payoutbatch", key)

    @admin.display(description="in place of")
    def retry(self, row: Payout) -> str:
        key = row.retry_of_id
        return shown.NOTHING if key is None else shown.link(to_public("pyt", key), "settlements_payout", key)

    @admin.display(description="failure")
    def failed(self, row: Payout) -> str:
        return cells.words(str((row.failure or {}).get("code", "")))

    def sections(self, request: HttpRequest, row: Payout) -> list[Section]:
        return [postings(transfers_of_payout(row.pk))]


@admin.register(PayoutBatch)
class PayoutBatchPage(OperatorPage):
    """Payouts that are decided together."""

    heading = "Payout batches"
    sees = Right.PAYOUTS
    prefix = "bat"
    deeds = (
        Deed(
            name="approve",
            label="Approve all",
            needs=Right.PAYOUTS_APPROVE,
            do=_approve_batch,
            when=_batch_waits,
            note=SECOND,
        ),
        Deed(
            name="refuse",
            label="Refuse all",
            needs=Right.PAYOUTS_APPROVE,
            do=_refuse_batch,
            form=RefuseForm,
            when=_batch_waits,
        ),
    )
    list_display = ("shown_id", "shown_merchant", "mode", "status", "lines", "shown_amount", "requested_by", "created")
    list_filter = (one_of("status", BATCH_STATES), of_mode(), of_merchant())
    fields = (
        *("shown_id", "shown_merchant", "mode", "status", "about", "lines", "shown_amount", "shown_fee", "asks"),
        *("requested_by", "hands", "approved_by", "created", "completed"),
    )
    readonly_fields = fields

    shown_id = shown.public_id("bat")
    shown_merchant = shown.merchant()
    shown_amount = shown.money("amount", label="amount")
    shown_fee = shown.money("fee", label="fees")
    created = shown.moment("created_at")
    completed = shown.moment("completed_at")

    @admin.display(description="description")
    def about(self, row: PayoutBatch) -> str:
        return cells.words(row.description)

    @admin.display(description="why a second person must agree")
    def asks(self, row: PayoutBatch) -> str:
        return ", ".join(row.approval_reasons) or shown.NOTHING

    @admin.display(description="had a hand in asking")
    def hands(self, row: PayoutBatch) -> str:
        return ", ".join(row.makers)

    def sections(self, request: HttpRequest, row: PayoutBatch) -> list[Section]:
        rows = [
            [
                shown.link(to_public("pyt", each.pk), "settlements_payout", each.pk),
                cells.amount(each.amount, each.currency),
                _target(each.destination),
                each.status,
            ]
            for each in first_payouts_of(row)
        ]
        return [Section(title="The first payouts", headers=PAYOUT_HEADERS, rows=rows)]


@admin.register(PayoutDestination)
class DestinationPage(OperatorPage):
    """Where a merchant sends money, as everybody sees it."""

    heading = "Payout destinations"
    sees = Right.PAYOUTS
    prefix = "dst"
    list_display = ("shown_id", "shown_merchant", "mode", "type", "to", "status", "created_by", "created")
    list_filter = (one_of("type", DESTINATION_TYPES), one_of("status", DESTINATION_STATES), of_mode(), of_merchant())
    fields = (
        "shown_id",
        "shown_merchant",
        "mode",
        "type",
        "name",
        "to",
        "status",
        "created_by",
        "created",
        "usable",
        "deleted",
    )
    readonly_fields = fields

    shown_id = shown.public_id("dst")
    shown_merchant = shown.merchant()
    created = shown.moment("created_at")
    usable = shown.moment("usable_from", label="needs no second person from")
    deleted = shown.moment("deleted_at")

    @admin.display(description="label")
    def name(self, row: PayoutDestination) -> str:
        return cells.words(row.label)

    @admin.display(description="to")
    def to(self, row: PayoutDestination) -> str:
        return _target(row.shown)


@admin.register(BankFile)
class BankFilePage(OperatorPage):
    """That a file was handed out, and its digest; what it says names people and is sealed."""

    heading = "Bank files"
    sees = Right.PAYOUTS
    prefix = "bnk"
    list_display = ("account", "mode", "day", "number", "lines", "shown_amount", "exported_by", "exported")
    list_filter = (of_mode(),)
    fields = (
        *("route", "account", "mode", "day", "number", "lines", "shown_amount", "sha256", "exported_by", "exported"),
    )
    readonly_fields = fields

    shown_amount = shown.money("amount", label="amount")
    exported = shown.moment("exported_at")


@counts(
    "Payouts that wait for a second person",
    right=Right.PAYOUTS,
    page="admin:settlements_payout_changelist",
    query=f"?status={PAYOUT_REQUIRES_APPROVAL}",
)
def waiting_payouts() -> int:
    return int(Payout.objects.filter(status=PAYOUT_REQUIRES_APPROVAL, batch=None).count())


@counts(
    "Batches that wait for a second person",
    right=Right.PAYOUTS,
    page="admin:settlements_payoutbatch_changelist",
    query=f"?status={BATCH_REQUIRES_APPROVAL}",
)
def waiting_batches() -> int:
    return int(PayoutBatch.objects.filter(status=BATCH_REQUIRES_APPROVAL).count())
