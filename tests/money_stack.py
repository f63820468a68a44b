"""The product on servers of its own, which may be broken while merchants collect and pay out; what is true afterwards."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg2

from faults.clients import CallFailed, Client, every_payment, wait_until
from faults.judge import judge
from faults.webhooks.stack import READY_SECONDS, STOP_SECONDS, Stack
from onpoint_pay.embedded import Servers, start_servers
from onpoint_pay.kit.ids import from_public
from onpoint_pay.local import probes, programs
from onpoint_pay.local.children import Child, last_lines
from onpoint_pay.local.home import make_home
from onpoint_pay.local.packages import postgres_package
from payments.invariants import INVARIANTS
from tests.workers import database_url

PACE = {
    "SWEEP_SPEED": "120",
    "SIMULATOR_SPEED": "120",
    "SIMULATOR_APPROVE_SECONDS": "0.3",
    "SIMULATOR_HANG_SECONDS": "3",
    "PROVIDER_DEADLINE_SECONDS": "2",
    "IDEMPOTENCY_WAIT_SECONDS": "0.2",
    "RATE_LIMIT_API": "1000000/1m",
    "RATE_LIMIT_INITIATE": "1000000/1m",
    "RATE_LIMIT_STATUS": "1000000/1m",
    "WEB_CONCURRENCY": "1",
    "WEB_THREADS": "8",
}
# A merchant with a key, and with money for payouts.
SEED = """
import django
django.setup()
from django.core.management import call_command
call_command("seed_demo")
from merchants.models import Merchant
from settlements.tests.payouts import give
give(Merchant.objects.get(), 10_000_000_00)
"""
# Leases end after three seconds here, longer than any request to the provider takes, in place of 60 and 30.
END_LEASES = """
UPDATE money_op SET lease_until = now() - interval '1 s', next_check = now()
  WHERE status = 'sending' AND lease_until < now() + interval '57 s';
UPDATE merchants_idempotency_key SET lease_until = now() - interval '1 s'
  WHERE phase = 'claimed' AND lease_until < now() + interval '27 s';
"""
OPEN = """
SELECT client_ref, status, next_check - now() FROM money_op WHERE status IN ('created', 'sending', 'accepted', 'unknown')
UNION ALL SELECT reference, status, NULL FROM payouts WHERE status = 'pending'
"""
SENDINGS = "SELECT payout_id::text, client_ref, amount, status FROM money_op WHERE payout_id = ANY(%s::uuid[])"
OURS = "usename = 'onpoint_app' AND datname = current_database()"
HELD_UP = f"""
SELECT count(*) FROM pg_stat_activity WHERE {OURS} AND wait_event_type = 'Lock'
  AND (ltrim(query, E'\\n') LIKE 'UPDATE provider_event%' OR query LIKE 'SELECT "money_op"%')
