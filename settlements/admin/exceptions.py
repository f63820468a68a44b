"""Exceptions of reconciliation: whose each is, how old, what may be done, and two people who close it."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from audit.operators import cells, shown
from audit.operators.deeds import Deed
from audit.operators.filters import by_words, of_merchant, of_mode, one_of
from audit.operators.pages import OperatorPage, Section
from audit.operators.rights import Right
from audit.operators.waiting import counts
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.operator import OperatorCard
from settlements.admin.tables import postings
from settlements.models import ReconException
from settlements.selectors.postings import lines_at, transfers_of_key
from settlements.serializers.recon import PREFIXES, suggestion_of
from settlements.services.recon_exceptions import (
    CONTRAS,
    assign_exception,
    close_exception,
    propose_resolution,
    reopen_exception,
)
from settlements.states import (
    RECON_CLOSED,
    RECON_EXCEPTION_KINDS,
    RECON_EXCEPTION_STATES,
    RECON_OPEN,
    RECON_PROPOSED,
    RECON_QUEUE,
    RECON_SEVERITIES,
)

LINE_HEADERS = ("line", "receipt", "direction", "amount", "kind", "at", "state")
# The pages of these objects, by the word with which an exception names them.
PAGES = {"payment": "payments_payment", "refund": "payments_refund"}
DISAGREEMENTS = {
    "no_proof": "Nothing shows that it is so",
    "wrong_account": "It belongs against another account",
    "still_open": "It may still fit by itself",
    "taken_back": "Taken back by the one who proposed it",
}


class ProposeForm(forms.Form):
    """How it should end; posted against an account of ours, or without a posting."""

    resolution = forms.CharField(
        max_length=200, help_text="What was found. Name nobody.", widget=UnfoldAdminTextInputWidget()
    )
    contra = forms.ChoiceField(
        required=False,
        label="post against",
        choices=[("", "Nothing is posted"), *((kind, kind.replace("_", " ")) for kind in CONTRAS)],
        widget=UnfoldAdminSelectWidget(),
    )


class AgreeForm(forms.Form):
    """The second person says what is posted too: what was proposed may have changed since they read it."""

    contra = forms.ChoiceField(
        label="I agree to post against",
        choices=[
            ("", "Choose"),
            ("nothing", "Nothing is posted"),
            *((kind, kind.replace("_", " ")) for kind in CONTRAS),
        ],
        widget=UnfoldAdminSelectWidget(),
    )


class ReopenForm(forms.Form):
    """Why one does not agree."""

    reason = forms.ChoiceField(choices=list(DISAGREEMENTS.items()), widget=UnfoldAdminSelectWidget())


def _take(card: OperatorCard, row: ReconException, said: Mapping[str, Any]) -> str:
    assign_exception(row.pk, owner=card.actor, actor=card.actor)
    return "It is yours."


def _propose(card: OperatorCard, row: ReconException, said: Mapping[str, Any]) -> str:
    propose_resolution(row.pk, actor=card.actor, resolution=said["resolution"], contra=said["contra"] or None)
    return "Proposed: another person must agree."


def _close(card: OperatorCard, row: ReconException, said: Mapping[str, Any]) -> str:
    contra = None if said["contra"] == "nothing" else said["contra"]
    closed = close_exception(row.pk, actor=card.actor, contra=contra)
    return "Closed, and posted." if closed.will_post else "Closed; nothing was posted."


def _reopen(card: OperatorCard, row: ReconException, said: Mapping[str, Any]) -> str:
    reopen_exception(row.pk, actor=card.actor, reason=DISAGREEMENTS[said["reason"]])
    return "Open again; nothing was posted."


@admin.register(ReconException)
class ExceptionPage(OperatorPage):
    """What does not fit."""

    heading = "Exceptions"
    sees = Right.EXCEPTIONS
    prefix = "rcx"
    finds = ("external_id",)
    deeds = (
        Deed(
            name="take",
            label="Take it",
            needs=Right.EXCEPTIONS_RESOLVE,
            do=_take,
            when=lambda row: row.status != RECON_CLOSED,
            needs_proof=False,
        ),
        Deed(
            name="propose",
            label="Propose how it ends",
            needs=Right.EXCEPTIONS_RESOLVE,
            do=_propose,
            form=ProposeForm,
            when=lambda row: row.status == RECON_OPEN,
        ),
        Deed(
            name="agree",
            label="Agree and close",
            needs=Right.EXCEPTIONS_RESOLVE,
            do=_close,
            form=AgreeForm,
            when=lambda row: row.status == RECON_PROPOSED,
            note="Whoever proposed it cannot agree.",
        ),
        Deed(
            name="reopen",
            label="Do not agree",
            needs=Right.EXCEPTIONS_RESOLVE,
            do=_reopen,
            form=ReopenForm,
            when=lambda row: row.status == RECON_PROPOSED,
        ),
    )
    list_display = (
        "shown_id",
        "kind",
        "severity",
        "age",
        "owner",
        "status",
        "account",
        "mode",
        "shown_amount",
        "may_end",
    )
    list_filter = (
        *(one_of("status", RECON_EXCEPTION_STATES), one_of("severity", RECON_SEVERITIES)),
        *(one_of("kind", RECON_EXCEPTION_KINDS), of_mode(), of_merchant()),
        by_words("taken", {"nobody's": Q(owner=RECON_QUEUE), "somebody's": ~Q(owner=RECON_QUEUE)}),
    )
    fields = (
        *("shown_id", "kind", "severity", "status", "age", "owner", "account", "mode", "shown_merchant", "concerns"),
        *("external_id", "shown_amount", "effect", "may_end", "occurred", "opened", "proposed_by", "proposed"),
        *("ends_so", "posts", "closed_by", "closed"),
    )
    readonly_fields = fields

    shown_id = shown.public_id("rcx")
    shown_merchant = shown.merchant()
    shown_amount = shown.money("amount", label="amount")
    effect = shown.money("float_effect", label="ledger above the provider by")
    occurred = shown.moment("occurred_at")
    opened = shown.moment("opened_at")
    proposed = shown.moment("proposed_at")
    closed = shown.moment("closed_at")

    @admin.display(description="age, days")
    def age(self, row: ReconException) -> int:
        return ((row.closed_at or now()) - row.opened_at).days

    @admin.display(description="may end by")
    def may_end(self, row: ReconException) -> str:
        return suggestion_of(row)

    @admin.display(description="about")
    def concerns(self, row: ReconException) -> str:
        if row.object_id is None:
            return shown.NOTHING
        kind = row.object_type or ""
        name = to_public(PREFIXES[kind], row.object_id) if kind in PREFIXES else f"{kind} {row.object_id}"
        return shown.link(name, PAGES.get(kind, ""), row.object_id)

    @admin.display(description="ends so")
    def ends_so(self, row: ReconException) -> str:
        return cells.words(row.resolution)

    @admin.display(description="posted against")
    def posts(self, row: ReconException) -> str:
        return str(row.posting.get("contra", shown.NOTHING)) if row.will_post else shown.NOTHING

    def sections(self, request: HttpRequest, row: ReconException) -> list[Section]:
        lines = [
            [
                line.pk,
                line.external_id,
                line.direction,
                cells.amount(line.amount, line.currency),
                line.kind,
                cells.at(line.occurred_at),
                line.state,
            ]
            for line in lines_at(row.line)
        ]
        found = [[name.replace("_", " "), cells.words(str(value))] for name, value in row.detail.items()]
        return [
            Section(title="Lines of statements", headers=LINE_HEADERS, rows=lines),
            Section(title="What was found", headers=("", ""), rows=found),
            postings(transfers_of_key(row.transfer_id), title="Posted when it was closed"),
        ]


@counts(
    "Exceptions that nobody has taken",
    right=Right.EXCEPTIONS,
    page="admin:settlements_reconexception_changelist",
    query=f"?status={RECON_OPEN}",
)
def untaken() -> int:
    return int(ReconException.objects.filter(status=RECON_OPEN, owner=RECON_QUEUE).count())


@counts(
    "Exceptions that wait for a second person",
    right=Right.EXCEPTIONS,
    page="admin:settlements_reconexception_changelist",
    query=f"?status={RECON_PROPOSED}",
)
def to_agree() -> int:
    return int(ReconException.objects.filter(status=RECON_PROPOSED).count())
