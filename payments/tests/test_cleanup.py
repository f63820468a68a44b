"""Going through closed payments again, and putting stored callbacks through their door once more."""

from datetime import timedelta
from io import StringIO
from typing import Any
from unittest import mock

from django.core.management import CommandError, call_command

from audit.models import AuditEvent
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.clock import now
from payments.models import MoneyOp, Payment, ProviderEvent
from payments.services import cleanup
from payments.services.callbacks import NotReplayable, replay_callback
from payments.tests.base import PaymentTestCase, events_of
from payments.tests.claims import failure_body, success_body
from payments.tests.factories import make_payment, op_of
from providers.types import Outcome, OutcomeStatus
from tests.simulator_process import simulator


def run(*words: str, **options: Any) -> str:
    out = StringIO()
    call_command(*words, stdout=out, **options)
    return out.getvalue()


class CleanupTest(PaymentTestCase):
    def failed(self, **fields: Any) -> Payment:
        """A payment the provider called cancelled; two days old."""
        payment = self.start(**fields)
        self.tell(payment, failure_body(op_of(payment).provider_ref or ""))
        return self.aged(payment)

    def aged(self, payment: Payment) -> Payment:
        Payment.objects.filter(id=payment.id).update(created_at=now() - timedelta(days=2))
        return self.again(payment)

    def disbelieved(self) -> tuple[Payment, ProviderEvent]:
        """Failed by a callback, then told paid; the second word was kept apart."""
        payment = self.failed(scenario="callback.lost=1")
        body = success_body(op_of(payment).provider_ref or "", amount=100)
        with mock.patch.object(
            cleanup, "_claims_money", side_effect=AssertionError("only the command looks for claims")
        ):
            self.bring(body, self.door_of(payment))
        event = ProviderEvent.objects.latest("id")
        ProviderEvent.objects.filter(id=event.id).update(status="quarantined", note="kept apart by hand")
        return payment, event

    def test_without_options_it_shows_and_changes_nothing(self) -> None:
        payment = self.failed()
        shown = run("cleanup_failed_payments")
        self.assertIn("1 test cancelled cancelled_by_customer", shown)
        self.assertIn("1 test payments without a receipt", shown)
        self.assertIn("Nothing was changed", shown)
        self.assert_state(payment, "cancelled")

    def test_apply_completes_what_the_provider_confirms(self) -> None:
        payment, event = self.disbelieved()
        simulator().approve(op_of(payment).provider_ref or "")
        with mock.patch("payments.management.commands.cleanup_failed_payments.read_statements", return_value=0):
            shown = run("cleanup_failed_payments", "--apply")
        self.assertIn(": applied", shown)
        self.assert_state(payment, "completed", late=True, receipt="UKL4Q7ZX2A")
        self.assert_one_capture(payment)

    def test_apply_leaves_what_the_provider_denies(self) -> None:
        payment, event = self.disbelieved()
        denied = Outcome(
            status=OutcomeStatus.PENDING, provider_code="4999", provider_message="The transaction is still open"
        )
        with (
            mock.patch("payments.management.commands.cleanup_failed_payments.read_statements", return_value=0),
            mock.patch.object(cleanup, "question", return_value=denied),
        ):
            shown = run("cleanup_failed_payments", "--apply")
        self.assertIn("not verified: the provider says 4999", shown)
        self.assert_state(payment, "cancelled")
        self.assert_no_money(payment)

    def test_no_answer_completes_nothing(self) -> None:
        payment, event = self.disbelieved()
        with (
            mock.patch("payments.management.commands.cleanup_failed_payments.read_statements", return_value=0),
            mock.patch.object(cleanup, "question", return_value=None),
        ):
            self.assertIn("gave no answer", run("cleanup_failed_payments", "--apply"))
        self.assert_no_money(payment)

    def test_delete_tests_takes_dead_tests_and_nothing_else(self) -> None:
        dead = self.failed()
        claimed, event = self.disbelieved()
        paid = self.start()
        self.pay(paid)
        self.aged(paid)
        waiting = self.aged(self.start())
        live = self.aged(make_payment(self.merchant, status="failed", mode=LIVE))
        fresh = self.start()
        self.tell(fresh, failure_body(op_of(fresh).provider_ref or ""))
        told = events_of(dead)
        shown = run("cleanup_failed_payments", "--delete-tests")
        self.assertIn("1 test payments deleted", shown)
        self.assertFalse(Payment.objects.filter(id=dead.id).exists())
        self.assertFalse(MoneyOp.objects.filter(payment_id=dead.id).exists())
        self.assertEqual(events_of(dead), told)
        left = {claimed.id, paid.id, waiting.id, live.id, fresh.id}
        self.assertEqual(set(Payment.objects.values_list("id", flat=True)), left)
        self.assertEqual(AuditEvent.objects.filter(action="payments.tests_deleted").count(), 1)

    def test_age_spares_the_young(self) -> None:
        payment = self.failed()
        self.assertIn("0 test payments deleted", run("cleanup_failed_payments", "--delete-tests", age_days=3))
        self.assert_state(payment, "cancelled")


class ReplayTest(PaymentTestCase):
    def test_a_claim_given_up_too_early_finds_its_payment(self) -> None:
        payment = self.start(scenario="callback.lost=1")
        self.bring(success_body(op_of(payment).provider_ref or "", amount=100), self.door_of(payment))
        event = ProviderEvent.objects.latest("id")
        ProviderEvent.objects.filter(id=event.id).update(status="quarantined", note="nobody here knows")
        shown = run("replay_callback", str(event.id))
        self.assertIn("quarantined -> applied", shown)
        self.assert_state(payment, "completed")
        self.assertEqual(AuditEvent.objects.filter(action="callback.replayed").count(), 1)

    def test_replaying_does_not_make_a_stranger_trusted(self) -> None:
        payment = self.start()
        self.bring(success_body(op_of(payment).provider_ref or ""), "/api/v1/payments/mpesa/callback/")
        self.apply()
        event = ProviderEvent.objects.latest("id")
        self.assertEqual(event.status, "quarantined")
        self.assertEqual(replay_callback(event.id), "quarantined")
        self.assert_state(payment, "pending")
        self.assert_no_money(payment)

    def test_what_was_applied_is_left_alone(self) -> None:
        payment = self.start()
        self.pay(payment)
        (event,) = ProviderEvent.objects.filter(door="collect", status="applied")
        with self.assertRaises(NotReplayable):
            replay_callback(event.id)
        self.assert_one_capture(payment)

    def test_a_dry_run_only_shows(self) -> None:
        payment = self.start()
        self.bring(success_body(op_of(payment).provider_ref or ""), "/api/v1/payments/mpesa/callback/")
        self.apply()
        shown = run("replay_callback", status="quarantined", dry_run=True)
        self.assertIn("collect:claim", shown)
        self.assertFalse(AuditEvent.objects.filter(action="callback.replayed").exists())

    def test_it_wants_to_know_which(self) -> None:
        with self.assertRaises(CommandError):
            run("replay_callback")


class SweepCommandTest(PaymentTestCase):
    def test_it_does_what_the_workers_do(self) -> None:
        payment = self.start(scenario="callback.lost=1")
        simulator().approve(op_of(payment).provider_ref or "")
        MoneyOp.objects.update(next_check=now())
        shown = run("sweep")
        self.assertIn("0 callbacks looked at, 1 operations looked at", shown)
        self.assert_state(payment, "completed", confirmed_by="query")
