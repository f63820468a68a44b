"""Reading every account's list of money received, so that a confirmation that never came costs minutes, not money."""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.core.cache import cache

from merchants.models import ProviderAccount
from merchants.services.provider_accounts import provider_for
from merchants.services.statements import note_pulled
from onpoint_pay.kit.clock import now
from payments import schedule
from payments.services.c2b_statement import book_statement
from payments.services.reconcile_list import keep_list
from providers.errors import NotSupported, ProviderError

log = structlog.get_logger(__name__)
JOB = "payments.read_statements"
# Read again each time: a list may lag behind the money, and a receipt is booked once however often it is read.
OVERLAP = timedelta(minutes=10)
# Providers keep two days; what lies further back needs a statement file.
REACH = timedelta(hours=47)
AHEAD = timedelta(minutes=5)


def read_statements() -> int:
    """Read the lists of all accounts that are due and book what nobody told us; returns how many lines were new."""
    due = now() - schedule.scaled(settings.STATEMENT_EVERY_SECONDS)
    accounts = ProviderAccount.objects.filter(is_active=True, pull_registered_at__isnull=False)
    return sum(_read(account, due) for account in accounts if account.pulled_until is None or _is_due(account, due))


def _is_due(account: ProviderAccount, due: datetime) -> bool:
    return account.pulled_until is not None and account.pulled_until <= due


def _read(account: ProviderAccount, due: datetime) -> int:
    if not _take(account):
        return 0
    until = now()
    start = max((account.pulled_until or until - REACH) - OVERLAP, until - REACH)
    try:
        lines = provider_for(account.provider, account.mode, account_key(account)).fetch_statement(start, until + AHEAD)
    except NotSupported:
        return 0
    except ProviderError as error:
        # Nothing is lost: the next run begins where the last good one ended.
        log.warning("statement_not_read", account=account.public_id, error=type(error).__name__)
        return 0
    booked = book_statement(account, lines)
    keep_list(account, lines, until=until)
    note_pulled(account.id, until=until)
    return booked


def account_key(account: ProviderAccount) -> UUID | None:
    """Whose credentials: the platform's are settings, and have no account of their own."""
    return None if account.merchant_id is None else account.id


def _take(account: ProviderAccount) -> bool:
    """One reader at a time saves the provider's patience; two at once would book nothing twice."""
    try:
        return bool(cache.add(f"statement:{account.id}", 1, 60))
    except Exception:  # noqa: BLE001 - without the shared flag each reader reads
        return True
