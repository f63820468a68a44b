"""How a part of the run is told: a title, a table of figures, and the faults that were found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

SHOWN = 20


@dataclass(slots=True, kw_only=True)
class Outcome:
    """`figures` are lines of name and value; without `faults` the part is passed."""

    title: str
    figures: list[tuple[str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def add(self, name: str, value: object) -> None:
        self.figures.append((name, str(value)))


def show(outcome: Outcome, say: Callable[[str], object]) -> None:
    say(f"\n{outcome.title}: {'nothing lost' if not outcome.faults else f'{len(outcome.faults)} FAULTS'}")
    width = max(len(name) for name, _ in outcome.figures)
    for name, value in outcome.figures:
        say(f"    {name:<{width}}  {value}")
    for fault in outcome.faults[:SHOWN]:
        say(f"    FAULT  {fault}")
    if len(outcome.faults) > SHOWN:
        say(f"    and {len(outcome.faults) - SHOWN} more")


def share(part: int, whole: int) -> str:
    return f"{part:,} ({100 * part / whole:.2f} %)" if whole else f"{part:,}"


def milliseconds(seconds: Sequence[float]) -> str:
    """p50 and p99 of sorted values."""
    if not seconds:
        return "none"
    half, most = seconds[len(seconds) // 2], seconds[min(len(seconds) * 99 // 100, len(seconds) - 1)]
    return f"p50 {1000 * half:.1f} ms, p99 {1000 * most:.1f} ms ({len(seconds):,} deliveries)"
