"""A process of the product that makes merchants and endpoints, and commits changes with their events as fast as asked.

`python -m faults.webhooks.publisher BOOK` takes orders as JSON lines and answers each with one; the next order ends a
load. What became of every change is written to the book.
"""

import json
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO
from uuid import UUID

import django
from django.db import InterfaceError, OperationalError, close_old_connections, connection, transaction

TYPES = ("payment.created", "payment.pending", "payment.completed", "payment.failed", "refund.created", "c2b.received")
ACTION = "faults.changed"
LIVE_EVERY, ROLLED_BACK_EVERY = 20, 50
# How often the load looks whether the drains keep up.
LOOK_SECONDS = 0.05
WAITING = "SELECT count(*) FROM (SELECT FROM webhooks_delivery WHERE state = 'open' LIMIT %s) AS open"


class CalledOff(Exception):
    """The change is undone after its event was written: neither may be seen by anybody."""


class Publisher:
    """Does what the lines of standard input ask for."""

    def __init__(self, book: TextIO) -> None:
        self.book = book
        self.orders: SimpleQueue[str] = SimpleQueue()
        self.number = 0

    def run(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()
        while line := self.orders.get():
            order = json.loads(line)
            close_old_connections()
            answer = getattr(self, order.pop("do"))(**order)
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()

    def _listen(self) -> None:
        for line in sys.stdin:
            self.orders.put(line)
        self.orders.put("")

    # --- orders ---------------------------------------------------------------------------------------------------

    def endpoints(
        self, *, merchants: int, wants: Sequence[Sequence[str]], ports: Sequence[int]
    ) -> list[dict[str, Any]]:
        """Merchants with one endpoint for each entry of `wants`, each with a port and a path of its own."""
        from merchants.models import Merchant
        from webhooks.services.endpoints import add_endpoint

        made: list[dict[str, Any]] = []
        for _ in range(merchants):
            merchant = Merchant.objects.create(business_name="Duka", email=f"{time.time_ns()}@onpointpay.test")
            for events in wants:
                path = f"/{merchant.pk}/{len(made)}"
                url = f"http://127.0.0.1:{ports[len(made)]}{path}"
                endpoint, secret = add_endpoint(
                    merchant_id=merchant.pk, mode="test", url=url, events=events, actor="faults"
                )
                names = {"id": str(endpoint.pk), "merchant": str(merchant.pk), "path": path}
                made.append({**names, "events": list(events), "secret": secret})
        return made

    def publish(self, *, merchants: Sequence[str], count: int, at_once: int = 1) -> int:
        """So many changes for each merchant in turn, `at_once` of them in one transaction."""
        for done in range(0, count, at_once):
            for merchant in merchants:
                self._commit(UUID(merchant), count=min(at_once, count - done))
        return self.number

    def load(self, *, merchants: Sequence[str], seconds: float, rate: float = 0.0, most_open: int = 0) -> int:
        """Changes for so long, `rate` in a second or as fast as they go, while fewer than `most_open` are waiting.

        Some are called off, and some are in live mode, where nobody listens.
        """
        began = time.monotonic()
        next_at = next_look = began
        while self.orders.empty() and time.monotonic() - began < seconds:
            if most_open and time.monotonic() >= next_look:
                while self._is_behind(most_open) and time.monotonic() - began < seconds:
                    time.sleep(LOOK_SECONDS)
                next_look = time.monotonic() + LOOK_SECONDS
            merchant = UUID(merchants[self.number % len(merchants)])
            mode = "live" if self.number % LIVE_EVERY == LIVE_EVERY - 1 else "test"
            self._commit(merchant, mode=mode, is_called_off=self.number % ROLLED_BACK_EVERY == ROLLED_BACK_EVERY - 1)
            if rate:
                next_at += 1 / rate
                time.sleep(max(next_at - time.monotonic(), 0.0))
        return self.number

    def rest(self) -> int:
        return self.number

    def give_numbers(self) -> int:
        """What a worker does every second."""
        from webhooks.services.numbering import number_events

        return number_events()

    def call_off(self, *, merchants: Sequence[str]) -> int:
        for merchant in merchants:
            self._commit(UUID(merchant), is_called_off=True)
        return self.number

    # --- one change -----------------------------------------------------------------------------------------------

    def _commit(self, merchant: UUID, *, mode: str = "test", count: int = 1, is_called_off: bool = False) -> None:
        """A change and its event in one transaction; the book says `committed`, `undone`, or `unknown` when the
        database went away before it could say."""
        from onpoint_pay.kit.ids import new_id

        told = []
        try:
            with transaction.atomic():
                for _ in range(count):
                    told.append(self._change(merchant, mode, new_id()))
                if is_called_off:
                    raise CalledOff
            word = "committed"
        except CalledOff:
            word = "undone"
        except (OperationalError, InterfaceError):
            word = "unknown"
            connection.close()
            time.sleep(LOOK_SECONDS)
        moment = time.time()
        self.book.writelines(f"{word} {moment:.6f} {each}\n" for each in told)
        self.book.flush()

    def _change(self, merchant: UUID, mode: str, object_id: UUID) -> str:
        from audit.services import record
        from onpoint_pay.kit.ids import to_public
        from webhooks.services.outbox import publish_event

        type = TYPES[self.number % len(TYPES)]
        self.number += 1
        # Stands for the change the event tells of: another row of the same transaction.
        record(merchant_id=merchant, actor="faults", action=ACTION, object_id=f"{type}:{object_id}")
        event_id = publish_event(
            merchant_id=merchant,
            mode=mode,
            type=type,
            object_id=object_id,
            body_object={"id": to_public("pay", object_id), "object": type.partition(".")[0], "amount": "100.00"},
            previous=None,
            request_id=None,
        )
        return f"{to_public('evt', event_id)} {merchant} {mode} {type} {object_id}"

    def _is_behind(self, most_open: int) -> bool:
        try:
            with connection.cursor() as cursor:
                cursor.execute(WAITING, [most_open])
                return bool(cursor.fetchone()[0] >= most_open)
        except (OperationalError, InterfaceError):
            connection.close()
            return True


def main() -> None:
    django.setup()
    with Path(sys.argv[1]).open("w") as book:
        sys.stdout.write(f"ready {datetime.now(UTC):%H:%M:%S}\n")
        sys.stdout.flush()
        Publisher(book).run()


if __name__ == "__main__":
    main()
