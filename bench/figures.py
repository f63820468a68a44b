"""A figure that is taken from the measurements of one round, and the measurement itself."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bench import cpu
from bench.ratios import Summary


@dataclass(slots=True, kw_only=True)
class Take:
    """`done` is what was done, counted; CPU in seconds by process tree; `values` whatever else was taken, by name."""

    name: str
    round: int = 0
    done: int
    per_second: float = 0.0
    # What the commits were to keep to; 0 where as much as possible was wanted.
    asked: float = 0.0
    seconds: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)
    unrelated: float = 0.0
    stolen: float = 0.0
    # The bell is given up after 50 ms: on a machine that is too busy the drains then look by themselves.
    bells_lost: int = 0
    values: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def us(self, *trees: str) -> float:
        """Microseconds of CPU for each that was done."""
        return 1e6 * sum(self.cpu.get(tree, 0.0) for tree in trees) / max(self.done, 1)


def spend(name: str, work: Callable[[], object], *, roots: Mapping[str, int], processors: int) -> Take:
    """Do the work and note the time and CPU it took; what was done is for the caller to fill in."""
    began, before = time.monotonic(), cpu.read(roots)
    work()
    spent, seconds = cpu.read(roots).since(before), time.monotonic() - began
    machine = max(seconds * processors, 1e-9)
    return Take(
        name=name,
        done=0,
        seconds=round(seconds, 3),
        cpu={tree: round(used, 3) for tree, used in spent.trees.items()},
        unrelated=max(spent.machine - spent.ours, 0.0) / machine,
        stolen=spent.stolen / machine,
    )


def share(values: Sequence[float], part: float) -> float:
    """The value that `part` of all do not exceed; 0 of none."""
    return sorted(values)[min(int(part * len(values)), len(values) - 1)] if values else 0.0


Found = Mapping[str, Take]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`of` takes it from one round's measurements; `needs` are those it uses and those shown beside it."""

    name: str
    what: str
    needs: tuple[str, ...]
    of: Callable[[Found], float]
    # Without one it is for information.
    target: float | None = None
    low_is_good: bool = True

    def values(self, takes: Iterable[Take]) -> list[float]:
        """One per round that has all it needs."""
        by_round: dict[int, dict[str, Take]] = {}
        for take in (each for each in takes if each.round):
            by_round.setdefault(take.round, {})[take.name] = take
        return [self.of(found) for found in by_round.values() if found.keys() >= set(self.needs)]

    def summary(self, values: Sequence[float]) -> Summary:
        return Summary(values, low_is_good=self.low_is_good)


def needed_for(names: Iterable[str], figures: Iterable[Figure]) -> set[str]:
    """The measurements behind the named figures."""
    chosen = set(names)
    return {need for figure in figures if figure.name in chosen for need in figure.needs}
