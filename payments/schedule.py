"""When an open prompt is asked about again, and when silence may be read as 'not paid'."""

import random
from datetime import datetime, timedelta

from django.conf import settings

# Seconds after the prompt was sent; afterwards every six hours until somebody decides.
PROMPT_CHECKS = (12, 25, 45, 75, 120, 300, 900, 3600)
THEN_EVERY = 6 * 3600
# A question that got no answer counts for nothing and is put again soon, however far off the next step is.
UNANSWERED_RETRY = 300
EXPIRY_AFTER = 3600
EXPIRY_ANSWERS = 2
# Seconds after receipt at which a claim without an owner is looked at again: it may be faster than our own commit.
ORPHAN_RETRIES = (1, 5, 15, 60, 300, 3600)
JITTER = 0.2


def scaled(seconds: float) -> timedelta:
    """A wait of the production schedule, shortened by SWEEP_SPEED."""
    return timedelta(seconds=seconds / settings.SWEEP_SPEED)


def next_check_at(sent_at: datetime, now: datetime) -> datetime:
    """The next time of the schedule that is still to come, jittered by a fifth of its step.

    Times are counted from the prompt, not from the number of questions: a sweeper that was away asks once, not once
    for every time it missed.
    """
    elapsed = (now - sent_at).total_seconds() * settings.SWEEP_SPEED
    before = max((due for due in PROMPT_CHECKS if due <= elapsed), default=0)
    due = next((due for due in PROMPT_CHECKS if due > elapsed), None)
    if due is None:
        return now + scaled(THEN_EVERY * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 - spreads load
    # The check after which silence may be read as 'not paid' must not come before its hour.
    earliest = 0.0 if due == EXPIRY_AFTER else -JITTER
    swing = random.uniform(earliest, JITTER) * (due - before)  # noqa: S311 - spreads load
    return max(sent_at + scaled(due + swing), now + scaled(1))


def unanswered_retry_at(now: datetime) -> datetime:
    """When to put a question again that the provider did not answer."""
    return now + scaled(UNANSWERED_RETRY * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 - spreads load


def may_expire(sent_at: datetime, now: datetime, *, answered_checks: int) -> bool:
    """Two answered questions, the last one an hour or more after the prompt: the provider itself says nothing came."""
    return answered_checks >= EXPIRY_ANSWERS and now - sent_at >= scaled(EXPIRY_AFTER)


def orphan_retry_at(now: datetime, *, tries: int) -> datetime | None:
    """When to look for a claim's owner again; None after the last try."""
    return now + scaled(ORPHAN_RETRIES[tries]) if tries < len(ORPHAN_RETRIES) else None
