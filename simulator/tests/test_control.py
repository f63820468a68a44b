"""The control API: reading the book, answering prompts, changing the pace, the phone page."""

from __future__ import annotations

import re
from typing import Any

import pytest

from simulator.phone_page import PAGES
from simulator.tests.c2b_merchant import C2bMerchant
from simulator.tests.harness import Daraja, wait_for


def test_health(daraja: Daraja) -> None:
    assert daraja.control("GET", "health") == {"status": "ok", "book": "temporary"}


def test_book_is_filtered_and_paged(slow: Daraja) -> None:
    ids = [
        slow.push_accepted(PhoneNumber=f"25471234567{number}", AccountReference=f"INV-{number}") for number in range(5)
    ]
    slow.control("POST", f"prompts/{ids[0]}/approve")

    def listed(**params: Any) -> list[str]:
        return [entry["checkout_request_id"] for entry in slow.control("GET", "book", **params)["prompts"]]

    assert listed() == ids
    assert listed(status="paid") == ids[:1]
    assert listed(status="open") == ids[1:]
    assert listed(account_reference="INV-2") == ids[2:3]
    assert listed(phone="254712345673", shortcode="174379") == ids[3:4]
    assert listed(shortcode="999999") == []
    first = slow.control("GET", "book", limit=2)
    assert first["has_more"] is True
    assert listed(limit=2, after=first["prompts"][-1]["checkout_request_id"]) == ids[2:4]
    assert slow.control("GET", "book", after=ids[-1]) == {"prompts": [], "has_more": False}


@pytest.mark.parametrize("params", [{"status": "odd"}, {"limit": "0"}, {"limit": "x"}, {"limit": "1001"}])
def test_bad_filters(daraja: Daraja, params: dict[str, str]) -> None:
    assert daraja.http.get("/control/book", params=params).status_code == 400


def test_summary(slow: Daraja) -> None:
    slow.control("POST", "shortcodes", {"shortcode": "600987", "passkey": "simulator-passkey"})
    paid = slow.push_accepted(PhoneNumber="254711111111", Amount=100)
    failed = slow.push_accepted(PhoneNumber="254722222222")
    slow.push_accepted(PhoneNumber="254733333333", BusinessShortCode="600987")
    slow.push(Amount=0)
    slow.control("POST", f"prompts/{paid}/approve")
    slow.control("POST", f"prompts/{failed}/cancel")
    slow.fetch_token()
    assert slow.control("GET", "book/summary") == {
        "prompts": 3,
        "open": 1,
        "paid": 1,
        "failed": 1,
        "paid_amount": 100,
        "pushes_received": 4,
        "pushes_refused": 1,
        "c2b_paid": 0,
        "c2b_paid_cents": 0,
        "transfers": 0,
        "transfers_refused": 0,
        "paid_out_cents": 0,
        "reversed_cents": 0,
        "queries": 0,
        "pulls": 0,
        "tokens": 2,
    }
    assert slow.control("GET", "book/summary", shortcode="600987")["prompts"] == 1


def test_pushes_of_one_reference_are_counted(slow: Daraja) -> None:
    checkout_request_id = slow.push_accepted()
    slow.push()
    slow.push(AccountReference="other")
    assert slow.entry(checkout_request_id)["pushes"] == 2


def test_right_pin_pays(slow: Daraja) -> None:
    checkout_request_id = slow.push_accepted()
    entry = slow.control("POST", f"prompts/{checkout_request_id}/approve", {"pin": "123456"})
    assert (entry["status"], entry["result_code"]) == ("paid", "0")
    slow.wait_callbacks(1)
    assert slow.codes() == [0]


def test_wrong_pin_fails(slow: Daraja) -> None:
    checkout_request_id = slow.push_accepted()
    entry = slow.control("POST", f"prompts/{checkout_request_id}/approve", {"pin": "000000"})
    assert (entry["status"], entry["result_code"]) == ("failed", "2001")
    slow.wait_callbacks(1)
    assert slow.codes() == [2001]


def test_cancel_fails(slow: Daraja) -> None:
    checkout_request_id = slow.push_accepted()
    assert slow.control("POST", f"prompts/{checkout_request_id}/cancel")["result_code"] == "1032"
    slow.wait_callbacks(1)
    assert slow.codes() == [1032]


def test_ignored_prompt_ends_with_its_life(slow: Daraja) -> None:
    checkout_request_id = slow.push_accepted()
    assert slow.control("POST", f"prompts/{checkout_request_id}/ignore")["status"] == "open"
    slow.control("POST", "speed", {"speed": 3600})
    assert slow.wait_decided(checkout_request_id)["result_code"] == "1037"


def test_an_answered_prompt_cannot_be_answered_again(slow: Daraja) -> None:
    checkout_request_id = slow.push_accepted()
    slow.control("POST", f"prompts/{checkout_request_id}/cancel")
    slow.wait_callbacks(1)
    for action in ("approve", "cancel", "ignore"):
        assert slow.http.post(f"/control/prompts/{checkout_request_id}/{action}").status_code == 409
    assert slow.entry(checkout_request_id)["result_code"] == "1032"
    assert slow.codes() == [1032]


def test_unknown_prompts_and_actions(slow: Daraja) -> None:
    checkout_request_id = slow.push_accepted()
    assert slow.http.post("/control/prompts/ws_CO_0/approve").status_code == 404
    assert slow.http.post(f"/control/prompts/{checkout_request_id}/eat").status_code == 404
    assert slow.http.post(f"/control/prompts/{checkout_request_id}/approve", content="[").status_code == 400


