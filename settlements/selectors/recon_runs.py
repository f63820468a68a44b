"""Runs of reconciliation and the lines they compared. Always within one merchant and mode."""

from collections.abc import Mapping
from uuid import UUID

from django.db.models import Prefetch, Q

from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.entries import ENTRY_KINDS, IN, OUT
from onpoint_pay.kit.errors import NotFound
from onpoint_pay.kit.listing import AMOUNTS, Conditions, Page, key_in, one_of, page_of, time_range
from settlements.models import ReconLine, ReconMatch, ReconRun
from settlements.selectors.recon_accounts import own_accounts
from settlements.states import RECON_LINE_STATES, RECON_RUN_STATES, RECON_SOURCES

RUN_CONDITIONS: Conditions = {
    "status": one_of("status", RECON_RUN_STATES),
    "source": one_of("source", RECON_SOURCES),
    "account": lambda text: Q(account=text),
    **time_range("created_at"),
}
ITEM_CONDITIONS: Conditions = {
    "state": one_of("state", RECON_LINE_STATES),
    "kind": one_of("kind", ENTRY_KINDS),
    "direction": one_of("direction", (IN, OUT)),
    "account": lambda text: Q(account=text),
    "receipt": lambda text: Q(external_id=text.upper()),
    "run": key_in("file__runs", "rec"),
    **AMOUNTS,
    **time_range("occurred_at"),
}


def run_by_id(caller: Caller, run_id: UUID) -> ReconRun:
    """Raises NotFound, also for another merchant's or mode's run."""
    row: ReconRun | None = ReconRun.objects.scoped(caller.merchant_id, caller.mode).filter(id=run_id).first()
    if row is None:
        raise NotFound("There is no such run.")
    return row


def page_of_runs(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[ReconRun]:
    """One page by filter, newest first, and the cursor of the next. Raises Invalid, Problem cursor_invalid."""
    rows = ReconRun.objects.scoped(caller.merchant_id, caller.mode)
    return page_of(rows, query, RUN_CONDITIONS, by="created_at", limit=limit)


def page_of_items(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[ReconLine]:
    """As page_of_runs, of lines with their matches and exceptions, the latest movement first."""
    live = ReconMatch.objects.exclude(state="rejected")
    rows = ReconLine.objects.filter(account__in=own_accounts(caller), mode=caller.mode).prefetch_related(
        Prefetch("matches", live), "exceptions"
    )
    return page_of(rows, query, ITEM_CONDITIONS, by="occurred_at", limit=limit)
