"""Gates that shut after failed tries, for a growing while. Without the store nobody gets through: it fails closed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import caches
from django_ratelimit.core import _split_rate
from redis.exceptions import NoScriptError

from onpoint_pay.kit.clock import now

log = structlog.get_logger(__name__)
FIRST_SECONDS = 60
# Nobody is kept out for longer by others who try in their name.
LONGEST_SECONDS = 15 * 60
# How long a gate that has shut remembers: the next failure shuts it for longer.
MEMORY_SECONDS = 24 * 60 * 60

# All gates are asked before one is counted, and counted before the try is made: of many tries at once only those that
# were free get through. ARGV: the time, first, longest, memory, then tries and seconds of each gate.
KNOCK = """
local at, first, longest, memory = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local wait = 0
for _, gate in ipairs(KEYS) do
  wait = math.max(wait, tonumber(redis.call('HGET', gate, 'shut_until') or '0') - at)
end
if wait > 0 then return {wait} end
local answer = {0}
for i, gate in ipairs(KEYS) do
  local free, window = tonumber(ARGV[3 + 2 * i]), tonumber(ARGV[4 + 2 * i])
  local tries = tonumber(redis.call('HGET', gate, 'tries') or '0')
  local since = tonumber(redis.call('HGET', gate, 'since') or '0')
  if at - since >= (tries >= free and memory or window) then tries = 0 end
  tries = tries + 1
  local shut_until = 0
  if tries >= free then shut_until = at + math.min(longest, first * 2 ^ (tries - free)) end
  if tries == 1 or tries >= free then since = at end
  redis.call('HSET', gate, 'tries', tries, 'since', since, 'shut_until', shut_until)
  redis.call('EXPIRE', gate, memory + longest)
  answer[i + 1] = shut_until > 0 and 1 or 0
end
return answer
"""
# The try was good: it is as if it had not been made.
FORGIVE = """
for _, gate in ipairs(KEYS) do
  local tries = tonumber(redis.call('HGET', gate, 'tries') or '0')
  if tries > 0 then redis.call('HSET', gate, 'tries', tries - 1, 'shut_until', 0) end
end
return 0
"""
SHA = {script: hashlib.sha1(script.encode()).hexdigest() for script in (KNOCK, FORGIVE)}  # noqa: S324 - the server's name


class StoreAway(Exception):
    """Nobody can say how often it was tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One thing that is counted: a policy of RATE_LIMITS, and whom it is counted for."""

    policy: str
    key: str

    @property
    def name(self) -> str:
        digest = hashlib.sha256(f"{self.policy}:{self.key}".encode()).hexdigest()[:32]
        return f"gate:{self.policy}:{digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """What one try met. `wait` seconds when a gate is shut: the try may not be made, and nothing was counted.

    `shut` are the gates that this try leaves shut behind it unless it is forgiven.
    """

    wait: int
    shut: tuple[Gate, ...] = ()


def knock(gates: Sequence[Gate]) -> Knock:
    """Count one try at every gate, before it is made. Raises StoreAway."""
    limits = [_split_rate(settings.RATE_LIMITS[gate.policy]) for gate in gates]
    pairs = [number for limit in limits for number in limit]
    at = int(now().timestamp())
    found = _run(KNOCK, gates, at, FIRST_SECONDS, LONGEST_SECONDS, MEMORY_SECONDS, *pairs)
    wait, *shut = [int(each) for each in found]
    return Knock(wait=wait, shut=tuple(gate for gate, is_shut in zip(gates, shut, strict=False) if is_shut))


def forgive(gates: Sequence[Gate]) -> None:
    """Take one try back: it was good. Raises StoreAway."""
    _run(FORGIVE, gates)


def reopen(gates: Sequence[Gate]) -> None:
    """Forget every try at the gates, as far as the store can be reached."""
    try:
        cache = caches[settings.RATELIMIT_USE_CACHE]
        cache.delete_many([gate.name for gate in gates])
    except Exception as error:  # noqa: BLE001 - gates open by themselves
        log.warning("lockout_store_away", error=type(error).__name__)


def _run(script: str, gates: Sequence[Gate], *arguments: int) -> Any:
    try:
        cache: Any = caches[settings.RATELIMIT_USE_CACHE]
        client = cache._cache.get_client(write=True)
        names = [cache.make_and_validate_key(gate.name) for gate in gates]
        try:
            return client.execute_command("EVALSHA", SHA[script], len(names), *names, *arguments)
        except NoScriptError:
            return client.execute_command("EVAL", script, len(names), *names, *arguments)
    except Exception as error:
        log.error("lockout_store_away", error=type(error).__name__)
        raise StoreAway from error
