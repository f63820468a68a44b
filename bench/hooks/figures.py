"""The webhook figures that are compared with targets; each is taken from the measurements of one round."""

from collections.abc import Callable

from bench.figures import Figure, Found

# Every round takes these in this order while the workers run.
WITH_WORKERS = (
    "drain",
    "adapter",
    "post",
    "tasks",
    "receipt-100",
    "floor-100",
    "receipt-800",
    "floor-800",
    "bell",
)
# These last longer: one round in so many takes them.
CROWDS, CROWD_EVERY = ("50", "50-one-hangs", "200", "200-many-fail"), 3
# When the workers have stopped.
CLAIMS = ("claim-few", "claim")


def _rate(over: str) -> Callable[[Found], float]:
    return lambda found: found["drain"].per_second / max(found[over].per_second, 1e-9)


def _value(take: str, name: str) -> Callable[[Found], float]:
    return lambda found: found[take].values[name]


def _tail(with_bad: str, without: str) -> Callable[[Found], float]:
    return lambda found: found[with_bad].values["p99_ms"] / max(found[without].values["p99_ms"], 1e-9)


def _worker_cpu(found: Found) -> float:
    return found["drain"].us("worker") / max(found["adapter"].us("control-1", "control-2"), 1e-9)


FIGURES = (
    Figure(
        name="W1",
        what="deliveries/s / two loops of the bare adapter",
        needs=("drain", "adapter"),
        of=_rate("adapter"),
        target=0.40,
        low_is_good=False,
    ),
    Figure(
        name="W2",
        what="deliveries/s / two loops of Session.post",
        needs=("drain", "post"),
        of=_rate("post"),
        target=1.3,
        low_is_good=False,
    ),
    Figure(
        name="W3",
        what="deliveries/s / a Celery task per delivery",
        needs=("drain", "tasks"),
        of=_rate("tasks"),
        target=10,
        low_is_good=False,
    ),
    Figure(
        name="W4",
        what="worker, CPU / a request of the bare adapter",
        needs=("drain", "adapter"),
        of=_worker_cpu,
        target=2.2,
    ),
    Figure(
        name="W5",
        what="PostgreSQL, us of CPU per delivery",
        needs=("drain",),
        of=lambda found: found["drain"].us("postgres"),
        target=60,
    ),
    Figure(
        name="W6",
        what="claim and fetch 800 of 125,000 per --seconds, ms",
        needs=("claim", "claim-few"),
        of=_value("claim", "ms"),
        target=5,
    ),
    Figure(
        name="W7",
        what="commit to receipt at 100/s, p50 ms",
        needs=("receipt-100", "floor-100"),
        of=_value("receipt-100", "p50_ms"),
        target=2,
    ),
    Figure(
        name="W7t",
        what="commit to receipt at 100/s, p99 ms",
        needs=("receipt-100", "floor-100"),
        of=_value("receipt-100", "p99_ms"),
        target=10,
    ),
    Figure(
        name="W8",
        what="commit to receipt at 800/s, p50 ms",
        needs=("receipt-800", "floor-800"),
        of=_value("receipt-800", "p50_ms"),
        target=4,
    ),
    Figure(
        name="W8t",
        what="commit to receipt at 800/s, p99 ms",
        needs=("receipt-800", "floor-800"),
        of=_value("receipt-800", "p99_ms"),
        target=20,
    ),
    Figure(
        name="W9",
        what="others' p99 with 1 of 50 hanging / without",
        needs=("50", "50-one-hangs"),
        of=_tail("50-one-hangs", "50"),
        target=2,
    ),
    Figure(
        name="W10",
        what="others' p99, of 200 40 hang and 20 fail / without",
        needs=("200", "200-many-fail"),
        of=_tail("200-many-fail", "200"),
        target=2,
    ),
    Figure(
        name="W11",
        what="the bell, ms of a committing request, p50",
        needs=("bell",),
        of=lambda found: found["bell"].values["with"] - found["bell"].values["without"],
        target=0.4,
    ),
)
NAMES = [figure.name for figure in FIGURES]
