"""The part of a settlement run that works inside the product: reads the ledger whole, nets a day, settles it.

Takes orders like every helper; see ORDERS. Days are ISO text, times are seconds.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import date
from statistics import median
from typing import Any
from uuid import UUID

import django

SCAN = "SELECT sum(amount) FROM ledger_entry"
# The ledger is made without its payments, so what ties the two cannot hold; what must hold here is asked by the run.
PROOF = "bench.money.books.nothing_to_prove"


def nothing_to_prove() -> str:
    return ""


def begin(*, shops: int) -> dict[str, str]:
    """So many merchants, settled as the installation's settings say; what the run must know."""
    from django.conf import settings

    from bench.seed import merchant_uuid, versions
    from merchants.models import Merchant

    settings.SETTLEMENT_PROOF = PROOF
    Merchant.objects.bulk_create(
        Merchant(id=merchant_uuid(n), business_name=f"Duka {n}", email=f"duka{n}@onpointpay.test") for n in range(shops)
    )
    return versions()


def scan(*, times: int) -> dict[str, float]:
    """L-scan: every entry's amount added up."""
    from django.db import connection

    def work() -> None:
        with connection.cursor() as cursor:
            cursor.execute(SCAN)
            cursor.fetchone()

    return {"s": _median_of(work, times)}


def net(*, day: str, times: int) -> dict[str, float]:
    """What is due to every merchant at the end of the day: transfers and minor units."""
    from settlements.selectors.settlement_terms import shops
    from settlements.services.batches import what_is_due

    found: list[Any] = []

    def work() -> None:
        found[:] = what_is_due(shops(), day=date.fromisoformat(day)).values()

    seconds = _median_of(work, times)
    return {"s": seconds, "lines": sum(due.lines for due in found), "total": sum(due.total for due in found)}


def settle(*, day: str, merchants: list[str] | None = None) -> dict[str, float]:
    """Settle the day, of these merchants or of all: batches opened with their lines, released and closed."""
    from settlements.services.batches import run_settlement

    began = time.perf_counter()
    for merchant in merchants or [None]:
        run_settlement(day=date.fromisoformat(day), merchant_id=UUID(merchant) if merchant else None)
    return {"s": time.perf_counter() - began}


def _median_of(work: Callable[[], None], times: int) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return median(taken)


ORDERS: dict[str, Callable[..., Any]] = {"begin": begin, "scan": scan, "net": net, "settle": settle}


def main() -> None:
    # Answers have a door of their own: the product writes its log to standard output.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    django.setup()
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(ORDERS[order.pop("do")](**order)), file=answers, flush=True)


if __name__ == "__main__":
    main()
