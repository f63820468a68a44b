"""Servers and workers of their own for one run, each of which can be killed, emptied or restarted while it works."""

import contextlib
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg2
import redis

from faults.clients import wait_until
from onpoint_pay.embedded import Servers, start_servers
from onpoint_pay.local import programs
from onpoint_pay.local.children import Child, exit_reason, last_lines, start_child, stop_children
from onpoint_pay.local.environment import outer_environ, stack_environ
from onpoint_pay.local.errors import LocalError
from onpoint_pay.local.home import CHECKOUT, default_home, make_ephemeral_home
from onpoint_pay.local.ports import choose_free
from onpoint_pay.local.valkey import Valkey

READY_SECONDS, STOP_SECONDS = 30.0, 10.0
# Whatever the shell says of servers, providers and webhooks is for the product, not for this run.
NOT_OURS = ("DATABASE_", "DB_", "REDIS_", "CELERY_", "MPESA_", "ONPOINT_", "WEBHOOK_", "SWEEP_", "STATEMENT_")
SETTINGS = {"DJANGO_SETTINGS_MODULE": "onpoint_pay.settings", "PYTHONUNBUFFERED": "1"}
QUEUES = {"worker": ("default", 1), "webhook-worker": ("webhooks", 2)}
DRAINS_KEY = "onpoint:webhooks:drains"
FRESH_SECONDS = 3.0
KILL, KILL_WORKER, RESTART = "drain killed", "worker killed", "database restarted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something that was done to the stack, from one moment to another (seconds since 1970)."""

    kind: str
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        return self.ended - self.began


