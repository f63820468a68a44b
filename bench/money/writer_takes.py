"""Payments completed by many writers at once, of many merchants and of one, beside bare commits."""

import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import psycopg2

from bench.database import INBOX
from bench.figures import Take, spend
from bench.money.stack import PAID_BY, WriterStack
from bench.pgbench import CLIENTS, initiate_script, insert_script
from bench.seed import merchant_uuid

# Payments are stored for so many times the best rate seen; should they run out, the measurement is over earlier.
STORED_TIMES, STORED_AT_LEAST = 3, 160
WARM_UP_SECONDS = 1.0
LOOK_SECONDS = 0.02
SLOW_COMMIT_MS = 1
# Merchants by number: those of `many`, the one with one row of pending, the one with sixteen.
MANY, ONE, STRIPED = range(PAID_BY), PAID_BY, PAID_BY + 1
COUNTS = """
SELECT (SELECT count(*) FROM transactions WHERE status = 'completed') AS completed,
  (SELECT count(*) FROM ledger_transfer WHERE kind = 'capture') AS captures,
  (SELECT count(*) FROM ledger_entry) AS entries,
  (SELECT count(*) FROM audit_event WHERE action = 'payment.completed') AS audited,
  (SELECT count(*) FROM webhooks_event WHERE type = 'payment.completed') AS told,
  (SELECT count(*) FROM money_op WHERE status = 'succeeded') AS operations,
  (SELECT count(*) FROM provider_event WHERE status = 'applied') AS applied,
  (SELECT count(*) FROM provider_event WHERE status NOT IN ('applied', 'new')) AS otherwise
"""
# Float, pending, fee.
EACH = {
    "completed": 1,
    "captures": 1,
    "entries": 3,
    "audited": 1,
    "told": 1,
    "operations": 1,
    "applied": 1,
    "otherwise": 0,
}
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
WAITING = """
SELECT count(*) FILTER (WHERE query LIKE '%%ledger_post%%'), count(*) FILTER (WHERE query LIKE '%%audit_event%%'),
  count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
"""


