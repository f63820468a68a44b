"""The tables of the initiator interfaces, as SQLite statements: key pair, initiators, and every request received."""

INITIATOR_TABLES = """
CREATE TABLE IF NOT EXISTS key_pair (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    private_key TEXT NOT NULL,         -- PEM
    certificate TEXT NOT NULL          -- PEM
);

CREATE TABLE IF NOT EXISTS initiators (
    shortcode TEXT PRIMARY KEY,
    name      TEXT NOT NULL,
    password  TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS initiator_failures (
    shortcode TEXT PRIMARY KEY,
    failures  INTEGER NOT NULL         -- wrong credentials since the last right one
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS transfers (
    number                     INTEGER PRIMARY KEY AUTOINCREMENT,
    kind                       TEXT NOT NULL CHECK (kind IN ('b2c', 'reversal', 'status', 'balance')),
    at                         REAL NOT NULL,
    fault_key                  TEXT NOT NULL,  -- what its faults are drawn by
    shortcode                  TEXT NOT NULL,
    originator_conversation_id TEXT NOT NULL,  -- of a refused request: as sent
    conversation_id            TEXT UNIQUE,    -- null = refused
    command_id                 TEXT NOT NULL,
    cents                      INTEGER,        -- null = none, or a refused request
    phone                      TEXT NOT NULL,  -- who is paid, empty = nobody
    original                   TEXT NOT NULL,  -- the receipt or conversation id it is about
    result_url                 TEXT NOT NULL,
    timeout_url                TEXT NOT NULL,
    status                     TEXT NOT NULL CHECK (status IN ('completed', 'failed', 'refused')),
    result_code                TEXT,
    result_text                TEXT,
    receipt                    TEXT UNIQUE,    -- null = no money moved
    result_body                TEXT,           -- the result that tells the truth
    handover                   TEXT,           -- how the answer was spoilt, null = not at all
    error_code                 TEXT,
    error_message              TEXT,
    CHECK ((status = 'refused') = (error_code IS NOT NULL)),
    CHECK ((status = 'refused') = (conversation_id IS NULL)),
    CHECK ((status = 'refused') = (result_code IS NULL)),
    CHECK ((status = 'completed' AND kind IN ('b2c', 'reversal')) = (receipt IS NOT NULL))
);
CREATE UNIQUE INDEX IF NOT EXISTS transfers_by_originator ON transfers (originator_conversation_id)
    WHERE status <> 'refused';
CREATE INDEX IF NOT EXISTS transfers_by_fault_key ON transfers (kind, fault_key);
CREATE INDEX IF NOT EXISTS transfers_reversals ON transfers (original)
    WHERE kind = 'reversal' AND status = 'completed';
CREATE INDEX IF NOT EXISTS prompts_by_request ON prompts (merchant_request_id);
"""

INITIATOR_WORKING_TABLES = ("transfers", "initiator_failures")
"""What a reset empties. The key pair and the initiators stay, so that a credential once made goes on working."""
