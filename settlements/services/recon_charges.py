"""What providers took for movements of ours, as their statement tells: booked as our cost, once for each line."""

from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction

from settlements.services.recon_checks import RECEIVABLES

# Small transactions: while one is open, those who book on the same rows of the float wait.
BATCH = 200
TIMEOUT = "SET LOCAL statement_timeout = '60s'"

# Charges whose movement is matched. A payout's result may have told of its charge before: then that is what is booked.
# OFFSET: the movement is looked up by its code, and not by walking all lines in their order.
DUE = """
SELECT l.id, l.amount, k.id, k.amount FROM recon_line l
  CROSS JOIN LATERAL (SELECT min(named.id) AS id FROM (SELECT id FROM recon_line WHERE account = l.account
    AND mode = l.mode AND external_id = l.linked_id AND kind <> 'charge' AND family = 'statement' AND state = 'matched'
    OFFSET 0) named HAVING min(named.id) IS NOT NULL) b
  LEFT JOIN LATERAL (SELECT t.id, (SELECT sum(e.amount) FROM ledger_entry e WHERE e.transfer_id = t.id AND e.side = 'D')
      AS amount
    FROM recon_match m JOIN ledger_transfer p ON p.id = m.transfer_id AND p.idem LIKE 'po:%%:done%%'
      JOIN ledger_transfer t ON t.idem = replace(p.idem, ':done', ':charge')
    WHERE m.line_id = b.id AND m.state <> 'rejected') k ON true
  WHERE l.account = %(account)s AND l.mode = %(mode)s AND NOT l.state IN ('matched', 'ignored') AND l.kind = 'charge'
    AND l.direction = 'out' AND l.family = 'statement' AND l.linked_id <> ''
  ORDER BY l.id %% 16, l.id
"""

KEEP = """
INSERT INTO recon_match (line_id, rule, object_type, object_id, transfer_id, state, family, decided_by, created_at,
    is_taught)
  SELECT line_id, 'charge', 'charge', transfer_id, transfer_id, 'confirmed', 'statement', 'system', now(), true
"""
KNOWN = f"""
WITH known AS (SELECT * FROM unnest(%(lines)s::bigint[], %(transfers)s::uuid[]) AS k(line_id, transfer_id)),
  done AS ({KEEP} FROM known ON CONFLICT DO NOTHING RETURNING line_id)
UPDATE recon_line l SET state = 'matched' FROM done WHERE l.id = done.line_id
"""  # noqa: S608 - our own constants

BOOK = f"""
WITH due AS MATERIALIZED (
    SELECT id, amount, currency, occurred_at, external_id FROM recon_line WHERE id = ANY (%(lines)s)
      AND state IN ('new', 'exception') ORDER BY id %% 16, id FOR NO KEY UPDATE),
  posted AS MATERIALIZED (
    SELECT id AS line_id, ledger_post('chg:' || id, 'provider_charge', NULL, currency, %(mode)s,
      ARRAY[(ledger_open_account(NULL, 'provider_cost', '', currency, %(mode)s), 'D', amount)::ledger_leg,
        (ledger_open_account(NULL, %(cash)s, %(name)s || CASE %(cash)s WHEN 'bank' THEN ''
          ELSE ':' || lpad((id %% 16)::text, 2, '0') END, currency, %(mode)s), 'C', amount)::ledger_leg],
      occurred_at, NULL, 'charge of ' || external_id, 'system') AS transfer_id FROM due),
  done AS ({KEEP} FROM posted RETURNING line_id)
UPDATE recon_line l SET state = 'matched' FROM done WHERE l.id = done.line_id
"""  # noqa: S608 - our own constants


def book_charges(*, account: str, mode: str) -> int:
    """Book the charge lines whose movement is matched; returns how many are settled. The same line is booked once.

    What was booked with a payout's result in another amount is left for a person.
    """
    place: dict[str, Any] = {"account": account, "mode": mode, **cash_of(account)}
    rows = _run(DUE, place, is_read=True)
    known = [(line, transfer) for line, amount, transfer, booked in rows if transfer and amount == booked]
    unbooked = [line for line, _, transfer, _ in rows if transfer is None]
    if known:
        lines, transfers = zip(*known, strict=True)
        _run(KNOWN, place | {"lines": list(lines), "transfers": [str(key) for key in transfers]})
    for first in range(0, len(unbooked), BATCH):
        _run(BOOK, place | {"lines": unbooked[first : first + BATCH]})
    return len(known) + len(unbooked)


def _run(sql: str, place: dict[str, Any], *, is_read: bool = False) -> Sequence[tuple[Any, ...]]:
    """One statement in a transaction of its own."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(TIMEOUT)
        cursor.execute(sql, place)
        return list(cursor.fetchall()) if is_read else ()


def cash_of(account: str) -> dict[str, str]:
    """Kind and name of the ledger account that a statement is of: a bank's own name, or a float's before its row.

    What a card provider owes us is no cash yet.
    """
    provider, _, name = account.partition(":")
    if provider == "bank":
        return {"cash": "bank", "name": name}
    return {"cash": "provider_receivable" if provider in RECEIVABLES else "provider_float", "name": account}
