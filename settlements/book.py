"""The SQL of the ledger: what a transfer must be, how balances move, and the one door that posts."""

from settlements.chart import KINDS

KIND_TABLE = "CREATE TABLE ledger_kind (kind text PRIMARY KEY, owner text NOT NULL, normal char(1) NOT NULL, floored boolean NOT NULL);"


def kinds_sql() -> str:
    """Fill `ledger_kind`; the values are constants of `chart.py`, never input."""
    rows = ", ".join(f"('{name}', '{kind.owner}', '{kind.normal}', {kind.floored})" for name, kind in KINDS.items())
    return f"INSERT INTO ledger_kind (kind, owner, normal, floored) VALUES {rows};"  # noqa: S608


# A transfer remembers the transaction it was made in: entries may not join it later.
STRUCTURE = """
ALTER TABLE ledger_transfer ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
ALTER TABLE ledger_entry
  ADD CONSTRAINT ledger_entry_transfer_book FOREIGN KEY (transfer_id, currency, mode)
    REFERENCES ledger_transfer (id, currency, mode),
  ADD CONSTRAINT ledger_entry_account_book FOREIGN KEY (account_id, currency, mode)
    REFERENCES ledger_account (id, currency, mode);
"""

TRIGGERS = """
CREATE FUNCTION ledger_transfer_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE d numeric; c numeric; n int;
BEGIN
  SELECT coalesce(sum(amount) FILTER (WHERE side = 'D'), 0), coalesce(sum(amount) FILTER (WHERE side = 'C'), 0), count(*)
    INTO d, c, n FROM ledger_entry WHERE transfer_id = NEW.id;
  IF n < 2 OR d <> c THEN
    RAISE EXCEPTION 'transfer % has debits % credits % in % entries', NEW.id, d, c, n
      USING ERRCODE='23514', CONSTRAINT='ledger_transfer_balanced';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_transfer_balanced AFTER INSERT ON ledger_transfer
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_transfer_balanced();

CREATE FUNCTION ledger_entry_post() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF (SELECT xid FROM ledger_transfer WHERE id = NEW.transfer_id) IS DISTINCT FROM pg_current_xact_id() THEN
    RAISE EXCEPTION 'transfer % is closed', NEW.transfer_id USING ERRCODE='23514', CONSTRAINT='ledger_transfer_closed';
  END IF;
  UPDATE ledger_account SET
      debits = debits + CASE NEW.side WHEN 'D' THEN NEW.amount ELSE 0 END,
      credits = credits + CASE NEW.side WHEN 'C' THEN NEW.amount ELSE 0 END,
      version = version + 1
    WHERE id = NEW.account_id
    RETURNING version, debits, credits INTO NEW.account_version, NEW.debits_after, NEW.credits_after;
  RETURN NEW;
END $$;
CREATE TRIGGER ledger_entry_post BEFORE INSERT ON ledger_entry FOR EACH ROW EXECUTE FUNCTION ledger_entry_post();

CREATE FUNCTION ledger_account_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF (NEW.debits, NEW.credits, NEW.version) <> (0, 0, 0) THEN
      RAISE EXCEPTION 'accounts open empty' USING ERRCODE='23514', CONSTRAINT='ledger_account_empty';
    END IF;
    RETURN NEW;
  END IF;
  IF (NEW.debits, NEW.credits, NEW.version) IS DISTINCT FROM (OLD.debits, OLD.credits, OLD.version)
     AND pg_trigger_depth() < 2 THEN
    RAISE EXCEPTION 'balances move only through entries' USING ERRCODE='23514', CONSTRAINT='ledger_account_balance';
  END IF;
  IF (NEW.merchant_id, NEW.kind, NEW.sub, NEW.currency, NEW.mode, NEW.normal, NEW.floored)
     IS DISTINCT FROM (OLD.merchant_id, OLD.kind, OLD.sub, OLD.currency, OLD.mode, OLD.normal, OLD.floored) THEN
    RAISE EXCEPTION 'account identity is fixed' USING ERRCODE='23514', CONSTRAINT='ledger_account_identity';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER ledger_account_guard BEFORE INSERT OR UPDATE ON ledger_account
  FOR EACH ROW EXECUTE FUNCTION ledger_account_guard();
"""

