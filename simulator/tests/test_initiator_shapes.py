"""Requests and immediate answers of the initiator APIs and dynamic QR: the expected keys of every shape, by its name."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from simulator.tests.initiator_client import B2C_V1, B2C_V3, BALANCE, REVERSAL, STATUS, InitiatorClient

QR = "/mpesa/qrcode/v1/generate"
ERROR = ["requestId", "errorCode", "errorMessage"]

ANSWERS: dict[str, tuple[str, int, list[str]]] = {
    "async_accepted_response": (
        REVERSAL,
        200,
        ["OriginatorConversationID", "ConversationID", "ResponseCode", "ResponseDescription"],
    ),
    "b2c_v3_accepted_response": (
        B2C_V3,
        200,
        ["ConversationID", "OriginatorConversationID", "ResponseCode", "ResponseDescription"],
    ),
    "dynamic_qr_response": (QR, 200, ["ResponseCode", "RequestID", "ResponseDescription", "QRCode"]),
    "error_duplicate_originator_500_002_1001": (B2C_V3, 500, ERROR),
    "error_invalid_access_token_401_002_01": (B2C_V3, 401, ERROR),
    "error_invalid_access_token_400_003_01": (STATUS, 400, ERROR),
}

PAYING = {
    "InitiatorName",
    "SecurityCredential",
    "CommandID",
    "Amount",
    "PartyA",
    "PartyB",
    "Remarks",
    "QueueTimeOutURL",
    "ResultURL",
}
ASKING = {
    "Initiator",
    "SecurityCredential",
    "CommandID",
    "PartyA",
    "IdentifierType",
    "ResultURL",
    "QueueTimeOutURL",
    "Remarks",
}
REQUESTS: dict[str, tuple[str, set[str]]] = {
    "b2c_v1_request": (B2C_V1, {*PAYING, "Occasion"}),
    "b2c_v3_request": (B2C_V3, {*PAYING, "OriginatorConversationID", "Occassion"}),
    "reversal_request": (
        REVERSAL,
        {
            "Initiator",
            "SecurityCredential",
            "CommandID",
            "TransactionID",
            "Amount",
            "ReceiverParty",
            "RecieverIdentifierType",
            "ResultURL",
            "QueueTimeOutURL",
            "Remarks",
            "Occasion",
        },
    ),
    "transaction_status_request_by_receipt": (STATUS, {*ASKING, "TransactionID", "Occasion"}),
    "transaction_status_request_by_conversation": (
        STATUS,
        {*ASKING, "TransactionID", "Occasion", "OriginalConversationID"},
    ),
    "account_balance_request": (BALANCE, ASKING),
    "dynamic_qr_request": (QR, {"MerchantName", "RefNo", "Amount", "TrxCode", "CPI", "Size"}),
}
FILLING = {
    "Occasion": "refund",
    "Occassion": "payout",
    "TransactionID": "UKE7Q2M9XB",
    "OriginalConversationID": "7071-4170-a0e5-8345632bad442144258",
}
QR_ORDER = {
    "MerchantName": "ONPOINT DEMO",
    "RefNo": "INV-20418",
    "Amount": 1500,
    "TrxCode": "PB",
    "CPI": "600987",
    "Size": "300",
}


def send(caller: InitiatorClient, path: str, **changes: Any) -> tuple[set[str], httpx.Response]:
    """The keys of a request, and what it is answered."""
    order = QR_ORDER if path == QR else caller.order(path, **changes)
    return set(order), caller.daraja.post(path, order)


def answer_of(caller: InitiatorClient, shape: str, path: str) -> httpx.Response:
    changes: dict[str, Any] = {"TransactionID": "UKE7Q2M9XB"} if path in (REVERSAL, STATUS) else {}
    if shape.startswith("error_duplicate"):
        changes["OriginatorConversationID"] = caller.ask_accepted(B2C_V3)
    if shape.startswith("error_invalid_access_token"):
        caller.daraja.control("DELETE", "tokens")
    return send(caller, path, **changes)[1]


@pytest.mark.parametrize("shape", ANSWERS)
def test_the_keys_of_each_answer(caller: InitiatorClient, shape: str) -> None:
    path, status, keys = ANSWERS[shape]
    response = answer_of(caller, shape, path)
    assert (response.status_code, list(response.json())) == (status, keys)


@pytest.mark.parametrize("shape", REQUESTS)
def test_each_request_is_understood(caller: InitiatorClient, shape: str) -> None:
    path, keys = REQUESTS[shape]
    sent, response = send(caller, path, **{name: FILLING[name] for name in keys & FILLING.keys()})
    assert (sent, response.status_code) == (keys, 200)


def test_a_status_request_by_conversation_leaves_its_receipt_empty(caller: InitiatorClient) -> None:
    by_conversation = {"TransactionID": "", "OriginalConversationID": FILLING["OriginalConversationID"]}
    conversation_id = caller.ask_accepted(STATUS, **by_conversation)
    assert caller.transfer(conversation_id)["original"] == FILLING["OriginalConversationID"]
