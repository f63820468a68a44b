"""Registering an account's addresses at its provider: for payments that payers start, and for the list of them."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F

from audit.services import record
from merchants.models import ProviderAccount
from merchants.selectors.accounts import serving_account
from merchants.services.findings import words_of
from merchants.services.hooks import HookUrls, registered_urls
from merchants.services.platform_accounts import platform_account
from merchants.services.provider_accounts import provider_of
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import Fault, Problem
from providers.base import Provider
from providers.errors import NotSupported, ProviderError, ProviderRejected, ProviderUnavailable
from providers.types import CallbackRegistration

# Daraja: the one subscriber of the sandbox.
SIMULATED_PULL_PHONE = "254708374149"
NO_PULL_PHONE = "No phone is registered for the list of money received (pull_phone)."


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What is registered after the call. `pull_note` says why the list of money received is not, where it is not."""

    account: ProviderAccount
    urls: HookUrls
    pull_note: str | None


def register_serving_account(caller: Caller, code: str) -> Registration:
    """Register the addresses of the account that serves the caller.

    Raises what register_account raises, Problem provider_not_configured, and state_conflict for a merchant on the
    platform's real shortcode: its addresses are the operator's to register.
    """
    account = serving_account(caller, code) or platform_account(code, caller.mode)
    if account.merchant_id is None and not account.is_simulated:
        raise Problem("state_conflict", "You collect on the shortcode of the platform, which its operator registers.")
    return register_account(account, actor=caller.actor)


def register_account(account: ProviderAccount, *, actor: str) -> Registration:
    """Tell the provider the account's addresses, and enrol it for the list of money received where a phone is known.

    Doing it again is harmless; in production the provider keeps what was registered first. Call it with no transaction
    open. Raises Problem callback_url_forbidden before anything is sent when an address would be refused,
    provider_error when the provider refused or its answer is not clear, provider_unavailable when nothing was sent,
    provider_not_configured when the account's secrets cannot be opened.
    """
    provider = provider_of(account)
    urls = registered_urls(account)
    refuse_bad_addresses(provider, urls)
    request = CallbackRegistration(
        confirmation_url=urls.confirmation,
        validation_url=urls.validation,
        accept_when_silent=account.accepts_when_silent,
    )
    try:
        provider.register_callbacks(request)
    except ProviderRejected as refusal:
        _note_refusal(account, refusal)
        raise _problem(refusal) from refusal
    except ProviderError as error:
        raise _problem(error) from error
    pull_note = _enrol(provider, account, urls)
    account = _note_success(account, with_pull=pull_note is None, actor=actor)
    return Registration(account=account, urls=urls, pull_note=pull_note)


def refuse_bad_addresses(provider: Provider, urls: HookUrls) -> None:
    """Raises Problem callback_url_forbidden with every objection."""
    objections = provider.check_addresses([urls.confirmation, urls.validation])
    if objections:
        faults = [Fault(param=None, code="callback_url_forbidden", detail=text) for text in objections]
        raise Problem("callback_url_forbidden", objections[0], faults=faults)


def pull_phone_of(account: ProviderAccount) -> str:
    """The phone registered for the list of money received, empty when none is known."""
    if account.merchant_id is not None:
        given = account.open_secrets().get("pull_phone", "")
    else:
        given = settings.MPESA_PULL_PHONE
    return given or (SIMULATED_PULL_PHONE if account.is_simulated else "")


def _enrol(provider: Provider, account: ProviderAccount, urls: HookUrls) -> str | None:
    """None when the account is enrolled; why it is not, otherwise. The addresses are registered all the same."""
    phone = pull_phone_of(account)
    if not phone:
        return NO_PULL_PHONE
    try:
        # What would come there is a payment too, and every receipt is booked once.
        provider.register_statement(phone=phone, callback_url=urls.confirmation)
    except ProviderError as error:
        return words_of(error)
    return None


def _note_success(account: ProviderAccount, *, with_pull: bool, actor: str) -> ProviderAccount:
    at = now()
    changes: dict[str, Any] = {"urls_registered_at": at, "version": F("version") + 1}
    changes |= {"pull_registered_at": at} if with_pull else {}
    with transaction.atomic():
        row = ProviderAccount.objects.select_for_update().get(id=account.id)
        report = {name: value for name, value in (row.check_report or {}).items() if name != "registration"}
        ProviderAccount.objects.filter(id=account.id).update(check_report=report or None, **changes)
        _tell(account, actor, "registered", pull=with_pull)
    return ProviderAccount.objects.get(id=account.id)


def _note_refusal(account: ProviderAccount, refusal: ProviderRejected) -> None:
    """The doctor tells of it until a registration succeeds."""
    told = {
        "at": now().isoformat(),
        "detail": words_of(refusal),
        "fix": refusal.failure.merchant_action,
    }
    with transaction.atomic():
        row = ProviderAccount.objects.select_for_update().get(id=account.id)
        row.check_report = (row.check_report or {}) | {"registration": told}
        row.save(update_fields=["check_report"])


def _problem(error: ProviderError) -> Problem:
    if isinstance(error, ProviderRejected):
        return Problem("provider_error", f"{words_of(error)} {error.failure.merchant_action}")
    if isinstance(error, (ProviderUnavailable, NotSupported)):
        return Problem("provider_unavailable", words_of(error))
    return Problem("provider_error", "The provider gave no clear answer; registering again is harmless.")


def _tell(account: ProviderAccount, actor: str, action: str, **detail: object) -> None:
    record(
        merchant_id=account.merchant_id,
        actor=actor,
        action=f"provider_account.{action}",
        object_id=account.public_id,
        detail=detail | {"livemode": account.livemode},
    )
