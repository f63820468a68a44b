"""A simulator, a callback receiver and a client, each over real HTTP, for the tests."""

from __future__ import annotations

import base64
import itertools
import json
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from simulator.config import Settings
from simulator.server import create_server

SHAPES = Path(__file__).parent / "shapes"
ANY_PHONE = "254712345678"
PUSH_PATH = "/mpesa/stkpush/v1/processrequest"
QUERY_PATH = "/mpesa/stkpushquery/v1/query"
TIMESTAMP = "20261114103045"

FORMS = {
    "requestId": r"[0-9a-f]{4}(-[0-9a-f]{4}){2}-[0-9a-f]{12}\d{3,8}",
    "MerchantRequestID": r"[0-9a-f]{4}(-[0-9a-f]{4}){2}-[0-9a-f]{12}\d{3,8}",
    "ResponseRefID": r"\d+-\d+-\d",
    "transactionId": r"[A-Z]{2}[1-9A-V][A-Z0-9]{7}",
    "trxDate": r"20\d{2}(-\d{2}){2}T\d{2}(:\d{2}){2}Z",
    "CheckoutRequestID": r"ws_CO_\d{14}\d{1,3}[17]\d{8}",
    "access_token": r"[A-Za-z0-9]{28}",
    "Amount": r"\d+\.\d+",
    "MpesaReceiptNumber": r"[A-Z]{2}[1-9A-V][A-Z0-9]{7}",
    "TransactionDate": r"20\d{12}",
    "PhoneNumber": r"254[17]\d{8}",
}


