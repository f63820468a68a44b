"""The only door to the network: kept connections, one deadline over the whole exchange, size caps, address rules.

HttpError
├── NotSent                 not one byte of the request left: safe to send again
│   └── AddressRefused      the address may not be called, so nothing was tried
└── NoAnswer                the request may have been taken: ask before sending again
    └── AnswerTooLarge      an answer came and was longer than may be read
"""

import http.client
import logging
import math
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import certifi
import urllib3
from requests import PreparedRequest, RequestException
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidURL
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from onpoint_pay.kit import addresses
from onpoint_pay.kit.sockets import CURRENT, Exchange, TimedSocket, open_socket, tls_context

READ_BYTES = 65_536
HOSTS_KEPT = 64
CONNECTIONS_KEPT_PER_HOST = 64
IDLE_SECONDS = 15
OWN_HEADERS = {"User-Agent": "OnPoint-Pay", "Accept": "*/*", "Accept-Encoding": "identity"}

# Its warnings quote whole URLs, and a merchant's URL may carry a secret.
logging.getLogger("urllib3").setLevel(logging.ERROR)


class HttpError(Exception):
    """No usable answer; the subclass says whether the request can have been taken."""


class NotSent(HttpError):
    """Refused, unresolved, unreachable or not trusted before the first byte of the request."""


class AddressRefused(NotSent):
    """The URL or an address behind it is not one we call."""


class NoAnswer(HttpError):
    """Reset, timeout, deadline or nonsense after sending began."""


class AnswerTooLarge(NoAnswer):
    """The answer's body is over the client's limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """A complete answer of any status. Header names match in any case; elapsed time in milliseconds."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    elapsed_ms: int


_TRANSACTION_ALLOWED: ContextVar[bool] = ContextVar("http_transaction_allowed", default=False)


class _Connection(HTTPConnection):
    idle_since = math.inf

    def _new_conn(self) -> socket.socket:
        return _connect(self._dns_host, self.port)


class _TlsConnection(HTTPSConnection):
    idle_since = math.inf

    # Only the TCP address is ours: Host header, SNI and certificate check keep the name.
    def _new_conn(self) -> socket.socket:
        return _connect(self._dns_host, self.port)


class _KeepsBriefly(HTTPConnectionPool):
    """Closes connections idle for long: the server may be closing them just then, and the request would be unclear."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection: Any = super()._get_conn(timeout)
        if time.monotonic() - connection.idle_since > IDLE_SECONDS:
            connection.close()
        return connection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.idle_since = time.monotonic()
        super()._put_conn(conn)


class _Pool(_KeepsBriefly):
    ConnectionCls = _Connection


class _TlsPool(_KeepsBriefly, HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def _connect(host: str, port: int) -> TimedSocket:
    """Resolve once, judge every address, connect to one of those judged: a second lookup could answer otherwise."""
    found = addresses.resolve(host.strip("[]"), port)
    if not CURRENT.get().allow_private and not all(addresses.is_public(address.ip) for address in found):
        raise AddressRefused(f"{host} is not a public address")
    return open_socket(found)


class _Adapter(HTTPAdapter):
    def __init__(self, ca_file: str) -> None:
        self._ca_file = ca_file
        super().__init__(pool_connections=HOSTS_KEPT, pool_maxsize=CONNECTIONS_KEPT_PER_HOST, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, ssl_context=tls_context(self._ca_file), **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """The shared context already requires and checks certificates; the parent would reload the bundle each time."""


class HttpClient:
    """One kept pool of connections for one purpose, shared by all threads; build it once a process.

    No redirects, cookies, retries, decompression or proxies from the environment. With `allow_private=False` only
    addresses of the open internet are called. `deadline_seconds` covers everything from connecting to the last byte;
    only the resolver keeps its own time.
    """

    def __init__(
        self,
        name: str,
        *,
        allow_private: bool,
        connect_seconds: float = 3,
        deadline_seconds: float = 20,
        max_bytes: int = 262_144,
        ca_file: str | None = None,
    ) -> None:
        self.name = name
        self._allow_private = allow_private
        self._connect_seconds = connect_seconds
        self._deadline_seconds = deadline_seconds
        self._max_bytes = max_bytes
        self._ca_file = ca_file or certifi.where()
        self._open_adapter()

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

        Raises NotSent, AddressRefused, NoAnswer or AnswerTooLarge; RuntimeError inside a database transaction.
        """
        _refuse_open_transaction()
        request = _prepare(method, url, headers=headers, body=body)
        seconds = self._deadline_seconds if deadline_seconds is None else deadline_seconds
        started = time.monotonic()
        exchange = Exchange(
            deadline=started + seconds, connect_seconds=self._connect_seconds, allow_private=self._allow_private
        )
        outer = CURRENT.set(exchange)
        try:
            return self._exchange(request, exchange=exchange, started=started)
        except (RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            failure = NoAnswer if exchange.sent else NotSent
            # The libraries' own texts quote the URL: the chain is cut here.
            raise failure(f"{self.name}: {_root_cause(error)}") from None
        finally:
            CURRENT.reset(outer)

    def close(self) -> None:
        """Drop the kept connections. The client stays usable."""
        self._adapter.close()

    def _exchange(self, request: PreparedRequest, *, exchange: Exchange, started: float) -> HttpAnswer:
        if self._process != os.getpid():
            # Connections opened before a fork belong to the parent.
            self._open_adapter()
        timeout = (self._connect_seconds, exchange.seconds_left())
        response = self._adapter.send(request, stream=True, timeout=timeout, verify=True)
        try:
            body = self._read(response.raw)
        finally:
            response.close()
        elapsed_ms = round((time.monotonic() - started) * 1000)
        return HttpAnswer(status=response.status_code, headers=response.headers, body=body, elapsed_ms=elapsed_ms)

    def _read(self, stream: Any) -> bytes:
        body = bytearray()
        while chunk := stream.read(READ_BYTES, decode_content=False):
            body += chunk
            if len(body) > self._max_bytes:
                raise AnswerTooLarge(f"{self.name}: the answer is longer than {self._max_bytes} bytes")
        return bytes(body)

    def _open_adapter(self) -> None:
        self._adapter = _Adapter(self._ca_file)
        self._process = os.getpid()


def _prepare(method: str, url: str, *, headers: Mapping[str, str], body: bytes | None) -> PreparedRequest:
    _check_url(url)
    request = PreparedRequest()
    request.prepare_method(method)
    try:
        request.prepare_url(url, None)
    except InvalidURL:
        raise AddressRefused("the URL cannot be read") from None
    request.prepare_headers({**OWN_HEADERS, **headers})
    request.body = body
    if body is not None:
        request.headers["Content-Length"] = str(len(body))
    return request


def _check_url(url: str) -> None:
    if any(character <= " " or character in "\x7f\\" for character in url):
        raise AddressRefused("the URL holds blanks or control characters")
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise AddressRefused("the URL cannot be read") from None
    if parts.scheme not in ("http", "https") or not has_host:
        raise AddressRefused("the URL must be http or https and name a host")
    if "@" in parts.netloc:
        raise AddressRefused("the URL may not carry a user name or password")


def _root_cause(error: BaseException) -> str:
    """The innermost error's text: the one the operating system or the TLS library gave."""
    cause = error.__cause__ or error.__context__
    while cause is not None:
        error, cause = cause, cause.__cause__ or cause.__context__
    return f"{type(error).__name__}: {error}"[:200]


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
