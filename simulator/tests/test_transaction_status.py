"""Transaction status: what is found, by which id, and what is told of it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from simulator.tests.initiator_client import B2C_V1, B2C_V3, REVERSAL, STATUS, InitiatorClient, parameters


def status_of(caller: InitiatorClient, receipt: str | None = None, **more: Any) -> dict[str, Any]:
    """The parameters of the answer about one transaction that is known."""
    result = caller.result_of(STATUS, TransactionID=receipt, **more)
    assert (result["ResultType"], result["ResultCode"]) == (0, 0)
    assert re.fullmatch(r"[A-Z]{2}[1-9A-V]0000000", result["TransactionID"])
    return parameters(result)


def test_a_paid_prompt(caller: InitiatorClient) -> None:
    paid = caller.pay_in(amount=1500)
    told = status_of(caller, paid["receipt"], Occasion="recon")
    assert (told["TransactionStatus"], told["ReceiptNo"], told["Amount"]) == ("Completed", paid["receipt"], 1500)
    assert told["DebitPartyName"] == "254708374149 - AMINA WAIRIMU OTIENO"
    assert told["CreditPartyName"] == "174379 - ONPOINT DEMO"
    assert told["OriginatorConversationID"] == paid["merchant_request_id"]
    assert told["DebitAccountType"] == "MMF Account For Customer"
    assert told["ReasonType"] == "Pay Bill Online"
    assert len(str(told["InitiatedTime"])) == len(str(told["FinalisedTime"])) == 14
    assert status_of(caller, paid["receipt"]) == told


@pytest.mark.parametrize("field", ["OriginalConversationID", "OriginatorConversationID"])
def test_a_prompt_by_its_conversation(caller: InitiatorClient, field: str) -> None:
    paid = caller.pay_in()
    assert status_of(caller, **{field: paid["merchant_request_id"]})["ReceiptNo"] == paid["receipt"]


@pytest.mark.parametrize(
    ("code", "fate"), [("1032", "Cancelled"), ("1037", "Expired"), ("1019", "Expired"), ("1", "Declined")]
)
def test_a_failed_prompt(caller: InitiatorClient, code: str, fate: str) -> None:
    failed = caller.daraja.wait_decided(caller.daraja.push_accepted(scenario=f"stk={code}"))
    told = status_of(caller, OriginalConversationID=failed["merchant_request_id"])
    assert (told["TransactionStatus"], told["ReceiptNo"]) == (fate, None)


def test_an_open_prompt(caller: InitiatorClient) -> None:
    opened = caller.daraja.entry(caller.daraja.push_accepted(scenario="pin=hand"))
    told = status_of(caller, OriginalConversationID=opened["merchant_request_id"])
    assert (told["TransactionStatus"], told["ReceiptNo"], told["FinalisedTime"]) == ("Initiated", None, None)


def test_a_c2b_payment(caller: InitiatorClient) -> None:
    body = {"amount": "750.50", "phone": "254711111111", "bill_ref": "INV-1", "name": "JUMA OCHIENG"}
    receipt = caller.daraja.control("POST", "c2b", body)["receipt"]
    told = status_of(caller, receipt)
    assert (told["TransactionStatus"], told["ReceiptNo"], told["Amount"]) == ("Completed", receipt, 750.5)
    assert (told["DebitPartyName"], told["ReasonType"]) == ("254711111111 - JUMA OCHIENG", "Pay Bill")
    assert told["OriginatorConversationID"] is None


def test_a_transfer_by_each_of_its_ids(caller: InitiatorClient) -> None:
    line = caller.transfer(caller.ask_accepted(B2C_V3, OriginatorConversationID="PO-1", Amount=2500))
    by_receipt = status_of(caller, line["receipt"])
    assert (by_receipt["TransactionStatus"], by_receipt["ReceiptNo"]) == ("Completed", line["receipt"])
    assert (by_receipt["Amount"], by_receipt["OriginatorConversationID"]) == (2500, "PO-1")
    assert by_receipt["ConversationID"] == line["conversation_id"]
    assert by_receipt["DebitPartyName"] == "174379 - ONPOINT DEMO"
    assert by_receipt["CreditPartyName"] == "254708374149 - AMINA WAIRIMU OTIENO"
    assert by_receipt["DebitAccountType"] == "Utility Account"
    assert status_of(caller, OriginalConversationID="PO-1") == by_receipt
    assert status_of(caller, "", OriginatorConversationID="PO-1") == by_receipt
    assert status_of(caller, OriginalConversationID=line["conversation_id"]) == by_receipt


def test_a_transfer_that_failed_is_declined(caller: InitiatorClient) -> None:
    conversation_id = caller.ask_accepted(B2C_V1, Amount=9)
    told = status_of(caller, OriginalConversationID=conversation_id)
    assert (told["TransactionStatus"], told["ReceiptNo"]) == ("Declined", None)


def test_a_reversal_and_what_it_reversed(caller: InitiatorClient) -> None:
    paid = caller.pay_in()["receipt"]
    line = caller.transfer(caller.ask_accepted(REVERSAL, TransactionID=paid))
    told = status_of(caller, line["receipt"])
    assert (told["TransactionStatus"], told["Amount"]) == ("Completed", 1500)
    assert told["CreditPartyName"] == "254708374149 - AMINA WAIRIMU OTIENO"
    assert status_of(caller, paid)["TransactionStatus"] == "Reversed"


def test_a_reversal_of_nothing(caller: InitiatorClient) -> None:
    conversation_id = caller.ask_accepted(REVERSAL, TransactionID="UKE7Q2M9XB")
    told = status_of(caller, OriginalConversationID=conversation_id)
    assert (told["TransactionStatus"], told["CreditPartyName"]) == ("Declined", None)


def test_what_is_not_known(caller: InitiatorClient) -> None:
    caller.daraja.control("POST", "shortcodes", {"shortcode": "600999", "passkey": "simulator-passkey"})
    paid = caller.pay_in()["receipt"]
    asked = caller.ask_accepted(STATUS, TransactionID=paid)
    for changes in (
        {"TransactionID": "UKE7Q2M9XB"},
        {"OriginalConversationID": "PO-404"},
        {"TransactionID": paid, "PartyA": "600999"},
        {"OriginalConversationID": asked},
    ):
        result = caller.result_of(STATUS, **changes)
        assert (result["ResultCode"], result["ResultDesc"]) == (25, "The format of parameter null is invalid.")
        assert result["ReferenceData"] == {"ReferenceItem": {"Key": "Occasion"}}
        assert "ResultParameters" not in result


def test_a_refused_request_is_not_a_transaction(caller: InitiatorClient) -> None:
    assert caller.ask(B2C_V3, OriginatorConversationID="PO-1", Remarks="").status_code == 400
    assert caller.result_of(STATUS, OriginalConversationID="PO-1")["ResultCode"] == 25


def test_the_switch_that_lies(caller: InitiatorClient) -> None:
    paid = caller.pay_in()["receipt"]
    assert status_of(caller, paid, scenario="quirks=declined")["TransactionStatus"] == "Declined"
    assert status_of(caller, paid)["TransactionStatus"] == "Completed"
