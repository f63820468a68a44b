"""STK payments told by two doors: the callback, and the C2B confirmation with the same receipt."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.tests.c2b_merchant import C2bMerchant
from simulator.tests.harness import Daraja


def told_at_both(merchant: C2bMerchant, daraja: Daraja) -> tuple[str, str]:
    """The receipts of the one callback and the one confirmation."""
    [callback], [confirmation] = daraja.wait_callbacks(1), merchant.wait_confirmations()
    items = {item["Name"]: item.get("Value") for item in callback["Body"]["stkCallback"]["CallbackMetadata"]["Item"]}
    return str(items["MpesaReceiptNumber"]), str(confirmation["TransID"])


def arrivals(merchant: C2bMerchant) -> list[str]:
    """The doors of this merchant in the order in which something came in."""
    doors = {merchant.daraja.path: "callback", merchant.confirm_path: "confirmation"}
    return [doors[path] for path, _ in merchant.daraja.receiver.received if path in doors]


@pytest.mark.parametrize("by_switch", [True, False])
def test_same_receipt_by_two_doors(merchant: C2bMerchant, by_switch: bool) -> None:
    daraja = merchant.registered().daraja
    if by_switch:
        merchant.switch(stk_confirmations=True)
    checkout_request_id = daraja.push_accepted(scenario=None if by_switch else "confirm=1")
    receipt = daraja.wait_decided(checkout_request_id)["receipt"]
    assert told_at_both(merchant, daraja) == (receipt, receipt)
    assert arrivals(merchant) == ["callback", "confirmation"]
    assert merchant.confirmations()[0]["OrgAccountBalance"] == "1001500.00"
    assert merchant.utility() == "1001500.00"
    assert len(daraja.wait_all_sent(checkout_request_id)) == 1
    assert len(merchant.sent(receipt)) == 1


def test_the_confirmation_may_come_first(merchant: C2bMerchant) -> None:
    daraja = merchant.registered().daraja
    daraja.push_accepted(scenario="confirm.first=1")
    told_at_both(merchant, daraja)
    assert arrivals(merchant) == ["confirmation", "callback"]


def test_the_callback_may_be_missing(merchant: C2bMerchant) -> None:
    daraja = merchant.registered().daraja
    checkout_request_id = daraja.push_accepted(scenario="confirm=1; callback.lost=1")
    receipt = daraja.wait_decided(checkout_request_id)["receipt"]
    assert [body["TransID"] for body in merchant.wait_confirmations()] == [receipt]
    assert daraja.wait_all_sent(checkout_request_id) == []


def test_the_confirmation_may_be_missing(merchant: C2bMerchant) -> None:
    daraja = merchant.registered().daraja
    merchant.switch(stk_confirmations=True)
    for scenario in ("confirm.lost=1", "confirm=0", "confirm.first=1; confirm.lost=1"):
        checkout_request_id = daraja.push_accepted(scenario=scenario)
        receipt = daraja.wait_decided(checkout_request_id)["receipt"]
        assert len(daraja.wait_all_sent(checkout_request_id)) == 1
        assert merchant.sent(receipt) == []
    assert arrivals(merchant) == ["callback"] * 3


@pytest.mark.parametrize(("scenario", "registers"), [(None, True), ("confirm=1", False)])
def test_without_switch_or_urls_there_is_one_door(merchant: C2bMerchant, scenario: str | None, registers: bool) -> None:
    if registers:
        merchant.registered()
    checkout_request_id = merchant.daraja.push_accepted(scenario=scenario)
    receipt = merchant.daraja.wait_decided(checkout_request_id)["receipt"]
    merchant.daraja.wait_all_sent(checkout_request_id)
    assert (merchant.sent(receipt), arrivals(merchant)) == ([], ["callback"])


def test_a_prompt_that_fails_is_not_confirmed(merchant: C2bMerchant) -> None:
    daraja = merchant.registered().daraja
    checkout_request_id = daraja.push_accepted(scenario="confirm=1; stk=1032")
    daraja.wait_all_sent(checkout_request_id)
    assert arrivals(merchant) == ["callback"]
    assert merchant.utility() == "1000000.00"


def test_a_till_is_told_as_a_till(merchant: C2bMerchant) -> None:
    daraja = merchant.registered().daraja
    daraja.push_accepted(scenario="confirm=1", TransactionType="CustomerBuyGoodsOnline", PartyB="5204861")
    [confirmation] = merchant.wait_confirmations()
    assert (confirmation["TransactionType"], confirmation["BusinessShortCode"]) == ("Buy Goods", "5204861")
    assert confirmation["BillRefNumber"] == ""


def test_resending_the_callback_leaves_the_other_door_alone(merchant: C2bMerchant) -> None:
    daraja = merchant.registered().daraja
    checkout_request_id = daraja.push_accepted(scenario="confirm=1")
    receipt = daraja.wait_decided(checkout_request_id)["receipt"]
    told_at_both(merchant, daraja)
    daraja.control("POST", f"prompts/{checkout_request_id}/resend-callback")
    daraja.wait_callbacks(2)
    assert len(merchant.sent(receipt)) == 1
    assert merchant.utility() == "1001500.00"


@pytest.mark.parametrize(("kind", "least", "most"), [("confirm_lost", 0, 0), ("confirm_doubled", 2, 5)])
def test_faults_of_confirmations(merchant: C2bMerchant, kind: str, least: int, most: int) -> None:
    daraja = merchant.registered().daraja
    merchant.switch(stk_confirmations=True)
    regime: dict[str, Any] = {"seed": 7, "rate": 1, "kinds": [kind]}
    daraja.control("POST", "faults", regime)
    checkout_request_id = daraja.push_accepted()
    receipt = daraja.wait_decided(checkout_request_id)["receipt"]
    assert least <= len(merchant.sent(receipt)) <= most
    assert len(daraja.wait_all_sent(checkout_request_id)) == 1
    assert daraja.control("GET", "faults")["counts"] == {kind: 1}


def test_rule_17_is_off_by_default(daraja: Daraja) -> None:
    codes = [daraja.wait_decided(daraja.push_accepted())["result_code"] for _ in range(2)]
    assert codes == ["0", "0"]


def test_rule_17_refuses_the_same_amount_within_two_minutes(merchant: C2bMerchant) -> None:
    daraja = merchant.daraja
    merchant.switch(rule_17=True)

    def code(**changes: Any) -> str:
        return str(daraja.wait_decided(daraja.push_accepted(**changes))["result_code"])

    assert code(scenario="stk=1032") == "1032"
    assert [code(), code()] == ["0", "17"]
    assert code(Amount=1501) == "0"
    assert code(PhoneNumber="254722222222") == "0"
    assert merchant.utility() == "1004501.00"
    daraja.control("POST", "speed", {"speed": 100_000})
    assert code() == "0"
