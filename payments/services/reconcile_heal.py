"""What a statement teaches: money that nobody told us of is booked through the doors that the provider's list uses."""

from django.db import connection

from merchants.models import ProviderAccount
from merchants.services.platform_accounts import platform_account
from onpoint_pay.kit.money import Money
from payments.services.c2b_statement import book_statement
from providers.types import StatementLine
from settlements.selectors.recon_accounts import platform_shortcode

BATCH = 500

# Each is offered once: what the books refuse stays an exception for a person.
MISSING = """
SELECT x.id, l.external_id, l.amount, l.currency, l.occurred_at, l.account_reference, l.narrative
  FROM recon_exception x JOIN recon_line l ON l.id = x.line_id
  WHERE x.account = %(account)s AND x.mode = %(mode)s AND x.status = 'open' AND l.state = 'exception'
    AND x.kind IN ('missing_here', 'late_success', 'state_differs', 'overpaid', 'amount_differs')
    AND l.direction = 'in' AND l.kind = 'receipt' AND l.external_id <> '' AND NOT x.detail ? 'offered'
    -- What is booked already, in another amount, must not be booked a second time.
    AND (x.kind <> 'amount_differs' OR x.detail->>'our_amount' = '0')
  ORDER BY l.id LIMIT %(limit)s
"""
OFFERED = """
UPDATE recon_exception SET detail = detail || '{"offered": true}' WHERE id = ANY (%(ids)s::uuid[])
"""


def book_missing(*, account: str, mode: str) -> int:
    """Offer the receipts that only the statement knows to the books; returns how many were new there.

    They take the way of the provider's own list: a payment that is named by its reference is completed by it, an
    account is credited, and all else waits in suspense.
    """
    provider, _, shortcode = account.partition(":")
    place = _place_of(provider, shortcode, mode)
    booked = 0
    while place is not None:
        lines, keys = _missing(account, mode)
        if not lines:
            break
        booked += book_statement(place, lines)
        with connection.cursor() as cursor:
            cursor.execute(OFFERED, {"ids": keys})
    return booked


def _place_of(provider: str, shortcode: str, mode: str) -> ProviderAccount | None:
    """The row of the shortcode; of the platform's own it is made at first use."""
    rows = ProviderAccount.objects.filter(provider=provider, mode=mode, shortcode=shortcode)
    found: ProviderAccount | None = rows.order_by("-is_active", "created_at").first()
    if found is None and shortcode == platform_shortcode(provider, mode):
        return platform_account(provider, mode)
    return found


def _missing(account: str, mode: str) -> tuple[list[StatementLine], list[str]]:
    with connection.cursor() as cursor:
        cursor.execute(MISSING, {"account": account, "mode": mode, "limit": BATCH})
        rows = cursor.fetchall()
    lines = [
        StatementLine(
            receipt=receipt,
            money=Money(amount, currency),
            occurred_at=at,
            account_reference=reference,
            # The statement's payer is kept as a digest only.
            phone=None,
            description=narrative,
        )
        for _, receipt, amount, currency, at, reference, narrative in rows
    ]
    return lines, [str(row[0]) for row in rows]
