"""What card providers paid out: a settlement that is the sum of its matched lines less charges, found at the bank."""

from typing import Any

from django.db import connection, transaction

# How long a settlement takes to the bank, and how long it may take before somebody should ask.
EARLY, LATE, OVERDUE = "1 day", "5 days", "7 days"

# Of each settlement that is open: what its lines come to, and how many of them are matched to nothing yet.
SUMS = """
DROP TABLE IF EXISTS recon_batch;
CREATE TEMP TABLE recon_batch ON COMMIT DROP AS
  SELECT s.id, s.account, s.external_id, s.amount, s.currency, s.occurred_at, s.file_id, s.state,
    count(m.id) AS members,
    count(m.id) FILTER (WHERE m.state <> 'matched') AS unmatched,
    coalesce(sum(CASE m.direction WHEN 'in' THEN m.amount ELSE -m.amount END), 0)::bigint AS net
  FROM recon_line s LEFT JOIN recon_line m ON m.account = s.account AND m.mode = s.mode AND m.kind <> 'settlement'
    AND (m.batch = s.batch OR m.external_id = ANY (string_to_array(s.linked_id, ',')))
  WHERE s.mode = %(mode)s AND s.kind = 'settlement' AND NOT s.state IN ('matched', 'ignored')
  GROUP BY s.id
"""
# The bank's line names the settlement, or is the only one of its amount in those days; and the settlement is its only.
PAIRS = """
WITH fits AS (
    SELECT b.id AS batch, l.id AS line, l.account AS bank,
        position(b.external_id IN l.narrative || ' ' || l.client_ref) > 0 AS is_named
      FROM recon_batch b JOIN recon_line l ON l.account LIKE 'bank:%%' AND l.mode = %(mode)s AND l.direction = 'in'
        AND l.amount = b.amount AND l.currency = b.currency AND l.kind <> 'charge'
        AND NOT l.state IN ('matched', 'ignored') AND l.state <> 'proposed'
        AND l.occurred_at BETWEEN b.occurred_at - %(early)s::interval AND b.occurred_at + %(late)s::interval
      WHERE b.members > 0 AND b.unmatched = 0 AND b.net = b.amount),
  best AS (SELECT * FROM fits f WHERE is_named OR NOT EXISTS (SELECT 1 FROM fits g
    WHERE g.is_named AND (g.batch = f.batch OR g.line = f.line)))
SELECT p.batch, p.line, p.bank, b.account, b.amount, b.currency, b.occurred_at, b.external_id
  FROM (SELECT *, count(*) OVER (PARTITION BY batch) AS lines, count(*) OVER (PARTITION BY line) AS batches FROM best) p
  JOIN recon_batch b ON b.id = p.batch WHERE p.lines = 1 AND p.batches = 1 ORDER BY p.batch
"""
POST = """
SELECT ledger_post('stl-card:' || %(batch)s, 'card_settled', NULL, %(currency)s, %(mode)s, ARRAY[
    (ledger_open_account(NULL, 'bank', %(bank_name)s, %(currency)s, %(mode)s), 'D', %(amount)s)::ledger_leg,
    (ledger_open_account(NULL, 'provider_receivable', %(account)s || ':00', %(currency)s, %(mode)s), 'C',
      %(amount)s)::ledger_leg],
  %(at)s, NULL, %(reason)s, 'system')
"""
KEEP = """
WITH done AS (
    INSERT INTO recon_match (line_id, rule, object_type, object_id, transfer_id, state, family, decided_by, created_at,
        is_taught)
      SELECT unnest(ARRAY[%(batch)s, %(line)s]::bigint[]), 'batch', 'bank_batch', %(transfer)s, %(transfer)s,
        'confirmed', 'statement', 'system', now(), true RETURNING line_id)
UPDATE recon_line l SET state = 'matched' FROM done WHERE l.id = done.line_id
"""
# What does not add up, and what the bank should have long ago.
BREAKS = """
WITH broken AS (
    SELECT *, CASE WHEN unmatched = 0 AND members > 0 AND net <> amount THEN 'amount_differs' ELSE 'missing_there' END
        AS kind
      FROM recon_batch WHERE state = 'new' AND ((members > 0 AND unmatched = 0 AND net <> amount)
        OR occurred_at < now() - %(overdue)s::interval)),
  made AS (
    INSERT INTO recon_exception (id, kind, account, mode, name, file_id, line_id, external_id, amount, currency,
        occurred_at, float_effect, severity, owner, detail, posting, status, will_post)
      SELECT uuidv7(), kind, account, %(mode)s, kind || ':line:' || id, file_id, id, external_id,
        CASE kind WHEN 'amount_differs' THEN abs(amount - net) ELSE amount END, currency, occurred_at, 0, 'high',
        'reconciliation', jsonb_build_object('direction', 'out', 'line_kind', 'settlement', 'line_amount', amount,
          'our_amount', net, 'lines', members, 'unmatched', unmatched), '{}', 'open', false
      FROM broken ON CONFLICT (name) DO NOTHING)
UPDATE recon_line l SET state = 'exception' FROM broken b WHERE l.id = b.id
"""
CLOSE = """
UPDATE recon_exception x SET status = 'closed', closed_by = 'system', closed_at = now(), float_effect = 0,
    resolution = 'It fits: the settlement is at the bank.'
  FROM recon_match m
  WHERE x.line_id = m.line_id AND m.object_type = 'bank_batch' AND x.mode = %(mode)s AND x.status = 'open'
    AND x.kind IN ('missing_here', 'missing_there', 'amount_differs')
"""


def match_batches(mode: str) -> int:
    """Match settlements to lines of the bank, post them, and name those that do not add up; returns how many matched.

    A settlement waits until every line of it is matched. Nothing is posted where two could be meant.
    """
    values: dict[str, Any] = {"mode": mode, "early": EARLY, "late": LATE, "overdue": OVERDUE}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '60s'")
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('recon:batches:' || %(mode)s, 0))", values)
        cursor.execute(SUMS, values)
        cursor.execute(PAIRS, values)
        pairs = cursor.fetchall()
        for batch, line, bank, account, amount, currency, at, name in pairs:
            place = {"batch": batch, "line": line, "bank_name": bank.partition(":")[2], "account": account, "at": at}
            posted = values | place | {"amount": amount, "currency": currency, "reason": f"settlement {name}"}
            cursor.execute(POST, posted)
            cursor.execute(KEEP, posted | {"transfer": cursor.fetchone()[0]})
        if pairs:
            cursor.execute(SUMS, values)
            cursor.execute(CLOSE, values)
        cursor.execute(BREAKS, values)
    return len(pairs)
