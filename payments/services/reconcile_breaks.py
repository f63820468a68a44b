"""The SQL that says of each line and movement that does not fit what is wrong with it, once."""

# A line of money received that its statement tells of too is the statement's to judge.
LEAVE_TO_STATEMENT = """
WITH twin AS (
    SELECT l.id, s.id AS told_by FROM recon_open l JOIN recon_line s ON s.account = %(account)s AND s.mode = %(mode)s
      AND s.external_id = l.external_id AND s.family = 'statement' AND s.direction = l.direction
    WHERE l.family = 'list' AND l.external_id <> ''),
  gone AS (DELETE FROM recon_open l USING twin t WHERE l.id = t.id),
  settled AS (
    UPDATE recon_exception x SET status = 'closed', closed_by = 'system', closed_at = now(),
        resolution = 'The statement tells of it too: see the exception of its line.'
      FROM twin t WHERE x.line_id = t.id AND x.status = 'open')
UPDATE recon_line l SET state = 'ignored' FROM twin t WHERE l.id = t.id
"""

# What the line names: by receipt, by account reference, the movement that a returned one belongs to, the payment that
# it takes back; and whether it was told before.
NAMED = """
DROP TABLE IF EXISTS recon_judged, recon_said;
-- Every line that shares a name with an open one: read once, and counted, whatever the statistics of the table say.
CREATE TEMP TABLE recon_said ON COMMIT DROP AS
  SELECT id, external_id, family, kind, direction, state FROM recon_line
    WHERE account = %(account)s AND mode = %(mode)s AND external_id <> ''
      AND external_id IN (SELECT external_id FROM recon_open UNION SELECT linked_id FROM recon_open);
CREATE INDEX ON recon_said (external_id); ANALYZE recon_said; ANALYZE recon_open;
CREATE TEMP TABLE recon_judged ON COMMIT DROP AS
  SELECT l.*, n.object_type AS n_type, n.object_id AS n_id, n.mode AS n_mode, n.amount AS n_amount,
    n.currency AS n_currency, n.moved AS n_moved, n.is_open AS n_open, n.transfer_id AS n_transfer,
    m.object_id AS m_id, m.mode AS m_mode, m.amount AS m_amount, m.currency AS m_currency, m.moved AS m_moved,
    m.is_open AS m_open, m.transfer_id AS m_transfer, m.receipt IS NOT NULL OR m.on_statement AS m_taken,
    u.object_type AS u_type, u.object_id AS u_id, b.object_id AS b_id, d.id IS NOT NULL AS is_twice
  FROM recon_open l
    LEFT JOIN LATERAL (SELECT * FROM recon_object o WHERE o.receipt = l.external_id AND l.external_id <> ''
      AND o.direction = l.direction ORDER BY o.mode = %(mode)s DESC, o.moved DESC LIMIT 1) n ON true
    LEFT JOIN LATERAL (SELECT o.* FROM recon_token k JOIN recon_object o ON o.account_reference = k.token
      AND o.direction = l.direction WHERE k.line_id = l.id ORDER BY o.mode = %(mode)s DESC, o.at LIMIT 1) m ON true
    LEFT JOIN LATERAL (SELECT * FROM recon_object o WHERE l.kind = 'reversal' AND l.direction = 'in'
      AND o.direction = 'out' AND o.moved AND o.mode = %(mode)s
      AND ((l.linked_id <> '' AND o.receipt = l.linked_id) OR (l.client_ref <> '' AND EXISTS (SELECT 1 FROM recon_name c
        WHERE c.name = l.client_ref AND (c.object_type, c.object_id) = (o.object_type, o.object_id))))
      ORDER BY o.at LIMIT 1) u ON true
    LEFT JOIN LATERAL (SELECT * FROM recon_object o WHERE l.kind = 'reversal' AND l.direction = 'out'
      AND l.linked_id <> '' AND o.receipt = l.linked_id AND o.object_type = 'payment' AND o.moved
      AND o.mode = %(mode)s LIMIT 1) b ON true
    LEFT JOIN LATERAL (SELECT e.id FROM recon_said e WHERE %(account)s NOT LIKE 'bank:%%'
      AND e.external_id = l.external_id AND e.family = l.family AND e.kind = l.kind AND e.direction = l.direction
      AND e.id <> l.id AND (e.id < l.id OR e.state = 'matched')
      LIMIT 1) d ON true
  WHERE l.state = 'new' AND l.kind <> 'settlement'
    -- The charge of a line that does not fit yet waits for it; what could not be booked beside one that does is told.
    AND (l.kind <> 'charge' OR NOT EXISTS (SELECT 1 FROM recon_said b WHERE b.external_id = l.linked_id
      AND b.kind <> 'charge' AND b.state <> 'ignored' AND b.id <> l.id
      AND NOT (%(is_last)s AND b.state = 'matched')));
ANALYZE recon_judged
"""