def wait_for(check: Callable[[], Any], *, seconds: float = 10.0) -> Any:
    """The first true value of `check`, asked again and again."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = check()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError("what was waited for did not happen")


def load_shape(name: str) -> Any:
    return json.loads((SHAPES / name).read_text())


def assert_shape(actual: Any, name: str) -> None:
    """Same keys in the same order, same types, same values; ids, dates and the like only in the same form."""
    _assert_like(actual, load_shape(name), label="")


def _assert_like(actual: Any, expected: Any, *, label: str) -> None:
    assert type(actual) is type(expected), label
    if isinstance(expected, dict):
        assert list(actual) == list(expected), label
        name = expected.get("Name")
        for key, value in expected.items():
            _assert_like(actual[key], value, label=name if key == "Value" else key)
    elif isinstance(expected, list):
        assert len(actual) == len(expected), label
        for one, other in zip(actual, expected, strict=True):
            _assert_like(one, other, label=label)
    elif label in FORMS:
        assert re.fullmatch(FORMS[label], str(actual)), f"{label}: {actual}"
    else:
        assert actual == expected, label


class BusyServer(ThreadingHTTPServer):
    """Takes many connections at once; the usual queue of five turns some away."""

    request_queue_size = 128


class Receiver:
    """Takes callbacks and keeps them by path, with the connections they came over. `answers` are the statuses to give,
    the last one for ever; `replies` the bodies, by path, each with the seconds it takes.
    """

    def __init__(self) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.connections: defaultdict[str, set[int]] = defaultdict(set)
        self.answers = [200]
        self.replies: dict[str, tuple[bytes, float]] = {}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append((self.path, body))
                receiver.connections[self.path].add(self.client_address[1])
                self.send_response(receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0])
                reply, seconds = receiver.replies.get(self.path, (b"", 0.0))
                time.sleep(seconds)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(reply)))
                with suppress(ConnectionError):
                    self.end_headers()
                    self.wfile.write(reply)

            def log_message(self, *_: Any) -> None:
                return

        self._server = BusyServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def running(settings: Settings) -> Iterator[str]:
    """A simulator in a thread; gives its base URL and stops it in the end."""
    server = create_server(settings, host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for(lambda: server.started or not thread.is_alive())
    try:
        yield server.address
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        assert not thread.is_alive()


class Daraja:
    """A client of one simulator, with its own callback path at the receiver."""

    _numbers = itertools.count(1)

    def __init__(self, url: str, receiver: Receiver) -> None:
        self.http = httpx.Client(base_url=url, timeout=10, trust_env=False)
        self.receiver = receiver
        self.path = f"/hooks/{next(self._numbers)}/collect"
        self.token = self.fetch_token().json()["access_token"]

    def close(self) -> None:
        self.http.close()

    def fetch_token(self, *, grant: str = "client_credentials", auth: Any = None) -> httpx.Response:
        auth = auth or ("simulator-consumer-key", "simulator-consumer-secret")
        return self.http.get("/oauth/v1/generate", params={"grant_type": grant}, auth=auth)

    def order(self, **changes: Any) -> dict[str, Any]:
        """A good push; a change to None leaves the field out."""
        shortcode = str(changes.get("BusinessShortCode", "174379"))
        order = {
            "BusinessShortCode": shortcode,
            "Password": base64.b64encode(f"{shortcode}simulator-passkey{TIMESTAMP}".encode()).decode(),
            "Timestamp": TIMESTAMP,
            "TransactionType": "CustomerPayBillOnline",
            "Amount": 1500,
            "PartyA": changes.get("PhoneNumber", ANY_PHONE),
            "PartyB": shortcode,
            "PhoneNumber": ANY_PHONE,
            "CallBackURL": self.receiver.url + self.path,
            "AccountReference": "INV-20418",
            "TransactionDesc": "Order 20418",
        }
        return {name: value for name, value in (order | changes).items() if value is not None}

    def post(self, path: str, body: Any, *, scenario: str | None = None, timeout: float = 10) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if scenario is not None:
            headers["OnPoint-Scenario"] = scenario
        return self.http.post(path, content=json.dumps(body), headers=headers, timeout=timeout)

    def push(self, *, scenario: str | None = None, timeout: float = 10, **changes: Any) -> httpx.Response:
        return self.post(PUSH_PATH, self.order(**changes), scenario=scenario, timeout=timeout)

    def push_accepted(self, *, scenario: str | None = None, **changes: Any) -> str:
        """The CheckoutRequestID of a push that must be accepted."""
        response = self.push(scenario=scenario, **changes)
        assert response.status_code == 200, response.text
        return str(response.json()["CheckoutRequestID"])

    def query(self, checkout_request_id: str, **changes: Any) -> httpx.Response:
        order = self.order()
        body = {name: order[name] for name in ("BusinessShortCode", "Password", "Timestamp")}
        return self.post(QUERY_PATH, body | {"CheckoutRequestID": checkout_request_id} | changes)

    def control(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        response = self.http.request(method, f"/control/{path}", json=body, params=params)
        assert response.status_code < 300, response.text
        return response.json() if response.content else None

    def entry(self, checkout_request_id: str) -> dict[str, Any]:
        """The book's line of one prompt."""
        found = self.control("GET", "book", checkout_request_id=checkout_request_id)["prompts"]
        assert len(found) == 1
        return dict(found[0])

    def wait_decided(self, checkout_request_id: str) -> dict[str, Any]:
        return dict(wait_for(lambda: (e := self.entry(checkout_request_id))["status"] != "open" and e))

    def callbacks(self) -> list[dict[str, Any]]:
        """What the receiver got on this client's path, in order of arrival."""
        return [json.loads(body) for path, body in self.receiver.received if path == self.path]

    def bodies(self, path: str | None = None) -> list[bytes]:
        """The same as it came, for bodies nobody can read; of another path if one is given."""
        return [body for other, body in list(self.receiver.received) if other == (path or self.path)]

    def codes(self) -> list[Any]:
        return [callback["Body"]["stkCallback"]["ResultCode"] for callback in self.callbacks()]

    def wait_callbacks(self, count: int) -> list[dict[str, Any]]:
        wait_for(lambda: len(self.callbacks()) >= count)
        return self.callbacks()

    def wait_all_sent(self, checkout_request_id: str) -> list[dict[str, Any]]:
        """The prompt's callbacks as the book has them, once it is decided and none is due any more."""
        self.wait_decided(checkout_request_id)

        def sent() -> list[dict[str, Any]] | bool:
            callbacks = self.control("GET", "callbacks", checkout_request_id=checkout_request_id)["callbacks"]
            return all(callback["sent_at"] for callback in callbacks) and [True, *callbacks]

        return list(wait_for(sent))[1:]
