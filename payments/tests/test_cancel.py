"""Calling a payment off: remembered while a prompt is out, done at once when nothing is; money stays money."""

from datetime import timedelta
from typing import Any
from unittest import mock

from django.http import HttpResponse

from audit.models import AuditEvent
from merchants.services import provider_accounts
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id, to_public
from payments.models import MoneyOp, Payment, ProviderEvent
from payments.services import hand_over
from payments.services.sweep import sweep
from payments.tests.base import PaymentTestCase, entries_of, events_of, make_due, next_key, steps_of
from payments.tests.factories import (
    StandInProvider,
    fail,
    make_payment,
    next_phone,
    op_of,
    payment_of,
    refusal,
    succeed,
)
from providers.mpesa import words
from providers.types import ChargeRequest, Outcome
from tests.simulator_process import simulator


class CancelTestCase(PaymentTestCase):
    def cancel(self, payment: Payment, *, key: str | None = None) -> HttpResponse:
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        return self.post(f"payments/{to_public('pay', payment.id)}/cancel/", {}, headers)

    def cancelled(self, payment: Payment) -> Payment:
        answer = self.cancel(payment)
        self.assertEqual(answer.status_code, 200, answer.content)
        found = self.again(payment)
        self.assertEqual(answer.json()["version"], found.version)
        self.assertEqual(answer.json()["status"], found.status)
        return found


class WhileAPromptIsOut(CancelTestCase):
    def test_it_is_remembered_and_the_provider_awaited(self) -> None:
        payment = self.start()
        version = payment.version
        found = self.cancelled(payment)
        self.assertEqual((found.status, found.pending_reason), ("pending", "awaiting_provider"))
        self.assertEqual(
            (found.cancel_requested_by, found.version), (AuditEvent.objects.latest("at").actor, version + 1)
        )
        self.assertIsNotNone(found.cancel_requested_at)
        self.assertEqual(AuditEvent.objects.latest("at").action, "payment.cancel_requested")
        self.assertEqual(
            (op_of(payment).status, events_of(payment)), ("accepted", ["payment.created", "payment.pending"])
        )
        self.assertEqual(self.cancel(payment).json()["next_action"]["type"], "none")

    def test_again_changes_nothing(self) -> None:
        payment = self.start()
        first = self.cancelled(payment)
        again = self.cancelled(payment)
        self.assertEqual((again.version, again.cancel_requested_at), (first.version, first.cancel_requested_at))
        self.assertEqual(AuditEvent.objects.filter(action="payment.cancel_requested").count(), 1)

    def test_whatever_the_provider_says_no_with_it_ends_cancelled(self) -> None:
        for failure in (words.CANCELLED, words.EXPIRED, words.PAYER_BALANCE):
            with self.subTest(code=failure.code):
                payment = make_payment(self.merchant)
                self.cancelled(payment)
                self.assertEqual(fail(payment, failure), "applied")
                found = self.assert_state(payment, "cancelled", pending_reason=None)
                self.assertEqual((found.failure or {})["code"], failure.code)
                self.assertTrue(found.is_safe_to_retry)
                self.assertEqual(events_of(payment)[-1], "payment.cancelled")
                self.assert_no_money(payment)

    def test_an_end_in_silence_is_cancelled_and_not_safe(self) -> None:
        payment = self.start()
        self.cancelled(payment)
        long_ago = now() - timedelta(hours=2)
        MoneyOp.objects.filter(payment=payment).update(sent_at=long_ago, created_at=long_ago, answered_checks=5)
        make_due(op=op_of(payment))
        sweep()
        found = self.assert_state(payment, "cancelled")
        self.assertFalse(found.is_safe_to_retry)

    def test_money_that_comes_all_the_same_is_booked_and_flagged(self) -> None:
        payment = self.start()
        self.cancelled(payment)
        self.pay(payment)
        found = self.assert_state(payment, "completed", late=True, surplus=False, pending_reason=None)
        self.assertEqual(entries_of(found)[("provider_float", "D")], payment.amount)
        self.assert_one_capture(payment)
        self.assertIn("paid_after_close", ProviderEvent.objects.latest("id").note)
        story = self.get(f"payments/{to_public('pay', payment.id)}/timeline/", self.headers).json()["data"]
        kinds = [line["kind"] for line in story]
        self.assertLess(kinds.index("payment.cancel_requested"), kinds.index("exception.paid_after_close"))

    def test_money_after_the_cancelled_end_too(self) -> None:
        payment = make_payment(self.merchant)
        self.cancelled(payment)
        fail(payment)
        self.assertEqual(succeed(payment), "applied")
        self.assert_state(payment, "completed", late=True)
        self.assertIn("paid_after_close", ProviderEvent.objects.latest("id").note)

    def test_a_doubtful_hand_over(self) -> None:
        payment = make_payment(self.merchant, status="reconciling")
        self.assertEqual(self.cancelled(payment).pending_reason, "awaiting_provider")


