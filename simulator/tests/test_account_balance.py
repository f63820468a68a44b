"""Account balance: the one line of text."""

from __future__ import annotations

from simulator.tests.initiator_client import B2C_V3, BALANCE, InitiatorClient, parameters


def test_the_accounts_in_their_order(caller: InitiatorClient) -> None:
    for account, amount in (("Working", "700000"), ("Utility", "228037.05"), ("Charges Paid", "-1540")):
        caller.daraja.control("POST", "balances", {"shortcode": "174379", "account": account, "amount": amount})
    result = caller.result_of(BALANCE)
    assert (result["ResultType"], result["ResultCode"]) == ("0", "0")
    told = parameters(result)
    assert told["AccountBalance"].split("&") == [
        "Working Account|KES|700000.00|700000.00|0.00|0.00",
        "Float Account|KES|0.00|0.00|0.00|0.00",
        "Utility Account|KES|228037.05|228037.05|0.00|0.00",
        "Charges Paid Account|KES|-1540.00|-1540.00|0.00|0.00",
        "Organization Settlement Account|KES|0.00|0.00|0.00|0.00",
    ]
    assert len(told["BOCompletedTime"]) == 14


def test_it_is_that_of_the_moment_of_asking(caller: InitiatorClient) -> None:
    asked = caller.ask_accepted(BALANCE, scenario="result.delay=3600")
    caller.result_of(B2C_V3, Amount=2500)
    assert caller.wait_all_sent(caller.ask_accepted(BALANCE))
    assert "Utility Account|KES|1000000.00" in caller.booked_results(asked)[0]["body"]
    assert "Utility Account|KES|997500.00" in parameters(caller.result_of(BALANCE))["AccountBalance"]


def test_a_failure_tells_only_its_time(caller: InitiatorClient) -> None:
    result = caller.result_of(BALANCE, Initiator="somebody-else")
    assert (result["ResultCode"], result["ResultDesc"]) == ("2001", "The initiator information is invalid")
    assert result["ResultParameters"]["ResultParameter"]["Key"] == "BOCompletedTime"
