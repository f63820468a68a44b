"""A little clamd for tests: reads what is streamed to it, and answers what it was told to."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.test import override_settings


class Served(socketserver.ThreadingTCPServer):
    """What came in, and what is said of it."""

    daemon_threads = True

    def __init__(self, answer: str) -> None:
        super().__init__(("127.0.0.1", 0), Scanner)
        self.answer = answer
        self.seen: list[bytes] = []
        self.pieces = 0


class Scanner(socketserver.BaseRequestHandler):
    server: Served

    def handle(self) -> None:
        if self._read(10) != b"zINSTREAM\0":
            return
        data = b""
        while size := int.from_bytes(self._read(4), "big"):
            data += self._read(size)
            self.server.pieces += 1
        self.server.seen.append(data)
        self.request.sendall(self.server.answer.encode() + b"\0")

    def _read(self, size: int) -> bytes:
        found = b""
        while len(found) < size and (piece := self.request.recv(size - len(found))):
            found += piece
        return found


@contextmanager
def scanning(answer: str = "stream: OK") -> Iterator[Any]:
    """A scanner that listens and is set in UPLOAD_SCANNER."""
    with Served(answer) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            with override_settings(UPLOAD_SCANNER=f"tcp://127.0.0.1:{server.server_address[1]}"):
                yield server
        finally:
            server.shutdown()
