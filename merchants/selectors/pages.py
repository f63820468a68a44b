"""API keys, provider accounts and people in pages, and the cursor between them."""

from collections.abc import Mapping

from merchants.models import ApiKey, Membership, ProviderAccount
from merchants.selectors.accounts import accounts_for
from merchants.selectors.find import keys_for, members_for
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.listing import Order, Page, page_by, whole_number


def page_of_keys(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[ApiKey]:
    """One page and the cursor of the next. Raises Invalid for unknown filters, Problem cursor_invalid."""
    return page_by(keys_for(caller.merchant_id, caller.mode), query, {}, limit=limit, within=caller.mode)


def page_of_accounts(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[ProviderAccount]:
    """As page_of_keys, of provider accounts."""
    return page_by(accounts_for(caller.merchant_id, caller.mode), query, {}, limit=limit, within=caller.mode)


def page_of_members(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[Membership]:
    """As page_of_keys, of people; they are the same in both modes."""
    return page_by(members_for(caller.merchant_id), query, {}, limit=limit, order=Order(read=whole_number))
