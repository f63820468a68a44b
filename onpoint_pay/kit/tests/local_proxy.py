"""A real forward proxy on 127.0.0.1: tunnels by CONNECT, forwards absolute URLs, or answers with a refusal."""

import socket
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_CONNECT(self) -> None:
        proxy = self.server.owner
        proxy.asked.append(f"CONNECT {self.path}")
        self.close_connection = True
        if proxy.refuses_with:
            self.send_error(proxy.refuses_with)
            return
        with socket.create_connection(("127.0.0.1", proxy.port_behind)) as behind:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=_pump, args=(behind, self.connection), daemon=True)
            back.start()
            _pump(self.connection, behind)
            back.join(5)

    def do_POST(self) -> None:
        proxy = self.server.owner
        proxy.asked.append(f"POST {self.path}")
        proxy.authorizations.append(self.headers.get("Proxy-Authorization"))
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if proxy.refuses_with:
            self.send_error(proxy.refuses_with)
            return
        behind = HTTPConnection("127.0.0.1", proxy.port_behind, timeout=5)
        behind.request("POST", "/" + self.path.split("/", 3)[3], body=body, headers={"Host": self.headers["Host"]})
        answer = behind.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        behind.close()

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    owner: "LocalProxy"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the tests."""


class LocalProxy:
    """Whatever host it is asked for, it goes to `port_behind` of this machine."""

    def __init__(self, *, port_behind: int = 0, refuses_with: int = 0) -> None:
        self.port_behind = port_behind
        self.refuses_with = refuses_with
        self.asked: list[str] = []
        self.authorizations: list[str | None] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return
