"""Which provider serves a merchant in a mode, and with whose credentials."""

import time
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Lock
from typing import Any
from uuid import UUID

from django.conf import settings

from merchants.models import ProviderAccount
from merchants.services.simulator import simulator_certificate
from onpoint_pay.kit.caller import LIVE, Caller
from onpoint_pay.kit.crypto import CannotOpen
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.http import HttpClient
from onpoint_pay.kit.tokens import CachedTokens
from providers import registry
from providers.base import Provider
from providers.mpesa.config import HOSTS, MpesaConfig

SIMULATOR_SHORTCODE = "174379"
# How long a built provider serves before its account is looked at again.
TRUSTED_SECONDS = 60.0
MOST_BUILT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Built:
    """A provider made from one version of an account; None stands for the platform's credentials."""

    version: int
    provider: Provider | None
    good_until: float


_built: dict[UUID, _Built] = {}
_lock = Lock()


def account_of(caller: Caller, code: str) -> UUID | None:
    """The merchant's own account at a provider in the caller's mode; None when the platform's serves. No SQL.

    A card that knows a newer version than the provider built here makes the next call build it anew.
    """
    for card in caller.merchant.accounts:
        if card.provider == code and card.mode == caller.mode:
            _compare(card.id, card.version)
            return card.id
    return None


def provider_for(code: str, mode: str, account_id: UUID | None = None) -> Provider:
    """The provider with the credentials of one account; None is the platform's, the simulator when test mode has none.

    Built once per process; an account changed elsewhere is noticed within a minute. Raises Problem
    provider_not_configured in live mode without credentials: live money never meets the simulator.
    """
    if account_id is None:
        return _provider(code, mode)
    built = _built.get(account_id)
    if built is None or built.good_until < time.monotonic():
        return provider_of(ProviderAccount.objects.get(id=account_id))
    return built.provider or _provider(code, mode)


def provider_of(account: ProviderAccount) -> Provider:
    """The provider with the credentials of this row as it stands.

    Raises Problem provider_not_configured when they cannot be opened, and as provider_for does.
    """
    known = _built.get(account.id)
    provider = known.provider if known and known.version == account.version else _build(account)
    _keep(account.id, account.version, provider)
    return provider or _provider(account.provider, account.mode)


def _build(account: ProviderAccount) -> Provider | None:
    if account.merchant_id is None:
        return None
    try:
        return _connect(account.provider, config_of(account))
    except CannotOpen:
        detail = "The account's credentials cannot be opened: send them anew."
        raise Problem("provider_not_configured", detail) from None


def _compare(account_id: UUID, version: int) -> None:
    built = _built.get(account_id)
    if built is not None and built.version < version:
        _built.pop(account_id, None)
    elif built is not None and built.version == version:
        _keep(account_id, version, built.provider)


def _keep(account_id: UUID, version: int, provider: Provider | None) -> None:
    """Never in place of a newer one. The one unused for longest is given up when there are too many."""
    with _lock:
        known = _built.pop(account_id, None)
        while len(_built) >= MOST_BUILT:
            del _built[next(iter(_built))]
        built = _Built(version=version, provider=provider, good_until=time.monotonic() + TRUSTED_SECONDS)
        _built[account_id] = known if known is not None and known.version > version else built


# --- credentials ------------------------------------------------------------------------------------------------------


def config_of(account: ProviderAccount) -> MpesaConfig:
    """The credentials of the account; what a simulated one does not name is the simulator's own.

    Raises CannotOpen, and Problem provider_not_configured for the platform's in live mode without credentials.
    """
    if account.merchant_id is None:
        return platform_config(account.mode)
    secrets = account.open_secrets()
    secrets.pop("pull_phone", None)
    given: dict[str, Any] = secrets | {
        "shortcode": account.shortcode,
        "till": account.till,
        "c2b_version": account.c2b_version,
    }
    given |= {"initiator_name": account.initiator_name} if account.initiator_name else {}
    given |= {"certificate": account.certificate} if account.certificate else {}
    if account.is_simulated:
        return replace(_simulator_config(), **given)
    return MpesaConfig(
        base_url=_base_url(account.environment),
        environment=account.environment,
        simulated=False,
        **({"passkey": ""} | given),
    )


def _base_url(environment: str) -> str:
    """Safaricom's host; the operator's own address for it counts for the environment it was set for."""
    is_chosen = settings.MPESA_BASE_URL and environment == settings.MPESA_ENVIRONMENT
    return str(settings.MPESA_BASE_URL if is_chosen else HOSTS[environment])


@lru_cache(maxsize=16)
def _provider(code: str, mode: str) -> Provider:
    return _connect(code, platform_config(mode))


def platform_config(mode: str) -> MpesaConfig:
    """The platform's own credentials. Raises Problem provider_not_configured in live mode without any."""
    is_set = bool(settings.MPESA_CONSUMER_KEY and settings.MPESA_CONSUMER_SECRET and settings.MPESA_SHORTCODE)
    wanted = "production" if mode == LIVE else "sandbox"
    if is_set and wanted == settings.MPESA_ENVIRONMENT and not (settings.MPESA_FORCE_SIMULATOR and mode != LIVE):
        return _configured(wanted)
    if mode == LIVE:
        raise Problem("provider_not_configured", "Live mode has no M-Pesa credentials on this installation.")
    return _simulator_config()


def _configured(environment: str) -> MpesaConfig:
    return MpesaConfig(
        base_url=_base_url(environment),
        consumer_key=settings.MPESA_CONSUMER_KEY,
        consumer_secret=settings.MPESA_CONSUMER_SECRET,
        shortcode=settings.MPESA_SHORTCODE,
        passkey=settings.MPESA_PASSKEY,
        till=settings.MPESA_TILL or None,
        environment=environment,
        simulated=False,
        initiator_name=settings.MPESA_INITIATOR_NAME,
        initiator_password=settings.MPESA_INITIATOR_PASSWORD,
        security_credential=settings.MPESA_SECURITY_CREDENTIAL,
        certificate=settings.MPESA_CERTIFICATE,
        c2b_version=settings.MPESA_C2B_VERSION,
    )


def _simulator_config() -> MpesaConfig:
    return MpesaConfig(
        base_url=settings.SIMULATOR_URL,
        consumer_key=settings.SIMULATOR_CONSUMER_KEY,
        consumer_secret=settings.SIMULATOR_CONSUMER_SECRET,
        shortcode=SIMULATOR_SHORTCODE,
        passkey=settings.SIMULATOR_PASSKEY,
        till=None,
        environment="sandbox",
        simulated=True,
        initiator_name=settings.SIMULATOR_INITIATOR,
        initiator_password=settings.SIMULATOR_INITIATOR_PASSWORD,
        # It has the certificate itself: asked for when it is needed.
        certificate=simulator_certificate,
    )


def _connect(code: str, config: MpesaConfig) -> Provider:
    # The simulator listens on loopback; Safaricom's hosts are public addresses.
    http = _http(
        f"provider-{code}",
        connect_seconds=settings.PROVIDER_CONNECT_SECONDS,
        deadline_seconds=settings.PROVIDER_DEADLINE_SECONDS,
        allow_private=config.simulated,
    )
    return registry.get(code, config, tokens=CachedTokens(), http=http)


@lru_cache(maxsize=8)
def _http(name: str, *, connect_seconds: float, deadline_seconds: float, allow_private: bool) -> HttpClient:
    """One pool of connections for all accounts that are called alike."""
    return HttpClient(
        name, connect_seconds=connect_seconds, deadline_seconds=deadline_seconds, allow_private=allow_private
    )
