"""Pull: the operator's list of what was paid, its window and pages, registration, and its faults."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from simulator.book import Book
from simulator.config import Settings
from simulator.identifiers import EAT
from simulator.pull import PAGE_ROWS
from simulator.tests.harness import TIMESTAMP, Daraja, Receiver, assert_shape, load_shape, running

QUERY = "/pulltransactions/v1/query"
REGISTER = "/pulltransactions/v1/register"
HOUR = 3600.0


def stamp(seconds_from_now: float) -> str:
    return (datetime.now(EAT) + timedelta(seconds=seconds_from_now)).strftime("%Y-%m-%d %H:%M:%S")


def pull(daraja: Daraja, **changes: Any) -> httpx.Response:
    """A query for the last hour and the next; a change to None leaves the field out."""
    body = {"ShortCode": "174379", "StartDate": stamp(-HOUR), "EndDate": stamp(HOUR), "OffSetValue": "0"}
    return daraja.post(QUERY, {name: value for name, value in (body | changes).items() if value is not None})


def receipts(daraja: Daraja, **changes: Any) -> list[str]:
    return [row["transactionId"] for row in pull(daraja, **changes).json()["Response"][0]]


def pay(daraja: Daraja, **changes: Any) -> dict[str, Any]:
    return daraja.wait_decided(daraja.push_accepted(**changes))


def test_paid_prompts_are_listed_as_recorded(daraja: Daraja) -> None:
    for amount in (1500, 750):
        pay(daraja, PhoneNumber="254708374149", Amount=amount)
    response = pull(daraja)
    assert response.status_code == 200
    assert_shape(response.json(), "pull_query_response.json")


def test_a_row_tells_what_the_book_holds(daraja: Daraja) -> None:
    entry = pay(daraja, PhoneNumber="254110000001", AccountReference="INV-7")
    [row] = pull(daraja).json()["Response"][0]
    decided = datetime.fromisoformat(entry["decided_at"]).astimezone(EAT)
    assert row["transactionId"] == entry["receipt"]
    assert row["trxDate"] == decided.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (row["msisdn"], row["billreference"]) == (110000001, "INV-7")


def test_nothing_paid(daraja: Daraja) -> None:
    pay(daraja, PhoneNumber="254700000032")
    daraja.push_accepted(PhoneNumber="254799000001")
    response = pull(daraja)
    assert response.status_code == 200
    assert_shape(response.json(), "pull_query_response_empty.json")


def test_a_payment_whose_hand_over_and_callback_were_lost_is_listed(daraja: Daraja) -> None:
    with pytest.raises(httpx.TransportError):
        daraja.push(scenario="push=reset; callback.lost=1")
    [entry] = daraja.control("GET", "book")["prompts"]
    paid = daraja.wait_decided(entry["checkout_request_id"])
    assert daraja.callbacks() == []
    assert receipts(daraja) == [paid["receipt"]]


def test_a_till_buys_goods(daraja: Daraja) -> None:
    pay(daraja, TransactionType="CustomerBuyGoodsOnline", PartyB="5204861")
    [row] = pull(daraja).json()["Response"][0]
    assert row["transactiontype"] == "c2b-buy-goods-debit"


def test_the_recorded_request_is_understood(daraja: Daraja) -> None:
    daraja.control("POST", "shortcodes", {"shortcode": "600987", "passkey": "simulator-passkey"})
    daraja.post(REGISTER, load_shape("pull_register_request.json"))
    assert daraja.post(QUERY, load_shape("pull_query_request.json")).json()["ResponseCode"] == "1001"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ShortCode", None),
        ("ShortCode", "999999"),
        ("StartDate", None),
        ("StartDate", "2026-11-14T08:36:00Z"),
        ("StartDate", "2026-02-30 08:36:00"),
        ("EndDate", ""),
        ("EndDate", "20261114083600"),
        ("OffSetValue", None),
        ("OffSetValue", "-1"),
        ("OffSetValue", "first"),
    ],
)
def test_a_bad_field_is_named(daraja: Daraja, name: str, value: str | None) -> None:
    response = pull(daraja, **{name: value})
    assert (response.status_code, response.json()["errorCode"]) == (400, "400.002.02")
    assert response.json()["errorMessage"] == f"Bad Request - Invalid {name}"


def test_the_token_is_checked(daraja: Daraja) -> None:
    daraja.control("DELETE", "tokens")
    for path, body in ((QUERY, {}), (REGISTER, {})):
        response = daraja.post(path, body)
        assert response.status_code == 400
        assert_shape(response.json(), "error_invalid_access_token_400_003_01.json")
    response = daraja.http.post(QUERY, json={})
    assert_shape(response.json(), "error_invalid_authentication_header_404_001_04.json")


def test_pulls_are_counted(daraja: Daraja) -> None:
    pull(daraja)
    pull(daraja, OffSetValue="x")
    assert daraja.control("GET", "book/summary")["pulls"] == 2


# Windows and pages: a book written beforehand.


def write_paid(book: Book, *, number: int, ago: float, shortcode: str = "174379") -> None:
    at = time.time() - ago
    checkout_request_id = f"ws_CO_{number}"
    book.insert_prompt(
        {
            "checkout_request_id": checkout_request_id,
            "merchant_request_id": f"m-{number}",
            "shortcode": shortcode,
            "party_b": shortcode,
            "amount": 10,
            "phone": "254708374149",
            "account_reference": "INV-1",
            "description": "Order",
            "callback_url": "http://127.0.0.1:9/",
            "opened_at": at,
            "dies_at": at,
            "answer_at": None,
            "planned_code": "0",
            "planned_text": "",
            "by_hand": False,
            "plan": "{}",
            "query_failures": 0,
        }
    )
    book.settle_prompt(checkout_request_id, code="0", text="", receipt=f"UKE{number:07}", at=at)


@pytest.fixture(scope="module")
def filled(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daraja]:
    """Paid 1, 2, 3 and 49 hours ago in no order, and 201 times half an hour ago, one second apart."""
    path = str(tmp_path_factory.mktemp("pull") / "book.sqlite3")
    book = Book(path)
    for number, hours in ((2, 2), (49, 49), (1, 1), (3, 3)):
        write_paid(book, number=number, ago=hours * HOUR)
    for number in range(201):
        write_paid(book, number=1000 + number, ago=HOUR / 2 - number)
    write_paid(book, number=9, ago=HOUR, shortcode="600987")
    book.close()
    with running(Settings(book=path)) as url:
        daraja = Daraja(url, receiver)
        yield daraja
        daraja.close()


def test_a_window_and_its_order(filled: Daraja) -> None:
    window = {"StartDate": stamp(-4 * HOUR), "EndDate": stamp(-HOUR * 3 / 4)}
    assert receipts(filled, **window) == ["UKE0000003", "UKE0000002", "UKE0000001"]
    assert receipts(filled, **(window | {"StartDate": stamp(-HOUR * 5 / 2)})) == ["UKE0000002", "UKE0000001"]
    assert receipts(filled, **(window | {"EndDate": stamp(-HOUR * 5 / 2)})) == ["UKE0000003"]


def test_nothing_is_older_than_48_hours(filled: Daraja) -> None:
    assert receipts(filled, StartDate=stamp(-72 * HOUR), EndDate=stamp(-HOUR * 5 / 2)) == ["UKE0000003"]


def test_pages_start_at_a_row(filled: Daraja) -> None:
    expected = [f"UKE{1000 + number:07}" for number in range(201)]
    window = {"StartDate": stamp(-HOUR * 3 / 4)}
    pages = [receipts(filled, OffSetValue=offset, **window) for offset in ("0", 100, "200", 201)]
    assert [len(page) for page in pages] == [PAGE_ROWS, PAGE_ROWS, 1, 0]
    assert [receipt for page in pages for receipt in page] == expected
    assert receipts(filled, OffSetValue="150", **window) == expected[150:]
    assert pull(filled, OffSetValue="201", **window).json()["ResponseCode"] == "1001"


# Registration


def test_another_shortcode_registers_once(daraja: Daraja) -> None:
    order = {"shortcode": "600111", "passkey": "simulator-passkey"}
    daraja.control("POST", "shortcodes", order)
    password = base64.b64encode(f"600111simulator-passkey{TIMESTAMP}".encode()).decode()
    paid = pay(daraja, BusinessShortCode="600111", Password=password)
    refused = pull(daraja, ShortCode="600111")
    assert (refused.status_code, refused.json()["errorMessage"]) == (400, "Bad Request - Invalid ShortCode")
    request = load_shape("pull_register_request.json") | {"ShortCode": "600111"}
    first, second = daraja.post(REGISTER, request), daraja.post(REGISTER, request)
    assert (first.status_code, second.status_code) == (200, 200)
    assert_shape(first.json() | {"ShortCode": "600987"}, "pull_register_response.json")
    assert_shape(second.json() | {"ShortCode": "600987"}, "pull_register_response_spaced_keys.json")
    assert receipts(daraja, ShortCode="600111") == [paid["receipt"]]
    assert receipts(daraja) == []


def test_the_shortcode_of_the_start_is_registered(daraja: Daraja) -> None:
    request = load_shape("pull_register_request.json") | {"ShortCode": "174379"}
    assert daraja.post(REGISTER, request).json()["Response Status"] == "1001"


@pytest.mark.parametrize("name", ["ShortCode", "RequestType", "NominatedNumber", "CallBackURL"])
def test_a_bad_field_of_a_registration_is_named(daraja: Daraja, name: str) -> None:
    request = load_shape("pull_register_request.json") | {"ShortCode": "174379", name: " "}
    response = daraja.post(REGISTER, request)
    assert (response.status_code, response.json()["errorMessage"]) == (400, f"Bad Request - Invalid {name}")


# Faults


@pytest.mark.parametrize(
    ("kind", "status", "shape"),
    [
        ("pull_500", 500, "error_internal_500_003_1001.json"),
        ("pull_spike", 500, "error_spike_arrest_500_003_02.json"),
        ("token_invalid", 400, "error_invalid_access_token_400_003_01.json"),
    ],
)
def test_faults_refuse(daraja: Daraja, kind: str, status: int, shape: str) -> None:
    daraja.control("POST", "faults", {"seed": 7, "rate": 1, "kinds": [kind]})
    response = pull(daraja)
    assert response.status_code == status
    assert_shape(response.json(), shape)
    assert daraja.control("GET", "faults")["counts"] == {kind: 1}
    daraja.control("DELETE", "faults")
    assert (pull(daraja).status_code == 400) == (kind == "token_invalid")