OPEN_ACCOUNT = """
CREATE FUNCTION ledger_open_account(p_merchant uuid, p_kind text, p_sub text, p_currency text, p_mode text)
  RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE account bigint; chart ledger_kind;
BEGIN
  SELECT id INTO account FROM ledger_account WHERE merchant_id IS NOT DISTINCT FROM p_merchant
    AND kind = p_kind AND sub = p_sub AND currency = p_currency AND mode = p_mode;
  IF account IS NOT NULL THEN RETURN account; END IF;
  SELECT * INTO chart FROM ledger_kind WHERE kind = p_kind;
  IF NOT FOUND OR (chart.owner = 'merchant') <> (p_merchant IS NOT NULL) THEN
    RAISE EXCEPTION 'no account of kind % for this owner', p_kind USING ERRCODE='23514', CONSTRAINT='ledger_account_kind';
  END IF;
  INSERT INTO ledger_account (merchant_id, kind, sub, currency, mode, normal, floored, debits, credits, version)
    VALUES (p_merchant, p_kind, p_sub, p_currency, p_mode, chart.normal, chart.floored, 0, 0, 0)
    ON CONFLICT DO NOTHING RETURNING id INTO account;
  IF account IS NULL THEN
    SELECT id INTO account FROM ledger_account WHERE merchant_id IS NOT DISTINCT FROM p_merchant
      AND kind = p_kind AND sub = p_sub AND currency = p_currency AND mode = p_mode;
  END IF;
  RETURN account;
END $$;
"""

POST = """
CREATE TYPE ledger_leg AS (account_id bigint, side char(1), amount bigint);
CREATE FUNCTION ledger_post(p_idem text, p_kind text, p_merchant uuid, p_currency text, p_mode text, p_legs ledger_leg[],
    p_occurred timestamptz DEFAULT now(), p_reverses uuid DEFAULT NULL, p_reason text DEFAULT '',
    p_actor text DEFAULT 'system')
  RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE t uuid; same boolean;
BEGIN
  INSERT INTO ledger_transfer (idem, kind, merchant_id, currency, mode, occurred_at, reverses_id, reason, actor)
    VALUES (p_idem, p_kind, p_merchant, p_currency, p_mode, p_occurred, p_reverses, p_reason, p_actor)
    ON CONFLICT (idem) DO NOTHING RETURNING id INTO t;
  IF t IS NULL THEN
    SELECT x.id, (SELECT array_agg((account_id, side, amount)::text ORDER BY account_id, side, amount)
                    FROM ledger_entry WHERE transfer_id = x.id)
             = (SELECT array_agg((l.account_id, l.side, l.amount)::text ORDER BY l.account_id, l.side, l.amount)
                  FROM unnest(p_legs) l)
      INTO t, same FROM ledger_transfer x WHERE x.idem = p_idem;
    IF NOT coalesce(same, false) THEN
      RAISE EXCEPTION 'transfer % exists with other legs', p_idem USING ERRCODE='23505', CONSTRAINT='ledger_post_mismatch';
    END IF;
    RETURN t;
  END IF;
  -- Locked in the order of their keys, accounts never deadlock two writers.
  PERFORM 1 FROM ledger_account WHERE id IN (SELECT l.account_id FROM unnest(p_legs) l) ORDER BY id FOR NO KEY UPDATE;
  IF EXISTS (SELECT 1 FROM ledger_account a JOIN unnest(p_legs) l ON l.account_id = a.id
             WHERE a.merchant_id IS NOT NULL AND a.merchant_id IS DISTINCT FROM p_merchant) THEN
    RAISE EXCEPTION 'leg on another merchant' USING ERRCODE='23514', CONSTRAINT='ledger_post_merchant';
  END IF;
  INSERT INTO ledger_entry (transfer_id, account_id, currency, mode, side, amount, account_version, debits_after, credits_after)
    SELECT t, l.account_id, p_currency, p_mode, l.side, l.amount, 0, 0, 0 FROM unnest(p_legs) l ORDER BY l.account_id;
  RETURN t;
END $$;
"""

# The same with sums for settlement: they are taken of the very legs that become the entries.
NAMED = """(idem, kind, merchant_id, currency, mode, occurred_at, reverses_id, reason, actor)
    VALUES (p_idem, p_kind, p_merchant, p_currency, p_mode, p_occurred, p_reverses, p_reason, p_actor)"""
SUMMED = """(idem, kind, merchant_id, currency, mode, occurred_at, reverses_id, reason, actor, pending, fee, by_card)
    SELECT p_idem, p_kind, p_merchant, p_currency, p_mode, p_occurred, p_reverses, p_reason, p_actor,
      coalesce(sum(x.amount) FILTER (WHERE x.kind = 'pending'), 0),
      coalesce(sum(x.amount) FILTER (WHERE x.kind IN ('fee_income', 'tax_payable')), 0),
      coalesce(bool_or(x.kind = 'provider_receivable'), false)
    FROM (SELECT a.kind, CASE l.side WHEN 'C' THEN l.amount ELSE -l.amount END AS amount
      FROM unnest(p_legs) l JOIN ledger_account a ON a.id = l.account_id) x"""
