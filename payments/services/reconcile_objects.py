"""The SQL that gathers the open lines of an account, and what they could be: payments, receipts in suspense, refunds,
payouts.

Only what a line names, or what a statement should have named, is gathered: the rest of the history stays unread. All of
it lies in tables of this transaction alone, counted before they are compared, so that a day of fifty thousand lines is
compared as sets.
"""

from collections.abc import Iterable
from uuid import UUID

from payments.models import MoneyOp
from settlements.services.destinations import details_of

MAKE = """
DROP TABLE IF EXISTS recon_open, recon_object, recon_name, recon_token, recon_cover;
CREATE TEMP TABLE recon_open ON COMMIT DROP AS
  SELECT id, file_id, family, external_id, client_ref, linked_id, occurred_at, direction, amount, currency, kind,
    narrative, account_reference, party, state, balance_after
  FROM recon_line WHERE account = %(account)s AND mode = %(mode)s AND NOT state IN ('matched', 'ignored')
    AND state <> 'proposed';
CREATE UNIQUE INDEX ON recon_open (id); CREATE INDEX ON recon_open (external_id);
CREATE INDEX ON recon_open (linked_id); ANALYZE recon_open;
CREATE TEMP TABLE recon_object (
  object_type text, object_id uuid, mode text, direction text, amount bigint, currency text, receipt text,
  account_reference text, linked_id text, moved boolean, is_open boolean, at timestamptz, transfer_id uuid, party text,
  on_statement boolean NOT NULL DEFAULT false, on_list boolean NOT NULL DEFAULT false,
  PRIMARY KEY (object_type, object_id)) WITH (fillfactor = 70) ON COMMIT DROP;
CREATE TEMP TABLE recon_name (object_type text, object_id uuid, name text) ON COMMIT DROP;
CREATE TEMP TABLE recon_token (line_id bigint, token text, PRIMARY KEY (line_id, token)) ON COMMIT DROP;
CREATE TEMP TABLE recon_cover (cover tstzmultirange) ON COMMIT DROP
"""

# What may be one of our own account references: the field for it, and words of its form in the narrative.
TOKENS = """
INSERT INTO recon_token
  SELECT id, upper(account_reference) FROM recon_open
    WHERE account_reference <> '' AND direction = 'in' AND kind <> 'charge'
  UNION SELECT l.id, upper(word[1]) FROM recon_open l, regexp_matches(l.narrative, '[0-9A-Za-z]{10,12}', 'g') word
    WHERE l.direction = 'in' AND l.account_reference = '' AND l.kind <> 'charge';
CREATE INDEX ON recon_token (token); ANALYZE recon_token
"""

# The times of which statements tell everything; lists of money received leave out the rest, and cover nothing.
COVER = """
INSERT INTO recon_cover SELECT coalesce(range_agg(tstzrange(starts_at, ends_at)), '{}') FROM recon_file
  WHERE account = %(account)s AND mode = %(mode)s AND source <> 'pull' AND ends_at > starts_at
    AND %(is_whole)s
"""

# A payment's money reached the float when it was captured, or before, when it was put into suspense. Of the other mode
# those are gathered that a line names.
PAYMENTS = """
INSERT INTO recon_object
  SELECT 'payment', p.id, p.mode, 'in', p.amount, p.currency, p.receipt, p.account_reference, '', p.captured > 0,
    p.status IN ('initiated', 'pending'), coalesce(t.occurred_at, p.completed_at, p.created_at),
    CASE WHEN p.captured > 0 THEN t.id END, p.phone
  FROM transactions p
    LEFT JOIN c2b_receipt c ON (c.provider, c.mode, c.receipt) = (p.provider, p.mode, p.receipt)
      AND NOT EXISTS (SELECT 1 FROM ledger_transfer u WHERE u.reverses_id = c.suspense_transfer_id)
    LEFT JOIN ledger_transfer t ON t.id = coalesce(c.suspense_transfer_id, p.capture_transfer_id)
  WHERE p.provider = %(provider)s AND (p.shortcode = %(shortcode)s OR p.mode <> %(mode)s) AND p.id IN (
    SELECT n.id FROM transactions n JOIN recon_open l ON n.receipt = l.external_id
      WHERE n.provider = %(provider)s AND n.mode IN ('live', 'test') AND l.external_id <> ''
    UNION SELECT n.id FROM transactions n JOIN recon_open l ON n.receipt = l.linked_id
      WHERE n.provider = %(provider)s AND n.mode = %(mode)s AND l.linked_id <> '' AND l.kind = 'reversal'
    UNION SELECT n.id FROM transactions n JOIN recon_token k ON n.account_reference = k.token
    UNION SELECT o.payment_id FROM money_op o JOIN recon_open l ON o.client_ref = l.client_ref
      WHERE l.client_ref <> '' AND o.payment_id IS NOT NULL
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
    AND (%(is_whole)s OR EXISTS (SELECT 1 FROM recon_open l WHERE l.external_id = c.receipt))
"""

