"""A payer pays by hand or by the simulate call: validation, money, confirmation, and what each refusal leaves."""

from __future__ import annotations

import re
from typing import Any

import pytest

from simulator.tests.c2b_merchant import ACCEPT, C2bMerchant
from simulator.tests.harness import ANY_PHONE, Daraja, wait_for

RECEIPT = re.compile(r"[A-Z]{2}[1-9A-V][A-Z0-9]{7}")


def test_accepted_booked_and_confirmed_once(merchant: C2bMerchant) -> None:
    merchant.registered().answer(ACCEPT)
    told = merchant.pay(amount="750", name="JANE MUTHONI KAMAU")
    assert told == {"accepted": True, "receipt": told["receipt"], "refusal_code": None, "refusal": None}
    assert RECEIPT.fullmatch(told["receipt"])
    [validation], [confirmation] = merchant.validations(), merchant.wait_confirmations()
    assert validation["TransID"] == confirmation["TransID"] == told["receipt"]
    assert (validation["OrgAccountBalance"], confirmation["OrgAccountBalance"]) == ("", "1000750.00")
    assert (validation["TransAmount"], confirmation["TransAmount"]) == ("750", "750.00")
    assert [confirmation[name] for name in ("FirstName", "MiddleName", "LastName")] == ["JANE", "MUTHONI", "KAMAU"]
    assert len(merchant.sent(told["receipt"])) == 1
    assert merchant.utility() == "1000750.00"
    [entry] = merchant.entries()
    assert (entry["status"], entry["receipt"], entry["amount"]) == ("paid", told["receipt"], "750.00")
    assert merchant.pulled() == [told["receipt"]]


@pytest.mark.parametrize("code", ["C2B00012", "C2B00016", 1, "X9"])
def test_refused_moves_nothing(merchant: C2bMerchant, code: str | int) -> None:
    merchant.registered().answer({"ResultCode": code, "ResultDesc": "Rejected"})
    told = merchant.pay()
    assert (told["accepted"], told["receipt"], told["refusal_code"]) == (False, None, str(code))
    assert told["refusal"].startswith("The merchant refused")
    assert len(merchant.validations()) == 1
    merchant.assert_nothing_moved(refusal=str(code))


@pytest.mark.parametrize("code", ["0", 0, "00000000"])
def test_zeros_accept(merchant: C2bMerchant, code: str | int) -> None:
    merchant.registered(ResponseType="Cancelled").answer({"ResultCode": code})
    assert merchant.pay()["accepted"]


SILENCES: list[tuple[bytes, float]] = [
    (b'{"ResultCode": "C2B00012"}', 2.0),
    (b"", 0.0),
    (b"<html>", 0.0),
    (b"[]", 0.0),
    (b'{"ResultDesc": "Accepted"}', 0.0),
    (b'{"ResultCode": true}', 0.0),
]


@pytest.mark.parametrize(("said", "seconds"), SILENCES)
@pytest.mark.parametrize("response_type", ["Completed", "Cancelled"])
def test_silence_leaves_it_to_the_response_type(
    merchant: C2bMerchant, response_type: str, said: bytes, seconds: float
) -> None:
    merchant.registered(ResponseType=response_type).answer(said, seconds=seconds)
    told = merchant.pay()
    assert told["accepted"] == (response_type == "Completed")
    if told["accepted"]:
        assert [body["TransID"] for body in merchant.wait_confirmations()] == [told["receipt"]]
        assert merchant.utility() == "1000750.00"
    else:
        assert told["refusal_code"] == "validation_silent"
        merchant.assert_nothing_moved(refusal="validation_silent")


@pytest.mark.parametrize("response_type", ["Completed", "Cancelled"])
def test_a_verdict_with_another_status_is_no_verdict(merchant: C2bMerchant, response_type: str) -> None:
    merchant.registered(ResponseType=response_type).answer(ACCEPT)
    merchant.daraja.receiver.answers = [500]
    assert merchant.pay()["accepted"] == (response_type == "Completed")


def test_a_receiver_that_is_down_is_silent(merchant: C2bMerchant) -> None:
    merchant.registered(ResponseType="Cancelled", ValidationURL="http://127.0.0.1:9/validate")
    assert merchant.pay()["refusal_code"] == "validation_silent"


