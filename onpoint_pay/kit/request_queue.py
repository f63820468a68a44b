"""Calls of the API on their way into the request log: a list in Valkey between the server and a worker.

What is lost: the one call a server process was serving when it died, and, while Valkey is away or full, what is called
meanwhile. A worker that dies loses nothing: a call leaves the list only after it is stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.core.cache import cache

NAME = "requests"
# About a kilobyte each. Without a worker nothing is taken out, and Valkey must not fill up.
MOST_WAITING = 50_000
# Only while the list still begins with what was read: two workers may have read the same.
DROP = """
if redis.call('LINDEX', KEYS[1], 0) ~= ARGV[1] then return 0 end
redis.call('LTRIM', KEYS[1], ARGV[2], -1)
return 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call and what became of it. `key_id` is the key that was let in with it; bodies are redacted JSON."""

    id: UUID
    at: datetime
    merchant_id: UUID
    mode: str
    actor: str
    key_id: UUID | None
    method: str
    path: str
    status: int
    ms: int
    address: str
    error_code: str
    idempotency_digest: str
    client_request_id: str
    request_body: str | None
    answer_body: str | None


def add_call(call: Call) -> bool:
    """Whether there was room. Raises what the cache raises while it is away."""
    client, name = _client(), _name()
    if client.rpush(name, orjson.dumps(call)) <= MOST_WAITING:
        return True
    # The newest go: a worker may be reading the oldest.
    client.ltrim(name, 0, MOST_WAITING - 1)
    return False


def first_calls(most: int) -> list[bytes]:
    """The oldest that wait, which stay where they are."""
    found: list[bytes] = _client().lrange(_name(), 0, most - 1)
    return found


def drop_calls(read: Sequence[bytes]) -> bool:
    """Take away what `first_calls` gave; False when somebody else did so before."""
    return bool(_client().eval(DROP, 1, _name(), read[0], len(read)))


def read_call(entry: bytes) -> Call:
    """Raises ValueError, TypeError or KeyError for what `add_call` did not write."""
    fields = orjson.loads(entry)
    for name in ("id", "merchant_id", "key_id"):
        fields[name] = UUID(fields[name]) if fields[name] else None
    return Call(**(fields | {"at": datetime.fromisoformat(fields["at"])}))


def _client() -> Any:
    return cache._cache.get_client(None, write=True)  # type: ignore[attr-defined]


def _name() -> str:
    return str(cache.make_key(NAME))
