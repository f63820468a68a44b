"""The SQL that gathers what an account's statement lines could be: payments, receipts in suspense, refunds, payouts.

Only what a line names, or what a statement should have named, is gathered: the rest of the history stays unread.
"""

MAKE = """
DROP TABLE IF EXISTS recon_object, recon_name, recon_token, recon_cover;
CREATE TEMP TABLE recon_object (
  object_type text, object_id uuid, mode text, direction text, amount bigint, currency text, receipt text,
  account_reference text, linked_id text, moved boolean, is_open boolean, at timestamptz, transfer_id uuid, party text,
  PRIMARY KEY (object_type, object_id)) ON COMMIT DROP;
CREATE TEMP TABLE recon_name (object_type text, object_id uuid, name text) ON COMMIT DROP;
CREATE TEMP TABLE recon_token (line_id bigint, token text, PRIMARY KEY (line_id, token)) ON COMMIT DROP;
CREATE TEMP TABLE recon_cover (cover tstzmultirange) ON COMMIT DROP
"""

# What may be one of our own account references: the field for it, and words of its form in the narrative.
TOKENS = """
INSERT INTO recon_token
  SELECT id, upper(account_reference) FROM recon_line
    WHERE account = %(account)s AND mode = %(mode)s AND state IN ('new', 'exception') AND account_reference <> ''
      AND direction = 'in' AND kind <> 'charge'
  UNION SELECT l.id, upper(word[1]) FROM recon_line l, regexp_matches(l.narrative, '[0-9A-Za-z]{10,12}', 'g') word
    WHERE l.account = %(account)s AND l.mode = %(mode)s AND l.state IN ('new', 'exception') AND l.direction = 'in'
      AND l.account_reference = '' AND l.kind <> 'charge'
"""

# The times of which statements tell everything; lists of money received leave out the rest, and cover nothing.
COVER = """
INSERT INTO recon_cover SELECT coalesce(range_agg(tstzrange(starts_at, ends_at)), '{}') FROM recon_file
  WHERE account = %(account)s AND mode = %(mode)s AND source <> 'pull' AND ends_at > starts_at
"""

# A payment's money reached the float when it was captured, or before, when it was put into suspense.
PAYMENTS = """
INSERT INTO recon_object
  SELECT 'payment', p.id, p.mode, 'in', p.amount, p.currency, p.receipt, p.account_reference, '', p.captured > 0,
    p.status IN ('initiated', 'pending'), coalesce(t.occurred_at, p.completed_at, p.created_at),
    CASE WHEN p.captured > 0 THEN t.id END, p.phone
  FROM transactions p
    LEFT JOIN c2b_receipt c ON (c.provider, c.mode, c.receipt) = (p.provider, p.mode, p.receipt)
      AND NOT EXISTS (SELECT 1 FROM ledger_transfer u WHERE u.reverses_id = c.suspense_transfer_id)
    LEFT JOIN ledger_transfer t ON t.id = coalesce(c.suspense_transfer_id, p.capture_transfer_id)
  WHERE p.provider = %(provider)s AND p.shortcode = %(shortcode)s AND p.id IN (
    SELECT n.id FROM transactions n JOIN recon_line l ON n.receipt = l.external_id
      WHERE n.provider = %(provider)s AND n.mode IN ('live', 'test') AND l.account = %(account)s AND l.mode = %(mode)s
        AND l.state IN ('new', 'exception')
    UNION SELECT n.id FROM transactions n JOIN recon_token k ON n.account_reference = k.token WHERE n.mode = %(mode)s
    UNION SELECT n.id FROM transactions n, recon_cover v
      WHERE n.provider = %(provider)s AND n.shortcode = %(shortcode)s AND n.mode = %(mode)s AND n.captured > 0
        AND n.completed_at BETWEEN lower(v.cover) - interval '1 day' AND upper(v.cover) + interval '1 day'
        AND NOT EXISTS (SELECT 1 FROM recon_match m WHERE m.object_type = 'payment' AND m.object_id = n.id
          AND m.family = 'statement' AND m.state <> 'rejected'))
"""

RECEIPTS = """
INSERT INTO recon_object
  SELECT 'c2b_receipt', c.id, c.mode, 'in', c.amount, c.currency, c.receipt, '', '', true, false,
    coalesce(c.occurred_at, c.received_at), c.suspense_transfer_id, NULL
  FROM c2b_receipt c
  WHERE c.provider = %(provider)s AND c.shortcode = %(shortcode)s AND c.mode = %(mode)s AND c.state <> 'matched'
    AND c.suspense_transfer_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM transactions p WHERE (p.provider, p.mode, p.receipt) = (c.provider, c.mode, c.receipt)
      AND p.captured > 0)
    AND NOT EXISTS (SELECT 1 FROM recon_match m WHERE m.object_type = 'c2b_receipt' AND m.object_id = c.id
      AND m.family = 'statement' AND m.state <> 'rejected')
"""

