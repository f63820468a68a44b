"""The tables of money outside the prompts, as SQLite statements: accounts, receipts, C2B payments and their URLs."""

MONEY_TABLES = """
CREATE TABLE IF NOT EXISTS accounts (
    shortcode TEXT NOT NULL,
    account   TEXT NOT NULL,           -- Working, Utility or Charges Paid
    cents     INTEGER NOT NULL,
    PRIMARY KEY (shortcode, account)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS receipts (
    receipt TEXT PRIMARY KEY           -- every receipt ever given, whatever moved
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS shortcode_switches (
    shortcode TEXT PRIMARY KEY,
    switches  TEXT NOT NULL            -- JSON, only what was set
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS c2b_urls (
    shortcode        TEXT PRIMARY KEY,
    version          TEXT NOT NULL CHECK (version IN ('v1', 'v2')),
    response_type    TEXT NOT NULL CHECK (response_type IN ('Completed', 'Cancelled')),
    confirmation_url TEXT NOT NULL,
    validation_url   TEXT NOT NULL     -- empty = none
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS c2b_payments (
    number         INTEGER PRIMARY KEY AUTOINCREMENT,
    receipt        TEXT NOT NULL UNIQUE, -- told to the payer only once paid
    shortcode      TEXT NOT NULL,
    till           TEXT NOT NULL,        -- empty = paid to the paybill
    cents          INTEGER NOT NULL CHECK (cents > 0),
    phone          TEXT NOT NULL,
    bill_ref       TEXT NOT NULL,
    name           TEXT NOT NULL,
    status         TEXT NOT NULL CHECK (status IN ('asked', 'paid', 'refused')),
    refusal        TEXT,
    third_party_id TEXT NOT NULL DEFAULT '',
    asked_at       REAL NOT NULL,
    decided_at     REAL,
    CHECK ((status = 'refused') = (refusal IS NOT NULL)),
    CHECK ((status = 'asked') = (decided_at IS NULL))
);
CREATE INDEX IF NOT EXISTS c2b_paid ON c2b_payments (shortcode, decided_at, number) WHERE status = 'paid';
CREATE INDEX IF NOT EXISTS c2b_by_reference ON c2b_payments (shortcode, bill_ref);
CREATE INDEX IF NOT EXISTS c2b_by_phone ON c2b_payments (phone);
"""

MONEY_WORKING_TABLES = ("accounts", "receipts", "shortcode_switches", "c2b_payments")
"""What a reset empties. Registered URLs stay: they are the operator's side of the agreement."""
