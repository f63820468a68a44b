"""One measurement of one limit or scenario, with its CPU and the proof that it did what it claims."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from bench import cpu
from bench.pgbench import Tally, initiate_script, insert_script
from bench.stack import Stack

T = TypeVar("T")
FIRST_WARM_UP_SECONDS = 2.0
WARM_UP_SECONDS = 1.0
REAPING_SECONDS = 0.3
PRODUCT = ("web", "postgres", "valkey")
# What is measured -> the process trees whose CPU one request of it costs.
COUNTED = {
    "L-web": ("empty",),
    "L-db-simple": ("postgres",),
    "L-ins": ("postgres",),
    "initiate": PRODUCT,
    "initiate+webhook": PRODUCT,
    "status": PRODUCT,
    "callback": PRODUCT,
}
A_PAYMENT = ("payments", "pending", "operations_accepted", "keys_answered", "events_created", "events_pending")
# What is measured -> the rows each request of it must have made, one of each; all other counts must stand still.
EFFECTS: dict[str, tuple[str, ...]] = {
    "L-web": (),
    "L-db-simple": A_PAYMENT,
    "L-ins": ("inserts",),
    "initiate": A_PAYMENT,
    "initiate+webhook": (*A_PAYMENT, "deliveries", "deliveries"),
    "status": (),
    "callback": ("callbacks",),
}


@dataclass(slots=True)
class Measure:
    """One measurement. CPU in seconds by process tree; `unrelated` and `stolen` are shares of the whole machine."""

    name: str
    round: int
    requests: int
    per_second: float
    seconds: float
    cpu: dict[str, float]
    unrelated: float
    stolen: float
    faults: list[str] = field(default_factory=list)

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU one request took from the trees that count."""
        return 1e6 * sum(self.cpu[name] for name in COUNTED[self.name]) / max(self.requests, 1)

    def tree_us(self, tree: str) -> float:
        return 1e6 * self.cpu[tree] / max(self.requests, 1)

    @property
    def driven_share(self) -> float:
        """What the load and the provider's stand-in took of all CPU this measurement used."""
        driving = self.cpu["load"] + self.cpu["provider"]
        total = driving + sum(self.cpu[name] for name in COUNTED[self.name])
        return driving / total if total else 0.0


class Rounds:
    """Takes measurements on a running stack, each checked against the rows it must have made."""

    def __init__(self, stack: Stack, *, seconds: float, processors: int) -> None:
        self._stack = stack
        self._seconds = seconds
        self._processors = processors
        self._scripts = {"L-db-simple": initiate_script(stack.seed["statements"]), "L-ins": insert_script()}

    def warm_up(self, names: Iterable[str]) -> None:
        """Once after the start: every thread of the web opens its connection, every session compiles its functions."""
        for name in names:
            if name not in self._scripts:
                self._stack.order(name, seconds=min(FIRST_WARM_UP_SECONDS, self._seconds))

    def measure(self, name: str, *, number: int) -> Measure:
        before = self._stack.database.counts()
        taken, effects = self._by_pgbench(name) if name in self._scripts else self._by_load(name)
        taken.round = number
        taken.faults += faults_in_rows(name, before, self._stack.database.counts(), requests=effects)
        return taken

    def _by_pgbench(self, name: str) -> tuple[Measure, int]:
        def work() -> Tally:
            tally = self._stack.pgbench.run(name, self._scripts[name], seconds=self._seconds)
            # Its sessions end with it; until PostgreSQL has reaped them their time belongs to nobody.
            time.sleep(REAPING_SECONDS)
            return tally

        tally, spent, seconds = self._spend(work)
        taken = self._note(name, tally.done, tally.per_second, seconds=seconds, spent=spent)
        return taken, tally.done

    def _by_load(self, name: str) -> tuple[Measure, int]:
        warm = self._stack.order(name, seconds=min(WARM_UP_SECONDS, self._seconds))
        got, spent, seconds = self._spend(lambda: self._stack.order(name, seconds=self._seconds))
        done = sum(got["statuses"].values())
        taken = self._note(name, done, done / got["seconds"], seconds=seconds, spent=spent)
        for part in (warm, got):
            if part["wrong"] or part["broken"]:
                taken.faults.append(
                    f"{name}: {part['wrong']} wrong answers, {part['broken']} broken connections "
                    f"{part['statuses']} {part['example']}"
                )
        return taken, done + sum(warm["statuses"].values())

    def _spend(self, work: Callable[[], T]) -> tuple[T, cpu.Reading, float]:
        """The work's result, the CPU used meanwhile, and the seconds it took."""
        began, before = time.monotonic(), cpu.read(self._stack.roots)
        result = work()
        spent = cpu.read(self._stack.roots).since(before)
        return result, spent, time.monotonic() - began

    def _note(self, name: str, done: int, per_second: float, *, seconds: float, spent: cpu.Reading) -> Measure:
        machine = max(seconds * self._processors, 1e-9)
        return Measure(
            name=name,
            round=0,
            requests=done,
            per_second=per_second,
            seconds=seconds,
            cpu={tree: round(used, 3) for tree, used in spent.trees.items()},
            unrelated=max(spent.machine - spent.ours, 0.0) / machine,
            stolen=spent.stolen / machine,
        )


def faults_in_rows(name: str, before: dict[str, int], after: dict[str, int], *, requests: int) -> list[str]:
    """A fast wrong run is a failure: every request has made its rows, and nothing else was made."""
    found = []
    for kind in before:
        due = requests * EFFECTS[name].count(kind)
        if after[kind] - before[kind] != due:
            found.append(f"{name}: {after[kind] - before[kind]} {kind} instead of {due} for {requests} requests")
    return found
