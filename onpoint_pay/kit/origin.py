"""Where the request that is being served came from, for whoever writes down what it did."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

LONGEST_AGENT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One request: its id, the true peer's address, and the name its client gives itself."""

    request_id: str
    address: str
    user_agent: str


_serving: ContextVar[Origin | None] = ContextVar("origin", default=None)


def origin() -> Origin | None:
    """Of the request at work; None in a job or a command."""
    return _serving.get()


@contextmanager
def serving(request_id: str, *, address: str, user_agent: str) -> Iterator[None]:
    """What happens inside belongs to this request."""
    agent = user_agent.replace("\x00", "")[:LONGEST_AGENT]
    token = _serving.set(Origin(request_id=request_id, address=address, user_agent=agent))
    try:
        yield
    finally:
        _serving.reset(token)
