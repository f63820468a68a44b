"""What providers took for movements of ours, as their statement tells: booked as our cost, once for each line."""

from typing import Any

from django.db import connection, transaction

# Small transactions: while one is open, those who book on the same rows of the float wait.
BATCH = 200

# A payout's result may have told of its charge before: then the line is the one that is booked, if it is as large.
KNOWN = """
WITH known AS (
    SELECT l.id AS line_id, l.family, t.id AS transfer_id FROM recon_line l
      JOIN recon_line b ON b.account = l.account AND b.mode = l.mode AND b.external_id = l.linked_id
        AND b.kind <> 'charge' AND b.state = 'matched'
      JOIN recon_match m ON m.line_id = b.id AND m.state = 'confirmed'
      JOIN ledger_transfer p ON p.id = m.transfer_id AND p.idem LIKE 'po:%%:done%%'
      JOIN ledger_transfer t ON t.idem = replace(p.idem, ':done', ':charge')
    WHERE l.account = %(account)s AND l.mode = %(mode)s AND l.kind = 'charge' AND l.state IN ('new', 'exception')
      AND l.amount = (SELECT sum(e.amount) FROM ledger_entry e WHERE e.transfer_id = t.id AND e.side = 'D')),
  done AS (
    INSERT INTO recon_match (line_id, rule, object_type, object_id, transfer_id, state, family, decided_by, created_at)
      SELECT line_id, 'charge', 'charge', transfer_id, transfer_id, 'confirmed', family, 'system', now() FROM known
      ON CONFLICT DO NOTHING RETURNING line_id)
UPDATE recon_line l SET state = 'matched' FROM done WHERE l.id = done.line_id
"""

DUE = """
SELECT l.id, l.amount, l.currency, l.occurred_at, l.external_id FROM recon_line l
  WHERE l.account = %(account)s AND l.mode = %(mode)s AND l.kind = 'charge' AND l.direction = 'out'
    AND l.family = 'statement' AND l.state IN ('new', 'exception')
    AND EXISTS (SELECT 1 FROM recon_line b WHERE b.account = l.account AND b.mode = l.mode AND b.kind <> 'charge'
      AND b.external_id = l.linked_id AND b.state = 'matched')
    -- What was booked with a payout's result, in another amount, is for a person.
    AND NOT EXISTS (SELECT 1 FROM recon_line b JOIN recon_match m ON m.line_id = b.id AND m.state = 'confirmed'
      JOIN ledger_transfer p ON p.id = m.transfer_id AND p.idem LIKE 'po:%%:done%%'
      JOIN ledger_transfer t ON t.idem = replace(p.idem, ':done', ':charge')
      WHERE b.account = l.account AND b.mode = l.mode AND b.external_id = l.linked_id)
  ORDER BY l.id %% 16, l.id LIMIT %(limit)s
"""

BOOK = f"""
WITH due AS MATERIALIZED ({DUE}),
  posted AS MATERIALIZED (
    SELECT id, ledger_post('chg:' || id, 'provider_charge', NULL, currency, %(mode)s,
      ARRAY[(ledger_open_account(NULL, 'provider_cost', '', currency, %(mode)s), 'D', amount)::ledger_leg,
        (ledger_open_account(NULL, %(cash)s, %(name)s || CASE %(cash)s WHEN 'bank' THEN ''
          ELSE ':' || lpad((id %% 16)::text, 2, '0') END, currency, %(mode)s), 'C', amount)::ledger_leg],
      occurred_at, NULL, 'charge of ' || external_id, 'system') AS transfer_id FROM due),
  done AS (
    INSERT INTO recon_match (line_id, rule, object_type, object_id, transfer_id, state, family, decided_by, created_at)
      SELECT id, 'charge', 'charge', transfer_id, transfer_id, 'confirmed', 'statement', 'system', now() FROM posted
      RETURNING line_id)
UPDATE recon_line l SET state = 'matched' FROM done WHERE l.id = done.line_id
"""  # noqa: S608 - our own constants


def book_charges(*, account: str, mode: str) -> int:
    """Book the charge lines whose movement is matched; returns how many are settled. The same line is booked once."""
    parameters: dict[str, Any] = {"account": account, "mode": mode, "limit": BATCH, **cash_of(account)}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(KNOWN, parameters)
        settled = int(cursor.rowcount)
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(BOOK, parameters)
            settled += int(cursor.rowcount)
            if cursor.rowcount < BATCH:
                return settled


def cash_of(account: str) -> dict[str, str]:
    """Kind and name of the ledger account that a statement is of: a bank's own name, or a float's before its row."""
    provider, _, name = account.partition(":")
    return {"cash": "bank", "name": name} if provider == "bank" else {"cash": "provider_float", "name": account}
