"""The merchants' servers: one thread on raw sockets, so that what it takes is little and can be told.

`python -m bench.hooks.sink PORT`. The first part of a path says how it answers: `/ok/...` at once, `/error/...` with
status 500, `/hang/...` never, `/delay-MS/...` after so many milliseconds. Orders: `count`, and `take`, which writes
what came to a file and forgets it.
"""

import contextlib
import heapq
import json
import selectors
import socket
import sys
import time
from pathlib import Path
from typing import Any

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\nno"
RECEIVE_BYTES = 65_536
# As the product and `requests` spell them.
LENGTH, ID, LINE_END = b"Content-Length: ", b"webhook-id: ", b"\r\n"
HEAD_END = b"\r\n\r\n"


class Caller:
    """One connection and what has come on it of a request that is not whole yet."""

    __slots__ = ("buffer", "socket")

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.buffer = b""


class Sink:
    """Keeps the time of every request with its `webhook-id`, in the order they came."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._selector = selectors.EpollSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        self._came: list[tuple[str, float]] = []
        self._later: list[tuple[float, int, Caller]] = []

    def serve(self) -> None:
        """Until standard input ends."""
        while True:
            wait = max(self._later[0][0] - time.monotonic(), 0.0) if self._later else None
            for key, _ in self._selector.select(wait):
                if key.data is not None:
                    self._receive(key.data)
                elif key.fileobj is self._listener:
                    self._accept()
                elif not self._obey():
                    return
            while self._later and self._later[0][0] <= time.monotonic():
                self._send(heapq.heappop(self._later)[2], OK)

    def _accept(self) -> None:
        connection = self._listener.accept()[0]
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(connection, selectors.EVENT_READ, Caller(connection))

    def _receive(self, caller: Caller) -> None:
        try:
            part = caller.socket.recv(RECEIVE_BYTES)
        except OSError:
            part = b""
        if not part:
            self._selector.unregister(caller.socket)
            caller.socket.close()
            return
        request = caller.buffer = caller.buffer + part
        end = request.find(HEAD_END)
        if end < 0 or len(request) - end - len(HEAD_END) < int(_value(request, LENGTH) or 0):
            return
        caller.buffer = b""
        self._came.append((_value(request, ID).decode(), time.time()))
        self._answer(caller, request[: request.find(b" ", 6)].partition(b" /")[2])

    def _answer(self, caller: Caller, path: bytes) -> None:
        if path.startswith(b"ok/"):
            self._send(caller, OK)
        elif path.startswith(b"error/"):
            self._send(caller, ERROR)
        elif path.startswith(b"delay-"):
            seconds = int(path.partition(b"/")[0].removeprefix(b"delay-")) / 1000
            heapq.heappush(self._later, (time.monotonic() + seconds, id(caller), caller))

    def _send(self, caller: Caller, answer: bytes) -> None:
        # One that has gone away says so at the next look.
        with contextlib.suppress(OSError):
            caller.socket.send(answer)

    def _obey(self) -> bool:
        line = sys.stdin.readline()
        if not line:
            return False
        order: dict[str, Any] = json.loads(line)
        answer = {"count": len(self._came), "last": self._came[-1][1] if self._came else None}
        if order["do"] == "take":
            Path(order["path"]).write_text(json.dumps(self._came))
            self._came = []
        print(json.dumps(answer), flush=True)
        return True


def _value(request: bytes, name: bytes) -> bytes:
    """A header's value; empty when there is none."""
    place = request.find(name)
    return request[place + len(name) : request.find(LINE_END, place)] if place >= 0 else b""


def main() -> None:
    Sink(socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=512)).serve()


if __name__ == "__main__":
    main()