"""
CONCLUDE_SECONDS = 60.0
PAUSE_SECONDS = 0.2
_numbers = count(1)


class MoneyStack(Stack):
    """Web, worker, beat and simulator on servers whose data lie in `home`, or in a throw-away folder."""

    def __init__(self, logs: Path, *, home: Path | None = None, **more: str) -> None:
        # The book is the judge: it lies where no disk is filled up.
        ours = {**PACE, "SIMULATOR_BOOK": str(logs / "book.sqlite3"), **more}
        super().__init__(logs, extra_env=ours, say=lambda line: None, is_durable=False)
        self._home = home
        self._programs: dict[str, list[str]] = {}
        self._is_over = threading.Event()
        self._supervisor = threading.Thread()
        self.api = Client("")
        self.simulator = Client("")

    def _start_servers(self) -> Servers:
        if self._home is None:
            return super()._start_servers()
        servers = start_servers(make_home(self._home / "home"), environ={}, say=self.say)
        servers.is_ephemeral = True
        return servers

    def _make_tables(self) -> None:
        """Those of this test process's own database: they are there already, and making them takes long."""
        programs_of = postgres_package() / "pginstall" / "bin"
        dump = subprocess.Popen([programs_of / "pg_dump", database_url()], stdout=subprocess.PIPE)
        load = [programs_of / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", self.environ["DATABASE_OWNER_URL"]]
        loaded = subprocess.run(load, stdin=dump.stdout, capture_output=True, text=True)
        assert (dump.wait(), loaded.returncode) == (0, 0), loaded.stderr

    def start_product(self) -> None:
        """Everything up, and a merchant's key in hand."""
        web, simulator = int(self.environ["PORT"]), int(self.environ["SIMULATOR_PORT"])
        self.start("simulator", programs.simulator(simulator))
        self.start("web", programs.web(web))
        self.start_worker("worker")
        self.start_beat()
        self._wait_for("simulator", lambda: probes.is_ready(simulator, probes.SIMULATOR_READY))
        seed = self.start("seed", [sys.executable, "-c", SEED], ONPOINT_DATABASE_ROLE="owner")
        assert seed.process.wait(READY_SECONDS) == 0, last_lines(seed.log)
        del self.children["seed"]
        credentials = json.loads((self.servers.home / "credentials.json").read_text())
        self._wait_for("web", lambda: probes.is_ready(web, probes.WEB_READY))
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)
        self._supervisor.start()
        key = f"Bearer {credentials['secret_key']}"
        self.api = Client(f"{self.environ['BASE_URL']}/api/v1", Authorization=key)
        self.simulator = Client(f"{self.environ['SIMULATOR_URL']}/control")

    def start(self, name: str, argv: list[str], **environ: str) -> Child:
        self._programs[name] = argv
        return super().start(name, argv, **environ)

    def stop(self) -> None:
        """At once: nothing in it is of use afterwards."""
        self._is_over.set()
        if self._supervisor.ident:
            self._supervisor.join(STOP_SECONDS)
        for child in self.children.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait(STOP_SECONDS)
        super().stop()

    def kill(self, name: str) -> None:
        """The process and all it has forked, at one blow; a supervisor starts it again."""
        child = self.children[name]
        os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait(STOP_SECONDS)

    def kill_postgres(self) -> None:
        """The first process by kill -9: the others notice, and end in the middle of whatever they do."""
        server = self._server("PostgreSQL").process
        server.kill()
        server.wait(STOP_SECONDS)

    def kill_a_backend(self) -> None:
        """PostgreSQL's process for one of the product's connections, by kill -9."""
        ((pid,),) = self.rows(f"SELECT pid FROM pg_stat_activity WHERE {OURS} ORDER BY backend_start DESC LIMIT 1")
        os.kill(pid, signal.SIGKILL)

    def shut_postgres_down(self) -> None:
        """As an operator does: connections are cut, open transactions undone."""
        server = self._server("PostgreSQL").process
        server.send_signal(signal.SIGINT)
        server.wait(STOP_SECONDS)

    def drop_connections(self) -> None:
        self.rows(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OURS}")

    def fill(self, disk: Path) -> None:
        """Not a byte is left on the disk that PostgreSQL writes to."""
        with (disk / "ballast").open("wb", buffering=0) as ballast:
            for size in (1 << 20, 1 << 12):
                with contextlib.suppress(OSError):
                    while ballast.write(bytes(size)) == size:
                        pass

    def make_room(self, disk: Path) -> None:
        """And start PostgreSQL, if it has ended meanwhile."""
        (disk / "ballast").unlink()
        if not self._server("PostgreSQL").is_alive:
            self.start_postgres()

    @contextmanager
    def silent_valkey(self) -> Iterator[None]:
        server = self._server("Valkey").process
        server.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            server.send_signal(signal.SIGCONT)

    @contextmanager
    def held_up_jobs(self) -> Iterator[None]:
        """The worker, which has one process, is in the middle of a job until the block ends."""
        connection = psycopg2.connect(self.environ["DATABASE_OWNER_URL"])
        try:
            with connection.cursor() as cursor:
                cursor.execute("LOCK TABLE provider_event, money_op IN ACCESS EXCLUSIVE MODE")
            assert wait_until(lambda: self.rows(HELD_UP) != [(0,)], seconds=READY_SECONDS, every=0.05)
            yield
        finally:
            connection.close()

    def start_second_worker_and_beat(self) -> None:
        """As on a second host."""
        self.start("second-worker", programs.worker("default", processes=1))
        self.start("second-beat", programs.beat(self.logs))

    def stop_second_worker_and_beat(self) -> None:
        for name in ("second-worker", "second-beat"):
            child = self.children.pop(name)
            os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait(STOP_SECONDS)

    def _supervise(self) -> None:
        """What has ended is started again, as a supervisor does; and leases end early."""
        while not self._is_over.wait(0.5):
            for name in [name for name, child in self.children.items() if not child.is_alive]:
                self.start(name, self._programs[name])
            with contextlib.suppress(psycopg2.Error):
                self.rows(END_LEASES)

    def _wait_for(self, name: str, is_ready: Callable[[], bool]) -> None:
        assert wait_until(is_ready, seconds=READY_SECONDS, every=0.05), last_lines(self.children[name].log)

    # --- merchants at work ------------------------------------------------------------------------------------------

    @contextmanager
    def selling(self, *, clients: int = 3) -> Iterator["Sales"]:
        """Merchants' servers collect and pay out for as long as the block takes, then bring to an end what they have
        begun. The provider's book begins anew."""
        self.simulator.post("/reset", {})
        sales = Sales(self, name=f"run{next(_numbers)}")
        threads = [threading.Thread(target=sales.work, daemon=True) for _ in range(clients)]
        for thread in threads:
            thread.start()
        try:
            yield sales
        finally:
            sales.is_closing = True
            for thread in threads:
                thread.join(CONCLUDE_SECONDS)
        assert not any(thread.is_alive() for thread in threads), sales.refused

    # --- what became of it ------------------------------------------------------------------------------------------

    def is_concluded(self) -> bool:
        try:
            return not self.rows(OPEN)
        except Exception:  # noqa: BLE001 - the database is coming back
            return False

    def broken(self) -> list[str]:
        return [invariant.name for invariant in INVARIANTS if self.rows(invariant.sql)]

    def assert_whole(self, sales: "Sales") -> None:
        """Everything concluded; what was acknowledged is there, once, and the simulator's book says the same."""
        assert wait_until(self.is_concluded, seconds=CONCLUDE_SECONDS, every=0.2), self.rows(OPEN)
        payments = every_payment(self.api, **{"metadata[run]": sales.name})
        assert Counter(payment["id"] for payment in payments) == Counter(sales.paid), "payments"
        book: dict[str, list[dict[str, Any]]] = {}
        for prompt in self.simulator.get("/book?limit=1000")["prompts"]:
            book.setdefault(prompt["account_reference"], []).append(prompt)
        assert judge(payments, book).faults == []
        assert set(book) <= {payment["metadata"]["account_reference"] for payment in payments}
        self._assert_sent_once(sales)
        assert self.broken() == []

    def _assert_sent_once(self, sales: "Sales") -> None:
        """One sending of the right amount in the book for each payout that was acknowledged, and no other."""
        lines = [line for line in self.simulator.get("/transfers?limit=1000")["transfers"] if line["kind"] == "b2c"]
        sent = {line["originator_conversation_id"]: line for line in lines}
        assert len(sent) == len(lines) == len(sales.out)
        keys = [str(from_public("pyt", payout)) for payout in sales.out]
        sendings = self.rows(SENDINGS, keys)
        assert Counter(row[0] for row in sendings) == Counter(keys)
        for _, client_ref, amount, status in sendings:
            line = sent[client_ref]
            assert (status, line["status"], line["cents"]) == ("succeeded", "completed", amount), (client_ref, line)


