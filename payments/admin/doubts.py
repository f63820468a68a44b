"""Money in doubt: tries of payouts and refunds that nobody tells how they ended, and the first who says it."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Case, QuerySet, TextField, Value, When
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from audit.operators import cells, shown
from audit.operators.deeds import Deed
from audit.operators.filters import of_merchant, of_mode
from audit.operators.pages import OperatorPage, Section
from audit.operators.rights import Right
from audit.operators.waiting import counts
from onpoint_pay.kit.caller import LIVE, MODES
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.operator import OperatorCard
from payments.admin import stories
from payments.admin.callbacks import concerns
from payments.models import MoneyOp
from payments.selectors import dossier
from payments.services.doubt_list import Doubt, doubts
from payments.services.doubts import Verdict, propose
from payments.states import DOUBT_OUTCOMES, DOUBT_PROPOSED, OP_FILED, OP_OUT

DECISION_HEADERS = ("proposal", "ended so", "receipt", "note", "by", "state", "decided by")


class ProposeForm(forms.Form):
    """How the try ended, and what shows it."""

    outcome = forms.ChoiceField(
        choices=[(word, word) for word in DOUBT_OUTCOMES], label="it has", widget=UnfoldAdminSelectWidget()
    )
    receipt = forms.CharField(
        required=False,
        max_length=64,
        help_text="The network's receipt, or the bank's reference.",
        widget=UnfoldAdminTextInputWidget(),
    )
    note = forms.CharField(
        required=False, max_length=500, help_text="What was looked at, and where.", widget=UnfoldAdminTextInputWidget()
    )


def _propose(card: OperatorCard, row: MoneyOp, said: Mapping[str, Any]) -> str:
    verdict = Verdict(outcome=said["outcome"], receipt=said["receipt"] or None, note=said["note"])
    propose(row.pk, verdict, actor=card.actor)
    return "Proposed: another person must confirm it. Nothing has moved."


def _is_free(row: MoneyOp) -> bool:
    """Nothing is proposed that waits for a second person."""
    return all(each.status != DOUBT_PROPOSED for each in dossier.decisions_on(row))


def _doubts(request: HttpRequest) -> dict[Any, Doubt]:
    """What is in doubt in both modes, by the key of the try; found once for a request."""
    if not hasattr(request, "doubts"):
        request.doubts = {doubt.op.pk: doubt for mode in MODES for doubt in doubts(mode)}  # type: ignore[attr-defined]
    found: dict[Any, Doubt] = request.doubts  # type: ignore[attr-defined]
    return found


class QueueFilter(DropdownFilter):
    """What is in doubt now, unless all tries that send money out are asked for."""

    title = "queue"
    parameter_name = "queue"
    all_option = ["", "In doubt now"]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("all", "All tries of money out")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[MoneyOp]) -> QuerySet[MoneyOp]:
        is_all = self.value() == "all" or request.GET.get("q")
        return queryset if is_all else queryset.filter(pk__in=list(_doubts(request)))


@admin.register(MoneyOp)
class DoubtPage(OperatorPage):
    """A try that sends money out."""

    heading = "Money in doubt"
    sees = Right.EXCEPTIONS
    finds = ("client_ref",)
    deeds = (
        Deed(
            name="propose",
            label="Say how it ended",
            needs=Right.EXCEPTIONS_RESOLVE,
            do=_propose,
            form=ProposeForm,
            when=_is_free,
            note="With the receipt, or a note of what was looked at. Another person must confirm it.",
        ),
    )
    list_display = (
        "client_ref",
        "shown_merchant",
        "mode",
        "kind",
        "shown_amount",
        "why",
        "age",
        "not_found",
        "proposed_by",
        "about",
    )
    list_filter = (QueueFilter, of_mode(), of_merchant())
    fields = (
        *(
            "client_ref",
            "shown_merchant",
            "mode",
            "kind",
            "about",
            "part",
            "shown_amount",
            "status",
            "why",
            "age",
            "not_found",
        ),
        *("provider", "names", "receipt", "checks", "sent", "created"),
    )
    readonly_fields = fields

    shown_merchant = shown.merchant()
    shown_amount = shown.money("amount", label="amount")
    sent = shown.moment("sent_at")
    created = shown.moment("created_at")

    @admin.display(description="why")
    def why(self, row: MoneyOp) -> str:
        return row.why or shown.NOTHING  # type: ignore[attr-defined]

    @admin.display(description="age, days")
    def age(self, row: MoneyOp) -> int:
        return (now() - (row.sent_at or row.created_at)).days

    @admin.display(description="provider knows none, times")
    def not_found(self, row: MoneyOp) -> int:
        return int(row.not_found)  # type: ignore[attr-defined]

    @admin.display(description="proposed by")
    def proposed_by(self, row: MoneyOp) -> str:
        return row.proposed_by or shown.NOTHING  # type: ignore[attr-defined]

    @admin.display(description="of")
    def about(self, row: MoneyOp) -> str:
        return concerns(row)

    @admin.display(description="provider's names")
    def names(self, row: MoneyOp) -> str:
        return cells.words(" ".join(filter(None, (row.provider_ref, row.query_ref))))

    def title_of(self, row: MoneyOp) -> str:
        return row.client_ref

    def get_queryset(self, request: HttpRequest) -> QuerySet[MoneyOp]:
        found = _doubts(request)
        rows: QuerySet[MoneyOp] = super().get_queryset(request).filter(kind__in=(*OP_OUT, *OP_FILED))
        return rows.annotate(
            why=_told({key: doubt.why for key, doubt in found.items()}),
            not_found=_told({key: str(doubt.not_found) for key, doubt in found.items()}, otherwise="0"),
            proposed_by=_told({key: doubt.proposal.proposed_by for key, doubt in found.items() if doubt.proposal}),
        )

    def sections(self, request: HttpRequest, row: MoneyOp) -> list[Section]:
        decisions = [
            [
                shown.link(to_public("dbt", each.pk), "payments_doubtdecision", each.pk),
                each.outcome,
                each.receipt or shown.NOTHING,
                cells.words(each.note),
                each.proposed_by,
                each.status,
                each.decided_by or shown.NOTHING,
            ]
            for each in dossier.decisions_on(row)
        ]
        return [
            Section(title="What people said", headers=DECISION_HEADERS, rows=decisions),
            stories.claims(dossier.claims_of([row])),
        ]


def _told(words: Mapping[Any, str], *, otherwise: str = "") -> Case:
    """The word of a row's key."""
    whens = [When(pk=key, then=Value(word)) for key, word in words.items()]
    return Case(*whens, default=Value(otherwise), output_field=TextField())


@counts("Money in doubt", right=Right.EXCEPTIONS, page="admin:payments_moneyop_changelist", query="?mode=live")
def in_doubt() -> int:
    return len(doubts(LIVE))
