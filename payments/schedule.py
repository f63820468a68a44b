"""When an open prompt is asked about again, and when silence may be read as 'not paid'."""

import random
from datetime import UTC, datetime, timedelta

from django.conf import settings

# Seconds after the prompt was sent; afterwards every six hours until somebody decides.
PROMPT_CHECKS = (12, 25, 45, 75, 120, 300, 900, 3600)
# While a shortcode's callbacks do not arrive, asking is all there is; never more often than once in five seconds.
SILENT_CHECKS = (8, 14, 20, 30, 40, 50, 60, 75, 90, 120, 180, 300, 600, 900, 3600)
THEN_EVERY = 6 * 3600
# The same for money that goes out; afterwards daily, because only the provider's word or a person can end it.
OUT_CHECKS = {
    "reversal": (60, 300, 900, 3600, 4 * 3600, 24 * 3600),
    "b2c": (60, 120, 300, 900, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 24 * 3600),
}
OUT_THEN_EVERY = 24 * 3600
# Waits before a refund is sent anew: nothing had left, or our account at the provider held too little.
RESEND_WAITS = (5, 30, 120, 600, 1800, 3600)
FLOAT_WAITS = (900, 3600, 4 * 3600, 12 * 3600, 24 * 3600)
FLOAT_GIVEN_UP_AFTER = 7 * 24 * 3600
# A question that got no answer counts for nothing and is put again soon, however far off the next step is.
UNANSWERED_RETRY = 300
# Waits before a question whose answer comes by callback is put again; afterwards every six hours, for three days.
QUESTION_RETRIES = (60, 300, 900, 3600)
QUESTION_GIVEN_UP_AFTER = 72 * 3600
# Payments that payers make by hand are looked for in the provider's list all together, and rarely once it is too old.
LIST_EVERY = 900
LIST_REACHES = 48 * 3600
EXPIRY_AFTER = 3600
EXPIRY_ANSWERS = 2
# Seconds after receipt at which a claim without an owner is looked at again: it may be faster than our own commit.
ORPHAN_RETRIES = (1, 5, 15, 60, 300, 3600)
JITTER = 0.2


def scaled(seconds: float) -> timedelta:
    """A wait of the production schedule, shortened by SWEEP_SPEED."""
    return timedelta(seconds=seconds / settings.SWEEP_SPEED)


def next_check_at(sent_at: datetime, now: datetime, *, kind: str = "charge", is_silent: bool = False) -> datetime:
    """The next time of the schedule that is still to come, jittered by a fifth of its step.

    Times are counted from the sending, not from the number of questions: a sweeper that was away asks once, not once
    for every time it missed. `is_silent` takes the closer schedule of a shortcode whose callbacks do not arrive.
    """
    checks = OUT_CHECKS.get(kind, SILENT_CHECKS if is_silent else PROMPT_CHECKS)
    elapsed = (now - sent_at).total_seconds() * settings.SWEEP_SPEED
    before = max((due for due in checks if due <= elapsed), default=0)
    due = next((due for due in checks if due > elapsed), None)
    if due is None:
        then = OUT_THEN_EVERY if kind in OUT_CHECKS else THEN_EVERY
        return now + scaled(then * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 - spreads load
    # The check after which silence may be read as 'not paid' must not come before its hour.
    earliest = 0.0 if due == EXPIRY_AFTER else -JITTER
    swing = random.uniform(earliest, JITTER) * (due - before)  # noqa: S311 - spreads load
    return max(sent_at + scaled(due + swing), now + scaled(1))


def resend_at(now: datetime, *, tries: int) -> datetime:
    """When a refund of which nothing left is sent anew, after this many tries."""
    return now + scaled(RESEND_WAITS[min(tries, len(RESEND_WAITS)) - 1])


def float_retry_at(asked_at: datetime, now: datetime, *, tries: int) -> datetime | None:
    """When a refund our account could not cover is sent anew, after this many tries; None when it is given up."""
    if now - asked_at >= scaled(FLOAT_GIVEN_UP_AFTER):
        return None
    return now + scaled(FLOAT_WAITS[min(tries, len(FLOAT_WAITS)) - 1])


def unanswered_retry_at(now: datetime) -> datetime:
    """When to put a question again that the provider did not answer."""
    return now + scaled(UNANSWERED_RETRY * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 - spreads load


def next_question_at(first_at: datetime, now: datetime, *, tries: int) -> datetime | None:
    """When to put a question again after this many tries, the first one just put at `now`; None when it is given up."""
    if now - first_at >= scaled(QUESTION_GIVEN_UP_AFTER):
        return None
    wait = QUESTION_RETRIES[tries - 1] if tries <= len(QUESTION_RETRIES) else THEN_EVERY
    return now + scaled(wait * random.uniform(1, 1 + JITTER))  # noqa: S311 - spreads load


def next_list_check(after: datetime, *, since: datetime) -> datetime:
    """The next full quarter of an hour, so that one list tells of many; `since` is when the payer could first pay."""
    if after - since >= scaled(LIST_REACHES):
        return after + scaled(THEN_EVERY)
    step = scaled(LIST_EVERY).total_seconds()
    return datetime.fromtimestamp((after.timestamp() // step + 1) * step, UTC)


def asks_closely(sent_at: datetime, now: datetime, *, answered_checks: int) -> bool:
    """The hour is over and answers are missing, this one included: two more questions, and it can be said to be unpaid.

    Not for longer than six hours: what cannot be told by then will not be told by asking every five minutes.
    """
    is_time = scaled(EXPIRY_AFTER) <= now - sent_at < scaled(THEN_EVERY)
    return is_time and answered_checks < EXPIRY_ANSWERS - 1


def may_expire(sent_at: datetime, now: datetime, *, answered_checks: int) -> bool:
    """Two answered questions, the last one an hour or more after the prompt: the provider itself says nothing came."""
    return answered_checks >= EXPIRY_ANSWERS and now - sent_at >= scaled(EXPIRY_AFTER)


def orphan_retry_at(now: datetime, *, tries: int) -> datetime | None:
    """When to look for a claim's owner again; None after the last try."""
    return now + scaled(ORPHAN_RETRIES[tries]) if tries < len(ORPHAN_RETRIES) else None
