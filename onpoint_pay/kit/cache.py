"""Django's Redis cache with fewer steps: one client kept per pool, and a rate limit counted in one round trip."""

import hashlib
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import NoScriptError

# A counter and its end are made together: one that could outlive its window would never go away.
COUNT = """
if ARGV[2] == '' then redis.call('SET', KEYS[1], 0, 'NX') else redis.call('SET', KEYS[1], 0, 'NX', 'EX', ARGV[2]) end
return redis.call('INCRBY', KEYS[1], ARGV[1])
"""
COUNT_SHA = hashlib.sha1(COUNT.encode()).hexdigest()  # noqa: S324 - the name the server gives it


class _KeptClient(RedisCacheClient):
    """Django builds a client for every command, which costs more than the command itself; clients may be shared."""

    def __init__(self, servers: Any, **options: Any) -> None:
        super().__init__(servers, **options)
        self._clients: dict[int, Any] = {}

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        index: int = self._get_connection_pool_index(write)  # type: ignore[attr-defined]
        if index not in self._clients:
            self._clients[index] = super().get_client(key, write=write)
        return self._clients[index]

    def count(self, key: str, amount: int, seconds: int | None) -> int:
        """The counter after adding; a new one begins at zero and falls after `seconds` (None: never)."""
        client = self.get_client(key, write=True)
        arguments = (1, key, amount, "" if seconds is None else seconds)
        try:
            return int(client.execute_command("EVALSHA", COUNT_SHA, *arguments))
        except NoScriptError:
            return int(client.execute_command("EVAL", COUNT, *arguments))


class KeptRedisCache(RedisCache):
    """The cache of the product."""

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = _KeptClient


class CountingCache(KeptRedisCache):
    """For django-ratelimit, which adds a counter and, when there is one, increments it: both happen in `add`.

    `incr` then gives what `add` counted. Instances belong to one thread, as Django hands caches out.
    """

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._counted: dict[str, int] = {}

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Count `value` onto the key; True when this made the counter."""
        name = self.make_and_validate_key(key, version=version)
        client: Any = self._cache
        counted = client.count(name, value, self.get_backend_timeout(timeout))
        if counted == value:
            return True
        self._counted = {name: counted}
        return False

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        name = self.make_and_validate_key(key, version=version)
        counted = self._counted.pop(name, None)
        return super().incr(key, delta, version) if counted is None else counted
