"""Settlement over a long ledger: what is due, and the batches of a day, beside one look at every entry."""

from collections.abc import Callable
from datetime import timedelta

from bench.figures import Take, spend
from bench.money import ledger_rows
from bench.money.stack import LedgerStack

ONE_DAY = timedelta(days=1)
# What was captured on this Monday, and by card since Friday, falls due on Tuesday.
DAY = ledger_rows.FIRST_DAY + timedelta(days=ledger_rows.HISTORY_DAYS)
TIMES = 5
SHOPS_AT_ONCE = 10


class LedgerTakes:
    """Takes measurements on a ledger; what is settled stays settled, so the order is that of a ledger's life."""

    def __init__(self, stack: LedgerStack, *, processors: int) -> None:
        self._stack, self._processors = stack, processors
        self._wanted = ledger_rows.wanted(stack.database, mobile_until=DAY, card_until=DAY - ONE_DAY)

    def net_of_all(self) -> list[Take]:
        """Before anything is settled: everything that ever fell due, once, beside a look at it all."""
        return [self._scan("scan-all", 1), self._net("net-all", 1, times=TIMES)]

    def settle_history(self) -> Take:
        """Everything that was due the morning before, by the product, in one batch for each merchant."""
        until, merchants = DAY - ONE_DAY, self._stack.merchants

        def work() -> None:
            for first in range(0, len(merchants), SHOPS_AT_ONCE):
                some = merchants[first : first + SHOPS_AT_ONCE]
                self._stack.books.order(do="settle", day=str(until), merchants=some)
                self._stack.say(f"ledger: history of {first + len(some)} of {len(merchants)} merchants settled")

        taken = spend("history", work, roots=self._stack.roots, processors=self._processors)
        taken.done = ledger_rows.lined(self._stack.database)[0]
        taken.per_second = taken.done / taken.seconds
        if taken.done < self._stack.entries // (2 * ledger_rows.ENTRIES_EACH):
            taken.faults.append(f"history: only {taken.done} transfers were settled")
        self._stack.database.execute("VACUUM ANALYZE")
        return taken

    def of_day(self, number: int) -> list[Take]:
        """A look at it all, and what is due of the day; nothing is written, so every round finds the same."""
        return [self._scan("scan", number), self._net("net-day", number, times=TIMES)]

    def settle_day(self) -> Take:
        """The day settled, once for ever."""
        (lines, total), before = self._due(), ledger_rows.lined(self._stack.database)
        taken = self._note("batches", 1, lambda: self._stack.books.order(do="settle", day=str(DAY)), lines)
        after = ledger_rows.lined(self._stack.database)
        made = (after[0] - before[0], after[1] - before[1])
        if made != (lines, total):
            taken.faults.append(f"batches: {made[0]} lines of {made[1]} instead of {lines} of {total}")
        released = ledger_rows.released(self._stack.database, day=DAY)
        if released != total:
            taken.faults.append(f"batches: {released} was released of {total}")
        return taken

    def _scan(self, name: str, number: int) -> Take:
        return self._note(name, number, lambda: self._stack.books.order(do="scan", times=TIMES), self._stack.entries)

    def _net(self, name: str, number: int, *, times: int) -> Take:
        lines, total = self._due()
        answer: dict[str, float] = {}

        def work() -> dict[str, float]:
            answer.update(self._stack.books.order(do="net", day=str(DAY), times=times))
            return answer

        taken = self._note(name, number, work, lines)
        if (answer["lines"], answer["total"]) != (lines, total):
            taken.faults.append(f"{name}: {answer['lines']} due of {answer['total']}, not {lines} of {total}")
        return taken

    def _due(self) -> tuple[int, int]:
        """Lines and minor units: all that was ever due, without what is settled."""
        settled = ledger_rows.lined(self._stack.database)
        return self._wanted[0] - settled[0], self._wanted[1] - settled[1]

    def _note(self, name: str, number: int, work: Callable[[], dict[str, float]], done: int) -> Take:
        answers: list[dict[str, float]] = []
        taken = spend(name, lambda: answers.append(work()), roots=self._stack.roots, processors=self._processors)
        taken.round, taken.done = number, done
        taken.values = {"ms": 1000 * answers[0]["s"]}
        if not done:
            taken.faults.append(f"{name}: there was nothing to do")
        taken.per_second = done / max(answers[0]["s"], 1e-9)
        return taken
