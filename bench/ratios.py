"""The figures that are compared with targets: each divides a scenario by its limit within the same round."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.rounds import Measure

CPU, RATE = "CPU", "requests/s"


@dataclass(frozen=True, slots=True)
class Ratio:
    """`unit` of `scenario` over that of `limit`; `target` is a ceiling for CPU and a floor for rates."""

    name: str
    what: str
    scenario: str
    limit: str
    unit: str
    target: float | None = None

    def of(self, measures: Iterable[Measure]) -> list[float]:
        """One value per round."""
        value: Callable[[Measure], float] = (lambda m: m.cpu_us) if self.unit == CPU else (lambda m: m.per_second)
        by_round: dict[int, dict[str, float]] = {}
        for measure in measures:
            by_round.setdefault(measure.round, {})[measure.name] = value(measure)
        return [taken[self.scenario] / taken[self.limit] for taken in by_round.values() if taken.get(self.limit)]

    def summary(self, values: Sequence[float]) -> "Summary":
        return Summary(values, low_is_good=self.unit == CPU)


@dataclass(frozen=True, slots=True)
class Summary:
    """Median, best and range of the rounds' values."""

    values: Sequence[float]
    low_is_good: bool

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def best(self) -> float:
        return min(self.values) if self.low_is_good else max(self.values)

    def meets(self, target: float | None) -> bool | None:
        if target is None:
            return None
        return self.median <= target if self.low_is_good else self.median >= target


def describe_values(summary: Summary, *, target: float | None, bound: str) -> dict[str, Any]:
    """Median, best, range and every round's value, with the target and whether the median meets it."""
    return {
        "median": round(summary.median, 3),
        "best": round(summary.best, 3),
        "range": [round(min(summary.values), 3), round(max(summary.values), 3)],
        "values": [round(value, 4) for value in summary.values],
        "target": target,
        "bound": bound,
        "met": summary.meets(target),
    }


RATIOS = (
    Ratio("P1", "initiate, provider at 0 ms", "initiate", "L-web", CPU, 20),
    Ratio("P1w", "the same with a webhook endpoint", "initiate+webhook", "L-web", CPU),
    Ratio("P2", "initiate", "initiate", "L-db-simple", RATE, 0.20),
    Ratio("P7", "callback acknowledged", "callback", "L-ins", RATE, 0.12),
    Ratio("P7c", "callback acknowledged", "callback", "L-web", CPU, 3),
    Ratio("P9", "status GET", "status", "L-web", CPU, 4.5),
)
STATEMENTS = "P3"
STATEMENTS_TARGET = 5
NAMES = sorted([*(ratio.name for ratio in RATIOS), STATEMENTS])
# Every round takes them in this order.
ORDER = ("L-web", "initiate", "L-db-simple", "initiate+webhook", "callback", "L-ins", "status")


def needed_for(names: Iterable[str]) -> list[str]:
    """The measurements behind the named figures, in their order."""
    chosen = [ratio for ratio in RATIOS if ratio.name in set(names)]
    needed = {ratio.scenario for ratio in chosen} | {ratio.limit for ratio in chosen}
    return [name for name in ORDER if name in needed]
