"""What a statement teaches: money that nobody told us of is booked, and receipts that are missed are filled in."""

from uuid import UUID

import orjson
import structlog
from django.db import connection

from merchants.models import ProviderAccount
from onpoint_pay.kit.money import Money
from payments.services.c2b_statement import book_statement
from payments.services.evidence import Answer
from payments.services.out_outcome import apply_out_outcome
from payments.services.outcome import apply_outcome
from providers.types import Outcome, OutcomeStatus, StatementLine

log = structlog.get_logger(__name__)
BATCH = 500
SOURCE = "statement"

# Each is offered once: what the books refuse stays an exception for a person.
MISSING = """
SELECT x.id, l.external_id, l.amount, l.currency, l.occurred_at, l.account_reference, l.narrative
  FROM recon_exception x JOIN recon_line l ON l.id = x.line_id
  WHERE x.account = %(account)s AND x.mode = %(mode)s AND x.status = 'open' AND l.state = 'exception'
    AND x.kind IN ('missing_here', 'late_success', 'state_differs', 'overpaid', 'amount_differs')
    AND l.direction = 'in' AND l.kind = 'receipt' AND l.external_id <> '' AND NOT x.detail ? 'offered'
  ORDER BY l.id LIMIT %(limit)s
"""
OFFERED = """
UPDATE recon_exception SET detail = detail || '{"offered": true}' WHERE id = ANY (%(ids)s::uuid[])
"""

UNFILLED = """
WITH matched AS (
    SELECT m.object_type, m.object_id, l.external_id FROM recon_match m JOIN recon_line l ON l.id = m.line_id
      WHERE l.account = %(account)s AND l.mode = %(mode)s AND m.state = 'confirmed' AND l.external_id <> ''
        AND m.rule NOT IN ('receipt', 'charge'))
SELECT o.id, x.external_id, x.object_type FROM matched x JOIN transactions p ON p.id = x.object_id AND p.receipt IS NULL
    JOIN money_op o ON o.status = 'succeeded' AND (o.surplus_payment_id = p.id
      OR (o.payment_id = p.id AND o.surplus_payment_id IS NULL))
  WHERE x.object_type = 'payment'
UNION ALL
SELECT o.id, x.external_id, x.object_type FROM matched x JOIN refunds r ON r.id = x.object_id AND r.receipt IS NULL
    JOIN money_op o ON o.refund_id = r.id AND o.status = 'succeeded'
  WHERE x.object_type = 'refund'
UNION ALL
SELECT o.id, x.external_id, x.object_type FROM matched x JOIN money_op o ON o.id = x.object_id AND o.receipt IS NULL
  WHERE x.object_type = 'payout_op' AND o.kind <> 'bank'
"""


def book_missing(*, account: str, mode: str) -> int:
    """Offer the receipts that only the statement knows to the books; returns how many were new there.

    They take the way of the provider's own list: a payment that is named by its reference is completed by it, an
    account is credited, and all else waits in suspense.
    """
    provider, _, shortcode = account.partition(":")
    places = ProviderAccount.objects.filter(provider=provider, mode=mode, shortcode=shortcode)
    place = places.order_by("-is_active", "created_at").first()
    booked = 0
    while place is not None:
        lines, keys = _missing(account, mode)
        if not lines:
            break
        booked += book_statement(place, lines)
        with connection.cursor() as cursor:
            cursor.execute(OFFERED, {"ids": keys})
    return booked


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


def fill_receipts(*, account: str, mode: str) -> int:
    """Give matched payments and refunds the receipt that nobody had told us; returns how many were asked for."""
    with connection.cursor() as cursor:
        cursor.execute(UNFILLED, {"account": account, "mode": mode})
        rows: list[tuple[UUID, str, str]] = cursor.fetchall()
    for op_id, receipt, kind in rows:
        outcome = Outcome(status=OutcomeStatus.SUCCEEDED, receipt=receipt)
        body = orjson.dumps({"receipt": receipt, "account": account})
        evidence = Answer(door=SOURCE, body=body, dedupe=receipt)
        apply = apply_outcome if kind == "payment" else apply_out_outcome
        apply(op_id, outcome, evidence=evidence, source=SOURCE)
    return len(rows)
