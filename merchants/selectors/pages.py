"""API keys in pages, and the cursor between them."""

from collections.abc import Mapping
from uuid import UUID

from merchants.models import ApiKey
from merchants.selectors.find import keys_for
from onpoint_pay.kit.api import decode_cursor, encode_cursor
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.errors import Fault, Invalid, Problem

LIST_PARAMETERS = {"limit", "cursor"}


def page_of_keys(caller: Caller, query: Mapping[str, str], *, limit: int) -> tuple[list[ApiKey], str | None]:
    """One page and the cursor of the next. Raises Invalid for unknown filters, Problem cursor_invalid."""
    unknown = sorted(set(query) - LIST_PARAMETERS)
    if unknown:
        raise Invalid([Fault(param=name[:64], code="parameter_invalid", detail="Not a filter.") for name in unknown])
    keys = keys_for(caller.merchant_id, caller.mode)
    if query.get("cursor"):
        keys = keys.filter(id__lt=_last_seen(query["cursor"], caller.mode))
    found = list(keys[: limit + 1])
    if len(found) <= limit:
        return found, None
    return found[:limit], encode_cursor(["api_keys", caller.mode, found[limit - 1].id.hex])


def _last_seen(cursor: str, mode: str) -> UUID:
    name, of_mode, last = decode_cursor(cursor, length=3)
    try:
        if (name, of_mode) == ("api_keys", mode):
            return UUID(last)
    except ValueError:
        pass
    raise Problem("cursor_invalid", param="cursor")
