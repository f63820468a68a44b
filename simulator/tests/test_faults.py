"""Seeded faults: each kind, its limits, and the same seed playing the same run."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from simulator.faults import DEFAULT_KINDS, HEAVY, KINDS, OPT_IN, PAID_ONLY, InvalidRegime, Regime
from simulator.tests.harness import ANY_PHONE, PUSH_PATH, Daraja, assert_shape


def only(daraja: Daraja, *kinds: str, **more: Any) -> None:
    """Every call these kinds apply to goes wrong."""
    daraja.control("POST", "faults", {"seed": 7, "rate": 1, "kinds": list(kinds), **more})


def test_a_draw_depends_on_nothing_but_its_arguments() -> None:
    regime = Regime(seed=7, rate=0.3)
    keys = [f"INV-{number}" for number in range(500)]

    def kinds(run: Regime) -> list[str | None]:
        return [fault.kind if (fault := run.draw("push", key=key, n=0)) else None for key in keys]

    drawn = kinds(regime)
    assert drawn == kinds(Regime(seed=7, rate=0.3))
    assert list(reversed(drawn)) == [
        fault.kind if (fault := regime.draw("push", key=key, n=0)) else None for key in reversed(keys)
    ]
    assert drawn != kinds(Regime(seed=8, rate=0.3))
    assert {kind for kind in drawn if kind} == set(KINDS["push"]) & DEFAULT_KINDS


def test_rate_bounds() -> None:
    assert all(Regime(seed=1, rate=0).draw("query", key=str(n), n=n) is None for n in range(100))
    assert all(Regime(seed=1, rate=1).draw("query", key=str(n), n=n) for n in range(100))


def test_lies_about_money_are_never_in_the_default_set() -> None:
    assert not OPT_IN & DEFAULT_KINDS
    drawn = [Regime(seed=3, rate=1).draw(call, key=str(n), n=n) for call in KINDS for n in range(200)]
    assert {fault.kind for fault in drawn if fault} == DEFAULT_KINDS


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"seed": 1},
        {"seed": "x", "rate": 0.1},
        {"seed": 1, "rate": 2},
        {"seed": 1, "rate": 0.1, "kinds": ["fire"]},
        {"seed": 1, "rate": 0.1, "kinds": "push_busy"},
        {"seed": 1, "rate": 0.1, "slow_seconds": -1},
    ],
)
def test_bad_regimes_are_refused(daraja: Daraja, body: dict[str, Any]) -> None:
    with pytest.raises(InvalidRegime):
        Regime.from_json(body)
    assert daraja.http.post("/control/faults", json=body).status_code == 400
    assert daraja.control("GET", "faults")["regime"] is None


def test_regime_is_shown_counted_and_ended(slow: Daraja) -> None:
    only(slow, "push_busy")
    assert slow.push().status_code == 500
    shown = slow.control("GET", "faults")
    assert shown["regime"]["kinds"] == ["push_busy"]
    assert shown["counts"] == {"push_busy": 1}
    assert slow.control("DELETE", "faults") == {"regime": None, "counts": {"push_busy": 1}}
    assert slow.push().status_code == 200


REFUSALS = {
    "push_busy": {"error_system_busy_500_003_02.json": 500},
    "push_spike": {"error_spike_arrest_500_003_02.json": 500, "error_gateway_fault_rate_limit.json": 429},
    "push_refused": {
        "error_bad_request_invalid_field_400_002_02.json": 400,
        "error_internal_500_003_1001.json": 500,
        "error_quota_violation_500_003_03.json": 500,
    },
}


@pytest.mark.parametrize(("kind", "shapes"), REFUSALS.items())
def test_pushes_refused_before_booking(daraja: Daraja, kind: str, shapes: dict[str, int]) -> None:
    only(daraja, kind)
    answers = [daraja.push(AccountReference=f"INV-{number}") for number in range(20)]
    for shape, status in shapes.items():
        assert any(answer.status_code == status and is_shaped(answer, shape) for answer in answers), shape
    summary = daraja.control("GET", "book/summary")
    assert (summary["prompts"], summary["pushes_refused"]) == (0, 20)


def is_shaped(answer: httpx.Response, shape: str) -> bool:
    try:
        assert_shape(answer.json(), shape)
    except AssertionError:
        return False
    return True


def test_push_reset_is_booked_and_cut(daraja: Daraja) -> None:
    only(daraja, "push_reset")
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        daraja.push()
    daraja.wait_callbacks(1)
    assert daraja.control("GET", "book/summary")["paid"] == 1


def test_push_500_after_booking(daraja: Daraja) -> None:
    only(daraja, "push_500_after")
    response = daraja.push()
    assert response.status_code == 500
    assert_shape(response.json(), "error_internal_500_003_1001.json")
    daraja.wait_callbacks(1)


def test_push_empty_is_booked(daraja: Daraja) -> None:
    only(daraja, "push_empty")
    assert daraja.push().content == b""
    daraja.wait_callbacks(1)


def test_push_html_is_booked(daraja: Daraja) -> None:
    only(daraja, "push_html")
    assert daraja.push().text.startswith("<!DOCTYPE html>")
    daraja.wait_callbacks(1)


def test_push_cut_json_is_booked(daraja: Daraja) -> None:
    only(daraja, "push_cut_json")
    response = daraja.push()
    assert response.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        response.json()
    daraja.wait_callbacks(1)


def test_push_slow_is_booked_and_answered_late(daraja: Daraja) -> None:
    only(daraja, "push_slow", slow_seconds=0.6)
    with pytest.raises(httpx.ReadTimeout):
        daraja.push(timeout=0.2)
    daraja.wait_callbacks(1)
    assert daraja.push(timeout=10).status_code == 200


def test_push_wrong_types_is_booked(daraja: Daraja) -> None:
    only(daraja, "push_wrong_types")
    ids = []
    for number in range(20):
        response = daraja.push(AccountReference=f"INV-{number}", PhoneNumber=f"2547120000{number:02}")
        assert response.status_code == 200
        answer = response.json()
        assert answer["ResponseCode"] == "0"
        ids += [answer["MerchantRequestID"], answer["CheckoutRequestID"]]
    assert {type(each) for each in ids} == {int, list}
    daraja.wait_callbacks(20)
    assert daraja.control("GET", "book/summary")["paid"] == 20


@pytest.mark.parametrize("scenario", [None, "push=huge"])
def test_push_huge_is_booked(daraja: Daraja, scenario: str | None) -> None:
    if scenario is None:
        only(daraja, "push_huge")
    response = daraja.push(scenario=scenario)
    assert (response.status_code, len(response.content) > 10_000_000) == (200, True)
    daraja.wait_callbacks(1)


@pytest.mark.parametrize("scenario", [None, "push=drip"])
def test_push_drip_is_booked_and_dribbles(daraja: Daraja, scenario: str | None) -> None:
    if scenario is None:
        only(daraja, "push_drip")
    headers = {"Authorization": f"Bearer {daraja.token}", "OnPoint-Scenario": scenario or ""}
    with daraja.http.stream("POST", PUSH_PATH, json=daraja.order(), headers=headers) as response:
        assert (response.status_code, int(response.headers["content-length"]) > 100) == (200, True)
        pieces = response.iter_raw()
        assert [next(pieces), next(pieces)] == [b"{", b'"']
    daraja.wait_callbacks(1)
    assert daraja.control("GET", "book/summary")["paid"] == 1


def test_push_types_by_the_header(daraja: Daraja) -> None:
    answer = daraja.push(scenario="push=types").json()
    assert isinstance(answer["CheckoutRequestID"], list)


def test_heavy_faults_are_drawn_only_where_they_are_named() -> None:
    assert not HEAVY & DEFAULT_KINDS
    assert Regime.from_json({"seed": 1, "rate": 1, "kinds": sorted(HEAVY)}).kinds == HEAVY


def test_token_500(daraja: Daraja) -> None:
    only(daraja, "token_500")
    response = daraja.fetch_token()
    assert response.status_code == 500
    assert_shape(response.json(), "error_internal_500_003_1001.json")


def test_token_invalid_ends_the_token(slow: Daraja) -> None:
    only(slow, "token_invalid")
    response = slow.push()
    assert response.status_code == 401
    assert_shape(response.json(), "error_invalid_access_token_404_001_03.json")
    slow.control("DELETE", "faults")
    assert slow.push().status_code == 401
    slow.token = slow.fetch_token().json()["access_token"]
    assert slow.push().status_code == 200


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("query_500", "error_internal_500_003_1001.json"),
        ("query_pending", "stk_query_pending_500.json"),
        ("query_spike", "error_spike_arrest_500_003_02.json"),
        ("query_contradicts", "stk_query_cancelled.json"),
    ],
)
def test_query_faults(daraja: Daraja, kind: str, shape: str) -> None:
    checkout_request_id = daraja.push_accepted()
    daraja.wait_decided(checkout_request_id)
    only(daraja, kind)
    assert_shape(daraja.query(checkout_request_id).json(), shape)
    assert daraja.entry(checkout_request_id)["status"] == "paid"


def test_query_token_invalid(daraja: Daraja) -> None:
    checkout_request_id = daraja.push_accepted()
    only(daraja, "token_invalid")
    assert daraja.query(checkout_request_id).status_code == 401


def test_callback_lost(daraja: Daraja) -> None:
    only(daraja, "callback_lost")
    assert daraja.wait_all_sent(daraja.push_accepted()) == []


def test_callback_doubled(daraja: Daraja) -> None:
    only(daraja, "callback_doubled")
    daraja.wait_all_sent(daraja.push_accepted())
    assert 2 <= len(daraja.codes()) <= 5
    assert set(daraja.codes()) == {0}


def test_callback_late(daraja: Daraja) -> None:
    only(daraja, "callback_late", late_seconds=3600)
    checkout_request_id = daraja.push_accepted()
    daraja.wait_decided(checkout_request_id)
    assert daraja.entry(checkout_request_id)["callbacks_sent"] == 0
    daraja.control("POST", "speed", {"speed": 100_000})
    daraja.wait_callbacks(1)


def test_callback_reordered(daraja: Daraja) -> None:
    only(daraja, "callback_reordered")
    checkout_request_id = daraja.push_accepted()
    daraja.wait_callbacks(2)
    first, second = daraja.codes()
    assert first in (1032, 1037)
    assert second == 0
    assert daraja.entry(checkout_request_id)["status"] == "paid"


def test_callback_contradictory(daraja: Daraja) -> None:
    only(daraja, "callback_contradictory")
    checkout_request_id = daraja.push_accepted()
    daraja.wait_callbacks(2)
    first, second = daraja.codes()
    assert first == 0
    assert second in (1032, 1037)
    assert daraja.entry(checkout_request_id)["status"] == "paid"


def test_callback_early_comes_before_the_answer(slow: Daraja) -> None:
    only(slow, "callback_early")
    checkout_request_id = slow.push_accepted()
    [callback] = slow.callbacks()
    assert callback["Body"]["stkCallback"]["CheckoutRequestID"] == checkout_request_id


def test_callback_amount(daraja: Daraja) -> None:
    only(daraja, "callback_amount")
    checkout_request_id = daraja.push_accepted()
    [callback] = daraja.wait_callbacks(1)
    assert callback["Body"]["stkCallback"]["CallbackMetadata"]["Item"][0]["Value"] in (1501, 1600)
    assert daraja.entry(checkout_request_id)["amount"] == 1500


def test_no_fault_ever_tells_of_money_that_did_not_move(daraja: Daraja) -> None:
    only(daraja, *PAID_ONLY)
    checkout_request_id = daraja.push_accepted(scenario="stk=1; seed=3")
    daraja.wait_all_sent(checkout_request_id)
    assert daraja.codes() == [1]
    assert daraja.query(checkout_request_id).json()["ResultCode"] == "1"


def test_test_phones_keep_their_word_under_faults(daraja: Daraja) -> None:
    only(daraja, "callback_lost", "push_busy")
    response = daraja.push(PhoneNumber="254700000046")
    assert response.json()["errorMessage"] == "Internal Server Error"


def play(daraja: Daraja, *, seed: int) -> list[Any]:
    """One short run from an empty book: what every push was answered and how every prompt was told."""
    daraja.control("POST", "reset")
    daraja.control("DELETE", "tokens")
    daraja.token = daraja.fetch_token().json()["access_token"]
    daraja.control("POST", "outcomes", {"mix": {"0": 0.6, "1032": 0.2, "1": 0.2}, "seed": seed})
    kinds = sorted(DEFAULT_KINDS - {"callback_early"})
    regime = {"seed": seed, "rate": 0.5, "kinds": kinds, "slow_seconds": 0, "late_seconds": 0}
    daraja.control("POST", "faults", regime)
    daraja.control("POST", "speed", {"speed": 100})
    return [push_once(daraja, reference=f"INV-{number}", phone=str(int(ANY_PHONE) + number)) for number in range(40)]


def push_once(daraja: Daraja, *, reference: str, phone: str) -> list[Any]:
    try:
        response = daraja.push(AccountReference=reference, PhoneNumber=phone)
        answer = (response.status_code, len(response.content) > 0)
    except httpx.TransportError:
        answer = (0, False)
    if answer[0] == 401:
        while (fetched := daraja.fetch_token()).status_code != 200:
            continue
        daraja.token = fetched.json()["access_token"]
    told = []
    for entry in daraja.control("GET", "book", account_reference=reference)["prompts"]:
        callbacks = daraja.wait_all_sent(entry["checkout_request_id"])
        truth = daraja.entry(entry["checkout_request_id"])["result_code"]
        told.append([truth, [callback["result_code"] for callback in callbacks]])
    return [answer, told]


def test_the_same_seed_replays_the_same_run(daraja: Daraja) -> None:
    first = play(daraja, seed=7)
    faults = daraja.control("GET", "faults")["counts"]
    assert play(daraja, seed=7) == first
    assert daraja.control("GET", "faults")["counts"] == faults
    assert play(daraja, seed=8) != first


def test_every_prompt_of_a_run_has_one_truth(daraja: Daraja) -> None:
    play(daraja, seed=9)
    prompts = daraja.control("GET", "book", limit="1000")["prompts"]
    summary = daraja.control("GET", "book/summary")
    assert summary["prompts"] == summary["paid"] + summary["failed"] == len(prompts)
    assert summary["paid_amount"] == sum(prompt["amount"] for prompt in prompts if prompt["status"] == "paid")
    assert all((prompt["receipt"] is not None) == (prompt["result_code"] == "0") for prompt in prompts)
    receipts = [prompt["receipt"] for prompt in prompts if prompt["receipt"]]
    assert len(set(receipts)) == len(receipts)


def test_outcome_mix_moves_only_ordinary_phones(daraja: Daraja) -> None:
    daraja.control("POST", "outcomes", {"mix": {"1032": 1}, "seed": 1})
    assert daraja.wait_decided(daraja.push_accepted())["result_code"] == "1032"
    assert daraja.wait_decided(daraja.push_accepted(PhoneNumber="254700000001"))["result_code"] == "1"
    assert daraja.wait_decided(daraja.push_accepted(scenario="stk=0"))["result_code"] == "0"
    daraja.control("DELETE", "outcomes")
    assert daraja.wait_decided(daraja.push_accepted())["result_code"] == "0"


@pytest.mark.parametrize("body", [{}, {"mix": {}}, {"mix": {"0": -1}}, {"mix": {"0": 0}}, {"mix": {"a b": 1}}])
def test_bad_mixes_are_refused(daraja: Daraja, body: dict[str, Any]) -> None:
    assert daraja.http.post("/control/outcomes", json=body).status_code == 400
