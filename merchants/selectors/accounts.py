"""Provider accounts, scoped to one merchant and mode."""

from uuid import UUID

from django.db.models import QuerySet

from merchants.models import ProviderAccount
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.errors import NotFound


def accounts_for(merchant_id: UUID, mode: str) -> QuerySet[ProviderAccount]:
    """The merchant's accounts in one mode, the newest first, those out of use among them."""
    found: QuerySet[ProviderAccount] = ProviderAccount.objects.scoped(merchant_id, mode).order_by("-id")
    return found


def account_of_caller(caller: Caller, account_id: UUID) -> ProviderAccount:
    """Raises NotFound for the account of another merchant or mode, and for the platform's."""
    account = accounts_for(caller.merchant_id, caller.mode).filter(id=account_id).first()
    if account is None:
        raise NotFound
    return account


def serving_account(caller: Caller, code: str) -> ProviderAccount | None:
    """The caller's own default account at a provider; None while the platform's serves."""
    return accounts_for(caller.merchant_id, caller.mode).filter(provider=code, is_default=True, is_active=True).first()
