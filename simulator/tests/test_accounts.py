"""What shortcodes hold: credits, debits that come short, the starting float, and what sets and empties them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator.accounts import CHARGES_PAID, UTILITY, WORKING, balances, credit, debit, set_balance
from simulator.book import Book
from simulator.config import Settings
from simulator.money_in import find_money_in
from simulator.receipts import fresh_receipt
from simulator.tests.c2b_merchant import C2bMerchant
from simulator.tests.harness import Daraja, Receiver, running

START = "1000000.00"


@pytest.fixture
def book() -> Iterator[Book]:
    book = Book("")
    yield book
    book.close()


def held(daraja: Daraja, shortcode: str = "174379") -> dict[str, str]:
    return dict(daraja.control("GET", "balances", shortcode=shortcode)["balances"])


def test_credit_and_debit(book: Book) -> None:
    with book.transaction():
        credit(book, "600111", UTILITY, 1_050)
        assert debit(book, "600111", UTILITY, 50)
    assert balances(book, "600111") == {WORKING: 0, UTILITY: 1_000, CHARGES_PAID: 0}
    assert balances(book, "600112") == {WORKING: 0, UTILITY: 0, CHARGES_PAID: 0}


def test_a_debit_that_comes_short_moves_nothing(book: Book) -> None:
    with book.transaction():
        credit(book, "600111", UTILITY, 100)
        assert not debit(book, "600111", UTILITY, 101)
        assert not debit(book, "600111", WORKING, 1)
        assert debit(book, "600111", UTILITY, 100)
    assert balances(book, "600111")[UTILITY] == 0


def test_charges_count_downwards(book: Book) -> None:
    with book.transaction():
        assert debit(book, "600111", CHARGES_PAID, 1_540)
    assert balances(book, "600111")[CHARGES_PAID] == -1_540


def test_a_rolled_back_transaction_takes_the_money_back(book: Book) -> None:
    with pytest.raises(RuntimeError), book.transaction():
        credit(book, "600111", UTILITY, 100)
        raise RuntimeError
    assert balances(book, "600111")[UTILITY] == 0


@pytest.mark.parametrize(("account", "cents"), [("Float", 1), (UTILITY, -1)])
def test_there_is_no_such_movement(book: Book, account: str, cents: int) -> None:
    with pytest.raises(ValueError, match="below 0"):
        credit(book, "600111", account, cents)
    with pytest.raises(ValueError, match="below 0"):
        debit(book, "600111", account, cents)


def test_a_receipt_is_given_once(book: Book) -> None:
    given = {fresh_receipt(book, 1_796_072_399.0) for _ in range(500)}
    assert len(given) == 500
    assert all(receipt.startswith("UKU") for receipt in given)
    assert find_money_in(book, given.pop()) is None


def test_the_shortcode_of_the_start_has_a_float(daraja: Daraja) -> None:
    assert held(daraja) == {"Working": "0.00", "Utility": START, "Charges Paid": "0.00"}


def test_a_paid_prompt_lands_in_utility(daraja: Daraja) -> None:
    daraja.wait_decided(daraja.push_accepted(Amount=1500))
    daraja.wait_decided(daraja.push_accepted(PhoneNumber="254700000032"))
    assert held(daraja)["Utility"] == "1001500.00"


def test_every_shortcode_has_accounts_of_its_own(daraja: Daraja) -> None:
    daraja.control("POST", "shortcodes", {"shortcode": "600111", "passkey": "simulator-passkey"})
    daraja.wait_decided(daraja.push_accepted(BusinessShortCode="600111", Amount=20))
    assert (held(daraja, "600111")["Utility"], held(daraja)["Utility"]) == ("20.00", START)


@pytest.mark.parametrize(
    ("account", "amount", "shown"),
    [
        ("Utility", "12.50", "12.50"),
        ("Utility Account", 7, "7.00"),
        ("Working", "0", "0.00"),
        ("Charges Paid", "-15.4", "-15.40"),
    ],
)
def test_a_balance_is_set(daraja: Daraja, account: str, amount: Any, shown: str) -> None:
    body = {"shortcode": "174379", "account": account, "amount": amount}
    answer = daraja.control("POST", "balances", body)
    assert answer["balances"][account.removesuffix(" Account")] == shown
    assert answer["balances"] == held(daraja)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"account": "Float"}, 400),
        ({"amount": "1.005"}, 400),
        ({"amount": True}, 400),
        ({"amount": None}, 400),
        ({"shortcode": "999999"}, 404),
    ],
)
def test_a_balance_that_cannot_be(daraja: Daraja, change: dict[str, Any], status: int) -> None:
    body = {"shortcode": "174379", "account": "Utility", "amount": "1"} | change
    assert daraja.http.post("/control/balances", json=body).status_code == status
    assert held(daraja)["Utility"] == START


def test_a_reset_brings_the_float_back(daraja: Daraja) -> None:
    daraja.control("POST", "balances", {"shortcode": "174379", "account": "Utility", "amount": "1"})
    daraja.control("POST", "reset")
    assert held(daraja)["Utility"] == START


def test_balances_and_payments_survive_a_restart(receiver: Receiver, tmp_path: Path) -> None:
    settings = Settings(book=str(tmp_path / "book.sqlite3"), approve_seconds=0)
    with running(settings) as url:
        before = Daraja(url, receiver)
        paid = C2bMerchant(before).pay(amount="10.50")
        before.close()
    book = Book(settings.book)
    set_balance(book, "174379", WORKING, 5)
    money = find_money_in(book, paid["receipt"])
    assert money is not None
    assert (money.cents, money.reference, money.till) == (1_050, "INV-20418", "")
    book.close()
    with running(settings) as url:
        after = Daraja(url, receiver)
        assert held(after) == {"Working": "0.05", "Utility": "1000010.50", "Charges Paid": "0.00"}
        assert [entry["receipt"] for entry in C2bMerchant(after).entries()] == [paid["receipt"]]
        after.close()
