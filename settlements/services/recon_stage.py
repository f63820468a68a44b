"""The SQL of taking a statement in: everything is staged first, so that a file is taken whole or not at all."""

MAKE_STAGE = """
DROP TABLE IF EXISTS recon_stage;
CREATE TEMP TABLE recon_stage (
  line_no int, natural_key bytea, is_counted boolean, external_id text, client_ref text, linked_id text,
  occurred_at timestamptz, value_date date, direction text, amount bigint, balance_after bigint, kind text,
  narrative text, account_reference text, party text, batch text, unread text, why text) ON COMMIT DROP
"""

COPY = """
COPY recon_stage FROM STDIN WITH (FORMAT csv,
  FORCE_NOT_NULL (external_id, client_ref, linked_id, narrative, account_reference, party, batch))
"""

# Equal lines of one file are one movement told twice, where each tells the balance after it; else they are counted.
KEEP_LINES = """
INSERT INTO recon_line (file_id, line_no, account, mode, family, natural_key, nth, external_id, client_ref,
    linked_id, occurred_at, value_date, direction, amount, currency, balance_after, kind, narrative, account_reference,
    party, batch, state)
  SELECT %(file)s, line_no, %(account)s, %(mode)s, %(family)s, natural_key, nth, external_id, client_ref,
    linked_id, occurred_at, value_date, direction, amount, %(currency)s, balance_after, kind, narrative,
    account_reference, party, batch, 'new'
  FROM (SELECT *, row_number() OVER (PARTITION BY natural_key ORDER BY line_no) AS nth FROM recon_stage
          WHERE why IS NULL) s
  WHERE nth = 1 OR is_counted ORDER BY line_no
-- A list may be read before its settlement is known.
ON CONFLICT (account, mode, natural_key, nth) DO UPDATE SET batch = excluded.batch
  WHERE recon_line.batch = '' AND excluded.batch <> ''
"""

COUNT_NEW = "SELECT count(*) FROM recon_line WHERE file_id = %(file)s"

KEEP_UNREADABLE = """
INSERT INTO recon_exception (id, kind, account, mode, merchant_id, name, file_id, external_id, amount, currency,
    occurred_at, float_effect, severity, owner, detail, posting, status, will_post)
  SELECT uuidv7(), 'unparsable', %(account)s, %(mode)s, %(merchant)s::uuid,
    'unparsable:' || %(account)s || ':' || %(mode)s || ':' || encode(natural_key, 'hex'), %(file)s, '', 0, %(currency)s,
    %(at)s, 0, 'medium', 'reconciliation',
    jsonb_build_object('line_no', line_no, 'text', unread, 'why', why), '[]', 'open', false
  FROM recon_stage WHERE why IS NOT NULL ORDER BY line_no
ON CONFLICT (name) DO NOTHING
"""

# Each line tells the balance after it, and so the balance before it. In time, whatever the order of the lines, every
# balance before a line is the one after an earlier line, or the opening one, each used once. What is not is where a
# movement is missing: the lines that could not be read beside it, if there are any. Going back in time, a balance after
# a line that no later line begins with is the one that was expected there.
FIND_GAPS = """
CREATE TEMP TABLE recon_gap ON COMMIT DROP AS
  WITH line AS (SELECT DISTINCT ON (natural_key) line_no, external_id, occurred_at, balance_after,
        balance_after - CASE direction WHEN 'in' THEN amount ELSE -amount END AS balance_before
      FROM recon_stage WHERE why IS NULL AND balance_after IS NOT NULL ORDER BY natural_key, line_no),
    step AS (
      SELECT balance_before AS balance, 1 AS begins, occurred_at, line_no, external_id FROM line
      UNION ALL SELECT balance_after, 0, occurred_at, line_no, external_id FROM line
      UNION ALL SELECT %(opening)s::bigint, 0, '-infinity', 0, '' WHERE %(opening)s::bigint IS NOT NULL),
    counted AS (
      SELECT *, sum(1 - 2 * begins) OVER forth AS had, sum(2 * begins - 1) OVER back AS wanted FROM step
      WINDOW forth AS (PARTITION BY balance ORDER BY occurred_at, begins, line_no ROWS UNBOUNDED PRECEDING),
        back AS (PARTITION BY balance ORDER BY occurred_at DESC, begins DESC, line_no DESC ROWS UNBOUNDED PRECEDING)),
    judged AS (
      SELECT *, had < least(0, min(had) OVER (PARTITION BY balance ORDER BY occurred_at, begins, line_no
          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS is_unfounded,
        wanted < least(0, min(wanted) OVER (PARTITION BY balance ORDER BY occurred_at DESC, begins DESC, line_no DESC
          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS is_unused FROM counted),
    broken AS (SELECT *, row_number() OVER (ORDER BY occurred_at, line_no) AS nth FROM judged
      WHERE begins = 1 AND is_unfounded),
    loose AS (SELECT *, row_number() OVER (ORDER BY occurred_at, line_no) AS nth FROM judged
      WHERE begins = 0 AND is_unused)
  SELECT b.line_no, b.external_id, b.occurred_at, b.balance AS balance_before, l.balance AS balance_expected,
    (SELECT u.line_no FROM recon_stage u WHERE u.why IS NOT NULL AND u.line_no BETWEEN b.line_no - 3 AND b.line_no + 3
       ORDER BY abs(u.line_no - b.line_no) LIMIT 1) AS unread_line
    -- Without an opening balance the first line follows from nothing.
    FROM broken b LEFT JOIN loose l ON l.nth = b.nth - (%(opening)s::bigint IS NULL)::int
    WHERE %(opening)s::bigint IS NOT NULL OR b.nth > 1
"""

