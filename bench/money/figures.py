"""The figures of settlement and of payments being completed; each is taken from the measurements of one round."""

from collections.abc import Callable

from bench.figures import Figure, Found, Take

# Before anything is settled, then one day after the other.
OF_ALL, OF_DAY = ("scan-all", "net-all"), ("scan", "net-day", "batches")
LEDGER = (*OF_ALL, *OF_DAY)
# Every round takes these in this order.
WRITERS = ("many", "L-db", "commits", "many+1ms", "one-striped+1ms", "one+1ms")


def _times(take: str, over: str) -> Callable[[Found], float]:
    return lambda found: found[take].values["ms"] / max(found[over].values["ms"], 1e-9)


def _rate(take: str, over: str) -> Callable[[Found], float]:
    return lambda found: found[take].per_second / max(found[over].per_second, 1e-9)


def _seconds(take: Take) -> float:
    return take.cpu["postgres"] + take.cpu["books"]


FIGURES = (
    Figure(
        name="P13",
        what="the net of all entries, nothing settled yet / L-scan",
        needs=("net-all", "scan-all"),
        of=_times("net-all", "scan-all"),
        target=3,
    ),
    Figure(
        name="P13c",
        what="the same, CPU",
        needs=("net-all", "scan-all"),
        of=lambda found: _seconds(found["net-all"]) / max(_seconds(found["scan-all"]), 1e-9),
        target=3,
    ),
    Figure(
        name="P13d",
        what="a day's net beside settled months / L-scan",
        needs=("net-day", "scan"),
        of=_times("net-day", "scan"),
        target=3,
    ),
    Figure(
        name="P13s",
        what="a day's batches written and released, us a line",
        needs=("batches",),
        of=lambda found: 1e6 / max(found["batches"].per_second, 1e-9),
    ),
    Figure(
        name="P14",
        what="16 writers, 1 merchant on 16 rows / 16 merchants",
        needs=("one-striped+1ms", "many+1ms"),
        of=_rate("one-striped+1ms", "many+1ms"),
        target=0.8,
        low_is_good=False,
    ),
    Figure(
        name="P14u",
        what="16 writers, 1 merchant on 1 row / 16 merchants",
        needs=("one+1ms", "many+1ms"),
        of=_rate("one+1ms", "many+1ms"),
        low_is_good=False,
    ),
    Figure(
        name="P17",
        what="payments completed/s with the full ledger / L-db",
        needs=("many", "L-db"),
        of=_rate("many", "L-db"),
        low_is_good=False,
    ),
    Figure(
        name="P17u",
        what="the same / commits of one row",
        needs=("many", "commits"),
        of=_rate("many", "commits"),
        low_is_good=False,
    ),
)
NAMES = [figure.name for figure in FIGURES]
OF_LEDGER = [figure.name for figure in FIGURES if set(figure.needs) <= set(LEDGER)]
