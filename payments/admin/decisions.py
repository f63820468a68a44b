"""What one person said about money in doubt, and the second who confirms exactly that, or rejects it."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from audit.operators import cells, shown
from audit.operators.deeds import Deed
from audit.operators.filters import of_merchant, of_mode, one_of
from audit.operators.pages import OperatorPage, Section
from audit.operators.rights import Right
from audit.operators.waiting import counts
from onpoint_pay.kit.operator import OperatorCard
from payments.admin import stories
from payments.admin.callbacks import concerns
from payments.models import DoubtDecision
from payments.selectors import dossier
from payments.services.doubts import confirm, reject
from payments.states import DOUBT_PROPOSED, DOUBT_STATES


def _confirm(card: OperatorCard, row: DoubtDecision, said: Mapping[str, Any]) -> str:
    decision = confirm(row.pk, actor=card.actor)
    return f"Confirmed: it has {decision.outcome}, and is booked so."


def _reject(card: OperatorCard, row: DoubtDecision, said: Mapping[str, Any]) -> str:
    reject(row.pk, actor=card.actor)
    return "Rejected; nothing has moved."


def _waits(row: DoubtDecision) -> bool:
    return row.status == DOUBT_PROPOSED


@admin.register(DoubtDecision)
class DecisionPage(OperatorPage):
    """A proposal is never changed: who confirms it confirms what they have read."""

    heading = "Proposals about doubts"
    sees = Right.EXCEPTIONS
    prefix = "dbt"
    deeds = (
        Deed(
            name="confirm",
            label="Confirm",
            needs=Right.EXCEPTIONS_RESOLVE,
            do=_confirm,
            when=_waits,
            note="It is booked so, or its money is freed. Whoever proposed it cannot confirm it.",
        ),
        Deed(name="reject", label="Reject", needs=Right.EXCEPTIONS_RESOLVE, do=_reject, when=_waits),
    )
    list_display = ("shown_id", "try_link", "outcome", "status", "proposed_by", "proposed", "mode", "shown_merchant")
    list_filter = (one_of("status", DOUBT_STATES), of_mode(), of_merchant())
    fields = (
        *(
            "shown_id",
            "try_link",
            "about",
            "shown_amount",
            "shown_merchant",
            "mode",
            "outcome",
            "receipt",
            "shown_note",
        ),
        *("status", "proposed_by", "proposed", "decided_by", "decided"),
    )
    readonly_fields = fields

    shown_id = shown.public_id("dbt")
    shown_merchant = shown.merchant()
    proposed = shown.moment("proposed_at")
    decided = shown.moment("decided_at")

    @admin.display(description="try")
    def try_link(self, row: DoubtDecision) -> str:
        return shown.link(row.op.client_ref, "payments_moneyop", row.op_id)

    @admin.display(description="of")
    def about(self, row: DoubtDecision) -> str:
        return concerns(row.op)

    @admin.display(description="amount")
    def shown_amount(self, row: DoubtDecision) -> str:
        return cells.amount(row.op.amount, row.op.currency)

    @admin.display(description="what was looked at")
    def shown_note(self, row: DoubtDecision) -> str:
        return cells.words(row.note)

    def get_queryset(self, request: HttpRequest) -> QuerySet[DoubtDecision]:
        rows: QuerySet[DoubtDecision] = super().get_queryset(request).select_related("op")
        return rows

    def sections(self, request: HttpRequest, row: DoubtDecision) -> list[Section]:
        return [stories.tries([row.op]), stories.claims(dossier.claims_of([row.op]))]


@counts(
    "Proposals about doubts to confirm",
    right=Right.EXCEPTIONS,
    page="admin:payments_doubtdecision_changelist",
    query=f"?status={DOUBT_PROPOSED}",
)
def to_confirm() -> int:
    return int(DoubtDecision.objects.filter(status=DOUBT_PROPOSED).count())
