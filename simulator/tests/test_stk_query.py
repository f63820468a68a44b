"""The query: pending while open, then the outcome as a string code."""

from __future__ import annotations

import pytest

from simulator.config import Settings
from simulator.tests.harness import QUERY_PATH, Daraja, Receiver, assert_shape, load_shape, running


def test_open_prompt_is_being_processed(slow: Daraja) -> None:
    response = slow.query(slow.push_accepted())
    assert response.status_code == 500
    assert_shape(response.json(), "stk_query_pending_500.json")


def test_pending_may_also_come_as_4999(receiver: Receiver) -> None:
    with running(Settings(pending_4999=True)) as url:
        daraja = Daraja(url, receiver)
        response = daraja.query(daraja.push_accepted())
        assert response.status_code == 200
        assert_shape(response.json(), "stk_query_pending_4999.json")
        daraja.close()


@pytest.mark.parametrize(
    ("scenario", "shape"),
    [
        ("stk=0", "stk_query_success.json"),
        ("stk=1032", "stk_query_cancelled.json"),
        ("stk=1037", "stk_query_timeout.json"),
        ("stk=E3008", "stk_query_sandbox_foreign_number.json"),
    ],
)
def test_decided_prompt_tells_its_code_as_text(daraja: Daraja, scenario: str, shape: str) -> None:
    checkout_request_id = daraja.push_accepted(scenario=scenario)
    daraja.wait_decided(checkout_request_id)
    response = daraja.query(checkout_request_id)
    assert response.status_code == 200
    assert_shape(response.json(), shape)


def test_recorded_request_is_understood(slow: Daraja) -> None:
    slow.control("POST", "shortcodes", {"shortcode": "600987", "passkey": "simulator-passkey"})
    response = slow.post(QUERY_PATH, load_shape("stk_query_request.json"))
    assert response.json()["errorMessage"] == "The transaction does not exist"


def test_unknown_id(daraja: Daraja) -> None:
    response = daraja.query("ws_CO_21072024125243250722943992")
    assert (response.status_code, response.json()["errorCode"]) == (500, "500.001.1001")
    assert response.json()["errorMessage"] == "The transaction does not exist"


def test_another_shortcodes_prompt_is_unknown(slow: Daraja) -> None:
    slow.control("POST", "shortcodes", {"shortcode": "600987", "passkey": "simulator-passkey"})
    foreign = slow.push_accepted(BusinessShortCode="600987")
    assert slow.query(foreign).json()["errorMessage"] == "The transaction does not exist"


@pytest.mark.parametrize("name", ["BusinessShortCode", "Password", "Timestamp", "CheckoutRequestID"])
def test_missing_field_is_named(daraja: Daraja, name: str) -> None:
    response = daraja.query("ws_CO_1", **{name: ""})
    assert (response.status_code, response.json()["errorMessage"]) == (400, f"Bad Request - Invalid {name}")


def test_wrong_password(daraja: Daraja) -> None:
    assert_shape(daraja.query("ws_CO_1", Password="x").json(), "stk_push_error_wrong_credentials.json")


def test_unknown_shortcode(daraja: Daraja) -> None:
    response = daraja.query("ws_CO_1", BusinessShortCode="999999")
    assert_shape(response.json(), "stk_push_error_merchant_does_not_exist.json")


def test_queries_are_counted(slow: Daraja) -> None:
    checkout_request_id = slow.push_accepted()
    slow.query(checkout_request_id)
    slow.query("unknown")
    assert slow.entry(checkout_request_id)["queries"] == 1
    assert slow.control("GET", "book/summary")["queries"] == 2
