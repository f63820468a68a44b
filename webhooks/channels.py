"""Sends one signed event over HTTP and says what came back. Touches no table, so any thread may do it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from django.conf import settings

from onpoint_pay.kit.http import AddressRefused, AnswerTooLarge, HttpAnswer, HttpClient, NoAnswer, NotSent

USER_AGENT = "OnPointPay/1"
ANSWER_BYTES = 256 * 1024
EXCERPT_BYTES = 4096
HEADERS_KEPT = 40
HEADER_LENGTH = 512
# What a receiver sets for its own use is none of ours to keep.
PRIVATE_HEADERS = frozenset({"set-cookie", "set-cookie2", "authorization", "proxy-authenticate", "www-authenticate"})
GONE = 410
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One try, ready to go: the exact bytes and all headers, signature included."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a try came to. `error` is empty for 2xx alone; a final one will not get better by trying again."""

    error: str
    status: int | None = None
    is_final: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    excerpt: str = ""
    retry_after: str | None = None

    @property
    def is_success(self) -> bool:
        return not self.error


@lru_cache(maxsize=2)
def _client(allow_private: bool) -> HttpClient:
    return HttpClient(
        "webhooks",
        allow_private=allow_private,
        connect_seconds=settings.WEBHOOK_CONNECT_SECONDS,
        deadline_seconds=settings.WEBHOOK_DEADLINE_SECONDS,
        max_bytes=ANSWER_BYTES,
    )


def request_headers(signature: Mapping[str, str], *, attempt: int) -> dict[str, str]:
    """Everything sent beside the body; `attempt` counts from 1."""
    return {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "OnPoint-Attempt": str(attempt),
        **signature,
    }


def send(outgoing: Outgoing) -> Result:
    """POST once, follow nothing, and read the answer whatever its status."""
    client = _client(settings.WEBHOOK_ALLOW_PRIVATE)
    try:
        answer = client.send("POST", outgoing.url, headers=outgoing.headers, body=outgoing.body)
    except AddressRefused:
        return Result(error="address_refused", is_final=True)
    except NotSent:
        return Result(error="connection_failed")
    except AnswerTooLarge:
        return Result(error="answer_too_large")
    except NoAnswer:
        return Result(error="no_answer")
    return _judge(answer)


def _judge(answer: HttpAnswer) -> Result:
    return Result(
        error="" if 200 <= answer.status < 300 else f"http_{answer.status}",
        status=answer.status,
        headers=_kept(answer.headers),
        excerpt=clean(answer.body[:EXCERPT_BYTES].decode(errors="replace")),
        retry_after=answer.headers.get("Retry-After"),
    )


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    shown = [(name, value) for name, value in headers.items() if name.lower() not in PRIVATE_HEADERS]
    return {clean(name)[:64]: clean(value)[:HEADER_LENGTH] for name, value in shown[:HEADERS_KEPT]}


def clean(text: str) -> str:
    """Text that may be stored and shown anywhere: blanks folded, control and other unprintable characters removed."""
    return "".join(letter for letter in _BLANKS.sub(" ", text) if letter.isprintable())
