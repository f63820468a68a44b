"""Webhooks while processes and servers die: real drains, real receivers, and a stack of their own to break."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from faults.clients import wait_until
from faults.webhooks.backlog import OUTAGE
from faults.webhooks.facts import gather
from faults.webhooks.judge import Verdict, judge
from faults.webhooks.processes import Publisher, Receiver, Target
from faults.webhooks.receiver import HANG, OK
from faults.webhooks.run import PACE
from faults.webhooks.stack import KILL, Incident, Stack
from faults.webhooks.waiting import wait_until_sent
from onpoint_pay.local.home import CHECKOUT
from webhooks.pace import LARGEST_WINDOW

# Where a lease has to end, it is short; elsewhere no busy machine shall end it.
SHORT_LEASE, LONG_LEASE = 1.5, 30.0
SENT_SECONDS = 30.0
ATTEMPTS = """
SELECT a.n, coalesce(a.status, 0), a.error_code FROM webhooks_attempt a WHERE a.endpoint_id = %s ORDER BY a.started_at
"""
DELIVERIES = "SELECT state, tries, last_status FROM webhooks_delivery WHERE endpoint_id = ANY(%s::uuid[])"


class Drains:
    """Drains in processes of their own, stopped with the block."""

    def __init__(self, environ: dict[str, str]) -> None:
        command = [sys.executable, "-m", "tests.drains"]
        self._maker = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=CHECKOUT,
            env=environ,
            start_new_session=True,
        )
        self._pids: list[int] = []

    def start(self, *, lease: float = LONG_LEASE, deadline: float = 20.0, clock: float = 0.0) -> int:
        assert self._maker.stdin is not None and self._maker.stdout is not None
        self._maker.stdin.write(json.dumps({"lease": lease, "deadline": deadline, "clock": clock}) + "\n")
        self._maker.stdin.flush()
        self._pids.append(int(self._maker.stdout.readline()))
        return self._pids[-1]

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        self._pids.remove(pid)

    def kill_all(self) -> None:
        for pid in list(self._pids):
            self.kill(pid)

    def close(self) -> None:
        os.killpg(self._maker.pid, signal.SIGKILL)
        self._maker.communicate()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    logs = tmp_path_factory.mktemp("chaos")
    with Stack(logs, extra_env=PACE, say=lambda line: None, is_durable=False) as running:
        yield running


@pytest.fixture(scope="module")
def maker(stack: Stack) -> Iterator[Drains]:
    made = Drains(stack.environ)
    yield made
    made.close()


@pytest.fixture
def drains(maker: Drains) -> Iterator[Drains]:
    yield maker
    maker.kill_all()


@pytest.fixture(scope="module")
def publisher(stack: Stack, maker: Drains, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publisher]:
    with Publisher(tmp_path_factory.mktemp("book") / "book", stack.environ) as running:
        yield running


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with Receiver(tmp_path / "record") as running:
        yield running


Verdicts = Callable[[Sequence[Target]], Verdict]


@pytest.fixture
def verdict_on(stack: Stack, publisher: Publisher, receiver: Receiver) -> Verdicts:
    """Everything compared, and the events numbered for it."""

    def find(targets: Sequence[Target]) -> Verdict:
        publisher.ask("give_numbers")
        facts = gather(stack, targets=targets, publishers=[publisher], receiver=receiver)
        return judge(facts, lease_seconds=SHORT_LEASE)

    return find


def merchants(targets: Sequence[Target]) -> list[str]:
    return sorted({target.merchant for target in targets})


def seen(receiver: Receiver) -> int:
    return int(sum(receiver.tell()["seen"].values()))


def states(stack: Stack, targets: Sequence[Target]) -> Counter[tuple[Any, ...]]:
    return Counter(stack.rows(DELIVERIES, [target.id for target in targets]))


def test_a_drain_killed_in_the_middle_loses_nothing(
    stack: Stack, publisher: Publisher, receiver: Receiver, drains: Drains, verdict_on: Verdicts
) -> None:
    targets = publisher.make_targets(receiver, merchants=1, wants=[["*"]] * 10)
    receiver.tell(after_seconds=0.2)
    publisher.ask("publish", merchants=merchants(targets), count=30, at_once=30)
    first = drains.start(lease=SHORT_LEASE)
    assert wait_until(lambda: seen(receiver) >= 60, seconds=SENT_SECONDS, every=0.01)
    began = time.time()
    drains.kill(first)
    stack.incidents.append(Incident(kind=KILL, began=began, ended=time.time()))
    assert 60 <= seen(receiver) < 300
    receiver.tell(after_seconds=0.0)
    drains.start()
    assert wait_until_sent(stack, targets, seconds=SENT_SECONDS)
    verdict = verdict_on(targets)
    assert verdict.faults == []
    assert (verdict.owed, verdict.states) == (300, {"delivered": 300})
    assert verdict.repeated == verdict.requests - 300 == sum(verdict.reasons.values())
    assert verdict.repeated <= 32 * len(targets)


def test_without_a_bell_it_is_sent_all_the_same(
    stack: Stack, publisher: Publisher, receiver: Receiver, drains: Drains, verdict_on: Verdicts
) -> None:
    targets = publisher.make_targets(receiver, merchants=1, wants=[["*"]])
    drains.start()
    for lose, come_back in ((stack.flush_valkey, None), (stack.stop_valkey, stack.start_valkey_empty)):
        lose()
        publisher.ask("publish", merchants=merchants(targets), count=5)
        assert wait_until_sent(stack, targets, seconds=SENT_SECONDS)
        if come_back:
            come_back()
    verdict = verdict_on(targets)
    assert (verdict.faults, verdict.requests) == ([], 10)


def test_two_drains_send_nothing_twice(
    stack: Stack, publisher: Publisher, receiver: Receiver, drains: Drains, verdict_on: Verdicts
) -> None:
    targets = publisher.make_targets(receiver, merchants=1, wants=[["*"]] * 8)
    drains.start()
    drains.start()
    publisher.ask("publish", merchants=merchants(targets), count=40, at_once=2)
    assert wait_until_sent(stack, targets, seconds=SENT_SECONDS)
    verdict = verdict_on(targets)
    assert (verdict.faults, verdict.requests, verdict.repeated) == ([], 320, 0)


def test_a_backlog_overruns_nobody_and_holds_up_nobody(
    stack: Stack, publisher: Publisher, receiver: Receiver, drains: Drains, verdict_on: Verdicts
) -> None:
    (behind,) = publisher.make_targets(receiver, merchants=1, wants=[["*"]])
    others = publisher.make_targets(receiver, merchants=1, wants=[["*"]] * 2)
    receiver.tell(after_seconds=0.02)
    publisher.ask("publish", merchants=[behind.merchant], count=400, at_once=100)
    stack.rows(OUTAGE, behind.id)
    drains.start()
    assert wait_until(lambda: seen(receiver) > 20, seconds=SENT_SECONDS, every=0.01)
    publisher.ask("publish", merchants=merchants(others), count=3)
    assert wait_until_sent(stack, [behind, *others], seconds=SENT_SECONDS)
    assert verdict_on([behind, *others]).faults == []
    assert 1 < receiver.tell()["most_busy"][behind.path] <= LARGEST_WINDOW
    came = [receipt.path for receipt in receiver.record().receipts]
    assert sorted(came) == sorted([behind.path] * 400 + [target.path for target in others] * 3)
    assert came[-1] == behind.path


def test_a_late_owner_moves_nothing(stack: Stack, publisher: Publisher, receiver: Receiver, drains: Drains) -> None:
    (target,) = publisher.make_targets(receiver, merchants=1, wants=[["*"]])
    receiver.tell(manners={target.path: HANG})
    publisher.ask("publish", merchants=[target.merchant], count=1)
    late = drains.start(lease=SHORT_LEASE)
    assert wait_until(lambda: seen(receiver) == 1, seconds=SENT_SECONDS, every=0.02)
    os.kill(late, signal.SIGSTOP)
    receiver.tell(manners={target.path: "500"})
    receiver.tell(manners={target.path: OK})
    drains.start()
    assert wait_until_sent(stack, [target], seconds=SENT_SECONDS)
    assert states(stack, [target]) == {("delivered", 1, 204): 1}
    os.kill(late, signal.SIGCONT)
    assert wait_until(lambda: len(stack.rows(ATTEMPTS, target.id)) == 2, seconds=SENT_SECONDS, every=0.05)
    assert stack.rows(ATTEMPTS, target.id) == [(1, 500, "http_500"), (1, 204, "")]
    assert states(stack, [target]) == {("delivered", 1, 204): 1}
    assert seen(receiver) == 2


def test_results_in_memory_outlive_the_database(
    stack: Stack, publisher: Publisher, receiver: Receiver, drains: Drains, verdict_on: Verdicts
) -> None:
    targets = publisher.make_targets(receiver, merchants=1, wants=[["*"]] * 12)
    receiver.tell(manners={target.path: HANG for target in targets})
    publisher.ask("publish", merchants=merchants(targets), count=1)
    drains.start()
    assert wait_until(lambda: seen(receiver) == 12, seconds=SENT_SECONDS, every=0.02)
    stack.stop_postgres()
    receiver.tell(manners={target.path: OK for target in targets})
    stack.start_postgres()
    assert wait_until_sent(stack, targets, seconds=SENT_SECONDS)
    verdict = verdict_on(targets)
    assert (verdict.faults, verdict.requests) == ([], 12)
    assert [stack.rows(ATTEMPTS, target.id) for target in targets] == [[(1, 204, "")]] * 12


def test_what_is_called_off_is_heard_by_nobody(
    stack: Stack, publisher: Publisher, receiver: Receiver, drains: Drains, verdict_on: Verdicts
) -> None:
    targets = publisher.make_targets(receiver, merchants=1, wants=[["*"]])
    drains.start()
    publisher.ask("call_off", merchants=merchants(targets))
    publisher.ask("publish", merchants=merchants(targets), count=1)
    assert wait_until_sent(stack, targets, seconds=SENT_SECONDS)
    verdict = verdict_on(targets)
    assert (verdict.faults, verdict.events, verdict.requests) == ([], 1, 1)
    assert [change.word for change in publisher.book() if change.merchant in merchants(targets)] == [
        "undone",
        "committed",
    ]


@pytest.mark.parametrize("clock", [600.0, -600.0])
def test_a_clock_that_is_wrong_changes_no_wait(
    stack: Stack, publisher: Publisher, receiver: Receiver, drains: Drains, clock: float
) -> None:
    """Leases, retries and breakers go by the database. Only the time in the signature is the worker's own."""
    failing, *others = publisher.make_targets(receiver, merchants=1, wants=[["*"]] * 8)
    receiver.tell(is_strict=False, manners={failing.path: "500"})
    drains.start(clock=clock)
    publisher.ask("publish", merchants=[failing.merchant], count=1)
    tried = "SELECT next_attempt_at - now() FROM webhooks_delivery WHERE endpoint_id = %s AND tries > 0"
    waits: list[tuple[timedelta]] = []
    assert wait_until(lambda: waits.extend(stack.rows(tried, failing.id)) or waits, seconds=SENT_SECONDS, every=0.02)
    # The first step is half a second here, and the clock ten minutes off.
    assert abs(waits[0][0]) < timedelta(minutes=1)
    drains.start()
    receiver.tell(manners={failing.path: OK})
    publisher.ask("publish", merchants=[failing.merchant], count=19)
    assert wait_until_sent(stack, [failing, *others], seconds=SENT_SECONDS)
    came = receiver.tell()["seen"]
    assert [came[target.path] for target in others] == [20] * 7
    assert came[failing.path] == len(stack.rows(ATTEMPTS, failing.id)) > 20
