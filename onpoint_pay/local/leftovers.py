"""Servers an earlier run left behind: told apart from strangers, zombies and reused pids, and stopped."""

import contextlib
import os
import signal
import time
from pathlib import Path

from onpoint_pay.local.children import run_program

PROC = Path("/proc")


def is_running(pid: int, *, program: str, argument: str) -> bool:
    """Whether `pid` is a live `program` that was started with `argument`; False for a zombie or a stranger."""
    command = f"{command_of(pid)} "
    return f"/{program} " in command and f" {argument} " in command


def command_of(pid: int) -> str:
    """The command line with blanks between the arguments; empty for a zombie and for a pid nobody has."""
    if (PROC / "self").exists():
        with contextlib.suppress(OSError):
            return (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ").strip()
        return ""
    shown = run_program(["ps", "-ww", "-o", "stat=,command=", "-p", str(pid)], environ=os.environ)
    state, _, command = shown.stdout.partition(" ")
    return "" if state.startswith("Z") else command.strip()


def works_in(folder: Path, *, program: str) -> list[int]:
    """Pids of live processes of `program` whose working folder is `folder`; none where there is no /proc.

    Every PostgreSQL process works in its data folder, also those that outlive the one that started them.
    """
    found = []
    for link in PROC.glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if link.readlink() == folder and (link.parent / "comm").read_text().strip() == program:
                found.append(int(link.parent.name))
    return found


def exists(pid: int) -> bool:
    """Whether any process has this pid, be it a zombie or somebody else's."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def stop_leftover(
    pid: int, *, program: str, argument: str, stop_signal: signal.Signals, timeout_seconds: float
) -> bool:
    """Stop the server an earlier run left behind as `pid`. True when it is gone, or was never there."""
    deadline = time.monotonic() + timeout_seconds
    if is_running(pid, program=program, argument=argument):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, stop_signal)
    while is_running(pid, program=program, argument=argument):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
