"""What `requests` and `urllib3` are made to do: connect where an exchange says, keep connections, waste no work."""

import logging
import math
import re
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias
from urllib.parse import SplitResult, urlsplit

from requests import PreparedRequest, RequestException
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager

from onpoint_pay.kit.resolving import Endpoint
from onpoint_pay.kit.sockets import CURRENT, Stage, TimedSocket, open_socket, tls_context

URLS_KEPT = 4096
DEFAULT_PORTS = {"http": 80, "https": 443}
PoolKey: TypeAlias = tuple[str, str, int]
_LABEL = "[a-z0-9_-]{1,63}"
_HOST = re.compile(rf"(?=.{{1,254}}$)(?:{_LABEL}\.)*{_LABEL}\.?|(?=.*:)[0-9a-f:.]{{2,45}}")

# Its warnings quote whole URLs, and a merchant's URL may carry a secret.
logging.getLogger("urllib3").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A URL, read once. `url` is whole and escaped, without its fragment; `target` is its path and query."""

    scheme: str
    host: str
    url: str
    target: str
    endpoint: Endpoint
    pool_key: PoolKey


@lru_cache(maxsize=URLS_KEPT)
def read_url(url: str) -> Place:
    """Raises ValueError for a URL that is not absolute http or https, names a user, or reads differently to others."""
    if any(character <= " " or character in "\x7f\\" for character in url):
        raise ValueError("The URL holds blanks, backslashes or control characters.")
    parts = _split(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or parts.port == 0:
        raise ValueError("The URL must be absolute and http or https, such as https://shop.example/webhooks.")
    if "@" in parts.netloc:
        raise ValueError("The URL may not carry a user name or password.")
    request = PreparedRequest()
    try:
        request.prepare_url(url, None)
    except (RequestException, UnicodeError):
        raise ValueError("The URL cannot be read.") from None
    return _place(_split(request.url or ""), as_written=parts, target=request.path_url)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        # `port` is read here because it raises for a number out of range.
        return parts if parts.port is None else parts
    except ValueError:
        raise ValueError("The URL cannot be read.") from None


def _place(parts: SplitResult, *, as_written: SplitResult, target: str) -> Place:
    """Two readers that disagree are a way around whatever the first one checked."""
    host = parts.hostname or ""
    written = as_written.hostname or ""
    agree = (parts.scheme, parts.port) == (as_written.scheme, as_written.port)
    if not agree or not _HOST.fullmatch(host) or (written.isascii() and written != host):
        raise ValueError("The URL names no host that can be called.")
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    return Place(
        scheme=parts.scheme,
        host=host,
        url=parts._replace(fragment="").geturl(),
        target=target,
        endpoint=(host, port),
        pool_key=(parts.scheme, host, port),
    )


class PlacedRequest(PreparedRequest):
    """A prepared request whose URL was read before; `headers` is a plain dict with a `Content-Length` in that spelling,
    without which the adapter would send the body in chunks."""

    def __init__(self, place: Place, *, method: str, headers: dict[str, str], body: bytes | None) -> None:
        # The parent's own __init__ makes a jar and hooks that nothing here uses.
        self.place = place
        self.url = place.url
        self.method = method
        self.headers: Any = headers
        self.body = body


class _Connects(HTTPConnection):
    """Connects to the addresses the exchange names: Host header, SNI and certificate check keep the host's name."""

    idle_since = math.inf
    ip = ""
    _waits_for_body = False
    _head = b""

    def request(self, method: str, url: str, body: Any = None, headers: Any = None, **options: Any) -> None:
        self._waits_for_body, self._head = bool(body), b""
        super().request(method, url, body=body, headers=headers, **options)

    def putheader(self, header: Any, *values: Any) -> None:
        """Without the checks of each: they were made for all together before the request came here."""
        value = values[0]
        encoded = value if isinstance(value, bytes) else str(value).encode("latin-1")
        self._output(str(header).encode("latin-1") + b": " + encoded)  # type: ignore[attr-defined]

    def send(self, data: Any) -> None:
        """Head and body leave together: one call of the system and mostly one packet instead of two."""
        if self._waits_for_body:
            self._waits_for_body, self._head = False, data
            return
        head, self._head = self._head, b""
        super().send(head + data if head else data)

    def _new_conn(self) -> TimedSocket:
        exchange = CURRENT.get()
        assert exchange.pin is not None  # noqa: S101 - set before any connection is asked for
        exchange.reach()
        opened = open_socket(exchange.pin.found, exchange=exchange)
        self.ip = opened.getpeername()[0]
        exchange.stage = Stage.HANDSHAKE
        return opened

    def _tunnel(self) -> None:
        exchange = CURRENT.get()
        exchange.stage = Stage.TUNNEL
        super()._tunnel()  # type: ignore[misc]
        exchange.stage = Stage.HANDSHAKE
        self.sock.settimeout(exchange.seconds_left())

    def connect(self) -> None:
        super().connect()
        CURRENT.get().opened(self.ip)


