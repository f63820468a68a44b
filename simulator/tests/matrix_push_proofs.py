"""What each variant of a push, its callbacks and its queries is seen to do, at the caller, the receiver and the book."""

from __future__ import annotations

import json

import httpx
import pytest

from simulator.tests.harness import PUSH_PATH, wait_for
from simulator.tests.matrix_stage import FAST, OTHER_PHONE, Proof, Stage

GONE = (httpx.ReadError, httpx.RemoteProtocolError)
LOCKED = "Unable to lock subscriber, a transaction is already in process for the current subscriber"


# The push


def refused(stage: Stage) -> None:
    response = stage.daraja.push(scenario=stage.header)
    assert response.status_code >= 400
    summary = stage.summary()
    assert (summary["prompts"], summary["pushes_refused"]) == (0, 1)


def refused_400(stage: Stage) -> None:
    refused(stage)
    assert stage.daraja.push(scenario=stage.header).json()["errorCode"] == "400.002.02"


def assert_booked_and_paid(stage: Stage) -> None:
    stage.daraja.wait_callbacks(1)
    summary = stage.summary()
    assert (summary["prompts"], summary["paid"]) == (1, 1)


def reset(stage: Stage) -> None:
    with pytest.raises(GONE):
        stage.daraja.push(scenario=stage.header)
    assert_booked_and_paid(stage)


def hangs(stage: Stage) -> None:
    with pytest.raises(httpx.ReadTimeout):
        stage.daraja.push(scenario=stage.header, timeout=0.3)
    assert_booked_and_paid(stage)


def answered_500(stage: Stage) -> None:
    stage.daraja.control("POST", "speed", {"approve_seconds": 3600})
    assert stage.daraja.push(scenario=stage.header).status_code == 500
    assert stage.daraja.push().json()["errorMessage"] == LOCKED
    assert stage.summary()["prompts"] == 1


def answered_500_unlocked(stage: Stage) -> None:
    stage.daraja.control("POST", "speed", {"approve_seconds": 3600})
    assert stage.daraja.push(scenario=stage.header).status_code == 500
    assert stage.daraja.push().status_code == 200
    assert stage.daraja.push().json()["errorMessage"] == LOCKED
    assert stage.summary()["open"] == 2


def empty(stage: Stage) -> None:
    assert stage.daraja.push(scenario=stage.header).content == b""
    assert_booked_and_paid(stage)


def html(stage: Stage) -> None:
    assert stage.daraja.push(scenario=stage.header).text.startswith("<!DOCTYPE html>")
    assert_booked_and_paid(stage)


def cut_json(stage: Stage) -> None:
    response = stage.daraja.push(scenario=stage.header)
    with pytest.raises(json.JSONDecodeError):
        response.json()
    assert_booked_and_paid(stage)


def wrong_types(stage: Stage) -> None:
    answer = stage.daraja.push(scenario=stage.header).json()
    assert isinstance(answer["CheckoutRequestID"], (int, list))
    assert_booked_and_paid(stage)


def huge(stage: Stage) -> None:
    assert len(stage.daraja.push(scenario=stage.header).content) > 10_000_000
    assert_booked_and_paid(stage)


def drips(stage: Stage) -> None:
    daraja = stage.daraja
    headers = {"Authorization": f"Bearer {daraja.token}", "OnPoint-Scenario": stage.header}
    with daraja.http.stream("POST", PUSH_PATH, json=daraja.order(), headers=headers) as response:
        pieces = response.iter_raw()
        assert [next(pieces), next(pieces)] == [b"{", b'"']
    assert_booked_and_paid(stage)


# Callbacks


def callback_lost(stage: Stage) -> None:
    assert stage.told(stage.push_decided()) == []
    assert stage.daraja.bodies() == []


def copies(stage: Stage) -> None:
    """All due at once, and over more than one connection."""
    told = stage.told(stage.push_decided())
    assert 2 <= len(told) <= 500
    assert stage.daraja.codes() == [0] * len(told)
    assert len({each["due_at"] for each in told}) == 1
    assert len(stage.daraja.receiver.connections[stage.daraja.path]) > 1


def flood(stage: Stage) -> None:
    copies(stage)
    assert len(stage.daraja.codes()) > 5


def early(stage: Stage) -> None:
    stage.daraja.control("POST", "speed", {"approve_seconds": 3600})
    checkout_request_id = stage.daraja.push_accepted(scenario=stage.header)
    [callback] = stage.daraja.callbacks()
    assert callback["Body"]["stkCallback"]["CheckoutRequestID"] == checkout_request_id