class WhileItIsHandedOver(CancelTestCase):
    """The merchant calls it off before the provider has answered the hand-over."""

    def hand_over(self, error: Exception | None = None, *, accept: bool = True) -> HttpResponse:
        case = self

        class Slow(StandInProvider):
            def charge(slow, request: ChargeRequest) -> Outcome:  # noqa: N805
                case.cancelled(Payment.objects.get())
                case.assert_state(Payment.objects.get(), "initiated", pending_reason=None)
                return super().charge(request)

        provider = Slow(error=error)
        with mock.patch.object(provider_accounts, "_provider", lambda code, mode: provider):
            return self.initiate(key=next_key())

    def test_accepted(self) -> None:
        answer = self.hand_over()
        body, payment = answer.json(), Payment.objects.get()
        self.assertEqual(
            (answer.status_code, body["status"], body["pending_reason"]), (201, "pending", "awaiting_provider")
        )
        self.assertEqual((body["version"], body["next_action"]["type"]), (payment.version, "none"))
        self.assertEqual((op_of(payment).status, payment.provider_reference), ("accepted", op_of(payment).provider_ref))
        self.assertEqual(events_of(payment), ["payment.created", "payment.pending"])
        fail(payment, words.UNREACHABLE)
        self.assert_state(payment, "cancelled")

    def test_refused(self) -> None:
        answer = self.hand_over(refusal())
        payment = self.assert_state(Payment.objects.get(), "cancelled")
        self.assertEqual((answer.status_code, answer.json()["status"]), (201, "cancelled"))
        self.assertEqual(events_of(payment), ["payment.created", "payment.cancelled"])

    def test_a_crash_between(self) -> None:
        """The web process died after the provider's answer was stored and before the payment moved on."""
        payment = make_payment(self.merchant, status="initiated")
        self.cancelled(payment)
        MoneyOp.objects.filter(payment=payment).update(lease_until=now(), next_check=now())
        sweep()
        self.assert_state(payment, "pending", pending_reason="reconciling")
        self.assertEqual(hand_over.accept_called_off(op_of(payment).id).status, "pending")
        fail(payment)
        self.assert_state(payment, "cancelled")


