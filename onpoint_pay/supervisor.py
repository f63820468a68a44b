"""Runs the whole product on one machine: starts every process in order, watches them, and leaves none behind.

with LocalStack(home, port=8000, simulator_port=9000) as stack:
    stack.watch()
"""

import contextlib
import json
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from onpoint_pay.embedded import Servers, start_servers
from onpoint_pay.local import probes, programs
from onpoint_pay.local.children import POLL_SECONDS, Child, exit_reason, last_lines, start_child, stop_children
from onpoint_pay.local.environment import LOCAL_FILE, outer_environ, stack_environ, write_local_file
from onpoint_pay.local.errors import LocalError
from onpoint_pay.local.home import CHECKOUT, Lock, default_home, make_home
from onpoint_pay.local.ports import require_free_ports
from onpoint_pay.local.tail import Tail, alarming, rotate

READY_SECONDS = 60.0
WATCH_SECONDS = 0.25
# Together under the 15 s a person waits after Ctrl-C.
STOP_PRODUCT_SECONDS, STOP_SIMULATOR_SECONDS, STOP_SERVER_SECONDS = 8.0, 1.5, 2.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ProcessDied(LocalError):
    """A process ended by itself; the text has its name, the reason and its last lines."""


def say_on_stdout(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class LocalStack:
    """Servers, simulator, web, worker and beat of one home folder. Use it in the main thread only.

    After entering: `environ` (what a process of the product needs), `children` by name, `credentials` as `seed_demo`
    wrote them, `base_url` and `simulator_url`. Entering raises LocalError, or KeyboardInterrupt on a stop signal; then
    nothing is left running.
    """

    def __init__(
        self,
        home: Path,
        *,
        port: int = 8000,
        simulator_port: int = 9000,
        extra_env: Mapping[str, str] | None = None,
        say: Callable[[str], object] = say_on_stdout,
    ) -> None:
        self.home = home
        self.port = port
        self.simulator_port = simulator_port
        self.base_url = f"http://127.0.0.1:{port}"
        self.simulator_url = f"http://127.0.0.1:{simulator_port}"
        self.say = say
        self.environ = outer_environ(default_home())
        self.children: dict[str, Child] = {}
        self.credentials: dict[str, str] = {}
        self._extra_env = dict(extra_env or {})
        self._tails: dict[str, Tail] = {}
        self._servers: Servers | None = None
        self._lock: Lock | None = None
        self._handlers: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._catch_stop_signals()
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

    def watch(self) -> None:
        """Show errors from the logs until a process ends. Raises ProcessDied then, KeyboardInterrupt when stopped."""
        while True:
            for name in self._tails:
                for line in alarming(self._tails[name].new_lines()):
                    self.say(f"{name}: {line}")
            self.require_all_alive()
            time.sleep(WATCH_SECONDS)

    def start_program(self, name: str) -> Child:
        """Start `simulator`, `web`, `worker`, `webhook-worker` or `beat`, the first time or after it was killed."""
        commands = {
            "simulator": programs.simulator(self.simulator_port),
            "web": programs.web(self.port),
            **{name: programs.worker(queue, processes=n) for name, (queue, n) in programs.WORKERS.items()},
            "beat": programs.beat(self.home),
        }
        # A worker says that it is ready at INFO, so a quieter level would hide it from us.
        louder = {"LOG_LEVEL": "INFO"} if name in programs.WORKERS else {}
        child = self._spawn(name, commands[name], louder)
        self.children[name] = child
        self._tails[name] = Tail(child.log)
        return child

    def require_all_alive(self) -> None:
        """Raises ProcessDied for the first process that ended, in the order they were started."""
        for child in [*(self._servers.processes if self._servers else []), *self.children.values()]:
            if not child.is_alive:
                raise _death_of(child)

    def stop(self) -> None:
        """Stop everything in reverse order, in less than 15 s. A second stop signal does not cut it short."""
        for number in self._handlers:
            signal.signal(number, signal.SIG_IGN)
        with contextlib.suppress(OSError):  # the terminal may be gone
            if self.children:
                self.say("Stopping")
        product = [child for name, child in reversed(self.children.items()) if name != "simulator"]
        stop_children(product, timeout_seconds=STOP_PRODUCT_SECONDS)
        stop_children(self.children.values(), timeout_seconds=STOP_SIMULATOR_SECONDS)
        self.children.clear()
        if self._servers:
            self._servers.stop(timeout_seconds=STOP_SERVER_SECONDS)
        if self._lock:
            (self.home / LOCAL_FILE).unlink(missing_ok=True)
            self._lock.release()
        self._servers = self._lock = None
        self._restore_stop_signals()

    def _start(self) -> None:
        began = time.monotonic()
        self.home = make_home(self.home)
        lock = Lock(self.home / "lock")
        lock.take(what="OnPoint Pay")
        self._lock = lock
        require_free_ports({"PORT": self.port, "SIMULATOR_PORT": self.simulator_port})
        ours = stack_environ(self.home, outer=self.environ, port=self.port, simulator_port=self.simulator_port)
        self.environ |= {"PYTHONUNBUFFERED": "1", **ours, **self._extra_env}
        self.start_program("simulator")  # needs no server, so it starts beside them
        self._servers = start_servers(self.home, environ=self.environ, say=self.say)
        self.environ |= self._servers.environ
        write_local_file(self.home, {**ours, **self._extra_env, **self._servers.environ})
        self._wait_for("simulator", lambda: probes.is_ready(self.simulator_port, probes.SIMULATOR_READY))
        self.start_program("web")  # loads while the tables are made; it is ready only after
        self._run_to_end("migrate", programs.MIGRATE, {"ONPOINT_DATABASE_ROLE": "owner"})
        for name in programs.WORKERS:
            self.start_program(name)
        self.start_program("beat")
        self._run_to_end("seed", programs.SEED, {})
        self.credentials = json.loads((self.home / "credentials.json").read_text())
        self._wait_until_ready()
        self.say(f"Ready after {time.monotonic() - began:.1f} s")

    def _wait_until_ready(self) -> None:
        self._wait_for("web", lambda: probes.is_ready(self.port, probes.WEB_READY))
        for name in programs.WORKERS:
            log = Tail(self.children[name].log)
            self._wait_for(name, lambda log=log: any(" ready" in line for line in log.new_lines()))  # type: ignore[misc]

    def _wait_for(self, name: str, is_ready: Callable[[], bool]) -> None:
        child = self.children[name]
        deadline = time.monotonic() + READY_SECONDS
        while not is_ready():
            self.require_all_alive()
            if time.monotonic() > deadline:
                raise LocalError(f"{name} was not ready after {READY_SECONDS:.0f} s.{_end_of(child.log)}")
            time.sleep(POLL_SECONDS)
        self.say(f"{name} ready {child.age_seconds:.1f} s")

    def _run_to_end(self, name: str, argv: list[str], environ: Mapping[str, str]) -> None:
        """Run a management command; the others are watched meanwhile. Raises ProcessDied when it fails."""
        child = self._spawn(name, argv, environ)
        try:
            while child.is_alive:
                self.require_all_alive()
                time.sleep(POLL_SECONDS)
        except BaseException:
            stop_children([child], timeout_seconds=STOP_PRODUCT_SECONDS)
            raise
        if child.process.returncode:
            raise _death_of(child)
        self.say(f"{name} done {child.age_seconds:.1f} s")

    def _spawn(self, name: str, argv: list[str], environ: Mapping[str, str] | None = None) -> Child:
        log = self.home / "logs" / f"{name}.log"
        rotate(log)
        return start_child(name, argv, log=log, environ={**self.environ, **(environ or {})}, cwd=CHECKOUT)

    def _catch_stop_signals(self) -> None:
        for number in STOP_SIGNALS:
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue  # started under nohup
            self._handlers[number] = signal.signal(number, signal.default_int_handler)

    def _restore_stop_signals(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()


def _death_of(child: Child) -> ProcessDied:
    reason = exit_reason(child.process.poll() or 0)
    return ProcessDied(f"{child.name} (pid {child.process.pid}) {reason}.{_end_of(child.log)}")


def _end_of(log: Path) -> str:
    lines = last_lines(log)
    return f" The end of {log}:\n{lines}" if lines else f" Its log {log} is empty."