class Stack:
    """PostgreSQL and Valkey on data that is thrown away afterwards, and whatever is started on them.

    Use it in the main thread only. Raises LocalError when something does not start; leaving the context stops all.
    """

    def __init__(
        self,
        logs: Path,
        *,
        extra_env: Mapping[str, str],
        say: Callable[[str], object],
        is_durable: bool = True,
    ) -> None:
        self.logs = logs
        self.say = say
        self.is_durable = is_durable
        self.children: dict[str, Child] = {}
        self.incidents: list[Incident] = []
        self.environ: dict[str, str] = {}
        self._extra_env = dict(extra_env)
        # A process that was killed stays a corpse until its worker has noticed.
        self._killed: set[int] = set()
        self._servers: Servers | None = None
        self._terminated: Any = None

    def __enter__(self) -> Self:
        self._terminated = signal.signal(signal.SIGTERM, signal.default_int_handler)
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

    def stop(self) -> None:
        stop_children(reversed(self.children.values()), timeout_seconds=STOP_SECONDS)
        self.children.clear()
        if self._servers:
            self._servers.stop(timeout_seconds=STOP_SECONDS)
            self._servers = None
        signal.signal(signal.SIGTERM, self._terminated)

    @property
    def servers(self) -> Servers:
        assert self._servers is not None
        return self._servers

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What the owner of the tables reads, or writes, on a connection of its own."""
        connection = psycopg2.connect(self.environ["DATABASE_OWNER_URL"], connect_timeout=5)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(sql, parameters or None)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    # --- processes ------------------------------------------------------------------------------------------------

    def start_workers(self) -> None:
        """What `make run` starts for webhooks: both workers, and beat. Raises LocalError if no drain comes to work."""
        for name in QUEUES:
            self.start_worker(name)
        self.start_beat()
        if not wait_until(self.drains, seconds=READY_SECONDS):
            raise LocalError(f"No drain is at work.\n{last_lines(self.children['webhook-worker'].log)}")

    def revive(self) -> list[str]:
        """Start again, as a supervisor does, what ended though nobody killed it; gives the names."""
        gone = [name for name, child in self.children.items() if not child.is_alive]
        for name in gone:
            self.say(f"{name} {exit_reason(self.children[name].process.returncode)} and is started again")
            if name == "beat":
                self.start_beat()
            else:
                self.start_worker(name)
        return gone

    def start_worker(self, name: str) -> None:
        queue, processes = QUEUES[name]
        self.start(name, programs.worker(queue, processes=processes))

    def start_beat(self) -> None:
        self.start("beat", programs.beat(self.servers.home))

    def start(self, name: str, argv: list[str], **environ: str) -> Child:
        log = self.logs / f"{name}.log"
        child = start_child(name, argv, log=log, environ={**self.environ, **environ}, cwd=CHECKOUT)
        self.children[name] = child
        return child

    def drains(self) -> list[int]:
        """Processes of the webhook worker that have said within three seconds that they hold a drain."""
        worker = self.children["webhook-worker"].process.pid
        with redis.Redis.from_url(self.environ["REDIS_URL"]) as valkey:
            names = valkey.zrangebyscore(DRAINS_KEY, time.time() - FRESH_SECONDS, "+inf")
        found = {int(name.decode().rsplit(":", 2)[1]) for name in names}  # type: ignore[union-attr]
        return sorted(pid for pid in found - self._killed if _group_of(pid) == worker)

    # --- what is done to it ---------------------------------------------------------------------------------------

    def kill_a_drain(self, chance: random.Random) -> bool:
        """False when no process is known to hold one at this moment."""
        alive = self.drains()
        if not alive:
            return False
        victim, began = chance.choice(alive), time.time()
        os.kill(victim, signal.SIGKILL)
        self._killed.add(victim)
        self._note(KILL, began, victim)
        return True

    def kill_worker(self) -> None:
        """Kill the webhook worker with all its processes at one blow, and start another."""
        child, began = self.children["webhook-worker"], time.time()
        os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait(STOP_SECONDS)
        self._note(KILL_WORKER, began)
        self.start_worker("webhook-worker")

    def stop_postgres(self) -> None:
        """As in a crash: no transaction ends, no buffer is written."""
        server = self._server("PostgreSQL").process
        server.send_signal(signal.SIGQUIT)
        server.wait(STOP_SECONDS)

    def start_postgres(self) -> None:
        """On the same data and port. Raises LocalError when it got another port, where nobody would look for it."""
        assert self.servers.postgres is not None
        self._replace("PostgreSQL", self.servers.postgres.start())
        if self.servers.postgres.credentials.url("onpoint_app") != self.environ["DATABASE_URL"]:
            raise LocalError("PostgreSQL came back on another port.")

    def restart_postgres(self) -> None:
        began = time.time()
        self.stop_postgres()
        self.start_postgres()
        self._note(RESTART, began)

    def flush_valkey(self) -> None:
        with redis.Redis.from_url(self.environ["REDIS_URL"]) as valkey:
            valkey.flushall()

    def stop_valkey(self) -> None:
        server = self._server("Valkey").process
        server.kill()
        server.wait(STOP_SECONDS)

    def start_valkey_empty(self) -> None:
        """Without anything it knew, on the same port."""
        valkey = Valkey(self.servers.home)
        shutil.rmtree(valkey.data, ignore_errors=True)
        child = valkey.spawn()
        valkey.wait_until_ready(child)
        self._replace("Valkey", child)
        if valkey.url != self.environ["REDIS_URL"]:
            raise LocalError("Valkey came back on another port.")

    # --- inside ---------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        outer = {name: value for name, value in outer_environ(default_home()).items() if not name.startswith(NOT_OURS)}
        self._servers = self._start_servers()
        ours = stack_environ(self._servers.home, outer={}, port=choose_free(), simulator_port=choose_free())
        self.environ = {**outer, **ours, **SETTINGS, **self._extra_env, **self._servers.environ}
        self._make_tables()

    def _start_servers(self) -> Servers:
        if not self.is_durable:
            return start_servers(Path(), ephemeral=True, environ={}, say=self.say)
        # Like a kept home, and thrown away all the same.
        servers = start_servers(make_ephemeral_home(), environ={}, say=self.say)
        servers.is_ephemeral = True
        return servers

    def _make_tables(self) -> None:
        migrate = self.start("migrate", programs.MIGRATE, ONPOINT_DATABASE_ROLE="owner")
        if migrate.process.wait():
            raise LocalError(f"The tables could not be made:\n{last_lines(migrate.log)}")
        del self.children["migrate"]

    def _server(self, name: str) -> Child:
        return next(child for child in self.servers.processes if child.name == name)

    def _replace(self, name: str, fresh: Child) -> None:
        self.servers.processes = [fresh if child.name == name else child for child in self.servers.processes]

    def _note(self, kind: str, began: float, pid: int = 0) -> None:
        done = Incident(kind=kind, began=began, ended=time.time())
        self.incidents.append(done)
        with (self.logs / "incidents.log").open("a") as log:
            log.write(f"{done.began:.3f} {done.ended:.3f} {done.kind} {pid or ''}\n")


def _group_of(pid: int) -> int:
    """Whose process it is now; 0 when it is gone. A number that was given to a stranger is never killed."""
    with contextlib.suppress(ProcessLookupError):
        return os.getpgid(pid)
    return 0
