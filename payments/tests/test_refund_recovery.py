"""Whatever dies between two commits of a refund leaves a state that the sweeper, or the next worker, concludes."""

from datetime import timedelta
from unittest import mock

from django.test import SimpleTestCase, override_settings

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import to_public
from payments import schedule
from payments.models import MoneyOp, ProviderEvent, Refund
from payments.services import out_sending
from payments.services.out_sending import Sending, send_out, take_one
from payments.services.sweep import sweep
from payments.tests.refund_base import CommittingRefundTestCase, public, questions_about, try_of
from providers.errors import NotSupported

PART, MINOR = 40, 40_00


class Killed(CommittingRefundTestCase):
    def taken(self, refund: Refund) -> Sending:
        """A worker has the try, and has committed that."""
        sending = take_one()
        assert sending is not None
        self.assertEqual(sending.op.refund_id, refund.id)
        return sending

    def end_leases(self) -> None:
        past = now() - timedelta(seconds=1)
        MoneyOp.objects.filter(status="sending").update(lease_until=past, next_check=past)

    def test_before_anybody_was_woken(self) -> None:
        """The bell was lost: the next ring of the clock finds the row."""
        refund = self.refund(self.paid(), amount=PART)
        self.assertEqual((send_out(), send_out()), (1, 0))
        self.bring_results(refund)
        self.assert_completed(refund, minor=MINOR)

    def test_between_the_taking_and_the_call(self) -> None:
        """Nothing left, which nobody can know: it is asked about, and never sent a second time."""
        payment = self.paid()
        refund = self.refund(payment, amount=PART)
        self.taken(refund)
        self.assertEqual((sweep(), send_out()), (0, 0), "the lease is not over")
        self.end_leases()
        self.assertEqual((sweep(), send_out()), (2, 0), "doubted, and asked about at once")
        self.assert_ops(refund, ("b2c", "unknown"))
        self.assert_pending(refund, minor=MINOR, reason="reconciling")
        self.assertEqual(len(questions_about(refund)), 1)
        self.ask_provider()
        self.assert_pending(refund, minor=MINOR, reason="reconciling")
        self.assertEqual((send_out(), self.lines(refund)), (0, []))
        self.assert_counters(payment, held=MINOR)

    def test_between_the_call_and_its_answer(self) -> None:
        for fields in ({"amount": PART}, {}):
            with self.subTest(**fields):
                payment = self.paid()
                refund = self.refund(payment, **fields)
                out_sending._call(self.taken(refund))
                self.end_leases()
                sweep()
                self.assert_ops(refund, (refund.route, "unknown"))
                self.ask_provider()
                minor = MINOR if fields else 100_00
                self.assert_completed(refund, minor=minor)
                self.assert_counters(payment, refunded=minor)
                self.assertEqual(send_out(), 0)

    def test_the_result_comes_before_the_sweeper(self) -> None:
        refund = self.refund(self.paid(), amount=PART)
        out_sending._call(self.taken(refund))
        self.bring_results(refund)
        self.assert_ops(refund, ("b2c", "succeeded"))
        self.assert_completed(refund, minor=MINOR)
        self.end_leases()
        self.assertEqual((sweep(), send_out()), (0, 0))

    def test_the_answer_comes_after_the_sweeper_gave_up(self) -> None:
        """A slow worker: what it stores late does no harm."""
        refund = self.refund(self.paid(), amount=PART)
        outcome = out_sending._call(self.taken(refund))
        self.end_leases()
        sweep()
        out_sending.accept(try_of(refund).id, outcome)
        op = try_of(refund)
        self.assertEqual((op.status, op.provider_ref), ("unknown", outcome.provider_reference))
        out_sending.postpone(op.id)
        out_sending.doubt_sending(op.id)
        self.assert_ops(refund, ("b2c", "unknown"))
        self.bring_results(refund)
        self.assert_completed(refund, minor=MINOR)

    def test_between_the_storing_and_the_applying_of_a_result(self) -> None:
        refund = self.sent(self.paid(), amount=PART)
        (line,) = self.lines(refund)
        (message,) = self.told(line)
        self.bring(message["body"].encode(), message["url"].removeprefix("http://127.0.0.1:9"))
        # The worker that took the claim died with it.
        ProviderEvent.objects.filter(status="new").update(tries=1, next_try=now() + timedelta(seconds=30))
        self.assertEqual(self.apply(), 0)
        ProviderEvent.objects.filter(status="new").update(next_try=now())
        self.assertEqual(self.apply(), 1)
        self.assert_completed(refund, minor=MINOR)

    def test_between_a_failure_and_the_next_try(self) -> None:
        """They are one commit: no refund waits without a try."""
        payment = self.paid()
        self.float_of("0")
        refund = self.sent(payment, amount=PART)
        self.bring_results(refund)
        self.assert_ops(refund, ("b2c", "failed"), ("b2c", "created"))
        self.assertIsNotNone(try_of(refund).next_check)

    def test_a_fault_of_our_own_is_a_doubt(self) -> None:
        """Nobody can tell how far it came."""
        refund = self.refund(self.paid(), amount=PART)
        sending = self.taken(refund)

        def slip(_: Sending) -> None:
            raise KeyError("a slip")

        with mock.patch.object(out_sending, "_call", slip):
            out_sending.send(sending)
        self.assert_ops(refund, ("b2c", "unknown"))
        self.assert_pending(refund, minor=MINOR, reason="reconciling")

    def test_an_account_that_cannot_send(self) -> None:
        payment = self.paid()
        refund = self.refund(payment, amount=PART)
        sending = self.taken(refund)

        def cannot(_: Sending) -> None:
            raise NotSupported("no payouts here")

        with mock.patch.object(out_sending, "_call", cannot):
            out_sending.send(sending)
        self.assert_ops(refund, ("b2c", "rejected"))
        self.assert_failed(refund, minor=MINOR, code="shortcode_misconfigured")
        self.assert_counters(payment)

    def test_one_that_cannot_be_asked_about_does_not_hold_up_the_rest(self) -> None:
        self.faults("result_lost")
        first, second = self.sent(self.paid(), amount=PART), self.sent(self.paid(), amount=PART)
        self.calm()
        with self.unguarded():
            MoneyOp.objects.filter(refund=first).update(provider="nobody")
        self.ask_provider()
        self.assert_refund(first, "pending")
        self.assert_refund(second, "completed")


