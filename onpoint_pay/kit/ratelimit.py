"""Rate limits counted in Valkey by django-ratelimit, and the RateLimit headers that tell of them."""

import hashlib
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest
from django_ratelimit.core import _split_rate, get_usage

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import RateLimited

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One policy's state after counting this request; times in seconds."""

    policy: str
    quota: int
    window: int
    left: int
    reset: int


def count(request: HttpRequest, policy: str, *, key: str) -> Usage | None:
    """Count one request against `policy` for `key`. None when the store is away: requests pass, and it is logged.

    Raises RateLimited over the quota.
    """
    rate = settings.RATE_LIMITS[policy]
    try:
        used = get_usage(request, group=policy, key=lambda group, asking: key, rate=rate, increment=True)
    except Exception as error:  # noqa: BLE001 - documented: the store being away never blocks a payment
        log.warning("rate_limit_store_away", policy=policy, error=type(error).__name__)
        return None
    if used is None:
        return None
    usage = _usage(policy, used)
    _remember(request, usage)
    if used["should_limit"]:
        raise RateLimited(
            retry_after_seconds=max(usage.reset, 1),
            detail=f"At most {usage.quota} requests in {usage.window} seconds; try again in {max(usage.reset, 1)}.",
        )
    return usage


# --- things, rather than requests -------------------------------------------------------------------------------------


def spend(policy: str, *, key: str) -> int | None:
    """Take one of the things `policy` allows for `key` in its window; seconds until the next when there is none.

    Nothing is taken then, and nothing refused while the store is away. `key` is stored as a digest.
    """
    quota, window = _split_rate(settings.RATE_LIMITS[policy])
    at = int(now().timestamp())
    name = _place(policy, key, at // window)
    try:
        store = caches[settings.RATELIMIT_USE_CACHE]
        taken = 1 if store.add(name, 1, window) else store.incr(name)
        if taken <= quota:
            return None
        store.decr(name)
    except Exception as error:  # noqa: BLE001 - documented: the store being away never blocks a payment
        log.warning("rate_limit_store_away", policy=policy, error=type(error).__name__)
        return None
    return int(window - at % window)


def give_back(policy: str, *, key: str) -> None:
    """Undo one `spend` of the same window: what was taken has not been used."""
    _, window = _split_rate(settings.RATE_LIMITS[policy])
    name = _place(policy, key, int(now().timestamp()) // window)
    try:
        caches[settings.RATELIMIT_USE_CACHE].decr(name)
    except Exception as error:  # noqa: BLE001 - the window ends by itself
        log.info("rate_limit_not_given_back", policy=policy, error=type(error).__name__)


def _place(policy: str, key: str, window_number: int) -> str:
    digest = hashlib.sha256(f"{policy}:{key}".encode()).hexdigest()[:32]
    return f"spent:{policy}:{digest}:{window_number}"


def _usage(policy: str, used: dict[str, Any]) -> Usage:
    quota, window = _split_rate(settings.RATE_LIMITS[policy])
    return Usage(
        policy=policy,
        quota=quota,
        window=window,
        left=max(quota - used["count"], 0),
        reset=max(int(used["time_left"]), 0),
    )


def _remember(request: HttpRequest, usage: Usage) -> None:
    seen: list[Usage] = request.META.setdefault("onpoint.rate_limits", [])
    seen.append(usage)


def headers_for(request: HttpRequest) -> dict[str, str]:
    """All policies in RateLimit-Policy, the tightest in RateLimit (IETF draft) and in the older X- headers."""
    seen: list[Usage] = request.META.get("onpoint.rate_limits", [])
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
