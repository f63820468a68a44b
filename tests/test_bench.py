"""The benchmark runs, proves its own rows, and writes every figure; how fast anything was is not judged here."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.database import Statement
from bench.ratios import NAMES, ORDER, RATIOS, needed_for
from bench.rounds import A_PAYMENT, Measure, faults_in_rows
from bench.wire import whole_message
from onpoint_pay.local.home import CHECKOUT

COUNTS = dict.fromkeys([*A_PAYMENT, "deliveries", "callbacks", "inserts"], 5)


@pytest.mark.skipif(sys.platform != "linux", reason="CPU times are read from /proc")
def test_a_short_run_is_right_and_tells_everything(tmp_path: Path) -> None:
    output = tmp_path / "results.json"
    command = [sys.executable, str(CHECKOUT / "manage.py"), "bench", "--rounds", "1", "--seconds", "0.3"]
    finished = subprocess.run(
        [*command, "--output", str(output)], capture_output=True, text=True, check=False, timeout=170, env=os.environ
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    result = json.loads(output.read_text())
    assert result["faults"] == []
    assert sorted(result["ratios"]) == NAMES
    assert [measure["name"] for measure in result["measures"]] == list(ORDER)
    assert all(measure["requests"] > 0 for measure in result["measures"])
    assert result["ratios"]["P3"]["met"], result["statements"]
    assert result["environment"]["versions"]["driver"].startswith("psycopg2 ")
    assert "every answer and every row was right" in finished.stdout
    for name in NAMES:
        assert f"\n{name:5}" in finished.stdout


def test_one_figure_needs_only_its_scenario_and_its_limit() -> None:
    assert needed_for(["P9"]) == ["L-web", "status"]
    assert needed_for(["P2", "P7"]) == ["initiate", "L-db-simple", "callback", "L-ins"]
    assert needed_for(["P3"]) == []


def test_work_that_was_not_done_is_a_fault() -> None:
    done = {name: count + (3 if name in A_PAYMENT else 0) for name, count in COUNTS.items()}
    assert faults_in_rows("initiate", COUNTS, done, requests=3) == []
    assert len(faults_in_rows("initiate", COUNTS, done, requests=4)) == len(A_PAYMENT)
    assert faults_in_rows("initiate", COUNTS, {**done, "callbacks": 6}, requests=3) == [
        "initiate: 1 callbacks instead of 0 for 3 requests"
    ]


def test_ratios_are_taken_within_a_round() -> None:
    p1 = next(ratio for ratio in RATIOS if ratio.name == "P1")
    measures = [measure(name, number, us) for number, name, us in [
        (1, "L-web", 100), (1, "initiate", 900), (2, "L-web", 200), (2, "initiate", 2400), (3, "L-web", 100), (3, "initiate", 1000),
    ]]  # fmt: skip
    summary = p1.summary(p1.of(measures))
    assert (list(summary.values), summary.median, summary.best) == ([9, 12, 10], 10, 9)
    assert [summary.meets(target) for target in (10, 9.5, None)] == [True, False, None]


def measure(name: str, number: int, us: int) -> Measure:
    """A hundred requests that took `us` microseconds of CPU each."""
    used = us * 100 / 1e6
    cpu: dict[str, Any] = {"empty": used, "web": used, "postgres": 0.0, "valkey": 0.0, "load": 0.0, "provider": 0.0}
    return Measure(name=name, round=number, requests=100, per_second=50, seconds=2, cpu=cpu, unrelated=0.0, stolen=0.0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SELECT outcome, earlier FROM payment_begin($1, $2, $3, $4)", ""),
        ("SELECT $1", ""),
        ("BEGIN", "transaction control"),
        ("COMMIT", "transaction control"),
        ("SELECT set_config($1, $2, $3)", "session setting"),
        ("SET statement_timeout = $1", "session setting"),
        ('SELECT $2 FROM ONLY "public"."m" x WHERE "id" = $1 FOR KEY SHARE OF x', "foreign-key check"),
    ],
)
def test_what_a_statement_counts_as(text: str, reason: str) -> None:
    assert Statement(sent=True, calls=1, text=text).excluded_as == reason


def test_a_message_is_whole_only_with_its_last_byte() -> None:
    for whole in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ):
        assert whole_message(whole) is not None
        assert whole_message(whole[:-1]) is None
    assert whole_message(b"HTTP/1.1 200 OK\r\n") is None
