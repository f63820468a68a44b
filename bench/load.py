"""The load: eight kept connections in a closed loop, in one thread of a process of its own, so its CPU can be told.

Reads one order per line on standard input, `{"plan", "port", "seconds"}`, and answers each with one line of counts.
"""

import json
import selectors
import socket
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.plans import PLANS, Plan
from bench.wire import Message, status_of, whole_message

CLIENTS = 8
SILENCE_SECONDS = 30.0
RECEIVE_BYTES = 65_536


@dataclass(slots=True)
class Outcome:
    """Answers by status; how many were not what was due; seconds from the first byte out to the last in."""

    statuses: dict[int, int] = field(default_factory=dict)
    wrong: int = 0
    broken: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    example: str = ""

    def note(self, answer: Message, plan: Plan) -> None:
        status = status_of(answer)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status != plan.status or plan.holds not in answer.body:
            self.wrong += 1
            self.example = self.example or f"{status} {answer.body[:300].decode(errors='replace')}"


def run(plan: Plan, *, port: int, seconds: float) -> Outcome:
    """Send for `seconds`, each connection its next request when the last is answered; then wait for what is open."""
    outcome, selector = Outcome(), selectors.DefaultSelector()
    began, cpu_began = time.perf_counter(), time.process_time()
    deadline = began + seconds
    for _ in range(CLIENTS):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        # A request is far smaller than the send buffer, so it always goes out whole.
        connection.sendall(next(plan.requests))
        selector.register(connection, selectors.EVENT_READ, bytearray())
    while selector.get_map():
        ready = selector.select(SILENCE_SECONDS)
        if not ready:
            outcome.broken += len(selector.get_map())
            break
        for key, _ in ready:
            if not _take(key, plan, outcome, goes_on=time.perf_counter() < deadline):
                selector.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]
    outcome.seconds = time.perf_counter() - began
    outcome.cpu_seconds = time.process_time() - cpu_began
    return outcome


def _take(key: selectors.SelectorKey, plan: Plan, outcome: Outcome, *, goes_on: bool) -> bool:
    """Read what has come; on a whole answer send the next request. False when this connection is done."""
    connection, buffer = key.fileobj, key.data
    try:
        part = connection.recv(RECEIVE_BYTES)  # type: ignore[union-attr]
    except OSError:
        part = b""
    if not part:
        outcome.broken += 1
        return False
    buffer += part
    answer = whole_message(bytes(buffer))
    if answer is None:
        return True
    buffer.clear()
    outcome.note(answer, plan)
    if goes_on:
        connection.sendall(next(plan.requests))  # type: ignore[union-attr]
    return goes_on


def main() -> None:
    seed: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    plans = {name: make(seed) for name, make in PLANS.items()}
    for line in sys.stdin:
        order = json.loads(line)
        outcome = run(plans[order["plan"]], port=order["port"], seconds=order["seconds"])
        print(json.dumps(asdict(outcome)), flush=True)


if __name__ == "__main__":
    main()
