"""The benchmark runs, proves its own rows, and writes every figure; how fast anything was is not judged here."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bench.database import Statement
from bench.figures import Take, needed_for
from bench.ground import Helper
from bench.hooks import figures
from bench.hooks.rows import Delivered, compare
from bench.money import figures as money
from bench.money import writer_takes
from bench.ratios import NAMES, ORDER, RATIOS
from bench.ratios import needed_for as measures_for
from bench.rounds import A_PAYMENT, Measure, faults_in_rows
from bench.table import place_of
from bench.wire import whole_message
from onpoint_pay.local.home import CHECKOUT
from onpoint_pay.local.ports import choose_free

COUNTS = dict.fromkeys([*A_PAYMENT, "deliveries", "callbacks", "inserts"], 5)


ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="CPU times are read from /proc")


def run_short(tmp_path: Path, names: list[str]) -> tuple[dict[str, Any], str]:
    """What a run of one short round wrote and printed; the machine may be slow, so nothing is said of how fast it was."""
    output = tmp_path / "results.json"
    command = [sys.executable, str(CHECKOUT / "manage.py"), "bench", "--rounds", "1", "--seconds", "0.3"]
    command += ["--entries", "9000"]
    finished = subprocess.run(
        [*command, "--only", *names, "--output", str(output)],
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
        env=os.environ,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    result = json.loads(output.read_text())
    assert result["faults"] == []
    assert sorted(result["ratios"]) == sorted(names)
    assert "every answer and every row was right" in finished.stdout
    for name in names:
        assert f"\n{name:5}" in finished.stdout
    return result, finished.stdout


@ON_LINUX
def test_a_short_run_is_right_and_tells_everything(tmp_path: Path) -> None:
    result, _ = run_short(tmp_path, NAMES)
    assert [measure["name"] for measure in result["measures"]] == list(ORDER)
    assert all(measure["requests"] > 0 for measure in result["measures"])
    assert result["ratios"]["P3"]["met"], result["statements"]
    assert result["environment"]["versions"]["driver"].startswith("psycopg2 ")


@ON_LINUX
def test_a_short_run_of_the_webhooks_delivers_every_event_once(tmp_path: Path) -> None:
    result, _ = run_short(tmp_path, figures.NAMES)
    taken = [take["name"] for take in result["webhooks"] if take["round"]]
    assert taken == [*figures.WITH_WORKERS, *figures.CROWDS, *figures.CLAIMS]
    assert all(take["done"] > 0 for take in result["webhooks"])


@ON_LINUX
def test_a_short_run_settles_what_is_due(tmp_path: Path) -> None:
    result, _ = run_short(tmp_path, money.OF_LEDGER)
    assert [take["name"] for take in result["money"] if take["round"]] == list(money.LEDGER)
    assert all(take["done"] > 0 for take in result["money"])
    assert result["environment"]["entries"] == 9000


@ON_LINUX
def test_a_short_run_completes_payments_with_all_their_rows(tmp_path: Path) -> None:
    result, _ = run_short(tmp_path, [name for name in money.NAMES if name not in money.OF_LEDGER])
    assert [take["name"] for take in result["money"]] == list(money.WRITERS)
    assert all(take["done"] > 0 for take in result["money"])


def test_one_figure_needs_only_its_scenario_and_its_limit() -> None:
    assert measures_for(["P9"]) == ["L-web", "status"]
    assert measures_for(["P2", "P7"]) == ["initiate", "L-db-simple", "callback", "L-ins"]
    assert measures_for(["P3"]) == []
    assert needed_for(["P14"], money.FIGURES) == {"one-striped+1ms", "many+1ms"}


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


def delivered(event: str, **more: Any) -> Delivered:
    return Delivered(**{"event": event, "merchant": "good", "state": "delivered", "tries": 1, **more})


def test_a_webhook_lost_repeated_or_made_up_is_a_fault() -> None:
    made = [delivered("a"), delivered("b")]
    assert compare("drain", made, {"a": 1, "b": 1}, count=2) == []
    assert compare("drain", made, {"a": 1, "b": 1}, count=3) == ["drain: 1 of 3 deliveries too few or too many"]
    assert compare("drain", made, {"a": 1}, count=2) == ["drain: 1 of 2 deliveries with other tries than came"]
    assert compare("drain", made, {"a": 1, "b": 2}, count=2) == [
        "drain: 1 of 2 deliveries with other tries than came",
        "drain: 1 of 2 events that came more than once",
    ]
    assert compare("drain", [delivered("a", state="open")], {"a": 1}, count=1) == ["drain: 1 of 1 deliveries not made"]
    assert compare("drain", [], {"x": 1}, count=0) == ["drain: 1 of 0 events that came and were never made"]


def test_a_merchant_that_fails_may_be_tried_again() -> None:
    made = [delivered("a", merchant="bad", state="failed", tries=2)]
    assert compare("crowd", made, {"a": 2}, count=1, bad=["bad"]) == []
    assert compare("crowd", made, {"a": 1}, count=1, bad=["bad"]) == [
        "crowd: 1 of 1 deliveries with other tries than came"
    ]


def test_webhook_figures_are_taken_within_a_round_and_without_the_warm_up() -> None:
    w1 = next(figure for figure in figures.FIGURES if figure.name == "W1")
    takes = [
        Take(name=name, round=number, done=1, per_second=rate)
        for number, name, rate in [
            (0, "drain", 1),
            (0, "adapter", 1),
            (1, "drain", 40),
            (1, "adapter", 100),
            (2, "drain", 9),
        ]
    ]
    assert w1.values(takes) == [0.4]
    assert w1.summary([0.5, 0.4]).best == 0.5
    assert needed_for(["W5"], figures.FIGURES) == {"drain"}


def test_a_completion_that_was_not_made_or_made_more_is_a_fault() -> None:
    before = dict.fromkeys(writer_takes.EACH, 7)
    after = {kind: 7 + 5 * each for kind, each in writer_takes.EACH.items()}
    assert writer_takes.faults_in_rows("many", {"applied": 5}, before, after) == []
    assert writer_takes.faults_in_rows("many", {"applied": 5, "duplicate": 1}, before, after) == [
        "many: 1 claims ended as duplicate"
    ]
    assert writer_takes.faults_in_rows("many", {"applied": 5}, before, {**after, "audited": 11}) == [
        "many: 4 audited for 5 payments"
    ]
    assert writer_takes.faults_in_rows("many", {}, before, before) == ["many: no payment was completed"]


def test_w10_comes_after_w9() -> None:
    assert sorted(["W10", "W9", "P3", "W7t", "W7"], key=place_of) == ["P3", "W7", "W7t", "W9", "W10"]


def test_the_sink_answers_by_path_and_keeps_count(tmp_path: Path) -> None:
    port = choose_free()
    sink = Helper("bench.hooks.sink", str(port))
    try:
        with connected(port) as client:
            for path, status in (("ok", b"200"), ("error", b"500"), ("delay-20", b"200")):
                head = f"POST /{path}/1 HTTP/1.1\r\nwebhook-id: evt_{path}\r\nContent-Length: 2\r\n\r\n"
                # The head alone is no request yet.
                client.sendall(head.encode())
                client.sendall(b"{}")
                assert client.recv(1000).split()[1] == status
        assert sink.order(do="take", path=str(tmp_path / "came.json"))["count"] == 3
        assert sink.order(do="count")["count"] == 0
    finally:
        sink.stop()
    came = json.loads((tmp_path / "came.json").read_text())
    assert [name for name, _ in came] == ["evt_ok", "evt_error", "evt_delay-20"]
    assert [at for _, at in came] == sorted(at for _, at in came)


def connected(port: int) -> socket.socket:
    """The sink's door, as soon as it is open."""
    for _ in range(200):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=10)
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise AssertionError("the sink does not listen")
