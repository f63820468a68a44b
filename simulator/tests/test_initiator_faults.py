"""Seeded faults and the scenario header at the initiator APIs: what is told goes wrong, what is true does not."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from simulator.initiator_scenario import NO_TRANSFER_SCENARIO, ResultPlan, TransferScenario, parse_transfer_scenario
from simulator.tests.harness import assert_shape, wait_for
from simulator.tests.initiator_client import B2C_V1, B2C_V3, BALANCE, REVERSAL, STATUS, InitiatorClient


def only(caller: InitiatorClient, *kinds: str, **more: Any) -> None:
    """Every call these kinds apply to goes wrong."""
    caller.daraja.control("POST", "faults", {"seed": 7, "rate": 1, "kinds": list(kinds), **more})


def counts(caller: InitiatorClient) -> dict[str, int]:
    return dict(caller.daraja.control("GET", "faults")["counts"])


def pay(caller: InitiatorClient, conversation_id: str, *, scenario: str | None = None, timeout: float = 10) -> Any:
    return caller.ask(B2C_V3, OriginatorConversationID=conversation_id, scenario=scenario, timeout=timeout)


# The hand-over


def test_reset_is_booked_paid_and_told(caller: InitiatorClient) -> None:
    only(caller, "send_reset")
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        pay(caller, "PO-1")
    assert caller.wait_result("PO-1")["ResultCode"] == 0
    assert (caller.transfer("PO-1")["handover"], counts(caller)) == ("send_reset", {"send_reset": 1})
    assert caller.utility() == "997500.00"
    caller.daraja.control("DELETE", "faults")
    assert pay(caller, "PO-1").json()["errorCode"] == "500.002.1001"
    assert caller.utility() == "997500.00"


def test_500_after_booking(caller: InitiatorClient) -> None:
    only(caller, "send_500_after")
    response = pay(caller, "PO-1")
    assert response.status_code == 500
    assert list(response.json()) == ["requestId", "errorCode", "errorMessage"]
    assert caller.wait_result("PO-1")["ResultCode"] == 0
    paid = caller.pay_in()["receipt"]
    assert caller.ask(REVERSAL, TransactionID=paid).status_code == 500
    assert caller.transfers(kind="reversal")[0]["status"] == "completed"


def test_a_hanging_answer(caller: InitiatorClient) -> None:
    only(caller, "send_hang")
    with pytest.raises(httpx.ReadTimeout):
        pay(caller, "PO-1", timeout=0.3)
    assert caller.wait_result("PO-1")["ResultCode"] == 0
    assert pay(caller, "PO-2").json()["OriginatorConversationID"] == "PO-2"


def test_refused_before_booking(caller: InitiatorClient) -> None:
    only(caller, "send_refused")
    answers = [pay(caller, f"PO-{number}") for number in range(20)]
    assert {answer.status_code for answer in answers} == {429, 500}
    assert {answer.json().get("errorCode") for answer in answers} == {None, "500.003.02", "500.003.03"}
    summary = caller.daraja.control("GET", "book/summary")
    assert (summary["transfers"], summary["transfers_refused"], summary["paid_out_cents"]) == (0, 20, 0)
    caller.daraja.control("DELETE", "faults")
    assert pay(caller, "PO-0").status_code == 200
    assert caller.arrivals() == []


@pytest.mark.parametrize(("path", "code"), [(B2C_V3, "401.002.01"), (REVERSAL, "404.001.03"), (STATUS, "400.003.01")])
def test_a_token_called_invalid_is_so_from_then_on(caller: InitiatorClient, path: str, code: str) -> None:
    only(caller, "token_invalid")
    original = {} if path == B2C_V3 else {"TransactionID": "UKE7Q2M9XB"}
    assert caller.ask(path, **original).json()["errorCode"] == code
    caller.daraja.control("DELETE", "faults")
    assert caller.ask(path, **original).json()["errorCode"] == code
    caller.daraja.token = caller.daraja.fetch_token().json()["access_token"]
    assert caller.ask(path, **original).status_code == 200


# The result


def test_result_lost(caller: InitiatorClient) -> None:
    only(caller, "result_lost")
    pay(caller, "PO-1")
    assert (caller.transfer("PO-1")["status"], caller.booked_results("PO-1")) == ("completed", [])


def test_result_late(caller: InitiatorClient) -> None:
    only(caller, "result_late", late_seconds=3600)
    pay(caller, "PO-1")
    (due,) = caller.booked_results("PO-1")
    assert (due["sent_at"], caller.results("PO-1")) == (None, [])
    caller.daraja.control("POST", "speed", {"speed": 1_000_000})
    assert caller.wait_result("PO-1")["ResultCode"] == 0


def test_result_doubled(caller: InitiatorClient) -> None:
    only(caller, "result_doubled")
    sent = []
    for number in range(12):
        pay(caller, f"PO-{number}")
        sent.append(caller.wait_all_sent(f"PO-{number}"))
    assert {len(messages) for messages in sent} == {2, 3, 4, 5}
    assert all(len({message["body"] for message in messages}) == 1 for messages in sent)


def test_result_early_arrives_before_the_answer(caller: InitiatorClient) -> None:
    only(caller, "result_early")
    caller.daraja.control("POST", "speed", {"result_seconds": 3600})
    body = pay(caller, "PO-1").json()
    (result,) = caller.results("PO-1")
    assert (result["ResultCode"], result["ConversationID"]) == (0, body["ConversationID"])
    assert len(caller.wait_all_sent("PO-1")) == 1


def test_timeout_then_success(caller: InitiatorClient) -> None:
    only(caller, "timeout_then_success", late_seconds=0.2)
    pay(caller, "PO-1")
    assert [message["kind"] for message in caller.wait_all_sent("PO-1")] == ["timeout", "result"]
    assert caller.wait_result("PO-1")["ResultCode"] == 0
    assert caller.arrivals() == ["timeout", "result"]
    assert caller.transfer("PO-1")["status"] == "completed"
    assert caller.utility() == "997500.00"


def test_timeout_then_failure_is_the_one_truth(caller: InitiatorClient) -> None:
    paid = caller.pay_in()
    only(caller, "timeout_then_failure", late_seconds=0.2)
    held = caller.utility()
    pay(caller, "PO-1")
    reversal = caller.ask_accepted(REVERSAL, TransactionID=paid["receipt"])
    for conversation_id in ("PO-1", reversal):
        assert [message["kind"] for message in caller.wait_all_sent(conversation_id)] == ["timeout", "result"]
        result, line = caller.wait_result(conversation_id), caller.transfer(conversation_id)
        assert (result["ResultCode"], line["result_code"], line["status"]) == (26, "26", "failed")
    assert caller.utility() == held
    assert caller.daraja.entry(paid["checkout_request_id"])["reversed_cents"] == 0


def test_no_success_is_announced_of_a_failure(caller: InitiatorClient) -> None:
    only(caller, "timeout_then_success")
    conversation_id = caller.ask_accepted(B2C_V3, Amount=9)
    assert [message["kind"] for message in caller.wait_all_sent(conversation_id)] == ["result"]
    assert counts(caller) == {}
    only(caller, "timeout_then_failure", late_seconds=0.2)
    conversation_id = caller.ask_accepted(B2C_V3, Amount=9)
    caller.wait_all_sent(conversation_id)
    assert caller.wait_result(conversation_id)["ResultCode"] == 2


# Status and balance


@pytest.mark.parametrize("path", [STATUS, BALANCE])
def test_status_500(caller: InitiatorClient, path: str) -> None:
    only(caller, "status_500")
    response = caller.ask(path, **({"TransactionID": "UKE7Q2M9XB"} if path == STATUS else {}))
    assert response.status_code == 500
    assert_shape(response.json(), "error_internal_500_003_1001.json")
    assert caller.transfers()[0]["status"] == "refused"


@pytest.mark.parametrize("path", [STATUS, BALANCE])
def test_status_lost(caller: InitiatorClient, path: str) -> None:
    only(caller, "status_lost")
    conversation_id = caller.ask_accepted(path, **({"TransactionID": "UKE7Q2M9XB"} if path == STATUS else {}))
    assert caller.booked_results(conversation_id) == []
    assert counts(caller) == {"status_lost": 1}


def test_money_and_questions_have_faults_of_their_own(caller: InitiatorClient) -> None:
    only(caller, "status_500", "status_lost")
    assert pay(caller, "PO-1").status_code == 200
    assert len(caller.wait_all_sent("PO-1")) == 1
    only(caller, "send_reset", "result_lost")
    assert len(caller.wait_all_sent(caller.ask_accepted(BALANCE))) == 1


# Replay


def play(caller: InitiatorClient) -> list[Any]:
    """A short run under faults: for each request, how it was answered, how it ended and what was told."""
    caller.daraja.control("POST", "reset")
    caller.daraja.token = caller.daraja.fetch_token().json()["access_token"]
    caller.daraja.control("POST", "faults", {"seed": 11, "rate": 0.6, "late_seconds": 0})
    told: list[Any] = []
    for number in range(40):
        try:
            answer: Any = pay(caller, f"PO-{number}", timeout=0.2).status_code
        except httpx.TimeoutException:
            answer = "late"
        except httpx.TransportError:
            answer = "cut"
        caller.daraja.token = caller.daraja.fetch_token().json().get("access_token", caller.daraja.token)
        (line,) = caller.transfers(originator_conversation_id=f"PO-{number}")
        messages = [message["kind"] for message in caller.booked_results(f"PO-{number}")]
        told.append((answer, line["status"], line["result_code"], line["handover"], messages))
    return told


def test_the_same_seed_plays_the_same_run(caller: InitiatorClient) -> None:
    first = play(caller)
    assert play(caller) == first
    assert {status for _, status, *_ in first} == {"completed", "failed", "refused"}
    completed = sum(status == "completed" for _, status, *_ in first)
    assert caller.utility() == f"{1_000_000 - 2500 * completed}.00"


def test_each_call_with_one_key_is_drawn_anew(caller: InitiatorClient) -> None:
    caller.daraja.control("POST", "faults", {"seed": 3, "rate": 0.5, "kinds": ["send_refused"]})
    assert {caller.ask(B2C_V1).status_code for _ in range(20)} == {200, 429, 500}


# The header


@pytest.mark.parametrize("header", [None, "", ";;", "weather=fine; send; =1", "result.delay=soon; send=maybe; seed=x"])
def test_nothing_understood_changes_nothing(header: str | None) -> None:
    assert parse_transfer_scenario(header) == NO_TRANSFER_SCENARIO


def test_every_key_is_read() -> None:
    header = (
        "b2c=1; reversal=R000001; send=reset; result.delay=30; result.copies=9999; result.lost=1; timeout=notice; "
        "quirks=text_codes, legacy_keys,nonsense; fault=F18; seed=7"
    )
    assert parse_transfer_scenario(header) == TransferScenario(
        b2c_code="1",
        reversal_code="R000001",
        handover="send_reset",
        result_delay=30.0,
        result_copies=500,
        result_lost=True,
        notice=True,
        quirks=frozenset({"text_codes", "legacy_keys"}),
        fault="F18",
        seed=7,
    )


def test_a_plan_under_a_notice() -> None:
    plan = parse_transfer_scenario("timeout=notice").adjust(ResultPlan(delay_seconds=2.0))
    assert (plan.notice_seconds, plan.delay_seconds) == (2.0, 3.0)
    plan = parse_transfer_scenario("timeout=notice; result.delay=21600").adjust(ResultPlan(delay_seconds=2.0))
    assert (plan.notice_seconds, plan.delay_seconds) == (2.0, 21602.0)


def test_send_by_header(caller: InitiatorClient) -> None:
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        pay(caller, "PO-1", scenario="send=reset")
    with pytest.raises(httpx.ReadTimeout):
        pay(caller, "PO-2", scenario="send=timeout", timeout=0.3)
    assert pay(caller, "PO-3", scenario="send=500").status_code == 500
    assert pay(caller, "PO-4", scenario="send=refused").status_code in (429, 500)
    assert [line["status"] for line in caller.transfers()] == ["completed"] * 3 + ["refused"]
    assert [caller.wait_result(f"PO-{number}")["ResultCode"] for number in (1, 2, 3)] == [0, 0, 0]


def test_the_header_keeps_faults_away_from_what_it_sets(caller: InitiatorClient) -> None:
    only(caller, "send_refused", "result_lost", "timeout_then_failure")
    assert pay(caller, "PO-1", scenario="send=500; result.copies=1").status_code == 500
    assert caller.wait_result("PO-1")["ResultCode"] == 0
    assert counts(caller) == {}
    only(caller, "timeout_then_failure")
    pay(caller, "PO-2", scenario="b2c=0")
    assert caller.transfer("PO-2")["status"] == "completed"


def test_the_receipts_of_a_run_are_all_different(caller: InitiatorClient) -> None:
    for number in range(30):
        pay(caller, f"PO-{number}", scenario="result.lost=1")
    receipts = {line["receipt"] for line in caller.transfers(status="completed")}
    receipts.add(caller.pay_in()["receipt"])
    assert len(receipts) == 31


def test_a_run_without_a_receiver_still_ends(caller: InitiatorClient) -> None:
    caller.daraja.receiver.answers = [500]
    pay(caller, "PO-1")
    (message,) = wait_for(lambda: [m for m in caller.booked_results("PO-1") if m["sent_at"]])
    assert message["http_status"] == 500
    assert json.loads(message["body"])["Result"]["ResultCode"] == 0
