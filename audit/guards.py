"""The SQL behind audit and state machines: append-only tables, the hash chain, the guard of legal moves."""

APPEND_ONLY = """
CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- A test empties its own throw-away database between cases.
  IF TG_OP = 'TRUNCATE' AND current_database() LIKE 'test\\_%' THEN RETURN NULL; END IF;
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE='42501';
END $$;
"""

STATE_RULE = """
CREATE TABLE state_rule (
  entity text, from_state text, to_state text, evidence boolean NOT NULL,
  PRIMARY KEY (entity, from_state, to_state));
"""

HISTORY_CLOCK = "ALTER TABLE state_history ALTER COLUMN at SET DEFAULT clock_timestamp();"

# Arguments of the trigger: the entity's name in state_rule, and the state every row begins in.
STATE_GUARD = """
CREATE FUNCTION state_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE need boolean;
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.status <> TG_ARGV[1] THEN
      RAISE EXCEPTION '% starts as %', TG_ARGV[0], TG_ARGV[1] USING ERRCODE='23514', CONSTRAINT='state_start';
    END IF;
    RETURN NEW;
  END IF;
  IF NEW.status = OLD.status THEN RETURN NEW; END IF;
  SELECT evidence INTO need FROM state_rule
    WHERE entity = TG_ARGV[0] AND from_state = OLD.status AND to_state = NEW.status;
  IF NOT FOUND THEN
    RAISE EXCEPTION '% may not go from % to %', TG_ARGV[0], OLD.status, NEW.status
      USING ERRCODE='23514', CONSTRAINT='state_rule';
  END IF;
  IF need AND (NEW.evidence_id IS NULL OR NEW.evidence_id IS NOT DISTINCT FROM OLD.evidence_id) THEN
    RAISE EXCEPTION '% -> % needs new evidence', OLD.status, NEW.status
      USING ERRCODE='23514', CONSTRAINT='state_evidence';
  END IF;
  INSERT INTO state_history (entity, entity_id, from_state, to_state, evidence_id)
    VALUES (TG_ARGV[0], NEW.id, OLD.status, NEW.status, CASE WHEN need THEN NEW.evidence_id END);
  RETURN NEW;
END $$;
"""

AUDIT_CHAIN = """
CREATE FUNCTION audit_hash(prev bytea, stream text, seq bigint, at timestamptz, actor text, action text, object text,
    detail jsonb) RETURNS bytea LANGUAGE sql STABLE AS $$
  SELECT sha256(prev || convert_to(
    jsonb_build_array(stream, seq, extract(epoch FROM at)::numeric, actor, action, object, detail)::text, 'UTF8')) $$;
CREATE FUNCTION audit_chain() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE head audit_head;
BEGIN
  INSERT INTO audit_head VALUES (NEW.stream, 0, '\\x00') ON CONFLICT DO NOTHING;
  SELECT * INTO head FROM audit_head WHERE stream = NEW.stream FOR UPDATE;
  NEW.seq := head.seq + 1; NEW.prev := head.hash; NEW.at := clock_timestamp();
  NEW.hash := audit_hash(NEW.prev, NEW.stream, NEW.seq, NEW.at, NEW.actor, NEW.action, NEW.object, NEW.detail);
  UPDATE audit_head SET seq = NEW.seq, hash = NEW.hash WHERE stream = NEW.stream;
  RETURN NEW;
END $$;
CREATE TRIGGER audit_chain BEFORE INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION audit_chain();
"""

# What a row is about is said when it is made. Hung up by `fixed` and `stays`, which say when it is called.
REFUSE_ROW = """
CREATE FUNCTION refuse_row() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'this % of a row of % is refused', lower(TG_OP), TG_TABLE_NAME
    USING ERRCODE='23514', CONSTRAINT=TG_NAME;
END $$;
"""
NO_REFUSE_ROW = "DROP FUNCTION refuse_row() CASCADE;"

