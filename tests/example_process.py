"""The receivers of docs/verify-webhooks.md, each run by its own runtime as a merchant would run it."""

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx

from onpoint_pay.local.children import Child, last_lines, start_child, stop_children
from onpoint_pay.local.ports import HOST, choose_free
from tests.simulator_process import wait_for

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "examples" / "verify"
NODE_PACKAGE = "standardwebhooks@1.1.1"
NEEDS_PACKAGE = "node_library.mjs"
START_SECONDS, FETCH_SECONDS = 30.0, 60


@dataclass(frozen=True, slots=True)
class Example:
    """A started receiver; it may have ended already."""

    child: Child
    port: int
    inbox: Path

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/webhooks"

    def post(self, body: str, headers: Mapping[str, str]) -> int:
        """The status it answers with."""
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        return httpx.post(self.url, content=body.encode(), headers=raw, trust_env=False).status_code

    def post_half(self, body: str, headers: Mapping[str, str]) -> None:
        """Promise a whole body, send half of it and hang up."""
        lines = [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join(
            ["POST /webhooks HTTP/1.1", f"Host: {HOST}", f"Content-Length: {len(body.encode())}", *lines]
        )
        with socket.create_connection((HOST, self.port), timeout=10) as connection:
            connection.sendall(f"{head}\r\n\r\n".encode() + body.encode()[: len(body) // 2])

    def kept(self) -> dict[str, str]:
        """What it took for ours: webhook-id to body."""
        return {path.stem: path.read_bytes().decode() for path in self.inbox.iterdir()}

    def is_listening(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((HOST, self.port)) == 0


@contextmanager
def running(name: str, *, secret: str, port: int | None = None) -> Iterator[Example]:
    """The example of that file name, listening, or ended because it would not start. Raises SkipTest without its runtime."""
    port = port or choose_free()
    argv = command_of(name, port=port)
    with tempfile.TemporaryDirectory(prefix="verify-example-") as folder:
        inbox = Path(folder) / "inbox"
        inbox.mkdir()
        environ = {"PATH": os.environ["PATH"], "PORT": str(port), "WEBHOOK_SECRET": secret, "WEBHOOK_INBOX": str(inbox)}
        child = start_child(name, argv, log=Path(folder) / "log", environ=environ, cwd=Path(folder))
        example = Example(child, port, inbox)
        try:
            wait_for(lambda: example.is_listening() or not child.is_alive, seconds=START_SECONDS)
            yield example
        except AssertionError as error:
            raise AssertionError(f"{error}\n{name} said:\n{last_lines(child.log)}") from error
        finally:
            stop_children([child], timeout_seconds=5)


def command_of(name: str, *, port: int) -> list[str]:
    """How to start the example on `port`. Raises SkipTest saying what is missing."""
    if name.endswith(".py"):
        return [sys.executable, str(FOLDER / name)]
    if name.endswith(".php"):
        return [runtime("php"), "-S", f"{HOST}:{port}", str(FOLDER / name)]
    node = runtime("node")
    if name != NEEDS_PACKAGE:
        return [node, str(FOLDER / name)]
    beside = fetched_package()
    if beside is None:
        raise unittest.SkipTest(f"npm cannot fetch {NODE_PACKAGE} here")
    # Node looks for packages beside the file that imports them.
    return [node, str(shutil.copy(FOLDER / name, beside / name))]


def runtime(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise unittest.SkipTest(f"there is no `{program}` on this machine")
    return found


@cache
def fetched_package() -> Path | None:
    """A folder in which npm has installed the pinned package, tried once for each test process; None without success."""
    folder = Path(tempfile.mkdtemp(prefix="verify-example-node-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    options = ["--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=0"]
    argv = [runtime("npm"), "install", *options, "--prefix", str(folder), NODE_PACKAGE]
    try:
        subprocess.run(argv, check=True, capture_output=True, timeout=FETCH_SECONDS)
    except subprocess.SubprocessError:
        return None
    return folder
