"""The only door to the network: kept connections, one deadline over the whole exchange, size caps, address rules."""

import errno
import http.client
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import certifi
import urllib3
from requests import RequestException

from onpoint_pay.kit.addresses import Network, is_in, is_public
from onpoint_pay.kit.connections import Adapter, Place, PlacedRequest, read_url
from onpoint_pay.kit.http_errors import (
    AddressRefused,
    AnswerTooLarge,
    HttpError,
    NoAnswer,
    NotSent,
    UrlRefused,
    causes_of,
    reason_of,
)
from onpoint_pay.kit.resolving import NotAllowed, Pin, Resolver
from onpoint_pay.kit.sockets import CURRENT, Exchange, Stage, TooMuch

HOSTS_KEPT = 64
CONNECTIONS_KEPT_PER_HOST = 64
IDLE_SECONDS = 15
OWN_HEADERS = {"User-Agent": "OnPoint-Pay", "Accept": "*/*", "Accept-Encoding": "identity"}
PROXY_AUTHENTICATION_REQUIRED = 407
# The sockets keep the time: they alone know when the exchange began.
_NO_TIMEOUT: Any = urllib3.Timeout(connect=None, read=None)
_NO_HEADER_NAME = re.compile(r"[^!#$%&'*+.^_`|~0-9A-Za-z-]")
_LINE_END = re.compile(r"[\r\n\0]")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """An answer of any status. Header names match in any case; times in milliseconds.

    `connect_ms` is None when a kept connection was used; `ip` is the server's address, empty behind a proxy.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    elapsed_ms: int
    connect_ms: int | None = None
    ip: str = ""


_TRANSACTION_ALLOWED: ContextVar[bool] = ContextVar("http_transaction_allowed", default=False)


class HttpClient:
    """One kept pool of connections for one purpose, shared by all threads; build it once a process.

    No redirects, cookies, retries, decompression or proxies from the environment. With `allow_private=False` only
    addresses of the open internet are called; those in `refused` never are. `deadline_seconds` covers everything from
    the lookup to the last byte. `max_bytes` is all that is read of a body: more is an error, or with `cuts_off` left
    unread. `proxy` (http://host:port) connects for us and looks names up; then only literal addresses are judged here.
    """

    def __init__(
        self,
        name: str,
        *,
        allow_private: bool,
        connect_seconds: float = 3,
        deadline_seconds: float = 20,
        max_bytes: int = 262_144,
        cuts_off: bool = False,
        hosts_kept: int = HOSTS_KEPT,
        kept_per_host: int = CONNECTIONS_KEPT_PER_HOST,
        idle_seconds: float = IDLE_SECONDS,
        refused: Iterable[Network] = (),
        proxy: str = "",
        ca_file: str | None = None,
    ) -> None:
        self.name = name
        self._allow_private = allow_private
        self._refused = tuple(refused)
        self._connect_seconds = connect_seconds
        self._deadline_seconds = deadline_seconds
        self._max_bytes = max_bytes
        self._cuts_off = cuts_off
        self._proxy = urlsplit(proxy) if proxy else None
        self._keeping = {
            "ca_file": ca_file or certifi.where(),
            "hosts": hosts_kept,
            "per_host": kept_per_host,
            "idle_seconds": idle_seconds,
            "proxy": proxy,
        }
        self._begin()

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        deadline_seconds: float | None = None,
    ) -> HttpAnswer:
        """Send once and read the whole answer, whatever its status.

        Raises NotSent, AddressRefused, UrlRefused, NoAnswer or AnswerTooLarge; RuntimeError inside a database
        transaction, ValueError for a header that would be more than one.
        """
        _refuse_open_transaction()
        if self._process != os.getpid():
            # Connections opened before a fork belong to the parent.
            self._begin()
        exchange = self._exchange(self._deadline_seconds if deadline_seconds is None else deadline_seconds)
        try:
            place = read_url(url)
        except ValueError as error:
            raise UrlRefused(f"{self.name}: {error}", exchange=exchange) from None
        request = PlacedRequest(place, method=method, headers=_all_headers(headers, body), body=body)
        outer = CURRENT.set(exchange)
        try:
            exchange.pin = self._pin(place, exchange)
            response = self._adapter.send(request, stream=True, timeout=_NO_TIMEOUT)
            return self._answer(response, exchange)
        except NotAllowed as error:
            raise AddressRefused(f"{self.name}: {error}", exchange=exchange) from None
        except (RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, TooMuch) as error:
            # The libraries' own texts quote the URL: the chain is cut here.
            raise self._failure(error, place=place, exchange=exchange) from None
        finally:
            CURRENT.reset(outer)

    def close(self) -> None:
        """Drop the kept connections. The client stays usable."""
        self._adapter.manager.clear()

    def close_idle(self) -> None:
        """Drop the connections nobody used for `idle_seconds`; they are never used again anyway, but stay open."""
        self._adapter.close_idle()

    def _begin(self) -> None:
        self._adapter = Adapter(**self._keeping)  # type: ignore[arg-type]
        self._resolver = Resolver(is_allowed=self._is_allowed)
        self._proxy_resolver = Resolver(is_allowed=lambda ip: True)
        self._process = os.getpid()

    def _exchange(self, seconds: float) -> Exchange:
        started = time.monotonic()
        return Exchange(
            started=started,
            deadline=started + seconds,
            until=started + seconds,
            connect_seconds=self._connect_seconds,
            compares_peer=not self._allow_private and self._proxy is None,
        )

    def _is_allowed(self, ip: str) -> bool:
        return (self._allow_private or is_public(ip)) and not (self._refused and is_in(ip, self._refused))

    def _pin(self, place: Place, exchange: Exchange) -> Pin:
        """The addresses to connect to: the host's, or the proxy's, which looks the host up itself."""
        if self._proxy is None:
            return self._resolver.pin(place.endpoint, seconds=exchange.seconds_left())
        self._resolver.judge_literal(place.host)
        proxy = (self._proxy.hostname or "", self._proxy.port or 80)
        return self._proxy_resolver.pin(proxy, seconds=exchange.seconds_left())

    def _answer(self, response: Any, exchange: Exchange) -> HttpAnswer:
        try:
            if self._proxy is not None and response.status == PROXY_AUTHENTICATION_REQUIRED:
                raise NotSent(f"{self.name}: the proxy refused us", reason="proxy_failed", exchange=exchange)
            exchange.head_is_read(body_bytes=self._max_bytes)
            body = self._body(response)
        finally:
            if not response.isclosed():
                response.close()
                response.release_conn()
        return HttpAnswer(
            status=response.status,
            headers=response.headers,
            body=body,
            elapsed_ms=exchange.elapsed_ms(),
            connect_ms=exchange.connect_ms,
            ip="" if self._proxy else exchange.ip,
        )

    def _body(self, response: Any) -> bytes:
        """An answer under 200 is none yet: what follows it must not be read as the answer to the next request."""
        body = b""
        wanted = self._max_bytes + 1
        try:
            while response.status >= 200 and len(body) < wanted and not response.isclosed():
                body += response.read(wanted - len(body), decode_content=False)
        except TooMuch:
            wanted = 0
        if len(body) < wanted:
            return body
        if not self._cuts_off:
            raise AnswerTooLarge(f"{self.name}: the answer is longer than {self._max_bytes} bytes")
        return body[: self._max_bytes]

    def _failure(self, error: Exception, *, place: Place, exchange: Exchange) -> HttpError:
        if self._proxy is not None:
            exchange.ip = ""
        elif exchange.stage is Stage.REACH:
            self._resolver.forget(place.endpoint)
        causes = causes_of(error)
        if any(getattr(cause, "errno", None) in (errno.EMFILE, errno.ENFILE) for cause in causes):
            self.close()
        kind = NoAnswer if exchange.sent else NotSent
        reason = reason_of(causes, stage=exchange.stage, is_proxied=self._proxy is not None)
        if reason == AddressRefused.reason:
            kind = AddressRefused
        text = f"{self.name}: {type(causes[-1]).__name__}: {causes[-1]}"
        return kind(text[:200], reason=reason, exchange=exchange)


def _all_headers(headers: Mapping[str, str], body: bytes | None) -> dict[str, str]:
    """The given ones over our own. Raises ValueError when one would be read as two."""
    if _NO_HEADER_NAME.search("".join(headers)) or _LINE_END.search("".join(headers.values())):
        raise ValueError("a header's name holds a strange character or its value a line end")
    given = {name.lower() for name in headers}
    complete = {name: value for name, value in OWN_HEADERS.items() if name.lower() not in given}
    complete.update(headers)
    if body is not None:
        complete["Content-Length"] = str(len(body))
    return complete


@contextmanager
def allow_in_transaction() -> Iterator[None]:
    """Lift the rule against calls inside a database transaction, for the code inside the block only."""
    outer = _TRANSACTION_ALLOWED.set(True)
    try:
        yield
    finally:
        _TRANSACTION_ALLOWED.reset(outer)


def _refuse_open_transaction() -> None:
    """A call inside a transaction holds its locks for as long as the other side likes."""
    from django.conf import settings

    if _TRANSACTION_ALLOWED.get() or not settings.configured or not settings.DATABASES:
        return
    from django.db import connection

    if connection.in_atomic_block and not _is_test_wrapper(connection.atomic_blocks[-1:]):
        raise RuntimeError("A network call may not be made while a database transaction is open.")


def _is_test_wrapper(innermost: list[Any]) -> bool:
    """Django's TestCase wraps every test in blocks of its own, which it marks; they lock nothing of the product."""
    return bool(innermost) and bool(getattr(innermost[0], "_from_testcase", False))
