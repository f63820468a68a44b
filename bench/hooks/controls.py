"""The control loops: a process that does nothing but send the same request over one kept connection.

`adapter` sends prepared requests through the HTTP adapter of `requests`, the least that library can do for one; `post`
calls `Session.post` as people write it. Two such processes run at once.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from itertools import count, cycle
from typing import Any

import requests
from requests.adapters import HTTPAdapter

# As many and as long as the product's own.
HEADERS = {
    "Content-Type": "application/json",
    "User-Agent": "OnPointPay/1",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "OnPoint-Attempt": "1",
    "webhook-id": "",
    "webhook-timestamp": "1795251600",
    "webhook-signature": f"v1,{'A' * 43}=",
}
TIMEOUT_SECONDS = 5

_numbers = count(1)


def prepared_posts(urls: list[str], *, body: str) -> tuple[HTTPAdapter, list[requests.PreparedRequest]]:
    """One adapter for all, and a request ready to go to each URL; its `webhook-id` is still to be set."""
    made = [requests.Request("POST", url, headers=HEADERS, data=body.encode()).prepare() for url in urls]
    return HTTPAdapter(), made


def adapter(*, urls: list[str], body: str, seconds: float) -> int:
    """How many were sent and answered."""
    channel, made = prepared_posts(urls, body=body)

    def send(request: requests.PreparedRequest) -> requests.Response:
        request.headers["webhook-id"] = _name()
        return channel.send(request, timeout=TIMEOUT_SECONDS)

    sent = _loop(send, made, seconds=seconds)
    channel.close()
    return sent


def post(*, urls: list[str], body: str, seconds: float) -> int:
    """How many were sent and answered."""
    data = body.encode()
    with requests.Session() as session:

        def send(url: str) -> requests.Response:
            return session.post(url, data=data, headers={**HEADERS, "webhook-id": _name()}, timeout=TIMEOUT_SECONDS)

        return _loop(send, urls, seconds=seconds)


def _loop(send: Callable[[Any], requests.Response], targets: list[Any], *, seconds: float) -> int:
    sent, deadline = 0, time.monotonic() + seconds
    for target in cycle(targets):
        answer = send(target)
        # Reading it gives the connection back.
        if answer.content and answer.status_code == 200:
            sent += 1
        if time.monotonic() >= deadline:
            return sent
    return sent


def _name() -> str:
    return f"control_{os.getpid()}_{next(_numbers)}"


ORDERS: dict[str, Callable[..., int]] = {"adapter": adapter, "post": post}


def main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(ORDERS[order.pop("do")](**order)), flush=True)


if __name__ == "__main__":
    main()
