"""P3: how many SQL statements one initiate sends when its key is cached, counted by PostgreSQL itself."""

from dataclasses import dataclass

from bench.database import Statement
from bench.stack import Stack

SECONDS = 1.0
LONGEST_WARM_UP = 20


@dataclass(frozen=True, slots=True)
class Count:
    """All statements of the application role during `requests` initiates, with what does not count still in it."""

    requests: int
    statements: list[Statement]
    faults: list[str]

    @property
    def per_request(self) -> float:
        """Those the web sent itself, without transaction control, session settings and foreign-key checks."""
        return sum(s.calls for s in self.statements if s.sent and not s.excluded_as) / max(self.requests, 1)

    @property
    def inside_per_request(self) -> float:
        """Those that ran inside functions and triggers, foreign-key checks left out."""
        return sum(s.calls for s in self.statements if not s.sent and not s.excluded_as) / max(self.requests, 1)


def count_statements(stack: Stack, *, seconds: float) -> Count:
    """Cache every key first, forget what was counted, then count. Slower than usual: functions are looked into too."""
    stack.database.count_inside_functions()
    # Keys are kept for a minute: emptied and filled now, none runs out while we count.
    stack.forget_cache()
    warm = 0
    for _ in range(LONGEST_WARM_UP):
        warm += sum(stack.order("initiate", seconds=SECONDS)["statuses"].values())
        if warm > 2 * len(stack.seed["keys"]):
            break
    stack.database.forget_statements()
    got = stack.order("initiate", seconds=min(seconds, SECONDS))
    statements = stack.database.statements_of(stack.environ["DATABASE_URL"])
    faults = [f"P3: {got['wrong']} wrong answers {got['statuses']} {got['example']}"] if got["wrong"] else []
    return Count(sum(got["statuses"].values()), statements, faults)
