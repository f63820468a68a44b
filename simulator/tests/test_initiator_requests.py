"""Every initiator API: the token, the fields and their names, the accepted answer, and the line in the book."""

from __future__ import annotations

import re
from typing import Any

import pytest

from simulator.tests.harness import FORMS, assert_shape
from simulator.tests.initiator_client import (
    B2C_V1,
    B2C_V3,
    BALANCE,
    PATHS,
    REVERSAL,
    STATUS,
    InitiatorClient,
)

CONVERSATION_ID = r"AG_20\d{6}_[0-9a-f]{20}"
ORIGINAL = {"TransactionID": "UKE7Q2M9XB"}
LONG = "x" * 101


def good(path: str) -> dict[str, str]:
    return ORIGINAL if path in (REVERSAL, STATUS) else {}


@pytest.mark.parametrize("path", [B2C_V1, REVERSAL, STATUS, BALANCE])
def test_the_accepted_answer(caller: InitiatorClient, path: str) -> None:
    body = caller.ask(path, **good(path)).json()
    assert list(body) == ["OriginatorConversationID", "ConversationID", "ResponseCode", "ResponseDescription"]
    assert re.fullmatch(FORMS["requestId"], body["OriginatorConversationID"])
    assert re.fullmatch(CONVERSATION_ID, body["ConversationID"])
    assert (body["ResponseCode"], body["ResponseDescription"]) == ("0", "Accept the service request successfully.")


def test_b2c_v3_repeats_the_callers_id(caller: InitiatorClient) -> None:
    body = caller.ask(B2C_V3, OriginatorConversationID="600987_PO_01HF3Q7Z2M").json()
    assert list(body) == ["ConversationID", "OriginatorConversationID", "ResponseCode", "ResponseDescription"]
    assert body["OriginatorConversationID"] == "600987_PO_01HF3Q7Z2M"
    assert caller.wait_result("600987_PO_01HF3Q7Z2M")["ConversationID"] == body["ConversationID"]


@pytest.mark.parametrize(
    ("path", "status", "code", "message"),
    [
        (B2C_V1, 401, "401.002.01", "Error Occurred - Invalid Access Token - {}"),
        (B2C_V3, 401, "401.002.01", "Error Occurred - Invalid Access Token - {}"),
        (BALANCE, 401, "401.002.01", "Error Occurred - Invalid Access Token - {}"),
        (STATUS, 400, "400.003.01", "Invalid Access Token"),
        (REVERSAL, 401, "404.001.03", "Invalid Access Token"),
    ],
)
def test_a_dead_token_is_told_in_each_apis_own_words(
    caller: InitiatorClient, path: str, status: int, code: str, message: str
) -> None:
    caller.daraja.control("DELETE", "tokens")
    response = caller.ask(path, **good(path))
    assert response.status_code == status
    assert list(response.json()) == ["requestId", "errorCode", "errorMessage"]
    assert response.json()["errorCode"] == code
    assert response.json()["errorMessage"] == message.format(caller.daraja.token)
    (line,) = caller.transfers()
    assert (line["status"], line["error_code"]) == ("refused", code)


@pytest.mark.parametrize("path", PATHS)
def test_no_bearer_and_no_json(caller: InitiatorClient, path: str) -> None:
    daraja = caller.daraja
    response = daraja.http.post(path, json=caller.order(path))
    assert response.status_code == 404
    assert_shape(response.json(), "error_invalid_authentication_header_404_001_04.json")
    bearer = {"Authorization": f"Bearer {daraja.token}"}
    response = daraja.http.post(path, content="{", headers=bearer)
    assert response.status_code == 400
    assert_shape(response.json(), "error_invalid_request_payload_400_002_05.json")
    assert daraja.http.get(path, headers=bearer).status_code == 405


