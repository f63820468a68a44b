"""Workers in processes of their own for tests, which die, or stop, at any step they are told to.

A step is whatever a worker cannot take back: a statement, a commit, a request over HTTP. The product is loaded once
and forked for each worker: `python -m tests.workers` reads orders as JSON lines and answers each with one.
"""

import atexit
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID

from onpoint_pay.local.home import CHECKOUT
from tests.drains import set_clock
from tests.simulator_process import simulator, wait_for

# The discard port: what the simulator sends by itself reaches nobody.
NOBODY = "http://127.0.0.1:9"
FINISHED = 0
KILLED = -signal.SIGKILL


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A process at work; `steps` lists what it has begun, one line each, whatever became of it."""

    pid: int
    log: Path

    @property
    def steps(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def is_stopped(self) -> bool:
        return (Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]) == "T"

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


class Workers:
    """Begins workers on the database and the simulator of this test process."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="onpoint-workers-"))
        self._numbers = itertools.count(1)
        self._errors = self._folder / "errors"
        ours = {"DATABASE_URL": database_url(), "SIMULATOR_URL": simulator().url, "BASE_URL": NOBODY}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.workers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors.open("w"),
            text=True,
            cwd=CHECKOUT,
            env={**os.environ, **ours, "DJANGO_SETTINGS_MODULE": "onpoint_pay.settings"},
            start_new_session=True,
        )

    def close(self) -> None:
        """Kill those that are left."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()
        shutil.rmtree(self._folder, ignore_errors=True)

    def begin(self, job: str, **order: Any) -> Worker:
        """Let a new worker do `job`, the path of a function, with `arguments`; see `work` for what else may be told."""
        log = self._folder / f"steps-{next(self._numbers)}"
        pid = self._ask({"begin": order | {"job": job, "log": str(log)}})
        return Worker(pid=pid, log=log)

    def end(self, worker: Worker) -> int:
        """Wait for it; 0 or the signal it died of, negative. Raises AssertionError for any other end."""
        ended = self._ask({"wait": worker.pid})
        assert ended in (FINISHED, KILLED), f"{self._errors.read_text()[-3000:]}\n{worker.steps[-5:]}"
        return ended

    def run(self, job: str, **order: Any) -> tuple[int, list[str]]:
        """How it ended, and its steps."""
        worker = self.begin(job, **order)
        return self.end(worker), worker.steps

    def run_together(self, job: str, *, count: int, **order: Any) -> list[list[str]]:
        """So many of them, let go at the same moment, just before their first step; the steps of each."""
        together = [self.begin(job, stop_at=1, **order) for _ in range(count)]
        for worker in together:
            wait_for(worker.is_stopped)
        for worker in together:
            worker.go_on()
        assert [self.end(worker) for worker in together] == [FINISHED] * count
        return [worker.steps for worker in together]

    def kill(self, worker: Worker) -> None:
        os.kill(worker.pid, signal.SIGKILL)
        self.end(worker)

    def _ask(self, order: dict[str, Any]) -> int:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"no workers are made any more: {self._errors.read_text()[-3000:]}"
        return int(answer)


@cache
def workers() -> Workers:
    """The workers' maker of this test process, started at the first call and ended with the process."""
    made = Workers()
    atexit.register(made.close)
    return made


def database_url() -> str:
    """The database of the running test, for another process."""
    from django.db import connection

    found = connection.settings_dict
    password = quote(found["PASSWORD"], safe="")
    return f"postgres://{quote(found['USER'])}:{password}@{found['HOST']}:{found['PORT']}/{found['NAME']}"


# --- in the worker's own process --------------------------------------------------------------------------------------


class Steps:
    """Counts the steps of this process, writes each down before it happens, and ends or stops it at one."""

    def __init__(self, log: str, *, die_at: int, stop_at: int) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._die_at, self._stop_at = die_at, stop_at
        self._lock, self._count = threading.Lock(), 0

    def before(self, name: str) -> None:
        with self._lock:
            self._count += 1
            os.write(self._log, f"{name}\n".encode())
            if self._count == self._die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            if self._count == self._stop_at:
                os.kill(os.getpid(), signal.SIGSTOP)

    def watch(self) -> None:
        from django.db.backends.base.base import BaseDatabaseWrapper
        from django.db.backends.utils import CursorWrapper

        from onpoint_pay.kit.http import HttpClient

        self._put_before(CursorWrapper, "_execute", lambda cursor, sql, *more: " ".join(str(sql).split())[:80])
        self._put_before(CursorWrapper, "_executemany", lambda cursor, sql, *more: " ".join(str(sql).split())[:80])
        self._put_before(BaseDatabaseWrapper, "_commit", lambda connection: "COMMIT")
        self._put_before(HttpClient, "send", lambda client, method, url: f"{method} {urlsplit(url).path}")

    def _put_before(self, owner: Any, name: str, label: Callable[..., str]) -> None:
        real = getattr(owner, name)

        def watched(*args: Any, **more: Any) -> Any:
            self.before(label(*args))
            return real(*args, **more)

        setattr(owner, name, watched)


def work(order: dict[str, Any]) -> None:
    """`die_at` and `stop_at` count steps from 1, `clock` is by how many seconds the host's clock is wrong, `settings`
    are the product's, and `session` is what PostgreSQL is told for this worker's connections."""
    from django.conf import settings
    from django.db import connection
    from django.utils.module_loading import import_string

    for name, value in order.get("settings", {}).items():
        setattr(settings, name, value)
    connection.settings_dict["OPTIONS"]["options"] += order.get("session", "")
    if order.get("clock"):
        set_clock(order["clock"])
    job = import_string(order["job"])
    Steps(order["log"], die_at=order.get("die_at", 0), stop_at=order.get("stop_at", 0)).watch()
    job(**_plain(order.get("arguments", {})))


def _plain(arguments: dict[str, Any]) -> dict[str, Any]:
    """JSON has neither days nor keys."""
    kinds: dict[str, Callable[[Any], Any]] = {"day": date.fromisoformat, "merchant_id": UUID}
    return {name: kinds.get(name, lambda value: value)(value) for name, value in arguments.items()}


def ask(path: str, headers: dict[str, str], body: dict[str, Any]) -> None:
    """A job: one request to the product, as a web process answers it."""
    from django.test import Client

    Client(SERVER_NAME="127.0.0.1").post(path, body, "application/json", headers=headers)


def answer(order: dict[str, Any]) -> int:
    if "wait" in order:
        return os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1])
    from django.utils.module_loading import import_string

    import_string(order["begin"]["job"])  # loaded here, it is loaded once
    pid = os.fork()
    if pid == 0:
        status = 1
        with suppress(BaseException), _errors_told():
            work(order["begin"])
            status = 0
        os._exit(status)
    return pid


@contextmanager
def _errors_told() -> Iterator[None]:
    try:
        yield
    except BaseException:
        traceback.print_exc()
        raise


def main() -> None:
    import django

    django.setup()
    for line in sys.stdin:
        sys.stdout.write(f"{answer(json.loads(line))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
