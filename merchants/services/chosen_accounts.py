"""The accounts an operator names in a shell: one, a merchant's, everybody's, or the platform's own."""

from merchants.models import Merchant, ProviderAccount
from merchants.services.platform_accounts import platform_account
from onpoint_pay.kit.caller import MODES
from onpoint_pay.kit.errors import NotFound, Problem
from onpoint_pay.kit.ids import PublicIdInvalid, from_public
from providers import registry


def chosen_accounts(
    *,
    account: str | None = None,
    merchant: str | None = None,
    mode: str | None = None,
    with_merchants: bool = False,
) -> list[ProviderAccount]:
    """Accounts in use: the one named by `account` (prv_…), those of `merchant` (mer_…), or else the platform's own.

    `with_merchants` adds everybody's to the platform's; `mode` keeps those of test or live alone. A mode that the
    platform has no credentials for has no account of it. Raises NotFound for an id of nothing, and Problem
    state_conflict when a merchant has connected the platform's shortcode.
    """
    if account is not None:
        return [_account(account)]
    if merchant is not None:
        return _of_merchants(mode, merchant)
    own = [found for each in MODES if mode in (None, each) for found in _of_the_platform(each)]
    return own + (_of_merchants(mode) if with_merchants else [])


def _account(name: str) -> ProviderAccount:
    try:
        found: ProviderAccount | None = ProviderAccount.objects.filter(id=from_public("prv", name)).first()
    except PublicIdInvalid:
        found = None
    if found is None:
        raise NotFound(f"There is no account {name[:40]}.")
    return found


def _of_merchants(mode: str | None, merchant: str | None = None) -> list[ProviderAccount]:
    accounts = ProviderAccount.objects.filter(is_active=True, merchant__isnull=False)
    if merchant is not None:
        accounts = accounts.filter(merchant=_merchant(merchant))
    if mode is not None:
        accounts = accounts.filter(mode=mode)
    return list(accounts.select_related("merchant").order_by("merchant_id", "id"))


def _merchant(name: str) -> Merchant:
    try:
        found = Merchant.objects.filter(id=from_public("mer", name)).first()
    except PublicIdInvalid:
        found = None
    if found is None:
        raise NotFound(f"There is no merchant {name[:40]}.")
    return found


def _of_the_platform(mode: str) -> list[ProviderAccount]:
    found = []
    for code in registry.codes():
        try:
            found.append(platform_account(code, mode))
        except Problem as problem:
            if problem.code != "provider_not_configured":
                raise
    return found
