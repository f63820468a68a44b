"""Embedded Valkey: started as our own child on 127.0.0.1 with a password, every write kept in an append-only file."""

import json
import secrets
import signal
import socket
import time
from pathlib import Path

from onpoint_pay.local import leftovers, ports
from onpoint_pay.local.children import POLL_SECONDS, Child, last_lines, server_environ, start_child
from onpoint_pay.local.errors import ServerFailed
from onpoint_pay.local.packages import valkey_program
from onpoint_pay.local.private import write_private

START_SECONDS = 30.0
STOP_SECONDS = 10.0
REMEDY = "Or go without the embedded server: set REDIS_URL to a Valkey or Redis server."
WELCOME = b"+OK\r\n+PONG\r\n"
CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
dir "{data}"
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
set-proc-title no
"""


class Valkey:
    """One embedded server over the data of one home folder."""

    def __init__(self, home: Path) -> None:
        self.program = valkey_program()
        self.data = home / "valkey"
        self.log = home / "logs" / "valkey.log"
        self.note = home / "valkey.json"
        self.configuration = home / "valkey.conf"
        self.port, self.password, self.last_pid = self._read_note()

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{ports.HOST}:{self.port}/0"

    def spawn(self) -> Child:
        """Start the server; `wait_until_ready` says when it answers. Raises ServerFailed."""
        self._stop_leftover()
        if not ports.is_free(self.port):
            self.port = ports.choose_free()
        self.data.mkdir(mode=0o700, exist_ok=True)
        fields = {"host": ports.HOST, "port": self.port, "password": self.password, "data": self.data}
        write_private(self.configuration, CONFIGURATION.format(**fields))
        argv = [str(self.program), str(self.configuration)]
        child = start_child("Valkey", argv, log=self.log, environ=server_environ(), cwd=self.data)
        self._write_note(child.process.pid)
        return child

    def wait_until_ready(self, child: Child) -> None:
        """Return once it answers a PING, which it refuses while it reads its file back. Raises ServerFailed."""
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if not child.is_alive:
                raise self._failure("Valkey ended before it was ready")
            if time.monotonic() > deadline:
                raise self._failure(f"Valkey did not answer within {START_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((ports.HOST, self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                received = b""
                while len(received) < len(WELCOME) and (part := connection.recv(256)):
                    received += part
        except OSError:
            return False
        return received == WELCOME

    def _stop_leftover(self) -> None:
        argument = str(self.configuration)
        if self.last_pid and not leftovers.stop_leftover(
            self.last_pid,
            program="valkey-server",
            argument=argument,
            stop_signal=signal.SIGTERM,
            timeout_seconds=STOP_SECONDS,
        ):
            raise ServerFailed(
                f"A Valkey from an earlier run (pid {self.last_pid}) still works on {self.data} and does not end. "
                f"End it (`kill {self.last_pid}`) and start again. {REMEDY}"
            )

    def _read_note(self) -> tuple[int, str, int]:
        try:
            note = json.loads(self.note.read_text())
            return int(note["port"]), str(note["password"]), int(note["pid"])
        except (OSError, ValueError, KeyError):
            return ports.choose_free(), secrets.token_hex(24), 0

    def _write_note(self, pid: int) -> None:
        write_private(self.note, json.dumps({"port": self.port, "password": self.password, "pid": pid}))

    def _failure(self, what: str) -> ServerFailed:
        return ServerFailed(f"{what}. {REMEDY}\nIt said:\n{last_lines(self.log, 10)}")