POST_SUMMED = "CREATE OR REPLACE FUNCTION" + POST.partition("CREATE FUNCTION")[2].replace(NAMED, SUMMED)
POST_NAMED = "CREATE OR REPLACE FUNCTION" + POST.partition("CREATE FUNCTION")[2]
# Transfers that were posted before they had sums; the guard that keeps them sleeps for it.
SUM_UP = """
ALTER TABLE ledger_transfer DISABLE TRIGGER ledger_transfer_keep;
UPDATE ledger_transfer t SET pending = x.pending, fee = x.fee, by_card = x.by_card FROM (
  SELECT e.transfer_id AS id, coalesce(sum(e.signed) FILTER (WHERE a.kind = 'pending'), 0) AS pending,
    coalesce(sum(e.signed) FILTER (WHERE a.kind IN ('fee_income', 'tax_payable')), 0) AS fee,
    bool_or(a.kind = 'provider_receivable') AS by_card
  FROM (SELECT *, CASE side WHEN 'C' THEN amount ELSE -amount END AS signed FROM ledger_entry) e
    JOIN ledger_account a ON a.id = e.account_id GROUP BY 1) x
WHERE x.id = t.id;
ALTER TABLE ledger_transfer ENABLE TRIGGER ledger_transfer_keep;
"""

# The application may not lock rows that it may not change: this does it in the order in which `ledger_post` locks too, and
# tells what each row holds from then on.
LOCK_ROWS = """
CREATE FUNCTION ledger_lock_rows(p_merchant uuid, p_currency text, p_mode text)
  RETURNS TABLE (kind text, sub text, balance bigint)
  LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT a.kind, a.sub, CASE a.normal WHEN 'C' THEN a.credits - a.debits ELSE a.debits - a.credits END
    FROM ledger_account a WHERE a.merchant_id = p_merchant AND a.currency = p_currency AND a.mode = p_mode
    ORDER BY a.id FOR NO KEY UPDATE
$$;
"""
# A trigger function that works with the owner's rights does so on whatever table it is hung, also on a temporary one of
# the application's own. Who may not execute it cannot hang it anywhere; triggers that hang already are not asked.
OWN_TRIGGERS = """
REVOKE EXECUTE ON FUNCTION ledger_entry_post() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION state_guard() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION audit_chain() FROM PUBLIC;
"""
LOAN_TRIGGERS = """
GRANT EXECUTE ON FUNCTION ledger_entry_post() TO PUBLIC;
GRANT EXECUTE ON FUNCTION state_guard() TO PUBLIC;
GRANT EXECUTE ON FUNCTION audit_chain() TO PUBLIC;
"""

DROP_ALL = """
DROP FUNCTION IF EXISTS ledger_post CASCADE; DROP TYPE IF EXISTS ledger_leg;
DROP FUNCTION IF EXISTS ledger_open_account CASCADE; DROP FUNCTION IF EXISTS ledger_account_guard CASCADE;
DROP FUNCTION IF EXISTS ledger_entry_post CASCADE; DROP FUNCTION IF EXISTS ledger_transfer_balanced CASCADE;
DROP TABLE IF EXISTS ledger_kind; ALTER TABLE ledger_entry
  DROP CONSTRAINT ledger_entry_transfer_book, DROP CONSTRAINT ledger_entry_account_book;
ALTER TABLE ledger_transfer DROP COLUMN xid;
"""

# --- fee plans ---------------------------------------------------------------------------------------------------------

# A version remembers the transaction it was made in: rules may not join it later.
FEE_VERSION_GUARD = """
ALTER TABLE fee_plan_version ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE FUNCTION fee_plan_version_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.effective_from < now() THEN
    RAISE EXCEPTION 'a fee plan is never dated back' USING ERRCODE='23514', CONSTRAINT='fee_plan_version_forward';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fee_plan_version_guard BEFORE INSERT ON fee_plan_version
  FOR EACH ROW EXECUTE FUNCTION fee_plan_version_guard();
"""

FEE_RULE_GUARD = """
CREATE FUNCTION fee_rule_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT xid FROM fee_plan_version WHERE id = NEW.version_id) IS DISTINCT FROM pg_current_xact_id() THEN
    RAISE EXCEPTION 'version % is closed', NEW.version_id USING ERRCODE='23514', CONSTRAINT='fee_rule_closed';
  END IF;
  IF EXISTS (SELECT 1 FROM fee_rule r WHERE r.version_id = NEW.version_id AND r.method = NEW.method
             AND int8range(r.amount_from, r.amount_to) && int8range(NEW.amount_from, NEW.amount_to)) THEN
    RAISE EXCEPTION 'bands of % overlap', NEW.method USING ERRCODE='23514', CONSTRAINT='fee_rule_overlap';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fee_rule_guard BEFORE INSERT ON fee_rule FOR EACH ROW EXECUTE FUNCTION fee_rule_guard();
"""

