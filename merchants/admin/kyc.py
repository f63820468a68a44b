"""What businesses show to be verified: looked at, approved, rejected, given an end."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from audit.operators import cells, shown
from audit.operators.deeds import Deed, require
from audit.operators.filters import of_merchant, one_of
from audit.operators.pages import OperatorPage, Section
from audit.operators.rights import Right
from audit.operators.waiting import counts
from merchants.models import KycDocument
from merchants.selectors.kyc import kyc_of
from merchants.services import kyc
from merchants.states import APPROVED, IN_REVIEW, KYC_DOCUMENT_STATES, REJECTED
from onpoint_pay.kit.operator import OperatorCard
from onpoint_pay.kit.uploads.content import EXTENSIONS


class EndForm(forms.Form):
    """The last day a document holds."""

    expires_on = forms.DateField(
        required=False,
        label="Holds until",
        help_text="Empty: as its sender said, or no end.",
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "2027-03-31"}),
    )


class RejectForm(forms.Form):
    """Why a document does not hold."""

    reasons = forms.MultipleChoiceField(
        choices=KycDocument.Reason.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget()
    )
    note = forms.CharField(
        required=False, max_length=500, help_text="For the business to read.", widget=UnfoldAdminTextareaWidget()
    )


def _approve(card: OperatorCard, row: KycDocument, given: Mapping[str, Any]) -> str:
    document = kyc.approve(row.id, actor=card.actor, expires_on=given["expires_on"])
    return f"Approved; the business is {kyc_of(document.merchant_id).merchant.kyc_status}."


def _reject(card: OperatorCard, row: KycDocument, given: Mapping[str, Any]) -> str:
    kyc.reject(row.id, actor=card.actor, reasons=given["reasons"], note=given["note"])
    return "Rejected; the owners are told."


def _set_end(card: OperatorCard, row: KycDocument, given: Mapping[str, Any]) -> str:
    kyc.set_expiry(row.id, actor=card.actor, expires_on=given["expires_on"])
    return "Its end is set."


@admin.register(KycDocument)
class KycDocumentPage(OperatorPage):
    """A paper and what became of it. The file itself is for reviewers."""

    heading = "Papers of merchants"
    sees = Right.KYC
    prefix = "doc"
    list_display = ("shown_id", "shown_merchant", "type", "status", "shown_submitted", "expires_on")
    list_filter = (
        one_of("status", KYC_DOCUMENT_STATES),
        one_of("type", KycDocument.Type.values),
        of_merchant(),
    )
    fields = (
        "shown_id",
        "shown_merchant",
        "type",
        "status",
        "content_type",
        "size",
        "sha256",
        "shown_file",
        "expires_on",
        "shown_reasons",
        "note",
        "uploaded_by",
        "shown_created",
        "shown_submitted",
        "shown_decided",
        "decided_by",
    )
    shown_id = shown.public_id("doc")
    shown_merchant = shown.merchant()
    shown_created = shown.moment("created_at", label="sent")
    shown_submitted = shown.moment("submitted_at", label="handed in")
    shown_decided = shown.moment("decided_at", label="decided")
    personal = {"file name": lambda row: row.file_name}
    deeds = (
        Deed(
            name="approve",
            label="Approve",
            needs=Right.KYC_REVIEW,
            do=_approve,
            form=EndForm,
            when=lambda row: row.status == IN_REVIEW,
            note="When it is the last that is wanted, the business is verified and live mode opens.",
        ),
        Deed(
            name="reject",
            label="Reject",
            needs=Right.KYC_REVIEW,
            do=_reject,
            form=RejectForm,
            when=lambda row: row.status in (IN_REVIEW, APPROVED),
        ),
        Deed(
            name="end",
            label="Set its end",
            needs=Right.KYC_REVIEW,
            do=_set_end,
            form=EndForm,
            when=lambda row: row.status == APPROVED,
        ),
    )

    @admin.display(description="reasons")
    def shown_reasons(self, row: KycDocument) -> str:
        return ", ".join(row.reasons) if row.status == REJECTED else shown.NOTHING

    @admin.display(description="file")
    def shown_file(self, row: KycDocument) -> str:
        if row.data_key is None:
            return "taken back"
        address = reverse("admin:merchants_kycdocument_file", args=(row.id,))
        return format_html('<a href="{}">Take it (for reviewers; on record)</a>', address)

    def sections(self, request: HttpRequest, row: KycDocument) -> list[Section]:
        facts = kyc_of(row.merchant_id)
        wanted = [[each.type, each.note, cells.at(each.asked_at)] for each in facts.requests]
        others = [
            [shown.link(each.public_id, "merchants_kycdocument", each.id), each.type, each.status]
            for each in facts.documents
            if each.id != row.id
        ]
        missing = ", ".join(facts.missing) or "nothing"
        return [
            Section(
                title=f"Other papers of the business; missing: {missing}", headers=("", "type", "state"), rows=others
            ),
            Section(title="Asked for besides the usual", headers=("type", "note", "asked"), rows=wanted),
        ]

    def get_urls(self) -> list[URLPattern]:
        file = path("file/<str:object_id>/", self._view(self.file_view), name=self._name("file"))
        return [file, *super().get_urls()]

    def file_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """To keep, not to be shown: the browser neither guesses what it is nor runs what is in it."""
        card, row = require(request, Right.KYC_REVIEW), self.row_or_404(request, object_id)
        document, data = kyc.open_document(row.id, actor=card.actor)
        name = f"{document.public_id}.{EXTENSIONS[document.content_type]}"
        return HttpResponse(
            data,
            content_type=document.content_type,
            headers={"Cache-Control": "private, no-store", "Content-Disposition": f'attachment; filename="{name}"'},
        )


@counts(
    "Papers that wait for a reviewer",
    right=Right.KYC,
    page="admin:merchants_kycdocument_changelist",
    query=f"?status={IN_REVIEW}",
)
def papers_waiting() -> int:
    return kyc.waiting_documents().count()
