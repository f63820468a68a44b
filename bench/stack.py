"""Everything a run needs, started on throw-away data with durable commits, and nothing left of it after."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import redis

from bench.database import INBOX, Database
from bench.pgbench import Pgbench, initiate_script
from bench.plans import token_of
from bench.seed import FIRST_NUMBER
from onpoint_pay.embedded import Servers, start_servers
from onpoint_pay.kit.ids import to_public
from onpoint_pay.local import probes, programs
from onpoint_pay.local.children import Child, last_lines, start_child, stop_children
from onpoint_pay.local.environment import outer_environ, stack_environ
from onpoint_pay.local.errors import LocalError
from onpoint_pay.local.home import CHECKOUT, default_home, make_ephemeral_home
from onpoint_pay.local.ports import choose_free

READY_SECONDS = 60.0
STOP_SECONDS = 8.0
STORED_PER_CLIENT = 250
# Whatever the shell says of servers, providers and limits is for the product, not for this run.
NOT_OURS = ("DATABASE_", "DB_", "REDIS_", "CELERY_", "MPESA_", "PAYSTACK_", "FLUTTERWAVE_", "RATE_LIMIT_", "ONPOINT_")
NO_LIMIT = "1000000000/1m"
SETTINGS = {"DJANGO_SETTINGS_MODULE": "onpoint_pay.settings"}
RATE_LIMITS = {f"RATE_LIMIT_{name}": NO_LIMIT for name in ("API", "INITIATE", "STATUS", "CALLBACK")}

Say = Callable[[str], object]


class Stack:
    """PostgreSQL, Valkey, the provider's stand-in, the product's web server, the empty one, and the load.

    No worker and no beat: what they use must not be counted as the web's. Raises LocalError when something does not
    start; leaving the context stops all of it and removes the data.
    """

    def __init__(self, say: Say) -> None:
        self.say = say
        self.ports = {name: choose_free() for name in ("web", "empty", "provider")}
        self.children: dict[str, Child] = {}
        self.seed: dict[str, Any] = {}
        self.environ: dict[str, str] = {}
        self._load: subprocess.Popen[str] | None = None
        self._servers: Servers | None = None
        self._database: Database | None = None
        self._terminated: Any = None

    def __enter__(self) -> Self:
        self._terminated = signal.signal(signal.SIGTERM, signal.default_int_handler)
        self.home = make_ephemeral_home()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def database(self) -> Database:
        assert self._database is not None
        return self._database

    @property
    def roots(self) -> dict[str, int]:
        """Name -> pid of every tree whose CPU is told apart."""
        assert self._servers is not None and self._load is not None
        servers = {child.name: child.process.pid for child in self._servers.processes}
        return {
            "web": self.children["web"].process.pid,
            "empty": self.children["empty"].process.pid,
            "postgres": servers["PostgreSQL"],
            "valkey": servers["Valkey"],
            "provider": self.children["provider"].process.pid,
            "load": self._load.pid,
        }

    def order(self, plan: str, *, seconds: float) -> dict[str, Any]:
        """Have the load run one plan and wait for its counts."""
        assert self._load is not None and self._load.stdin is not None and self._load.stdout is not None
        port = self.ports["empty" if plan == "L-web" else "web"]
        self._load.stdin.write(json.dumps({"plan": plan, "port": port, "seconds": seconds}) + "\n")
        self._load.stdin.flush()
        line = self._load.stdout.readline()
        if not line:
            raise LocalError(f"The load ended during {plan}.")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def forget_cache(self) -> None:
        """Empty Valkey: kept keys, counters and the provider's token have to be fetched again."""
        with redis.Redis.from_url(self.environ["REDIS_URL"]) as valkey:
            valkey.flushdb()

    def stop(self) -> None:
        if self._database:
            self._database.close()
        if self._load:
            self._load.kill()
            self._load.wait()
        stop_children(reversed(self.children.values()), timeout_seconds=STOP_SECONDS)
        if self._servers:
            self._servers.stop(timeout_seconds=STOP_SECONDS)
        shutil.rmtree(self.home, ignore_errors=True)
        signal.signal(signal.SIGTERM, self._terminated)

    def _start(self) -> None:
        outer = {name: value for name, value in outer_environ(default_home()).items() if not name.startswith(NOT_OURS)}
        ours = stack_environ(self.home, outer={}, port=self.ports["web"], simulator_port=self.ports["provider"])
        self.environ = {**outer, **ours, **SETTINGS, **RATE_LIMITS}
        self._spawn("provider", [sys.executable, "-m", "bench.provider", str(self.ports["provider"])])
        self._servers = start_servers(self.home, environ={}, say=self.say)
        # Durable like a kept home, and thrown away all the same.
        self._servers.is_ephemeral = True
        self.environ |= self._servers.environ
        self._run("migrate", programs.MIGRATE, {"ONPOINT_DATABASE_ROLE": "owner"})
        self._spawn("web", programs.web(self.ports["web"]))
        self._spawn("empty", empty_web(self.ports["empty"]), {"DJANGO_SETTINGS_MODULE": "bench.empty"})
        self._database = Database(self.environ["DATABASE_OWNER_URL"])
        self.database.execute(INBOX)
        self._make_seed()
        self._wait_for("web", probes.WEB_READY)
        self._wait_for("empty", "/")
        self._start_load()

    def _make_seed(self) -> None:
        """Merchants and statements through the product; then stored payments by those statements, for P7 and P9."""
        path = self.home / "seed.json"
        self._wait_for("provider", "/")
        self._run("seed", [sys.executable, "-m", "bench.seed", str(path)])
        self.seed = json.loads(path.read_text())
        self.pgbench = Pgbench(self.environ["DATABASE_URL"], self.home)
        numbers = self.pgbench.run_times(
            "store", initiate_script(self.seed["statements"]), times_each=STORED_PER_CLIENT
        )
        self.seed["payments"] = stored_payments(self.database, self.seed["keys"], numbers)
        path.write_text(json.dumps(self.seed))
        self.database.execute("VACUUM ANALYZE")
        self.say(f"seeded {len(self.seed['keys'])} merchants, {len(numbers)} payments")

    def _start_load(self) -> None:
        self._load = subprocess.Popen(
            [sys.executable, "-m", "bench.load", str(self.home / "seed.json")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
        )

    def _spawn(self, name: str, argv: list[str], environ: Mapping[str, str] | None = None) -> Child:
        log = self.home / "logs" / f"{name}.log"
        child = start_child(name, argv, log=log, environ={**self.environ, **(environ or {})}, cwd=CHECKOUT)
        self.children[name] = child
        return child

    def _run(self, name: str, argv: list[str], environ: Mapping[str, str] | None = None) -> None:
        child = self._spawn(name, argv, environ)
        code = child.process.wait()
        del self.children[name]
        if code:
            raise LocalError(f"{name} ended with status {code}:\n{last_lines(child.log)}")
        self.say(f"{name} done {child.age_seconds:.1f} s")

    def _wait_for(self, name: str, path: str) -> None:
        child = self.children[name]
        deadline = time.monotonic() + READY_SECONDS
        while not probes.is_ready(self.ports[name], path):
            if not child.is_alive or time.monotonic() > deadline:
                raise LocalError(f"{name} did not become ready:\n{last_lines(child.log)}")
            time.sleep(0.05)
        self.say(f"{name} ready {child.age_seconds:.1f} s")


def empty_web(port: int) -> list[str]:
    """The product's command line with the empty application in its place."""
    return [
        "django.core.wsgi:get_wsgi_application()" if part == "onpoint_pay.wsgi" else part for part in programs.web(port)
    ]


def stored_payments(database: Database, keys: list[str], numbers: list[int]) -> list[dict[str, str]]:
    """Public id, key, checkout id and callback token of each stored payment; the tokens are made good here."""
    found = database.rows(
        "SELECT right(o.id::text, 12)::bigint, o.payment_id, o.provider_ref, right(o.merchant_id::text, 12)::bigint "
        "FROM money_op o WHERE right(o.id::text, 12) = ANY(%s) AND o.status = 'accepted'",
        [[str(number) for number in numbers]],
    )
    if len(found) != len(numbers):
        raise LocalError(f"{len(numbers)} payments were stored, {len(found)} are there.")
    database.execute(
        "UPDATE money_op SET token_hash = sha256(given.token::bytea) "
        "FROM unnest(%s::text[], %s::text[]) AS given(number, token) WHERE right(id::text, 12) = given.number",
        [[str(row[0]) for row in found], [token_of(row[0]) for row in found]],
    )
    return [_stored(row, keys) for row in found]


def _stored(row: tuple[Any, ...], keys: list[str]) -> dict[str, str]:
    number, payment_id, checkout, merchant = row
    return {
        "id": to_public("pay", UUID(str(payment_id))),
        "key": keys[merchant - FIRST_NUMBER],
        "checkout": checkout,
        "token": token_of(number),
    }