DROP_FEE_GUARDS = """
DROP FUNCTION IF EXISTS fee_rule_guard CASCADE; DROP FUNCTION IF EXISTS fee_plan_version_guard CASCADE;
ALTER TABLE fee_plan_version DROP COLUMN IF EXISTS xid;
"""

# --- settlement -------------------------------------------------------------------------------------------------------

HOLIDAY_TABLE = "CREATE TABLE business_holiday (day date PRIMARY KEY, name text NOT NULL);"

# A batch that is closed takes no line and gives none back; a line is of the batch's own merchant, mode and currency.
LINE_GUARD = """
CREATE FUNCTION settlement_line_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE batch settlement; moved ledger_transfer;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    RAISE EXCEPTION 'lines are never changed' USING ERRCODE='23514', CONSTRAINT='settlement_line_fixed';
  END IF;
  SELECT * INTO batch FROM settlement WHERE id = CASE TG_OP WHEN 'INSERT' THEN NEW.settlement_id ELSE OLD.settlement_id END;
  IF batch.status <> 'open' THEN
    RAISE EXCEPTION 'settlement % is %', batch.id, batch.status USING ERRCODE='23514', CONSTRAINT='settlement_line_closed';
  END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  SELECT * INTO moved FROM ledger_transfer WHERE id = NEW.transfer_id;
  IF (moved.merchant_id, moved.mode, moved.currency) IS DISTINCT FROM (batch.merchant_id, batch.mode, batch.currency) THEN
    RAISE EXCEPTION 'line of another merchant' USING ERRCODE='23514', CONSTRAINT='settlement_line_merchant';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER settlement_line_guard BEFORE INSERT OR UPDATE OR DELETE ON settlement_line
  FOR EACH ROW EXECUTE FUNCTION settlement_line_guard();
"""
DROP_LINE_GUARD = "DROP FUNCTION IF EXISTS settlement_line_guard CASCADE;"

# Moves the marks of a merchant's rows of pending up to the first entry that is not settled for good: of a transfer without
# a line in a closed batch, unless it is a release itself or comes to nothing. A closed batch gives no line back. With the
# rows locked, what is read is all there is. Each question is asked by key, entry by entry: the first one ends it.
ADVANCE = """
CREATE FUNCTION settlement_advance(p_merchant uuid, p_mode text, p_currency text) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE held record; waits bigint;
BEGIN
  PERFORM 1 FROM ledger_account WHERE merchant_id = p_merchant AND mode = p_mode AND currency = p_currency
    AND kind = 'pending' ORDER BY id FOR NO KEY UPDATE;
  FOR held IN SELECT a.id, a.version, coalesce(m.version, 0) AS mark
    FROM ledger_account a LEFT JOIN settlement_mark m ON m.account_id = a.id
    WHERE a.merchant_id = p_merchant AND a.mode = p_mode AND a.currency = p_currency AND a.kind = 'pending' ORDER BY a.id
  LOOP
    SELECT e.account_version INTO waits FROM ledger_entry e
      WHERE e.account_id = held.id AND e.account_version > held.mark
        AND coalesce((SELECT s.status FROM settlement_line l JOIN settlement s ON s.id = l.settlement_id
          WHERE l.transfer_id = e.transfer_id), 'open') = 'open'
        AND (SELECT t.kind FROM ledger_transfer t WHERE t.id = e.transfer_id) <> 'settlement_release'
        AND (SELECT sum(CASE x.side WHEN 'C' THEN x.amount ELSE -x.amount END) FROM ledger_entry x
          JOIN ledger_account p ON p.id = x.account_id WHERE x.transfer_id = e.transfer_id AND p.kind = 'pending') <> 0
      ORDER BY e.account_version LIMIT 1;
    INSERT INTO settlement_mark VALUES (held.id, coalesce(waits - 1, held.version))
      ON CONFLICT (account_id) DO UPDATE SET version = greatest(settlement_mark.version, excluded.version);
  END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION settlement_advance FROM PUBLIC;
"""
# What was settled before there were marks.
ADVANCE_ALL = """
SELECT settlement_advance(merchant_id, mode, currency) FROM ledger_account
  WHERE kind = 'pending' GROUP BY merchant_id, mode, currency;
"""
