"""The processes around a stack: merchants' receivers, and publishers that commit changes with their events."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from faults.clients import CallFailed, Client, wait_until
from faults.webhooks.receiver import CONTROL
from faults.webhooks.records import Change, Record, read_book, read_record
from onpoint_pay.local.errors import LocalError
from onpoint_pay.local.home import CHECKOUT
from onpoint_pay.local.ports import choose_free

READY_SECONDS = 20.0
STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One endpoint: whose it is, its path at the receiver, and the types it asked for."""

    id: str
    merchant: str
    path: str
    events: tuple[str, ...]

    def wants(self, type: str) -> bool:
        return any(wish in ("*", type, f"{type.partition('.')[0]}.*") for wish in self.events)


class Receiver:
    """All merchants' servers, in a process of their own; it writes to `record`."""

    def __init__(self, record: Path) -> None:
        self.path = record
        self.port = choose_free()
        self._client = Client(f"http://127.0.0.1:{self.port}")

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "faults.webhooks.receiver", str(self.port), str(self.path)], cwd=CHECKOUT
        )
        if not wait_until(self._answers, seconds=READY_SECONDS, every=0.05):
            raise LocalError("The receiver of webhooks did not start.")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(STOP_SECONDS)

    def tell(self, **orders: Any) -> dict[str, Any]:
        """`secrets` and `manners` by path, `after_seconds` and `is_strict` for all; `seen` and `most_busy` by path."""
        answer: dict[str, Any] = self._client.post(CONTROL, orders)
        return answer

    def record(self) -> Record:
        self.tell()
        return read_record(self.path)

    def _answers(self) -> bool:
        try:
            self.tell()
        except CallFailed:
            return False
        return True


class Publisher:
    """A process of the product with the stack's environment. One order at a time: `ask` is `begin` and `end`."""

    def __init__(self, book: Path, environ: Mapping[str, str]) -> None:
        self.path = book
        self._environ = environ

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "faults.webhooks.publisher", str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.path.with_suffix(".log").open("w"),
            text=True,
            cwd=CHECKOUT,
            env=dict(self._environ),
        )
        self._read()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait(STOP_SECONDS)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def ask(self, do: str, **order: Any) -> Any:
        self.begin(do, **order)
        return self.end()

    def begin(self, do: str, **order: Any) -> None:
        """The next order ends a load that is still going on."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self._process.stdin.flush()

    def end(self) -> Any:
        """Wait for the answer to the order that was begun first. Raises LocalError when the process ended."""
        return json.loads(self._read())

    def stop(self) -> None:
        """End the load that is going on."""
        self.begin("rest")
        self.end()
        self.end()

    def book(self) -> list[Change]:
        return read_book(self.path)

    def make_targets(self, receiver: Receiver, *, merchants: int, wants: list[list[str]]) -> list[Target]:
        """New merchants, each with one endpoint for each entry of `wants`; the receiver learns their secrets."""
        ports = receiver.tell(listen=merchants * len(wants))["ports"]
        made = self.ask("endpoints", merchants=merchants, wants=wants, ports=ports)
        receiver.tell(secrets={each["path"]: each.pop("secret") for each in made})
        return [Target(**{**each, "events": tuple(each["events"])}) for each in made]

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise LocalError(f"The publisher ended: {self.path.with_suffix('.log').read_text()[-2000:]}")
        return line