def test_the_reference_of_the_validation_comes_back(merchant: C2bMerchant) -> None:
    merchant.registered().answer(ACCEPT | {"ThirdPartyTransID": "OPP-7F3A19"})
    merchant.pay()
    assert merchant.validations()[0]["ThirdPartyTransID"] == ""
    assert merchant.wait_confirmations()[0]["ThirdPartyTransID"] == "OPP-7F3A19"
    assert merchant.entries()[0]["third_party_id"] == "OPP-7F3A19"


def test_without_urls_it_completes_in_silence(merchant: C2bMerchant) -> None:
    told = merchant.pay()
    assert told["accepted"]
    assert (merchant.sent(told["receipt"]), merchant.validations()) == ([], [])
    assert merchant.utility() == "1000750.00"


def test_without_a_validation_url_nobody_is_asked(merchant: C2bMerchant) -> None:
    merchant.registered(ValidationURL=None, ResponseType="Cancelled")
    assert merchant.pay()["accepted"]
    merchant.wait_confirmations()
    assert merchant.validations() == []


def test_validation_is_switched_by_shortcode(merchant: C2bMerchant) -> None:
    refusal = {"ResultCode": "C2B00011"}
    merchant.registered().answer(refusal)
    merchant.switch(validation=False)
    assert merchant.pay()["accepted"]
    assert merchant.validations() == []
    other = C2bMerchant(merchant.daraja, "600444")
    other.switch()
    other.registered().answer(refusal)
    assert other.pay()["accepted"]
    other.switch(validation=True)
    assert other.pay()["refusal_code"] == "C2B00011"


def test_cents_may_be_paid(merchant: C2bMerchant) -> None:
    merchant.registered().answer(ACCEPT)
    merchant.pay(amount="980.5")
    assert merchant.validations()[0]["TransAmount"] == "980.50"
    assert merchant.wait_confirmations()[0]["TransAmount"] == "980.50"
    assert merchant.utility() == "1000980.50"
    assert merchant.daraja.control("GET", "book/summary")["c2b_paid_cents"] == 98_050


@pytest.mark.parametrize(
    ("amount", "code"), [("0.99", "2"), ("250000.01", "3"), ("1", None), ("250000", None), (20, None)]
)
def test_the_payers_limits(merchant: C2bMerchant, amount: Any, code: str | None) -> None:
    merchant.registered().answer(ACCEPT)
    told = merchant.pay(amount=amount)
    assert told["refusal_code"] == code
    assert len(merchant.entries()) == len(merchant.validations()) == (code is None)


def test_the_account_number_stays_as_typed(merchant: C2bMerchant) -> None:
    merchant.registered().answer(ACCEPT)
    merchant.pay(bill_ref=" inv 204-18. ")
    assert merchant.validations()[0]["BillRefNumber"] == " inv 204-18. "
    assert merchant.wait_confirmations()[0]["BillRefNumber"] == " inv 204-18. "


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"amount": "1.005"}, 400),
        ({"amount": 0}, 400),
        ({"amount": "-5"}, 400),
        ({"amount": None}, 400),
        ({"phone": "0712345678"}, 400),
        ({"bill_ref": None}, 400),
        ({"bill_ref": " "}, 400),
        ({"bill_ref": "x" * 21}, 400),
        ({"bill_ref": None, "till": "52A4861"}, 400),
        ({"shortcode": "999999"}, 404),
        ({"shortcode": None, "bill_ref": None, "till": "999998"}, 404),
    ],
)
def test_an_order_that_cannot_be(merchant: C2bMerchant, change: dict[str, Any], status: int) -> None:
    order = {"shortcode": "174379", "amount": "750", "phone": ANY_PHONE, "bill_ref": "INV-1"} | change
    response = merchant.daraja.http.post("/control/c2b", json=order)
    assert (response.status_code, list(response.json())) == (status, ["error"])
    assert merchant.entries() == []


def test_a_till_finds_its_shortcode(daraja: Daraja) -> None:
    store = C2bMerchant(daraja, "600555")
    store.switch(tills=["5204861"])
    store.registered()
    assert store.pay(shortcode=None, bill_ref=None, till="5204861")["accepted"]
    [confirmation] = store.wait_confirmations()
    assert (confirmation["TransactionType"], confirmation["BusinessShortCode"]) == ("Buy Goods", "5204861")
    assert confirmation["BillRefNumber"] == ""
    assert [(entry["shortcode"], entry["till"]) for entry in store.entries()] == [("600555", "5204861")]


