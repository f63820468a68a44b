"""Embedded PostgreSQL: our own child on 127.0.0.1 with two password-protected roles, stopped by a fast shutdown."""

import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

from onpoint_pay.local import leftovers, ports
from onpoint_pay.local.children import (
    POLL_SECONDS,
    Child,
    last_lines,
    run_program,
    server_environ,
    start_child,
    stop_children,
)
from onpoint_pay.local.errors import ServerFailed
from onpoint_pay.local.packages import postgres_package
from onpoint_pay.local.place import choose_place
from onpoint_pay.local.postgres_data import (
    APPLICATION,
    DATABASE,
    OWNER,
    REMEDY,
    failure,
    has_data,
    make_data,
    read_credentials,
)

START_SECONDS = 60.0
STOP_SECONDS = 30.0
PORT_TRIES = 5
OPTIONS = {
    "listen_addresses": ports.HOST,
    # No socket file: everybody comes by TCP, and the path of one may be too long or its lock stale.
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_preload_libraries": "pg_stat_statements",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
PREPARE = f"""
SELECT 'CREATE ROLE {APPLICATION}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APPLICATION}') \\gexec
ALTER ROLE {APPLICATION} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'application_password';
SELECT 'CREATE DATABASE {DATABASE} OWNER {OWNER}'
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{DATABASE}') \\gexec
\\connect {DATABASE}
GRANT CONNECT ON DATABASE {DATABASE} TO {APPLICATION};
GRANT USAGE ON SCHEMA public TO {APPLICATION};
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
"""  # noqa: S608 - only our own constants are put in


class Postgres:
    """One embedded server over the data of one home folder."""

    def __init__(self, home: Path, *, is_ephemeral: bool, say: Callable[[str], object]) -> None:
        self.home = home
        self.log = home / "logs" / "postgresql.log"
        self.note = home / "postgres.json"
        self.is_ephemeral = is_ephemeral
        self.place = choose_place(home, postgres_package(), say=say)
        self.credentials = read_credentials(self.place, self.note)

    def start(self) -> Child:
        """Make the data if there is none, start the server and wait until it answers. Raises ServerFailed."""
        self._stop_leftover()
        if not has_data(self.place):
            self.credentials.save(self.note)
            make_data(self.place, owner_password=self.credentials.owner_password, is_ephemeral=self.is_ephemeral)
        child = self._start_on_a_free_port()
        try:
            self._prepare()
        except BaseException:
            stop_children([child], timeout_seconds=STOP_SECONDS)
            raise
        return child

    def remove_data_elsewhere(self) -> None:
        if self.place.data.parent != self.home:
            shutil.rmtree(self.place.data, ignore_errors=True)

    def _stop_leftover(self) -> None:
        """Stop a server that an earlier run left on this data, and forget a pid that now belongs to a stranger."""
        data, lock = self.place.data, self.place.data / "postmaster.pid"
        try:
            pid = int(lock.read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return
        stopped = leftovers.stop_leftover(
            pid, program="postgres", argument=str(data), stop_signal=signal.SIGINT, timeout_seconds=STOP_SECONDS
        )
        deadline = time.monotonic() + START_SECONDS
        while (busy := leftovers.works_in(data, program="postgres")) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)  # its processes end by themselves once it is gone
        if busy or not stopped:
            raise ServerFailed(
                f"A PostgreSQL from an earlier run (pid {pid}) still works on {data} and does not end. End it "
                f"(`kill -INT {pid}`) and start again. {REMEDY}"
            )
        if leftovers.exists(pid):
            # PostgreSQL would take this stranger for a running server and refuse to start.
            lock.unlink(missing_ok=True)

    def _start_on_a_free_port(self) -> Child:
        """A port found free may be taken the moment after; then the next one is tried."""
        for _ in range(PORT_TRIES):
            if not ports.is_free(self.credentials.port):
                self.credentials.port = ports.choose_free()
            log_length = self.log.stat().st_size if self.log.exists() else 0
            child = self._spawn()
            try:
                is_ready = self._wait_until_ready(child)
            except BaseException:
                stop_children([child], timeout_seconds=STOP_SECONDS)
                raise
            if is_ready:
                self.credentials.save(self.note)
                return child
            if "Address already in use" not in self._log_after(log_length):
                break
        raise failure("PostgreSQL ended before it was ready", last_lines(self.log))

    def _spawn(self) -> Child:
        options = {**OPTIONS, "fsync": "off"} if self.is_ephemeral else OPTIONS
        argv = [str(self.place.programs / "postgres"), "-D", str(self.place.data), "-p", str(self.credentials.port)]
        for name, value in options.items():
            argv += ["-c", f"{name}={value}"]
        return start_child(
            "PostgreSQL",
            argv,
            log=self.log,
            environ=server_environ(),
            cwd=Path("/"),
            stop_signal=signal.SIGINT,
            last_signal=signal.SIGQUIT,
            account=self.place.account,
        )

    def _wait_until_ready(self, child: Child) -> bool:
        """True when it answers, False when it ended. Raises ServerFailed when it does neither in time."""
        argv = [str(self.place.programs / "pg_isready"), "-q", "-h", ports.HOST, "-p", str(self.credentials.port)]
        deadline = time.monotonic() + START_SECONDS
        while child.is_alive:
            if run_program(argv, environ=server_environ()).returncode == 0:
                return child.is_alive
            if time.monotonic() > deadline:
                raise failure(f"PostgreSQL did not answer within {START_SECONDS:.0f} s", last_lines(self.log))
            time.sleep(POLL_SECONDS)
        return False

    def _prepare(self) -> None:
        """Make the application role, the database and what both need, once; a repeat after a cut is harmless."""
        if self.credentials.is_prepared:
            return
        address = f"host={ports.HOST} port={self.credentials.port} user={OWNER} dbname=postgres"
        finished = run_program(
            [str(self.place.programs / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", address],
            environ={**server_environ(), "PGPASSWORD": self.credentials.owner_password},
            script=f"\\set application_password '{self.credentials.application_password}'\n{PREPARE}",
        )
        if finished.returncode:
            raise failure("PostgreSQL started, but its roles could not be made", finished.stderr)
        self.credentials.is_prepared = True
        self.credentials.save(self.note)

    def _log_after(self, position: int) -> str:
        with self.log.open("rb") as log:
            log.seek(position)
            return log.read().decode(errors="replace")
