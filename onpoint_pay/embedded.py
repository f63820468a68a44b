"""Starts embedded PostgreSQL and Valkey for whichever of DATABASE_URL and REDIS_URL is not set, and stops them."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from onpoint_pay.local.children import Child, stop_children
from onpoint_pay.local.home import Lock, make_ephemeral_home, make_home
from onpoint_pay.local.postgres import Postgres
from onpoint_pay.local.postgres_data import APPLICATION, OWNER
from onpoint_pay.local.valkey import Valkey


def say_on_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")


@dataclass(slots=True)
class Servers:
    """The running servers; `environ` is what a process needs to find them. Leaving the context stops them."""

    home: Path
    is_ephemeral: bool
    environ: dict[str, str] = field(default_factory=dict)
    processes: list[Child] = field(default_factory=list)
    postgres: Postgres | None = None
    lock: Lock | None = None

    def stop(self, *, timeout_seconds: float = 30.0) -> None:
        """Stop in reverse order, each within the time given, and throw ephemeral data away. Twice is harmless."""
        while self.processes:
            stop_children(self.processes[-1:], timeout_seconds=timeout_seconds)
            self.processes.pop()
        if self.is_ephemeral:
            if self.postgres:
                self.postgres.remove_data_elsewhere()
            shutil.rmtree(self.home, ignore_errors=True)
        if self.lock:
            self.lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_servers(
    home: Path,
    *,
    ephemeral: bool = False,
    environ: Mapping[str, str] | None = None,
    say: Callable[[str], object] = say_on_stderr,
) -> Servers:
    """Start what `environ` (default: ours) does not name and wait until it answers.

    `ephemeral` takes a throw-away folder in place of `home` and lets PostgreSQL skip fsync. `say` gets lines for
    people. Raises LocalError with a text for a terminal; then nothing is left running.
    """
    named = os.environ if environ is None else environ
    servers = Servers(make_ephemeral_home() if ephemeral else make_home(home), ephemeral)
    try:
        servers.lock = Lock(servers.home / "servers.lock")
        servers.lock.take(what="An embedded server")
        _start(servers, named=named, say=say)
    except BaseException:
        servers.stop()
        raise
    return servers


def _start(servers: Servers, *, named: Mapping[str, str], say: Callable[[str], object]) -> None:
    valkey = None if named.get("REDIS_URL") else Valkey(servers.home)
    if valkey:  # reads its data back while PostgreSQL starts
        servers.processes.append(valkey.spawn())
    if not (named.get("DATABASE_URL") or named.get("DB_NAME")):
        _start_postgres(servers, say=say)
    if valkey:
        valkey.wait_until_ready(servers.processes[0])
        servers.environ["REDIS_URL"] = valkey.url
        say(f"Valkey ready {servers.processes[0].age_seconds:.1f} s")


def _start_postgres(servers: Servers, *, say: Callable[[str], object]) -> None:
    began = time.monotonic()
    postgres = Postgres(servers.home, is_ephemeral=servers.is_ephemeral, say=say)
    servers.postgres = postgres
    servers.processes.append(postgres.start())
    servers.environ["DATABASE_URL"] = postgres.credentials.url(APPLICATION)
    servers.environ["DATABASE_OWNER_URL"] = postgres.credentials.url(OWNER)
    say(f"PostgreSQL ready {time.monotonic() - began:.1f} s")
