"""The bell: a committed transaction that has made deliveries wakes a drain at once. Best effort: drains also look by
themselves four times a second, so a bell that is lost costs a quarter of a second and nothing else."""

import time
from functools import lru_cache

import structlog
from django.conf import settings
from django.db import connection, transaction
from redis import Redis, RedisError

log = structlog.get_logger(__name__)
KEY = "onpoint:webhooks:bell"
DRAINS_KEY = "onpoint:webhooks:drains"
FAILURES_KEY = "onpoint:webhooks:bell-failures"
# A drain that has not said so for this long is dead.
ALIVE_SECONDS = 3.0
TIMEOUT_SECONDS = 0.05
# Without a server every commit would wait for it: after a failure it is left alone for a second.
REST_SECONDS = 1.0

_silent_until = 0.0
_unheard = 0


@lru_cache(maxsize=1)
def _client() -> Redis:
    return Redis.from_url(settings.REDIS_URL, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS)


@lru_cache(maxsize=1)
def _listening_client() -> Redis:
    return Redis.from_url(settings.REDIS_URL, socket_timeout=ALIVE_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS)


def ring_on_commit() -> None:
    """Ring once when the open transaction is committed, however often it is asked to."""
    outer = set(connection.savepoint_ids)
    # One registered in a savepoint that is undone goes with it.
    if not any(call is ring and savepoints <= outer for savepoints, call, *_ in connection.run_on_commit):
        transaction.on_commit(ring, robust=True)


def ring() -> None:
    """Never raises and never takes longer than TIMEOUT_SECONDS."""
    global _silent_until, _unheard  # noqa: PLW0603
    if time.monotonic() < _silent_until:
        _unheard += 1
        return
    try:
        with _client().pipeline(transaction=False) as pipe:
            # Two waiting strokes are enough to wake everybody; more would only be answered late.
            pipe.lpush(KEY, b"1")
            pipe.ltrim(KEY, 0, 1)
            if _unheard:
                pipe.incrby(FAILURES_KEY, _unheard)
            pipe.execute()
        _unheard = 0
    except RedisError as error:
        _unheard += 1
        _silent_until = time.monotonic() + REST_SECONDS
        log.warning("bell_not_rung", error=type(error).__name__)


def listen(seconds: float) -> bool:
    """Wait for a stroke, at most `seconds`; True when there was one. Raises RedisError when the server is away."""
    return _listening_client().blpop([KEY], timeout=seconds) is not None


def say_alive(name: str) -> None:
    """A drain's sign of life. Never raises."""
    try:
        moment = time.time()
        with _client().pipeline(transaction=False) as pipe:
            pipe.zadd(DRAINS_KEY, {name: moment})
            pipe.zremrangebyscore(DRAINS_KEY, 0, moment - 60)
            pipe.expire(DRAINS_KEY, 60)
            pipe.execute()
    except RedisError:
        log.debug("drain_not_registered")


def say_gone(name: str) -> None:
    """Never raises."""
    try:
        _client().zrem(DRAINS_KEY, name)
    except RedisError:
        log.debug("drain_not_taken_off")


def drains_alive() -> int | None:
    """How many drains live; None when nobody can tell."""
    try:
        return int(_client().zcount(DRAINS_KEY, time.time() - ALIVE_SECONDS, "+inf"))
    except RedisError:
        return None


def bells_unheard() -> int | None:
    """Strokes that were lost since the server's data began; None when nobody can tell."""
    try:
        return int(_client().get(FAILURES_KEY) or 0)
    except RedisError:
        return None
