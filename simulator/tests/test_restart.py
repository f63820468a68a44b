"""The book outlives the process: whatever was open or due is taken up again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from simulator.config import Settings
from simulator.tests.harness import Daraja, Receiver, running, wait_for


def start(book: Path, **environ: str) -> tuple[subprocess.Popen[str], str]:
    """`python -m simulator` in a process of its own; gives it and its base URL."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "simulator", "--port", "0", "--book", str(book)],
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    ready = process.stdout.readline()
    assert ready.startswith("simulator ready on http://127.0.0.1:")
    return process, ready.split()[3]


def test_killed_with_prompts_open_and_callbacks_due(receiver: Receiver, tmp_path: Path) -> None:
    book = tmp_path / "book.sqlite3"
    process, url = start(book, SIMULATOR_APPROVE_SECONDS="1")
    before = Daraja(url, receiver)
    undecided = before.push_accepted(PhoneNumber="254711111111")
    due = before.push_accepted(PhoneNumber="254722222222", scenario="callback.delay=1")
    before.push_accepted(PhoneNumber="254733333333", scenario="stk=1032; callback.lost=1")
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert before.callbacks() == []

    process, url = start(book)
    try:
        after = Daraja(url, receiver)
        after.path = before.path
        assert after.wait_decided(undecided)["status"] == "paid"
        assert len(after.wait_all_sent(due)) == 1
        after.wait_callbacks(2)
        summary = after.control("GET", "book/summary")
        assert (summary["prompts"], summary["paid"], summary["pushes_received"]) == (3, 2, 3)
        after.close()
    finally:
        process.terminate()
        process.communicate(timeout=10)
        before.close()


def test_switches_survive_a_restart(receiver: Receiver, tmp_path: Path) -> None:
    settings = Settings(book=str(tmp_path / "book.sqlite3"))
    switches = ("faults", "outcomes", "speed", "holds", "quirks")
    with running(settings) as url:
        before = Daraja(url, receiver)
        before.control("POST", "faults", {"seed": 7, "rate": 0.25})
        before.control("POST", "outcomes", {"mix": {"1": 1}, "seed": 3})
        before.control("POST", "speed", {"speed": 50, "approve_seconds": 0.5, "result_seconds": 0.25})
        before.control("POST", "holds", {"phone": "254711111111"})
        before.control("POST", "quirks", {"quirks": ["text_codes"]})
        left = [before.control("GET", path) for path in switches]
        before.close()
    with running(settings) as url:
        after = Daraja(url, receiver)
        assert [after.control("GET", path) for path in switches] == left
        after.control("POST", "reset")
        assert after.control("GET", "speed") == {"speed": 1.0, "approve_seconds": 2.0, "result_seconds": 2.0}
        assert after.control("GET", "holds") == {"phones": []}
        assert after.control("GET", "quirks")["quirks"] == []
        after.close()


def test_a_callback_already_sent_is_not_sent_again(receiver: Receiver, tmp_path: Path) -> None:
    settings = Settings(book=str(tmp_path / "book.sqlite3"), approve_seconds=0)
    with running(settings) as url:
        before = Daraja(url, receiver)
        before.wait_all_sent(before.push_accepted())
        before.close()
    with running(settings) as url:
        after = Daraja(url, receiver)
        after.path = before.path
        wait_for(lambda: after.control("GET", "health"))
        after.wait_all_sent(after.push_accepted(PhoneNumber="254722222222"))
        assert len(after.callbacks()) == 2
        after.close()