def failure_first(stage: Stage) -> None:
    stage.daraja.control("POST", "speed", FAST)
    entry = stage.push_decided()
    first, second = (each["result_code"] for each in stage.told(entry))
    assert (entry["status"], first in ("1032", "1037"), second) == ("paid", True, "0")


def failure_last(stage: Stage) -> None:
    stage.daraja.control("POST", "speed", FAST)
    entry = stage.push_decided()
    first, second = (each["result_code"] for each in stage.told(entry))
    assert (entry["status"], first, second in ("1032", "1037")) == ("paid", "0", True)


def items(stage: Stage) -> dict[str, object]:
    [callback] = stage.daraja.wait_callbacks(1)
    metadata = callback["Body"]["stkCallback"]["CallbackMetadata"]["Item"]
    return {item["Name"]: item.get("Value") for item in metadata}


def other_amount(stage: Stage) -> None:
    entry = stage.push_decided()
    assert (items(stage)["Amount"] in (1501, 1600), entry["amount"]) == (True, 1500)


def used_receipt(stage: Stage) -> None:
    other = stage.pay_other(CallBackURL=stage.daraja.receiver.url + stage.daraja.path + "/other")
    entry = stage.push_decided()
    assert items(stage)["MpesaReceiptNumber"] == other["receipt"]
    assert entry["receipt"] not in (None, other["receipt"])


def foreign_id(stage: Stage) -> None:
    other = stage.pay_other(CallBackURL=stage.daraja.receiver.url + stage.daraja.path + "/other")
    entry = stage.push_decided()
    told = items(stage)
    [callback] = stage.daraja.callbacks()
    assert callback["Body"]["stkCallback"]["CheckoutRequestID"] == other["checkout_request_id"]
    assert told["MpesaReceiptNumber"] == entry["receipt"]


# Forgeries


def claimed_at(path_of: str) -> Proof:
    """The prompt fails and is told so; besides, a success of it is claimed at another address."""

    def proof(stage: Stage) -> None:
        daraja = stage.daraja
        daraja.control("POST", "speed", FAST)
        other_path = f"{daraja.path}/other"
        stage.pay_other(CallBackURL=daraja.receiver.url + other_path)
        entry = stage.push_decided(code="1032")
        forged, true = stage.told(entry)
        home = daraja.path.removesuffix("/collect")
        path = {"wrong": f"{home}/0000000", "none": home, "other": other_path}[path_of]
        claim = json.loads(daraja.bodies(path)[-1])["Body"]["stkCallback"]
        assert (claim["CheckoutRequestID"], claim["ResultCode"]) == (entry["checkout_request_id"], 0)
        assert (forged["url"], forged["result_code"]) == (daraja.receiver.url + path, "forged")
        assert (entry["status"], true["result_code"], daraja.codes()) == ("failed", "1032", [1032])

    return proof


def forged_body(stage: Stage) -> bytes:
    """The unreadable body at the prompt's own address; the truth comes after it."""
    stage.daraja.control("POST", "speed", FAST)
    forged, true = stage.told(stage.push_decided())
    assert (forged["result_code"], true["result_code"]) == ("unreadable", "0")
    bodies = stage.daraja.bodies()
    [news] = [body for body in bodies if body == true["body"].encode()]
    [odd] = [body for body in bodies if body != news]
    return odd


def cut_body(stage: Stage) -> None:
    body = forged_body(stage)
    assert body.startswith(b'{"Body": ')
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


def deep_body(stage: Stage) -> None:
    assert forged_body(stage) == b"[" * 10_000 + b"]" * 10_000


def large_body(stage: Stage) -> None:
    body = forged_body(stage)
    assert (len(body), json.loads(body)["Body"]["stkCallback"]["ResultCode"]) == (64 * 1024 + 1, 0)


def nul_body(stage: Stage) -> None:
    assert json.loads(forged_body(stage))["Body"]["stkCallback"]["ResultDesc"].startswith("\0The service")


def bad_utf8_body(stage: Stage) -> None:
    with pytest.raises(UnicodeDecodeError):
        forged_body(stage).decode()


def double_keys_body(stage: Stage) -> None:
    pairs = json.loads(forged_body(stage), object_pairs_hook=list)
    assert [name for name, _ in pairs] == ["Body", "Body"]
    codes = [dict(dict(value)["stkCallback"])["ResultCode"] for _, value in pairs]
    assert codes == [1032, 0]


def huge_number_body(stage: Stage) -> None:
    assert json.loads(forged_body(stage))["Body"]["stkCallback"]["ResultCode"] == 10**30 - 1


def endless_number_body(stage: Stage) -> None:
    assert b'"ResultCode": ' + b"9" * 5_000 + b"," in forged_body(stage)


