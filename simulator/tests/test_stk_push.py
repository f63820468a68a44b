"""The push: what is accepted, what is refused, and in which order faults of a request are named."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.config import Settings
from simulator.tests.harness import PUSH_PATH, Daraja, Receiver, assert_shape, load_shape, running


def refusal(daraja: Daraja, **changes: Any) -> tuple[int, str, str]:
    response = daraja.push(**changes)
    return response.status_code, response.json()["errorCode"], response.json()["errorMessage"]


def invalid(name: str) -> tuple[int, str, str]:
    return 400, "400.002.02", f"Bad Request - Invalid {name}"


def test_accepted(slow: Daraja) -> None:
    response = slow.push()
    assert response.status_code == 200
    assert_shape(response.json(), "stk_push_response_accepted.json")


def test_accepted_push_is_in_the_book(slow: Daraja) -> None:
    answer = slow.push().json()
    entry = slow.entry(answer["CheckoutRequestID"])
    assert entry["merchant_request_id"] == answer["MerchantRequestID"]
    expected = {
        "shortcode": "174379",
        "amount": 1500,
        "phone": "254712345678",
        "account_reference": "INV-20418",
        "status": "open",
        "result_code": None,
        "receipt": None,
        "decided_at": None,
        "callbacks_sent": 0,
        "pushes": 1,
    }
    assert {name: entry[name] for name in expected} == expected


@pytest.mark.parametrize("shape", ["stk_push_request_paybill.json", "stk_push_request_till.json"])
def test_recorded_requests_are_accepted(slow: Daraja, shape: str) -> None:
    slow.control("POST", "shortcodes", {"shortcode": "600987", "passkey": "simulator-passkey"})
    response = slow.post(PUSH_PATH, load_shape(shape))
    assert_shape(response.json(), "stk_push_response_accepted.json")


def test_numbers_and_strings_are_taken_alike(slow: Daraja) -> None:
    response = slow.push(
        BusinessShortCode=174379, PartyB=174379, Amount="1500", PartyA=254712345678, PhoneNumber=254712345678
    )
    assert response.status_code == 200
    assert slow.entry(response.json()["CheckoutRequestID"])["amount"] == 1500


@pytest.mark.parametrize(
    "name",
    [
        "BusinessShortCode",
        "Password",
        "Timestamp",
        "TransactionType",
        "Amount",
        "PartyA",
        "PartyB",
        "PhoneNumber",
        "CallBackURL",
        "AccountReference",
    ],
)
def test_missing_field_is_named(daraja: Daraja, name: str) -> None:
    order = daraja.order()
    del order[name]
    response = daraja.post(PUSH_PATH, order)
    assert (response.status_code, response.json()["errorMessage"]) == (400, f"Bad Request - Invalid {name}")


def test_missing_description_is_called_remarks(daraja: Daraja) -> None:
    response = daraja.push(TransactionDesc=None)
    assert response.status_code == 400
    assert_shape(response.json(), "stk_push_error_missing_description.json")


def test_a_till_needs_no_account_reference(slow: Daraja) -> None:
    order = {"TransactionType": "CustomerBuyGoodsOnline", "PartyB": "5204861", "AccountReference": None}
    assert slow.push(**order).status_code == 200


@pytest.mark.parametrize("phone", ["0712345678", "+254712345678", "254812345678", "25471234567", ""])
def test_bad_phone(daraja: Daraja, phone: str) -> None:
    response = daraja.push(PhoneNumber=phone, PartyA="254712345678")
    assert response.status_code == 400
    assert_shape(response.json(), "error_bad_request_invalid_field_400_002_02.json")


@pytest.mark.parametrize("amount", [0, -1, 1.5, "ten", "0", True, [5]])
def test_bad_amount(daraja: Daraja, amount: Any) -> None:
    response = daraja.push(Amount=amount)
    assert response.status_code == 400
    assert_shape(response.json(), "stk_push_error_invalid_amount.json")


@pytest.mark.parametrize(
    "url",
    ["ftp://example.com/x", "/relative", "https://", "https://exa mple.com/x", "https://{host}/x", "https://x:0/"],
)
def test_bad_callback_url(daraja: Daraja, url: str) -> None:
    response = daraja.push(CallBackURL=url)
    assert response.status_code == 400
    assert_shape(response.json(), "stk_push_error_invalid_callback_url.json")


@pytest.mark.parametrize("changes", [{"Timestamp": "2026"}, {"TransactionType": "Pay"}, {"PartyB": "x"}])
def test_other_malformed_fields(daraja: Daraja, changes: dict[str, str]) -> None:
    assert refusal(daraja, **changes) == invalid(next(iter(changes)))


@pytest.mark.parametrize("reference", ["\ud800", "a\x00b"])
def test_unprintable_reference(daraja: Daraja, reference: str) -> None:
    assert refusal(daraja, AccountReference=reference) == invalid("AccountReference")


def test_unknown_shortcode(daraja: Daraja) -> None:
    response = daraja.push(BusinessShortCode="999999")
    assert response.status_code == 500
    assert_shape(response.json(), "stk_push_error_merchant_does_not_exist.json")


def test_wrong_password(daraja: Daraja) -> None:
    response = daraja.push(Password="d3Jvbmc=")
    assert response.status_code == 500
    assert_shape(response.json(), "stk_push_error_wrong_credentials.json")


def test_one_open_prompt_per_payer(slow: Daraja) -> None:
    slow.push_accepted()
    response = slow.push(AccountReference="INV-2")
    assert response.status_code == 500
    assert_shape(response.json(), "stk_push_error_subscriber_locked.json")
    assert slow.push(PhoneNumber="254712345679").status_code == 200
    assert slow.control("GET", "book/summary")["prompts"] == 2


def test_the_lock_ends_with_the_prompt(daraja: Daraja) -> None:
    daraja.wait_decided(daraja.push_accepted())
    assert daraja.push().status_code == 200


def test_refusals_come_in_the_operators_order(slow: Daraja) -> None:
    """Each step mends the first complaint and meets the next."""
    slow.push_accepted()
    wrong: dict[str, Any] = {
        "BusinessShortCode": "999999",
        "Password": "d3Jvbmc=",
        "PartyB": "174379",
        "PhoneNumber": "0712",
        "Amount": 0,
        "CallBackURL": "nowhere",
        "TransactionDesc": None,
    }
    good_token, slow.token = slow.token, "unknown"
    broken = slow.http.post(PUSH_PATH, content=b"{", headers={"Authorization": "Bearer unknown"})
    assert_shape(broken.json(), "error_invalid_request_payload_400_002_05.json")
    assert refusal(slow, **wrong)[:2] == (401, "404.001.03")
    slow.token = good_token
    assert refusal(slow, **wrong) == invalid("Remarks")
    wrong["TransactionDesc"] = "Order"
    assert refusal(slow, **wrong) == invalid("PartyA")
    wrong["PartyA"] = "254712345678"
    assert refusal(slow, **wrong) == invalid("PhoneNumber")
    wrong["PhoneNumber"] = "254712345678"
    assert refusal(slow, **wrong) == invalid("Amount")
    wrong["Amount"] = 10
    assert refusal(slow, **wrong) == invalid("CallBackURL")
    wrong["CallBackURL"] = "http://127.0.0.1:9/collect"
    assert refusal(slow, **wrong)[2] == "Merchant does not exist"
    wrong["BusinessShortCode"] = "174379"
    assert refusal(slow, **wrong)[2] == "[MerchantValidate] - Wrong credentials"
    del wrong["Password"]
    assert refusal(slow, **wrong)[2].startswith("Unable to lock subscriber")
    summary = slow.control("GET", "book/summary")
    assert (summary["prompts"], summary["pushes_received"], summary["pushes_refused"]) == (1, 10, 9)


def test_form_encoding_counts_as_no_fields(daraja: Daraja) -> None:
    headers = {"Authorization": f"Bearer {daraja.token}"}
    response = daraja.http.post(PUSH_PATH, data={"BusinessShortCode": "174379"}, headers=headers)
    assert response.json()["errorMessage"] == "Bad Request - Invalid BusinessShortCode"


@pytest.mark.parametrize("content", [b"", b"[]", b"nonsense", b"\xff", b"[" * 50_000])
def test_no_json_object(daraja: Daraja, content: bytes) -> None:
    headers = {"Authorization": f"Bearer {daraja.token}", "Content-Type": "application/json"}
    response = daraja.http.post(PUSH_PATH, content=content, headers=headers)
    assert response.status_code == 400
    assert_shape(response.json(), "error_invalid_request_payload_400_002_05.json")


def test_other_methods(daraja: Daraja) -> None:
    response = daraja.http.get(PUSH_PATH)
    assert response.status_code == 405
    assert_shape(response.json(), "error_method_not_allowed_405_001.json")


def test_unknown_path(daraja: Daraja) -> None:
    response = daraja.http.post("/mpesa/stkpush/v1/processrequests")
    assert response.status_code == 404
    assert_shape(response.json(), "error_resource_not_found_404_001_01.json")


def test_a_body_too_large_is_refused(daraja: Daraja) -> None:
    assert daraja.push(TransactionDesc="x" * 70_000).status_code == 413


def test_reserved_words_matter_only_under_the_strict_switch(slow: Daraja, receiver: Receiver) -> None:
    url = "https://pay.example.com/api/v1/payments/mpesa/callback/"
    assert slow.push(CallBackURL=url).status_code == 200
    with running(Settings(strict_urls=True)) as address:
        strict = Daraja(address, receiver)
        assert refusal(strict, CallBackURL=url) == invalid("CallBackURL")
        assert refusal(strict, CallBackURL="https://Safaricom.example.com/x") == invalid("CallBackURL")
        strict.close()
