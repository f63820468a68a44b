"""Finding erasures of one merchant, one or in pages; they are the same in both modes."""

from collections.abc import Mapping
from uuid import UUID

from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.errors import NotFound
from onpoint_pay.kit.listing import Page, page_of
from payments.models import Erasure


def erasure_by_id(caller: Caller, key: UUID) -> Erasure:
    """Raises NotFound, also for another merchant's."""
    row = Erasure.objects.filter(merchant_id=caller.merchant_id, id=key).first()
    if row is None:
        raise NotFound
    return row


def page_of_erasures(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[Erasure]:
    """Newest first, and the cursor of the next page. Raises Invalid, Problem cursor_invalid."""
    rows = Erasure.objects.filter(merchant_id=caller.merchant_id)
    return page_of(rows, query, {}, by="created_at", limit=limit)
