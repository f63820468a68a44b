"""The platform's own account at a provider: a row for what settings say, so that money can be sent to its addresses."""

import secrets
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from audit.services import record
from merchants.models import ProviderAccount
from merchants.services.provider_accounts import platform_config
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.errors import Problem
from providers.mpesa.config import MpesaConfig

SYSTEM = "system"


def platform_account(code: str, mode: str) -> ProviderAccount:
    """The row of the shortcode that settings name for a mode, made at first use; its credentials stay in settings.

    When settings name another shortcode, that one's row takes over; a row that served before is taken up again, and
    with it the addresses registered for it. Raises Problem provider_not_configured in live mode without credentials,
    and state_conflict when a merchant has connected the shortcode.
    """
    identity = _identity(platform_config(mode))
    account = _rows(code, mode).filter(is_default=True, is_active=True, **identity).first()
    if account is not None:
        return account
    try:
        with transaction.atomic():
            return _take_over(code, mode, identity)
    except IntegrityError:
        # Somebody else made it just now; or a merchant has it, and then there is none.
        account = _rows(code, mode).filter(is_default=True, is_active=True, **identity).first()
    if account is None:
        raise Problem("state_conflict", "A merchant has connected the platform's shortcode.")
    return account


def _identity(config: MpesaConfig) -> dict[str, Any]:
    return {
        "environment": ProviderAccount.Environment.SIMULATOR if config.simulated else config.environment,
        "kind": ProviderAccount.Kind.TILL if config.till else ProviderAccount.Kind.PAYBILL,
        "shortcode": config.shortcode,
        "till": config.till,
    }


def _rows(code: str, mode: str) -> QuerySet[ProviderAccount]:
    return ProviderAccount.objects.filter(merchant=None, provider=code, mode=mode)


def _take_over(code: str, mode: str, identity: dict[str, Any]) -> ProviderAccount:
    _rows(code, mode).filter(is_active=True).update(is_active=False, version=F("version") + 1)
    account = _rows(code, mode).filter(**identity).order_by("id").first()
    if account is None:
        account = _make(code, mode, identity)
    else:
        account.is_active = account.is_default = True
        account.version += 1
        account.save(update_fields=["is_active", "is_default", "version"])
    detail = {"provider": code, "livemode": mode == LIVE} | {name: str(identity[name]) for name in identity}
    record(
        merchant_id=None,
        actor=SYSTEM,
        action="provider_account.connected",
        object_id=account.public_id,
        detail=detail,
    )
    return account


def _make(code: str, mode: str, identity: dict[str, Any]) -> ProviderAccount:
    account = ProviderAccount(
        provider=code,
        mode=mode,
        name="Platform",
        c2b_version=settings.MPESA_C2B_VERSION,
        created_by=SYSTEM,
        **identity,
    )
    account.put_hook_token(secrets.token_hex(16))
    account.save(force_insert=True)
    return account
