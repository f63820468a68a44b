"""The control API over initiator requests: lists, pages, totals, and a book that outlives its process."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from simulator.tests.harness import Daraja, Receiver
from simulator.tests.initiator_client import B2C_V3, BALANCE, REVERSAL, STATUS, InitiatorClient
from simulator.tests.test_restart import start


def test_the_line_of_a_transfer(caller: InitiatorClient) -> None:
    conversation_id = caller.ask_accepted(B2C_V3, Amount=2500)
    caller.wait_all_sent(conversation_id)
    (line,) = caller.transfers()
    fixed = {
        "kind": "b2c",
        "originator_conversation_id": conversation_id,
        "shortcode": "174379",
        "command_id": "BusinessPayment",
        "cents": 250_000,
        "phone": "254708374149",
        "original": "",
        "status": "completed",
        "result_code": "0",
        "result_text": "The service request is processed successfully.",
        "error_code": None,
        "error_message": None,
        "handover": None,
        "result_url": caller.daraja.receiver.url + caller.result_path,
        "timeout_url": caller.daraja.receiver.url + caller.timeout_path,
        "results_sent": 1,
    }
    assert {name: line[name] for name in fixed} == fixed
    assert set(line) - set(fixed) == {"number", "at", "conversation_id", "receipt"}


def test_lists_are_filtered_and_paged(caller: InitiatorClient) -> None:
    paid = caller.pay_in()["receipt"]
    caller.ask(B2C_V3, PartyB="254711111111")
    caller.ask(B2C_V3, Amount=9)
    caller.ask(REVERSAL, TransactionID=paid)
    caller.ask(STATUS, TransactionID=paid)
    caller.ask(BALANCE)
    caller.ask(BALANCE, PartyA="x")

    def kinds(**filters: Any) -> list[str]:
        return [line["kind"] for line in caller.transfers(**filters)]

    assert kinds() == ["b2c", "b2c", "reversal", "status", "balance", "balance"]
    assert kinds(kind="b2c", status="failed") == ["b2c"]
    assert kinds(status="refused") == ["balance"]
    assert kinds(original=paid) == ["reversal", "status"]
    assert kinds(phone="254711111111") == ["b2c"]
    assert kinds(shortcode="600987") == []
    page = caller.daraja.control("GET", "transfers", limit=2)
    assert page["has_more"] is True
    last = caller.daraja.control("GET", "transfers", after=page["transfers"][-1]["number"], limit=4)
    assert ([line["kind"] for line in last["transfers"]], last["has_more"]) == (kinds()[2:], False)


@pytest.mark.parametrize(
    "params", [{"kind": "c2b"}, {"status": "open"}, {"limit": "0"}, {"limit": "x"}, {"after": "x"}]
)
def test_bad_filters(caller: InitiatorClient, params: dict[str, str]) -> None:
    assert caller.daraja.http.get("/control/transfers", params=params).status_code == 400


def test_totals(caller: InitiatorClient) -> None:
    paid = caller.pay_in()["receipt"]
    for changes in ({"Amount": 2500}, {"Amount": 100}, {"Amount": 9}, {"Remarks": ""}):
        caller.ask(B2C_V3, **changes)
    caller.ask(REVERSAL, TransactionID=paid)
    caller.ask(REVERSAL, TransactionID=paid)
    caller.ask(BALANCE)
    expected = {"transfers": 6, "transfers_refused": 1, "paid_out_cents": 260_000, "reversed_cents": 150_000}
    for shortcode in ({}, {"shortcode": "174379"}):
        summary = caller.daraja.control("GET", "book/summary", **shortcode)
        assert {name: summary[name] for name in expected} == expected
    elsewhere = caller.daraja.control("GET", "book/summary", shortcode="600987")
    assert {name: elsewhere[name] for name in expected} == dict.fromkeys(expected, 0)


def test_a_reset_empties_the_book_but_leaves_the_credential(caller: InitiatorClient) -> None:
    caller.ask(B2C_V3)
    caller.daraja.control("POST", "reset")
    assert caller.transfers() == []
    assert caller.result_of(B2C_V3)["ResultCode"] == 0


def test_killed_with_results_due(receiver: Receiver, tmp_path: Path) -> None:
    book = tmp_path / "book.sqlite3"
    process, url = start(book, SIMULATOR_RESULT_SECONDS="1")
    before = InitiatorClient(Daraja(url, receiver))
    told = before.ask_accepted(B2C_V3)
    noticed = before.ask_accepted(B2C_V3, scenario="timeout=notice; b2c=1")
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert before.arrivals() == []

    process, url = start(book)
    try:
        after = InitiatorClient(Daraja(url, receiver))
        assert [len(after.wait_all_sent(each)) for each in (told, noticed)] == [1, 2]
        assert before.wait_result(told)["ResultCode"] == 0
        assert before.wait_result(noticed)["ResultCode"] == 1
        assert before.arrivals().count("timeout") == 1
        assert after.utility() == "997500.00"
        assert after.ask(B2C_V3, OriginatorConversationID=told).status_code == 500
    finally:
        process.terminate()
        process.communicate(timeout=10)
