"""The figures that are watched, in the text format that Prometheus reads."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from webhooks.selectors.metrics import BUCKETS, LATELY_MINUTES, Readings

Sample = tuple[Mapping[str, str], float]
LATELY = f"in the last {LATELY_MINUTES} minutes"


def metrics_text(found: Readings, *, drains: int | None, bells_unheard: int | None, at: datetime) -> str:
    """One exposition. `drains` and `bells_unheard` are left out when nobody can tell them."""
    age = 0.0 if found.oldest_due_at is None else max((at - found.oldest_due_at).total_seconds(), 0.0)
    waiting, receipts = found.waiting, found.receipts
    by_state = {"open": waiting.open, "due": waiting.due, "held": waiting.held, "failed": waiting.failed}
    edges = [*(({"le": f"{edge:g}"}, float(n)) for edge, n in zip(BUCKETS, receipts.by_bucket, strict=True))]
    quantiles = {"0.5": receipts.p50_seconds, "0.99": receipts.p99_seconds}
    told = [({"quantile": name}, seconds) for name, seconds in quantiles.items() if seconds is not None]
    lines = [
        *_gauge(
            "oldest_due_seconds", "How long the oldest due delivery waits; lanes that rest are left out.", _one(age)
        ),
        *_gauge("deliveries", "Deliveries that have not arrived; due ones are also open.", _by("state", by_state)),
        *_gauge("lanes", "Endpoints by the state of their breaker.", _by("breaker", found.lanes)),
        *_gauge("tries_lately", f"Tries {LATELY}.", _by("outcome", found.tries)),
        *_gauge(
            "receipts_lately",
            f"Deliveries that arrived {LATELY}, by the seconds since the change, each bucket with all below it.",
            [*edges, ({"le": "+Inf"}, float(receipts.total))],
        ),
        *_gauge("receipt_seconds", f"Seconds from the change to its receipt, {LATELY}.", told),
        *_gauge("drains", "Processes that deliver.", _one(drains)),
        *_gauge("bells_unheard", "Wake-up calls that were lost.", _one(bells_unheard)),
    ]
    return "\n".join(lines) + "\n"


def _one(value: float | None) -> list[Sample]:
    return [] if value is None else [({}, float(value))]


def _by(label: str, counts: Mapping[str, int]) -> list[Sample]:
    return [({label: name}, float(count)) for name, count in counts.items()]


def _gauge(name: str, meaning: str, samples: Iterable[Sample]) -> Iterator[str]:
    """The lines of one metric; labels are words of ours that need no escape."""
    whole = f"onpoint_webhooks_{name}"
    yield f"# HELP {whole} {meaning}"
    yield f"# TYPE {whole} gauge"
    for labels, value in samples:
        shown = ",".join(f'{label}="{word}"' for label, word in labels.items())
        yield f"{whole}{{{shown}}} {value:.10g}" if shown else f"{whole} {value:.10g}"
