"""Finding settlements and their lines. Always within one merchant and mode."""

from collections.abc import Mapping
from uuid import UUID

from django.db.models import Q

from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.errors import NotFound
from onpoint_pay.kit.listing import Conditions, Order, Page, day, one_of, page_by, page_of, whole_number
from settlements.models import Settlement, SettlementLine
from settlements.states import LINE_KINDS, SETTLEMENT_STATES


def settlement_by_id(caller: Caller, settlement_id: UUID) -> Settlement:
    """Raises NotFound, also for another merchant's or mode's settlement."""
    row: Settlement | None = Settlement.objects.scoped(caller.merchant_id, caller.mode).filter(id=settlement_id).first()
    if row is None:
        raise NotFound("There is no such settlement for this key.")
    return row


def page_of_settlements(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[Settlement]:
    """One page by filter, newest first, and the cursor of the next.

    Raises Invalid for unknown or unreadable filters, Problem cursor_invalid for a cursor of another query.
    """
    rows = Settlement.objects.scoped(caller.merchant_id, caller.mode)
    return page_of(rows, query, CONDITIONS, by="created_at", limit=limit)


def page_of_lines(settlement: Settlement, query: Mapping[str, str], *, limit: int) -> Page[SettlementLine]:
    """Lines in the order in which they were taken. Raises Invalid and Problem cursor_invalid."""
    rows = SettlementLine.objects.filter(settlement=settlement).select_related("transfer")
    order = Order(read=whole_number, descending=False)
    return page_by(rows, query, LINE_CONDITIONS, limit=limit, order=order, within=str(settlement.id))


LINE_CONDITIONS: Conditions = {"kind": one_of("kind", LINE_KINDS)}
CONDITIONS: Conditions = {
    "status": one_of("status", SETTLEMENT_STATES),
    "day": lambda text: Q(day=day(text)),
    "date_from": lambda text: Q(day__gte=day(text)),
    "date_to": lambda text: Q(day__lte=day(text)),
}