class Sales:
    """What careful merchants have begun, and what was acknowledged to them: ids of payments and payouts."""

    def __init__(self, stack: MoneyStack, *, name: str) -> None:
        self.stack = stack
        self.name = name
        self.paid: list[str] = []
        self.out: list[str] = []
        self.refused: Counter[int] = Counter()
        self.is_closing = False
        self._numbers = count(1)

    @property
    def acknowledged(self) -> int:
        return len(self.paid) + len(self.out)

    def work(self) -> None:
        while not self.is_closing:
            n = next(self._numbers)
            self.paid.append(self._pay(n)["id"])
            if n % 4 == 0:
                self.out.append(self._pay_out(n)["id"])
            time.sleep(PAUSE_SECONDS)

    def wait_for_more(self, wanted: int) -> None:
        """Until so many more were acknowledged."""
        wanted += self.acknowledged
        assert wait_until(lambda: self.acknowledged >= wanted, seconds=CONCLUDE_SECONDS, every=0.02), self.refused

    def wait_for_work(self) -> None:
        """Until workers have brought another operation to its end."""
        ended = "SELECT count(*) FROM money_op WHERE status = 'succeeded'"
        before = self.stack.rows(ended)
        assert wait_until(lambda: self.stack.rows(ended) > before, seconds=CONCLUDE_SECONDS, every=0.1)

    def wait_for_trouble(self) -> None:
        """Until another request was not answered as it should be."""
        before = self.refused.total()
        assert wait_until(lambda: self.refused.total() > before, seconds=CONCLUDE_SECONDS, every=0.02)

    def _pay(self, n: int) -> dict[str, Any]:
        account = f"{self.name}n{n}"
        return self._ask(
            "/payments/initiate/",
            {
                "amount": 10 + n,
                "payment_method": "mpesa",
                "phone": f"2547{10_000_000 + n}",
                "reference": f"{self.name}-{n}",
                "account_reference": account,
                "metadata": {"run": self.name, "account_reference": account},
            },
        )

    def _pay_out(self, n: int) -> dict[str, Any]:
        destination = {"type": "mpesa_phone", "phone": f"2547{20_000_000 + n}"}
        body = {"amount": 10 + n, "destination": destination, "reason": "Wages", "reference": f"{self.name}-out-{n}"}
        return self._ask("/payouts/", body)

    def _ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """As a careful merchant does: with a key, and again with the same one until there is an answer."""
        while True:
            try:
                found: dict[str, Any] = self.stack.api.post(
                    path, body, **{"Idempotency-Key": f"key-{body['reference']}"}
                )
                return found
            except CallFailed as error:
                # 409: the first try may be at work still; 503: nothing was sent.
                if error.status not in (0, 409, 500, 503):
                    raise
                self.refused[error.status] += 1
                time.sleep(0.05)
