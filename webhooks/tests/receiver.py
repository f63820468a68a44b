"""A merchant's server: real HTTP on a free port, remembers what came, answers as told."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int = 200
    body: bytes = b"ok"
    headers: Mapping[str, str] = field(default_factory=dict)


OK = Answer()
Script = Callable[[Received], Answer]


class Server(ThreadingHTTPServer):
    daemon_threads = True
    # The default of five drops connections when a drain opens many at once.
    request_queue_size = 256


class Receiver:
    """`script` is called in the thread of each request and may block, raise or answer."""

    def __init__(self, script: Script = lambda received: OK, *, address: str = "127.0.0.1", port: int = 0) -> None:
        self.script = script
        self.received: list[Received] = []
        self._server = Server((address, port), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        address, port = self._server.server_address[:2]
        return f"http://{address!s}:{port}"

    def of(self, path: str) -> list[Received]:
        return [each for each in self.received if each.path == path]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                received = Received(path=self.path, headers=headers, body=body)
                owner.received.append(received)
                answer = owner.script(received)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST  # noqa: N815 - the name http.server calls

            def log_message(self, *args: object) -> None:
                """Nothing: tests read `received`."""

        return Handler


def in_turn(*answers: Answer) -> Script:
    """Each answer once, then the last for ever."""
    left = list(answers)
    return lambda received: left.pop(0) if len(left) > 1 else left[0]
