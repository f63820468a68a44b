"""`manage.py metrics`: the figures of webhooks for Prometheus, on an internal port of their own."""

from collections.abc import Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection

from onpoint_pay.kit.clock import now
from webhooks import bell
from webhooks.selectors.metrics import read_all
from webhooks.serializers.metrics import metrics_text

PATH = "/metrics"
TEXT = "text/plain; version=0.0.4; charset=utf-8"


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """GET /metrics reads every figure anew; 503 while the database is away, 404 elsewhere."""
    if environ["PATH_INFO"] != PATH or environ["REQUEST_METHOD"] != "GET":
        status, text = "404 Not Found", f"There is only {PATH}.\n"
    else:
        status, text = _read()
    body = text.encode()
    start_response(status, [("Content-Type", TEXT), ("Content-Length", str(len(body)))])
    return [body]


def _read() -> tuple[str, str]:
    try:
        found = read_all()
    except DatabaseError as error:
        # The next request begins with a fresh connection.
        connection.close()
        return "503 Service Unavailable", f"The database cannot be read: {type(error).__name__}.\n"
    text = metrics_text(found, drains=bell.drains_alive(), bells_unheard=bell.bells_unheard(), at=now())
    return "200 OK", text


class Handler(WSGIRequestHandler):
    """Requests come every few seconds for years: none is logged. One that says nothing is dropped."""

    timeout = 5

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


class Command(BaseCommand):
    help = (
        "Serve the figures of webhooks at /metrics in the text format of Prometheus, until stopped. They tell of the "
        "whole installation: keep the port inside your own network, it has no password."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=9102, help="Port to listen on (default 9102).")
        parser.add_argument("--host", default="127.0.0.1", help="Address to listen on (default 127.0.0.1).")

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        try:
            server = make_server(host, port, application, handler_class=Handler)
        except OSError as error:
            raise CommandError(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another --port.") from None
        with server:
            self.stdout.write(f"http://{host}:{server.server_port}{PATH}")
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                self.stdout.write("Stopped")
