"""A real HTTP server on 127.0.0.1 that plays a script of good and bad answers and remembers what it received."""

import json
import socket
import ssl
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, TypeAlias

Reply: TypeAlias = Callable[["Handler"], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request as it arrived; header names in lower case, `peer_port` tells connections apart."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    peer_port: int

    def json(self) -> Any:
        return json.loads(self.body)


class Handler(BaseHTTPRequestHandler):
    """Stores the request, then plays the next reply of the script."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "_Server"

    def do_POST(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        received = Received(
            method=self.command,
            path=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length),
            peer_port=self.client_address[1],
        )
        self.server.owner.reply_for(received)(self)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    owner: "LocalServer"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the tests."""


class LocalServer:
    """`with LocalServer() as server:` then `server.script(...)`; after the script `server.default` answers."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.default: Reply = json_answer({})
        self._script: deque[Reply] = deque()
        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.owner = self
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def script(self, *replies: Reply) -> None:
        self._script.extend(replies)

    def reply_for(self, received: Received) -> Reply:
        self.received.append(received)
        return self._script.popleft() if self._script else self.default

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def answer(
    status: int, body: bytes = b"", *, kind: str = "application/json", headers: Mapping[str, str] | None = None
) -> Reply:
    """A well-formed answer."""

    def play(handler: Handler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return play


def json_answer(document: Any, status: int = 200) -> Reply:
    return answer(status, json.dumps(document).encode())


def raw(data: bytes) -> Reply:
    """Exactly these bytes, then the end of the connection."""

    def play(handler: Handler) -> None:
        handler.wfile.write(data)
        handler.close_connection = True

    return play


def cut_short(body: bytes, *, promised: int) -> Reply:
    """Promises more bytes than it sends."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {promised}\r\n\r\n"
    return raw(head.encode() + body)


def reset(handler: Handler) -> None:
    """Drops the connection with a TCP reset instead of an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def hang_up(handler: Handler) -> None:
    """Closes politely without a byte."""
    handler.close_connection = True


def drip(head: bytes, *, pause_seconds: float = 0.05) -> Reply:
    """Sends `head`, then blank after blank until the client leaves."""

    def play(handler: Handler) -> None:
        handler.close_connection = True
        handler.wfile.write(head)
        try:
            for _ in range(2000):
                handler.wfile.write(b" ")
                handler.wfile.flush()
                time.sleep(pause_seconds)
        except OSError:
            return

    return play


def unused_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