# What a line names, and, where a statement may be asked what it leaves out, whatever stands on none yet.
REFUNDS = """
INSERT INTO recon_object
  SELECT 'refund', r.id, r.mode, 'out', r.amount, r.currency, r.receipt, '',
    CASE r.route WHEN 'b2c' THEN '' ELSE coalesce(p.receipt, '') END, r.status = 'completed',
    r.status IN ('requires_approval', 'pending'), coalesce(t.occurred_at, r.completed_at, r.created_at), t.id, r.phone
  FROM refunds r JOIN transactions p ON p.id = r.payment_id
    LEFT JOIN ledger_transfer t ON t.idem = 'ref:' || r.id || ':done'
  WHERE p.provider = %(provider)s AND p.shortcode = %(shortcode)s AND r.id IN (
    SELECT n.id FROM refunds n JOIN recon_open l ON n.receipt = l.external_id WHERE l.external_id <> ''
    UNION SELECT n.id FROM refunds n JOIN recon_open l ON n.receipt = l.linked_id WHERE l.linked_id <> ''
    UNION SELECT n.id FROM refunds n WHERE n.mode = %(mode)s AND %(is_whole)s
      AND NOT EXISTS (SELECT 1 FROM recon_match m WHERE m.object_type = 'refund'
        AND m.object_id = n.id AND m.family = 'statement' AND m.state <> 'rejected'))
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
  WHERE o.paid_from = %(paid_from)s AND m.mode = %(mode)s AND m.id IN (
    SELECT n.id FROM money_op n JOIN recon_open l ON n.receipt = l.external_id WHERE l.external_id <> ''
    UNION SELECT n.id FROM money_op n JOIN recon_open l ON n.receipt = l.linked_id WHERE l.linked_id <> ''
    UNION SELECT n.id FROM money_op n JOIN payouts q ON q.id = n.payout_id
      WHERE q.paid_from = %(paid_from)s AND n.mode = %(mode)s AND %(is_whole)s
        AND NOT EXISTS (SELECT 1 FROM recon_match x WHERE x.object_type = 'payout_op' AND x.object_id = n.id
          AND x.family = 'statement' AND x.state <> 'rejected'))
"""

RETURNS = """
INSERT INTO recon_object
  SELECT 'payout_return', m.id, m.mode, 'in', m.amount, m.currency, NULL, '', coalesce(m.receipt, ''), true, false,
    t.occurred_at, t.id, NULL
  FROM payouts o JOIN money_op m ON m.payout_id = o.id AND m.status = 'succeeded'
    JOIN ledger_transfer t ON t.idem = 'po:' || o.id || ':return' || CASE WHEN m.part > 1 THEN ':' || m.part ELSE '' END
  WHERE o.paid_from = %(paid_from)s AND m.mode = %(mode)s AND o.given_back > 0
"""

NAMES = """
INSERT INTO recon_name
  SELECT o.object_type, o.object_id, m.client_ref FROM recon_object o
    JOIN money_op m ON m.refund_id = o.object_id WHERE o.object_type = 'refund'
  UNION SELECT o.object_type, o.object_id, m.client_ref FROM recon_object o
    JOIN money_op m ON m.payment_id = o.object_id JOIN recon_open l ON l.client_ref = m.client_ref
    WHERE o.object_type = 'payment' AND l.client_ref <> ''
  UNION SELECT o.object_type, o.object_id, n.name FROM recon_object o JOIN money_op m ON m.id = o.object_id
    JOIN payouts p ON p.id = m.payout_id, LATERAL (VALUES (m.client_ref), (p.reference)) n(name)
    WHERE o.object_type IN ('payout_op', 'payout_return')
"""

# One movement of ours is on a statement once, and on a list once.
STANDING = """
CREATE INDEX ON recon_object (receipt); CREATE INDEX ON recon_object (account_reference);
CREATE INDEX ON recon_object (linked_id); CREATE INDEX ON recon_name (name);
ANALYZE recon_object; ANALYZE recon_name;
UPDATE recon_object o SET on_statement = x.on_statement, on_list = x.on_list
  FROM (SELECT m.object_type, m.object_id, bool_or(m.family = 'statement') AS on_statement,
      bool_or(m.family = 'list') AS on_list
    FROM recon_object n JOIN recon_match m USING (object_type, object_id) WHERE m.state <> 'rejected' GROUP BY 1, 2) x
  WHERE (o.object_type, o.object_id) = (x.object_type, x.object_id)
"""

GATHER = (MAKE, TOKENS, COVER, PAYMENTS, RECEIPTS, REFUNDS, PAYOUTS, RETURNS, NAMES, STANDING)


def phones_of(op_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Whom tries of payouts were sent to, by try; those that went to no phone are left out."""
    ops = MoneyOp.objects.filter(id__in=list(op_ids), payout__isnull=False).select_related("payout")
    found = {op.id: details_of(op.payout).get("phone") for op in ops if op.payout is not None}
    return {key: phone for key, phone in found.items() if phone}