# What a row of these holds is sealed for ever, and may be sealed anew: by another data key, with nothing else changed.
# Whoever writes such a text needs the key: one that was made up, or taken from another row, does not open.
ONLY_RESEALED = """
CREATE FUNCTION only_resealed() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  before text[] := string_to_array(to_jsonb(OLD)->>TG_ARGV[0], '.');
  after text[];
BEGIN
  IF TG_OP = 'UPDATE' THEN
    after := string_to_array(to_jsonb(NEW)->>TG_ARGV[0], '.');
    IF to_jsonb(NEW) - TG_ARGV[0] = to_jsonb(OLD) - TG_ARGV[0] AND after[1] = 'v2' AND after[1:2] <> before[1:2]
       AND EXISTS (SELECT FROM data_key WHERE id::text = after[2]) THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION '% is append-only, but for the key of its %', TG_TABLE_NAME, TG_ARGV[0]
    USING ERRCODE='42501', CONSTRAINT=TG_NAME;
END $$;
"""
NO_ONLY_RESEALED = "DROP FUNCTION only_resealed() CASCADE;"
# What stands in a text where a payer stood who is forgotten.
ERASED = "erased[0-9a-f]{8}"

DROP_ALL = """
DROP FUNCTION IF EXISTS audit_chain CASCADE; DROP FUNCTION IF EXISTS audit_hash CASCADE;
DROP FUNCTION IF EXISTS state_guard CASCADE; DROP FUNCTION IF EXISTS append_only CASCADE;
DROP TABLE IF EXISTS state_rule;
"""


def keep(table: str) -> str:
    """Triggers that let rows of `table` be added and never changed, removed or emptied."""
    return f"""
CREATE TRIGGER {table}_keep BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER {table}_keep_all BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION append_only();
"""


def unkeep(table: str) -> str:
    return f"DROP TRIGGER {table}_keep ON {table}; DROP TRIGGER {table}_keep_all ON {table};"


def rules_sql(entity: str, moves: dict[tuple[str, str], bool]) -> str:
    """Fill `state_rule` for one entity; the values are constants of `states.py`, never input."""
    rows = ", ".join(f"('{entity}', '{start}', '{end}', {proof})" for (start, end), proof in sorted(moves.items()))
    return f"INSERT INTO state_rule (entity, from_state, to_state, evidence) VALUES {rows};"  # noqa: S608


def guard_trigger(table: str, entity: str, start: str) -> str:
    return (
        f"CREATE TRIGGER {table}_state BEFORE INSERT OR UPDATE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION state_guard('{entity}', '{start}');"
    )


def fixed(table: str, *columns: str, name: str = "fixed", when: str = "true") -> str:
    """A trigger by which these columns never change again, of rows of which `when` holds before (as `OLD`)."""
    before, after = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
    return (
        f"CREATE TRIGGER {table}_{name} BEFORE UPDATE ON {table} FOR EACH ROW "
        f"WHEN ({when} AND ROW({before}) IS DISTINCT FROM ROW({after})) EXECUTE FUNCTION refuse_row();\n"
    )


def stays(table: str, *, when: str = "true") -> str:
    """A trigger by which rows of which `when` holds (as `OLD`) are never removed."""
    return (
        f"CREATE TRIGGER {table}_stays BEFORE DELETE ON {table} FOR EACH ROW "
        f"WHEN ({when}) EXECUTE FUNCTION refuse_row();\n"
    )


def resealed(table: str, column: str) -> str:
    """A trigger by which the sealed text changes alone, to another sealed one. After ONLY_RESEALED."""
    return (
        f"CREATE TRIGGER {table}_sealed BEFORE UPDATE ON {table} FOR EACH ROW "
        f"WHEN (OLD.{column} IS DISTINCT FROM NEW.{column}) EXECUTE FUNCTION only_resealed('{column}');\n"
    )


def keep_but_key(table: str, column: str) -> str:
    """In place of the first trigger of `keep`: one that lets the sealed text change alone. After ONLY_RESEALED."""
    return (
        f"DROP TRIGGER {table}_keep ON {table};\nCREATE TRIGGER {table}_keep BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION only_resealed('{column}');\n"
    )


def told(table: str, *columns: str) -> str:
    """A trigger by which these texts change for a payer only who is forgotten."""
    changed = " OR ".join(
        f"(NEW.{name} IS DISTINCT FROM OLD.{name} AND NOT coalesce(NEW.{name} ~ '{ERASED}', false))" for name in columns
    )
    return (
        f"CREATE TRIGGER {table}_told BEFORE UPDATE ON {table} FOR EACH ROW "
        f"WHEN ({changed}) EXECUTE FUNCTION refuse_row();\n"
    )


def pin(*functions: str) -> str:
    """Where the functions look names up, whoever's statement calls them: never among a caller's own tables first."""
    return "".join(f"ALTER FUNCTION {name}() SET search_path = public, pg_temp;\n" for name in functions)


def unpin(*functions: str) -> str:
    return "".join(f"ALTER FUNCTION {name}() RESET search_path;\n" for name in functions)