REFUNDS = """
INSERT INTO recon_object
  SELECT 'refund', r.id, r.mode, 'out', r.amount, r.currency, r.receipt, '',
    CASE r.route WHEN 'b2c' THEN '' ELSE coalesce(p.receipt, '') END, r.status = 'completed',
    r.status IN ('requires_approval', 'pending'), coalesce(t.occurred_at, r.completed_at, r.created_at), t.id, r.phone
  FROM refunds r JOIN transactions p ON p.id = r.payment_id
    LEFT JOIN ledger_transfer t ON t.idem = 'ref:' || r.id || ':done'
  WHERE p.provider = %(provider)s AND p.shortcode = %(shortcode)s
    AND (EXISTS (SELECT 1 FROM recon_line l WHERE l.account = %(account)s AND l.mode = %(mode)s
           AND (l.external_id = r.receipt OR l.linked_id = r.receipt))
      OR (r.mode = %(mode)s AND NOT EXISTS (SELECT 1 FROM recon_match m WHERE m.object_type = 'refund'
        AND m.object_id = r.id AND m.family = 'statement' AND m.state <> 'rejected')))
"""

# A payout goes out in parts, each a try of its own; what came back of one is a movement too.
PAYOUTS = """
INSERT INTO recon_object
  SELECT 'payout_op', m.id, m.mode, 'out', m.amount, m.currency, m.receipt, '', '', m.status = 'succeeded',
    m.status IN ('created', 'sending', 'accepted', 'unknown'), coalesce(t.occurred_at, m.last_answer_at, m.created_at),
    t.id, NULL
  FROM payouts o JOIN money_op m ON m.payout_id = o.id
    LEFT JOIN ledger_transfer t ON m.status = 'succeeded'
      AND t.idem = 'po:' || o.id || ':done' || CASE WHEN m.part > 1 THEN ':' || m.part ELSE '' END
  WHERE o.paid_from = %(paid_from)s AND m.mode = %(mode)s
    AND (EXISTS (SELECT 1 FROM recon_line l WHERE l.account = %(account)s AND l.mode = %(mode)s
           AND (l.external_id = m.receipt OR l.linked_id = m.receipt))
      OR NOT EXISTS (SELECT 1 FROM recon_match x WHERE x.object_type = 'payout_op' AND x.object_id = m.id
        AND x.family = 'statement' AND x.state <> 'rejected'))
"""

RETURNS = """
INSERT INTO recon_object
  SELECT 'payout_return', m.id, m.mode, 'in', (SELECT sum(e.amount) FROM ledger_entry e WHERE e.transfer_id = t.id
      AND e.side = 'D'), m.currency, NULL, '', coalesce(m.receipt, ''), true, false, t.occurred_at, t.id, NULL
  FROM payouts o JOIN money_op m ON m.payout_id = o.id AND m.status = 'succeeded'
    JOIN ledger_transfer t ON t.idem = 'po:' || o.id || ':return' || CASE WHEN m.part > 1 THEN ':' || m.part ELSE '' END
  WHERE o.paid_from = %(paid_from)s AND m.mode = %(mode)s AND o.given_back > 0
    AND NOT EXISTS (SELECT 1 FROM recon_match x WHERE x.object_type = 'payout_return' AND x.object_id = m.id
      AND x.family = 'statement' AND x.state <> 'rejected')
"""

NAMES = """
INSERT INTO recon_name SELECT o.object_type, o.object_id, m.client_ref FROM recon_object o
    JOIN money_op m ON m.refund_id = o.object_id WHERE o.object_type = 'refund'
  UNION SELECT o.object_type, o.object_id, n.name FROM recon_object o JOIN money_op m ON m.id = o.object_id
    JOIN payouts p ON p.id = m.payout_id, LATERAL (VALUES (m.client_ref), (p.reference)) n(name)
    WHERE o.object_type = 'payout_op'
"""

INDEX = """
CREATE INDEX ON recon_object (receipt); CREATE INDEX ON recon_object (account_reference);
CREATE INDEX ON recon_name (name); ANALYZE recon_object; ANALYZE recon_name; ANALYZE recon_token
"""

GATHER = (MAKE, TOKENS, COVER, PAYMENTS, RECEIPTS, REFUNDS, PAYOUTS, RETURNS, NAMES, INDEX)
