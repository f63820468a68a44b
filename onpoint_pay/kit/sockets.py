"""Sockets that know the deadline of the exchange they serve, and whether a byte of its request has left."""

import socket
import ssl
import time
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from ipaddress import ip_address

from typing_extensions import Buffer

from onpoint_pay.kit.addresses import Address
from onpoint_pay.kit.resolving import NotAllowed, Pin

# Zero would mean "do not block".
SHORTEST_SECONDS = 0.001
# A timeout this near to the time left is not set again: each setting is a call of the system.
NEAR_ENOUGH_SECONDS = 0.02
HEAD_BYTES = 65_536
READ_BYTES = 16_384
# Bytes on the wire for each byte of body that may be read: chunks of one byte have six.
FRAMING = 8
# Found out by the kernel: that a peer is gone, and before a router between forgets the connection.
KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


class TooMuch(Exception):
    """The peer sent more than is read of anybody."""


class Stage(Enum):
    """How far an exchange has come."""

    LOOKUP = "lookup"
    REACH = "reach"
    TUNNEL = "tunnel"
    HANDSHAKE = "handshake"
    OPEN = "open"


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request and its answer. Times are monotonic; `sent` turns true with the first byte of the request.

    `until` is when whatever is under way must end, `bytes_left` how much more is read before giving up.
    """

    started: float
    deadline: float
    connect_seconds: float
    compares_peer: bool
    until: float
    pin: Pin | None = None
    stage: Stage = Stage.LOOKUP
    bytes_left: int = HEAD_BYTES
    sent: bool = False
    ip: str = ""
    connect_ms: int | None = None

    def seconds_left(self) -> float:
        """Raises TimeoutError when nothing is left."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline passed")
        return left

    def reach(self) -> None:
        """A new connection begins, with its own limit."""
        self.stage = Stage.REACH
        self.until = min(self.deadline, time.monotonic() + self.connect_seconds)

    def opened(self, ip: str) -> None:
        """A new connection is ready for the request; connecting includes the lookup and the TLS handshake."""
        self.reuse(ip)
        self.connect_ms = self.elapsed_ms()

    def reuse(self, ip: str) -> None:
        """A connection is ready for the request."""
        self.stage, self.ip = Stage.OPEN, ip
        self.until, self.bytes_left = self.deadline, HEAD_BYTES

    def head_is_read(self, *, body_bytes: int) -> None:
        self.bytes_left = HEAD_BYTES + FRAMING * body_bytes

    def elapsed_ms(self) -> int:
        return round((time.monotonic() - self.started) * 1000)


# Kept connections pass from one exchange to the next, so a socket asks whom it serves now.
CURRENT: ContextVar[Exchange] = ContextVar("http_exchange")


class TimedSocket(socket.socket):
    """Gives every read and write the time the whole exchange has left, so a dripping peer gains nothing."""

    def recv_into(self, buffer: Buffer, nbytes: int | None = None, flags: int = 0) -> int:
        exchange = CURRENT.get()
        if exchange.bytes_left <= 0:
            raise TooMuch("the answer is longer than may be read")
        self._allow(exchange.seconds_left())
        wanted = nbytes or memoryview(buffer).nbytes
        got = super().recv_into(buffer, min(wanted, READ_BYTES), flags)
        exchange.bytes_left -= got
        return got

    def send(self, data: Buffer, flags: int = 0) -> int:
        self._before_sending()
        return super().send(data, flags)

    def sendall(self, data: Buffer, flags: int = 0) -> None:
        self._before_sending()
        super().sendall(data, flags)

    def settimeout(self, value: float | None) -> None:
        """None would mean for ever, which no exchange has."""
        if value is not None:
            super().settimeout(value)

    def _before_sending(self) -> None:
        exchange = CURRENT.get()
        self._allow(exchange.seconds_left())
        if exchange.stage is Stage.OPEN:
            exchange.sent = True

    def _allow(self, seconds: float) -> None:
        if abs((self.gettimeout() or 0) - seconds) > NEAR_ENOUGH_SECONDS or seconds < NEAR_ENOUGH_SECONDS:
            self.settimeout(seconds)


class TimedTlsSocket(TimedSocket, ssl.SSLSocket):
    """The same over TLS; the handshake itself is not counted as sending."""


def open_socket(found: Iterable[Address], *, exchange: Exchange) -> TimedSocket:
    """Connect to the first address that answers, each given its share of the time left for connecting.

    Raises OSError when none answers, NotAllowed when another address answers than the one called.
    """
    failure = OSError("the name has no address")
    waiting = list(found)
    while waiting:
        share = exchange.seconds_left() / len(waiting)
        try:
            return _open(waiting.pop(0), seconds=max(share, SHORTEST_SECONDS), exchange=exchange)
        except OSError as error:
            failure = error
    raise failure


def _open(address: Address, *, seconds: float, exchange: Exchange) -> TimedSocket:
    opened = TimedSocket(address.family, socket.SOCK_STREAM)
    try:
        _set_options(opened)
        opened.settimeout(seconds)
        opened.connect(address.target)
        if exchange.compares_peer:
            _compare_peer(opened, address)
        # What is left of the connecting time is also what the TLS handshake gets.
        opened.settimeout(exchange.seconds_left())
    except BaseException:
        opened.close()
        raise
    return opened


def _set_options(opened: socket.socket) -> None:
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE.items():
        if hasattr(socket, name):
            opened.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _compare_peer(opened: socket.socket, address: Address) -> None:
    peer = opened.getpeername()[0]
    if ip_address(peer) != ip_address(address.ip):
        raise NotAllowed(f"{peer} answered where {address.ip} was called")


class _OneContext(ssl.SSLContext):
    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        """Set once, in `tls_context`: at each handshake it would be written while other threads read it."""


@lru_cache(maxsize=8)
def tls_context(ca_file: str) -> ssl.SSLContext:
    """The process's one context for this bundle: reading the bundle costs more than a request."""
    context = _OneContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = TimedTlsSocket
    ssl.SSLContext.set_alpn_protocols(context, ["http/1.1"])
    return context
