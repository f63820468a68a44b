"""The log of recent provider calls, kept in memory by a layer around the application."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator.identifiers import iso_utc

KEPT = 1_000
_OWN_PATHS = ("/control", "/pages", "/phone")


class CallLog:
    """The last calls: when, what, and the status answered (None = the connection was reset)."""

    def __init__(self) -> None:
        self._calls: deque[dict[str, Any]] = deque(maxlen=KEPT)

    def note(self, *, method: str, path: str, status: int | None, seconds: float) -> None:
        at, milliseconds = iso_utc(time.time()), round(seconds * 1000, 1)
        self._calls.append({"at": at, "method": method, "path": path, "status": status, "milliseconds": milliseconds})

    def latest(self) -> list[dict[str, Any]]:
        """Newest first."""
        return list(reversed(self._calls))


class CallLogging:
    """Notes every provider call in the log; the simulator's own pages and control API are left out."""

    def __init__(self, app: ASGIApp, log: CallLog) -> None:
        self._app = app
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == "/" or scope["path"].startswith(_OWN_PATHS):
            await self._app(scope, receive, send)
            return
        status: int | None = None
        started = time.perf_counter()

        async def noting_send(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, noting_send)
        finally:
            seconds = time.perf_counter() - started
            self._log.note(method=scope["method"], path=scope["path"], status=status, seconds=seconds)
