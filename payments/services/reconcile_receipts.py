"""Receipts that only a statement knew, told to the payments, refunds and payouts that its lines were matched to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction

from onpoint_pay.kit.money import Money
from payments.services.evidence import Answer
from payments.services.out_outcome import apply_out_outcome
from payments.services.outcome import apply_outcome
from providers.types import Outcome, OutcomeStatus
from settlements.services.recon_import import TIMEOUT

SOURCE = "statement"
BATCH = 100

# Counted before it is joined: how many there are the statistics of the tables cannot know yet.
MATCHED = """
DROP TABLE IF EXISTS recon_untaught;
CREATE TEMP TABLE recon_untaught ON COMMIT DROP AS
  SELECT m.id AS match_id, m.object_type, m.object_id, l.external_id, l.amount, l.currency, l.occurred_at
    FROM recon_match m JOIN recon_line l ON l.id = m.line_id
    WHERE NOT m.is_taught AND l.account = %(account)s AND l.mode = %(mode)s AND m.state = 'confirmed';
ANALYZE recon_untaught
"""
UNTAUGHT = """
WITH untold AS (
    SELECT x.match_id, o.id FROM recon_untaught x JOIN transactions p ON p.id = x.object_id AND p.receipt IS NULL
        JOIN money_op o ON o.payment_id = p.id AND o.surplus_payment_id IS NULL AND o.status = 'succeeded'
      WHERE x.object_type = 'payment'
    UNION ALL
    SELECT x.match_id, o.id FROM recon_untaught x JOIN transactions p ON p.id = x.object_id AND p.receipt IS NULL
        JOIN money_op o ON o.surplus_payment_id = p.id AND o.status = 'succeeded'
      WHERE x.object_type = 'payment'
    UNION ALL
    SELECT x.match_id, o.id FROM recon_untaught x JOIN refunds r ON r.id = x.object_id AND r.receipt IS NULL
        JOIN money_op o ON o.refund_id = r.id AND o.status IN ('succeeded', 'accepted', 'unknown')
      WHERE x.object_type = 'refund'
    UNION ALL
    SELECT x.match_id, o.id FROM recon_untaught x JOIN money_op o ON o.id = x.object_id AND o.receipt IS NULL
      WHERE x.object_type = 'payout_op' AND o.kind <> 'bank')
SELECT x.match_id, u.id, x.object_type, x.external_id, x.amount, x.currency, x.occurred_at
FROM recon_untaught x LEFT JOIN untold u ON u.match_id = x.match_id AND x.external_id <> '' ORDER BY x.match_id
"""
TAUGHT = """
UPDATE recon_match m SET is_taught = true, transfer_id = coalesce(m.transfer_id, t.id)
  FROM unnest(%(matches)s::bigint[]) AS k(id)
    LEFT JOIN recon_match n ON n.id = k.id
    LEFT JOIN money_op o ON n.object_type = 'payout_op' AND o.id = n.object_id
    LEFT JOIN ledger_transfer t ON t.idem = CASE n.object_type WHEN 'refund' THEN 'ref:' || n.object_id || ':done'
      WHEN 'payout_op' THEN 'po:' || o.payout_id || ':done' || CASE WHEN o.part > 1 THEN ':' || o.part ELSE '' END END
  WHERE m.id = k.id
"""

# A payment that is booked, and a receipt that nobody else has: all there is to do is to write it down, many at a time.
# Whatever else brings the same receipt waits for these locks.
LOCK = """
SELECT pg_advisory_xact_lock(hashtextextended(%(provider)s || ':' || %(mode)s || ':' || receipt, 0))
FROM (SELECT unnest(%(receipts)s::text[]) AS receipt ORDER BY 1) r
"""
FILL = """
WITH told AS (
    SELECT * FROM unnest(%(ops)s::uuid[], %(receipts)s::text[]) AS t(op_id, receipt)),
  free AS (
    SELECT DISTINCT ON (t.receipt) t.*, o.payment_id FROM told t JOIN money_op o ON o.id = t.op_id
      WHERE o.surplus_payment_id IS NULL AND o.status = 'succeeded'
        AND NOT EXISTS (SELECT 1 FROM c2b_receipt c
          WHERE (c.provider, c.mode, c.receipt) = (%(provider)s, %(mode)s, t.receipt))
        AND NOT EXISTS (SELECT 1 FROM transactions n
          WHERE (n.provider, n.mode, n.receipt) = (%(provider)s, %(mode)s, t.receipt))
      ORDER BY t.receipt, o.id),
  filled AS (
    UPDATE transactions p SET receipt = f.receipt, version = p.version + 1 FROM free f
      WHERE p.id = f.payment_id AND p.receipt IS NULL RETURNING f.op_id, f.receipt)
INSERT INTO provider_event (provider, door, dedupe, mode, body, headers, token_ok, op_id, received_at, status, tries,
    next_try, note)
  SELECT %(provider)s, 'statement', op_id || ':' || receipt, %(mode)s,
    convert_to(jsonb_build_object('receipt', receipt, 'account', %(account)s::text)::text, 'UTF8'), '{}', true, op_id,
    now(), 'duplicate', 0, now(), 'receipt filled in'
  FROM filled
ON CONFLICT DO NOTHING
"""


def teach(*, account: str, mode: str) -> int:
    """Tell what was matched the receipt that nobody had told us; returns how many there were.

    Money that left, and of which nobody knew, is booked by what a person has confirmed.
    """
    _fill([row for row in _untaught(account, mode) if row[1] and row[2] == "payment"], account=account, mode=mode)
    rows = _untaught(account, mode)
    for _, op_id, kind, receipt, amount, currency, at in rows:
        if op_id is not None:
            _tell(op_id, Paid(kind=kind, receipt=receipt, money=Money(amount, currency), at=at), account=account)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(TIMEOUT)
        cursor.execute(TAUGHT, {"matches": [row[0] for row in rows]})
    return len(rows)


def _untaught(account: str, mode: str) -> Sequence[tuple[Any, ...]]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(TIMEOUT)
        cursor.execute(MATCHED, {"account": account, "mode": mode})
        cursor.execute(UNTAUGHT)
        return list(cursor.fetchall())


def _fill(rows: Sequence[tuple[Any, ...]], *, account: str, mode: str) -> None:
    """The common case in sets; what is not so simple goes the way of every word about a payment."""
    place = {"provider": account.partition(":")[0], "mode": mode, "account": account}
    for first in range(0, len(rows), BATCH):
        part = rows[first : first + BATCH]
        told = place | {"ops": [str(row[1]) for row in part], "receipts": [row[3] for row in part]}
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(TIMEOUT)
            cursor.execute(LOCK, told)
            cursor.execute(FILL, told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """What a matched line says of a try."""

    kind: str
    receipt: str
    money: Money
    at: datetime


def _tell(op_id: UUID, paid: Paid, *, account: str) -> None:
    outcome = Outcome(status=OutcomeStatus.SUCCEEDED, receipt=paid.receipt, money=paid.money, occurred_at=paid.at)
    body = orjson.dumps({"receipt": paid.receipt, "account": account})
    evidence = Answer(door=SOURCE, body=body, dedupe=paid.receipt)
    apply = apply_outcome if paid.kind == "payment" else apply_out_outcome
    apply(op_id, outcome, evidence=evidence, source=SOURCE)
