"""What the money figures need: a long ledger with nothing beside it, or merchants whose payments wait to be paid."""

import json
import sys
import time
from typing import Any

from bench.ground import Ground, Helper, Say
from bench.money import ledger_rows
from bench.pgbench import Pgbench

# The product's own limits of a statement are for requests; these statements are to be timed to their end.
NO_TIMEOUT = {"STATEMENT_TIMEOUT_MS": "0", "LOG_LEVEL": "WARNING"}
NO_PARALLEL = "ALTER DATABASE {} SET max_parallel_workers_per_gather = 0"
PAID_BY = 16


class LedgerStack(Ground):
    """PostgreSQL with a ledger of about so many entries, and a process that settles it."""

    settings = NO_TIMEOUT

    def __init__(self, say: Say, *, entries: int) -> None:
        super().__init__(say, ports=())
        self.entries = entries
        self.versions: dict[str, str] = {}

    @property
    def books(self) -> Helper:
        return self.helpers["books"]

    @property
    def merchants(self) -> list[str]:
        return [str(row[0]) for row in self.database.rows("SELECT id FROM merchants_merchant ORDER BY id")]

    def _furnish(self) -> None:
        name = self.database.rows("SELECT quote_ident(current_database())")[0][0]
        self.database.execute(NO_PARALLEL.format(name))
        self.helpers["books"] = Helper("bench.money.books", environ=self.environ)
        self.versions = self.books.order(do="begin", shops=ledger_rows.SHOPS)
        self.entries = ledger_rows.make(self.database, entries=self.entries, say=self.say)


class WriterStack(Ground):
    """PostgreSQL, Valkey, merchants, and PAID_BY processes that apply what a provider says of their payments."""

    settings = {"LOG_LEVEL": "WARNING"}

    def __init__(self, say: Say) -> None:
        super().__init__(say, ports=("provider",))
        self.seed: dict[str, Any] = {}
        self.versions: dict[str, str] = {}

    @property
    def writers(self) -> Helper:
        return self.helpers["writers"]

    def let_commits_take(self, *, ms: int) -> None:
        """From now on every flush of a commit waits so long, as on a disk that takes it; 0 is this machine's own."""
        self.database.execute("ALTER SYSTEM SET commit_siblings = 0")
        self.database.execute(f"ALTER SYSTEM SET commit_delay = {1000 * ms}")
        self.database.execute("SELECT pg_reload_conf()")
        while int(self.database.rows("SELECT setting FROM pg_settings WHERE name = 'commit_delay'")[0][0]) != 1000 * ms:
            time.sleep(0.01)

    def _furnish(self) -> None:
        self._spawn("provider", [sys.executable, "-m", "bench.provider", str(self.ports["provider"])])
        self._wait_for("provider", "/")
        path = self.home / "seed.json"
        self._run("seed", [sys.executable, "-m", "bench.seed", str(path)])
        self.seed = json.loads(path.read_text())
        self.versions = self.seed["versions"]
        self.pgbench = Pgbench(self.environ["DATABASE_URL"], self.home)
        self.helpers["writers"] = Helper("bench.money.writers", str(path), str(PAID_BY), environ=self.environ)
        self.database.execute("VACUUM ANALYZE")
