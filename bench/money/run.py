"""The money part of a run: the long ledger first, then the writers, each on a stack of its own."""

from collections.abc import Callable, Sequence

from bench import machine
from bench.figures import Take, needed_for
from bench.money import ledger_rows
from bench.money.figures import FIGURES, LEDGER, OF_ALL, OF_DAY, WRITERS
from bench.money.ledger_takes import LedgerTakes
from bench.money.stack import LedgerStack, WriterStack
from bench.money.writer_takes import WriterTakes

Say = Callable[[str], object]


def needs_ledger(names: Sequence[str]) -> bool:
    return bool(needed_for(names, FIGURES) & set(LEDGER))


def needs_writers(names: Sequence[str]) -> bool:
    return bool(needed_for(names, FIGURES) & set(WRITERS))


def take_ledger(stack: LedgerStack, names: Sequence[str], *, rounds: int) -> list[Take]:
    """The ledger as it was made is proved, and again when all is settled; only looking is done in every round."""
    needed = needed_for(names, FIGURES)
    takes = LedgerTakes(stack, processors=machine.describe()["processors"])
    made = Take(name="ledger", done=stack.entries, faults=ledger_rows.faults(stack.database, when="as made"))
    stack.say(f"ledger: proved, {len(made.faults)} faults")
    taken = [made]
    if needed & set(OF_ALL):
        taken += [_said(take, stack.say) for take in takes.net_of_all()]
    if needed & set(OF_DAY):
        taken.append(_said(takes.settle_history(), stack.say))
        for number in range(1, rounds + 1):
            taken += [_said(take, stack.say) for take in takes.of_day(number)]
        taken.append(_said(takes.settle_day(), stack.say))
        stack.say("ledger: settled, proving")
        taken[-1].faults += ledger_rows.faults(stack.database, when="settled")
    return taken


def take_writers(stack: WriterStack, names: Sequence[str], *, rounds: int, seconds: float) -> list[Take]:
    """Each round takes every measurement once; afterwards the books are proved."""
    needed = needed_for(names, FIGURES)
    takes = WriterTakes(stack, seconds=seconds, processors=machine.describe()["processors"])
    takes.begin()
    order = [name for name in WRITERS if name in needed]
    taken = [_said(takes.take(name, number=number), stack.say) for number in range(1, rounds + 1) for name in order]
    taken[-1].faults += takes.faults()
    return taken


def _said(take: Take, say: Say) -> Take:
    values = "".join(f"  {label} {value:.2f}" for label, value in take.values.items())
    wrong = "  INCORRECT" if take.faults else ""
    say(f"round {take.round}  {take.name:16}{take.per_second:8.0f}/s{values}   others {take.unrelated:.0%}{wrong}")
    return take