class WithNothingOut(CancelTestCase):
    """Payers who pay by hand: nobody at the provider waits for anything, so there is nothing to recall."""

    def by_hand(self, **fields: Any) -> Payment:
        answer = self.initiate(payment_method="mpesa_c2b", phone=None, **fields)
        self.assertEqual(answer.status_code, 201, answer.content)
        return payment_of(answer.json()["id"])

    def test_it_is_cancelled_at_once(self) -> None:
        payment = self.by_hand()
        self.assertEqual((payment.status, op_of(payment).status), ("pending", "accepted"))
        found = self.cancelled(payment)
        self.assertEqual((found.status, found.failure, found.pending_reason), ("cancelled", None, None))
        self.assertTrue(found.is_safe_to_retry)
        self.assertEqual(steps_of(payment)[-1], ("pending", "cancelled"))
        self.assertEqual(events_of(payment)[-1], "payment.cancelled")
        self.assertEqual(
            (AuditEvent.objects.latest("at").actor, op_of(payment).status), (found.cancel_requested_by, "failed")
        )
        decision = ProviderEvent.objects.get()
        self.assertEqual((decision.door, found.evidence_id), ("merchant", decision.id))
        self.assert_no_money(payment)

    def test_again_changes_nothing(self) -> None:
        payment = self.by_hand()
        version = self.cancelled(payment).version
        self.assertEqual(self.cancelled(payment).version, version)
        self.assertEqual(events_of(payment).count("payment.cancelled"), 1)

    def test_money_that_comes_all_the_same(self) -> None:
        payment = self.by_hand(reference="ORDER-1")
        self.cancelled(payment)
        self.assertEqual(succeed(payment, source="confirmation"), "applied")
        self.assert_state(payment, "completed", late=True)
        self.assert_one_capture(payment)
        self.assertIn("paid_after_close", ProviderEvent.objects.latest("id").note)

    def test_its_reference_is_free_again(self) -> None:
        payment = self.by_hand(reference="ORDER-1")
        self.assert_problem(self.initiate(reference="ORDER-1"), 409, "duplicate_reference")
        self.cancelled(payment)
        self.assertEqual(self.initiate(reference="ORDER-1").status_code, 201)

    def test_there_is_no_prompt_to_send_again(self) -> None:
        payment = self.by_hand()
        self.cancelled(payment)
        path = f"payments/{to_public('pay', payment.id)}/resend/"
        self.assert_problem(self.post(path, {}, self.headers), 409, "state_conflict")


class Refused(CancelTestCase):
    def test_a_paid_payment(self) -> None:
        payment = make_payment(self.merchant, status="completed")
        found = self.assert_problem(self.cancel(payment), 409, "state_conflict")
        self.assertIn("refund", found["detail"])
        self.assert_state(payment, "completed", cancel_requested_at=None, version=payment.version)

    def test_a_payment_that_was_paid_although_called_off(self) -> None:
        payment = make_payment(self.merchant)
        self.cancelled(payment)
        succeed(payment)
        self.assert_problem(self.cancel(payment), 409, "state_conflict")

    def test_a_closed_payment(self) -> None:
        for status in ("failed", "expired"):
            payment = make_payment(self.merchant, status=status)
            self.assert_problem(self.cancel(payment), 409, "state_conflict")
            self.assert_state(payment, status, cancel_requested_at=None)

    def test_what_is_not_there(self) -> None:
        for name in (to_public("pay", new_id()), "pay_x"):
            self.assert_problem(self.post(f"payments/{name}/cancel/", {}, self.headers), 404, "payment_not_found")


class Repeats(CancelTestCase):
    def test_a_key_gives_the_first_answer_again(self) -> None:
        payment, key = self.start(), next_key()
        first = self.cancel(payment, key=key)
        simulator().cancel(op_of(payment).provider_ref or "")
        self.bring_callbacks(payment)
        again = self.cancel(payment, key=key)
        self.assertEqual((again.content, again["Idempotent-Replayed"]), (first.content, "true"))

    def test_a_new_prompt_after_a_cancelled_end(self) -> None:
        payment = self.start()
        self.cancelled(payment)
        simulator().cancel(op_of(payment).provider_ref or "")
        self.bring_callbacks(payment)
        self.assert_state(payment, "cancelled")
        answer = self.post(f"payments/{to_public('pay', payment.id)}/resend/", {"phone": next_phone()}, self.headers)
        self.assertEqual(answer.status_code, 201, answer.content)
        found = self.assert_state(payment, "pending", cancel_requested_at=None, cancel_requested_by=None)
        fail(found, words.WRONG_PIN)
        self.assert_state(payment, "failed")
