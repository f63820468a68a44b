"""Access tokens of providers: one token per key for all processes, refreshed by one caller at a time."""

import secrets
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import structlog
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

# Asks the provider: the token and the seconds it lives.
Fetch: TypeAlias = Callable[[], tuple[str, int]]

EARLY_SECONDS = 60
WAIT_SECONDS = 10.0
POLL_SECONDS = 0.05
# Longer than any fetch may take, so that only a dead process loses the lock.
LOCK_SECONDS = 45
FAILURE_SECONDS = 5
_CACHE_AWAY = (RedisError, OSError)


class TokenUnavailable(Exception):
    """Another caller is fetching the token and did not bring one in time, or failed to."""


class TokenStore(Protocol):
    """Where a provider keeps its access token."""

    def get_or_fetch(self, key: str, fetch: Fetch) -> str:
        """The kept token, or a new one from `fetch`. Raises TokenUnavailable and whatever `fetch` raises."""

    def drop(self, key: str, token: str) -> None:
        """Forget the token if it is still the one kept: it was refused."""


class CachedTokens:
    """Tokens in Django's cache under a cache lock; in this process's memory while the cache is away.

    `key` must identify the credentials without showing them. Tokens are kept 60 s less than they live.
    """

    def __init__(self, cache: Any = None) -> None:
        self._chosen_cache = cache
        self._memory = _MemoryTokens()

    def get_or_fetch(self, key: str, fetch: Fetch) -> str:
        """As TokenStore says; waits at most WAIT_SECONDS for another caller's fetch."""
        try:
            token = self._cache.get(_token_key(key))
        except _CACHE_AWAY as error:
            log.warning("token_cache_away", error=type(error).__name__)
            return self._memory.get_or_fetch(key, fetch)
        return token if isinstance(token, str) else self._take_turns(key, fetch)

    def drop(self, key: str, token: str) -> None:
        """As TokenStore says, in the cache and in memory."""
        self._memory.drop(key, token)
        try:
            if self._cache.get(_token_key(key)) == token:
                self._cache.delete(_token_key(key))
        except _CACHE_AWAY as error:
            log.warning("token_cache_away", error=type(error).__name__)

    @property
    def _cache(self) -> Any:
        if self._chosen_cache is None:
            from django.core.cache import cache

            self._chosen_cache = cache
        return self._chosen_cache

    def _take_turns(self, key: str, fetch: Fetch) -> str:
        """Become the one who fetches, or wait for that one and share the token or the failure."""
        own = secrets.token_hex(8)
        waited_for: set[str] = set()
        give_up_at = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < give_up_at:
            try:
                is_mine = self._cache.add(_lock_key(key), own, LOCK_SECONDS)
                seen = self._cache.get_many([_lock_key(key), _token_key(key), _failure_key(key)])
            except _CACHE_AWAY as error:
                log.warning("token_cache_away", error=type(error).__name__)
                return self._memory.get_or_fetch(key, fetch)
            token, failed = seen.get(_token_key(key)), seen.get(_failure_key(key))
            if not is_mine:
                waited_for.add(seen.get(_lock_key(key)) or failed or "")
            has_failed = bool(failed) and failed in waited_for
            if is_mine and not token and not has_failed:
                return self._fetch_as(own, key, fetch)
            if is_mine:
                self._release(own, key)
            if token:
                return str(token)
            if has_failed:
                # Everybody who waited fails with the one who asked: a crowd must not knock again one by one.
                raise TokenUnavailable("the fetch that was waited for failed")
            time.sleep(POLL_SECONDS)
        raise TokenUnavailable(f"no token within {WAIT_SECONDS:.0f} s")

    def _fetch_as(self, own: str, key: str, fetch: Fetch) -> str:
        try:
            token, seconds = fetch()
        except BaseException:
            self._safely(self._cache.set, _failure_key(key), own, FAILURE_SECONDS)
            raise
        else:
            self._safely(self._cache.set, _token_key(key), token, max(seconds - EARLY_SECONDS, 1))
            return token
        finally:
            self._release(own, key)

    def _release(self, own: str, key: str) -> None:
        if self._safely(self._cache.get, _lock_key(key)) == own:
            self._safely(self._cache.delete, _lock_key(key))

    def _safely(self, operation: Callable[..., Any], *arguments: Any) -> Any:
        """A fetched token is good even when it cannot be shared."""
        try:
            return operation(*arguments)
        except _CACHE_AWAY as error:
            log.warning("token_cache_away", error=type(error).__name__)
            return None


class _MemoryTokens:
    """One process's tokens, one fetch at a time for each key."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, float]] = {}
        self._locks: dict[str, threading.Lock] = {}

    def get_or_fetch(self, key: str, fetch: Fetch) -> str:
        with self._lock(key):
            token, good_until = self._kept.get(key, ("", 0.0))
            if time.monotonic() < good_until:
                return token
            token, seconds = fetch()
            self._kept[key] = (token, time.monotonic() + max(seconds - EARLY_SECONDS, 1))
            return token

    def drop(self, key: str, token: str) -> None:
        with self._lock(key):
            if self._kept.get(key, ("", 0.0))[0] == token:
                del self._kept[key]

    def _lock(self, key: str) -> threading.Lock:
        return self._locks.setdefault(key, threading.Lock())


def _token_key(key: str) -> str:
    return f"token:{key}"


def _lock_key(key: str) -> str:
    return f"token-lock:{key}"


def _failure_key(key: str) -> str:
    return f"token-failure:{key}"
