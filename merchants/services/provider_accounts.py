"""Which provider serves a merchant in a mode, and with whose credentials."""

from functools import lru_cache
from uuid import UUID

import orjson
from django.conf import settings

from merchants.models import ProviderAccount
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.crypto import unseal
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.http import HttpClient
from onpoint_pay.kit.tokens import CachedTokens
from providers import registry
from providers.base import Provider
from providers.mpesa.config import HOSTS, MpesaConfig

SIMULATOR_SHORTCODE = "174379"


def provider_for(code: str, mode: str, account_id: UUID | None = None) -> Provider:
    """The provider with the credentials of one account; None is the platform's, the simulator when test mode has none.

    Raises Problem provider_not_configured in live mode without credentials: live money never meets the simulator.
    """
    return _provider(code, mode) if account_id is None else _provider_of_account(account_id)


def _provider_of_account(account_id: UUID) -> Provider:
    account = ProviderAccount.objects.get(id=account_id)
    return _connect(account.provider, _account_config(account))


def _account_config(account: ProviderAccount) -> MpesaConfig:
    secrets: dict[str, str] = orjson.loads(unseal(account.secrets or "", bound_to=bound_to(account.id)))
    is_simulated = account.environment == ProviderAccount.Environment.SIMULATOR
    return MpesaConfig(
        base_url=settings.SIMULATOR_URL if is_simulated else settings.MPESA_BASE_URL or HOSTS[account.environment],
        consumer_key=secrets["consumer_key"],
        consumer_secret=secrets["consumer_secret"],
        shortcode=account.shortcode,
        passkey=secrets.get("passkey", ""),
        till=account.till,
        environment="sandbox" if is_simulated else account.environment,
        simulated=is_simulated,
        initiator_name=account.initiator_name,
        initiator_password=secrets.get("initiator_password", ""),
        security_credential=secrets.get("security_credential", ""),
        certificate=account.certificate,
        c2b_version=account.c2b_version,
    )


def bound_to(account_id: UUID) -> str:
    """Where an account's sealed secrets belong: anywhere else they do not open."""
    return f"merchants_provider_account.secrets.{account_id}"


@lru_cache(maxsize=16)
def _provider(code: str, mode: str) -> Provider:
    return _connect(code, _mpesa_config(mode))


def _connect(code: str, config: MpesaConfig) -> Provider:
    # The simulator listens on loopback; Safaricom's hosts are public addresses.
    http = HttpClient(
        f"provider-{code}",
        connect_seconds=settings.PROVIDER_CONNECT_SECONDS,
        deadline_seconds=settings.PROVIDER_DEADLINE_SECONDS,
        allow_private=config.simulated,
    )
    return registry.get(code, config, tokens=CachedTokens(), http=http)


def _mpesa_config(mode: str) -> MpesaConfig:
    is_set = bool(settings.MPESA_CONSUMER_KEY and settings.MPESA_CONSUMER_SECRET and settings.MPESA_SHORTCODE)
    wanted = "production" if mode == LIVE else "sandbox"
    if is_set and wanted == settings.MPESA_ENVIRONMENT and not (settings.MPESA_FORCE_SIMULATOR and mode != LIVE):
        return MpesaConfig(
            base_url=settings.MPESA_BASE_URL or HOSTS[wanted],
            consumer_key=settings.MPESA_CONSUMER_KEY,
            consumer_secret=settings.MPESA_CONSUMER_SECRET,
            shortcode=settings.MPESA_SHORTCODE,
            passkey=settings.MPESA_PASSKEY,
            till=settings.MPESA_TILL or None,
            environment=wanted,
            simulated=False,
        )
    if mode == LIVE:
        raise Problem("provider_not_configured", "Live mode has no M-Pesa credentials on this installation.")
    return MpesaConfig(
        base_url=settings.SIMULATOR_URL,
        consumer_key=settings.SIMULATOR_CONSUMER_KEY,
        consumer_secret=settings.SIMULATOR_CONSUMER_SECRET,
        shortcode=SIMULATOR_SHORTCODE,
        passkey=settings.SIMULATOR_PASSKEY,
        till=None,
        environment="sandbox",
        simulated=True,
    )
