"""The servers of all merchants in one process: each request is verified and written down, each path answers as told.

`python -m faults.webhooks.receiver PORT RECORD`; a POST to /control on that port says how many more ports to listen on
and how to answer, and tells what was seen.
"""

import asyncio
import json
import socket
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

CONTROL = "/control"
# Answers a path may be told to give: at once, never, by closing the connection, or a status.
OK, HANG, DOWN = "ok", "hang", "down"
FLUSH_SECONDS = 0.1


class Shops:
    """What all connections share: secrets and manners by path, the record, and the requests that wait for an answer."""

    def __init__(self, record: Path) -> None:
        self.record = record.open("w", buffering=1 << 20)
        self.verifiers: dict[str, Webhook] = {}
        self.manners: dict[str, str] = {}
        self.after_seconds = 0.0
        self.is_strict = True
        self.waiting: list[tuple[str, Connection]] = []
        self.busy: Counter[str] = Counter()
        self.most_busy: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        self.connections = 0
        self.servers: list[asyncio.Task[asyncio.Server]] = []

    def come(self, path: str, headers: Mapping[str, str], body: bytes, connection: "Connection") -> None:
        is_genuine = self._is_genuine(path, headers, body)
        name, attempt = headers.get("webhook-id", "-"), headers.get("onpoint-attempt", "0")
        self.record.write(f"came {time.time():.6f} {path} {name} {attempt} {is_genuine:d} {connection.number}\n")
        self.seen[path] += 1
        self.busy[path] += 1
        self.most_busy[path] = max(self.most_busy[path], self.busy[path])
        if self.is_strict and not is_genuine:
            self.answer(path, connection, "400")
        elif self.after_seconds:
            asyncio.get_running_loop().call_later(self.after_seconds, self.answer, path, connection)
        else:
            self.answer(path, connection)

    def answer(self, path: str, connection: "Connection", manner: str = "") -> None:
        manner = manner or self.manners.get(path, OK)
        if manner == HANG:
            self.waiting.append((path, connection))
            return
        self.busy[path] -= 1
        if manner == DOWN:
            connection.abort()
        else:
            connection.answer("204 No Content" if manner == OK else f"{manner} As Told")

    def gone(self, connection: "Connection") -> None:
        self.record.write(f"went {time.time():.6f} {connection.number}\n")
        left = [(path, other) for path, other in self.waiting if other is not connection]
        self.busy.subtract(path for path, other in self.waiting if other is connection)
        self.waiting = left

    def told(self, orders: Mapping[str, Any]) -> dict[str, Any]:
        """`secrets` and `manners` by path are added to those known; requests held until now get the new answer.

        `listen` asks for so many new `ports`: each merchant's server is a host of its own.
        """
        ports = [self._listen() for _ in range(orders.get("listen", 0))]
        self.verifiers |= {path: Webhook(secret) for path, secret in orders.get("secrets", {}).items()}
        self.manners |= orders.get("manners", {})
        self.after_seconds = orders.get("after_seconds", self.after_seconds)
        self.is_strict = orders.get("is_strict", self.is_strict)
        held, self.waiting = self.waiting, []
        for path, connection in held:
            self.answer(path, connection)
        self.record.flush()
        return {"ports": ports, "seen": self.seen, "busy": self.busy, "most_busy": self.most_busy}

    def _listen(self) -> int:
        listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        loop = asyncio.get_running_loop()
        self.servers.append(loop.create_task(loop.create_server(lambda: Connection(self), sock=listener)))
        return int(listener.getsockname()[1])

    def _is_genuine(self, path: str, headers: Mapping[str, str], body: bytes) -> bool:
        try:
            event = self.verifiers[path].verify(body, dict(headers))
        except (KeyError, WebhookVerificationError):
            return False
        return bool(event["id"] == headers["webhook-id"])


class Connection(asyncio.Protocol):
    """One connection of a sender; requests on it are served one after another."""

    transport: asyncio.Transport

    def __init__(self, shops: Shops) -> None:
        self.shops = shops
        self.number = shops.connections = shops.connections + 1
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.shops.gone(self)

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, mark, rest = self.received.partition(b"\r\n\r\n")
        if not mark:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self.received = rest[length:]
        self._serve(first.split(" ")[1], headers, rest[:length])

    def _serve(self, path: str, headers: Mapping[str, str], body: bytes) -> None:
        if path == CONTROL:
            told = json.dumps(self.shops.told(json.loads(body))).encode()
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(told), told))
        else:
            self.shops.come(path, headers, body, self)

    def answer(self, status: str) -> None:
        length = "" if status.startswith("204") else "Content-Length: 0\r\n"
        self.transport.write(f"HTTP/1.1 {status}\r\n{length}\r\n".encode())

    def abort(self) -> None:
        self.transport.abort()


async def serve(port: int, record: Path) -> None:
    shops = Shops(record)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(shops), "127.0.0.1", port)
    async with server:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            shops.record.flush()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
