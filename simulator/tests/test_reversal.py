"""Reversal: what can go back, once, and the balance that bears it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from simulator.identifiers import EAT
from simulator.tests.initiator_client import B2C_V3, REVERSAL, InitiatorClient, parameters


def reverse(caller: InitiatorClient, receipt: str, amount: Any = "1500", **more: Any) -> dict[str, Any]:
    return caller.result_of(REVERSAL, TransactionID=receipt, Amount=amount, **more)


def test_a_paid_prompt(caller: InitiatorClient) -> None:
    paid = caller.pay_in(amount=1500)
    assert caller.utility() == "1001500.00"
    conversation_id = caller.ask_accepted(REVERSAL, TransactionID=paid["receipt"])
    assert caller.utility() == "1000000.00"
    result, line = caller.wait_result(conversation_id), caller.transfer(conversation_id)
    told = parameters(result)
    assert result["ResultCode"] == 0
    assert result["TransactionID"] == line["receipt"] != paid["receipt"]
    assert told["OriginalTransactionID"] == line["original"] == paid["receipt"]
    assert told["DebitAccountBalance"] == "Utility Account|KES|1000000.00|1000000.00|0.00|0.00"
    assert (told["Amount"], told["Charge"]) == (1500.0, 0.0)
    assert told["CreditPartyPublicName"] == "254708374149 - AMINA WAIRIMU OTIENO"
    assert told["DebitPartyPublicName"] == "174379 - ONPOINT DEMO"
    finished = datetime.strptime(str(told["TransCompletedTime"]), "%Y%m%d%H%M%S").replace(tzinfo=EAT)
    assert finished == datetime.fromisoformat(line["at"]).replace(microsecond=0)
    assert caller.daraja.entry(paid["checkout_request_id"])["reversed_cents"] == 150_000
    assert caller.daraja.control("GET", "book/summary")["reversed_cents"] == 150_000


def test_a_c2b_payment_with_cents(caller: InitiatorClient) -> None:
    body = {"amount": "750.50", "phone": "254711111111", "bill_ref": "INV-1", "name": "JUMA OCHIENG"}
    receipt = caller.daraja.control("POST", "c2b", body)["receipt"]
    (message,) = caller.wait_all_sent(caller.ask_accepted(REVERSAL, TransactionID=receipt, Amount=750.5))
    assert '{"Key": "Amount", "Value": 750.50}' in message["body"]
    assert "254711111111 - JUMA OCHIENG" in message["body"]
    assert caller.utility() == "1000000.00"


def test_a_second_reversal_finds_nothing_left(caller: InitiatorClient) -> None:
    receipt = caller.pay_in()["receipt"]
    reverse(caller, receipt)
    result = reverse(caller, receipt)
    assert (result["ResultCode"], result["ResultDesc"]) == ("R000001", "The transaction has already been reversed.")
    assert caller.utility() == "1000000.00"


def test_what_cannot_be_reversed(caller: InitiatorClient) -> None:
    caller.daraja.control("POST", "shortcodes", {"shortcode": "600998", "passkey": "simulator-passkey"})
    paid_out = caller.transfer(caller.ask_accepted(B2C_V3))["receipt"]
    paid_in = caller.pay_in()["receipt"]
    reversal = caller.transfer(caller.ask_accepted(REVERSAL, TransactionID=paid_in))["receipt"]
    for receipt in ("UKE7Q2M9XB", paid_out, reversal):
        result = reverse(caller, receipt)
        assert (result["ResultCode"], result["ResultDesc"]) == ("R000002", "The OriginalTransactionID is invalid.")
    foreign = reverse(caller, caller.pay_in()["receipt"], ReceiverParty="600998")
    assert foreign["ResultCode"] == "R000002"


def test_the_money_must_still_be_there(caller: InitiatorClient) -> None:
    receipt = caller.pay_in()["receipt"]
    caller.set_utility("1499.99")
    result = reverse(caller, receipt)
    assert (result["ResultCode"], result["ResultDesc"]) == (1, "The balance is insufficient for the transaction.")
    caller.set_utility("1500")
    assert reverse(caller, receipt)["ResultCode"] == 0
    assert caller.utility() == "0.00"


@pytest.mark.parametrize("amount", ["1499", "1501", "1500.01"])
def test_only_the_whole_amount(caller: InitiatorClient, amount: str) -> None:
    receipt = caller.pay_in()["receipt"]
    result = reverse(caller, receipt, amount)
    assert result["ResultCode"] == 2028
    assert caller.utility() == "1001500.00"


def test_parts_with_the_switch(caller: InitiatorClient) -> None:
    caller.daraja.control("POST", "quirks", {"quirks": ["partial_reversals"]})
    paid = caller.pay_in()
    codes = [reverse(caller, paid["receipt"], amount)["ResultCode"] for amount in ("500", "0.50", "1000", "999.50", 1)]
    assert codes == [0, 0, 2028, 0, "R000001"]
    assert caller.daraja.entry(paid["checkout_request_id"])["reversed_cents"] == 150_000
    assert caller.utility() == "1000000.00"


def test_the_header_sets_the_code(caller: InitiatorClient) -> None:
    receipt = caller.pay_in()["receipt"]
    assert reverse(caller, receipt, scenario="reversal=21")["ResultCode"] == 21
    assert reverse(caller, receipt, scenario="reversal=R000002")["ResultCode"] == "R000002"
    assert reverse(caller, receipt, scenario="b2c=1")["ResultCode"] == 0