COMMON: list[tuple[str, Any]] = [
    ("SecurityCredential", None),
    ("SecurityCredential", " "),
    ("CommandID", None),
    ("CommandID", "SalaryPayments"),
    ("Remarks", None),
    ("Remarks", "x"),
    ("Remarks", LONG),
    ("QueueTimeOutURL", None),
    ("QueueTimeOutURL", "pay.example.co.ke/timeout"),
    ("ResultURL", None),
    ("ResultURL", "https://{host}/result"),
]
PAYING: list[tuple[str, Any]] = [
    ("InitiatorName", None),
    ("Amount", None),
    ("Amount", 0),
    ("Amount", "-5"),
    ("Amount", "25.50"),
    ("Amount", True),
    ("PartyA", None),
    ("PartyA", "12"),
    ("PartyB", None),
    ("PartyB", "0708374149"),
]
OWN: dict[str, list[tuple[str, Any]]] = {
    B2C_V1: [*PAYING, ("Occasion", LONG)],
    B2C_V3: [
        *PAYING,
        ("Occassion", LONG),
        ("OriginatorConversationID", None),
        ("OriginatorConversationID", LONG),
    ],
    REVERSAL: [
        ("Initiator", None),
        ("TransactionID", ""),
        ("TransactionID", "UKE7"),
        ("Amount", None),
        ("Amount", 0.0),
        ("Amount", "1.234"),
        ("ReceiverParty", "x"),
        ("RecieverIdentifierType", "4"),
        ("RecieverIdentifierType", None),
    ],
    STATUS: [("Initiator", None), ("TransactionID", ""), ("PartyA", None), ("IdentifierType", "11")],
    BALANCE: [("Initiator", None), ("PartyA", "1"), ("IdentifierType", None), ("IdentifierType", "3")],
}
CASES = [(path, name, value) for path in PATHS for name, value in COMMON + OWN[path]]


@pytest.mark.parametrize(("path", "name", "value"), CASES)
def test_a_bad_field_is_named(caller: InitiatorClient, path: str, name: str, value: Any) -> None:
    response = caller.ask(path, **(good(path) | {name: value}))
    assert (response.status_code, response.json()["errorCode"]) == (400, "400.002.02")
    assert response.json()["errorMessage"] == f"Bad Request - Invalid {name}"
    (line,) = caller.transfers()
    assert (line["status"], line["error_message"]) == ("refused", f"Bad Request - Invalid {name}")
    assert caller.arrivals() == []


@pytest.mark.parametrize("command", ["BusinessPayment", "SalaryPayment", "PromotionPayment"])
def test_b2c_commands(caller: InitiatorClient, command: str) -> None:
    assert caller.result_of(B2C_V1, CommandID=command)["ResultCode"] == 0


@pytest.mark.parametrize(("path", "kind"), [(STATUS, 1), (STATUS, "2"), (BALANCE, 4), (BALANCE, "1")])
def test_identifier_types(caller: InitiatorClient, path: str, kind: int | str) -> None:
    assert caller.ask(path, IdentifierType=kind, **good(path)).status_code == 200


def test_remarks_of_two_and_of_a_hundred(caller: InitiatorClient) -> None:
    for remarks in ("ok", "x" * 100):
        assert caller.ask(B2C_V3, Remarks=remarks).status_code == 200


def test_a_second_request_with_the_same_id_is_a_duplicate(caller: InitiatorClient) -> None:
    first = caller.ask_accepted(B2C_V3, OriginatorConversationID="PO-1", PartyB="254708374149")
    held = caller.utility()
    response = caller.ask(B2C_V3, OriginatorConversationID="PO-1", PartyB="254711111111", Amount=99)
    assert response.status_code == 500
    assert list(response.json()) == ["requestId", "errorCode", "errorMessage"]
    assert response.json()["errorCode"] == "500.002.1001"
    assert response.json()["errorMessage"] == "Duplicate OriginatorConversationID."
    assert caller.utility() == held
    caller.wait_all_sent(first)
    assert len(caller.results(first)) == 1
    assert caller.transfer(first)["phone"] == "254708374149"
    refused = caller.transfers(status="refused")
    assert [(line["originator_conversation_id"], line["error_code"]) for line in refused] == [("PO-1", "500.002.1001")]


def test_an_id_that_was_refused_may_be_used_again(caller: InitiatorClient) -> None:
    assert caller.ask(B2C_V3, OriginatorConversationID="PO-1", Remarks="").status_code == 400
    assert caller.ask(B2C_V3, OriginatorConversationID="PO-1").status_code == 200


def test_v1_makes_up_an_id_each_time(caller: InitiatorClient) -> None:
    assert caller.ask_accepted(B2C_V1) != caller.ask_accepted(B2C_V1)
