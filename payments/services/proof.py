"""Running every invariant in one snapshot of the database."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from payments.invariants import INVARIANTS, Invariant

SHOWN_ROWS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One invariant's result: how many rows it found (0 is proof), a few of them, and the milliseconds it took."""

    invariant: Invariant
    rows: int
    examples: list[tuple[object, ...]]
    ms: float


def prove(invariants: Sequence[Invariant] = INVARIANTS) -> list[Finding]:
    """All findings, from one repeatable-read snapshot: a commit in the middle cannot raise a false alarm.

    The transaction is read-only: a proof changes nothing.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SET LOCAL statement_timeout = '60s'")
        return list(_run(invariants))


def _run(invariants: Sequence[Invariant]) -> Iterator[Finding]:
    for invariant in invariants:
        started = time.monotonic()
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM ({invariant.sql}) found LIMIT 1000")  # noqa: S608 - our own constants
            rows = cursor.fetchall()
        ms = (time.monotonic() - started) * 1000
        yield Finding(invariant=invariant, rows=len(rows), examples=rows[:SHOWN_ROWS], ms=ms)


def what_is_broken() -> str:
    """The names of the invariants that found a row, in words for a hold; empty when the books are proved."""
    broken = [f"{finding.invariant.name} {finding.invariant.meaning}" for finding in prove() if finding.rows]
    return "; ".join(broken)
