"""Confirmations of money that payers sent by themselves: what may be booked, and what is only a reason to ask."""

from django.db.models import Q

from merchants.models import ProviderAccount
from onpoint_pay.kit.db import retry_unit
from payments.models import C2bReceipt, Payment, ProviderEvent
from payments.services.c2b_claims import settle_claims
from payments.services.c2b_receipts import Arrival, take_in
from payments.services.evidence import QUARANTINED, WAITING, close_event, lock_event, read_claim
from payments.services.questions import ask_about_hearsay
from providers.errors import CallbackMalformed
from providers.types import Receipt

CALLBACK = "callback"


def apply_confirmation(event: ProviderEvent) -> str:
    """Book what one confirmation tells of; returns the status the claim ends in."""
    try:
        told = read_claim(event).received
    except CallbackMalformed as error:
        return close_event(event, QUARANTINED, f"cannot be read: {error}")
    assert told is not None  # noqa: S101 - confirmations carry what was received
    account = event.provider_account
    if account is None or not event.token_ok:
        return _hearsay(event, told)
    if told.shortcode not in numbers_of(account):
        return close_event(event, QUARANTINED, "the address belongs to another shortcode than the claim names")
    verdict = retry_unit(lambda: _book(event.id, told, account))
    settle_claims(account.provider, account.mode, told.receipt)
    return verdict


def numbers_of(account: ProviderAccount) -> tuple[str, ...]:
    """The numbers that payers may have paid to: of a till its own too."""
    return (account.shortcode,) if account.till is None else (account.shortcode, account.till)


def _book(event_id: int, told: Receipt, account: ProviderAccount) -> str:
    event = lock_event(event_id)
    if event.status not in WAITING:
        return event.status
    arrival = Arrival(received=told, account=account, evidence=event, source="confirmation", how=CALLBACK)
    status, note = take_in(arrival)
    close_event(event, status, note)
    return ProviderEvent.objects.get(id=event_id).status


def _hearsay(event: ProviderEvent, told: Receipt) -> str:
    """Nobody knows who sent it: it is never booked. The provider is asked, if the money should have reached us."""
    known = {"provider": event.provider, "receipt": told.receipt}
    if not C2bReceipt.objects.filter(**known).exists() and not Payment.objects.filter(**known).exists():
        for account in accounts_with(event.provider, told.shortcode):
            ask_about_hearsay(account, told.receipt)
    return close_event(event, QUARANTINED, "untrusted: the address it came to has no token of ours")


def accounts_with(provider: str, number: str) -> list[ProviderAccount]:
    """The active accounts that are paid at this number, at most one for each mode and environment."""
    rows = ProviderAccount.objects.filter(provider=provider, is_active=True)
    return list(rows.filter(Q(shortcode=number) | Q(till=number)).order_by("id")[:4])