KEEP_GAPS = """
INSERT INTO recon_exception (id, kind, account, mode, merchant_id, name, file_id, line_id, external_id, amount,
    currency, occurred_at, float_effect, severity, owner, detail, posting, status, will_post)
  SELECT uuidv7(), 'balance_gap', %(account)s, %(mode)s, %(merchant)s::uuid,
    'balance_gap:' || %(account)s || ':' || %(mode)s || ':' || g.external_id || ':' || g.balance_before, %(file)s, l.id,
    g.external_id, abs(g.balance_before - coalesce(g.balance_expected, g.balance_before)), %(currency)s, g.occurred_at,
    coalesce(g.balance_expected - g.balance_before, 0), 'high', 'reconciliation',
    jsonb_build_object('line_no', g.line_no, 'balance_before', g.balance_before,
      'balance_expected', g.balance_expected),
    '[]', 'open', false
  FROM recon_gap g LEFT JOIN recon_line l ON l.file_id = %(file)s AND l.line_no = g.line_no
  WHERE g.unread_line IS NULL ORDER BY g.line_no
ON CONFLICT (name) DO NOTHING
"""

# The balances tell what the line says that nobody could read.
EXPLAIN_UNREADABLE = """
UPDATE recon_exception x SET amount = abs(g.missing), float_effect = -g.missing, occurred_at = g.occurred_at
  FROM (SELECT unread_line, sum(balance_before - balance_expected)::bigint AS missing, min(occurred_at) AS occurred_at
          FROM recon_gap WHERE unread_line IS NOT NULL GROUP BY 1 HAVING sum(balance_before - balance_expected) <> 0) g
  WHERE x.file_id = %(file)s AND x.kind = 'unparsable' AND (x.detail->>'line_no')::int = g.unread_line
"""

# A statement begins where the one before it ended: else a movement stands in neither.
NEIGHBOUR_GAPS = """
INSERT INTO recon_exception (id, kind, account, mode, merchant_id, name, file_id, external_id, amount, currency,
    occurred_at, float_effect, severity, owner, detail, posting, status, will_post)
  SELECT uuidv7(), 'balance_gap', %(account)s, %(mode)s, %(merchant)s::uuid,
    'balance_gap:' || %(account)s || ':' || %(mode)s || ':at:' || extract(epoch FROM g.at)::bigint, %(file)s, '',
    abs(g.opens - g.closed), %(currency)s, g.at, g.closed - g.opens, 'high', 'reconciliation',
    jsonb_build_object('balance_before', g.opens, 'balance_expected', g.closed), '[]', 'open', false
  FROM (SELECT f.ends_at AS at, f.closing AS closed, %(opening)s::bigint AS opens FROM recon_file f
      WHERE f.account = %(account)s AND f.mode = %(mode)s AND f.id <> %(file)s AND f.ends_at = %(start)s
    UNION SELECT f.starts_at, %(closing)s::bigint, f.opening FROM recon_file f
      WHERE f.account = %(account)s AND f.mode = %(mode)s AND f.id <> %(file)s AND f.starts_at = %(end)s) g
  WHERE g.closed <> g.opens
ON CONFLICT (name) DO NOTHING
"""
