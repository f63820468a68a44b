"""API keys, provider accounts and people in pages, and the cursor between them."""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet

from merchants.models import ApiKey, Membership, ProviderAccount
from merchants.selectors.accounts import accounts_for
from merchants.selectors.find import keys_for, members_for
from onpoint_pay.kit.api import decode_cursor, encode_cursor
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.errors import Fault, Invalid, Problem

Row = TypeVar("Row", bound=Model)
LIST_PARAMETERS = {"limit", "cursor"}


def page_of_keys(caller: Caller, query: Mapping[str, str], *, limit: int) -> tuple[list[ApiKey], str | None]:
    """One page and the cursor of the next. Raises Invalid for unknown filters, Problem cursor_invalid."""
    return _page(keys_for(caller.merchant_id, caller.mode), ("api_keys", caller.mode), query, limit=limit)


def page_of_accounts(
    caller: Caller, query: Mapping[str, str], *, limit: int
) -> tuple[list[ProviderAccount], str | None]:
    """As page_of_keys, of provider accounts."""
    return _page(accounts_for(caller.merchant_id, caller.mode), ("accounts", caller.mode), query, limit=limit)


def page_of_members(caller: Caller, query: Mapping[str, str], *, limit: int) -> tuple[list[Membership], str | None]:
    """As page_of_keys, of people; they are the same in both modes."""
    return _page(members_for(caller.merchant_id), ("team", ""), query, limit=limit)


def _page(
    rows: QuerySet[Row], name: tuple[str, str], query: Mapping[str, str], *, limit: int
) -> tuple[list[Row], str | None]:
    """`rows` come newest first; `name` keeps the cursors of different lists and modes apart."""
    unknown = sorted(set(query) - LIST_PARAMETERS)
    if unknown:
        raise Invalid([Fault(param=each[:64], code="parameter_invalid", detail="Not a filter.") for each in unknown])
    if query.get("cursor"):
        rows = rows.filter(pk__lt=_last_seen(query["cursor"], name, rows.model))
    found = list(rows[: limit + 1])
    if len(found) <= limit:
        return found, None
    return found[:limit], encode_cursor([*name, str(found[limit - 1].pk)])


def _last_seen(cursor: str, name: tuple[str, str], model: type[Model]) -> Any:
    """A key as the model has it: text alone could be any number, or none."""
    *of, last = decode_cursor(cursor, length=3)
    if tuple(of) == name:
        try:
            return model._meta.pk.to_python(last)
        except ValidationError:
            pass
    raise Problem("cursor_invalid", param="cursor")
