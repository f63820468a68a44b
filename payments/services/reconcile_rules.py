"""The SQL of matching lines to what they are, rule by rule in their order; each takes what the ones before left."""

# A line is one thing, and one thing of ours is on a statement once: of several equal ones the first is taken. What is
# matched leaves the open lines at once, so that no later rule looks at it.
MATCH = """
WITH pair AS (
    SELECT l.id AS line_id, l.family, o.object_type, o.object_id, o.transfer_id,
      row_number() OVER (PARTITION BY l.id ORDER BY o.at, o.object_type, o.object_id) AS of_line,
      row_number() OVER (PARTITION BY o.object_type, o.object_id, l.family ORDER BY l.id) AS of_object
    FROM recon_open l {joined}
    WHERE l.kind NOT IN ('charge', 'settlement') AND o.mode = %(mode)s AND o.direction = l.direction
      AND o.amount = l.amount AND o.currency = l.currency AND o.moved
      AND NOT CASE l.family WHEN 'statement' THEN o.on_statement ELSE o.on_list END),
  done AS (
    INSERT INTO recon_match (line_id, rule, object_type, object_id, transfer_id, state, family, decided_by, created_at,
        is_taught)
      SELECT line_id, %(rule)s, object_type, object_id, transfer_id, 'confirmed', family, 'system', now(),
          %(rule)s = 'receipt'
        FROM pair WHERE of_line = 1 AND of_object = 1
      ON CONFLICT DO NOTHING RETURNING line_id, object_type, object_id, family),
  noted AS (
    UPDATE recon_object o SET on_statement = o.on_statement OR d.family = 'statement',
        on_list = o.on_list OR d.family = 'list'
      FROM done d WHERE (o.object_type, o.object_id) = (d.object_type, d.object_id)),
  gone AS (DELETE FROM recon_open l USING done d WHERE l.id = d.line_id)
UPDATE recon_line l SET state = 'matched' FROM done WHERE l.id = done.line_id
"""

BY_RECEIPT = MATCH.format(joined="JOIN recon_object o ON o.receipt = l.external_id AND l.external_id <> ''")
BY_OUR_NAME = MATCH.format(
    joined="""JOIN recon_name n ON n.name = l.client_ref AND l.client_ref <> ''
      JOIN recon_object o USING (object_type, object_id)"""
)
# Money taken back has a name of its own at the provider, and tells which movement it undoes.
BY_LINK = MATCH.format(
    joined="""JOIN recon_object o ON o.linked_id = l.linked_id AND l.linked_id <> '' AND l.kind = 'reversal'
      AND o.object_type IN ('refund', 'payout_return') AND o.receipt IS NULL"""
)
BY_REFERENCE = MATCH.format(
    joined="""JOIN recon_token k ON k.line_id = l.id
      JOIN recon_object o ON o.account_reference = k.token AND o.receipt IS NULL
        AND l.occurred_at BETWEEN o.at - interval '48 hours' AND o.at + interval '48 hours'"""
)
RULES = (
    ("receipt", BY_RECEIPT),
    ("client_ref", BY_OUR_NAME),
    ("linked", BY_LINK),
    ("account_reference", BY_REFERENCE),
)

# --- what a person must confirm ---------------------------------------------------------------------------------------

# Payments that are paid without a receipt, and money that may have left without one.
NAMELESS = """
SELECT o.object_type, o.object_id, o.party FROM recon_object o
  WHERE o.receipt IS NULL AND o.mode = %(mode)s AND NOT o.on_statement
    AND ((o.object_type = 'payment' AND o.moved) OR (o.object_type = 'refund' AND (o.moved OR o.is_open))
      OR (o.object_type = 'payout_op' AND (o.moved OR o.is_open)))
"""

# Exactly one candidate each way; what a person has rejected is not proposed again.
PROPOSE = """
WITH pair AS (
    SELECT l.id AS line_id, l.family, o.object_type, o.object_id, o.transfer_id,
      count(*) OVER (PARTITION BY l.id) AS of_line,
      count(*) OVER (PARTITION BY o.object_type, o.object_id) AS of_object
    FROM recon_open l
      JOIN unnest(%(types)s::text[], %(ids)s::uuid[], %(parties)s::text[]) AS payer(object_type, object_id, party)
        ON payer.party = l.party AND l.party <> ''
      JOIN recon_object o USING (object_type, object_id)
    WHERE l.state = 'new' AND l.kind IN ('receipt', 'payout') AND l.family = 'statement' AND o.direction = l.direction
      AND o.amount = l.amount AND o.currency = l.currency
      AND l.occurred_at BETWEEN o.at - interval '10 minutes' AND o.at + interval '10 minutes'
      AND NOT EXISTS (SELECT 1 FROM recon_match m WHERE m.line_id = l.id AND m.object_id = o.object_id)),
  done AS (
    INSERT INTO recon_match (line_id, rule, object_type, object_id, transfer_id, state, family, decided_by, created_at,
        is_taught)
      SELECT line_id, 'payer', object_type, object_id, transfer_id, 'proposed', family, 'system', now(), false
        FROM pair WHERE of_line = 1 AND of_object = 1
      ON CONFLICT DO NOTHING RETURNING line_id, object_type, object_id),
  noted AS (
    UPDATE recon_object o SET on_statement = true FROM done d
      WHERE (o.object_type, o.object_id) = (d.object_type, d.object_id)),
  gone AS (DELETE FROM recon_open l USING done d WHERE l.id = d.line_id)
UPDATE recon_line l SET state = 'proposed' FROM done WHERE l.id = done.line_id
"""
