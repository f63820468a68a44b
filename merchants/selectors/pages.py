"""API keys, provider accounts, people and their sessions in pages, and the cursor between them."""

from collections.abc import Mapping

from merchants.models import ApiKey, CustomRole, Invitation, Membership, ProviderAccount, Session
from merchants.selectors.accounts import accounts_for
from merchants.selectors.find import (
    custom_roles_for,
    invitations_for,
    keys_for,
    members_for,
    person_of,
    running_sessions,
)
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


def page_of_invitations(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[Invitation]:
    """As page_of_keys, of invitations; they are the same in both modes."""
    return page_by(invitations_for(caller.merchant_id), query, {}, limit=limit)


def page_of_roles(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[CustomRole]:
    """As page_of_keys, of the merchant's own roles; they are the same in both modes."""
    return page_by(custom_roles_for(caller.merchant_id), query, {}, limit=limit)


def page_of_sessions(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[Session]:
    """As page_of_keys, of the signed-in person's running sessions."""
    return page_by(running_sessions(person_of(caller)), query, {}, limit=limit)
