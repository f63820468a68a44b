"""TCP ports on 127.0.0.1: which are free, and who holds one that is not."""

import contextlib
import errno
import socket
from collections.abc import Mapping
from pathlib import Path

from onpoint_pay.local.errors import LocalError

HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` now, though old connections may still fade on it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def choose_free() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def read_port(environ: Mapping[str, str], name: str, *, default: int) -> int:
    """The port number `environ` holds under `name`. Raises LocalError when it is none."""
    text = environ.get(name) or str(default)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise LocalError(f"{name} must be a port number from 1 to 65535, not {text!r}.")
    return int(text)


def require_free_ports(wanted: Mapping[str, int]) -> None:
    """`wanted` is variable -> port. Raises LocalError naming who holds a taken one and how to move ours."""
    if len(set(wanted.values())) < len(wanted):
        raise LocalError(f"{' and '.join(wanted)} must differ.")
    for name, port in wanted.items():
        try:
            free = is_free(port)
        except PermissionError:
            raise LocalError(f"This account may not listen on port {port}. Set {name} to one above 1023.") from None
        if not free:
            holder = holder_of(port)
            by = f" by {holder}" if holder else ""
            raise LocalError(f"Port {port} is taken{by}. Stop it, or choose another: {name}={port + 1} make run.")


def holder_of(port: int) -> str:
    """`python (pid 123)` for the process that listens on `port`, or an empty text when it cannot be told."""
    inodes = _listening_inodes(port)
    for folder in Path("/proc").glob("[0-9]*/fd") if inodes else ():
        with contextlib.suppress(OSError):
            if any(str(link.readlink()) in inodes for link in folder.iterdir()):
                return f"{(folder.parent / 'comm').read_text().strip()} (pid {folder.parent.name})"
    return ""


def _listening_inodes(port: int) -> set[str]:
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                columns = line.split()
                if columns[3] == "0A" and int(columns[1].rpartition(":")[2], 16) == port:
                    found.add(f"socket:[{columns[9]}]")
    return found
