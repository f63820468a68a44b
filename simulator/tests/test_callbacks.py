"""What callbacks say, and how often they are sent."""

from __future__ import annotations

import pytest

from simulator.identifiers import receipt_prefix
from simulator.tests.harness import Daraja, assert_shape

FAILURES = {
    "1": "stk_callback_failed_insufficient_funds.json",
    "17": "stk_callback_failed_rule_limited.json",
    "1001": "stk_callback_failed_subscriber_locked.json",
    "1019": "stk_callback_failed_expired.json",
    "1025": "stk_callback_failed_push_failed.json",
    "1032": "stk_callback_failed_cancelled.json",
    "1036": "stk_callback_failed_smsc_ack_timeout.json",
    "1037": "stk_callback_failed_timeout_unreachable.json",
    "2001": "stk_callback_failed_wrong_pin.json",
    "2028": "stk_callback_failed_product_not_assigned.json",
    "9999": "stk_callback_failed_system_error.json",
    "SFC_IC0003": "stk_callback_failed_operator_missing.json",
}


def test_success(daraja: Daraja) -> None:
    answer = daraja.push().json()
    [callback] = daraja.wait_callbacks(1)
    assert_shape(callback, "stk_callback_success.json")
    news = callback["Body"]["stkCallback"]
    items = {item["Name"]: item.get("Value") for item in news["CallbackMetadata"]["Item"]}
    entry = daraja.wait_decided(answer["CheckoutRequestID"])
    assert news["MerchantRequestID"] == answer["MerchantRequestID"]
    assert news["CheckoutRequestID"] == answer["CheckoutRequestID"]
    assert items["Amount"] == 1500
    assert items["PhoneNumber"] == 254712345678
    assert items["MpesaReceiptNumber"] == entry["receipt"]
    assert (entry["status"], entry["result_code"]) == ("paid", "0")


def test_amount_has_two_decimals_on_the_wire(daraja: Daraja) -> None:
    daraja.push_accepted()
    daraja.wait_callbacks(1)
    raw = next(body for path, body in daraja.receiver.received if path == daraja.path)
    assert b'"Value": 1500.00}' in raw


@pytest.mark.parametrize(("code", "shape"), FAILURES.items())
def test_failure(daraja: Daraja, code: str, shape: str) -> None:
    checkout_request_id = daraja.push_accepted(scenario=f"stk={code}")
    [callback] = daraja.wait_callbacks(1)
    assert_shape(callback, shape)
    entry = daraja.wait_decided(checkout_request_id)
    assert (entry["status"], entry["result_code"], entry["receipt"]) == ("failed", code, None)


def test_unanswered_prompt_ends_with_no_response(daraja: Daraja) -> None:
    checkout_request_id = daraja.push_accepted(PhoneNumber="254799000001")
    daraja.control("POST", "speed", {"speed": 3600})
    [callback] = daraja.wait_callbacks(1)
    assert_shape(callback, "stk_callback_failed_timeout_no_response.json")
    assert daraja.query(checkout_request_id).json()["ResultDesc"] == "No response from user."


@pytest.mark.parametrize("status", [500, 404, 302])
def test_a_callback_is_sent_once_whatever_the_answer(daraja: Daraja, status: int) -> None:
    daraja.receiver.answers = [status]
    [callback] = daraja.wait_all_sent(daraja.push_accepted())
    assert (callback["http_status"], callback["error"]) == (status, None)
    assert len(daraja.callbacks()) == 1


def test_a_receiver_that_is_down_has_missed_it(daraja: Daraja) -> None:
    checkout_request_id = daraja.push_accepted(CallBackURL="http://127.0.0.1:9/collect")
    [callback] = daraja.wait_all_sent(checkout_request_id)
    assert (callback["http_status"], callback["error"]) == (None, "ConnectError")
    assert daraja.entry(checkout_request_id)["callbacks_sent"] == 1


def test_a_payers_limit_is_found_out_after_acceptance(daraja: Daraja) -> None:
    assert daraja.wait_decided(daraja.push_accepted(Amount=250_001))["result_code"] == "3"
    assert daraja.wait_decided(daraja.push_accepted(Amount=250_000))["result_code"] == "0"


def test_wrong_pairing_is_found_out_after_acceptance(daraja: Daraja) -> None:
    tills = {"shortcode": "600987", "passkey": "simulator-passkey", "tills": ["5204861"]}
    daraja.control("POST", "shortcodes", tills)
    till = {"BusinessShortCode": "600987", "TransactionType": "CustomerBuyGoodsOnline"}
    assert daraja.wait_decided(daraja.push_accepted(PartyB="600987"))["result_code"] == "SFC_IC0003"
    assert daraja.wait_decided(daraja.push_accepted(**till, PartyB="5204862"))["result_code"] == "2028"
    assert daraja.wait_decided(daraja.push_accepted(**till, PartyB="5204861"))["result_code"] == "0"


def test_receipts_are_dated_by_the_east_african_day() -> None:
    last_second_of_november = 1796072399.0  # 2026-11-30 23:59:59 EAT
    assert receipt_prefix(last_second_of_november) == "UKU"
    assert receipt_prefix(last_second_of_november + 1) == "UL1"
