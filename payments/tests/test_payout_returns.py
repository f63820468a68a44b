"""Payouts that come back: whole, in part, twice, and what does not fit; and what the provider takes for sending."""

from typing import Any

from django.test import override_settings

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.money import Money
from payments.models import MoneyOp, ProviderEvent
from payments.services.out_sending import send_out
from payments.services.payout_returns import (
    ANOTHER_AMOUNT,
    ANOTHERS,
    BOOKED,
    KNOWN,
    NOT_CONFIRMED,
    ReturnedPayout,
    return_payout,
)
from payments.services.payout_start import start_payouts
from payments.tests.payout_base import DONE, HELD, MINOR, CommittingSentPayoutTestCase, part_of
from settlements.models import Payout
from settlements.tests.base import balance
from webhooks.models import Event

BACK = {("provider_float", "D"): MINOR, ("available", "C"): MINOR}


def came_back(op: MoneyOp, *, receipt: str | None = "UKR0000001", **more: Any) -> str:
    """A line of the statement that undoes this try."""
    facts = {"amount": Money(op.amount, op.currency), "occurred_at": now(), "source": "statement"} | more
    return return_payout(ReturnedPayout(op_id=op.id, receipt=receipt, told={"line": 7}, **facts))


class CameBack(CommittingSentPayoutTestCase):
    def paid(self, **fields: Any) -> Payout:
        payout = self.sent_payout(**fields)
        self.bring_payout(payout)
        return self.assert_payout(payout, "completed")

    def test_whole(self) -> None:
        payout = self.paid()
        self.assertEqual(came_back(part_of(payout)), BOOKED)
        found = self.assert_payout(payout, "returned", paid=MINOR, given_back=MINOR, released=0)
        self.assert_posted(payout, hold=HELD, done=DONE, **{"return": BACK})
        self.assert_told(payout, "created", "completed", "returned")
        self.assert_balances(available=10_000_00, payout_hold=0)
        evidence = ProviderEvent.objects.get(id=found.evidence_id)
        self.assertEqual((evidence.door, evidence.status), ("statement", "applied"))
        self.assertEqual(part_of(payout).return_evidence_id, evidence.id)
        self.assert_clean()

    def test_found_twice_it_is_booked_once(self) -> None:
        payout = self.paid()
        op = part_of(payout)
        self.assertEqual([came_back(op), came_back(op), came_back(op, source="bank")], [BOOKED, KNOWN, KNOWN])
        self.assert_posted(payout, hold=HELD, done=DONE, **{"return": BACK})
        self.assert_told(payout, "created", "completed", "returned")

    def test_what_does_not_fit_is_for_a_person(self) -> None:
        payout, other, fresh = self.paid(), self.paid(), self.sent_payout()
        op = part_of(payout)
        for verdict, found in (
            (NOT_CONFIRMED, came_back(part_of(fresh))),
            (ANOTHER_AMOUNT, came_back(op, amount=Money(MINOR - 1))),
            (ANOTHER_AMOUNT, came_back(op, amount=Money(MINOR, "USD"))),
            (ANOTHERS, came_back(op, receipt=part_of(other).receipt)),
        ):
            self.assertEqual(found, verdict)
        for each, status in ((payout, "completed"), (other, "completed"), (fresh, "pending")):
            self.assert_payout(each, status, given_back=0)
        self.assertFalse(ProviderEvent.objects.filter(door="statement").exists())
        self.assertFalse(Event.objects.filter(type="payout.returned").exists())
        self.assert_clean()

    def test_asked_for_again(self) -> None:
        payout = self.paid()
        came_back(part_of(payout))
        answer = self.decide(payout, "retry", self.headers)
        self.assertEqual((answer.status_code, answer.json()["amount"]), (201, "100.00"))
        self.assert_balances(available=9_900_00, payout_hold=MINOR)


