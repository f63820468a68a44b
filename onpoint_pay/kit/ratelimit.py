"""Rate limits counted in Valkey by django-ratelimit, and the RateLimit headers that tell of them."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest
from django_ratelimit.core import _split_rate, get_usage

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import RateLimited

log = structlog.get_logger(__name__)
OF_EVERYBODY: Mapping[str, str] = {}
# Policies that are counted for a merchant, or for who comes in its name: one merchant may have rates of its own.
RAISABLE = (
    "api",
    "initiate",
    "status",
    "prompt",
    "prompt_day",
    "checkout",
    "export",
    "provider",
    "statement",
    "upload",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One policy's state after counting this request; times in seconds."""

    policy: str
    quota: int
    window: int
    left: int
    reset: int


_told: ContextVar[list[Usage] | None] = ContextVar("rate_limits", default=None)


@contextmanager
def telling() -> Iterator[None]:
    """What is counted inside is told by `headers`; in a job or a command nobody is there to be told."""
    token = _told.set([])
    try:
        yield
    finally:
        _told.reset(token)


def rate_of(policy: str, own: Mapping[str, str]) -> str:
    """How often in how long: the merchant's own, else everybody's."""
    rate: str = own.get(policy) or settings.RATE_LIMITS[policy]
    return rate


def count(request: HttpRequest, policy: str, *, key: str, own: Mapping[str, str] = OF_EVERYBODY) -> Usage | None:
    """Count one request against `policy` for `key`. None when the store is away: requests pass, and it is logged.

    `own` are the rates of the merchant whose request it is. Raises RateLimited over the quota.
    """
    rate = rate_of(policy, own)
    try:
        used = get_usage(request, group=policy, key=lambda group, asking: key, rate=rate, increment=True)
    except Exception as error:  # noqa: BLE001 - documented: the store being away never blocks a payment
        log.warning("rate_limit_store_away", policy=policy, error=type(error).__name__)
        return None
    if used is None:
        return None
    quota, window = _split_rate(rate)
    left, reset = max(quota - used["count"], 0), max(int(used["time_left"]), 0)
    usage = Usage(policy=policy, quota=quota, window=window, left=left, reset=reset)
    _remember(usage)
    if used["should_limit"]:
        raise RateLimited(
            retry_after_seconds=max(usage.reset, 1),
            detail=f"At most {usage.quota} requests in {usage.window} seconds; try again in {max(usage.reset, 1)}.",
        )
    return usage


# --- things, rather than requests -------------------------------------------------------------------------------------


def spend(policy: str, *, key: str, own: Mapping[str, str] = OF_EVERYBODY, is_told: bool = False) -> int | None:
    """Take one of the things `policy` allows for `key` in its window; seconds until the next when there is none.

    Nothing is taken then, and nothing refused while the store is away. `key` is stored as a digest. `is_told`: the
    caller may know how many are left.
    """
    quota, window = _split_rate(rate_of(policy, own))
    at = int(now().timestamp())
    name = _place(policy, key, at // window)
    try:
        store = caches[settings.RATELIMIT_USE_CACHE]
        taken = 1 if store.add(name, 1, window) else store.incr(name)
        if taken > quota:
            store.decr(name)
    except Exception as error:  # noqa: BLE001 - documented: the store being away never blocks a payment
        log.warning("rate_limit_store_away", policy=policy, error=type(error).__name__)
        return None
    reset = int(window - at % window)
    if is_told:
        _remember(Usage(policy=policy, quota=quota, window=window, left=max(quota - taken, 0), reset=reset))
    return None if taken <= quota else reset


def give_back(policy: str, *, key: str, own: Mapping[str, str] = OF_EVERYBODY) -> None:
    """Undo one `spend` of the same window: what was taken has not been used."""
    _, window = _split_rate(rate_of(policy, own))
    _forget(policy)
    name = _place(policy, key, int(now().timestamp()) // window)
    try:
        caches[settings.RATELIMIT_USE_CACHE].decr(name)
    except Exception as error:  # noqa: BLE001 - the window ends by itself
        log.info("rate_limit_not_given_back", policy=policy, error=type(error).__name__)


def _place(policy: str, key: str, window_number: int) -> str:
    digest = hashlib.sha256(f"{policy}:{key}".encode()).hexdigest()[:32]
    return f"spent:{policy}:{digest}:{window_number}"


# --- what is told -----------------------------------------------------------------------------------------------------


def _remember(usage: Usage) -> None:
    seen = _told.get()
    if seen is not None:
        seen.append(usage)


def _forget(policy: str) -> None:
    seen = _told.get() or []
    seen[:] = [usage for usage in seen if usage.policy != policy]


def headers() -> dict[str, str]:
    """All policies in RateLimit-Policy, the tightest in RateLimit (IETF draft) and in the older X- headers."""
    seen = _told.get()
    if not seen:
        return {}
    tightest = min(seen, key=lambda usage: usage.left / usage.quota)
    return {
        "RateLimit-Policy": ", ".join(f'"{usage.policy}";q={usage.quota};w={usage.window}' for usage in seen),
        "RateLimit": f'"{tightest.policy}";r={tightest.left};t={tightest.reset}',
        "X-RateLimit-Limit": str(tightest.quota),
        "X-RateLimit-Remaining": str(tightest.left),
        "X-RateLimit-Reset": str(tightest.reset),
    }
