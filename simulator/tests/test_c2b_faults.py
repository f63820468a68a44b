"""C2B going wrong: drawn faults, and a reset or restart in the middle of a validation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simulator.c2b_book import INTERRUPTED
from simulator.config import Settings
from simulator.tests.c2b_merchant import ACCEPT, C2bMerchant
from simulator.tests.harness import Daraja, Receiver, running, wait_for


def only(merchant: C2bMerchant, *kinds: str, **more: Any) -> None:
    merchant.daraja.control("POST", "faults", {"seed": 7, "rate": 1, "kinds": list(kinds), **more})


def counts(merchant: C2bMerchant) -> dict[str, int]:
    return dict(merchant.daraja.control("GET", "faults")["counts"])


def test_confirm_lost(merchant: C2bMerchant) -> None:
    merchant.registered().answer(ACCEPT)
    only(merchant, "confirm_lost")
    told = merchant.pay()
    assert told["accepted"]
    assert (merchant.sent(told["receipt"]), merchant.confirmations()) == ([], [])
    assert (merchant.pulled(), merchant.utility()) == ([told["receipt"]], "1000750.00")
    assert counts(merchant) == {"confirm_lost": 1}


def test_confirm_doubled(merchant: C2bMerchant) -> None:
    merchant.registered().answer(ACCEPT)
    only(merchant, "confirm_doubled")
    told = merchant.pay()
    sent = merchant.sent(told["receipt"])
    assert 2 <= len(sent) <= 5
    assert {body["TransID"] for body in merchant.confirmations()} == {told["receipt"]}
    assert merchant.utility() == "1000750.00"


def test_confirm_late(merchant: C2bMerchant) -> None:
    merchant.registered().answer(ACCEPT)
    only(merchant, "confirm_late", late_seconds=3600)
    told = merchant.pay()
    [line] = merchant.daraja.control("GET", "callbacks", checkout_request_id=told["receipt"])["callbacks"]
    assert (line["sent_at"], merchant.confirmations()) == (None, [])
    merchant.daraja.control("POST", "speed", {"speed": 100_000})
    assert [body["TransID"] for body in merchant.wait_confirmations()] == [told["receipt"]]


def test_validation_skipped(merchant: C2bMerchant) -> None:
    merchant.registered().answer({"ResultCode": "C2B00012"})
    only(merchant, "validation_skipped")
    told = merchant.pay()
    assert [body["TransID"] for body in merchant.wait_confirmations()] == [told["receipt"]]
    assert merchant.validations() == []


def test_validation_overruled(merchant: C2bMerchant) -> None:
    merchant.registered().answer({"ResultCode": "C2B00012"})
    only(merchant, "validation_overruled")
    told = merchant.pay()
    assert [body["TransID"] for body in merchant.wait_confirmations()] == [told["receipt"]]
    assert [body["TransID"] for body in merchant.validations()] == [told["receipt"]]


def test_the_same_seed_spoils_the_same_payments(merchant: C2bMerchant) -> None:
    merchant.registered().answer(ACCEPT)

    def run() -> list[str]:
        merchant.daraja.control("POST", "reset")
        kinds = ["confirm_lost", "validation_skipped"]
        merchant.daraja.control("POST", "faults", {"seed": 11, "rate": 0.5, "kinds": kinds})
        for number in range(12):
            merchant.pay(bill_ref=f"INV-{number}")
        rows = merchant.entries()
        return [row["bill_ref"] for row in rows if merchant.sent(row["trans_id"])]

    first = run()
    assert 0 < len(first) < 12
    assert run() == first


def test_a_reset_during_validation_leaves_nothing(merchant: C2bMerchant) -> None:
    merchant.registered().answer(ACCEPT, seconds=0.4)
    merchant.simulate()
    wait_for(merchant.validations)
    merchant.daraja.control("POST", "reset")
    told = merchant.pay()
    assert told["accepted"]
    assert [entry["receipt"] for entry in merchant.entries()] == [told["receipt"]]
    assert merchant.utility() == "1000750.00"


def test_a_restart_during_validation_refuses(receiver: Receiver, tmp_path: Path) -> None:
    settings = Settings(book=str(tmp_path / "book.sqlite3"))
    with running(settings) as url:
        before = C2bMerchant(Daraja(url, receiver)).registered()
        before.answer(ACCEPT, seconds=3)
        before.simulate()
        wait_for(before.validations)
    with running(settings) as url:
        after = C2bMerchant(Daraja(url, receiver))
        after.assert_nothing_moved(refusal=INTERRUPTED)
        assert before.confirmations() == []


def test_a_confirmation_still_due_survives_a_restart(receiver: Receiver, tmp_path: Path) -> None:
    settings = Settings(book=str(tmp_path / "book.sqlite3"))
    with running(settings) as url:
        before = C2bMerchant(Daraja(url, receiver)).registered(ValidationURL=None)
        only(before, "confirm_late", late_seconds=1)
        told = before.pay()
    with running(settings):
        assert [body["TransID"] for body in before.wait_confirmations()] == [told["receipt"]]
