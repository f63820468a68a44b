"""What was named against what was planted."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from faults.statements.book import Book
from settlements.models import ReconException, ReconMatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Breaks by kind and name: those found, those nobody found, and those that are none. Matches left to a person."""

    found: int
    missed: Sequence[tuple[str, str]]
    false: Sequence[tuple[str, str]]
    proposals: int

    @property
    def is_clean(self) -> bool:
        return not self.missed and not self.false


def judge(book: Book) -> Verdict:
    """Compare what was named with what was planted; the names are the receipts of lines and payments."""
    named = Counter(ReconException.objects.filter(mode="test").values_list("kind", "external_id"))
    planted = Counter(book.breaks)
    return Verdict(
        found=(named & planted).total(),
        missed=sorted((planted - named).elements()),
        false=sorted((named - planted).elements()),
        proposals=ReconMatch.objects.filter(state="proposed").count(),
    )


def show(book: Book, verdict: Verdict, seconds: dict[str, float], say: Callable[[str], object]) -> None:
    for line in _shown(book, verdict, seconds):
        say(line)


def _shown(book: Book, verdict: Verdict, seconds: dict[str, float]) -> Iterator[str]:
    kinds = Counter(kind for kind, _ in book.breaks)
    yield f"statement, seed {book.plan.seed}: {len(book.rows)} lines, {len(book.payments)} payments," + (
        f" {len(book.payouts)} payouts"
    )
    yield f"    planted {len(book.breaks)}: " + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    yield "    near misses: " + ", ".join(f"{count} {name}" for name, count in sorted(Counter(book.misses).items()))
    yield f"    found {verdict.found}, missed {len(verdict.missed)}, false {len(verdict.false)}" + (
        f"; {verdict.proposals} of {book.proposals} left to a person"
    )
    yield "    seconds: " + ", ".join(f"{name} {took:.1f}" for name, took in seconds.items())
    for word, rows in (("missed", verdict.missed), ("false", verdict.false)):
        for kind, name in rows[:10]:
            yield f"    {word}: {kind} {name}"
