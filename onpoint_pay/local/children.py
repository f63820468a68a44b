"""Starts and ends child processes so that none outlives the process that started it."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.05
LAST_SIGNAL_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system account a child runs as, where that is not our own."""

    uid: int
    gid: int
    name: str


@dataclass(slots=True)
class Child:
    """A running process, its log, the signal that asks it to end well, and the one for when it does not listen."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    last_signal: signal.Signals = signal.SIGKILL
    started_at: float = field(default_factory=time.monotonic)

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    @property
    def age_seconds(self) -> float:
        return time.monotonic() - self.started_at

    def ask_to_stop(self) -> None:
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(self.stop_signal)

    def end_group(self) -> None:
        """End the child and every process that stayed in its group, whatever they are doing."""
        for last in (self.last_signal, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, last)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(LAST_SIGNAL_SECONDS)


def start_child(
    name: str,
    argv: list[str],
    *,
    log: Path,
    environ: Mapping[str, str],
    cwd: Path,
    stop_signal: signal.Signals = signal.SIGTERM,
    last_signal: signal.Signals = signal.SIGKILL,
    account: Account | None = None,
) -> Child:
    """Start `argv` in a group of its own, so that Ctrl-C reaches only us and we end the children in order.

    Call it from a thread that lives as long as the child: Linux sends the death signal when that thread ends.
    """
    with open_log(log) as output:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environ),
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_die_with_parent(stop_signal),
            **_account_options(account),
        )
    return Child(name, process, log, stop_signal, last_signal)


def run_program(
    argv: list[str], *, environ: Mapping[str, str], account: Account | None = None, script: str | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end from the root folder, feed it `script` and keep what it says."""
    return subprocess.run(
        argv,
        input=script,
        stdin=subprocess.DEVNULL if script is None else None,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=dict(environ),
        **_account_options(account),
    )


def server_environ() -> dict[str, str]:
    """Our environment, plain messages, and none of the PG variables that turn PostgreSQL's programs elsewhere."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**ours, "LC_ALL": "C"}


def _account_options(account: Account | None) -> dict[str, Any]:
    """The `subprocess` arguments that hand the child to `account` and drop our own groups."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def _die_with_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    """Where Linux offers it, have the kernel signal the child when we die, even by SIGKILL."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def prepare() -> None:
        prctl(PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
        if os.getppid() != parent:  # we died between fork and prctl
            os._exit(1)

    return prepare


def open_log(log: Path) -> BinaryIO:
    """Open `log` for appending, readable by its owner only."""
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb")


def stop_children(children: Iterable[Child], *, timeout_seconds: float) -> None:
    """Ask all to stop, wait for them together, and end what is left when the time is over."""
    ending = list(children)
    for child in ending:
        child.ask_to_stop()
    deadline = time.monotonic() + timeout_seconds
    while any(child.is_alive for child in ending) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS / 2)
    for child in ending:
        child.end_group()


def exit_reason(returncode: int) -> str:
    """Words for a `Popen.returncode`: `was killed by SIGKILL`, `ended with status 1`."""
    if returncode >= 0:
        return f"ended with status {returncode}"
    try:
        return f"was killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"was killed by signal {-returncode}"


def last_lines(log: Path, count: int = 20) -> str:
    """The end of a log, for an error message; empty when there is none."""
    with contextlib.suppress(OSError), log.open("rb") as lines:
        lines.seek(max(0, log.stat().st_size - 16_384))
        return b"\n".join(lines.read().splitlines()[-count:]).decode(errors="replace")
    return ""
