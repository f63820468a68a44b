"""Finding exports, one or in pages."""

from collections.abc import Mapping
from uuid import UUID

from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.errors import NotFound
from settlements.models import Export
from settlements.selectors.listing import among, cut, last_seen, mark_of, read_filters
from settlements.states import EXPORT_STATES, EXPORT_TYPES


def export_by_id(caller: Caller, export_id: UUID) -> Export:
    """Raises NotFound, also for another merchant's or mode's export."""
    row: Export | None = Export.objects.scoped(caller.merchant_id, caller.mode).filter(id=export_id).first()
    if row is None:
        raise NotFound
    return row


def page_of_exports(caller: Caller, query: Mapping[str, str], *, limit: int) -> tuple[list[Export], str | None]:
    """Newest first by `status` and `type`, and the cursor of the next page. Raises Invalid, Problem cursor_invalid."""
    filters = read_filters(query, {"status": among(EXPORT_STATES), "type": among(EXPORT_TYPES)})
    mark = mark_of("exports", query)
    rows = Export.objects.scoped(caller.merchant_id, caller.mode).order_by("-id")
    rows = rows.filter(**{f"{name}__in": wanted for name, wanted in filters.items()})
    before = last_seen(query, mark, UUID)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return cut(list(rows[: limit + 1]), limit=limit, mark=mark)