def test_resending_tells_the_truth_again(daraja: Daraja) -> None:
    checkout_request_id = daraja.push_accepted(PhoneNumber="254700000044")
    daraja.wait_all_sent(checkout_request_id)
    daraja.control("POST", f"prompts/{checkout_request_id}/resend-callback")
    daraja.wait_callbacks(2)
    told = [body["Body"]["stkCallback"]["CallbackMetadata"]["Item"][0]["Value"] for body in daraja.callbacks()]
    assert told == [1501, 1500]


def test_resending_needs_an_outcome(slow: Daraja) -> None:
    checkout_request_id = slow.push_accepted()
    assert slow.http.post(f"/control/prompts/{checkout_request_id}/resend-callback").status_code == 409


def test_shortcode_with_its_own_app(slow: Daraja) -> None:
    body = {"shortcode": "600111", "passkey": "simulator-passkey", "consumer_key": "k", "consumer_secret": "s"}
    slow.control("POST", "shortcodes", body)
    assert slow.fetch_token(auth=("k", "s")).status_code == 200
    assert slow.push(BusinessShortCode="600111").status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("shortcodes", {"shortcode": "600112"}),
        ("shortcodes", {"shortcode": "x", "passkey": "p"}),
        ("speed", {"speed": 0}),
        ("speed", {"approve_seconds": -1}),
        ("holds", {"phone": "0712345678"}),
    ],
)
def test_bad_switches(daraja: Daraja, path: str, body: dict[str, Any]) -> None:
    response = daraja.http.post(f"/control/{path}", json=body)
    assert response.status_code == 400
    assert list(response.json()) == ["error"]


def test_speed_moves_waits_under_way(slow: Daraja) -> None:
    checkout_request_id = slow.push_accepted()
    told = slow.control("POST", "speed", {"speed": 100_000})
    assert (told["speed"], told["approve_seconds"]) == (100_000.0, 3600.0)
    assert slow.wait_decided(checkout_request_id)["status"] == "paid"


def test_reset_empties_the_book(daraja: Daraja) -> None:
    daraja.control("POST", "faults", {"seed": 1, "rate": 0})
    daraja.wait_all_sent(daraja.push_accepted())
    daraja.control("POST", "reset")
    assert set(daraja.control("GET", "book/summary").values()) == {0}
    assert daraja.control("GET", "faults") == {"regime": None, "counts": {}}
    assert daraja.push().status_code == 200


def test_calls_are_logged_newest_first(slow: Daraja) -> None:
    slow.push()
    slow.query("unknown")
    newest, older = slow.control("GET", "calls")["calls"][:2]
    assert (newest["method"], newest["path"], newest["status"]) == ("POST", "/mpesa/stkpushquery/v1/query", 500)
    assert (older["path"], older["status"]) == ("/mpesa/stkpush/v1/processrequest", 200)


def test_pages_of_other_sites_have_no_say(daraja: Daraja) -> None:
    response = daraja.http.post("/control/reset", headers={"Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 403


def test_unknown_control_path(daraja: Daraja) -> None:
    response = daraja.http.get("/control/nothing")
    assert (response.status_code, response.json()) == (404, {"error": "Not Found"})


@pytest.mark.parametrize("path", ["/", "/phone"])
def test_the_phone_page_is_served_with_its_files(daraja: Daraja, path: str) -> None:
    page = daraja.http.get(path)
    assert page.status_code == 200
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert daraja.http.get(address).status_code == 200


def test_the_phone_page_asks_no_other_host() -> None:
    for file in PAGES.iterdir():
        text = file.read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(r"https?:|//\w", text), file.name


def test_the_phone_page_pays_by_hand(merchant: C2bMerchant) -> None:
    """What the form sends, as a paybill and as a till, and the answers it shows."""
    page = merchant.daraja.http.get("/").text
    for name in ("kind", "number", "bill_ref", "amount", "phone", "name"):
        assert f'name="{name}"' in page
    merchant.registered().answer({"ResultCode": "C2B00012"})
    form = {"shortcode": "174379", "bill_ref": "INV-7", "amount": "20", "phone": "254712345678", "name": ""}
    told = merchant.daraja.control("POST", "c2b", form)
    assert (told["accepted"], told["refusal"]) == (False, "The merchant refused: invalid account number.")
    merchant.answer({"ResultCode": "0"})
    till = {"till": "174379", "amount": "20.50", "phone": "254712345678", "name": "Jane"}
    told = merchant.daraja.control("POST", "c2b", till)
    assert told["accepted"]
    assert merchant.wait_confirmations()[0]["TransID"] == told["receipt"]


def test_a_person_with_the_phone_in_hand(daraja: Daraja) -> None:
    """What the page does, call by call: hold, see the prompt, mistype once, pay the next one."""
    daraja.control("POST", "holds", {"phone": "254712345678"})
    daraja.push_accepted()
    [prompt] = daraja.control("GET", "book", status="open", phone="254712345678")["prompts"]
    daraja.control("POST", f"prompts/{prompt['checkout_request_id']}/approve", {"pin": "111111"})
    daraja.push_accepted()
    [prompt] = daraja.control("GET", "book", status="open", phone="254712345678")["prompts"]
    daraja.control("POST", f"prompts/{prompt['checkout_request_id']}/approve", {"pin": "123456"})
    wait_for(lambda: len(daraja.codes()) == 2)
    assert sorted(daraja.codes()) == [0, 2001]
