"""When an open prompt is asked about again, and when silence may be read as 'not paid'."""

import random
from datetime import datetime, timedelta

from django.conf import settings

# Seconds after the prompt was sent; afterwards every six hours until somebody decides.
PROMPT_CHECKS = (12, 25, 45, 75, 120, 300, 900, 3600)
THEN_EVERY = 6 * 3600
EXPIRY_AFTER = 3600
EXPIRY_ANSWERS = 2
# Seconds after receipt at which a claim without an owner is looked at again: it may be faster than our own commit.
ORPHAN_RETRIES = (1, 5, 15, 60, 300, 3600)
JITTER = 0.2


def scaled(seconds: float) -> timedelta:
    """A wait of the production schedule, shortened by SWEEP_SPEED."""
    return timedelta(seconds=seconds / settings.SWEEP_SPEED)


def next_check_at(sent_at: datetime, now: datetime, *, checks: int) -> datetime:
    """When to ask for the time after `checks` earlier asks; the step is jittered by a fifth, never into the past."""
    due = PROMPT_CHECKS[checks] if checks < len(PROMPT_CHECKS) else None
    before = PROMPT_CHECKS[checks - 1] if 0 < checks < len(PROMPT_CHECKS) else 0
    step = THEN_EVERY if due is None else due - before
    # The check after which silence may be read as 'not paid' must not come before its hour.
    earliest = 0.0 if due == EXPIRY_AFTER else -JITTER
    swing = random.uniform(earliest, JITTER) * step  # noqa: S311 - spreads load, guards nothing
    planned = now + scaled(step + swing) if due is None else sent_at + scaled(due + swing)
    return max(planned, now + scaled(1))


def may_expire(sent_at: datetime, now: datetime, *, answered_checks: int) -> bool:
    """Two answered questions, the last one an hour or more after the prompt: the provider itself says nothing came."""
    return answered_checks >= EXPIRY_ANSWERS and now - sent_at >= scaled(EXPIRY_AFTER)


def orphan_retry_at(now: datetime, *, tries: int) -> datetime | None:
    """When to look for a claim's owner again; None after the last try."""
    return now + scaled(ORPHAN_RETRIES[tries]) if tries < len(ORPHAN_RETRIES) else None
