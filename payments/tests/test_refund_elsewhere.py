"""Reversals made past us: booked once, owed where the balance lacks it, and never beside one of ours."""

from typing import Any

from merchants.models import Merchant
from merchants.tests.threads import at_once
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.money import Money
from payments.models import MoneyOp, Payment, Refund
from payments.services.out_sending import send_out
from payments.services.refund_elsewhere import (
    ANOTHERS,
    ASKED,
    BOOKED,
    KNOWN,
    NOT_PAID,
    TOO_MUCH,
    OutsideReversal,
    book_outside_reversal,
)
from payments.tests.base import events_of
from payments.tests.refund_base import CommittingRefundTestCase, balance, steps_of
from settlements.chart import Leg
from settlements.tests.base import post

HOLD = {("pending", "D"): 100_00, ("refund_hold", "C"): 100_00}
DONE = {("refund_hold", "D"): 100_00, ("provider_float", "C"): 100_00}


class OutsideReversals(CommittingRefundTestCase):
    def found(self, payment: Payment, *, minor: int = 100_00, receipt: str | None = "UKLREVERSE") -> OutsideReversal:
        return OutsideReversal(
            payment_id=payment.id,
            amount=Money(minor),
            receipt=receipt,
            occurred_at=now(),
            source="statement",
            told={"line": 7},
        )

    def book_it(self, payment: Payment, **fields: Any) -> str:
        return book_outside_reversal(self.found(payment, **fields))

    def external(self, payment: Payment) -> Refund:
        return Refund.objects.select_related("payment").get(payment=payment, route="external")

    def test_booked(self) -> None:
        payment = self.paid()
        self.assertEqual(self.book_it(payment), BOOKED)
        refund = self.external(payment)
        self.assert_refund(
            refund, "completed", receipt="UKLREVERSE", requested_by="provider", pending_reason=None, amount=100_00
        )
        self.assertEqual(steps_of(refund), [("requires_approval", "pending"), ("pending", "completed")])
        self.assert_posted(refund, hold=HOLD, done=DONE)
        self.assert_ops(refund, ("external", "succeeded"))
        self.assert_told(refund, "completed")
        self.assert_counters(payment, refunded=100_00)
        self.assert_state(payment, "completed")
        self.assertEqual(events_of(payment).count("payment.reversed"), 1)
        self.assertEqual(send_out(), 0)
        self.assert_clean()

    def test_once_for_each_receipt(self) -> None:
        payment = self.paid()
        self.assertEqual([self.book_it(payment) for _ in range(3)], [BOOKED, KNOWN, KNOWN])
        self.assert_told(self.external(payment), "completed")
        self.assertEqual(events_of(payment).count("payment.reversed"), 1)
        self.assert_clean()

    def test_once_of_many_at_once(self) -> None:
        payment = self.paid()
        verdicts = at_once(8, lambda number: self.book_it(payment))
        self.assertEqual(sorted(verdicts), [BOOKED] + [KNOWN] * 7)
        self.assert_counters(payment, refunded=100_00)
        self.assert_clean()

    def test_what_the_balance_lacks_is_owed(self) -> None:
        payment = self.paid()
        moved = [Leg(kind="pending", side="D", amount=70_00), Leg(kind="capital", side="C", amount=70_00)]
        post(self.merchant, moved)
        self.assertEqual(self.book_it(payment), BOOKED)
        held = {("pending", "D"): 30_00, ("owed", "D"): 70_00, ("refund_hold", "C"): 100_00}
        self.assert_posted(self.external(payment), hold=held, done=DONE)
        self.assertEqual((balance("pending"), balance("owed"), balance("refund_hold")), (0, 70_00, 0))
        self.assert_clean()

    def test_parts_are_told_of_one_by_one(self) -> None:
        payment = self.paid()
        for receipt in ("UKLREVERS1", "UKLREVERS2"):
            self.assertEqual(self.book_it(payment, minor=40_00, receipt=receipt), BOOKED)
        self.assert_counters(payment, refunded=80_00)
        self.assertEqual(events_of(payment).count("payment.reversed"), 2)
        self.assertEqual(self.book_it(payment, minor=40_00, receipt="UKLREVERS3"), TOO_MUCH)
        self.assert_counters(payment, refunded=80_00)
        self.assert_clean()

    def test_the_receipt_may_come_later(self) -> None:
        payment = self.paid()
        self.assertEqual(self.book_it(payment, receipt=None), BOOKED)
        self.assertEqual(self.book_it(payment, receipt=None), KNOWN)
        self.assertEqual(self.book_it(payment), KNOWN)
        self.assert_refund(self.external(payment), "completed", receipt="UKLREVERSE")
        self.assert_counters(payment, refunded=100_00)
        self.assert_clean()

    def test_one_of_ours_is_known(self) -> None:
        payment = self.paid()
        refund = self.sent(payment)
        self.bring_results(refund)
        done = self.assert_completed(refund, minor=100_00)
        self.assertEqual(self.book_it(payment, receipt=done.receipt), KNOWN)
        self.assertEqual(self.book_it(payment, receipt=None), KNOWN)
        self.assertNotIn("payment.reversed", events_of(payment))
        self.assertEqual(self.book_it(payment, receipt="UKLANOTHER"), TOO_MUCH)
        self.assert_completed(refund, minor=100_00)

    def test_one_of_ours_that_may_be_out_is_asked_about(self) -> None:
        self.faults("send_reset", "result_lost")
        payment = self.paid()
        refund = self.sent(payment)
        self.calm()
        self.assertEqual(self.book_it(payment), ASKED)
        self.assertFalse(Refund.objects.filter(route="external").exists())
        self.assertLessEqual(MoneyOp.objects.get(refund=refund).next_check, now())
        self.ask_provider()
        self.assert_completed(refund, minor=100_00, receipt=None)
        self.assertEqual(self.book_it(payment), KNOWN)
        self.assert_refund(refund, "completed", receipt="UKLREVERSE")
        self.assert_clean()

    def test_one_of_ours_that_has_not_left_stays_here(self) -> None:
        payment = self.paid()
        refund = self.refund(payment)
        self.assertEqual(self.book_it(payment), BOOKED)
        self.assert_refund(refund, "completed", route="external", receipt="UKLREVERSE")
        self.assert_ops(refund, ("reversal", "cancelled"), ("external", "succeeded"))
        self.assert_told(refund, "created", "completed")
        self.assertEqual((send_out(), self.book()), (0, []))
        self.assert_counters(payment, refunded=100_00)
        self.assertEqual(events_of(payment).count("payment.reversed"), 1)
        self.assert_clean()

    def test_one_that_waits_for_a_second_person_is_called_off(self) -> None:
        Merchant.objects.filter(id=self.merchant.id).update(refund_approval_above=0)
        payment = self.paid()
        waiting = self.refund(payment, amount="60.00")
        self.assertEqual(self.book_it(payment), BOOKED)
        self.assert_refund(waiting, "cancelled")
        self.assert_told(waiting, "requires_approval", "cancelled")
        self.assert_refund(self.external(payment), "completed")
        self.assert_counters(payment, refunded=100_00)
        self.assert_clean()

    def test_one_that_leaves_room_goes_on_waiting(self) -> None:
        Merchant.objects.filter(id=self.merchant.id).update(refund_approval_above=0)
        payment = self.paid()
        waiting = self.refund(payment, amount="60.00")
        self.assertEqual(self.book_it(payment, minor=40_00), BOOKED)
        self.assert_refund(waiting, "requires_approval")
        self.assert_counters(payment, held=60_00, refunded=40_00)
        self.assert_clean()

    def test_more_than_is_left_is_for_a_person(self) -> None:
        payment = self.paid()
        out = self.sent(payment, amount="30.00")
        waiting = self.refund(payment, amount="20.00")
        self.assertEqual(self.book_it(payment), TOO_MUCH)
        self.assertFalse(Refund.objects.filter(route="external").exists())
        self.assertNotIn("payment.reversed", events_of(payment))
        self.assert_refund(out, "pending", pending_reason="awaiting_provider")
        self.assert_refund(waiting, "pending", pending_reason="reconciling")
        self.assertEqual(send_out(), 0, "what has not left stays here")
        self.assert_counters(payment, held=50_00)
        self.assert_clean()

    def test_a_receipt_means_one_thing(self) -> None:
        """One that is booked for another payment, or is a payment's own, is for a person."""
        one, other = self.paid(), self.paid()
        self.assertEqual(self.book_it(one), BOOKED)
        self.assertEqual(self.book_it(other), ANOTHERS)
        self.assertEqual(self.book_it(other, receipt=one.receipt), ANOTHERS)
        self.assert_counters(other)
        self.assert_clean()

    def test_of_what_was_never_paid(self) -> None:
        payment = self.start()
        self.assertEqual(self.book_it(payment), NOT_PAID)
        self.assertFalse(Refund.objects.exists())
        self.assert_no_money(payment)
