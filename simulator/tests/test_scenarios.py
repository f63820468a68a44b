"""The `OnPoint-Scenario` header."""

from __future__ import annotations

import httpx
import pytest

from simulator.scenarios import NO_SCENARIO, Scenario, parse_scenario
from simulator.tests.harness import Daraja, assert_shape


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        ";;",
        "weather=fine; stk; =1",
        "callback.delay=soon; push=maybe; seed=x",
        "callback.body=round",
        "fault=F99",
    ],
)
def test_nothing_understood_changes_nothing(header: str | None) -> None:
    assert parse_scenario(header) == NO_SCENARIO


def test_every_key_is_read() -> None:
    header = (
        "stk=1032; callback.delay=30; callback.copies=2; callback.lost=1; push=reset; query.fail=3; pin=hand; seed=7;"
        "callback.body=nulls; confirm=1; confirm.first=1; confirm.lost=1; fault=F03.push_html"
    )
    assert parse_scenario(header) == Scenario(
        result_code="1032",
        callback_delay=30.0,
        callback_copies=2,
        callback_lost=True,
        handover="push_reset",
        query_failures=3,
        by_hand=True,
        fault="F03.push_html",
        seed=7,
        callback_body="nulls",
        confirm=True,
        confirm_first=True,
        confirm_lost=True,
    )


def test_counts_are_bounded() -> None:
    scenario = parse_scenario("callback.copies=99999; query.fail=-1; callback.delay=1e99; stk=" + "9" * 40)
    assert scenario == Scenario(callback_copies=500, query_failures=0)


def test_header_wins_over_the_test_phone(daraja: Daraja) -> None:
    checkout_request_id = daraja.push_accepted(scenario="stk=0", PhoneNumber="254700000032")
    assert daraja.wait_decided(checkout_request_id)["status"] == "paid"


def test_unknown_result_code_is_played(daraja: Daraja) -> None:
    daraja.push_accepted(scenario="stk=7777")
    daraja.wait_callbacks(1)
    assert daraja.codes() == [7777]


def test_copies(daraja: Daraja) -> None:
    daraja.wait_all_sent(daraja.push_accepted(scenario="callback.copies=20"))
    assert daraja.codes() == [0] * 20


def test_lost(daraja: Daraja) -> None:
    assert daraja.wait_all_sent(daraja.push_accepted(scenario="callback.lost=1; callback.copies=3")) == []
    assert daraja.callbacks() == []


def test_delay(daraja: Daraja) -> None:
    checkout_request_id = daraja.push_accepted(scenario="callback.delay=3600")
    daraja.wait_decided(checkout_request_id)
    assert daraja.entry(checkout_request_id)["callbacks_sent"] == 0
    daraja.control("POST", "speed", {"speed": 100_000})
    daraja.wait_callbacks(1)


def test_query_failures(daraja: Daraja) -> None:
    checkout_request_id = daraja.push_accepted(scenario="query.fail=2")
    daraja.wait_decided(checkout_request_id)
    answers = [daraja.query(checkout_request_id) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [500, 500, 200]
    assert_shape(answers[0].json(), "error_internal_500_003_1001.json")


def test_pin_by_hand(daraja: Daraja) -> None:
    by_hand = daraja.push_accepted(scenario="pin=hand")
    daraja.wait_decided(daraja.push_accepted(PhoneNumber="254722222222"))
    assert daraja.entry(by_hand)["status"] == "open"


@pytest.mark.parametrize(
    ("push", "shape"), [("500", "error_internal_500_003_1001.json"), ("busy", "error_system_busy_500_003_02.json")]
)
def test_push_refused(daraja: Daraja, push: str, shape: str) -> None:
    response = daraja.push(scenario=f"push={push}")
    assert response.status_code == 500
    assert_shape(response.json(), shape)
    assert daraja.control("GET", "book/summary")["prompts"] == 0


def test_push_reset(daraja: Daraja) -> None:
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        daraja.push(scenario="push=reset")
    daraja.wait_callbacks(1)
    assert daraja.control("GET", "calls")["calls"][0]["status"] is None


def test_push_timeout(daraja: Daraja) -> None:
    with pytest.raises(httpx.ReadTimeout):
        daraja.push(scenario="push=timeout; stk=1", timeout=0.3)
    daraja.wait_callbacks(1)
    assert daraja.codes() == [1]
