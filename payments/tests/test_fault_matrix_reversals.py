"""The fault matrix, reversals: refunded once and the hold gone, by the simulator's own book too."""

from typing import Any

from payments.models import Payment, ProviderEvent, Refund
from payments.services.out_sending import send_out
from payments.tests.refund_base import (
    CommittingRefundTestCase,
    balance,
    public,
    questions_about,
    steps_of,
)
from payments.tests.results import DECLINED
from payments.tests.test_initiate import provider_settings
from settlements.chart import Leg
from settlements.tests.base import post
from tests.simulator_process import simulator


class F19Reversals(CommittingRefundTestCase):
    """Reversals: refunded once, and the hold is gone."""

    def test_F19_lost_answer(self) -> None:
        """Nobody told us a name to ask by: the payment itself tells that it is undone."""
        self.faults("send_reset", "result_lost")
        payment = self.paid()
        refund = self.sent(payment)
        self.calm()
        self.assert_ops(refund, ("reversal", "unknown"))
        self.assert_pending(refund, minor=100_00, reason="reconciling")
        self.ask_provider()
        (question,) = questions_about(refund)
        self.assertEqual((question.receipt, question.original_reference), (payment.receipt, None))
        self.assert_completed(refund, minor=100_00, receipt=None)
        self.assert_counters(payment, refunded=100_00)
        self.assertEqual(len(self.lines(refund)), 1)

    def test_F19_lost_answer_then_the_result(self) -> None:
        self.faults("send_reset")
        refund = self.sent(self.paid())
        self.calm()
        self.bring_results(refund)
        self.assert_completed(refund, minor=100_00)

    def test_F19_the_receipt_comes_after_the_answer(self) -> None:
        self.faults("send_reset")
        refund = self.sent(self.paid())
        self.calm()
        self.ask_provider()
        self.assert_completed(refund, minor=100_00, receipt=None)
        (result,) = self.bring_results(refund)
        self.assertEqual((result.status, result.note), ("duplicate", "receipt filled in"))
        (line,) = self.lines(refund)
        self.assert_completed(refund, minor=100_00, receipt=line["receipt"])

    def test_F19_result_never(self) -> None:
        """Accepted: asked about by the provider's own name of it."""
        self.faults("result_lost")
        refund = self.sent(self.paid())
        self.calm()
        self.assert_ops(refund, ("reversal", "accepted"))
        self.ask_provider()
        (question,) = questions_about(refund)
        (line,) = self.lines(refund)
        self.assertEqual(question.original_reference, line["originator_conversation_id"])
        self.assert_completed(refund, minor=100_00, receipt=line["receipt"])

    def test_F19_already_reversed_before_we_asked(self) -> None:
        """Somebody undid it by hand: M-Pesa refuses ours, and the payment tells that the payer has the money."""
        payment = self.paid()
        self.undo_by_hand(payment.receipt or "")
        refund = self.sent(payment)
        (told,) = self.bring_results(refund, kind="result")
        self.assertIn(b"R000001", bytes(told.body))
        self.assertEqual(told.status, "ignored")
        self.assert_ops(refund, ("reversal", "accepted"))
        self.assert_refund(refund, "pending")
        self.ask_provider()
        question = questions_about(refund)[-1]
        self.assertEqual(question.receipt, payment.receipt)
        self.assert_refund(refund, "completed", receipt=None)
        self.assert_told(refund, "created", "completed")
        self.assert_counters(payment, refunded=100_00)
        self.assert_ops(refund, ("reversal", "succeeded"))
        self.assert_clean()

    def test_F19_declined_may_mean_undone_already(self) -> None:
        """The result is lost, and asked by name the provider says only Declined: the payment decides."""
        payment = self.paid()
        self.undo_by_hand(payment.receipt or "")
        self.faults("result_lost")
        refund = self.sent(payment)
        self.calm()
        self.ask_provider()
        self.assert_refund(refund, "pending")
        self.assert_ops(refund, ("reversal", "accepted"))
        self.ask_provider()
        self.assert_refund(refund, "completed")
        self.assert_counters(payment, refunded=100_00)

    def test_F19_declined_and_the_payment_stands(self) -> None:
        payment = self.paid()
        self.float_of("0")
        self.faults("result_lost")
        refund = self.sent(payment)
        self.calm()
        self.ask_provider()
        self.assert_refund(refund, "pending")
        self.ask_provider()
        self.assert_failed(refund, minor=100_00, code="declined")
        self.assert_ops(refund, ("reversal", "failed"))
        self.assert_counters(payment)

    def test_F19_refused_after_the_hold_goes_to_the_phone(self) -> None:
        payment = self.paid()
        refund = self.sent(self.of_unknown_receipt(payment))
        self.bring_results(refund)
        self.assert_ops(refund, ("reversal", "failed"), ("b2c", "created"))
        self.assert_pending(refund, minor=100_00, reason="awaiting_provider")
        self.assertEqual(send_out(), 1)
        self.bring_results(refund)
        self.assert_ops(refund, ("reversal", "failed"), ("b2c", "succeeded"))
        self.assert_completed(refund, minor=100_00, route="b2c")
        self.assert_counters(payment, refunded=100_00)

    def test_F19_refused_after_the_hold_and_no_phone_to_go_to(self) -> None:
        payment = self.of_unknown_receipt(self.paid(), phone=None)
        refund = self.sent(payment)
        self.bring_results(refund)
        self.assert_ops(refund, ("reversal", "failed"))
        self.assert_failed(refund, minor=100_00, code="invalid_account")
        self.assert_counters(payment)

    def test_F19_credentials_refused_are_not_tried_on_the_other_way(self) -> None:
        """Three wrong passwords lock the API user."""
        with provider_settings(SIMULATOR_INITIATOR_PASSWORD="not the password"):
            payment = self.paid()
            refund = self.sent(payment)
        self.bring_results(refund)
        self.assert_ops(refund, ("reversal", "failed"))
        self.assert_failed(refund, minor=100_00, code="credentials_rejected")

    def test_F19_a_busy_network_is_no_reason_for_the_other_way(self) -> None:
        self.faults("timeout_then_failure")
        payment = self.paid()
        refund = self.sent(payment)
        self.calm()
        self.bring_results(refund, kind="timeout")
        self.assert_pending(refund, minor=100_00, reason="reconciling")
        self.bring_results(refund, kind="result")
        self.assert_ops(refund, ("reversal", "failed"))
        self.assert_failed(refund, minor=100_00, code="provider_busy")
        self.assert_counters(payment)

    def test_F19_success_after_our_failure(self) -> None:
        payment, refund = self.believed_failed()
        self.late_success(refund)
        self.assert_late(refund, rehold={("pending", "D"): 100_00, ("refund_hold", "C"): 100_00})
        self.assert_counters(payment, refunded=100_00)

    def test_F19_success_after_our_failure_and_the_balance_is_gone(self) -> None:
        """The money has left, so the merchant owes what the balance lacks."""
        payment, refund = self.believed_failed()
        self.spend(70_00)
        self.late_success(refund)
        self.assert_late(refund, rehold={("pending", "D"): 30_00, ("owed", "D"): 70_00, ("refund_hold", "C"): 100_00})
        self.assert_counters(payment, refunded=100_00)
        self.assertEqual((balance("owed"), balance("pending"), balance("refund_hold")), (70_00, 0, 0))

    def test_F19_success_after_our_failure_and_the_payment_refunded_otherwise(self) -> None:
        """The money may be out twice: nothing is booked twice, and two people are called."""
        payment, refund = self.believed_failed()
        other = self.sent(payment, destination={"phone": "254712000001"})
        self.bring_results(other)
        self.assert_refund(other, "completed")
        event = self.late_success(refund)
        self.assertEqual(event.status, "quarantined")
        self.assertIn("MONEY MAY BE OUT TWICE", event.note)
        self.assert_failed_still(refund)
        self.assert_counters(payment, refunded=100_00)

    def test_F19_success_after_our_failure_and_another_refund_has_not_left(self) -> None:
        """It is kept here, for a person to decide."""
        payment, refund = self.believed_failed()
        other = self.refund(payment, destination={"phone": "254712000001"})
        event = self.late_success(refund)
        self.assertEqual(event.status, "quarantined")
        self.assert_ops(other, ("b2c", "cancelled"))
        self.assert_refund(other, "pending", pending_reason="reconciling")
        self.assertEqual(send_out(), 0)
        answer = self.post(f"refunds/{public(other)}/retry/", {}, self.headers)
        self.assert_problem(answer, 409, "state_conflict")
        self.assert_failed_still(refund)
        self.assert_counters(payment, held=100_00)
        self.assert_clean()

    def test_F19_success_after_a_refusal_while_the_phone_is_still_unpaid(self) -> None:
        """The way to the phone has not left: it is called off, and the reversal is booked."""
        payment, refund = self.refused_reversal()
        self.assert_ops(refund, ("reversal", "failed"), ("b2c", "created"))
        self.late_success(refund)
        self.assert_ops(refund, ("reversal", "succeeded"), ("b2c", "cancelled"))
        self.assert_completed(refund, minor=100_00, route="reversal")
        self.assert_counters(payment, refunded=100_00)
        self.assertEqual(send_out(), 0)

    def test_F19_success_after_a_refusal_while_the_phone_is_being_paid(self) -> None:
        payment, refund = self.refused_reversal()
        self.assertEqual(send_out(), 1)
        event = self.late_success(refund)
        self.assertEqual(event.status, "quarantined")
        self.assertIn("a newer try of this refund is out too", event.note)
        self.assert_ops(refund, ("reversal", "failed"), ("b2c", "accepted"))
        self.assert_pending(refund, minor=100_00, reason="awaiting_provider")
        self.bring_all([told for line in self.lines(refund) if line["kind"] == "b2c" for told in self.told(line)])
        self.assert_refund(refund, "completed", route="b2c")
        self.assert_told(refund, "created", "completed")
        self.assert_counters(payment, refunded=100_00)
        self.assert_clean()

    # --- how it comes to that -----------------------------------------------------------------------------------------

    def of_unknown_receipt(self, payment: Payment, **fields: Any) -> Payment:
        """M-Pesa does not know the receipt on our record, so it reverses nothing."""
        Payment.objects.filter(id=payment.id).update(receipt="UKLNOBODY1", **fields)
        return self.again(payment)

    def believed_failed(self) -> tuple[Payment, Refund]:
        """The provider said no and meant yes: in its book the payer has the money."""
        payment = self.paid()
        Payment.objects.filter(id=payment.id).update(phone=None)
        refund = self.undone_there(payment)
        self.assert_refund(refund, "failed")
        self.assert_counters(payment)
        return payment, refund

    def refused_reversal(self) -> tuple[Payment, Refund]:
        payment = self.paid()
        return payment, self.undone_there(payment)

    def undone_there(self, payment: Payment) -> Refund:
        self.faults("result_lost")
        refund = self.sent(payment)
        self.calm()
        self.tell_result(refund, code=DECLINED)
        return refund

    def late_success(self, refund: Refund) -> ProviderEvent:
        (line,) = [line for line in self.lines(refund) if line["kind"] == "reversal"]
        simulator().call("POST", f"transfers/{line['conversation_id']}/resend-result")
        (event,) = self.bring_all(self.told(line))
        return event

    def spend(self, minor: int) -> None:
        """Money of the merchant goes on its way elsewhere."""
        legs = [Leg(kind="pending", side="D", amount=minor), Leg(kind="capital", side="C", amount=minor)]
        post(self.merchant, legs)

    def assert_late(self, refund: Refund, *, rehold: dict[tuple[str, str], int]) -> None:
        self.assert_refund(refund, "completed", failure=None, route="reversal")
        self.assert_told(refund, "created", "failed", "completed")
        self.assert_ops(refund, ("reversal", "succeeded"))
        self.assertEqual(steps_of(refund)[1:], [("pending", "failed"), ("failed", "completed")])
        self.assert_posted(
            refund,
            hold={("pending", "D"): 100_00, ("refund_hold", "C"): 100_00},
            undo={("refund_hold", "D"): 100_00, ("pending", "C"): 100_00},
            rehold=rehold,
            done={("refund_hold", "D"): 100_00, ("provider_float", "C"): 100_00},
        )
        self.assert_paid_once(refund, minor=100_00)
        self.assert_clean()

    def assert_failed_still(self, refund: Refund) -> None:
        self.assert_refund(refund, "failed")
        self.assert_told(refund, "created", "failed")
        self.assert_ops(refund, ("reversal", "failed"))
