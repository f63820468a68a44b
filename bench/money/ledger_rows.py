"""A ledger of any length, made by a few statements in a throw-away database, and the proof that it is a right one.

The guards sleep while it is made; keys and foreign keys are taken off and put on again, so every row is checked against
them. Payments are spread evenly over the days, one in ten by card; each has three entries.
"""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from bench.database import Database
from bench.seed import FIRST_NUMBER
from onpoint_pay.local.errors import LocalError
from payments.invariants import INVARIANTS

SHOPS = 100
ENTRIES_EACH = 3
# A Monday, with no holiday in the five weeks after it.
FIRST_DAY = date(2025, 7, 7)
# Then comes a day that is to be settled at six in the morning of the next.
HISTORY_DAYS, SPAN_DAYS = 28, 29.25
PROVED = ("I01", "I02", "I03", "I04", "I05", "I22", "I23", "I24", "I29", "I35", "I36")
Say = Callable[[str], object]

FAST = """
SET session_replication_role = replica; SET max_parallel_workers_per_gather = 0; SET jit = off;
SET work_mem = '256MB'; SET maintenance_work_mem = '512MB'; SET synchronous_commit = off
"""
USUAL = """
RESET session_replication_role; RESET jit; RESET work_mem; RESET maintenance_work_mem; RESET synchronous_commit
"""
ACCOUNTS = f"""
SELECT count(ledger_open_account(merchant, kind, sub, 'KES', 'test')) FROM (
  SELECT NULL::uuid AS merchant, kind, prefix || lpad(n::text, 2, '0') AS sub FROM generate_series(0, 15) n, (VALUES
    ('provider_float', 'daraja:174379:'), ('provider_receivable', 'paystack:main:'), ('fee_income', '')) k(kind, prefix)
  UNION ALL SELECT id, 'pending', '' FROM merchants_merchant WHERE right(id::text, 12)::bigint >= {FIRST_NUMBER}) wanted
"""
MADE = """
CREATE TEMP TABLE made AS
WITH shop AS (SELECT merchant_id, id AS account, row_number() OVER (ORDER BY id) - 1 AS place
    FROM ledger_account WHERE kind = 'pending'),
  platform AS (SELECT kind, right(sub, 2)::int AS stripe, id AS account FROM ledger_account WHERE merchant_id IS NULL),
  drawn AS (SELECT n, %(start)s::timestamptz + n * (%(days)s * interval '1 day' / %(transfers)s) AS at,
      10000 + (n * 7919) %% 900000 AS gross, n %% 10 = 9 AS by_card, (n * 31 %% 16)::int AS stripe,
      (n * 2654435761 %% 4294967296) %% %(shops)s AS place
    FROM generate_series(0::bigint, %(transfers)s - 1) n)
SELECT drawn.n, drawn.at, uuidv7(drawn.at - now()) AS id, shop.merchant_id, by_card, gross, gross * 15 / 1000 AS fee,
  shop.account AS pending, cash.account AS cash, income.account AS income
FROM drawn JOIN shop USING (place)
  JOIN platform cash ON cash.stripe = drawn.stripe
    AND cash.kind = CASE WHEN by_card THEN 'provider_receivable' ELSE 'provider_float' END
  JOIN platform income ON income.stripe = drawn.stripe AND income.kind = 'fee_income'
"""
TRANSFERS = """
INSERT INTO ledger_transfer (id, idem, kind, merchant_id, currency, mode, occurred_at, posted_at, reason, actor,
  pending, fee, by_card)
SELECT id, 'pay:' || id || ':capture', 'capture', merchant_id, 'KES', 'test', at, at, '', 'system',
  gross - fee, fee, by_card FROM made ORDER BY n
"""
ENTRIES = """
INSERT INTO ledger_entry (transfer_id, account_id, currency, mode, side, amount, account_version, debits_after,
  credits_after)
SELECT id, account, 'KES', 'test', side, amount, row_number() OVER line,
  coalesce(sum(amount) FILTER (WHERE side = 'D') OVER line, 0),
  coalesce(sum(amount) FILTER (WHERE side = 'C') OVER line, 0)
FROM (SELECT n, id, cash AS account, 'D' AS side, gross AS amount FROM made
  UNION ALL SELECT n, id, pending, 'C', gross - fee FROM made
  UNION ALL SELECT n, id, income, 'C', fee FROM made) legs
WINDOW line AS (PARTITION BY account ORDER BY n) ORDER BY n, account
"""
BALANCES = """
UPDATE ledger_account a SET debits = e.debits, credits = e.credits, version = e.entries FROM (
  SELECT account_id, count(*) AS entries, coalesce(sum(amount) FILTER (WHERE side = 'D'), 0) AS debits,
    coalesce(sum(amount) FILTER (WHERE side = 'C'), 0) AS credits FROM ledger_entry GROUP BY 1) e
WHERE e.account_id = a.id
"""
KEPT_OFF = """
SELECT conname, pg_get_constraintdef(oid), contype <> 'f' FROM pg_constraint
WHERE conrelid = 'ledger_entry'::regclass AND contype IN ('p', 'u', 'f') ORDER BY contype = 'f' DESC
"""
BARE_INDEXES = """
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i
WHERE i.indrelid = 'ledger_entry'::regclass
  AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)
"""


