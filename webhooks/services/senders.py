"""The threads of a drain: they sign, send and read, and touch no table."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from queue import SimpleQueue
from uuid import UUID

import structlog

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import to_public
from webhooks.channels import Outgoing, Result, request_headers, send
from webhooks.services.lanes import Due
from webhooks.signing import sign_headers

log = structlog.get_logger(__name__)
# Threads that wait for slow endpoints cost nothing, so they may be many; CPU is spent at about eight.
THREADS, MORE_FOR_SLOW = 64, 192
SLOW_SECONDS = 1.0


@dataclass(slots=True, kw_only=True)
class Flight:
    """One try from its hand-over to the threads until it is settled."""

    due: Due
    token: UUID
    signing_secrets: Sequence[str] = field(repr=False)
    # Monotonic seconds; 0 while it waits for a thread.
    began: float = 0.0
    started_at: datetime | None = None
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    result: Result | None = None

    @property
    def is_slow(self) -> bool:
        return self.result is None and self.began > 0 and time.monotonic() - self.began > SLOW_SECONDS


class Senders:
    """A pool that grows as it is needed; whatever ends in it is put into `inbox`."""

    def __init__(self, inbox: "SimpleQueue[Flight | None]") -> None:
        self._inbox = inbox
        self._work: SimpleQueue[Flight | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def submit(self, flights: Sequence[Flight], *, flying: int, slow: int) -> None:
        """Send these. With them `flying` tries are under way; `slow` of those have waited for their answer for long."""
        wanted = min(THREADS, flying) + min(slow, MORE_FOR_SLOW)
        while len(self._threads) < wanted:
            thread = threading.Thread(target=self._serve, name=f"webhooks-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        for flight in flights:
            self._work.put(flight)

    def close(self) -> None:
        """Let every thread end after what it is doing. Nothing may be under way that anybody waits for."""
        for _ in self._threads:
            self._work.put(None)

    def _serve(self) -> None:
        while (flight := self._work.get()) is not None:
            flight.began = time.monotonic()
            flight.result = try_once(flight)
            self._inbox.put(flight)


def try_once(flight: Flight) -> Result:
    """Sign and send; a fault of ours becomes a result like one of theirs. Never raises."""
    due, flight.started_at = flight.due, now()
    try:
        name, secrets = to_public("evt", due.event_id), flight.signing_secrets
        signature = sign_headers(name, due.body, signing_secrets=secrets, at=flight.started_at)
        flight.headers = request_headers(signature, attempt=due.tries + 1)
        return send(Outgoing(url=due.url, headers=flight.headers, body=due.body.encode(), mode=due.mode))
    except Exception as error:  # noqa: BLE001 - one delivery that cannot be prepared must not hold up the rest
        log.error("webhook_not_sent", exc_info=error, delivery=due.id)
        return Result(error="internal")
