"""Processes that complete payments: each takes claims of success and applies them as the product's worker does.

`python -m bench.money.writers SEED COUNT`. Orders: `store` makes payments that wait for their payer, each with a claim
of success in the inbox; `complete` lets every writer apply claims until the time is over.
"""

import json
import multiprocessing
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from uuid import UUID

import django

from bench.figures import share
from bench.plans import callback_body

# As many as the product's worker takes at once.
BATCH, STORED_AT_ONCE = 50, 200
# Twelve digits, and far from those that runs of pgbench count through.
STORED_FROM = 950_000_000_000
# What pgbench would count or draw; a cast is none.
VARIABLE = re.compile(r"(?<!:):[ur](?![a-z0-9_])")


class Writers:
    """COUNT processes that wait for their part of an order; the payments that were stored, by merchant."""

    def __init__(self, statements: Sequence[str], count: int) -> None:
        self._statements, self._stored = statements, 0
        fork = multiprocessing.get_context("fork")
        pipes = [fork.Pipe() for _ in range(count)]
        self._pipes, self._over = [ours for ours, _ in pipes], fork.Event()
        gate = fork.Barrier(count)
        for _, theirs in pipes:
            fork.Process(target=_write, args=(theirs, self._pipes, gate, self._over), daemon=True).start()

    def store(self, *, merchants: list[str], count: int) -> list[int]:
        """So many claims of success, the merchants of their payments in turn; their numbers in the inbox."""
        from django.db import transaction

        made: list[int] = []
        while len(made) < count:
            with transaction.atomic():
                for n in range(len(made), min(len(made) + STORED_AT_ONCE, count)):
                    made.append(self._store_one(UUID(merchants[n % len(merchants)])))
        return made

    def _store_one(self, merchant: UUID) -> int:
        from django.db import connection

        from payments.services.callbacks import receive_callback
        from providers.types import InboundRequest

        self._stored += 1
        number, token = STORED_FROM + self._stored, os.urandom(16).hex()
        with connection.cursor() as cursor:
            for statement in _for_one(self._statements, number, merchant=merchant, token=token):
                cursor.execute(statement)
        body = callback_body(f"ws_CO_21112026070000{number}", receipt=f"W{self._stored:09d}", amount=100)
        claim = InboundRequest(body=body.encode(), headers={}, token=token, source_ip=None, door="collect")
        receipt = receive_callback("daraja", claim)
        if receipt.event_id is None or not receipt.token_ok:
            raise RuntimeError(f"claim {number} was not taken: {receipt}")
        return receipt.event_id

    def complete(self, *, claims: list[int], seconds: float) -> dict[str, Any]:
        """Writer n applies every COUNTth claim from the nth on; what became of them, and how long each took.

        All of them stop when the time is over, or when one has no claim left.
        """
        self._over.clear()
        for place, pipe in enumerate(self._pipes):
            pipe.send((claims[place :: len(self._pipes)], seconds))
        parts = [pipe.recv() for pipe in self._pipes]
        took = [lasted for part in parts for lasted in part["took"]]
        lasted = max(part["ended"] for part in parts) - min(part["began"] for part in parts)
        return {
            "verdicts": Counter(verdict for part in parts for verdict in part["verdicts"]),
            "seconds": lasted,
            "p50_ms": 1000 * share(took, 0.5),
            "p99_ms": 1000 * share(took, 0.99),
        }


def _for_one(statements: Sequence[str], number: int, *, merchant: UUID, token: str) -> list[str]:
    """The two statements of one initiate with ids of this moment, as the product gives them."""
    from onpoint_pay.kit.ids import new_id

    parts = {
        "0" * 52 + ":r": sha256(token.encode()).hexdigest(),
        "00000001-0000-7000-8000-:u": str(new_id()),
        "00000002-0000-7000-8000-:u": str(new_id()),
        "00000003-0000-7000-8000-:e": str(new_id()),
        "00000003-0000-7000-8000-:f": str(new_id()),
        "00000000-0000-7000-8000-:m": str(merchant),
    }
    made = []
    for statement in statements:
        for name, value in parts.items():
            statement = statement.replace(name, value)
        made.append(VARIABLE.sub(str(number), statement))
    return made


# --- in each process --------------------------------------------------------------------------------------------------


def _write(orders: Connection, inherited: list[Connection], gate: Any, over: Any) -> None:
    # Open here they would keep every writer waiting after the end of the one who gives orders.
    for pipe in inherited:
        pipe.close()
    while True:
        try:
            claims, seconds = orders.recv()
        except EOFError:
            return
        orders.send(_apply_all(claims, seconds=seconds, gate=gate, over=over))


def _apply_all(claims: list[int], *, seconds: float, gate: Any, over: Any) -> dict[str, Any]:
    from django.db import connection

    connection.ensure_connection()
    verdicts, took = [], []
    gate.wait()
    began = time.time()
    for verdict, lasted in _applied(claims):
        verdicts.append(verdict)
        took.append(lasted)
        if time.time() >= began + seconds or over.is_set():
            break
    ended = time.time()
    over.set()
    return {"verdicts": verdicts, "took": took, "began": began, "ended": ended}


def _applied(claims: list[int]) -> Iterator[tuple[str, float]]:
    """Each claim's verdict and the seconds it took; loaded a batch at a time as the worker does."""
    from payments.models import ProviderEvent
    from payments.services.callbacks import process_callback

    for first in range(0, len(claims), BATCH):
        for event in ProviderEvent.objects.filter(id__in=claims[first : first + BATCH]).order_by("id"):
            began = time.perf_counter()
            try:
                verdict = process_callback(event)
            except Exception as error:  # noqa: BLE001 - the run is told, and fails
                verdict = f"{type(error).__name__} {error}"[:300]
            yield verdict, time.perf_counter() - began


def prove() -> list[str]:
    """The invariants that find a row, all of them."""
    from payments.services.proof import prove as prove_all

    return [f"{each.invariant.name} {each.invariant.meaning}: {each.rows}" for each in prove_all() if each.rows]


def stripe(*, merchant: str) -> bool:
    """Spread the merchant's pending money over sixteen rows from now on."""
    from onpoint_pay.kit.caller import TEST
    from settlements.services.striping import start_striping

    return start_striping(UUID(merchant), mode=TEST, actor="bench")


def main() -> None:
    # Answers have a door of their own: the product writes its log to standard output.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    django.setup()
    seed = json.loads(Path(sys.argv[1]).read_text())
    writers = Writers(seed["statements"], int(sys.argv[2]))
    orders: dict[str, Callable[..., Any]] = {
        "store": writers.store,
        "complete": writers.complete,
        "prove": prove,
        "stripe": stripe,
    }
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(orders[order.pop("do")](**order)), file=answers, flush=True)


if __name__ == "__main__":
    main()
