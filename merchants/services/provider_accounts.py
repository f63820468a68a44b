"""Which provider serves a merchant in a mode, and with whose credentials."""

from functools import lru_cache

from django.conf import settings

from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.http import HttpClient
from onpoint_pay.kit.tokens import CachedTokens
from providers import registry
from providers.base import Provider
from providers.mpesa.config import HOSTS, MpesaConfig

SIMULATOR_SHORTCODE = "174379"


def provider_for(code: str, mode: str) -> Provider:
    """The provider with the platform's credentials for this mode; the simulator when test mode has none.

    Raises Problem provider_not_configured in live mode without credentials: live money never meets the simulator.
    """
    return _provider(code, mode)


@lru_cache(maxsize=16)
def _provider(code: str, mode: str) -> Provider:
    config = _mpesa_config(mode)
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
