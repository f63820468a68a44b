"""The fault matrix, money to phones: paid exactly once or not at all, by the simulator's own book too."""

from datetime import timedelta

from onpoint_pay.kit.clock import now
from payments.models import MoneyOp, Refund
from payments.services.out_sending import send_out
from payments.services.questions import put_questions
from payments.services.sweep import sweep
from payments.tests.base import NOBODY
from payments.tests.refund_base import (
    CommittingRefundTestCase,
    public,
    questions_about,
    try_of,
)
from payments.tests.test_initiate import provider_settings
from tests.simulator_process import simulator

PART, MINOR = 40, 40_00


class F18ToPhones(CommittingRefundTestCase):
    """B2C: paid exactly once or not at all, and the ledger agrees."""

    def assert_one_sending(self, refund: Refund) -> None:
        """Whatever happens, nobody sends it again."""
        for _ in range(2):
            MoneyOp.objects.exclude(next_check=None).update(next_check=now())
            sweep()
            self.assertEqual(send_out(), 0)
        self.assertEqual(len(self.lines(refund)), 1)
        self.assertEqual(MoneyOp.objects.filter(refund=refund).count(), 1)

    def test_F18_accepted_then_reset_then_the_notice_then_success(self) -> None:
        self.faults("send_reset", "timeout_then_success")
        payment = self.paid()
        refund = self.sent(payment, amount=PART)
        self.calm()
        self.assert_ops(refund, ("b2c", "unknown"))
        self.assert_pending(refund, minor=MINOR, reason="reconciling")
        self.assert_paid_once(refund, minor=MINOR)
        self.assert_one_sending(refund)
        (notice,) = self.bring_results(refund, kind="timeout")
        self.assertEqual((notice.status, notice.token_ok), ("ignored", True))
        self.assert_ops(refund, ("b2c", "unknown"))
        self.assert_pending(refund, minor=MINOR, reason="reconciling")
        self.assertLessEqual(try_of(refund).next_check, now())  # type: ignore[operator]
        self.assert_one_sending(refund)
        (success,) = self.bring_results(refund, kind="result")
        self.assertEqual(success.status, "applied")
        self.assert_ops(refund, ("b2c", "succeeded"))
        self.assert_completed(refund, minor=MINOR)
        self.assert_counters(payment, refunded=MINOR)
        self.assert_one_sending(refund)
        self.assert_completed(refund, minor=MINOR)

    def test_F18_accepted_then_reset_and_the_result_never(self) -> None:
        """Found out by asking by our own id."""
        self.faults("send_reset", "result_lost")
        payment = self.paid()
        refund = self.sent(payment, amount=PART)
        self.calm()
        self.assertEqual([self.told(line) for line in self.lines(refund)], [[]])
        self.assert_ops(refund, ("b2c", "unknown"))
        (answer,) = self.ask_provider()
        (question,) = questions_about(refund)
        self.assertEqual((question.original_reference, question.receipt), (try_of(refund).client_ref, None))
        self.assertEqual((question.status, question.answer_id, answer.status), ("answered", answer.id, "applied"))
        self.assert_completed(refund, minor=MINOR)
        self.assert_counters(payment, refunded=MINOR)
        self.assert_one_sending(refund)

    def test_F18_every_unclear_answer_is_a_doubt(self) -> None:
        with provider_settings(PROVIDER_DEADLINE_SECONDS=1.0):
            for kind in ("send_reset", "send_500_after", "send_hang"):
                with self.subTest(kind=kind):
                    self.faults(kind)
                    refund = self.sent(self.paid(), amount=PART)
                    self.calm()
                    self.assert_ops(refund, ("b2c", "unknown"))
                    self.assert_pending(refund, minor=MINOR, reason="reconciling")
                    self.bring_results(refund)
                    self.assert_completed(refund, minor=MINOR)

    def test_F18_queue_timeout_then_success(self) -> None:
        self.faults("timeout_then_success")
        refund = self.sent(self.paid(), amount=PART)
        self.calm()
        self.assert_ops(refund, ("b2c", "accepted"))
        self.bring_results(refund, kind="timeout")
        self.assert_ops(refund, ("b2c", "unknown"))
        self.assert_pending(refund, minor=MINOR, reason="reconciling")
        self.bring_results(refund, kind="result")
        self.assert_completed(refund, minor=MINOR)

    def test_F18_queue_timeout_as_a_result_envelope(self) -> None:
        """The other form of the notice: a Result with code 1, which is no lack of money."""
        self.quirks("timeout_envelope")
        self.faults("timeout_then_success")
        refund = self.sent(self.paid(), amount=PART)
        self.calm()
        (notice,) = self.bring_results(refund, kind="timeout")
        self.assertIn(b'"ResultCode": 1', bytes(notice.body))
        self.assert_pending(refund, minor=MINOR, reason="reconciling")
        self.bring_results(refund, kind="result")
        self.assert_completed(refund, minor=MINOR)

    def test_F18_success_then_the_notice(self) -> None:
        self.faults("timeout_then_success")
        refund = self.sent(self.paid(), amount=PART)
        self.calm()
        self.bring_results(refund, kind="result")
        self.bring_results(refund, kind="timeout")
        self.assert_ops(refund, ("b2c", "succeeded"))
        self.assert_completed(refund, minor=MINOR)

    def test_F18_queue_timeout_then_failure(self) -> None:
        self.faults("timeout_then_failure")
        payment = self.paid()
        refund = self.sent(payment, amount=PART)
        self.calm()
        self.bring_results(refund, kind="timeout")
        self.assert_pending(refund, minor=MINOR, reason="reconciling")
        self.bring_results(refund, kind="result")
        self.assert_ops(refund, ("b2c", "failed"))
        self.assert_failed(refund, minor=MINOR, code="provider_busy")
        self.assert_counters(payment)

    def test_F18_result_never(self) -> None:
        self.faults("result_lost")
        refund = self.sent(self.paid(), amount=PART)
        self.calm()
        self.assert_ops(refund, ("b2c", "accepted"))
        self.assert_pending(refund, minor=MINOR, reason="awaiting_provider")
        self.ask_provider()
        self.assert_completed(refund, minor=MINOR)
        self.assert_one_sending(refund)

    def test_F18_result_after_six_hours(self) -> None:
        self.faults("result_late")
        refund = self.sent(self.paid(), amount=PART)
        self.calm()
        simulator().call("POST", "faults", {"seed": 7, "rate": 1.0, "kinds": ["status_500"]})
        self.later(refund, hours=6)
        sweep()
        put_questions()
        self.assert_pending(refund, minor=MINOR, reason="awaiting_provider")
        op = try_of(refund)
        # Six hours after the sending the next step is eight hours after it.
        self.assertGreater(op.next_check, now() + timedelta(minutes=30))  # type: ignore[operator]
        self.calm()
        self.bring_results(refund)
        self.assert_completed(refund, minor=MINOR)

    def test_F18_result_twice_and_early(self) -> None:
        self.faults("result_doubled")
        refund = self.sent(self.paid(), amount=PART)
        self.calm()
        self.bring_results(refund)
        self.bring_results(refund)
        self.assert_completed(refund, minor=MINOR)

    def test_F18_duplicate_id_answer(self) -> None:
        """The provider has the id already: the first one counts, so it is looked up and never sent under another."""
        payment = self.paid()
        refund = self.refund(payment, amount=PART)
        self.faults("send_reset", "result_lost")
        send_out()
        self.calm()
        # As if a worker had died after the sending and its try had been put back by hand.
        with self.unguarded():
            MoneyOp.objects.filter(refund=refund).update(status="created", lease_until=None, next_check=now())
        self.assertEqual(send_out(), 1)
        self.assert_ops(refund, ("b2c", "unknown"))
        (line, repeat) = [
            line for line in self.book() if line["originator_conversation_id"] == try_of(refund).client_ref
        ]
        self.assertEqual(
            (line["status"], repeat["status"], repeat["error_code"]), ("completed", "refused", "500.002.1001")
        )
        self.ask_provider()
        self.assert_refund(refund, "completed", receipt=line["receipt"])
        self.assert_counters(payment, refunded=MINOR)

    def test_F18_float_too_small(self) -> None:
        payment = self.paid()
        self.float_of("39")
        refund = self.sent(payment, amount=PART)
        self.bring_results(refund)
        self.assert_ops(refund, ("b2c", "failed"), ("b2c", "created"))
        self.assert_pending(refund, minor=MINOR, reason="insufficient_float")
        self.assert_counters(payment, held=MINOR)
        self.assertEqual(send_out(), 0, "not due yet")
        self.assert_nothing_left(refund)
        self.float_of("40")
        self.later(refund, minutes=20)
        self.assertEqual(send_out(), 1)
        self.bring_results(refund)
        self.assert_ops(refund, ("b2c", "failed"), ("b2c", "succeeded"))
        self.assert_completed(refund, minor=MINOR)
        self.assert_counters(payment, refunded=MINOR)

    def test_F18_float_too_small_for_a_week(self) -> None:
        payment = self.paid()
        self.float_of("0")
        refund = self.sent(payment, amount=PART)
        self.bring_results(refund)
        self.later(refund, days=8)
        self.assertEqual(send_out(), 1)
        self.bring_results(refund)
        self.assert_failed(refund, minor=MINOR, code="insufficient_funds")
        self.assert_counters(payment)

    def test_F18_float_too_small_and_sent_at_once_when_told(self) -> None:
        payment = self.paid()
        self.float_of("0")
        refund = self.sent(payment, amount=PART)
        self.bring_results(refund)
        self.assert_pending(refund, minor=MINOR, reason="insufficient_float")
        self.float_of("1000")
        answer = self.post(f"refunds/{public(refund)}/retry/", {}, self.headers)
        self.assertEqual((answer.status_code, answer.json()["status"]), (200, "pending"))
        self.assertEqual(send_out(), 1)
        self.bring_results(refund)
        self.assert_completed(refund, minor=MINOR)

    def test_F18_not_found_frees_no_money(self) -> None:
        """Nobody there knows it, however often they say so: without the statement it waits for a person."""
        refund = self.refund(self.paid(), amount=PART)
        op = try_of(refund)
        with self.unguarded():
            MoneyOp.objects.filter(id=op.id).update(status="unknown", sent_at=now(), next_check=now())
        for _ in range(3):
            self.later(refund, hours=30)
            for answer in self.ask_provider():
                self.assertEqual(answer.status, "ignored")
        self.assert_ops(refund, ("b2c", "unknown"))
        self.assertEqual(send_out(), 0)
        self.assertEqual(self.lines(refund), [])
        self.assert_refund(refund, "pending")

    def test_F18_refused_at_once_is_sent_again_later(self) -> None:
        """Too fast, says the gateway: nothing was taken."""
        self.faults("send_refused")
        payment = self.paid()
        refund = self.sent(payment, amount=PART)
        self.calm()
        self.assertEqual(self.lines(refund)[0]["status"], "refused")
        self.assert_ops(refund, ("b2c", "rejected"), ("b2c", "created"))
        self.assert_pending(refund, minor=MINOR, reason="awaiting_provider")
        self.later(refund, minutes=1)
        self.assertEqual(send_out(), 1)
        self.bring_results(refund)
        self.assert_completed(refund, minor=MINOR)

    def test_F18_nobody_reached_is_sent_again_later(self) -> None:
        payment = self.paid()
        refund = self.refund(payment, amount=PART)
        with provider_settings(SIMULATOR_URL=NOBODY):
            self.assertEqual(send_out(), 1)
        self.assert_ops(refund, ("b2c", "cancelled"), ("b2c", "created"))
        self.assert_pending(refund, minor=MINOR, reason="awaiting_provider")
        self.assertEqual(self.lines(refund), [])
        self.later(refund, minutes=1)
        self.assertEqual(send_out(), 1)
        self.bring_results(refund)
        self.assert_completed(refund, minor=MINOR)

    def test_F18_a_number_that_cannot_be_paid(self) -> None:
        payment = self.paid(phone="254700002040")
        refund = self.sent(payment, amount=PART)
        self.bring_results(refund)
        found = self.assert_failed(refund, minor=MINOR, code="not_registered")
        self.assertEqual((found.failure or {})["provider_code"], "2040")
        self.assert_counters(payment)
