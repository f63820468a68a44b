"""The sweeper: whatever no callback finished is asked about on a schedule, until the provider has said what it is."""

from collections.abc import Callable
from datetime import timedelta
from unittest import mock
from uuid import UUID

from django.test import override_settings

from merchants.services import provider_accounts
from merchants.tests.factories import make_merchant
from onpoint_pay.kit.clock import now
from payments import schedule
from payments.models import MoneyOp, Payment, ProviderEvent
from payments.services import hand_over
from payments.services.sweep import sweep
from payments.tests.base import NOBODY, PaymentTestCase, events_of, make_due
from payments.tests.factories import make_payment, op_of, refusal
from payments.tests.test_initiate import provider_settings
from tests.simulator_process import simulator


class SweepTestCase(PaymentTestCase):
    def sweep(self) -> int:
        make_due()
        return sweep()

    def queries(self) -> int:
        return simulator().summary()["queries"]

    def age(self, payment: Payment, *, seconds: float) -> None:
        MoneyOp.objects.filter(payment=payment).update(sent_at=now() - timedelta(seconds=seconds))


class Asking(SweepTestCase):
    def test_a_lost_callback(self) -> None:
        payment = self.start(phone="254700000040")
        simulator().approve(op_of(payment).provider_ref or "")
        self.assertEqual(simulator().callbacks(op_of(payment).provider_ref or ""), [])
        self.assertEqual(self.sweep(), 1)
        self.assert_state(payment, "completed", confirmed_by="query", late=False)
        self.assert_one_capture(payment)
        self.assertEqual(op_of(payment).checks, 1)
        answer = ProviderEvent.objects.get()
        self.assertEqual(
            (answer.door, answer.status, answer.token_ok, answer.op_id), ("query", "applied", True, op_of(payment).id)
        )

    def test_a_failure(self) -> None:
        payment = self.start()
        simulator().cancel(op_of(payment).provider_ref or "")
        self.sweep()
        self.assert_state(payment, "cancelled", confirmed_by="query")
        self.assertEqual(events_of(payment)[-1], "payment.cancelled")

    def test_what_is_not_due_is_left_alone(self) -> None:
        self.start()
        self.assertEqual((sweep(), self.queries()), (0, 0))

    def test_what_is_closed_is_left_alone(self) -> None:
        for status in ("completed", "failed", "cancelled", "expired", "refused"):
            make_payment(self.merchant, status=status)
        self.assertEqual((self.sweep(), self.queries()), (0, 0))

    def test_a_prompt_still_open_stays_pending_and_is_asked_later(self) -> None:
        payment = self.start()
        for checks in (1, 2, 3):
            self.assertEqual(self.sweep(), 1)
            op = op_of(payment)
            self.assertEqual((op.checks, op.answered_checks, op.status), (checks, checks, "accepted"))
            self.assertGreater(op.next_check, now())  # type: ignore[arg-type,operator]
        self.assert_state(payment, "pending", version=payment.version)
        self.assertEqual(self.queries(), 3)

    def test_questions_without_an_answer_change_nothing(self) -> None:
        payment = self.start(scenario="query.fail=2")
        simulator().approve(op_of(payment).provider_ref or "")
        for _ in range(2):
            self.sweep()
            self.assert_state(payment, "pending")
        self.assertEqual(op_of(payment).answered_checks, 0)
        with provider_settings(SIMULATOR_URL=NOBODY):
            self.sweep()
        self.assert_state(payment, "pending")
        self.sweep()
        self.assert_state(payment, "completed", confirmed_by="query")

    def test_a_crowd(self) -> None:
        payments = [self.start() for _ in range(20)]
        for payment in payments[:10]:
            simulator().approve(op_of(payment).provider_ref or "")
        self.assertEqual(self.sweep(), 20)
        self.assertEqual(self.queries(), 20)
        states = [self.again(payment).status for payment in payments]
        self.assertEqual(states, ["completed"] * 10 + ["pending"] * 10)

    def test_one_that_cannot_be_asked_about_does_not_hold_up_the_rest(self) -> None:
        """Live mode has lost its credentials."""
        live = make_payment(make_merchant(), mode="live")
        payment = self.start()
        simulator().approve(op_of(payment).provider_ref or "")
        self.assertEqual(self.sweep(), 2)
        self.assert_state(live, "pending")
        self.assert_state(payment, "completed")

    def test_money_that_came_after_all_attempts_is_taken(self) -> None:
        """The provider contradicts its own failure; what it says last about money is true."""
        payment = self.start()
        simulator().call("POST", "faults", {"seed": 3, "rate": 1.0, "kinds": ["query_contradicts"]})
        simulator().approve(op_of(payment).provider_ref or "")
        self.sweep()
        self.assert_state(payment, "cancelled", confirmed_by="query")
        self.bring_callbacks(payment)
        self.assert_state(payment, "completed", late=True, confirmed_by="callback")
        self.assert_one_capture(payment)