class Stories(CommittingRefundTestCase):
    def test_a_refund_is_part_of_the_payments_story(self) -> None:
        self.faults("timeout_then_success")
        payment = self.paid()
        refund = self.sent(payment, amount=PART, reason="Two were broken")
        self.calm()
        self.bring_results(refund)
        story = self.get(f"payments/{to_public('pay', payment.id)}/timeline/", self.headers).json()["data"]
        self.assertEqual([moment["at"] for moment in story], sorted(moment["at"] for moment in story))
        kinds = [moment["kind"] for moment in story]
        asked = next(moment for moment in story if moment["kind"] == "refund.asked")
        self.assertIn("Two were broken", asked["detail"])
        self.assertEqual(asked["evidence"], {"type": "refund", "ref": public(refund)})
        after = kinds[kinds.index("refund.asked") :]
        for kind in (
            "refund.pending",
            "operation.sending",
            "operation.accepted",
            "provider.timeout-b2c",
            "operation.unknown",
            "provider.result-b2c",
            "operation.succeeded",
            "refund.completed",
            "ledger.posted",
            "webhook.event",
        ):
            self.assertIn(kind, after)
        entries = [moment["evidence"]["entries"] for moment in story if moment["detail"] == "refund_done"]
        self.assertEqual(
            [[(entry["account"], entry["side"], entry["amount"]) for entry in found] for found in entries],
            [[("refund_hold", "debit", "40.00"), ("provider_float", "credit", "40.00")]],
        )


class Schedules(SimpleTestCase):
    SENT = now()

    def test_of_money_out(self) -> None:
        for kind, steps in schedule.OUT_CHECKS.items():
            with self.subTest(kind=kind), override_settings(SWEEP_SPEED=1):
                for before, due in zip((0, *steps), steps, strict=False):
                    at = self.SENT + timedelta(seconds=before + (due - before) * 0.21 if before else 0)
                    for _ in range(50):
                        found = (schedule.next_check_at(self.SENT, at, kind=kind) - self.SENT).total_seconds()
                        self.assertGreaterEqual(found, due - 0.2 * (due - before) - 1)
                        self.assertLessEqual(found, due + 0.2 * (due - before) + 1)

    def test_afterwards_daily(self) -> None:
        for kind in schedule.OUT_CHECKS:
            with override_settings(SWEEP_SPEED=1):
                at = self.SENT + timedelta(days=3)
                wait = (schedule.next_check_at(self.SENT, at, kind=kind) - at).total_seconds()
                self.assertTrue(0.8 * 86_400 <= wait <= 1.2 * 86_400, wait)

    @override_settings(SWEEP_SPEED=1)
    def test_of_what_did_not_leave(self) -> None:
        waits = [(schedule.resend_at(self.SENT, tries=tries) - self.SENT).total_seconds() for tries in range(1, 9)]
        self.assertEqual(waits, [5, 30, 120, 600, 1800, 3600, 3600, 3600])

    @override_settings(SWEEP_SPEED=1)
    def test_of_a_float_that_is_too_small(self) -> None:
        def wait(tries: int, **age: int) -> float | None:
            at = schedule.float_retry_at(self.SENT - timedelta(**age), self.SENT, tries=tries)
            return None if at is None else (at - self.SENT).total_seconds()

        self.assertEqual([wait(tries) for tries in range(1, 7)], [900, 3600, 14_400, 43_200, 86_400, 86_400])
        self.assertIsNotNone(wait(9, days=6))
        self.assertIsNone(wait(1, days=7))
