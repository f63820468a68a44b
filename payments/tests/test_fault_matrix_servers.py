"""The fault matrix: servers, workers and beat break while merchants pay and are paid; nothing is lost or done twice."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.money_stack import MoneyStack

# LONG_FAULTS=1: as long as in production.
IS_LONG = bool(os.environ.get("LONG_FAULTS"))
FULL_SECONDS, AWAY_SECONDS = (30.0, 300.0) if IS_LONG else (2.0, 2.0)
# CELERY_BROKER_TRANSPORT_OPTIONS["socket_timeout"] is 5.
LONGER_THAN_ACKS_WAIT = 8.0
# The tables of the stack are copied from the database of the tests.
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def disk() -> Iterator[Path | None]:
    """A disk of 600 MB that can be filled up; None where nobody may make one."""
    folder = Path(tempfile.mkdtemp(prefix="onpoint-disk-"))
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600m,mode=711", "tmpfs", str(folder)], capture_output=True
    )
    yield folder if made.returncode == 0 else None
    if made.returncode == 0:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def stack(disk: Path | None, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MoneyStack]:
    with MoneyStack(tmp_path_factory.mktemp("logs"), home=disk) as running:
        running.start_product()
        yield running


# --- workers and beat -------------------------------------------------------------------------------------------------


def test_F23_workers_and_beat_killed(stack: MoneyStack) -> None:
    with stack.selling() as sales:
        for _ in range(2):
            sales.wait_for_more(6)
            for name in ("worker", "beat"):
                stack.kill(name)
            sales.wait_for_work()
    stack.assert_whole(sales)


def test_F23_two_beats_and_two_workers(stack: MoneyStack) -> None:
    stack.start_second_worker_and_beat()
    with stack.selling() as sales:
        sales.wait_for_more(40)
    stack.assert_whole(sales)
    stack.stop_second_worker_and_beat()


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


def test_F24_killed(stack: MoneyStack) -> None:
    with stack.selling() as sales:
        sales.wait_for_more(10)
        stack.kill_postgres()
        sales.wait_for_trouble()
        stack.start_postgres()
        sales.wait_for_more(10)
    stack.assert_whole(sales)


def test_F24_one_of_its_processes_killed(stack: MoneyStack) -> None:
    """Then it ends all others too, and recovers."""
    with stack.selling() as sales:
        for _ in range(2):
            sales.wait_for_more(8)
            stack.kill_a_backend()
            sales.wait_for_trouble()
        sales.wait_for_more(8)
    stack.assert_whole(sales)


def test_F24_restarted(stack: MoneyStack) -> None:
    with stack.selling() as sales:
        for _ in range(2):
            sales.wait_for_more(8)
            stack.shut_postgres_down()
            stack.start_postgres()
        sales.wait_for_more(8)
    stack.assert_whole(sales)


def test_F24_connections_dropped(stack: MoneyStack) -> None:
    with stack.selling() as sales:
        for _ in range(8):
            sales.wait_for_more(3)
            stack.drop_connections()
    stack.assert_whole(sales)


def test_F24_disk_full(stack: MoneyStack, disk: Path | None) -> None:
    if disk is None:
        pytest.skip("nobody but root may make a small disk")
    with stack.selling() as sales:
        sales.wait_for_more(8)
        stack.fill(disk)
        sales.wait_for_trouble()
        time.sleep(FULL_SECONDS)
        stack.make_room(disk)
        sales.wait_for_more(8)
    stack.assert_whole(sales)


# --- Valkey -----------------------------------------------------------------------------------------------------------


def test_F25_killed(stack: MoneyStack) -> None:
    with stack.selling() as sales:
        sales.wait_for_more(6)
        stack.stop_valkey()
        time.sleep(AWAY_SECONDS)
        sales.wait_for_more(6)
        stack.start_valkey_empty()
        sales.wait_for_more(6)
    stack.assert_whole(sales)


def test_F25_flushed(stack: MoneyStack) -> None:
    with stack.selling() as sales:
        for _ in range(5):
            sales.wait_for_more(4)
            stack.flush_valkey()
    stack.assert_whole(sales)


def test_F25_silent(stack: MoneyStack) -> None:
    """Connections are taken, and nothing answers, for longer than a worker waits to tell that its jobs are done."""
    with stack.selling() as sales:
        sales.wait_for_more(6)
        with ExitStack() as silence:
            with stack.held_up_jobs():
                silence.enter_context(stack.silent_valkey())
            time.sleep(max(AWAY_SECONDS, LONGER_THAN_ACKS_WAIT))
            sales.wait_for_more(3)
        sales.wait_for_work()
        sales.wait_for_more(6)
    stack.assert_whole(sales)
