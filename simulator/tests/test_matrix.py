"""The fault matrix: the table, the choice by header and by regime, and every variant played."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulator.faults import ALL_KINDS, KINDS, SPECIAL, InvalidRegime, Regime, Wish
from simulator.matrix import LINES, describe_matrix, expand_regime, kinds_of, make_wish
from simulator.scenarios import C2B_CALLS, PUSH_CALLS, parse_scenario, parse_wish
from simulator.tests.c2b_merchant import C2bMerchant
from simulator.tests.harness import Daraja
from simulator.tests.initiator_client import B2C_V3, REVERSAL, InitiatorClient
from simulator.tests.matrix_money_proofs import MONEY_PROOFS
from simulator.tests.matrix_push_proofs import PUSH_PROOFS
from simulator.tests.matrix_stage import Stage

PROOFS = PUSH_PROOFS | MONEY_PROOFS
VARIANTS = [f"{line_id}.{kind}" for line_id, line in LINES.items() for kind in line.kinds]


# The table


def test_every_line_is_in_the_table() -> None:
    assert list(LINES) == [f"F{number:02}" for number in range(1, 20)]
    assert [line_id for line_id, line in LINES.items() if not line.kinds] == ["F02"]
    assert "played by the caller" in LINES["F02"].meaning


def test_every_variant_is_a_fault_with_a_proof() -> None:
    played = {kind for line in LINES.values() for kind in line.kinds}
    assert played <= ALL_KINDS
    assert played == set(PROOFS)
    assert played >= SPECIAL


def test_the_control_api_shows_the_table(daraja: Daraja) -> None:
    shown = daraja.control("GET", "matrix")["matrix"]
    assert shown == describe_matrix()
    assert [variant["name"] for line in shown for variant in line["variants"]] == VARIANTS
    calls = [call for line in shown for variant in line["variants"] for call in variant["calls"]]
    assert set(calls) == set(KINDS)


def test_the_readme_tells_the_table() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    for line_id, line in LINES.items():
        variants = " ".join(f"`{kind}`" for kind in line.kinds) or "-"
        assert f"| {line_id} | {line.where} | {line.meaning} | {variants} |\n" in readme


# Every variant


@pytest.mark.parametrize("name", VARIANTS)
def test_variant(name: str, daraja: Daraja, merchant: C2bMerchant, caller: InitiatorClient) -> None:
    kind = name.partition(".")[2]
    PROOFS[kind](Stage(name=name, daraja=daraja, merchant=merchant, caller=caller))
    assert list(daraja.control("GET", "faults")["counts"]) == [kind]


# By header


@pytest.mark.parametrize("line_id", sorted(LINES.keys() - {"F02"}))
def test_the_seed_picks_the_variant(line_id: str) -> None:
    calls = tuple(call for call in KINDS)
    picked = [make_wish(line_id, seed=seed, calls=calls).kind for seed in range(300)]
    assert picked == [make_wish(line_id, seed=seed, calls=calls).kind for seed in range(300)]
    assert set(picked) == set(kinds_of(line_id))
    assert make_wish(line_id, seed=None, calls=calls).kind == kinds_of(line_id)[0]


@pytest.mark.parametrize("name", [None, "F02", "F17", "F18", "F19"])
def test_what_a_push_cannot_play_leaves_the_seed_alone(name: str | None) -> None:
    wish = make_wish(name, seed=7, calls=PUSH_CALLS)
    assert wish == Wish(seed=7)


@pytest.mark.parametrize("text", ["F99", "F03.push_fire", "F05.push_html", "F03.", "push_html", ""])
def test_names_outside_the_table(text: str) -> None:
    scenario = parse_scenario(f"fault={text}; stk=1")
    assert (scenario.wish, scenario.result_code) == (Wish(), "1")


def test_a_header_with_nothing_but_a_fault() -> None:
    assert parse_wish("fault=f17.payer_cents; seed=4; stk=1", calls=C2B_CALLS) == Wish(
        seed=4, call="payer", kind="payer_cents"
    )
    assert parse_wish(None, calls=C2B_CALLS) == Wish()
    assert parse_wish("fault=F03", calls=C2B_CALLS) == Wish()


def test_the_same_header_plays_the_same_fault(daraja: Daraja) -> None:
    told = []
    for number in range(3):
        pushed = daraja.push_accepted(
            scenario="fault=F06.callback_flood; seed=11",
            PhoneNumber=f"25471000000{number}",
            AccountReference=f"INV-{number}",
        )
        told.append(len(daraja.wait_all_sent(pushed)))
    assert told[0] > 1
    assert len(set(told)) == 1


def test_a_line_picked_by_seed_is_played(daraja: Daraja) -> None:
    seed = next(seed for seed in range(100) if make_wish("F03", seed=seed, calls=PUSH_CALLS).kind == "push_html")
    assert daraja.push(scenario=f"fault=F03; seed={seed}").text.startswith("<!DOCTYPE html>")


def test_the_header_wins_over_test_phones(daraja: Daraja) -> None:
    daraja.push_accepted(scenario="fault=F06.callback_doubled", PhoneNumber="254700000040")
    assert len(daraja.wait_callbacks(2)) >= 2
    assert daraja.push(scenario="fault=F03.push_html", PhoneNumber="254700000046").status_code != 500


def test_a_fault_that_needs_a_payment_is_not_played_without(daraja: Daraja) -> None:
    daraja.wait_all_sent(daraja.push_accepted(scenario="fault=F08; stk=1032"))
    assert (daraja.codes(), daraja.control("GET", "faults")["counts"]) == ([1032], {})


def test_a_forger_with_nobody_to_borrow_from(daraja: Daraja) -> None:
    daraja.wait_all_sent(daraja.push_accepted(scenario="fault=F11"))
    daraja.wait_all_sent(daraja.push_accepted(scenario="fault=F11", AccountReference="INV-2"))
    assert daraja.codes() == [0, 0]


def test_duplicate_ids_need_an_id(caller: InitiatorClient) -> None:
    paid = caller.pay_in()["receipt"]
    assert caller.ask(REVERSAL, scenario="fault=F18.send_duplicate", TransactionID=paid).status_code == 200
    assert caller.ask(B2C_V3, scenario="fault=F18.send_duplicate").status_code == 500


def test_nothing_is_given_back_by_hand_that_cannot_be(caller: InitiatorClient) -> None:
    before = caller.utility()
    result = caller.result_of(REVERSAL, scenario="fault=F19.reversal_already", TransactionID="UKE7Q2M9XB")
    assert (result["ResultCode"], caller.utility()) == ("R000002", before)
    assert len(caller.transfers(kind="reversal")) == 1


def test_a_till_has_no_account_to_mistype(merchant: C2bMerchant) -> None:
    merchant.registered(ValidationURL=None)
    told = merchant.pay(scenario="fault=F17.payer_unknown_account", till="600111", bill_ref=None)
    [entry] = merchant.entries()
    assert (entry["receipt"], entry["till"], entry["bill_ref"]) == (told["receipt"], "600111", "")


# By regime


def test_a_regime_names_lines() -> None:
    body = expand_regime({"seed": 7, "rate": 0.3, "kinds": ["token_500"], "matrix": ["F04", "f03.push_html"]})
    assert Regime.from_json(body).kinds == {"token_500", "push_unlocked", "push_html"}
    assert expand_regime({"seed": 7, "rate": 0.3}) == {"seed": 7, "rate": 0.3}


@pytest.mark.parametrize("more", [{"matrix": "F05"}, {"matrix": [5]}, {"matrix": ["F99"]}, {"matrix": ["F02"]}])
def test_bad_lines_are_refused(daraja: Daraja, more: dict[str, Any]) -> None:
    body = {"seed": 1, "rate": 1, **more}
    with pytest.raises(InvalidRegime):
        expand_regime(body)
    assert daraja.http.post("/control/faults", json=body).status_code == 400
    assert daraja.http.post("/control/faults", json={**body, "kinds": "push_busy"}).status_code == 400
    assert daraja.control("GET", "faults")["regime"] is None


def test_a_regime_of_lines_plays_and_replays(daraja: Daraja) -> None:
    lines = ["F01", "F05", "F06.callback_doubled", "F09.callback_amount", "F10", "F15"]

    def play(seed: int) -> dict[str, int]:
        daraja.control("POST", "reset")
        daraja.control("POST", "faults", {"seed": seed, "rate": 0.7, "matrix": lines})
        for number in range(60):
            daraja.push(PhoneNumber=f"2547100000{number:02}", AccountReference=f"INV-{number}")
        return dict(daraja.control("GET", "faults")["counts"])

    first = play(7)
    assert set(first) == {
        *("push_400", "push_busy", "push_spike", "callback_lost", "callback_doubled", "callback_amount"),
        *("forged_wrong_token", "forged_no_token", "query_outage"),
    }
    assert play(7) == first
    assert play(8) != first


def test_the_end_of_a_regime_heals_its_outages(daraja: Daraja) -> None:
    daraja.control("POST", "faults", {"seed": 7, "rate": 1, "matrix": ["F15"]})
    checkout_request_id = daraja.push_accepted()
    daraja.wait_decided(checkout_request_id)
    assert [daraja.query(checkout_request_id).status_code for _ in range(3)] == [500] * 3
    daraja.control("DELETE", "faults")
    assert daraja.query(checkout_request_id).json()["ResultCode"] == "0"


def test_an_open_prompt_can_be_healed(slow: Daraja) -> None:
    checkout_request_id = slow.push_accepted(scenario="fault=F15")
    assert "Internal Server Error" in slow.query(checkout_request_id).text
    slow.control("POST", f"prompts/{checkout_request_id}/heal")
    assert "being processed" in slow.query(checkout_request_id).text
