"""Writing down what a try came to: the attempt, the delivery's next state, an endpoint that asked to be left alone."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from onpoint_pay.kit.clock import now
from webhooks.channels import GONE, Result
from webhooks.models import AUTO, DELIVERED, FAILED, HELD, OPEN, Attempt, Delivery
from webhooks.schedule import RETRY_AFTER_STATUSES, next_try_at, parse_retry_after
from webhooks.services.claims import Claimed
from webhooks.services.endpoints import disable_endpoint

UNSENT_HEADERS = frozenset({"webhook-signature"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One finished try, held in memory until it is written."""

    claimed: Claimed
    result: Result
    headers: Mapping[str, str]
    started_at: datetime
    total_ms: int


def settle(done: Try) -> str:
    """Write the attempt and move the delivery, in one transaction; return the delivery's new state.

    A late owner, whose lease ended and was taken over, writes its attempt and moves nothing.
    """
    state, due_at = _next_state(done)
    with transaction.atomic(durable=True):
        if done.result.status == GONE:
            disable_endpoint(done.claimed.endpoint_id, reason="the endpoint answered 410")
        _write_attempt(done)
        changes = {
            "state": state,
            "tries": done.claimed.tries + 1,
            "last_status": done.result.status,
            "last_error": done.result.error,
            "delivered_at": now() if state == DELIVERED else None,
        }
        if due_at is not None:
            changes["next_attempt_at"] = due_at
        _release(done.claimed, changes)
    return state


def settle_unsent(claimed: Claimed, *, state: str, error: str) -> str:
    """Close a delivery that cannot be tried: `held` until its endpoint is enabled again, or `failed` for good."""
    _release(claimed, {"state": state, "last_error": error})
    return state


def _release(claimed: Claimed, changes: Mapping[str, object]) -> None:
    ours = Delivery.objects.filter(pk=claimed.id, state=OPEN, lease_until=claimed.lease_until)
    ours.update(lease_until=None, trigger=AUTO, **changes)


def _next_state(done: Try) -> tuple[str, datetime | None]:
    result, moment = done.result, now()
    if result.is_success:
        return DELIVERED, None
    if result.is_final:
        return FAILED, None
    if result.status == GONE:
        return HELD, None
    asked = parse_retry_after(result.retry_after, now=moment) if result.status in RETRY_AFTER_STATUSES else None
    due_at = next_try_at(
        done.claimed.tries + 1,
        failed_at=moment,
        expires_at=done.claimed.expires_at,
        speed=settings.SWEEP_SPEED,
        chance=random.random(),  # noqa: S311 - spreads retries, guards nothing
        retry_after_seconds=asked,
    )
    return (FAILED, None) if due_at is None else (OPEN, due_at)


def _write_attempt(done: Try) -> None:
    Attempt.objects.create(
        delivery_id=done.claimed.id,
        endpoint_id=done.claimed.endpoint_id,
        n=done.claimed.tries + 1,
        trigger=done.claimed.trigger,
        started_at=done.started_at,
        total_ms=done.total_ms,
        status=done.result.status,
        error_code=done.result.error,
        request_headers={name: value for name, value in done.headers.items() if name not in UNSENT_HEADERS},
        response_headers=done.result.headers,
        response_excerpt=done.result.excerpt,
    )
