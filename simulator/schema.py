"""The tables of the book, as SQLite statements."""

TABLES = """
CREATE TABLE IF NOT EXISTS apps (
    consumer_key    TEXT PRIMARY KEY,
    consumer_secret TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS shortcodes (
    shortcode TEXT PRIMARY KEY,
    passkey   TEXT NOT NULL,
    tills     TEXT NOT NULL          -- JSON list; empty = any till may stand behind the shortcode
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS pull_shortcodes (
    shortcode TEXT PRIMARY KEY
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS tokens (
    token        TEXT PRIMARY KEY,
    consumer_key TEXT NOT NULL,
    expires_at   REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS switches (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL              -- JSON
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS pushes (
    number              INTEGER PRIMARY KEY AUTOINCREMENT,
    at                  REAL NOT NULL,
    shortcode           TEXT NOT NULL,
    phone               TEXT NOT NULL,
    amount              TEXT NOT NULL, -- as sent: a refused push may carry anything
    account_reference   TEXT NOT NULL,
    checkout_request_id TEXT,          -- null = refused
    error_code          TEXT,
    error_message       TEXT,
    handover            TEXT           -- how the answer was spoilt, null = not at all
);
CREATE INDEX IF NOT EXISTS pushes_by_reference ON pushes (account_reference);
CREATE INDEX IF NOT EXISTS pushes_by_phone ON pushes (phone);

CREATE TABLE IF NOT EXISTS prompts (
    number              INTEGER PRIMARY KEY AUTOINCREMENT,
    checkout_request_id TEXT NOT NULL UNIQUE,
    merchant_request_id TEXT NOT NULL,
    shortcode           TEXT NOT NULL,
    party_b             TEXT NOT NULL,
    amount              INTEGER NOT NULL CHECK (amount > 0),  -- whole KES
    phone               TEXT NOT NULL,
    account_reference   TEXT NOT NULL,
    description         TEXT NOT NULL,
    callback_url        TEXT NOT NULL,
    status              TEXT NOT NULL CHECK (status IN ('open', 'paid', 'failed')),
    result_code         TEXT,
    result_text         TEXT,
    receipt             TEXT UNIQUE,
    opened_at           REAL NOT NULL,
    dies_at             REAL NOT NULL,     -- end of the prompt's life: frees the payer's lock
    answer_at           REAL,              -- when it is decided if nobody steps in; null = never
    decided_at          REAL,
    planned_code        TEXT NOT NULL,
    planned_text        TEXT NOT NULL,
    by_hand             INTEGER NOT NULL,
    plan                TEXT NOT NULL,     -- CallbackPlan as JSON
    query_failures      INTEGER NOT NULL,
    queries             INTEGER NOT NULL DEFAULT 0,
    CHECK ((status = 'open') = (result_code IS NULL)),
    CHECK ((status = 'paid') = (receipt IS NOT NULL))
);
CREATE INDEX IF NOT EXISTS prompts_open ON prompts (phone) WHERE status = 'open';
CREATE INDEX IF NOT EXISTS prompts_paid ON prompts (shortcode, decided_at, number) WHERE status = 'paid';
CREATE INDEX IF NOT EXISTS prompts_by_reference ON prompts (account_reference);
CREATE INDEX IF NOT EXISTS prompts_by_phone ON prompts (phone);

CREATE TABLE IF NOT EXISTS callbacks (
    number              INTEGER PRIMARY KEY AUTOINCREMENT,
    checkout_request_id TEXT NOT NULL,     -- or what else it tells of: a receipt, an OriginatorConversationID
    url                 TEXT NOT NULL,
    result_code         TEXT NOT NULL,
    body                TEXT NOT NULL,
    due_at              REAL NOT NULL,
    sent_at             REAL,
    http_status         INTEGER,           -- null with sent_at set = nobody answered, `error` says why
    error               TEXT
);
CREATE INDEX IF NOT EXISTS callbacks_by_prompt ON callbacks (checkout_request_id);
CREATE INDEX IF NOT EXISTS callbacks_unsent ON callbacks (due_at) WHERE sent_at IS NULL;

CREATE TABLE IF NOT EXISTS faults (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at     REAL NOT NULL,
    call   TEXT NOT NULL,
    key    TEXT NOT NULL,
    n      INTEGER NOT NULL,
    kind   TEXT NOT NULL
);
"""

WORKING_TABLES = ("pushes", "prompts", "callbacks", "faults", "counters", "switches")
"""What a reset empties. Apps, tokens, shortcodes and their registrations stay: the operator's side of the agreement."""
