"""The addresses a provider is given for its callbacks: neutral words, and the account's secret in the path."""

from dataclasses import dataclass

from django.conf import settings

from merchants.models import ProviderAccount
from onpoint_pay.kit.crypto import CannotOpen
from onpoint_pay.kit.errors import Problem

# What lies behind the token of a result, by the paths of payments.
RESULT_DOORS = tuple(
    f"{door}/{kind}" for door in ("result", "timeout") for kind in ("b2c", "reversal", "status", "balance")
)
MASKED = "****"


@dataclass(frozen=True, slots=True, kw_only=True)
class HookUrls:
    """Where an account's own news comes to: money that payers sent, and their wish to pay."""

    confirmation: str
    validation: str


def hook_url(token: str, door: str) -> str:
    return f"{settings.BASE_URL}/api/v1/hooks/{token}/{door}/"


def registered_urls(account: ProviderAccount) -> HookUrls:
    """What is registered for the account; settings may name fixed addresses for the platform's own.

    Raises Problem provider_not_configured when the secret part cannot be opened.
    """
    try:
        return _urls(account, account.open_hook_token())
    except CannotOpen:
        detail = "The secret of the account's addresses does not open with this installation's ENCRYPTION_KEYS."
        raise Problem("provider_not_configured", detail) from None


def shown_urls(account: ProviderAccount) -> HookUrls:
    """The same without their secret, fit for an answer: whoever knows it can speak as the provider."""
    return _urls(account, MASKED)


def _urls(account: ProviderAccount, token: str) -> HookUrls:
    is_platforms = account.merchant_id is None
    return HookUrls(
        confirmation=(is_platforms and settings.MPESA_CONFIRMATION_URL) or hook_url(token, "confirm"),
        validation=(is_platforms and settings.MPESA_VALIDATION_URL) or hook_url(token, "validate"),
    )


def all_urls(account: ProviderAccount) -> list[str]:
    """Every address we ever give the provider for this account, with a token that opens nothing."""
    sample = "0" * 32
    own = _urls(account, sample)
    prompts = settings.MPESA_CALLBACK_URL or hook_url(sample, "collect")
    return [own.confirmation, own.validation, prompts, *(hook_url(sample, door) for door in RESULT_DOORS)]
