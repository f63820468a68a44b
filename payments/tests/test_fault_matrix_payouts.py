"""The fault matrix, payouts to phones: paid exactly once or not at all, by the simulator's own book too."""

from datetime import timedelta

from onpoint_pay.kit.clock import now
from payments.models import MoneyOp
from payments.services.out_sending import send_out
from payments.services.payout_start import start_payouts
from payments.services.questions import put_questions
from payments.services.sweep import sweep
from payments.tests.base import NOBODY
from payments.tests.payout_base import HELD, MINOR, UNDONE, CommittingSentPayoutTestCase, part_of, questions_of
from payments.tests.test_initiate import provider_settings
from tests.simulator_process import simulator


class F18Payouts(CommittingSentPayoutTestCase):
    """B2C v3 with our own id, committed first."""

    def test_F18_accepted_and_the_result(self) -> None:
        payout = self.sent_payout()
        self.assert_tries(payout, (1, "accepted"))
        self.assert_open(payout, reason="awaiting_provider")
        self.bring_payout(payout)
        self.assert_tries(payout, (1, "succeeded"))
        self.assert_paid(payout)
        self.assert_balances(available=9_900_00, payout_hold=0)
        self.assert_one_sending(payout)

    def test_F18_accepted_then_reset_then_the_notice_then_success(self) -> None:
        self.faults("send_reset", "timeout_then_success")
        payout = self.sent_payout()
        self.calm()
        self.assert_tries(payout, (1, "unknown"))
        self.assert_open(payout, reason="reconciling")
        self.assert_one_sending(payout)
        (notice,) = self.bring_payout(payout, kind="timeout")
        self.assertEqual((notice.status, notice.token_ok), ("ignored", True))
        self.assert_tries(payout, (1, "unknown"))
        self.assert_open(payout, reason="reconciling")
        self.assertLessEqual(part_of(payout).next_check, now())  # type: ignore[operator]
        (success,) = self.bring_payout(payout, kind="result")
        self.assertEqual(success.status, "applied")
        self.assert_paid(payout)
        self.assert_one_sending(payout)

    def test_F18_accepted_then_reset_and_the_result_never(self) -> None:
        """Found out by asking by our own id."""
        self.faults("send_reset", "result_lost")
        payout = self.sent_payout()
        self.calm()
        self.assert_tries(payout, (1, "unknown"))
        (answer,) = self.ask_provider()
        (question,) = questions_of(payout)
        self.assertEqual((question.original_reference, question.receipt), (part_of(payout).client_ref, None))
        self.assertEqual((question.status, question.answer_id, answer.status), ("answered", answer.id, "applied"))
        self.assert_paid(payout)
        self.assert_one_sending(payout)

    def test_F18_every_unclear_answer_is_a_doubt(self) -> None:
        with provider_settings(PROVIDER_DEADLINE_SECONDS=1.0):
            for kind in ("send_reset", "send_500_after", "send_hang"):
                with self.subTest(kind=kind):
                    self.faults(kind)
                    payout = self.sent_payout()
                    self.calm()
                    self.assert_tries(payout, (1, "unknown"))
                    self.assert_open(payout, reason="reconciling")
                    self.bring_payout(payout)
                    self.assert_paid(payout)

    def test_F18_queue_timeout_then_success(self) -> None:
        self.faults("timeout_then_success")
        payout = self.sent_payout()
        self.calm()
        self.bring_payout(payout, kind="timeout")
        self.assert_tries(payout, (1, "unknown"))
        self.assert_open(payout, reason="reconciling")
        self.bring_payout(payout, kind="result")
        self.assert_paid(payout)

    def test_F18_success_then_the_notice(self) -> None:
        self.faults("timeout_then_success")
        payout = self.sent_payout()
        self.calm()
        self.bring_payout(payout, kind="result")
        self.bring_payout(payout, kind="timeout")
        self.assert_tries(payout, (1, "succeeded"))
        self.assert_paid(payout)

    def test_F18_queue_timeout_then_failure(self) -> None:
        self.faults("timeout_then_failure")
        payout = self.sent_payout()
        self.calm()
        self.bring_payout(payout, kind="timeout")
        self.assert_open(payout, reason="reconciling")
        self.bring_payout(payout, kind="result")
        self.assert_tries(payout, (1, "failed"))
        self.assert_not_paid(payout, code="provider_busy")

    def test_F18_result_never(self) -> None:
        self.faults("result_lost")
        payout = self.sent_payout()
        self.calm()
        self.assert_tries(payout, (1, "accepted"))
        self.assert_open(payout, reason="awaiting_provider")
        self.ask_provider()
        self.assert_paid(payout)
        self.assert_one_sending(payout)

    def test_F18_result_after_six_hours(self) -> None:
        self.faults("result_late")
        payout = self.sent_payout()
        self.calm()
        simulator().call("POST", "faults", {"seed": 7, "rate": 1.0, "kinds": ["status_500"]})
        self.long_after(payout, hours=6)
        sweep()
        put_questions()
        self.assert_open(payout, reason="awaiting_provider")
        # Six hours after the sending the next step is eight hours after it.
        self.assertGreater(part_of(payout).next_check, now() + timedelta(minutes=30))  # type: ignore[operator]
        self.calm()
        self.bring_payout(payout)
        self.assert_paid(payout)

    def test_F18_result_twice(self) -> None:
        self.faults("result_doubled")
        payout = self.sent_payout()
        self.calm()
        self.bring_payout(payout)
        self.bring_payout(payout)
        self.assert_paid(payout)

    def test_F18_duplicate_id_answer(self) -> None:
        """The provider has the id already: the first one counts, so it is looked up and never sent under another."""
        self.faults("send_reset", "result_lost")
        payout = self.sent_payout()
        self.calm()
        # As if a worker had died after the sending and its try had been put back by hand.
        with self.unguarded():
            MoneyOp.objects.filter(payout=payout).update(status="created", lease_until=None, next_check=now())
        self.assertEqual(send_out(), 1)
        self.assert_tries(payout, (1, "unknown"))
        line, repeat = self.lines_of(payout)
        self.assertEqual(
            (line["status"], repeat["status"], repeat["error_code"]), ("completed", "refused", "500.002.1001")
        )
        self.ask_provider()
        self.assert_payout(payout, "completed", receipt=line["receipt"], paid=MINOR)

    def test_F18_float_too_small(self) -> None:
        self.float_of("99")
        payout = self.sent_payout()
        self.bring_payout(payout)
        self.assert_tries(payout, (1, "failed"), (1, "created"))
        self.assert_open(payout, reason="insufficient_float")
        self.assertEqual(send_out(), 0, "not due yet")
        self.float_of("100")
        self.long_after(payout, minutes=20)
        self.assertEqual(send_out(), 1)
        self.bring_payout(payout)
        self.assert_tries(payout, (1, "failed"), (1, "succeeded"))
        self.assert_paid(payout)

    def test_F18_float_too_small_for_a_week(self) -> None:
        self.float_of("0")
        payout = self.sent_payout()
        self.bring_payout(payout)
        self.long_after(payout, days=8)
        self.assertEqual(send_out(), 1)
        self.bring_payout(payout)
        self.assert_not_paid(payout, code="insufficient_funds")

    def test_F18_not_found_frees_no_money(self) -> None:
        """Nobody there knows it, however often they say so and however long ago it was sent."""
        payout = self.to_phone()
        start_payouts()
        with self.unguarded():
            MoneyOp.objects.filter(payout=payout).update(status="unknown", sent_at=now(), next_check=now())
        for _ in range(3):
            self.long_after(payout, hours=30)
            for answer in self.ask_provider():
                self.assertEqual(answer.status, "ignored")
        self.assert_tries(payout, (1, "unknown"))
        self.assertEqual((send_out(), self.lines_of(payout)), (0, []))
        self.assert_payout(payout, "pending", paid=0, released=0)
        self.assert_posted(payout, hold=HELD)

    def test_F18_refused_at_once_is_sent_again_later(self) -> None:
        self.faults("send_refused")
        payout = self.sent_payout()
        self.calm()
        self.assert_tries(payout, (1, "rejected"), (1, "created"))
        self.assert_open(payout, reason="awaiting_provider")
        self.long_after(payout, minutes=1)
        self.assertEqual(send_out(), 1)
        self.bring_payout(payout)
        self.assert_paid(payout)

    def test_F18_nobody_reached_is_sent_again_later(self) -> None:
        payout = self.to_phone()
        start_payouts()
        with provider_settings(SIMULATOR_URL=NOBODY):
            self.assertEqual(send_out(), 1)
        self.assert_tries(payout, (1, "cancelled"), (1, "created"))
        self.assertEqual(self.lines_of(payout), [])
        self.long_after(payout, minutes=1)
        self.assertEqual(send_out(), 1)
        self.bring_payout(payout)
        self.assert_paid(payout)

    def test_F18_a_number_that_cannot_be_paid(self) -> None:
        payout = self.sent_payout(destination={"type": "mpesa_phone", "phone": "254700002040"})
        self.bring_payout(payout)
        self.assert_not_paid(payout, code="not_registered")

    def test_F18_success_after_a_failure(self) -> None:
        """The money was given back and is taken again; what the merchant has spent meanwhile becomes a debt."""
        self.faults("timeout_then_failure")
        payout = self.sent_payout()
        self.calm()
        self.bring_payout(payout)
        self.assert_not_paid(payout, code="provider_busy")
        self.payout(amount=9_950)
        event = self.tell_of(part_of(payout), TransactionAmount=100)
        self.assertEqual(event.status, "applied")
        self.assert_payout(payout, "completed", paid=MINOR, released=0, failure=None)
        self.assert_posted(
            payout,
            hold=HELD,
            undo=UNDONE,
            rehold={("available", "D"): 50_00, ("owed", "D"): 50_00, ("payout_hold", "C"): MINOR},
            done={("payout_hold", "D"): MINOR, ("provider_float", "C"): MINOR},
        )
        self.assert_told(payout, "created", "failed", "completed")
        self.assert_clean()

    def test_F18_another_amount_or_number_is_kept_apart(self) -> None:
        for more in (
            {"TransactionAmount": 99},
            {"TransactionAmount": 100, "ReceiverPartyPublicName": "254722999999 - Njeri"},
        ):
            with self.subTest(**more):
                payout = self.sent_payout()
                event = self.tell_of(part_of(payout), **more)
                self.assertEqual(event.status, "quarantined")
                self.assert_tries(payout, (1, "accepted"))
                self.assert_open(payout, reason="awaiting_provider")