class Watch:
    """How many of the writers waited for a row that another held, on average, and for which."""

    def __init__(self, url: str) -> None:
        self._url, self._over = url, Event()
        self._seen: list[tuple[int, int, int]] = []
        self._thread = Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        connection = psycopg2.connect(self._url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            while not self._over.wait(LOOK_SECONDS):
                cursor.execute(WAITING)
                self._seen.append(cursor.fetchone())
        connection.close()

    def averages(self) -> dict[str, float]:
        looks = max(len(self._seen), 1)
        ledger, audit, all_of_them = (sum(column) / looks for column in zip(*self._seen or [(0, 0, 0)], strict=True))
        return {"wait_ledger": ledger, "wait_audit": audit, "wait_other": all_of_them - ledger - audit}


class WriterTakes:
    """Takes measurements; before each, the payments it needs are made, and after it what it did is counted."""

    def __init__(self, stack: WriterStack, *, seconds: float, processors: int) -> None:
        self._stack, self._seconds, self._processors = stack, seconds, processors
        self._best = 0.0
        self._work: dict[str, Callable[[str], Take]] = {
            "many": lambda name: self._complete(name, MANY),
            "L-db": self._initiates,
            "commits": self._commits,
            "many+1ms": lambda name: self._complete(name, MANY, commit_ms=SLOW_COMMIT_MS),
            "one-striped+1ms": lambda name: self._complete(name, (STRIPED,), commit_ms=SLOW_COMMIT_MS),
            "one+1ms": lambda name: self._complete(name, (ONE,), commit_ms=SLOW_COMMIT_MS),
        }

    def begin(self) -> None:
        """The table of the bare commits, one merchant striped, every writer warm."""
        self._stack.database.execute(INBOX)
        self._stack.writers.order(do="stripe", merchant=str(merchant_uuid(STRIPED)))
        for merchants in (MANY, (ONE,), (STRIPED,), MANY):
            claims = self._store(merchants, STORED_AT_LEAST)
            warm = self._stack.writers.order(do="complete", claims=claims, seconds=WARM_UP_SECONDS)
            self._best = max(self._best, sum(warm["verdicts"].values()) / max(warm["seconds"], 1e-9))

    def take(self, name: str, *, number: int) -> Take:
        taken = self._work[name](name)
        taken.round = number
        return taken

    def faults(self) -> list[str]:
        """What the proof of the books finds when all is done."""
        found: list[str] = self._stack.writers.order(do="prove")
        return [f"writers: {each}" for each in found]

    def _store(self, merchants: Any, count: int) -> list[int]:
        names = [str(merchant_uuid(n)) for n in merchants]
        claims: list[int] = self._stack.writers.order(do="store", merchants=names, count=count)
        return claims

    def _complete(self, name: str, merchants: Any, *, commit_ms: int = 0) -> Take:
        claims = self._store(merchants, max(round(STORED_TIMES * self._best * self._seconds), STORED_AT_LEAST))
        self._stack.let_commits_take(ms=commit_ms)
        before, deadlocks = self._counts(), self._deadlocks()
        answer: dict[str, Any] = {}
        with Watch(self._stack.environ["DATABASE_OWNER_URL"]) as watch:
            order = {"do": "complete", "claims": claims, "seconds": self._seconds}
            taken = spend(
                name,
                lambda: answer.update(self._stack.writers.order(**order)),
                roots=self._stack.roots,
                processors=self._processors,
            )
        self._stack.let_commits_take(ms=0)
        self._note(taken, answer, before)
        taken.values |= watch.averages() | {"deadlocks": self._deadlocks() - deadlocks}
        return taken

    def _note(self, taken: Take, answer: dict[str, Any], before: dict[str, int]) -> None:
        verdicts = answer["verdicts"]
        taken.done = verdicts.get("applied", 0)
        taken.per_second = taken.done / max(answer["seconds"], 1e-9)
        self._best = max(self._best, taken.per_second)
        taken.values = {"p50_ms": answer["p50_ms"], "p99_ms": answer["p99_ms"]}
        taken.faults += faults_in_rows(taken.name, verdicts, before, self._counts())

    def _commits(self, name: str) -> Take:
        """One row with a unique key each, as many at once as there are writers."""
        return self._pgbench(name, insert_script(), clients=PAID_BY, rows="SELECT count(*) FROM bench_inbox")

    def _initiates(self, name: str) -> Take:
        """What initiate writes for a payment, without the product: two durable commits."""
        script = initiate_script(self._stack.seed["statements"])
        return self._pgbench(name, script, clients=CLIENTS, rows="SELECT count(*) FROM transactions")

    def _pgbench(self, name: str, script: str, *, clients: int, rows: str) -> Take:
        before, tallies = self._stack.database.rows(rows)[0][0], []

        def work() -> None:
            tallies.append(self._stack.pgbench.run(name, script, seconds=self._seconds, clients=clients))
            # Its sessions end with it; until PostgreSQL has reaped them their time belongs to nobody.
            time.sleep(0.3)

        taken = spend(name, work, roots=self._stack.roots, processors=self._processors)
        taken.done, taken.per_second = tallies[0].done, tallies[0].per_second
        made = self._stack.database.rows(rows)[0][0] - before
        if made != taken.done:
            taken.faults.append(f"{name}: {made} rows for {taken.done} transactions")
        return taken

    def _counts(self) -> dict[str, int]:
        row = self._stack.database.rows(COUNTS)[0]
        return dict(zip(EACH, row, strict=True))

    def _deadlocks(self) -> int:
        count: int = self._stack.database.rows(DEADLOCKS)[0][0]
        return count


def faults_in_rows(name: str, verdicts: dict[str, int], before: dict[str, int], after: dict[str, int]) -> list[str]:
    """Every claim was applied, and each made its rows once: state, transfer with its entries, audit link, event."""
    done = verdicts.get("applied", 0)
    found = [] if done else [f"{name}: no payment was completed"]
    found += [
        f"{name}: {count} claims ended as {verdict}" for verdict, count in verdicts.items() if verdict != "applied"
    ]
    for kind, each in EACH.items():
        made = after[kind] - before[kind]
        if made != each * done:
            found.append(f"{name}: {made} {kind} for {done} payments")
    return found