def test_a_receipt_is_not_given_twice(merchant: C2bMerchant) -> None:
    daraja = merchant.daraja
    by_hand = [merchant.pay()["receipt"] for _ in range(5)]
    by_prompt = [daraja.wait_decided(daraja.push_accepted())["receipt"] for _ in range(5)]
    assert len(set(by_hand + by_prompt)) == 10
    assert sorted(merchant.pulled()) == sorted(by_hand + by_prompt)


def test_pull_lists_all_money_in_by_time(merchant: C2bMerchant) -> None:
    daraja = merchant.daraja
    receipts = [merchant.pay(amount="980.50", name="JANE")["receipt"]]
    receipts.append(daraja.wait_decided(daraja.push_accepted())["receipt"])
    receipts.append(merchant.pay(bill_ref=None, till="5204861")["receipt"])
    window = {"StartDate": "2026-01-01 00:00:00", "EndDate": "2099-01-01 00:00:00"}
    body = {"ShortCode": merchant.shortcode, "OffSetValue": "0", **window}
    rows = daraja.post("/pulltransactions/v1/query", body).json()["Response"][0]
    assert [row["transactionId"] for row in rows] == receipts
    assert len({tuple(row) for row in rows}) == 1
    first, second, third = rows
    assert (first["sender"], first["amount"], first["billreference"]) == ("JANE", "980.50", "INV-20418")
    assert (second["sender"], second["amount"]) == ("AMINA", "1500.00")
    assert (third["transactiontype"], third["billreference"]) == ("c2b-buy-goods-debit", "")
    page = daraja.post("/pulltransactions/v1/query", body | {"OffSetValue": "1"}).json()["Response"][0]
    assert [row["transactionId"] for row in page] == receipts[1:]


# The simulate call


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_simulate_plays_a_payer(merchant: C2bMerchant, version: str) -> None:
    merchant.registered(version=version).answer(ACCEPT)
    assert merchant.simulate(version=version).status_code == 200
    [confirmation] = merchant.wait_confirmations()
    assert (confirmation["TransAmount"], confirmation["BillRefNumber"]) == ("750.00", "INV-20418")
    assert [entry["receipt"] for entry in merchant.entries()] == [confirmation["TransID"]]


def test_simulate_buys_goods(merchant: C2bMerchant) -> None:
    merchant.registered().answer(ACCEPT)
    assert merchant.simulate(CommandID="CustomerBuyGoodsOnline", BillRefNumber=None).status_code == 200
    [confirmation] = merchant.wait_confirmations()
    assert (confirmation["TransactionType"], confirmation["BillRefNumber"]) == ("Buy Goods", "")


def test_simulate_is_refused_by_the_merchant(merchant: C2bMerchant) -> None:
    merchant.registered().answer({"ResultCode": "C2B00012"})
    assert merchant.simulate().status_code == 200
    wait_for(lambda: [entry for entry in merchant.entries() if entry["status"] != "asked"])
    merchant.assert_nothing_moved(refusal="C2B00012")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ShortCode", None),
        ("ShortCode", 999999),
        ("CommandID", "CustomerPaybillOnline"),
        ("Amount", 0),
        ("Amount", "7.50"),
        ("Msisdn", None),
        ("Msisdn", "0708374149"),
        ("BillRefNumber", None),
        ("BillRefNumber", "x" * 21),
    ],
)
def test_a_bad_field_of_simulate_is_named(merchant: C2bMerchant, name: str, value: Any) -> None:
    response = merchant.simulate(**{name: value})
    assert (response.status_code, response.json()["errorMessage"]) == (400, f"Bad Request - Invalid {name}")
    assert merchant.entries() == []


def test_simulate_is_for_the_sandbox(merchant: C2bMerchant) -> None:
    merchant.switch(production=True)
    response = merchant.simulate()
    assert (response.status_code, response.json()["errorCode"]) == (404, "404.003.01")
    assert merchant.entries() == []


def test_simulate_wants_a_token(merchant: C2bMerchant) -> None:
    merchant.daraja.control("DELETE", "tokens")
    assert merchant.simulate().json()["errorCode"] == "400.003.01"
