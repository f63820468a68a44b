"""What a finished try, or one that cannot be made, means for its delivery and its lane."""

import random
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection

from webhooks.channels import GONE, Result
from webhooks.events import MAX_BODY_BYTES
from webhooks.models import DELIVERED, ENABLED, FAILED, HELD, OPEN
from webhooks.pace import Lane
from webhooks.schedule import RETRY_AFTER_STATUSES, next_try_at, parse_retry_after, wait_seconds
from webhooks.services.lanes import Due
from webhooks.services.senders import Flight
from webhooks.services.settle import Settled

PROXY_RETRY_SECONDS = 30
UNSENT_HEADERS = frozenset({"webhook-signature"})


def refusal_of(due: Due) -> tuple[str, str] | None:
    """The state and error of a delivery that is not to be sent; None when it is."""
    if due.is_deleted:
        return FAILED, "endpoint_deleted"
    if due.endpoint_status != ENABLED:
        return HELD, ""
    if len(due.body) > MAX_BODY_BYTES or len(due.body.encode()) > MAX_BODY_BYTES:
        return FAILED, "body_too_large"
    if not due.secret_ids:
        return FAILED, "no_secret"
    return None


def unsent(due: Due, token: UUID, *, state: str, error: str) -> Settled:
    """A delivery closed without a try."""
    return Settled(
        id=due.id,
        endpoint_id=due.endpoint_id,
        token=token,
        n=due.tries,
        state=state,
        error=error,
        was_sent=False,
    )


def landed(flight: Flight, lane: Lane | None, *, at: datetime, worker: str) -> Settled:
    """What a try came to; its lane, when it is still ours, learns from it."""
    due, result = flight.due, flight.result
    assert result is not None  # noqa: S101 - the threads never return without one
    if lane is not None:
        _teach(lane, result, due, at=at)
    state, due_at = _next_state(due, result, at=at)
    return Settled(
        id=due.id,
        endpoint_id=due.endpoint_id,
        token=flight.token,
        # A try that our own proxy spoiled is not the receiver's.
        n=due.tries + (not result.proxy_failed),
        state=state,
        error=result.error,
        trigger=due.trigger,
        due_at=due_at,
        started_at=flight.started_at,
        connect_ms=result.connect_ms,
        total_ms=result.total_ms,
        status=result.status,
        request_headers={name: value for name, value in flight.headers.items() if name not in UNSENT_HEADERS},
        response_headers=result.headers,
        excerpt=result.excerpt,
        ip=result.ip or None,
        worker=worker,
    )


def broken(done: Settled) -> Settled:
    """A try whose result cannot be stored: only that it failed is."""
    return Settled(
        id=done.id,
        endpoint_id=done.endpoint_id,
        token=done.token,
        n=done.n,
        state=FAILED,
        error="internal",
        was_sent=False,
    )


def set_aside(delivery_id: int) -> None:
    """Let the rest of its lane go first: as if it had been tried once more, without an answer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tries FROM webhooks_delivery WHERE id = %s AND state = 'open'", [delivery_id])
        row = cursor.fetchone()
        if row is None:
            return
        seconds = (wait_seconds(row[0] + 1, chance=random.random()) or 3600.0) / settings.SWEEP_SPEED  # noqa: S311
        cursor.execute(
            "UPDATE webhooks_delivery SET tries = least(tries + 1, 100), last_error = 'interrupted', "
            "next_attempt_at = least(expires_at, now() + make_interval(secs => %s)) WHERE id = %s AND state = 'open'",
            [seconds, delivery_id],
        )


def _teach(lane: Lane, result: Result, due: Due, *, at: datetime) -> None:
    if result.is_success:
        lane.succeed(total_ms=result.total_ms, at=at)
        return
    if result.proxy_failed:
        return
    lane.fail(
        status=result.status,
        total_ms=result.total_ms,
        at=at,
        is_first_try=due.tries == 0,
        chance=random.random,
    )
    asked = _asked_wait(due, result, at=at)
    if asked is not None:
        lane.pause(asked, at=at)


def _next_state(due: Due, result: Result, *, at: datetime) -> tuple[str, datetime | None]:
    if result.is_success:
        return DELIVERED, None
    if result.is_final:
        return FAILED, None
    if result.status == GONE:
        return HELD, None
    if result.proxy_failed:
        return OPEN, at + timedelta(seconds=PROXY_RETRY_SECONDS / settings.SWEEP_SPEED)
    due_at = next_try_at(
        due.tries + 1,
        failed_at=at,
        expires_at=due.expires_at,
        speed=settings.SWEEP_SPEED,
        chance=random.random(),  # noqa: S311 - spreads retries, guards nothing
        retry_after_seconds=_retry_after(result, at=at),
    )
    return (FAILED, None) if due_at is None else (OPEN, due_at)


def _retry_after(result: Result, *, at: datetime) -> float | None:
    return parse_retry_after(result.retry_after, now=at) if result.status in RETRY_AFTER_STATUSES else None


def _asked_wait(due: Due, result: Result, *, at: datetime) -> float | None:
    """Seconds the receiver's wish keeps the whole lane still; None when it has none."""
    wish = _retry_after(result, at=at)
    if wish is None:
        return None
    step = wait_seconds(due.tries + 1, chance=0.5, retry_after_seconds=wish)
    return None if step is None else step / settings.SWEEP_SPEED