@override_settings(PAYOUT_PART_LIMIT=60_00, PAYOUT_FEE=5_00)
class PartsCameBack(CommittingSentPayoutTestCase):
    """KES 150 in three parts of 50; the fee stays earned."""

    def returned(self, payout: Payout, *parts: int) -> None:
        for part in parts:
            self.assertEqual(came_back(part_of(payout, part), receipt=f"UKR000000{part}"), BOOKED)

    def test_one_of_three_and_then_the_rest(self) -> None:
        payout = self.sent_payout(amount=150)
        self.bring_payout(payout)
        self.returned(payout, 2)
        self.assert_payout(payout, "completed", paid=150_00, given_back=50_00)
        self.assert_balances(available=9_895_00, payout_hold=0)
        self.assert_told(payout, "created", "completed", "returned")
        self.assert_clean()
        body = self.get(f"payouts/?reference={payout.reference}", self.headers).json()["data"][0]
        self.assertEqual((body["status"], body["amount_returned"]), ("completed", "50.00"))
        self.assert_problem(self.decide(payout, "retry", self.headers), 409, "state_conflict")
        self.returned(payout, 1, 3)
        self.assert_payout(payout, "returned", paid=150_00, given_back=150_00)
        self.assert_balances(available=9_995_00, payout_hold=0)
        told = Event.objects.filter(type="payout.returned").order_by("id").values_list("key", flat=True)
        self.assertEqual([key.removeprefix(f"payout.returned:{payout.id}") for key in told], ["", ":2", ":3"])
        back = {("provider_float", "D"): 50_00, ("available", "C"): 50_00}
        done = {("payout_hold", "D"): 50_00, ("provider_float", "C"): 50_00}
        hold = {("available", "D"): 155_00, ("payout_hold", "C"): 150_00, ("fee_income", "C"): 5_00}
        self.assert_posted(
            payout,
            hold=hold,
            done=done,
            done_2=done,
            done_3=done,
            **{"return": back, "return_2": back, "return_3": back},
        )
        self.assert_clean()

    def test_one_while_another_is_still_out(self) -> None:
        payout = self.sent_payout(amount=150)
        self.bring_payout(payout, part=1)
        self.returned(payout, 1)
        self.assert_payout(payout, "pending", paid=50_00, given_back=50_00)
        self.assert_balances(available=9_895_00, payout_hold=100_00)
        self.bring_payout(payout, part=2)
        self.bring_payout(payout, part=3)
        self.assert_payout(payout, "completed", paid=150_00, given_back=50_00)
        self.assert_clean()

    def test_one_of_a_payout_that_failed_in_part(self) -> None:
        """Failed stays failed; asked for again is what did not leave and what came back."""
        payout = self.to_phone(amount=100)
        start_payouts()
        self.float_of("50")
        self.assertEqual(send_out(), 2)
        self.bring_payout(payout)
        self.long_after(payout, days=8)
        send_out()
        self.bring_payout(payout, part=2)
        self.assert_payout(payout, "failed", paid=50_00, released=50_00)
        self.returned(payout, 1)
        self.assert_payout(payout, "failed", paid=50_00, released=50_00, given_back=50_00)
        self.assert_told(payout, "created", "failed", "returned")
        self.assert_balances(available=9_995_00, payout_hold=0)
        answer = self.decide(payout, "retry", self.headers)
        self.assertEqual(answer.json()["amount"], "100.00", answer.content)
        self.assert_clean()


class Charges(CommittingSentPayoutTestCase):
    """What M-Pesa takes for sending is our cost, once."""

    CHARGE = {("provider_cost", "D"): 33_00, ("provider_float", "C"): 33_00}

    def test_told_with_the_result(self) -> None:
        payout = self.sent_payout()
        for code, charge in ((0, "33.00"), ("00", "35.00")):
            self.tell_of(part_of(payout), code=code, TransactionAmount=100, Charge=charge, receipt="UKL4444441")
        self.assert_posted(payout, hold=HELD, done=DONE, charge=self.CHARGE)
        self.assertEqual(balance("provider_cost"), 33_00)
        self.assert_told(payout, "created", "completed")
        self.assert_clean()

    def test_not_told_the_statement_will(self) -> None:
        payout = self.sent_payout()
        self.tell_of(part_of(payout), TransactionAmount=100, Charge="0.00", receipt="UKL4444442")
        self.assert_posted(payout, hold=HELD, done=DONE)
        self.assertEqual(balance("provider_cost"), 0)

    def test_each_part_has_its_own(self) -> None:
        with override_settings(PAYOUT_PART_LIMIT=50_00):
            payout = self.sent_payout(amount=100)
        for part, charge in ((1, "15.00"), (2, "18.00")):
            receipt = f"UKL444445{part}"
            self.tell_of(part_of(payout, part), TransactionAmount=50, Charge=charge, receipt=receipt)
        self.assertEqual(balance("provider_cost"), 33_00)
        self.assert_payout(payout, "completed", paid=MINOR)
        self.assert_clean()
