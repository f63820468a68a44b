"""When a failed delivery is tried again: 13 tries over 76 hours, and what a receiver's Retry-After may change."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from django.conf import settings

# Seconds from one try to the next: 5 s, 30 s, 2 min, 10 min, 30 min, 1 h, 2 h, 4 h, 8 h, 12 h, 24 h, 24 h.
STEPS = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 43_200, 86_400, 86_400)
MAX_TRIES = len(STEPS) + 1
SPREAD = 0.2
EXPIRY_HOURS = 76
RETRY_AFTER_STATUSES = frozenset({429, 503})
RETRY_AFTER_MOST_SECONDS = 3600
# Days without a success after which the owner is told; with the last one the endpoint is disabled, if enough was tried.
NOTICE_DAYS = (1, 3, 5)
DISABLE_LEVEL = len(NOTICE_DAYS)
# The level of a notice that the endpoint itself asked to be left alone, by 410.
GONE_LEVEL = DISABLE_LEVEL + 1
DISABLE_TRIES, DISABLE_EVENTS = 20, 3
DAY_SECONDS = 86_400


def wait_seconds(tries: int, *, chance: float, retry_after_seconds: float | None = None) -> float | None:
    """Seconds to wait after the `tries`-th try failed; None when that was the last.

    `chance` in [0, 1) picks the place within ±20 % of the step. A receiver may ask for more, up to four times the step
    and an hour, never for less.
    """
    if tries >= MAX_TRIES:
        return None
    step = STEPS[tries - 1] * (1 - SPREAD + 2 * SPREAD * chance)
    if retry_after_seconds is None:
        return step
    return max(step, min(retry_after_seconds, 4 * step, RETRY_AFTER_MOST_SECONDS))


def next_try_at(
    tries: int,
    *,
    failed_at: datetime,
    expires_at: datetime,
    speed: float,
    chance: float,
    retry_after_seconds: float | None = None,
) -> datetime | None:
    """The time of the next try, at the latest when the delivery expires; None when there is none left."""
    wait = wait_seconds(tries, chance=chance, retry_after_seconds=retry_after_seconds)
    if wait is None or failed_at >= expires_at:
        return None
    return min(failed_at + timedelta(seconds=wait / speed), expires_at)


def notice_level(failing_since: datetime, *, at: datetime) -> int:
    """How many of the owner's notices an endpoint without a success since then has earned: 0 to 3."""
    days = (at - failing_since).total_seconds() * settings.SWEEP_SPEED / DAY_SECONDS
    return sum(days >= due for due in NOTICE_DAYS)


def parse_retry_after(text: str | None, *, now: datetime) -> float | None:
    """Seconds in a Retry-After header, a number or an HTTP date; None when it is absent, past or unreadable."""
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    seconds = (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds()
    return seconds if seconds > 0 else None