def nan_body(stage: Stage) -> None:
    assert b'"ResultCode": NaN,' in forged_body(stage)


# Both doors


def doors(*, callbacks: int, confirmations: int, first: str) -> Proof:
    """How often each door is told, and which of two due messages comes first."""

    def proof(stage: Stage) -> None:
        stage.merchant.registered(ValidationURL=None).switch(stk_confirmations=True)
        stage.daraja.control("POST", "speed", FAST)
        entry = stage.push_decided()
        told, confirmed = stage.told(entry), stage.merchant.sent(entry["receipt"])
        assert (len(told), len(confirmed)) == (callbacks, confirmations)
        assert (len(stage.daraja.bodies()), len(stage.merchant.confirmations())) == (callbacks, confirmations)
        if first:
            order = sorted([(told[0]["due_at"], "callback"), (confirmed[0]["due_at"], "confirmation")])
            assert order[0][1] == first

    return proof


# Queries


def query_of_paid(stage: Stage) -> tuple[str, httpx.Response]:
    checkout_request_id = stage.push_decided()["checkout_request_id"]
    return checkout_request_id, stage.daraja.query(checkout_request_id)


def query_says(text: str) -> Proof:
    """The first query is answered so, the next one truly."""

    def proof(stage: Stage) -> None:
        checkout_request_id, answer = query_of_paid(stage)
        assert text in answer.text
        assert stage.daraja.query(checkout_request_id).json()["ResultCode"] == "0"

    return proof


def query_ends_the_token(stage: Stage) -> None:
    checkout_request_id, answer = query_of_paid(stage)
    assert answer.status_code == 401
    assert stage.daraja.query(checkout_request_id).status_code == 401
    stage.daraja.token = stage.daraja.fetch_token().json()["access_token"]
    assert stage.daraja.query(checkout_request_id).json()["ResultCode"] == "0"


def query_fails_until_healed(stage: Stage) -> None:
    checkout_request_id, answer = query_of_paid(stage)
    again = [stage.daraja.query(checkout_request_id) for _ in range(5)]
    assert {each.status_code for each in (answer, *again)} == {500}
    stage.daraja.control("POST", f"prompts/{checkout_request_id}/heal")
    assert stage.daraja.query(checkout_request_id).json()["ResultCode"] == "0"


def token_called_invalid(stage: Stage) -> None:
    assert stage.daraja.push(scenario=stage.header).status_code == 401
    assert stage.daraja.push(PhoneNumber=OTHER_PHONE).status_code == 401
    assert wait_for(lambda: stage.summary()["pushes_refused"] == 1 or stage.summary())["prompts"] == 0


PUSH_PROOFS: dict[str, Proof] = {
    "push_400": refused_400,
    "push_busy": refused,
    "push_spike": refused,
    "push_reset": reset,
    "push_hang": hangs,
    "push_500_after": answered_500,
    "push_unlocked": answered_500_unlocked,
    "push_empty": empty,
    "push_html": html,
    "push_cut_json": cut_json,
    "push_wrong_types": wrong_types,
    "push_huge": huge,
    "push_drip": drips,
    "callback_lost": callback_lost,
    "callback_doubled": copies,
    "callback_flood": flood,
    "callback_early": early,
    "callback_reordered": failure_first,
    "callback_contradictory": failure_last,
    "callback_amount": other_amount,
    "callback_receipt": used_receipt,
    "callback_foreign": foreign_id,
    "forged_wrong_token": claimed_at("wrong"),
    "forged_no_token": claimed_at("none"),
    "forged_other_token": claimed_at("other"),
    "forged_cut": cut_body,
    "forged_deep": deep_body,
    "forged_large": large_body,
    "forged_nul": nul_body,
    "forged_bad_utf8": bad_utf8_body,
    "forged_double_keys": double_keys_body,
    "forged_huge_number": huge_number_body,
    "forged_endless_number": endless_number_body,
    "forged_nan": nan_body,
    "doors_both": doors(callbacks=1, confirmations=1, first="callback"),
    "doors_confirm_first": doors(callbacks=1, confirmations=1, first="confirmation"),
    "doors_callback_lost": doors(callbacks=0, confirmations=1, first=""),
    "doors_confirm_lost": doors(callbacks=1, confirmations=0, first=""),
    "query_contradicts": query_says('"ResultCode":"1032"'),
    "query_pending": query_says("The transaction is being processed"),
    "query_unknown": query_says("The transaction does not exist"),
    "query_500": query_says("Internal Server Error"),
    "query_spike": query_says("Spike Arrest"),
    "query_token_expired": query_ends_the_token,
    "query_outage": query_fails_until_healed,
    "token_invalid": token_called_invalid,
}