CLASSIFY = """
WITH judged AS (
    SELECT id AS line_id, file_id, external_id, amount, currency, direction, occurred_at, kind AS line_kind, family,
      narrative, coalesce(n_type, u_type, CASE WHEN b_id IS NOT NULL OR m_id IS NOT NULL THEN 'payment' END)
        AS object_type,
      coalesce(n_id, u_id, b_id, m_id) AS object_id,
      CASE WHEN n_moved AND n_mode = %(mode)s THEN n_amount
        WHEN n_id IS NULL AND m_moved AND m_mode = %(mode)s AND NOT m_taken THEN m_amount ELSE 0 END AS ours,
      CASE WHEN n_id IS NULL THEN m_transfer ELSE n_transfer END AS our_transfer,
      CASE
        WHEN kind = 'charge' THEN 'unknown_charge'
        WHEN is_twice THEN 'duplicate_there'
        WHEN n_mode <> %(mode)s OR (n_id IS NULL AND m_mode <> %(mode)s) THEN 'mode_differs'
        WHEN (n_amount, n_currency) <> (amount, currency) THEN 'amount_differs'
        WHEN n_open THEN 'state_differs'
        WHEN NOT n_moved THEN 'late_success'
        WHEN u_id IS NOT NULL THEN 'returned_payout'
        WHEN b_id IS NOT NULL THEN 'state_differs'
        WHEN m_moved AND m_taken THEN 'overpaid'
        WHEN (m_amount, m_currency) <> (amount, currency) THEN 'amount_differs'
        WHEN m_open THEN 'state_differs'
        WHEN NOT m_moved THEN 'late_success'
        ELSE 'missing_here' END AS kind
    FROM recon_judged),
  made AS (
    INSERT INTO recon_exception (id, kind, account, mode, merchant_id, name, file_id, line_id, object_type, object_id,
        external_id, amount, currency, occurred_at, float_effect, severity, owner, detail, posting, status, will_post)
      SELECT uuidv7(), kind, %(account)s, %(mode)s, %(merchant)s::uuid, kind || ':line:' || line_id, file_id, line_id,
        object_type, object_id, external_id,
        CASE kind WHEN 'amount_differs' THEN abs(amount - ours) ELSE amount END, currency, occurred_at,
        CASE WHEN family <> 'statement' THEN 0
          ELSE CASE direction WHEN 'in' THEN 1 ELSE -1 END
            * (CASE kind WHEN 'amount_differs' THEN ours ELSE 0 END - amount) END,
        CASE WHEN kind IN ('duplicate_there', 'mode_differs', 'amount_differs', 'returned_payout') THEN 'high'
          WHEN kind IN ('missing_here', 'state_differs') AND direction = 'out' THEN 'high'
          WHEN kind = 'unknown_charge' THEN 'low' ELSE 'medium' END,
        'reconciliation', jsonb_build_object('direction', direction, 'line_kind', line_kind, 'narrative', narrative,
          'line_amount', amount, 'our_amount', ours, 'our_transfer', our_transfer),
        jsonb_build_object('contra', CASE
          WHEN kind = 'unknown_charge' THEN 'provider_cost'
          WHEN kind IN ('amount_differs', 'duplicate_there') AND direction = 'in' AND amount > ours THEN 'overpaid'
          WHEN kind IN ('amount_differs', 'duplicate_there') THEN 'loss'
          WHEN kind IN ('mode_differs', 'overpaid') AND direction = 'in' THEN 'overpaid'
          WHEN kind = 'returned_payout' AND object_type = 'refund' THEN 'overpaid'
          WHEN kind = 'missing_here' AND line_kind = 'other' THEN 'capital'
          WHEN kind = 'missing_here' AND direction = 'out' THEN 'loss' END),
        'open', false
      FROM judged
      ON CONFLICT (name) DO NOTHING RETURNING line_id)
UPDATE recon_line l SET state = 'exception' FROM judged WHERE l.id = judged.line_id
"""

# A line that nobody could read may name what would else be missing.
READ_BETWEEN = """
UPDATE recon_exception x SET object_type = o.object_type, object_id = o.object_id, external_id = o.receipt,
    float_effect = 0
  FROM recon_object o
  WHERE x.kind = 'unparsable' AND x.account = %(account)s AND x.mode = %(mode)s AND x.status <> 'closed'
    AND x.object_id IS NULL AND o.moved AND o.mode = %(mode)s AND o.receipt IS NOT NULL
    AND o.receipt = ANY (regexp_split_to_array(upper(x.detail->>'text'), '[^0-9A-Z]+'))
"""

