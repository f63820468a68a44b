"""Finding exports, one or in pages."""

from collections.abc import Mapping
from uuid import UUID

from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.errors import NotFound
from onpoint_pay.kit.listing import Conditions, Page, one_of, page_by
from settlements.models import Export
from settlements.states import EXPORT_STATES, EXPORT_TYPES


def export_by_id(caller: Caller, export_id: UUID) -> Export:
    """Raises NotFound, also for another merchant's or mode's export."""
    row: Export | None = Export.objects.scoped(caller.merchant_id, caller.mode).filter(id=export_id).first()
    if row is None:
        raise NotFound
    return row


def page_of_exports(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[Export]:
    """Newest first by `status` and `type`, and the cursor of the next page. Raises Invalid, Problem cursor_invalid."""
    return page_by(Export.objects.scoped(caller.merchant_id, caller.mode), query, CONDITIONS, limit=limit)


CONDITIONS: Conditions = {"status": one_of("status", EXPORT_STATES), "type": one_of("type", EXPORT_TYPES)}
