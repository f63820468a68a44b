"""The simulator as its own process, one for each test process, and a hand on its control API."""

import atexit
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from onpoint_pay.local.children import Child, start_child, stop_children

ROOT = Path(__file__).resolve().parent.parent
READY = re.compile(r"simulator ready on (http://\S+)")
START_SECONDS = 30.0
# Payers answer when a test says so; an answer that hangs does so for longer than the product waits in tests.
SETTINGS = {"SIMULATOR_APPROVE_SECONDS": "86400", "SIMULATOR_PROMPT_SECONDS": "86400", "SIMULATOR_HANG_SECONDS": "5"}
_opener = build_opener(ProxyHandler({}))


class SimulatorControl:
    """What a test may do to the simulator at `url`, and what it may read from its book."""

    def __init__(self, url: str) -> None:
        self.url = url

    def call(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        address = f"{self.url}/control/{path}" + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body).encode()
        with _opener.open(Request(address, data=data, method=method), timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def reset(self) -> None:
        self.call("POST", "reset")

    def prompt(self, checkout_request_id: str) -> dict[str, Any]:
        """The book's line of one prompt."""
        (found,) = self.call("GET", "book", checkout_request_id=checkout_request_id)["prompts"]
        return dict(found)

    def prompts(self) -> list[dict[str, Any]]:
        """Every prompt in the book, the oldest first."""
        return list(self.call("GET", "book", limit="1000")["prompts"])

    def summary(self) -> dict[str, int]:
        return dict(self.call("GET", "book/summary"))

    def answer_at_once(self) -> None:
        """New prompts are answered as their phone or scenario says, without a wait."""
        self.call("POST", "speed", {"approve_seconds": 0})

    def approve(self, checkout_request_id: str) -> dict[str, Any]:
        """The payer enters the right PIN; returns the prompt with its receipt."""
        return dict(self.call("POST", f"prompts/{checkout_request_id}/approve"))

    def cancel(self, checkout_request_id: str) -> dict[str, Any]:
        return dict(self.call("POST", f"prompts/{checkout_request_id}/cancel"))

    def wait_decided(self, checkout_request_id: str) -> dict[str, Any]:
        return dict(wait_for(lambda: (line := self.prompt(checkout_request_id))["status"] != "open" and line))

    def callbacks(self, checkout_request_id: str) -> list[dict[str, Any]]:
        """Each with its `url` and `body`, as the simulator sent it or will."""
        return list(self.call("GET", "callbacks", checkout_request_id=checkout_request_id)["callbacks"])


def wait_for(check: Callable[[], Any], *, seconds: float = 10.0) -> Any:
    """The first true value of `check`, asked again and again."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := check():
            return value
        time.sleep(0.01)
    raise AssertionError("what was waited for did not happen")


@cache
def simulator() -> SimulatorControl:
    """The simulator of this test process, started at the first call and ended with the process."""
    folder = Path(tempfile.mkdtemp(prefix="onpoint-simulator-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SIMULATOR_")}
    child = start_child(
        "simulator",
        [sys.executable, "-m", "simulator", "--port", "0"],
        log=folder / "simulator.log",
        environ=environ | SETTINGS,
        cwd=ROOT,
    )
    atexit.register(stop_children, [child], timeout_seconds=5)
    return SimulatorControl(wait_for(lambda: _address(child), seconds=START_SECONDS))


def _address(child: Child) -> str | None:
    said = child.log.read_text()
    if not child.is_alive:
        raise AssertionError(f"the simulator did not start: {said[-2000:]}")
    found = READY.search(said)
    return found[1] if found else None
