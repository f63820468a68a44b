"""Every phone of the test table, and phones answered by hand."""

from __future__ import annotations

import httpx
import pytest

from simulator.tests.harness import Daraja, assert_shape, wait_for


def phone(ending: str) -> str:
    return f"254700000{ending}"


@pytest.mark.parametrize("number", ["254712345678", "254708374149", "254110000000"])
def test_any_other_phone_pays(daraja: Daraja, number: str) -> None:
    checkout_request_id = daraja.push_accepted(PhoneNumber=number)
    assert daraja.wait_decided(checkout_request_id)["status"] == "paid"
    daraja.wait_callbacks(1)
    assert daraja.codes() == [0]


@pytest.mark.parametrize(
    ("ending", "code"),
    [("001", 1), ("032", 1032), ("017", 1001), ("037", 1037), ("019", 1019), ("020", 2001)],
)
def test_phones_that_fail(daraja: Daraja, ending: str, code: int) -> None:
    checkout_request_id = daraja.push_accepted(PhoneNumber=phone(ending))
    daraja.wait_callbacks(1)
    assert daraja.codes() == [code]
    assert daraja.wait_decided(checkout_request_id)["status"] == "failed"
    assert daraja.query(checkout_request_id).json()["ResultCode"] == str(code)


def test_026_is_busy_once_per_reference(daraja: Daraja) -> None:
    first = daraja.push(PhoneNumber=phone("026"), AccountReference="A")
    assert first.status_code == 500
    assert_shape(first.json(), "error_system_busy_500_003_02.json")
    for _ in range(2):
        assert daraja.wait_decided(daraja.push_accepted(PhoneNumber=phone("026"), AccountReference="A"))
    assert daraja.push(PhoneNumber=phone("026"), AccountReference="B").status_code == 500
    daraja.push_accepted(PhoneNumber=phone("026"), AccountReference="C")
    summary = daraja.control("GET", "book/summary")
    assert (summary["prompts"], summary["pushes_refused"]) == (3, 2)


def test_040_pays_and_the_callback_is_lost(daraja: Daraja) -> None:
    checkout_request_id = daraja.push_accepted(PhoneNumber=phone("040"))
    assert daraja.wait_all_sent(checkout_request_id) == []
    assert daraja.entry(checkout_request_id)["status"] == "paid"
    assert daraja.query(checkout_request_id).json()["ResultCode"] == "0"
    assert daraja.callbacks() == []


def test_041_pays_and_the_callback_comes_twice(daraja: Daraja) -> None:
    checkout_request_id = daraja.push_accepted(PhoneNumber=phone("041"))
    daraja.wait_all_sent(checkout_request_id)
    one, other = daraja.callbacks()
    assert one == other
    assert daraja.codes() == [0, 0]


def test_042_is_told_cancelled_first_then_paid(daraja: Daraja) -> None:
    checkout_request_id = daraja.push_accepted(PhoneNumber=phone("042"))
    assert daraja.wait_decided(checkout_request_id)["status"] == "paid"
    daraja.wait_callbacks(2)
    assert daraja.codes() == [1032, 0]


def test_043_is_told_after_five_minutes(daraja: Daraja) -> None:
    checkout_request_id = daraja.push_accepted(PhoneNumber=phone("043"))
    assert daraja.wait_decided(checkout_request_id)["status"] == "paid"
    [callback] = daraja.control("GET", "callbacks", checkout_request_id=checkout_request_id)["callbacks"]
    assert callback["sent_at"] is None
    daraja.control("POST", "speed", {"speed": 10_000})
    daraja.wait_callbacks(1)
    assert daraja.codes() == [0]


def test_044_is_told_another_amount(daraja: Daraja) -> None:
    checkout_request_id = daraja.push_accepted(PhoneNumber=phone("044"))
    [callback] = daraja.wait_callbacks(1)
    assert callback["Body"]["stkCallback"]["CallbackMetadata"]["Item"][0]["Value"] == 1501
    assert daraja.wait_decided(checkout_request_id)["amount"] == 1500


def test_045_stays_open_and_frees_the_payer_when_the_prompt_dies(daraja: Daraja) -> None:
    checkout_request_id = daraja.push_accepted(PhoneNumber=phone("045"))
    assert daraja.push(PhoneNumber=phone("045")).status_code == 500
    daraja.control("POST", "speed", {"speed": 3600})
    wait_for(lambda: daraja.push(PhoneNumber=phone("045")).status_code == 200)
    assert daraja.entry(checkout_request_id)["status"] == "open"
    assert daraja.query(checkout_request_id).json()["errorMessage"] == "The transaction is being processed"
    daraja.control("POST", f"prompts/{checkout_request_id}/approve")
    assert daraja.entry(checkout_request_id)["status"] == "paid"


def test_046_is_refused_with_500_and_nothing_is_booked(daraja: Daraja) -> None:
    response = daraja.push(PhoneNumber=phone("046"))
    assert response.status_code == 500
    assert_shape(response.json(), "error_internal_500_003_1001.json")
    summary = daraja.control("GET", "book/summary")
    assert (summary["prompts"], summary["pushes_received"], summary["pushes_refused"]) == (0, 1, 1)


def test_047_hangs_but_the_prompt_was_sent(daraja: Daraja) -> None:
    with pytest.raises(httpx.ReadTimeout):
        daraja.push(PhoneNumber=phone("047"), timeout=0.3)
    daraja.wait_callbacks(1)
    [entry] = daraja.control("GET", "book", phone=phone("047"))["prompts"]
    assert entry["status"] == "paid"


def test_phones_answered_by_hand_wait(daraja: Daraja) -> None:
    ranged = daraja.push_accepted(PhoneNumber="254799123456")
    daraja.control("POST", "holds", {"phone": "254711111111"})
    held = daraja.push_accepted(PhoneNumber="254711111111")
    ordinary = daraja.push_accepted(PhoneNumber="254722222222")
    daraja.wait_decided(ordinary)
    assert daraja.entry(ranged)["status"] == daraja.entry(held)["status"] == "open"
    assert daraja.entry(ranged)["by_hand"] and daraja.entry(held)["by_hand"]


def test_holding_a_phone_catches_its_open_prompt(daraja: Daraja) -> None:
    daraja.control("POST", "speed", {"approve_seconds": 1})
    checkout_request_id = daraja.push_accepted()
    daraja.control("POST", "holds", {"phone": "254712345678"})
    daraja.wait_decided(daraja.push_accepted(PhoneNumber="254722222222"))
    assert daraja.entry(checkout_request_id)["status"] == "open"
    daraja.control("POST", "speed", {"speed": 3600})
    assert daraja.wait_decided(checkout_request_id)["result_code"] == "1037"


def test_a_released_phone_pays_by_itself_again(daraja: Daraja) -> None:
    daraja.control("POST", "holds", {"phone": "254712345678"})
    assert daraja.control("GET", "holds") == {"phones": ["254712345678"]}
    assert daraja.control("DELETE", "holds/254712345678") == {"phones": []}
    assert daraja.wait_decided(daraja.push_accepted())["status"] == "paid"
