"""Every recorded C2B and Pull shape: its keys in order and the type of each, met by what the simulator says or takes."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from simulator.tests.c2b_merchant import C2bMerchant
from simulator.tests.harness import wait_for

PAYER = "254708374149"
WINDOW = {"StartDate": "2026-01-01 00:00:00", "EndDate": "2099-01-01 00:00:00"}

Shape = dict[str, Any]

MONEY: Shape = {
    "TransactionType": str,
    "TransID": str,
    "TransTime": str,
    "TransAmount": str,
    "BusinessShortCode": str,
    "BillRefNumber": str,
    "InvoiceNumber": str,
    "OrgAccountBalance": str,
    "ThirdPartyTransID": str,
    "MSISDN": str,
    "FirstName": str,
    "MiddleName": str,
    "LastName": str,
}
ERROR: Shape = {"requestId": str, "errorCode": str, "errorMessage": str}
ACCEPTED: Shape = {"OriginatorCoversationID": str, "ResponseCode": str, "ResponseDescription": str}
PULLED: Shape = {
    "transactionId": str,
    "trxDate": str,
    "msisdn": int,
    "sender": str,
    "transactiontype": str,
    "billreference": str,
    "amount": str,
    "organizationname": str,
}
PULL_ANSWER: Shape = {"ResponseRefID": str, "ResponseCode": str, "ResponseMessage": str, "Response": list}

SHAPES: dict[str, Shape] = {
    "c2b_confirmation_ack.json": {"ResultCode": int, "ResultDesc": str},
    "c2b_confirmation_for_stk_payment.json": MONEY,
    "c2b_confirmation_till.json": MONEY,
    "c2b_confirmation_v1.json": MONEY,
    "c2b_confirmation_v1_nulls.json": MONEY | {"InvoiceNumber": None, "ThirdPartyTransID": None},
    "c2b_confirmation_v2_hashed.json": MONEY,
    "c2b_confirmation_v2_masked.json": MONEY,
    "c2b_register_already_registered_legacy.json": {
        "ConversationID": str,
        "OriginatorCoversationID": str,
        "ResponseDescription": str,
    },
    "c2b_register_error_already_registered.json": ERROR,
    "c2b_register_error_duplicate_notification.json": ERROR,
    "c2b_register_request.json": {
        "ShortCode": str,
        "ResponseType": str,
        "ConfirmationURL": str,
        "ValidationURL": str,
    },
    "c2b_register_success.json": ACCEPTED,
    "c2b_simulate_request_paybill.json": {
        "ShortCode": int,
        "CommandID": str,
        "Amount": int,
        "Msisdn": int,
        "BillRefNumber": str,
    },
    "c2b_simulate_request_till.json": {
        "ShortCode": int,
        "CommandID": str,
        "Amount": int,
        "Msisdn": int,
        "BillRefNumber": None,
    },
    "c2b_simulate_response.json": ACCEPTED,
    "c2b_validation_accept.json": {"ResultCode": str, "ResultDesc": str},
    "c2b_validation_accept_with_reference.json": {"ResultCode": str, "ResultDesc": str, "ThirdPartyTransID": str},
    "c2b_validation_reject.json": {"ResultCode": str, "ResultDesc": str},
    "c2b_validation_request.json": MONEY,
    "pull_query_request.json": {"ShortCode": str, "StartDate": str, "EndDate": str, "OffSetValue": str},
    "pull_query_response.json": PULL_ANSWER,
    "pull_query_response_empty.json": PULL_ANSWER,
    "pull_register_request.json": {"ShortCode": str, "RequestType": str, "NominatedNumber": str, "CallBackURL": str},
    "pull_register_response.json": {
        "ResponseRefID": str,
        "ResponseStatus": str,
        "ShortCode": str,
        "ResponseDescription": str,
    },
    "pull_register_response_spaced_keys.json": {
        "ResponseRefID": str,
        "Response Status": str,
        "ShortCode": str,
        "Response Description": str,
    },
}


def assert_fits(body: Shape, name: str) -> Shape:
    """Same keys in the same order, each of its type (None = null); gives the body back."""
    expected = SHAPES[name]
    assert list(body) == list(expected), name
    for key, kind in expected.items():
        assert (body[key] is None) if kind is None else (type(body[key]) is kind), f"{name}: {key}"
    return body


def confirmation(merchant: C2bMerchant, *, version: str = "v2", **order: Any) -> Shape:
    """The confirmation of one payment of PAYER."""
    merchant.registered(version=version, ValidationURL=None)
    merchant.pay(phone=PAYER, **order)
    return merchant.wait_confirmations()[0]


def test_v1_tells_the_number_in_clear(merchant: C2bMerchant) -> None:
    body = assert_fits(confirmation(merchant, version="v1"), "c2b_confirmation_v1.json")
    assert (body["MSISDN"], body["TransactionType"]) == (PAYER, "Pay Bill")
    assert [body[name] for name in ("FirstName", "MiddleName", "LastName")] == ["AMINA", "WAIRIMU", "OTIENO"]
    assert len(body["TransTime"]) == 14


def test_v2_tells_a_hash(merchant: C2bMerchant) -> None:
    body = assert_fits(confirmation(merchant), "c2b_confirmation_v2_hashed.json")
    assert body["MSISDN"] == "bbff37cea44ac0b2d964ee0dfb8d2df8513dc7ba1b36129a929fc3fbd6dd4af4"
    assert body["MSISDN"] == hashlib.sha256(PAYER.encode()).hexdigest()


def test_a_masked_number_leaves_only_the_first_name(merchant: C2bMerchant) -> None:
    merchant.switch(msisdn="masked")
    body = assert_fits(confirmation(merchant, version="v1"), "c2b_confirmation_v2_masked.json")
    assert (body["MSISDN"], body["FirstName"]) == ("2547 ***** 149", "AMINA")
    assert (body["MiddleName"], body["LastName"]) == ("", "")


def test_nulls_in_place_of_empty_texts(merchant: C2bMerchant) -> None:
    merchant.switch(nulls=True, msisdn="clear")
    assert assert_fits(confirmation(merchant), "c2b_confirmation_v1_nulls.json")["MSISDN"] == PAYER


@pytest.mark.parametrize(
    ("name", "parts"),
    [("JANE", ("JANE", "", "")), ("JANE KAMAU", ("JANE", "", "KAMAU")), ("A B C D", ("A", "B", "C D"))],
)
def test_names(merchant: C2bMerchant, name: str, parts: tuple[str, ...]) -> None:
    body = confirmation(merchant, name=name)
    assert tuple(body[key] for key in ("FirstName", "MiddleName", "LastName")) == parts


def test_a_till(merchant: C2bMerchant) -> None:
    body = assert_fits(confirmation(merchant, till="5204861", amount="980.50"), "c2b_confirmation_till.json")
    assert (body["TransactionType"], body["BusinessShortCode"], body["BillRefNumber"]) == ("Buy Goods", "5204861", "")
    assert body["TransAmount"] == "980.50"


def test_a_prompt_confirmed_by_the_other_door(merchant: C2bMerchant) -> None:
    merchant.switch(msisdn="masked")
    merchant.registered()
    merchant.daraja.push_accepted(scenario="confirm=1", PhoneNumber=PAYER)
    body = assert_fits(merchant.wait_confirmations()[0], "c2b_confirmation_for_stk_payment.json")
    assert (body["TransAmount"], body["BillRefNumber"], body["MSISDN"]) == ("1500.00", "INV-20418", "2547 ***** 149")


def test_validation_asks_and_hears_every_recorded_answer(merchant: C2bMerchant) -> None:
    merchant.switch(msisdn="masked")
    merchant.registered(ResponseType="Cancelled")
    accept = {"ResultCode": "0", "ResultDesc": "Accepted"}
    answers: list[tuple[str, Shape, bool]] = [
        ("c2b_validation_accept.json", accept, True),
        ("c2b_validation_accept_with_reference.json", accept | {"ThirdPartyTransID": "OPP-7F3A19"}, True),
        ("c2b_validation_reject.json", {"ResultCode": "C2B00012", "ResultDesc": "Rejected"}, False),
        ("c2b_confirmation_ack.json", {"ResultCode": 0, "ResultDesc": "Success"}, True),
    ]
    for name, answer, accepted in answers:
        merchant.answer(assert_fits(answer, name))
        assert merchant.pay(phone=PAYER)["accepted"] == accepted
    for body in merchant.validations():
        assert_fits(body, "c2b_validation_request.json")
        assert (body["TransAmount"], body["OrgAccountBalance"], body["MSISDN"]) == ("750", "", "2547 ***** 149")


def test_registration(merchant: C2bMerchant) -> None:
    assert_fits(merchant.registration(), "c2b_register_request.json")
    assert_fits(merchant.register().json(), "c2b_register_success.json")
    clean = {"ConfirmationURL": "https://pay.example.co.ke/confirm", "ValidationURL": "https://pay.example.co.ke/check"}
    merchant.switch(production=True)
    again = merchant.register(**clean).json()
    assert assert_fits(again, "c2b_register_error_already_registered.json")["errorCode"] == "500.003.1001"


def test_registration_on_older_platforms(merchant: C2bMerchant) -> None:
    merchant.switch(register_answer="legacy_registered")
    legacy = assert_fits(merchant.register().json(), "c2b_register_already_registered_legacy.json")
    assert legacy["ResponseDescription"] == "Validation and Confirmation URLs are already registered"
    merchant.switch(register_answer="duplicate_notification")
    duplicate = assert_fits(merchant.register().json(), "c2b_register_error_duplicate_notification.json")
    assert duplicate["errorMessage"].startswith("Duplicate notification info, SP ID is ")
    merchant.switch(register_answer="soap_fault")
    fault = merchant.register().json()["Envelope"]["Body"]["Fault"]
    assert list(fault) == ["faultcode", "faultstring", "faultactor", "detail"]
    assert fault["faultcode"] == "soap:Server"


@pytest.mark.parametrize(
    ("name", "command", "bill_ref"),
    [
        ("c2b_simulate_request_paybill.json", "CustomerPayBillOnline", "INV-20418"),
        ("c2b_simulate_request_till.json", "CustomerBuyGoodsOnline", None),
    ],
)
def test_simulate(merchant: C2bMerchant, name: str, command: str, bill_ref: str | None) -> None:
    order = {"ShortCode": 174379, "CommandID": command, "Amount": 750, "Msisdn": int(PAYER), "BillRefNumber": bill_ref}
    response = merchant.daraja.post("/mpesa/c2b/v2/simulate", assert_fits(order, name))
    assert response.status_code == 200
    answer = assert_fits(response.json(), "c2b_simulate_response.json")
    assert answer["ResponseDescription"] == "Accept the service request successfully."
    wait_for(lambda: [entry for entry in merchant.entries() if entry["status"] == "paid"])


def test_pull(merchant: C2bMerchant) -> None:
    query = {"ShortCode": merchant.shortcode, **WINDOW, "OffSetValue": "0"}
    path = "/pulltransactions/v1/query"
    empty = merchant.daraja.post(path, assert_fits(query, "pull_query_request.json")).json()
    assert assert_fits(empty, "pull_query_response_empty.json")["Response"] == [[]]
    merchant.pay(phone=PAYER)
    merchant.daraja.wait_decided(merchant.daraja.push_accepted(PhoneNumber=PAYER))
    [rows] = assert_fits(merchant.daraja.post(path, query).json(), "pull_query_response.json")["Response"]
    assert [[type(value) for value in row.values()] for row in rows] == [list(PULLED.values())] * 2
    assert [list(row) for row in rows] == [list(PULLED)] * 2


def test_pull_registration(merchant: C2bMerchant) -> None:
    request = {
        "ShortCode": "600666",
        "RequestType": "Pull",
        "NominatedNumber": "254722000000",
        "CallBackURL": "https://pay.example.co.ke/collect",
    }
    path = "/pulltransactions/v1/register"
    for shortcode, spaced, name in (
        ("600666", False, "pull_register_response.json"),
        ("600667", True, "pull_register_response_spaced_keys.json"),
    ):
        C2bMerchant(merchant.daraja, shortcode).switch(pull_spaced_keys=spaced)
        body = assert_fits(request | {"ShortCode": shortcode}, "pull_register_request.json")
        assert_fits(merchant.daraja.post(path, body).json(), name)
        again = merchant.daraja.post(path, body).json()
        assert assert_fits(again, "pull_register_response_spaced_keys.json")["Response Status"] == "1001"
