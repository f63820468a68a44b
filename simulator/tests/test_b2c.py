"""B2C: what is paid, what is not and why, and the balance that bears it."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from simulator.identifiers import EAT
from simulator.tests.harness import FORMS
from simulator.tests.initiator_client import B2C_V1, B2C_V3, InitiatorClient, parameters


@pytest.mark.parametrize("path", [B2C_V1, B2C_V3])
def test_a_payment(caller: InitiatorClient, path: str) -> None:
    caller.set_utility("10000.50")
    conversation_id = caller.ask_accepted(path, Amount=2500)
    line = caller.transfer(conversation_id)
    assert caller.utility() == "7500.50"
    assert (line["kind"], line["status"], line["cents"], line["phone"]) == ("b2c", "completed", 250_000, "254708374149")
    assert re.fullmatch(FORMS["MpesaReceiptNumber"], line["receipt"])
    result = caller.wait_result(conversation_id)
    told = parameters(result)
    assert (result["ResultType"], result["ResultCode"]) == (0, 0)
    assert result["TransactionID"] == told["TransactionReceipt"] == line["receipt"]
    assert told["TransactionAmount"] == 2500
    assert told["ReceiverPartyPublicName"] == "254708374149 - AMINA WAIRIMU OTIENO"
    assert told["B2CUtilityAccountAvailableFunds"] == 7500.5
    assert told["B2CRecipientIsRegisteredCustomer"] == "Y"
    completed = datetime.strptime(told["TransactionCompletedDateTime"], "%d.%m.%Y %H:%M:%S").replace(tzinfo=EAT)
    assert completed == datetime.fromisoformat(line["at"]).replace(microsecond=0)


def test_funds_are_told_with_two_decimals(caller: InitiatorClient) -> None:
    caller.set_utility("10000.50")
    (message,) = caller.wait_all_sent(caller.ask_accepted(B2C_V3))
    assert '"B2CUtilityAccountAvailableFunds", "Value": 7500.50}' in message["body"]


@pytest.mark.parametrize(
    ("amount", "phone", "code", "text"),
    [
        (9, "254708374149", 2, "Declined due to limit rule: less than the minimum transaction amount."),
        (250_001, "254708374149", 3, "Declined due to limit rule: greater than the maximum transaction amount."),
        (
            100,
            "254700002040",
            2040,
            "Credit Party customer type (Unregistered or Registered Customer) can't be supported by the service.",
        ),
    ],
)
def test_a_refusal_comes_as_a_result(caller: InitiatorClient, amount: int, phone: str, code: int, text: str) -> None:
    held = caller.utility()
    conversation_id = caller.ask_accepted(B2C_V3, Amount=amount, PartyB=phone)
    result = caller.wait_result(conversation_id)
    assert (result["ResultCode"], result["ResultDesc"]) == (code, text)
    assert "ResultParameters" not in result
    assert re.fullmatch(r"[A-Z]{2}[1-9A-V]0000000", result["TransactionID"])
    line = caller.transfer(conversation_id)
    assert (line["status"], line["result_code"], line["receipt"]) == ("failed", str(code), None)
    assert caller.utility() == held


@pytest.mark.parametrize("amount", [10, 250_000])
def test_the_limits_themselves_are_paid(caller: InitiatorClient, amount: int) -> None:
    assert caller.result_of(B2C_V3, Amount=amount)["ResultCode"] == 0


def test_a_short_utility_account(caller: InitiatorClient) -> None:
    caller.set_utility("99.99")
    caller.daraja.control("POST", "balances", {"shortcode": "174379", "account": "Working", "amount": "5000"})
    result = caller.result_of(B2C_V3, Amount=100)
    assert (result["ResultCode"], result["ResultDesc"]) == (1, "The balance is insufficient for the transaction.")
    assert caller.utility() == "99.99"
    caller.set_utility("100")
    assert caller.result_of(B2C_V3, Amount=100)["ResultCode"] == 0
    assert caller.utility() == "0.00"


def test_nobody_else_is_credited(caller: InitiatorClient) -> None:
    caller.result_of(B2C_V3)
    held = caller.daraja.control("GET", "balances")["balances"]
    assert held == {"Working": "0.00", "Utility": "997500.00", "Charges Paid": "0.00"}


def test_the_header_sets_the_code(caller: InitiatorClient) -> None:
    result = caller.result_of(B2C_V3, scenario="b2c=2028")
    assert result["ResultCode"] == 2028
    assert caller.result_of(B2C_V3, scenario="b2c=SFC_IC0003")["ResultCode"] == "SFC_IC0003"
    assert caller.result_of(B2C_V3, scenario="reversal=11")["ResultCode"] == 0
    assert caller.result_of(B2C_V3, scenario="b2c=0", PartyB="254700002040")["ResultCode"] == 0
    assert caller.result_of(B2C_V3, scenario="b2c=0", Amount=9)["ResultCode"] == 2
    assert caller.utility() == "995000.00"


def test_a_thousand_shillings_are_paid_ten_times_from_ten_thousand(caller: InitiatorClient) -> None:
    caller.set_utility("10000")
    codes = [caller.transfer(caller.ask_accepted(B2C_V3, Amount=1000))["result_code"] for _ in range(12)]
    assert codes == ["0"] * 10 + ["1"] * 2
    assert caller.daraja.control("GET", "book/summary")["paid_out_cents"] == 1_000_000


def at_once(caller: InitiatorClient, count: int, **changes: object) -> list[int]:
    """The statuses of equal requests sent together."""
    with ThreadPoolExecutor(count) as pool:
        asked = [pool.submit(caller.ask, B2C_V3, **changes) for _ in range(count)]
        return sorted(each.result().status_code for each in asked)


def test_one_id_sent_many_times_at_once_pays_once(caller: InitiatorClient) -> None:
    assert at_once(caller, 12, OriginatorConversationID="PO-1") == [200] + [500] * 11
    assert caller.utility() == "997500.00"
    caller.wait_all_sent("PO-1")
    assert len(caller.results("PO-1")) == 1


def test_the_account_is_never_overdrawn(caller: InitiatorClient) -> None:
    caller.set_utility("3500")
    assert at_once(caller, 12, Amount=1000) == [200] * 12
    codes = sorted(line["result_code"] for line in caller.transfers())
    assert codes == ["0"] * 3 + ["1"] * 9
    assert caller.utility() == "500.00"
