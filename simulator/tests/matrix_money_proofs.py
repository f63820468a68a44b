"""What each variant of tokens, Pull, C2B and initiator requests is seen to do, at the caller, the receiver, the book."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import httpx
import pytest

from simulator.tests.c2b_merchant import ACCEPT
from simulator.tests.harness import wait_for
from simulator.tests.initiator_client import B2C_V3, REVERSAL, STATUS
from simulator.tests.matrix_push_proofs import GONE
from simulator.tests.matrix_stage import FAST, Proof, Stage

START = "1000000.00"
REFUSE = {"ResultCode": "C2B00012", "ResultDesc": "Rejected"}


# Tokens and lists


def ask_token(stage: Stage, *, timeout: float = 10) -> httpx.Response:
    return stage.daraja.http.get(
        "/oauth/v1/generate",
        params={"grant_type": "client_credentials"},
        auth=("simulator-consumer-key", "simulator-consumer-secret"),
        headers={"OnPoint-Scenario": stage.header},
        timeout=timeout,
    )


def token_500(stage: Stage) -> None:
    assert ask_token(stage).status_code == 500
    assert stage.daraja.fetch_token().status_code == 200


def token_slow(stage: Stage) -> None:
    with pytest.raises(httpx.ReadTimeout):
        ask_token(stage, timeout=0.3)


def token_dead_at_birth(stage: Stage) -> None:
    answer = ask_token(stage).json()
    assert answer["expires_in"] == "3599"
    stage.daraja.token = answer["access_token"]
    assert stage.daraja.push().status_code == 401


def pull_says(text: str) -> Proof:
    """Pull knows no header: the variant is named in a regime."""

    def proof(stage: Stage) -> None:
        stage.daraja.control("POST", "faults", {"seed": 7, "rate": 1, "matrix": [stage.name]})
        window = {"StartDate": "2026-01-01 00:00:00", "EndDate": "2099-01-01 00:00:00"}
        body = {"ShortCode": "174379", **window, "OffSetValue": "0"}
        answer = stage.daraja.post("/pulltransactions/v1/query", body)
        assert (answer.status_code, text in answer.text) == (500, True)

    return proof


def status_500(stage: Stage) -> None:
    response = stage.caller.ask(STATUS, scenario=stage.header, TransactionID=stage.paid_receipt())
    assert (response.status_code, stage.transfer_line()["status"]) == (500, "refused")


def status_lost(stage: Stage) -> None:
    asked = stage.caller.ask_accepted(STATUS, scenario=stage.header, TransactionID=stage.paid_receipt())
    assert (stage.caller.transfer(asked)["status"], stage.caller.booked_results(asked)) == ("completed", [])


# C2B


def validation_late(stage: Stage) -> None:
    """The merchant accepts, nobody hears it, and its ResponseType cancels."""
    stage.merchant.registered(ResponseType="Cancelled").answer(ACCEPT)
    assert stage.merchant.pay(scenario=stage.header)["refusal_code"] == "validation_silent"
    assert len(stage.merchant.validations()) == 1
    stage.merchant.assert_nothing_moved(refusal="validation_silent")


def went_through(*, validations: int) -> Proof:
    """Paid and confirmed, although the merchant refuses."""

    def proof(stage: Stage) -> None:
        stage.merchant.registered().answer(REFUSE)
        told = stage.merchant.pay(scenario=stage.header)
        assert [body["TransID"] for body in stage.merchant.wait_confirmations()] == [told["receipt"]]
        assert len(stage.merchant.validations()) == validations

    return proof


def unknown_account(stage: Stage) -> None:
    stage.merchant.registered().answer(ACCEPT)
    stage.merchant.pay(scenario=stage.header)
    [confirmation] = stage.merchant.wait_confirmations()
    [validation] = stage.merchant.validations()
    [entry] = stage.merchant.entries()
    assert confirmation["BillRefNumber"] == validation["BillRefNumber"] == entry["bill_ref"] == "NOBODY-0000"


def cents(stage: Stage) -> None:
    stage.merchant.registered(ValidationURL=None)
    stage.merchant.pay(scenario=stage.header)
    [confirmation], [entry] = stage.merchant.wait_confirmations(), stage.merchant.entries()
    assert confirmation["TransAmount"] == entry["amount"]
    assert 750 < float(entry["amount"]) < 751


def unknown_shortcode(stage: Stage) -> None:
    stage.merchant.registered(ValidationURL=None)
    told = stage.merchant.simulate(scenario=stage.header)
    assert told.status_code == 200
    [confirmation], [entry] = stage.merchant.wait_confirmations(), stage.merchant.entries()
    assert (confirmation["BusinessShortCode"], entry["shortcode"]) == ("999999", "174379")
    assert stage.merchant.utility() == "1000750.00"


def confirmed_often(stage: Stage) -> None:
    stage.merchant.registered(ValidationURL=None)
    told = stage.merchant.pay(scenario=stage.header)
    assert 2 <= len(stage.merchant.sent(told["receipt"])) <= 5
    assert stage.merchant.utility() == "1000750.00"


def never_confirmed(stage: Stage) -> None:
    stage.merchant.registered(ValidationURL=None)
    told = stage.merchant.pay(scenario=stage.header)
    assert (told["accepted"], stage.merchant.sent(told["receipt"])) == (True, [])


# Initiator requests


def send_refused(stage: Stage) -> None:
    assert stage.transfer().status_code >= 400
    assert (stage.transfer_line()["status"], stage.caller.utility()) == ("refused", START)


def assert_done_and_told(stage: Stage) -> None:
    line = wait_for(lambda: (found := stage.transfer_line())["results_sent"] and found)
    assert (line["status"], line["result_code"]) == ("completed", "0")


def send_reset(stage: Stage) -> None:
    with pytest.raises(GONE):
        stage.transfer()
    assert_done_and_told(stage)


def send_hang(stage: Stage) -> None:
    with pytest.raises(httpx.ReadTimeout):
        stage.transfer(timeout=0.3)
    assert_done_and_told(stage)


def send_answers(code: str) -> Proof:
    def proof(stage: Stage) -> None:
        response = stage.transfer()
        assert (response.status_code, response.json()["errorCode"]) == (500, code)
        assert_done_and_told(stage)

    return proof


def result_lost(stage: Stage) -> None:
    assert stage.transfer_accepted() == []
    assert (stage.transfer_line()["status"], stage.caller.arrivals()) == ("completed", [])


def result_in_six_hours(stage: Stage) -> None:
    asked = stage.transfer().json()["OriginatorConversationID"]
    [due] = stage.caller.booked_results(asked)
    line = stage.caller.transfer(asked)
    wait = datetime.fromisoformat(due["due_at"]) - datetime.fromisoformat(line["at"])
    assert (due["sent_at"], timedelta(hours=6) <= wait < timedelta(hours=6, minutes=1)) == (None, True)
    stage.daraja.control("POST", "speed", {"speed": 1_000_000})
    assert stage.caller.wait_result(asked)["ResultCode"] == 0


def result_often(stage: Stage) -> None:
    told = stage.transfer_accepted()
    assert 2 <= len(told) <= 5
    assert {each["result_code"] for each in told} == {"0"}


def result_early(stage: Stage) -> None:
    stage.daraja.control("POST", "speed", {"result_seconds": 3600})
    assert stage.caller.results(stage.transfer().json()["OriginatorConversationID"])[0]["ResultCode"] == 0


def failure_then_success(stage: Stage) -> None:
    stage.daraja.control("POST", "speed", FAST)
    assert [each["result_code"] for each in stage.transfer_accepted()] == ["26", "0"]
    assert stage.transfer_line()["status"] == "completed"


def notice_then(code: str) -> Proof:
    def proof(stage: Stage) -> None:
        stage.daraja.control("POST", "speed", FAST)
        told = stage.transfer_accepted()
        assert [(each["kind"], each["result_code"]) for each in told] == [("timeout", None), ("result", code)]
        moved = stage.caller.utility() != START
        assert (stage.transfer_line()["result_code"], moved) == (code, code == "0")

    return proof


def no_funds(stage: Stage) -> None:
    receipt, before = stage.paid_receipt(), stage.caller.utility()
    if stage.name.startswith("F19"):
        result = stage.caller.result_of(REVERSAL, scenario=stage.header, TransactionID=receipt)
    else:
        result = stage.caller.result_of(B2C_V3, scenario=stage.header)
    assert (result["ResultCode"], stage.transfer_line()["status"]) == (1, "failed")
    assert stage.caller.utility() == before


def given_back_already(stage: Stage) -> None:
    """Truly so: another line of the book did it, and the money left once."""
    receipt, before = stage.paid_receipt(), stage.caller.utility()
    result = stage.caller.result_of(REVERSAL, scenario=stage.header, TransactionID=receipt)
    assert result["ResultCode"] == "R000001"
    # The book notes a result as sent only after the receiver has answered.
    wanted = [("completed", 0), ("failed", 1)]
    for _ in range(100):
        lines = stage.caller.transfers(kind="reversal", original=receipt)
        if [(line["status"], line["results_sent"]) for line in lines] == wanted:
            break
        time.sleep(0.05)
    assert [(line["status"], line["results_sent"]) for line in lines] == wanted
    assert float(before) - float(stage.caller.utility()) == 1500


MONEY_PROOFS: dict[str, Proof] = {
    "token_500": token_500,
    "token_slow": token_slow,
    "token_expired": token_dead_at_birth,
    "pull_500": pull_says("Internal Server Error"),
    "pull_spike": pull_says("Spike Arrest"),
    "status_500": status_500,
    "status_lost": status_lost,
    "validation_late": validation_late,
    "validation_overruled": went_through(validations=1),
    "validation_skipped": went_through(validations=0),
    "payer_unknown_account": unknown_account,
    "payer_cents": cents,
    "confirm_shortcode": unknown_shortcode,
    "confirm_doubled": confirmed_often,
    "confirm_lost": never_confirmed,
    "send_refused": send_refused,
    "send_reset": send_reset,
    "send_hang": send_hang,
    "send_500_after": send_answers("500.003.1001"),
    "send_duplicate": send_answers("500.002.1001"),
    "result_lost": result_lost,
    "result_6h": result_in_six_hours,
    "result_doubled": result_often,
    "result_early": result_early,
    "result_reordered": failure_then_success,
    "timeout_then_success": notice_then("0"),
    "timeout_then_failure": notice_then("26"),
    "b2c_no_funds": no_funds,
    "reversal_no_funds": no_funds,
    "reversal_already": given_back_already,
}
