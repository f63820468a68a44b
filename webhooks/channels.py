"""Sends one signed event over HTTP and says what came back. Touches no table, so any thread may do it."""

import os
import re
import threading
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock

from django.conf import settings

from onpoint_pay.kit.addresses import Network
from onpoint_pay.kit.caller import TEST
from onpoint_pay.kit.http import HttpAnswer, HttpClient, HttpError
from webhooks.addresses import find_fault

USER_AGENT = "OnPointPay/1"
ANSWER_BYTES = 8192
EXCERPT_BYTES = 4096
HEADERS_KEPT = 40
HEADER_LENGTH = 512
# What a receiver sets for its own use is none of ours to keep.
PRIVATE_HEADERS = frozenset({"set-cookie", "set-cookie2", "authorization", "proxy-authenticate", "www-authenticate"})
GONE = 410
HOSTS_KEPT = 1000
# As many as one endpoint is ever sent at once.
KEPT_PER_HOST = 32
# Idle connections are closed between 4.5 and 5 minutes.
IDLE_SECONDS = 270
SWEEP_SECONDS = 30
# Why a try failed, for people; the rest of the words of `Result.error` are http_ and a status, see `describe`.
ERRORS: dict[str, str] = {
    "url_refused": "This URL may not be called: scheme, port or spelling are not allowed.",
    "address_refused": "The host is, or its name resolves to, an address that is not on the open internet.",
    "dns_failed": "The host name does not resolve.",
    "dns_timeout": "The name servers of the host did not answer in time.",
    "connect_failed": "The server refused the connection or cannot be reached.",
    "connect_timeout": "The server did not take the connection in time.",
    "tls_failed": "The secure connection failed: the certificate is not valid for this host, or TLS is older than 1.2.",
    "timeout": "The server took the request and did not finish its answer in time.",
    "connection_reset": "The server closed the connection before its answer was complete.",
    "no_answer": "What the server sent is not an HTTP answer, or its headers are longer than 64 KiB.",
    "proxy_failed": "Our own way out of the network failed. This is not your server's fault.",
    "internal": "An error of ours kept this from being sent. It is tried again.",
}
_BLANKS = re.compile(r"\s+")

_one_client = Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One try, ready to go: the exact bytes and all headers, signature included. Live mode sends over https only."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    mode: str = TEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a try came to. `error` is empty for 2xx alone; a final one will not get better by trying again.

    Times are in milliseconds: `connect_ms` (lookup, connection and handshake) is None when a kept connection was used
    or none came about. `ip` is the server's address, empty when never connected and behind a proxy. When
    `proxy_failed`, the fault is on our side.
    """

    error: str
    status: int | None = None
    is_final: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    excerpt: str = ""
    retry_after: str | None = None
    connect_ms: int | None = None
    total_ms: int = 0
    ip: str = ""
    proxy_failed: bool = False

    @property
    def is_success(self) -> bool:
        return not self.error


def request_headers(signature: Mapping[str, str], *, attempt: int) -> dict[str, str]:
    """Everything sent beside the body; `attempt` counts from 1."""
    return {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "OnPoint-Attempt": str(attempt),
        **signature,
    }


def describe(error: str) -> str:
    """A word of `Result.error` as a sentence for the merchant; empty for a success."""
    if error.startswith("http_"):
        return f"The server answered with status {error.removeprefix('http_')} instead of 2xx."
    return ERRORS.get(error, error)


def send(outgoing: Outgoing) -> Result:
    """POST once, follow nothing, and read the answer whatever its status. Trouble of the network is a result."""
    allow_private = settings.WEBHOOK_ALLOW_PRIVATE
    fault = find_fault(outgoing.url, mode=outgoing.mode, allow_private=allow_private)
    if fault is not None:
        return Result(error=fault.error, is_final=True)
    # Many threads begin at once, and all are to share one client's connections.
    with _one_client:
        client = _client(
            allow_private,
            settings.WEBHOOK_CONNECT_SECONDS,
            settings.WEBHOOK_DEADLINE_SECONDS,
            settings.WEBHOOK_EGRESS_PROXY,
            tuple(settings.WEBHOOK_REFUSED_NETWORKS),
        )
    try:
        return _judge(client.send("POST", outgoing.url, headers=outgoing.headers, body=outgoing.body))
    except HttpError as error:
        return _failed(error)


@lru_cache(maxsize=4)
def _client(
    allow_private: bool, connect_seconds: float, deadline_seconds: float, proxy: str, refused: tuple[Network, ...]
) -> HttpClient:
    client = HttpClient(
        "webhooks",
        allow_private=allow_private,
        connect_seconds=connect_seconds,
        deadline_seconds=deadline_seconds,
        max_bytes=ANSWER_BYTES,
        cuts_off=True,
        hosts_kept=HOSTS_KEPT,
        kept_per_host=KEPT_PER_HOST,
        idle_seconds=IDLE_SECONDS,
        refused=refused,
        proxy=proxy,
    )
    threading.Thread(target=_sweep, args=(weakref.ref(client),), name="webhook-connections", daemon=True).start()
    return client


# A child has neither the parent's sweeping thread nor a right to its connections.
os.register_at_fork(after_in_child=_client.cache_clear)


def _sweep(client: "weakref.ref[HttpClient]") -> None:
    """Close what is idle, for as long as the client is in use."""
    while True:
        time.sleep(SWEEP_SECONDS)
        kept = client()
        if kept is None:
            return
        kept.close_idle()
        del kept


def _judge(answer: HttpAnswer) -> Result:
    return Result(
        error="" if 200 <= answer.status < 300 else f"http_{answer.status}",
        status=answer.status,
        headers=_kept(answer.headers),
        excerpt=clean(answer.body[:EXCERPT_BYTES].decode(errors="replace")),
        retry_after=answer.headers.get("Retry-After"),
        connect_ms=answer.connect_ms,
        total_ms=answer.elapsed_ms,
        ip=answer.ip,
    )


def _failed(error: HttpError) -> Result:
    return Result(
        error=error.reason,
        is_final=error.reason in ("address_refused", "url_refused"),
        connect_ms=error.connect_ms,
        total_ms=error.elapsed_ms,
        ip=error.ip,
        proxy_failed=error.reason == "proxy_failed",
    )


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    shown = [(name, value) for name, value in headers.items() if name.lower() not in PRIVATE_HEADERS]
    return {clean(name)[:64]: clean(value)[:HEADER_LENGTH] for name, value in shown[:HEADERS_KEPT]}


def clean(text: str) -> str:
    """Text that may be stored and shown anywhere: blanks folded, control and other unprintable characters removed."""
    if text.isprintable() and "  " not in text:
        return text
    return "".join(letter for letter in _BLANKS.sub(" ", text) if letter.isprintable())