def make(database: Database, *, entries: int, say: Say) -> int:
    """Fill the empty ledger of SHOPS merchants with about so many entries; how many there are."""
    values: dict[str, object] = {"transfers": max(entries // ENTRIES_EACH, SHOPS), "days": SPAN_DAYS, "shops": SHOPS}
    values["start"] = f"{FIRST_DAY} 00:00+03"
    database.execute(ACCOUNTS)
    database.execute(FAST)
    for what, sql in (("payments", MADE), ("transfers", TRANSFERS)):
        database.execute(sql, values)
        say(f"ledger: {values['transfers']:,} {what}")
    _without_constraints(database, lambda: database.execute(ENTRIES), say=say)
    database.execute(BALANCES)
    database.execute("DROP TABLE made")
    database.execute(USUAL)
    database.execute("VACUUM ANALYZE")
    found: int = database.rows("SELECT count(*) FROM ledger_entry")[0][0]
    say(f"ledger: {found:,} entries, balances, statistics")
    return found


def _without_constraints(database: Database, work: Callable[[], object], *, say: Say) -> None:
    """Rows first, their indexes and foreign keys afterwards: many times as fast, and everything is checked."""
    constraints, indexes = database.rows(KEPT_OFF), database.rows(BARE_INDEXES)
    for name, _ in indexes:
        database.execute(f"DROP INDEX {name}")
    for name, _, _ in constraints:
        database.execute(f"ALTER TABLE ledger_entry DROP CONSTRAINT {name}")
    work()
    say("ledger: entries written, now their indexes and keys")
    for name, definition, _ in sorted(constraints, key=lambda each: not each[2]):
        database.execute(f"ALTER TABLE ledger_entry ADD CONSTRAINT {name} {definition}")
    for _, definition in indexes:
        database.execute(definition)


def faults(database: Database, *, when: str) -> list[str]:
    """The invariants of ledger and settlement that find a row."""
    database.execute("SET work_mem = '256MB'")
    found = []
    for invariant in (each for each in INVARIANTS if each.name in PROVED):
        rows = database.rows(f"SELECT count(*) FROM ({invariant.sql}) found")[0][0]
        if rows:
            found.append(f"{when}: {invariant.name} {invariant.meaning}, {rows} rows")
    database.execute("RESET work_mem")
    return found


def end_of(day: date) -> str:
    return f"{day + timedelta(days=1)} 00:00+03"


WANTED = """
SELECT count(*), coalesce(sum(brought), 0)::bigint FROM (
  SELECT t.posted_at, sum(e.amount) FILTER (WHERE a.kind = 'pending') AS brought,
    bool_or(a.kind = 'provider_receivable') AS by_card
  FROM ledger_transfer t JOIN ledger_entry e ON e.transfer_id = t.id JOIN ledger_account a ON a.id = e.account_id
  WHERE t.kind = 'capture' GROUP BY t.id) paid
WHERE posted_at < CASE WHEN by_card THEN %s::timestamptz ELSE %s::timestamptz END
"""
RELEASED = """
SELECT coalesce(sum(e.amount), 0)::bigint FROM settlement s JOIN ledger_entry e ON e.transfer_id = s.release_transfer_id
  JOIN ledger_account a ON a.id = e.account_id AND a.kind = 'available'
WHERE s.day = %s AND s.status = 'closed'
"""


def wanted(database: Database, *, mobile_until: date, card_until: date) -> tuple[int, int]:
    """How many transfers have fallen due by the end of these days, and what they brought; counted, not settled."""
    found: tuple[Any, ...] = database.rows(WANTED, [end_of(card_until), end_of(mobile_until)])[0]
    if found[0] == 0:
        raise LocalError("The ledger has nothing that falls due.")
    return found[0], found[1]


def lined(database: Database) -> tuple[int, int]:
    """How many transfers are in a batch, and what they brought."""
    row = database.rows("SELECT count(*), coalesce(sum(amount), 0)::bigint FROM settlement_line")[0]
    return row[0], row[1]


def released(database: Database, *, day: date) -> int:
    """How much the closed batches of the day have made available; minor units."""
    found: int = database.rows(RELEASED, [day])[0][0]
    return found
