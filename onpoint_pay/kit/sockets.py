"""Sockets that know the deadline of the exchange they serve, and whether a byte of its request has left."""

import socket
import ssl
import time
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache

from typing_extensions import Buffer

from onpoint_pay.kit.addresses import Address

# Zero would mean "do not block".
SHORTEST_SECONDS = 0.001


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request and its answer. `deadline` is monotonic time; `sent` turns true with the first byte."""

    deadline: float
    connect_seconds: float
    allow_private: bool
    sent: bool = False

    def seconds_left(self) -> float:
        """Raises TimeoutError when nothing is left."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline passed")
        return left


# Kept connections pass from one exchange to the next, so a socket asks whom it serves now.
CURRENT: ContextVar[Exchange] = ContextVar("http_exchange")


class TimedSocket(socket.socket):
    """Gives every read and write the time the whole exchange has left, so a dripping peer gains nothing."""

    def recv_into(self, buffer: Buffer, nbytes: int | None = None, flags: int = 0) -> int:
        self.settimeout(CURRENT.get().seconds_left())
        return super().recv_into(buffer, nbytes or 0, flags)

    def send(self, data: Buffer, flags: int = 0) -> int:
        self._before_sending()
        return super().send(data, flags)

    def sendall(self, data: Buffer, flags: int = 0) -> None:
        self._before_sending()
        super().sendall(data, flags)

    def _before_sending(self) -> None:
        exchange = CURRENT.get()
        self.settimeout(exchange.seconds_left())
        exchange.sent = True


class TimedTlsSocket(TimedSocket, ssl.SSLSocket):
    """The same over TLS; the handshake itself is not counted as sending."""


def open_socket(found: Iterable[Address]) -> TimedSocket:
    """Connect to the first address that answers. Raises OSError when none does in the exchange's connecting time."""
    exchange = CURRENT.get()
    give_up_at = time.monotonic() + min(exchange.connect_seconds, exchange.seconds_left())
    failure = OSError("the name has no address")
    for address in found:
        try:
            return _open(address, give_up_at)
        except OSError as error:
            failure = error
    raise failure


def _open(address: Address, give_up_at: float) -> TimedSocket:
    opened = TimedSocket(address.family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.settimeout(max(give_up_at - time.monotonic(), SHORTEST_SECONDS))
        opened.connect(address.target)
        # What is left of the connecting time is also what the TLS handshake gets.
        opened.settimeout(max(give_up_at - time.monotonic(), SHORTEST_SECONDS))
    except OSError:
        opened.close()
        raise
    return opened


@lru_cache(maxsize=8)
def tls_context(ca_file: str) -> ssl.SSLContext:
    """The process's one context for this bundle: reading the bundle costs more than a request."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = TimedTlsSocket
    return context