class DeadHandOvers(SweepTestCase):
    def end_lease(self) -> None:
        MoneyOp.objects.update(lease_until=now() - timedelta(seconds=1))

    def test_a_sender_that_died(self) -> None:
        payment = make_payment(self.merchant, status="initiated")
        self.end_lease()
        self.assertEqual(self.sweep(), 1)
        self.assert_state(payment, "pending", pending_reason="reconciling")
        op = op_of(payment)
        self.assertEqual((op.status, op.lease_until), ("unknown", None))
        self.assertGreater(op.next_check, now())  # type: ignore[arg-type,operator]
        self.assertEqual(events_of(payment), ["payment.created", "payment.pending"])
        self.assertEqual(simulator().summary()["pushes_received"], 0)

    def test_an_answer_that_was_faster_stands(self) -> None:
        """The one who gives up looks again under the lock: the operation is not in the air any more."""
        refused = refusal()
        concluded: list[Callable[[UUID], Payment]] = [
            hand_over.doubt_hand_over,
            hand_over.give_up_hand_over,
            lambda op_id: hand_over.refuse_hand_over(op_id, refused.outcome, answer=refused.raw),
        ]
        for status in ("pending", "reconciling", "completed", "cancelled"):
            for conclude in concluded:
                with self.subTest(status=status, conclude=conclude):
                    payment = make_payment(self.merchant, status=status)
                    op, told = op_of(payment), events_of(payment)
                    self.assertEqual(conclude(op.id).status, payment.status)
                    self.assertEqual((op_of(payment).status, events_of(payment)), (op.status, told))
                    self.assert_state(payment, payment.status, version=payment.version)

    def test_a_sender_that_lives(self) -> None:
        payment = make_payment(self.merchant, status="initiated")
        self.sweep()
        self.assert_state(payment, "initiated")
        self.assertEqual(op_of(payment).status, "sending")


class Expiry(SweepTestCase):
    """Two answers, the last one an hour or more after the prompt: the provider itself says that nothing came."""

    def test_after_an_hour_and_two_answers(self) -> None:
        payment = self.start()
        self.age(payment, seconds=schedule.EXPIRY_AFTER + 1)
        self.sweep()
        self.assert_state(payment, "pending")
        self.sweep()
        found = self.assert_state(payment, "expired", confirmed_by="query", captured=0)
        self.assertEqual((found.failure["code"], found.failure["certainty"]), ("prompt_expired", "likely"))
        self.assertEqual(op_of(payment).status, "expired")
        self.assertEqual(events_of(payment)[-1], "payment.expired")
        self.assertEqual((self.sweep(), self.queries()), (0, 2))

    def test_the_second_answer_is_asked_for_soon(self) -> None:
        payment = self.start()
        self.age(payment, seconds=schedule.EXPIRY_AFTER + 1)
        self.sweep()
        wait = (op_of(payment).next_check - now()).total_seconds()  # type: ignore[operator]
        self.assertLessEqual(wait, 1.2 * schedule.UNANSWERED_RETRY)

    def test_what_many_questions_did_not_tell_is_asked_rarely(self) -> None:
        sent = now()
        for seconds, answers, closely in ((3599, 0, False), (3601, 0, True), (3601, 1, False), (21_601, 0, False)):
            at = sent + timedelta(seconds=seconds)
            with self.subTest(seconds=seconds, answers=answers):
                self.assertEqual(schedule.asks_closely(sent, at, answered_checks=answers), closely)

    def test_not_before_the_hour(self) -> None:
        payment = self.start()
        self.age(payment, seconds=schedule.EXPIRY_AFTER - 60)
        for _ in range(4):
            self.sweep()
        self.assert_state(payment, "pending")

    def test_not_without_answers(self) -> None:
        payment = self.start(scenario="query.fail=9")
        self.age(payment, seconds=10 * schedule.EXPIRY_AFTER)
        for _ in range(4):
            self.sweep()
        self.assert_state(payment, "pending")

    @override_settings(SWEEP_SPEED=3600)
    def test_the_speed_divides_the_wait(self) -> None:
        payment = self.start()
        self.age(payment, seconds=2)
        self.sweep()
        self.sweep()
        self.assert_state(payment, "expired")

    def test_an_expired_payment_is_not_safe_to_repeat_and_late_money_is_taken(self) -> None:
        payment = self.start()
        self.age(payment, seconds=2 * schedule.EXPIRY_AFTER)
        self.sweep()
        self.sweep()
        shown = self.post("payments/status/", {"reference": payment.reference}, self.headers).json()
        self.assertEqual((shown["status"], shown["safe_to_retry"]), ("expired", False))
        self.pay(payment)
        self.assert_state(payment, "completed", late=True)
        self.assert_one_capture(payment)


