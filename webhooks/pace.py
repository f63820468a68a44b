"""How fast one endpoint is served: its window, its breaker, its rate, and since when it has been failing.

Pure arithmetic in the memory of the drain that holds the lane; what it has learned is written to the lane's row.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

FIRST_WINDOW, LARGEST_WINDOW = 4, 32
QUICK_MS = 1000
TRIP_AFTER_FAILURES = 5
TRIP_AFTER = timedelta(seconds=10)
TRIP_SECONDS, LONGEST_TRIP_SECONDS = 10.0, 900.0
TRIP_SPREAD = 0.2
CLOSED, OPEN, HALF = "closed", "open", "half"
# Answers that ask for less: the server is overloaded or did not answer in time. Any other answer is an opinion.
OVERLOADED = frozenset({429})


@dataclass(slots=True, kw_only=True)
class Lane:
    """One endpoint while a drain holds it. `flying` tries are under way, `sent` were made since it was taken."""

    endpoint_id: UUID
    token: UUID
    merchant_id: UUID
    head: int
    leases_lost: int
    window: int = FIRST_WINDOW
    breaker: str = CLOSED
    last_ms: int | None = None
    open_until: datetime | None = None
    times_tripped: int = 0
    failures_in_row: int = 0
    failing_since: datetime | None = None
    failing_tries: int = 0
    failing_events: int = 0
    last_success_at: datetime | None = None
    notified_level: int = 0
    rate_limit: int | None = None
    taken_at: float = 0.0
    flying: int = 0
    sent: int = 0
    # The last look brought all it had room for: there is more.
    is_behind: bool = False
    # What was learned is not in the row yet.
    is_changed: bool = False
    tokens: float = 1.0
    tokens_at: float = field(default=0.0)

    def room(self, moment: float) -> int:
        """Tries that may begin now; `moment` is monotonic seconds."""
        if self.is_resting:
            return 0
        if self.breaker == HALF:
            return 1 - min(self.flying, 1)
        # While nobody knows how long it takes to answer, one try tells; many could hold many threads for long.
        room = (1 if self.last_ms is None else self.window) - self.flying
        if self.rate_limit is None:
            return max(room, 0)
        passed = max(moment - self.tokens_at, 0.0)
        self.tokens, self.tokens_at = min(self.tokens + passed * self.rate_limit, float(self.rate_limit)), moment
        return max(min(room, int(self.tokens)), 0)

    def begin(self, count: int) -> None:
        self.flying += count
        self.sent += count
        if self.rate_limit is not None:
            self.tokens -= count

    @property
    def is_slow(self) -> bool:
        """Its last answer took a second: it holds a thread for long."""
        return self.last_ms is not None and self.last_ms >= QUICK_MS

    @property
    def is_resting(self) -> bool:
        return self.breaker == OPEN or self.open_until is not None

    def rest(self, *, at: datetime) -> None:
        """Before it is given back: whoever takes it next begins with one token, so it must not be taken before."""
        if self.rate_limit is not None and self.tokens < 1:
            self.pause((1 - self.tokens) / self.rate_limit, at=at)

    # --- what an answer teaches -----------------------------------------------------------------------------------

    def succeed(self, *, total_ms: int, at: datetime) -> None:
        self.last_ms, self.last_success_at = total_ms, at
        if self.breaker != CLOSED:
            # A shop that has just come back meets a growing flow, not a stampede.
            self.breaker, self.window, self.times_tripped = CLOSED, 1, 0
            self.is_changed = True
        elif total_ms < QUICK_MS:
            self.window = min(self.window + 1, LARGEST_WINDOW)
        if self.failing_since is not None:
            self.failures_in_row = self.failing_tries = self.failing_events = self.notified_level = 0
            self.failing_since = None
            self.is_changed = True

    def fail(
        self, *, status: int | None, total_ms: int, at: datetime, is_first_try: bool, chance: Callable[[], float]
    ) -> None:
        """`chance` draws from [0, 1): it spreads the time at which a broken endpoint is tried again."""
        self.last_ms, self.is_changed = total_ms, True
        if status is None or status >= 500 or status in OVERLOADED:  # noqa: PLR2004 - server errors
            self.window = max(self.window // 2, 1)
        elif total_ms < QUICK_MS:
            self.window = min(self.window + 1, LARGEST_WINDOW)
        self.failures_in_row += 1
        self.failing_since = self.failing_since or at
        self.failing_tries += 1
        self.failing_events += is_first_try
        if self.breaker == HALF or (self.breaker == CLOSED and self._is_broken(at)):
            self._trip(at, chance())

    def pause(self, seconds: float, *, at: datetime) -> None:
        """The receiver asked to be left alone."""
        until = at + timedelta(seconds=seconds)
        self.open_until = until if self.open_until is None else max(self.open_until, until)
        self.is_changed = True

    def _is_broken(self, at: datetime) -> bool:
        lately = self.last_success_at is not None and at - self.last_success_at < TRIP_AFTER / settings.SWEEP_SPEED
        return self.failures_in_row >= TRIP_AFTER_FAILURES and not lately

    def _trip(self, at: datetime, chance: float) -> None:
        seconds = min(TRIP_SECONDS * 2**self.times_tripped, LONGEST_TRIP_SECONDS)
        seconds *= (1 - TRIP_SPREAD + 2 * TRIP_SPREAD * chance) / settings.SWEEP_SPEED
        self.breaker, self.open_until = OPEN, at + timedelta(seconds=seconds)
        # The step reaches its longest long before this, and the power must stay small.
        self.times_tripped = min(self.times_tripped + 1, 10)
