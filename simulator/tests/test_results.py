"""How results are told: the expected keys of every shape, quirks, delays, copies, time-out notices, resending."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator.initiator_results import QUIRKS
from simulator.tests.harness import wait_for
from simulator.tests.initiator_client import B2C_V1, B2C_V3, BALANCE, REVERSAL, STATUS, InitiatorClient, parameters

FAILURE = [
    "ResultType",
    "ResultCode",
    "ResultDesc",
    "OriginatorConversationID",
    "ConversationID",
    "TransactionID",
    "ReferenceData",
]
SUCCESS = [*FAILURE[:-1], "ResultParameters", "ReferenceData"]
B2C_KEYS = [
    "TransactionAmount",
    "TransactionReceipt",
    "ReceiverPartyPublicName",
    "TransactionCompletedDateTime",
    "B2CUtilityAccountAvailableFunds",
    "B2CWorkingAccountAvailableFunds",
    "B2CRecipientIsRegisteredCustomer",
    "B2CChargesPaidAccountAvailableFunds",
]
REVERSAL_KEYS = [
    "DebitAccountBalance",
    "Amount",
    "TransCompletedTime",
    "OriginalTransactionID",
    "Charge",
    "CreditPartyPublicName",
    "DebitPartyPublicName",
]
STATUS_KEYS = [
    "DebitPartyName",
    "CreditPartyName",
    "OriginatorConversationID",
    "InitiatedTime",
    "CreditPartyCharges",
    "DebitAccountType",
    "TransactionReason",
    "ReasonType",
    "TransactionStatus",
    "FinalisedTime",
    "Amount",
    "ConversationID",
    "ReceiptNo",
]
LEGACY_STATUS_KEYS = {
    "ReceiptNo",
    "Conversation ID",
    "FinalizedTime",
    "Amount",
    "TransactionStatus",
    "ReasonType",
    "TransactionReason",
    "DebitPartyCharges",
    "DebitAccountType",
    "InitiatedTime",
    "Originator Conversation ID",
    "CreditPartyName",
    "DebitPartyName",
}
VALUELESS_STATUS_KEYS = {"CreditPartyCharges", "TransactionReason"}
BALANCE_KEYS = ["AccountBalance", "BOCompletedTime"]
PATH_OF = {"b2c": B2C_V3, "reversal": REVERSAL, "status": STATUS, "balance": BALANCE}

# The request that has each shape as its answer: kind, scenario header, changes, expected parameters (None = none).
SHAPES: dict[str, tuple[str, str | None, dict[str, Any], list[str] | None]] = {
    "b2c_result_success": ("b2c", None, {}, B2C_KEYS),
    "b2c_result_failed_initiator": ("b2c", None, {"InitiatorName": "x"}, None),
    "b2c_result_failed_insufficient_float": ("b2c", "b2c=1", {}, None),
    "b2c_result_failed_below_minimum": ("b2c", None, {"Amount": 9}, None),
    "b2c_result_failed_unregistered": ("b2c", None, {"PartyB": "254700002040"}, None),
    "reversal_result_success": ("reversal", None, {}, REVERSAL_KEYS),
    "reversal_result_success_without_parameters": ("reversal", "quirks=no_parameters", {}, None),
    "reversal_result_already_reversed": ("reversal", "reversal=R000001", {}, None),
    "reversal_result_original_not_found": ("reversal", None, {"TransactionID": "UKE7Q2M9XB"}, None),
    "reversal_result_insufficient_funds": ("reversal", "reversal=1", {}, None),
    "reversal_result_initiator_not_allowed": ("reversal", "reversal=21", {}, None),
    "transaction_status_result_completed": ("status", None, {"Occasion": "recon"}, STATUS_KEYS),
    "transaction_status_result_declined": ("status", "quirks=declined", {}, STATUS_KEYS),
    "transaction_status_result_bad_parameters": ("status", None, {"TransactionID": "UKE7Q2M9XB"}, None),
    "account_balance_result": ("balance", None, {}, BALANCE_KEYS),
}
REFERENCES = {"b2c": "b2cresults", "reversal": "reversalresults", "balance": "abresults"}


def ask(caller: InitiatorClient, kind: str, scenario: str | None = None, **changes: Any) -> str:
    """An accepted request about a payment of 1500 where the kind needs one."""
    if kind in ("reversal", "status"):
        changes = {"TransactionID": caller.pay_in()["receipt"]} | changes
    return caller.ask_accepted(PATH_OF[kind], scenario=scenario, **changes)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_keys_of_each_shape(caller: InitiatorClient, shape: str) -> None:
    kind, scenario, changes, keys = SHAPES[shape]
    result = caller.wait_result(ask(caller, kind, scenario, **changes))
    assert list(result) == (FAILURE if keys is None else SUCCESS)
    if keys is not None:
        assert list(parameters(result)) == keys
    reference = result["ReferenceData"]["ReferenceItem"]
    if kind == "status":
        occasion = {"Value": changes["Occasion"]} if "Occasion" in changes else {}
        assert reference == {"Key": "Occasion", **occasion}
    else:
        address = f"https://internalapi.safaricom.co.ke/mpesa/{REFERENCES[kind]}/v1/submit"
        assert reference == {"Key": "QueueTimeoutURL", "Value": address}


def test_status_keys_without_a_value(caller: InitiatorClient) -> None:
    result = caller.wait_result(ask(caller, "status"))
    items = result["ResultParameters"]["ResultParameter"]
    assert {item["Key"] for item in items if "Value" not in item} == VALUELESS_STATUS_KEYS


def test_transaction_status_result_legacy_keys(caller: InitiatorClient) -> None:
    result = caller.wait_result(ask(caller, "status", "quirks=legacy_keys"))
    assert set(parameters(result)) == LEGACY_STATUS_KEYS
    assert result["ResultDesc"] == "The service request has been accepted successfully."


def test_legacy_keys_of_a_reversal(caller: InitiatorClient) -> None:
    result = caller.wait_result(ask(caller, "reversal", "quirks=legacy_keys"))
    assert list(parameters(result)) == ["DebitAccountCurrentBalance", *REVERSAL_KEYS[1:]]


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("b2c", "TransactionReceipt"),
        ("reversal", "OriginalTransactionID"),
        ("status", "TransactionStatus"),
        ("balance", "AccountBalance"),
    ],
)
def test_a_single_parameter_is_an_object(caller: InitiatorClient, kind: str, key: str) -> None:
    result = caller.wait_result(ask(caller, kind, "quirks=single_parameter"))
    item = result["ResultParameters"]["ResultParameter"]
    assert (list(item), item["Key"]) == (["Key", "Value"], key)


def test_a_failure_with_a_single_parameter(caller: InitiatorClient) -> None:
    result = caller.wait_result(ask(caller, "b2c", "quirks=single_parameter; b2c=11"))
    assert result["ResultParameters"]["ResultParameter"]["Key"] == "BOCompletedTime"


def test_reference_items_as_a_list(caller: InitiatorClient) -> None:
    for kind in PATH_OF:
        result = caller.wait_result(ask(caller, kind, "quirks=reference_list"))
        assert [list(item)[0] for item in result["ReferenceData"]["ReferenceItem"]] == ["Key"], kind


def test_codes_as_text_and_as_numbers(caller: InitiatorClient) -> None:
    told = caller.wait_result(ask(caller, "b2c", "quirks=text_codes; b2c=2001"))
    assert (told["ResultType"], told["ResultCode"]) == ("0", "2001")
    told = caller.wait_result(ask(caller, "balance", "quirks=number_codes"))
    assert (told["ResultType"], told["ResultCode"]) == (0, 0)


def test_the_credit_party_as_a_second_debit_party(caller: InitiatorClient) -> None:
    result = caller.wait_result(ask(caller, "status", "quirks=double_keys"))
    items = result["ResultParameters"]["ResultParameter"]
    names = [item["Value"] for item in items if item["Key"] == "DebitPartyName"]
    assert names == ["254708374149 - AMINA WAIRIMU OTIENO", "174379 - ONPOINT DEMO"]


def test_quirks_by_switch(caller: InitiatorClient) -> None:
    shown = caller.daraja.control("POST", "quirks", {"quirks": ["text_codes", "reference_list"]})
    assert (shown["quirks"], set(shown["known"])) == (["reference_list", "text_codes"], set(QUIRKS))
    result = caller.wait_result(ask(caller, "b2c", "quirks=no_parameters, unheard_of"))
    assert (result["ResultCode"], list(result)) == ("0", FAILURE)
    assert isinstance(result["ReferenceData"]["ReferenceItem"], list)
    caller.daraja.control("POST", "quirks", {"quirks": []})
    assert caller.wait_result(ask(caller, "b2c"))["ResultCode"] == 0


@pytest.mark.parametrize("body", [{}, {"quirks": "text_codes"}, {"quirks": ["unheard_of"]}, {"quirks": [1]}])
def test_bad_quirks(caller: InitiatorClient, body: dict[str, Any]) -> None:
    assert caller.daraja.http.post("/control/quirks", json=body).status_code == 400


# Delays, copies, losses


def test_the_wait_is_divided_by_the_speed(caller: InitiatorClient) -> None:
    caller.daraja.control("POST", "speed", {"result_seconds": 3600})
    conversation_id = ask(caller, "b2c")
    assert caller.transfer(conversation_id)["results_sent"] == 0
    (due,) = caller.booked_results(conversation_id)
    assert (due["kind"], due["result_code"], due["sent_at"]) == ("result", "0", None)
    caller.daraja.control("POST", "speed", {"speed": 1_000_000})
    caller.wait_result(conversation_id)
    (sent,) = caller.wait_all_sent(conversation_id)
    assert (sent["http_status"], sent["error"]) == (200, None)
    assert caller.transfer(conversation_id)["results_sent"] == 1


def test_delay_copies_and_loss_by_header(caller: InitiatorClient) -> None:
    late = ask(caller, "b2c", "result.delay=3600")
    lost = ask(caller, "b2c", "result.lost=1")
    many = ask(caller, "b2c", "result.copies=5; result.delay=0")
    assert len(caller.wait_all_sent(many)) == 5
    assert len(wait_for(lambda: len(found := caller.results(many)) == 5 and found)) == 5
    assert caller.booked_results(lost) == []
    assert caller.results(late) == []
    assert [message["sent_at"] for message in caller.booked_results(late)] == [None]
    assert caller.transfer(lost)["status"] == "completed"


def test_a_receiver_that_is_down_is_not_asked_again(caller: InitiatorClient) -> None:
    conversation_id = ask(caller, "b2c", "result.delay=0", ResultURL="http://127.0.0.1:9/result")
    (message,) = caller.wait_all_sent(conversation_id)
    assert (message["http_status"], message["error"]) == (None, "ConnectError")


# Time-out notices


def test_b2c_timeout_echo(caller: InitiatorClient) -> None:
    conversation_id = ask(caller, "b2c", "timeout=notice")
    messages = caller.wait_all_sent(conversation_id)
    assert [message["kind"] for message in messages] == ["timeout", "result"]
    assert messages[0]["result_code"] is None
    assert caller.arrivals() == ["timeout", "result"]
    (notice,) = caller.notices()
    assert set(notice) == {
        "InitiatorName",
        "SecurityCredential",
        "CommandID",
        "Amount",
        "PartyA",
        "PartyB",
        "Remarks",
        "QueueTimeOutURL",
        "ResultURL",
        "OriginatorConversationID",
    }
    assert notice == caller.order(B2C_V3, OriginatorConversationID=conversation_id)
    assert caller.results(conversation_id)[0]["ResultCode"] == 0


def test_the_echo_of_a_request_without_an_id_of_its_own(caller: InitiatorClient) -> None:
    conversation_id = caller.ask_accepted(B2C_V1, scenario="timeout=notice; result.lost=1")
    caller.wait_all_sent(conversation_id)
    assert caller.notices() == [caller.order(B2C_V1) | {"OriginatorConversationID": conversation_id}]


def test_the_echo_keeps_the_id_a_status_query_asks_about(caller: InitiatorClient) -> None:
    asked = ask(caller, "status", "timeout=notice; result.lost=1", OriginatorConversationID="PO-1")
    caller.wait_all_sent(asked)
    assert caller.notices()[0]["OriginatorConversationID"] == "PO-1"


def test_queue_timeout_result_envelope(caller: InitiatorClient) -> None:
    conversation_id = ask(caller, "b2c", "timeout=notice; quirks=timeout_envelope; result.lost=1")
    (message,) = caller.wait_all_sent(conversation_id)
    (notice,) = caller.notices()
    assert list(notice["Result"]) == FAILURE
    assert (notice["Result"]["ResultType"], notice["Result"]["ResultCode"]) == (1, 1)
    assert notice["Result"]["OriginatorConversationID"] == conversation_id
    assert notice["Result"]["ConversationID"] == caller.transfer(conversation_id)["conversation_id"]
    assert notice["Result"]["ReferenceData"] == {"ReferenceItem": []}
    assert json.loads(message["body"]) == notice


def test_after_a_notice_the_delay_counts_from_it(caller: InitiatorClient) -> None:
    conversation_id = ask(caller, "b2c", "timeout=notice; result.delay=3600")
    # It is with the receiver a moment before it is booked as sent.
    wait_for(lambda: caller.notices() and caller.booked_results(conversation_id)[0]["sent_at"])
    notice, result = caller.booked_results(conversation_id)
    assert (notice["sent_at"] is None, result["sent_at"]) == (False, None)


# Resending


def test_the_truth_once_more(caller: InitiatorClient) -> None:
    conversation_id = ask(caller, "b2c", "result.lost=1")
    line = caller.daraja.control("POST", f"transfers/{conversation_id}/resend-result")
    assert line["originator_conversation_id"] == conversation_id
    first = caller.wait_result(conversation_id)
    caller.daraja.control("POST", f"transfers/{line['conversation_id']}/resend-result")
    assert wait_for(lambda: caller.results(conversation_id)[1:]) == [first]
    assert caller.transfer(conversation_id)["status"] == "completed"
    assert caller.utility() == "997500.00"


def test_nothing_to_resend(caller: InitiatorClient) -> None:
    assert caller.daraja.http.post("/control/transfers/PO-404/resend-result").status_code == 404
    caller.ask(B2C_V3, OriginatorConversationID="PO-1", Remarks="")
    assert caller.daraja.http.post("/control/transfers/PO-1/resend-result").status_code == 404
