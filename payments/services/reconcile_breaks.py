"""The SQL that says of each line and movement that does not fit what is wrong with it, once."""

# The named object of a line, by receipt and by account reference; the movement that a returned one belongs to.
CLASSIFY = """
WITH line AS (
    SELECT l.* FROM recon_line l WHERE l.account = %(account)s AND l.mode = %(mode)s AND l.state = 'new'),
  named AS (
    SELECT DISTINCT ON (l.id) l.id, o.* FROM line l JOIN recon_object o ON o.receipt = l.external_id
      AND o.direction = l.direction AND l.external_id <> '' ORDER BY l.id, o.mode = l.mode DESC, o.moved DESC),
  meant AS (
    SELECT DISTINCT ON (l.id) l.id, o.* FROM line l JOIN recon_token k ON k.line_id = l.id
      JOIN recon_object o ON o.account_reference = k.token AND o.mode = l.mode AND o.direction = l.direction
      ORDER BY l.id, o.at),
  undone AS (
    SELECT DISTINCT ON (l.id) l.id, o.* FROM line l JOIN recon_object o ON o.receipt = l.linked_id AND o.mode = l.mode
      AND l.linked_id <> '' AND l.kind = 'reversal' AND l.direction = 'in' AND o.direction = 'out' AND o.moved
      ORDER BY l.id, o.at),
  judged AS (
    SELECT l.id AS line_id, l.file_id, l.external_id, l.amount, l.currency, l.direction, l.occurred_at,
      l.kind AS line_kind, l.family, l.narrative, coalesce(n.object_type, u.object_type, m.object_type) AS object_type,
      coalesce(n.object_id, u.object_id, m.object_id) AS object_id,
      CASE WHEN n.moved AND n.mode = l.mode THEN n.amount
        WHEN n.id IS NULL AND m.moved AND m.receipt IS NULL THEN m.amount ELSE 0 END AS ours,
      CASE
        WHEN l.kind = 'charge' THEN 'unknown_charge'
        WHEN l.external_id <> '' AND l.account NOT LIKE 'bank:%%' AND EXISTS (SELECT 1 FROM recon_line e
          WHERE e.account = l.account AND e.mode = l.mode AND e.external_id = l.external_id AND e.family = l.family
            AND e.kind = l.kind AND e.direction = l.direction AND e.id < l.id) THEN 'duplicate_there'
        WHEN n.mode <> l.mode THEN 'mode_differs'
        WHEN (n.amount, n.currency) <> (l.amount, l.currency) THEN 'amount_differs'
        WHEN n.id IS NOT NULL AND n.is_open THEN 'state_differs'
        WHEN n.id IS NOT NULL AND NOT n.moved THEN 'late_success'
        WHEN u.id IS NOT NULL THEN 'returned_payout'
        WHEN m.moved AND m.receipt IS NOT NULL THEN 'overpaid'
        WHEN (m.amount, m.currency) <> (l.amount, l.currency) THEN 'amount_differs'
        WHEN m.id IS NOT NULL AND m.is_open THEN 'state_differs'
        WHEN m.id IS NOT NULL AND NOT m.moved THEN 'late_success'
        ELSE 'missing_here' END AS kind
    FROM line l LEFT JOIN named n ON n.id = l.id LEFT JOIN meant m ON m.id = l.id LEFT JOIN undone u ON u.id = l.id
    -- The charge of a line that does not fit yet waits for it.
    WHERE l.kind <> 'charge' OR NOT EXISTS (SELECT 1 FROM recon_line b WHERE b.account = l.account AND b.mode = l.mode
      AND b.external_id = l.linked_id AND b.kind <> 'charge' AND b.id <> l.id)),
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
          WHEN kind = 'missing_here' AND direction = 'out' THEN 'high'
          WHEN kind = 'unknown_charge' THEN 'low' ELSE 'medium' END,
        'reconciliation', jsonb_build_object('direction', direction, 'line_kind', line_kind, 'narrative', narrative,
          'line_amount', amount, 'our_amount', ours),
        jsonb_build_object('contra', CASE
          WHEN kind = 'unknown_charge' THEN 'provider_cost'
          WHEN kind IN ('amount_differs', 'duplicate_there') AND direction = 'in' AND amount > ours THEN 'overpaid'
          WHEN kind IN ('amount_differs', 'duplicate_there') THEN 'loss'
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
    jsonb_build_object('direction', o.direction), jsonb_build_object('contra', 'loss'), 'open', false
  FROM recon_object o, recon_cover v
  WHERE o.moved AND o.mode = %(mode)s
    -- Clocks differ a little: what lies at the edge of a statement may stand in the next.
    AND tstzrange(o.at - interval '5 minutes', o.at + interval '5 minutes') <@ v.cover
    AND NOT EXISTS (SELECT 1 FROM recon_match m WHERE m.object_type = o.object_type AND m.object_id = o.object_id
      AND m.family = 'statement' AND m.state <> 'rejected')
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

CLOSE_FITTING = """
UPDATE recon_exception x SET status = 'closed', closed_by = 'system', closed_at = now(), float_effect = 0,
    resolution = 'It fits: the line and our own movement are matched.'
  FROM recon_match m
  WHERE x.account = %(account)s AND x.mode = %(mode)s AND x.status = 'open' AND m.state = 'confirmed'
    AND ((x.line_id = m.line_id AND (m.object_type <> 'c2b_receipt' OR EXISTS (SELECT 1 FROM c2b_receipt c
          WHERE c.id = m.object_id AND c.state = 'matched'))
        AND x.kind IN ('missing_here', 'late_success', 'state_differs', 'amount_differs', 'unknown_charge'))
      OR (x.kind = 'missing_there' AND x.object_type = m.object_type AND x.object_id = m.object_id
        AND m.family = 'statement'))
"""
