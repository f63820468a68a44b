"""Callbacks in odd but truthful shapes, by the `callback.body` key of the scenario header."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.tests.harness import Daraja


def told(daraja: Daraja, scenario: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The news of one callback, and the book's line of its prompt."""
    checkout_request_id = daraja.push_accepted(scenario=scenario)
    [callback] = daraja.wait_callbacks(1)
    return callback["Body"]["stkCallback"], daraja.wait_decided(checkout_request_id)


def items(news: dict[str, Any]) -> dict[str, Any]:
    return {item["Name"]: item.get("Value") for item in news["CallbackMetadata"]["Item"]}


def test_a_single_item_without_a_list(daraja: Daraja) -> None:
    news, entry = told(daraja, "callback.body=single")
    assert news["CallbackMetadata"] == {"Item": {"Name": "MpesaReceiptNumber", "Value": entry["receipt"]}}
    assert (news["ResultCode"], entry["status"]) == (0, "paid")


def test_numbers_as_text(daraja: Daraja) -> None:
    news, entry = told(daraja, "callback.body=strings")
    assert news["ResultCode"] == "0"
    assert items(news)["Amount"] == "1500.00"
    assert items(news)["PhoneNumber"] == entry["phone"]
    assert items(news)["MpesaReceiptNumber"] == entry["receipt"]
    assert items(news)["TransactionDate"].isdecimal()


def test_fields_nobody_knows(daraja: Daraja) -> None:
    news, entry = told(daraja, "callback.body=extra")
    assert isinstance(news["Channel"], dict)
    assert isinstance(items(news)["ChargesPaid"], dict)
    assert (items(news)["Amount"], items(news)["MpesaReceiptNumber"]) == (1500, entry["receipt"])


def test_nulls(daraja: Daraja) -> None:
    news, entry = told(daraja, "callback.body=nulls")
    nulled = [item["Name"] for item in news["CallbackMetadata"]["Item"] if item["Value"] is None]
    assert nulled == ["Balance", "TransactionDate", "PhoneNumber"]
    assert (items(news)["Amount"], items(news)["MpesaReceiptNumber"]) == (1500, entry["receipt"])


@pytest.mark.parametrize(
    ("shape", "code", "more"),
    [
        ("single", 1032, {}),
        ("strings", "1032", {}),
        ("extra", 1032, {"Channel": {"Code": 7, "Tags": ["ussd"]}}),
        ("nulls", 1032, {"CallbackMetadata": None}),
    ],
)
def test_failures(daraja: Daraja, shape: str, code: object, more: dict[str, Any]) -> None:
    news, entry = told(daraja, f"stk=1032; callback.body={shape}")
    usual = {
        "MerchantRequestID": entry["merchant_request_id"],
        "CheckoutRequestID": entry["checkout_request_id"],
        "ResultCode": code,
        "ResultDesc": "Request cancelled by user",
    }
    assert news == usual | more


def test_a_shape_keeps_drawn_faults_away(daraja: Daraja) -> None:
    daraja.control("POST", "faults", {"seed": 7, "rate": 1, "kinds": ["callback_lost"]})
    told(daraja, "callback.body=strings")
    assert daraja.control("GET", "faults")["counts"] == {}