MISSING_THERE = """
INSERT INTO recon_exception (id, kind, account, mode, merchant_id, name, object_type, object_id, external_id, amount,
    currency, occurred_at, float_effect, severity, owner, detail, posting, status, will_post)
  SELECT uuidv7(), 'missing_there', %(account)s, %(mode)s, %(merchant)s::uuid,
    'missing_there:' || o.object_type || ':' || o.object_id, o.object_type, o.object_id, coalesce(o.receipt, ''),
    o.amount, o.currency, o.at, CASE o.direction WHEN 'in' THEN o.amount ELSE -o.amount END, 'high', 'reconciliation',
    jsonb_build_object('direction', o.direction, 'our_amount', o.amount, 'our_transfer', o.transfer_id),
    jsonb_build_object('contra', 'loss'), 'open', false
  FROM recon_object o, recon_cover v
  WHERE o.moved AND o.mode = %(mode)s AND NOT o.on_statement
    -- Clocks differ a little, and banks book days later: what lies at the edge of a statement may stand in the next.
    AND tstzrange(o.at - %(margin)s::interval, o.at + %(margin)s::interval) <@ v.cover
    AND NOT EXISTS (SELECT 1 FROM recon_line l WHERE l.account = %(account)s AND l.mode = %(mode)s
      AND l.external_id = o.receipt AND l.family = 'statement')
    AND NOT EXISTS (SELECT 1 FROM recon_exception x WHERE x.object_type = o.object_type AND x.object_id = o.object_id
      AND x.account = %(account)s AND x.mode = %(mode)s
      AND (x.kind = 'unparsable' OR (x.kind = 'amount_differs' AND x.float_effect <> 0)))
ON CONFLICT (name) DO NOTHING
"""

# --- what fits after all ----------------------------------------------------------------------------------------------

# The float agrees as soon as a line has its movement; money in suspense keeps its exception until it has an owner.
SETTLE = """
UPDATE recon_exception x SET float_effect = 0, object_type = m.object_type, object_id = m.object_id,
    detail = x.detail || jsonb_build_object('booked_as', m.object_type)
  FROM recon_match m
  WHERE x.line_id = m.line_id AND x.account = %(account)s AND x.mode = %(mode)s AND x.status <> 'closed'
    AND m.state = 'confirmed' AND x.kind <> 'balance_gap' AND x.transfer_id IS NULL
    AND NOT x.detail @> jsonb_build_object('booked_as', m.object_type)
"""

CLOSE_LINES = """
UPDATE recon_exception x SET status = 'closed', closed_by = 'system', closed_at = now(), float_effect = 0,
    resolution = 'It fits: the line and our own movement are matched.'
  FROM recon_match m
  WHERE x.account = %(account)s AND x.mode = %(mode)s AND x.status = 'open' AND m.state = 'confirmed'
    AND x.line_id = m.line_id AND (m.object_type <> 'c2b_receipt' OR EXISTS (SELECT 1 FROM c2b_receipt c
      WHERE c.id = m.object_id AND c.state = 'matched'))
    AND (x.kind IN ('missing_here', 'late_success', 'state_differs', 'amount_differs', 'unknown_charge')
      OR (x.kind = 'returned_payout' AND m.object_type = 'payout_return'))
"""
CLOSE_MISSING = """
UPDATE recon_exception x SET status = 'closed', closed_by = 'system', closed_at = now(), float_effect = 0,
    resolution = 'It fits: it stands on a later statement.'
  FROM recon_match m
  WHERE x.account = %(account)s AND x.mode = %(mode)s AND x.status = 'open' AND x.kind = 'missing_there'
    AND m.object_type = x.object_type AND m.object_id = x.object_id AND m.object_type <> 'bank_batch'
    AND m.family = 'statement' AND m.state = 'confirmed' AND m.state <> 'rejected'
"""
# What a file left out, or told so that nobody could read it, stands in another: looked at while its lines are new.
CLOSE_READ = """
UPDATE recon_exception x SET status = 'closed', closed_by = 'system', closed_at = now(), float_effect = 0,
    resolution = 'Another file tells of it.'
  FROM (SELECT e.id, l.id AS line_id FROM recon_exception e JOIN recon_open l
        ON l.balance_after = (e.detail->>'balance_before')::bigint AND l.file_id <> e.file_id
          AND l.occurred_at BETWEEN e.occurred_at - interval '1 day' AND e.occurred_at
      WHERE e.account = %(account)s AND e.mode = %(mode)s AND e.status = 'open' AND e.kind = 'balance_gap'
        AND l.family = 'statement'
    UNION ALL
    SELECT e.id, l.id FROM recon_exception e JOIN recon_open l
        ON l.external_id = e.external_id AND l.file_id <> e.file_id
      WHERE e.account = %(account)s AND e.mode = %(mode)s AND e.status = 'open' AND e.kind = 'unparsable'
        AND l.external_id <> '' AND l.family = 'statement') f
  WHERE x.id = f.id
"""
FIT_AFTER_ALL = (SETTLE, CLOSE_LINES, CLOSE_MISSING)
