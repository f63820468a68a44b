"""Makes drains in processes of their own for tests, at once: the product is loaded one time, then forked.

`python -m tests.drains` reads orders as JSON lines, `{"lease": 2, "deadline": 1, "clock": 600}`, and answers each with
the pid of a drain that goes on until it is killed. `clock` is by how many seconds its clock is wrong.
"""

import json
import os
import signal
import sys
import time
from datetime import datetime, timedelta, tzinfo
from typing import Any

import django

FOR_EVER = 3600.0


def set_clock(seconds: float) -> None:
    """Both clocks a drain could read: the product's `now`, and the system's."""
    from onpoint_pay.kit import clock

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz) + timedelta(seconds=seconds)

    right = time.time
    clock.datetime = Wrong  # type: ignore[misc, assignment]
    time.time = lambda: right() + seconds


def run(order: dict[str, float]) -> None:
    from django.conf import settings

    from webhooks.services.drain import drain

    settings.WEBHOOK_LEASE_SECONDS, settings.WEBHOOK_DEADLINE_SECONDS = order["lease"], order["deadline"]
    if order["clock"]:
        set_clock(order["clock"])
    drain(seconds=FOR_EVER)


def main() -> None:
    django.setup()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # a drain that was killed leaves no corpse
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            run(json.loads(line))
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