class Schedule(SweepTestCase):
    def wait(self, elapsed: float) -> float:
        """Seconds from the prompt to the check planned when so many have passed."""
        sent = now()
        return (schedule.next_check_at(sent, sent + timedelta(seconds=elapsed)) - sent).total_seconds()

    def test_the_steps(self) -> None:
        """Each within a fifth of its own step."""
        before = 0
        for due in schedule.PROMPT_CHECKS:
            swing = schedule.JITTER * (due - before)
            for _ in range(20):
                self.assertLessEqual(abs(self.wait(before) - due), swing + 0.001)
            before = due
        for _ in range(20):
            self.assertLessEqual(abs(self.wait(before) - before - 21_600), schedule.JITTER * 21_600 + 0.001)

    def test_the_check_that_may_expire_a_prompt_is_not_before_its_hour(self) -> None:
        self.assertTrue(all(self.wait(901) >= schedule.EXPIRY_AFTER for _ in range(50)))

    def test_a_sweeper_that_was_away_asks_once(self) -> None:
        self.assertGreater(self.wait(1000), 3599)
        self.assertGreater(self.wait(90_000), 90_000 + 17_000)

    def test_never_into_the_past(self) -> None:
        for elapsed in (0, 11.99, 24.99, 3599.9):
            self.assertGreaterEqual(self.wait(elapsed) - elapsed, 1)

    @override_settings(SWEEP_SPEED=60)
    def test_the_speed_divides_every_wait(self) -> None:
        self.assertLessEqual(self.wait(0), 12 * 1.2 / 60 + 0.001)
        self.assertLess(self.wait(61), 61 + 432.001)

    def test_a_question_without_an_answer_is_put_again_soon(self) -> None:
        payment = self.start(scenario="query.fail=9")
        self.age(payment, seconds=10 * schedule.EXPIRY_AFTER)
        self.sweep()
        wait = (op_of(payment).next_check - now()).total_seconds()  # type: ignore[operator]
        self.assertLessEqual(wait, 1.2 * schedule.UNANSWERED_RETRY)

    def test_the_first_check_is_planned_with_the_hand_over(self) -> None:
        payment = self.start()
        wait = (op_of(payment).next_check - payment.submitted_at).total_seconds()  # type: ignore[operator]
        self.assertTrue(9 < wait < 15, wait)

    def test_orphans(self) -> None:
        at = now()
        waits = [schedule.orphan_retry_at(at, tries=tries) for tries in range(7)]
        self.assertEqual([wait and (wait - at).total_seconds() for wait in waits], [1, 5, 15, 60, 300, 3600, None])


class LostReferences(SweepTestCase):
    def test_an_operation_without_a_reference_is_not_asked_about_one_by_one(self) -> None:
        payment = make_payment(self.merchant, status="reconciling")
        with mock.patch.object(provider_accounts, "_provider") as provider:
            provider.return_value.fetch_statement.return_value = []
            self.sweep()
        provider.return_value.query.assert_not_called()
        self.assert_state(payment, "pending", pending_reason="reconciling")