class _Connection(_Connects):
    pass


class _TlsConnection(_Connects, HTTPSConnection):
    pass


class _Keeps(HTTPConnectionPool):
    """Reuses no connection that was idle for long (the server may be closing it just then, and the request would be
    unclear), nor one to an address the host no longer has."""

    def __init__(self, host: str, port: int | None = None, *, idle_seconds: float, **options: Any) -> None:
        super().__init__(host, port, **options)
        self._idle_seconds = idle_seconds

    def close_idle(self) -> None:
        """Close what nobody used for long, and keep the places."""
        if self.pool is None:
            return
        with self.pool.mutex:
            idle = [each for each in self.pool.queue if each is not None and self._is_idle(each)]
            for connection in idle:
                connection.close()

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection: Any = super()._get_conn(timeout)
        if connection.sock is None:
            return connection
        exchange = CURRENT.get()
        if self._is_idle(connection) or exchange.pin is None or connection.ip not in exchange.pin.ips:
            connection.close()
        else:
            exchange.reuse(connection.ip)
        return connection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.idle_since = time.monotonic()
        super()._put_conn(conn)

    def _is_idle(self, connection: Any) -> bool:
        return time.monotonic() - float(connection.idle_since) > self._idle_seconds


class _Pool(_Keeps):
    ConnectionCls = _Connection


class _TlsPool(_Keeps, HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def _pool_key(context: dict[str, Any]) -> PoolKey:
    return context["scheme"], context["host"], context["port"]


class Adapter(HTTPAdapter):
    """`requests`' adapter without cookies, environment and redirects; `send` gives the answer as urllib3 made it."""

    manager: PoolManager

    def __init__(self, *, ca_file: str, hosts: int, per_host: int, idle_seconds: float, proxy: str) -> None:
        self._options = {"ssl_context": tls_context(ca_file), "idle_seconds": idle_seconds}
        self._is_proxied = bool(proxy)
        super().__init__(pool_connections=hosts, pool_maxsize=per_host, max_retries=0)
        self.manager = self.proxy_manager_for(proxy, **self._options) if proxy else self.poolmanager
        self.manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        self.manager.key_fn_by_scheme = {"http": _pool_key, "https": _pool_key}  # type: ignore[dict-item]

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **self._options, **options)

    def close_idle(self) -> None:
        pools = self.manager.pools
        with pools.lock:
            # Asked for by key, each would count as just used.
            kept: list[Any] = list(pools._container.values())
        for pool in kept:
            pool.close_idle()

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> Any:
        place: Place = request.place
        kept = self.manager.pools.get(place.pool_key)  # type: ignore[call-overload]
        return kept or self.manager.connection_from_host(place.host, place.endpoint[1], place.scheme)

    def request_url(self, request: Any, proxies: Any) -> str:
        place: Place = request.place
        return place.url if self._is_proxied and place.scheme == "http" else place.target

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """The shared context already requires and checks certificates; the parent would reload the bundle each time."""

    def build_response(self, req: Any, resp: Any) -> Any:
        """The parent makes a jar of cookies and a second set of headers for every answer."""
        return resp
