"""Who asked, and what they sent, left with the request for whoever writes it down after the answer."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Somebody who was recognised, whether or not they were let in."""

    merchant_id: UUID
    mode: str
    actor: str


def know_asker(request: HttpRequest, *, merchant_id: UUID, mode: str, actor: str) -> None:
    request.onpoint_asker = Asker(merchant_id=merchant_id, mode=mode, actor=actor)  # type: ignore[attr-defined]


def asker_of(request: HttpRequest) -> Asker | None:
    """None for somebody unknown."""
    return getattr(request, "onpoint_asker", None)


def keep_sent(request: HttpRequest, body: Any) -> None:
    """The parsed body, which cannot be read a second time."""
    request.onpoint_sent = body  # type: ignore[attr-defined]


def sent_by(request: HttpRequest) -> Any:
    """None where no body was read."""
    return getattr(request, "onpoint_sent", None)
