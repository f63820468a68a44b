"""What can go wrong at the network door: whether the request may have been taken, and the word for the reason.

HttpError
├── NotSent                 not one byte of the request left: safe to send again
│   └── AddressRefused      the address may not be called, so nothing was tried
│       └── UrlRefused      nor may the URL itself
└── NoAnswer                the request may have been taken: ask before sending again
    └── AnswerTooLarge      an answer came and was longer than may be read
"""

import http.client
import re
import ssl

from onpoint_pay.kit.sockets import Exchange, Stage

# What http.client says of a proxy that would not connect us.
_TUNNEL_REFUSED = re.compile(r"Tunnel connection failed: (\d{3})")


class HttpError(Exception):
    """No usable answer; the subclass says whether the request can have been taken.

    `reason` is a stable word: address_refused, url_refused, dns_failed, dns_timeout, connect_failed, connect_timeout,
    tls_failed, proxy_failed; timeout, connection_reset, no_answer. Times are in milliseconds; `connect_ms` is None and
    `ip` empty as long as no connection was made.
    """

    reason = "no_answer"

    def __init__(self, text: str, *, reason: str | None = None, exchange: Exchange | None = None) -> None:
        super().__init__(text)
        self.reason = reason or self.reason
        self.elapsed_ms = exchange.elapsed_ms() if exchange else 0
        self.connect_ms = exchange.connect_ms if exchange else None
        self.ip = exchange.ip if exchange else ""


class NotSent(HttpError):
    """Refused, unresolved, unreachable or not trusted before the first byte of the request."""

    reason = "connect_failed"


class AddressRefused(NotSent):
    """The URL or an address behind it is not one we call."""

    reason = "address_refused"


class UrlRefused(AddressRefused):
    """The URL cannot be read, is not http or https, or names a user."""

    reason = "url_refused"


class NoAnswer(HttpError):
    """Reset, timeout, deadline or nonsense after sending began."""


class AnswerTooLarge(NoAnswer):
    """The answer's body is over the client's limit."""


def causes_of(error: BaseException) -> list[BaseException]:
    """The error and what lies behind it; the last is the operating system's or the TLS library's."""
    causes = [error]
    while behind := causes[-1].__cause__ or causes[-1].__context__:
        causes.append(behind)
    return causes


def reason_of(causes: list[BaseException], *, stage: Stage, is_proxied: bool) -> str:
    """The word for what went wrong, by how far the exchange had come."""
    timed_out = any(isinstance(cause, TimeoutError) for cause in causes)
    if is_proxied and stage in (Stage.LOOKUP, Stage.REACH):
        return "proxy_failed"
    if stage is Stage.TUNNEL:
        return "connect_timeout" if timed_out else _tunnel_reason(str(causes[-1]))
    if stage is Stage.LOOKUP:
        return "dns_timeout" if timed_out else "dns_failed"
    if stage is not Stage.OPEN:
        failed = "connect_failed" if stage is Stage.REACH else "tls_failed"
        return "connect_timeout" if timed_out else failed
    if timed_out:
        return "timeout"
    broken = (ConnectionError, ssl.SSLError, http.client.IncompleteRead)
    return "connection_reset" if any(isinstance(cause, broken) for cause in causes) else "no_answer"


def _tunnel_reason(text: str) -> str:
    """What the proxy's answer to CONNECT means: it found nobody there, it will not go there, or it failed itself."""
    match = _TUNNEL_REFUSED.search(text)
    reasons = {"403": AddressRefused.reason, "503": "connect_failed", "504": "connect_timeout"}
    return reasons.get(match[1], "proxy_failed") if match else "proxy_failed"
