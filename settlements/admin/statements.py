"""Statements that merchants brought, and whether one of live mode may be taken in."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin

from audit.operators import cells, shown
from audit.operators.deeds import Deed
from audit.operators.filters import by_key, lately, of_merchant, of_mode, one_of
from audit.operators.pages import OperatorPage
from audit.operators.rights import Right
from audit.operators.waiting import counts
from onpoint_pay.kit.operator import OperatorCard
from settlements.models import ReconRun
from settlements.services.recon_runs import decide_run
from settlements.states import RECON_RUN_STATES, RUN_WAITS


def _accept(card: OperatorCard, row: ReconRun, said: Mapping[str, Any]) -> str:
    decide_run(row.pk, actor=card.actor, agrees=True)
    return "A worker takes it in now."


def _refuse(card: OperatorCard, row: ReconRun, said: Mapping[str, Any]) -> str:
    decide_run(row.pk, actor=card.actor, agrees=False)
    return "Nothing of it is taken in."


def _waits(row: ReconRun) -> bool:
    return row.status == RUN_WAITS


@admin.register(ReconRun)
class RunPage(OperatorPage):
    """One comparison of a merchant's own account with the books."""

    heading = "Reconciliation runs"
    sees = Right.EXCEPTIONS
    prefix = "rec"
    deeds = (
        Deed(
            name="accept",
            label="Take the statement in",
            needs=Right.EXCEPTIONS_RESOLVE,
            do=_accept,
            when=_waits,
            note="A statement is evidence: see that it is what the provider says.",
        ),
        Deed(name="refuse", label="Refuse it", needs=Right.EXCEPTIONS_RESOLVE, do=_refuse, when=_waits),
    )
    list_display = ("shown_id", "shown_merchant", "mode", "account", "source", "status", "requested_by", "created")
    list_filter = (one_of("status", RECON_RUN_STATES), of_mode(), of_merchant(), lately(by_key))
    fields = (
        *(
            "shown_id",
            "shown_merchant",
            "mode",
            "account",
            "source",
            "file_name",
            "status",
            "failed",
            "matched",
            "requested_by",
        ),
        *("decided_by", "created", "finished"),
    )
    readonly_fields = fields

    shown_id = shown.public_id("rec")
    shown_merchant = shown.merchant()
    created = shown.moment("created_at")
    finished = shown.moment("finished_at")

    @admin.display(description="file")
    def file_name(self, row: ReconRun) -> str:
        return cells.words(row.name)

    @admin.display(description="failure")
    def failed(self, row: ReconRun) -> str:
        return cells.words(row.failure)

    @admin.display(description="found")
    def matched(self, row: ReconRun) -> str:
        return cells.words(", ".join(f"{name} {value}" for name, value in row.found.items()))


@counts(
    "Statements that wait to be taken in",
    right=Right.EXCEPTIONS,
    page="admin:settlements_reconrun_changelist",
    query=f"?status={RUN_WAITS}",
)
def brought() -> int:
    return int(ReconRun.objects.filter(status=RUN_WAITS).count())
