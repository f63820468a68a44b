"""Finding refunds, one or in pages. Always within one merchant and mode."""

from collections.abc import Mapping
from uuid import UUID

from django.db.models import Q, QuerySet

from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.listing import AMOUNT_AND_TIME, Conditions, Page, key_in, one_of, page_of
from payments.errors import refund_missing
from payments.models import Refund
from payments.states import REFUND_ROUTES, REFUND_STATES


def refunds_of(caller: Caller) -> QuerySet[Refund]:
    return Refund.objects.scoped(caller.merchant_id, caller.mode)


def refund_by_id(caller: Caller, refund_id: UUID) -> Refund:
    """Raises NotFound, also for another merchant's or mode's refund."""
    refund = refunds_of(caller).filter(id=refund_id).first()
    if refund is None:
        raise refund_missing()
    return refund


def page_of_refunds(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[Refund]:
    """One page by filter, newest first, and the cursor of the next.

    Raises Invalid for unknown or unreadable filters, Problem cursor_invalid for a cursor of another query.
    """
    return page_of(refunds_of(caller), query, READERS, by="created_at", limit=limit)


READERS: Conditions = {
    "status": one_of("status", REFUND_STATES),
    "route": one_of("route", REFUND_ROUTES),
    "payment": key_in("payment_id", "pay"),
    "reference": lambda text: Q(reference=text),
    **AMOUNT_AND_TIME,
}
