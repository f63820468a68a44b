"""What every part of a run stands on: a throw-away home with durable PostgreSQL, Valkey, and processes beside them."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from bench.database import Database
from onpoint_pay.embedded import Servers, start_servers
from onpoint_pay.local import probes, programs
from onpoint_pay.local.children import Child, last_lines, start_child, stop_children
from onpoint_pay.local.environment import outer_environ, stack_environ
from onpoint_pay.local.errors import LocalError
from onpoint_pay.local.home import CHECKOUT, default_home, make_ephemeral_home
from onpoint_pay.local.ports import choose_free

READY_SECONDS = 60.0
STOP_SECONDS = 8.0
# Whatever the shell says of servers, providers and limits is for the product, not for this run.
NOT_OURS = (
    "DATABASE_",
    "DB_",
    "REDIS_",
    "CELERY_",
    "MPESA_",
    "PAYSTACK_",
    "FLUTTERWAVE_",
    "RATE_LIMIT_",
    "ONPOINT_",
    "SWEEP_",
    "WEBHOOK_",
)
SETTINGS = {"DJANGO_SETTINGS_MODULE": "onpoint_pay.settings"}

Say = Callable[[str], object]


class Helper:
    """A process of the benchmark that takes one order a line on its standard input and answers each with a line."""

    def __init__(self, module: str, *arguments: str, environ: Mapping[str, str] | None = None) -> None:
        self.name = module
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
            env=None if environ is None else dict(environ),
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, **order: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        """What came of the oldest order not answered yet. Raises LocalError when the process is gone."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise LocalError(f"{self.name} ended; what it said is above.")
        return json.loads(line)

    def order(self, **order: Any) -> Any:
        self.tell(**order)
        return self.answer()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


class Ground:
    """PostgreSQL and Valkey, migrated; the rest is started by `_furnish`. Raises LocalError when something does not
    start; leaving the context stops all of it and removes the data."""

    # What these processes are told besides.
    settings: Mapping[str, str] = {}

    def __init__(self, say: Say, *, ports: tuple[str, ...]) -> None:
        self.say = say
        self.ports = {name: choose_free() for name in ports}
        self.children: dict[str, Child] = {}
        self.helpers: dict[str, Helper] = {}
        self.environ: dict[str, str] = {}
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
        assert self._servers is not None
        pids = {child.name: child.process.pid for child in self._servers.processes}
        servers = {"postgres": pids["PostgreSQL"], "valkey": pids["Valkey"]}
        children = {name: child.process.pid for name, child in self.children.items()}
        return {**servers, **children, **{name: helper.pid for name, helper in self.helpers.items()}}

    def stop(self) -> None:
        if self._database:
            self._database.close()
        for helper in self.helpers.values():
            helper.stop()
        stop_children(reversed(self.children.values()), timeout_seconds=STOP_SECONDS)
        if self._servers:
            self._servers.stop(timeout_seconds=STOP_SECONDS)
        shutil.rmtree(self.home, ignore_errors=True)
        signal.signal(signal.SIGTERM, self._terminated)

    def _start(self) -> None:
        outer = {name: value for name, value in outer_environ(default_home()).items() if not name.startswith(NOT_OURS)}
        ours = stack_environ(
            self.home, outer={}, port=self.ports.get("web", 0), simulator_port=self.ports.get("provider", 0)
        )
        self.environ = {**outer, **ours, **SETTINGS, **self.settings}
        self._servers = start_servers(self.home, environ={}, say=self.say)
        # Durable like a kept home, and thrown away all the same.
        self._servers.is_ephemeral = True
        self.environ |= self._servers.environ
        self._run("migrate", programs.MIGRATE, {"ONPOINT_DATABASE_ROLE": "owner"})
        self._database = Database(self.environ["DATABASE_OWNER_URL"])
        self._furnish()

    def _furnish(self) -> None:
        """Start the rest and fill the tables."""

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
        self._wait_until(name, lambda: probes.is_ready(self.ports[name], path))
        self.say(f"{name} ready {self.children[name].age_seconds:.1f} s")

    def _wait_until(self, name: str, is_ready: Callable[[], bool]) -> None:
        """Until `is_ready`. Raises LocalError when the child of that name ends before, or takes too long."""
        child = self.children[name]
        deadline = time.monotonic() + READY_SECONDS
        while not is_ready():
            if not child.is_alive or time.monotonic() > deadline:
                raise LocalError(f"{name} did not become ready:\n{last_lines(child.log)}")
            time.sleep(0.05)
