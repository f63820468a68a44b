"""Finding payouts, batches and destinations, one or in pages. Always within one merchant and mode."""

from collections.abc import Mapping
from uuid import UUID

from django.db.models import Q, QuerySet

from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.errors import NotFound
from onpoint_pay.kit.listing import AMOUNT_AND_TIME, Conditions, Page, key_in, one_of, page_of
from settlements.models import Payout, PayoutBatch, PayoutDestination
from settlements.states import BATCH_STATES, DESTINATION_STATES, DESTINATION_TYPES, PAYOUT_ROUTES, PAYOUT_STATES


def payouts_of(caller: Caller) -> QuerySet[Payout]:
    return Payout.objects.scoped(caller.merchant_id, caller.mode).select_related("batch")


def payout_by_id(caller: Caller, payout_id: UUID) -> Payout:
    """Raises NotFound, also for another merchant's or mode's payout."""
    payout = payouts_of(caller).filter(id=payout_id).first()
    if payout is None:
        raise NotFound("There is no such payout for this key.")
    return payout


def page_of_payouts(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[Payout]:
    """One page by filter, newest first, and the cursor of the next.

    Raises Invalid for unknown or unreadable filters, Problem cursor_invalid for a cursor of another query.
    """
    return page_of(payouts_of(caller), query, PAYOUT_READERS, by="created_at", limit=limit)


def batch_by_id(caller: Caller, batch_id: UUID) -> PayoutBatch:
    """Raises NotFound, also for another merchant's or mode's batch."""
    batch = PayoutBatch.objects.scoped(caller.merchant_id, caller.mode).filter(id=batch_id).first()
    if batch is None:
        raise NotFound("There is no such batch for this key.")
    return batch


def page_of_batches(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[PayoutBatch]:
    """As page_of_payouts, of batches."""
    rows = PayoutBatch.objects.scoped(caller.merchant_id, caller.mode)
    return page_of(rows, query, BATCH_READERS, by="created_at", limit=limit)


def destination_by_id(caller: Caller, destination_id: UUID) -> PayoutDestination:
    """Raises NotFound, also for another merchant's or mode's destination."""
    rows = PayoutDestination.objects.scoped(caller.merchant_id, caller.mode)
    destination = rows.filter(id=destination_id).first()
    if destination is None:
        raise NotFound("There is no such payout destination for this key.")
    return destination


def page_of_destinations(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[PayoutDestination]:
    """As page_of_payouts, of destinations; deleted ones only when asked for."""
    rows = PayoutDestination.objects.scoped(caller.merchant_id, caller.mode)
    if "status" not in query:
        rows = rows.filter(status="active")
    return page_of(rows, query, DESTINATION_READERS, by="created_at", limit=limit)


PAYOUT_READERS: Conditions = {
    "status": one_of("status", PAYOUT_STATES),
    "route": one_of("route", PAYOUT_ROUTES),
    "reference": lambda text: Q(merchant_reference=text) | Q(reference=text),
    "batch": key_in("batch_id", "bat"),
    "destination": key_in("destination_row_id", "dst"),
    "retry_of": key_in("retry_of_id", "pyt"),
    **AMOUNT_AND_TIME,
}
BATCH_READERS: Conditions = {"status": one_of("status", BATCH_STATES), **AMOUNT_AND_TIME}
DESTINATION_READERS: Conditions = {
    "status": one_of("status", DESTINATION_STATES),
    "type": one_of("type", DESTINATION_TYPES),
}
