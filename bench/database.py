"""The harness's own connection to the throw-away database: settings, row counts, and what statements the web ran."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psycopg2

from onpoint_pay.local.errors import LocalError

SETTINGS = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_sync_method", "shared_buffers")
COUNTS = """
SELECT (SELECT count(*) FROM transactions) AS payments,
  (SELECT count(*) FROM transactions WHERE status = 'pending' AND pending_reason = 'awaiting_customer') AS pending,
  (SELECT count(*) FROM money_op WHERE status = 'accepted' AND provider_ref IS NOT NULL) AS operations_accepted,
  (SELECT count(*) FROM merchants_idempotency_key WHERE phase = 'answered' AND status = 201) AS keys_answered,
  (SELECT count(*) FROM webhooks_event WHERE type = 'payment.created') AS events_created,
  (SELECT count(*) FROM webhooks_event WHERE type = 'payment.pending') AS events_pending,
  (SELECT count(*) FROM webhooks_delivery) AS deliveries,
  (SELECT count(*) FROM provider_event WHERE token_ok AND status = 'new' AND op_id IS NOT NULL) AS callbacks,
  (SELECT count(*) FROM bench_inbox) AS inserts
"""
# The table of L-ins; nothing of the product reads it.
INBOX = """
CREATE TABLE bench_inbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text NOT NULL UNIQUE,
  body bytea NOT NULL, received_at timestamptz NOT NULL DEFAULT now());
GRANT SELECT, INSERT ON bench_inbox TO onpoint_app;
"""
# Foreign-key checks run as the owner of the tables, and after the statement, so outside of it.
STATEMENTS = """
SELECT s.toplevel AND r.rolname = %(role)s, s.calls, regexp_replace(s.query, '\\s+', ' ', 'g')
FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid
WHERE r.rolname = %(role)s OR NOT s.toplevel OR s.query LIKE '%%FOR KEY SHARE%%' ORDER BY 1 DESC, 2 DESC, 3
"""
TRANSACTION_CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "START TRANSACTION")
SESSION_SETTINGS = ("SET ", "SHOW ", "RESET ", "SELECT set_config", "SELECT pg_catalog.set_config")


@dataclass(frozen=True, slots=True)
class Statement:
    """One kind of statement: whether the web sent it itself or a function ran it inside, how often, and its text."""

    sent: bool
    calls: int
    text: str

    @property
    def excluded_as(self) -> str:
        """Why it does not count; empty when it does."""
        upper = self.text.upper()
        if upper.startswith(TRANSACTION_CONTROL):
            return "transaction control"
        if self.text.startswith(SESSION_SETTINGS):
            return "session setting"
        if "FROM ONLY" in upper and "FOR KEY SHARE" in upper:
            return "foreign-key check"
        return ""


class Database:
    """One autocommitting connection as the owner; close it after use."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg2.connect(url)
        self._connection.autocommit = True

    def close(self) -> None:
        self._connection.close()

    def execute(self, sql: str, parameters: Any = None) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, parameters)

    def rows(self, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall())

    def counts(self) -> dict[str, int]:
        """Rows that tell what was done: payments, keys, events, operations, callbacks."""
        with self._connection.cursor() as cursor:
            cursor.execute(COUNTS)
            names = [column.name for column in cursor.description]
            return dict(zip(names, cursor.fetchone(), strict=True))

    def settings(self) -> dict[str, str]:
        """Those that make a commit durable, as they are. Raises LocalError when one of them is off."""
        found = {name: str(self.rows(f"SHOW {name}")[0][0]) for name in SETTINGS}
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            if found[name] != "on":
                raise LocalError(f"{name} is {found[name]}: figures of commits that are not durable mean nothing.")
        return found

    def count_inside_functions(self) -> None:
        """From now on pg_stat_statements also sees what functions and triggers run."""
        self.execute("ALTER SYSTEM SET pg_stat_statements.track = 'all'")
        self.execute("SELECT pg_reload_conf()")

    def forget_statements(self) -> None:
        self.execute("SELECT pg_stat_statements_reset()")

    def statements_of(self, application_url: str) -> list[Statement]:
        """What the application role ran since `forget_statements`, and what PostgreSQL ran for it."""
        return [Statement(*row) for row in self.rows(STATEMENTS, {"role": urlsplit(application_url).username})]
