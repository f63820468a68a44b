"""The webhook part of a run: rounds of everything that is needed, first with workers, then without."""

from collections.abc import Callable, Sequence

from bench import machine
from bench.figures import Take, needed_for
from bench.hooks.figures import CLAIMS, CROWD_EVERY, CROWDS, FIGURES, WITH_WORKERS
from bench.hooks.stack import HookStack
from bench.hooks.takes import Takes

WARM_UP, WARM_UP_SECONDS = ("drain", "adapter", "post", "tasks", "bell"), 0.3

Say = Callable[[str], object]


def take_all(stack: HookStack, names: Sequence[str], *, rounds: int, seconds: float) -> list[Take]:
    """Each round takes every measurement once; the claims have the database to themselves, after the workers."""
    processors = machine.describe()["processors"]
    takes, needed = Takes(stack, seconds=seconds, processors=processors), needed_for(names, FIGURES)
    taken: list[Take] = []
    if needed & {*WITH_WORKERS, *CROWDS}:
        stack.start_workers()
        warming = Takes(stack, seconds=min(seconds, WARM_UP_SECONDS), processors=processors)
        # Round 0 is checked like the others and counts nowhere.
        taken += [warming.take(name, number=0) for name in WARM_UP if name in {"drain", *needed}]
        for number in range(1, rounds + 1):
            now = WITH_WORKERS if (number - 1) % CROWD_EVERY else WITH_WORKERS + CROWDS
            taken += [_take(takes, name, number, stack.say) for name in now if name in needed]
        stack.stop_workers()
    for name in (name for name in CLAIMS if name in needed):
        taken += [_take(takes, name, number, stack.say) for number in range(1, rounds + 1)]
    return taken


def _take(takes: Takes, name: str, number: int, say: Say) -> Take:
    take = takes.take(name, number=number)
    values = "".join(f"  {label} {value:.2f}" for label, value in take.values.items())
    lost = f"  {take.bells_lost} bells lost" if take.bells_lost else ""
    wrong = "  INCORRECT" if take.faults else ""
    say(f"round {number}  {name:14}{take.per_second:8.0f}/s{values}   others {take.unrelated:.0%}{lost}{wrong}")
    return take
