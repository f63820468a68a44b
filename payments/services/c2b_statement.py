"""The provider's own list of money received: it proves what confirmations said, and heals those that never came."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import structlog

from merchants.models import ProviderAccount
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.redact import redact
from payments.models import C2bReceipt, Payment, ProviderEvent
from payments.services.c2b_claims import settle_claims
from payments.services.c2b_receipts import Arrival, take_in
from payments.services.c2b_suspense import MATCHED, VERIFIED
from payments.services.evidence import WAITING, close_event, lock_event
from providers.types import Receipt, StatementLine

log = structlog.get_logger(__name__)
PULL = "pull"


def book_statement(account: ProviderAccount, lines: Sequence[StatementLine]) -> int:
    """Book the lines that nobody told us of, and prove those that somebody did; returns how many were new.

    Each line is a transaction of its own, so that one that cannot be booked holds up no other. Repeats change nothing.
    """
    done = _done(account, [line.receipt for line in lines])
    return sum(_book_one(account, line) for line in lines if line.receipt not in done)


def _book_one(account: ProviderAccount, line: StatementLine) -> bool:
    try:
        is_new = retry_unit(lambda: verify_by_statement(line, account))
    except Exception:
        log.exception("statement_line_not_booked", account=account.public_id)
        return False
    settle_claims(account.provider, account.mode, line.receipt)
    return is_new


def _done(account: ProviderAccount, receipts: Iterable[str]) -> set[str]:
    """Receipts that a list can add nothing to: proved and owned, or of a payment that has no row here to be proved."""
    place: dict[str, Any] = {"provider": account.provider, "mode": account.mode, "receipt__in": list(receipts)}
    rows = C2bReceipt.objects.filter(**place)
    told = set(rows.values_list("receipt", flat=True))
    proved = set(rows.filter(verification=VERIFIED, state=MATCHED).values_list("receipt", flat=True))
    paid = set(Payment.objects.filter(**place).values_list("receipt", flat=True))
    return proved | (paid - told)


def verify_by_statement(line: StatementLine, account: ProviderAccount) -> bool:
    """Take one line of the list as proof: of a receipt that is known, or of one that is new. Whether it was new.

    Must run in a transaction.
    """
    event = _keep_line(line, account)
    if event.status not in WAITING:
        return False
    told = Receipt(
        receipt=line.receipt,
        money=line.money,
        shortcode=account.shortcode,
        account_reference=line.account_reference,
        phone=line.phone,
        occurred_at=line.occurred_at,
    )
    was_known = C2bReceipt.objects.filter(provider=account.provider, mode=account.mode, receipt=line.receipt).exists()
    arrival = Arrival(received=told, account=account, evidence=event, source=PULL, how=PULL, is_proof=True)
    status, note = take_in(arrival)
    close_event(event, status, note)
    return not was_known and status == "applied"


def _keep_line(line: StatementLine, account: ProviderAccount) -> ProviderEvent:
    """The line as evidence, once for each receipt; a line met again finds what became of it."""
    kept = {"receipt": line.receipt, "amount": str(line.money), "account_reference": line.account_reference}
    event, is_new = ProviderEvent.objects.get_or_create(
        provider=account.provider,
        mode=account.mode,
        door=PULL,
        dedupe=f"{account.id}:{line.receipt}",
        defaults={
            "body": orjson.dumps(redact(kept)),
            "token_ok": True,
            "provider_account": account,
            "received_at": now(),
            "next_try": now(),
        },
    )
    return event if is_new else lock_event(event.id)
