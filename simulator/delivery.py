"""Sending what the book holds for receivers: each message when it is due, taken up again after a restart."""

from __future__ import annotations

from functools import partial

from simulator.book import Callback
from simulator.engine import Simulator


def send_when_due(simulator: Simulator, callback: Callback) -> None:
    """Sends a booked callback at its `due_at`, unless a reset takes it away before."""
    simulator.timers.at(callback.due_at, partial(_send_if_due, simulator, callback.number))


def _send_if_due(simulator: Simulator, number: int) -> None:
    callback = simulator.book.callback(number)
    if callback is None or callback.sent_at is not None:
        return
    if callback.due_at > simulator.clock.now():
        send_when_due(simulator, callback)
    else:
        simulator.timers.start(simulator.courier.deliver(number))
