"""Asking again: a new attempt of the same payment, only when the last one is over for certain, and never twice."""

from datetime import timedelta
from typing import Any
from unittest import mock

from django.core.cache import cache
from django.http import HttpResponse
from django.test import override_settings

from audit.models import AuditEvent
from merchants.models import IdempotencyKey
from merchants.services import provider_accounts
from merchants.tests.threads import at_once
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id, to_public
from payments.models import MoneyOp, Payment
from payments.services.proof import prove
from payments.services.sweep import sweep
from payments.tests.base import (
    NOBODY,
    CommittingPaymentTestCase,
    PaymentCalls,
    PaymentTestCase,
    events_of,
    make_due,
    next_key,
    steps_of,
)
from payments.tests.factories import (
    CLOSED,
    Died,
    StandInProvider,
    fail,
    make_payment,
    next_phone,
    op_of,
    refusal,
)
from payments.tests.test_initiate import provider_settings
from providers.errors import ProviderTimeout
from providers.mpesa import words
from tests.simulator_process import simulator


class Resends(PaymentCalls):
    def resend(
        self, payment: Payment, body: Any = None, *, key: str | None = None, scenario: str | None = None
    ) -> HttpResponse:
        headers = dict(self.headers)
        headers |= {"Idempotency-Key": key} if key else {}
        headers |= {"OnPoint-Scenario": scenario} if scenario else {}
        return self.post(f"payments/{to_public('pay', payment.id)}/resend/", body or {}, headers)

    def resend_through(self, provider: StandInProvider, payment: Payment, **more: Any) -> HttpResponse:
        with mock.patch.object(provider_accounts, "_provider", lambda code, mode: provider):
            return self.resend(payment, **more)

    def assert_silent(self, payment: Payment, answer: HttpResponse, status: int, code: str) -> dict[str, Any]:
        """Refused: no attempt, no prompt, no event, the payment as it was."""
        found = self.assert_problem(answer, status, code)
        before = (payment.status, payment.attempts, payment.version)
        after = self.again(payment)
        self.assertEqual((after.status, after.attempts, after.version), before)  # type: ignore[attr-defined]
        self.assertEqual(MoneyOp.objects.filter(payment_id=payment.id).count(), 1)  # type: ignore[attr-defined]
        self.assertNotIn("payment.prompt_resent", events_of(payment))  # type: ignore[attr-defined]
        return found


class Allowed(Resends, PaymentTestCase):
    def test_a_failed_payment_gets_a_second_prompt(self) -> None:
        simulator().answer_at_once()
        payment = self.start(phone="254700000001", reference="ORDER-1")
        simulator().wait_decided(op_of(payment).provider_ref or "")
        self.bring_callbacks(payment)
        before = self.assert_state(payment, "failed")
        phone = next_phone()
        answer = self.resend(payment, {"phone": phone})
        self.assertEqual(answer.status_code, 201, answer.content)
        self.assertEqual(answer["Location"], f"/api/v1/payments/{to_public('pay', payment.id)}/")
        body, found = answer.json(), self.again(payment)
        ops = list(MoneyOp.objects.filter(payment=payment).order_by("id"))
        self.assertEqual(
            (body["id"], body["status"], body["pending_reason"], body["attempts"], body["phone"], body["failure"]),
            (to_public("pay", payment.id), "pending", "awaiting_customer", 2, phone, None),
        )
        self.assertEqual((body["merchant_reference"], body["reference"]), ("ORDER-1", payment.reference))
        self.assertEqual(body["version"], found.version)
        self.assertEqual(body["version"], before.version + 2)
        self.assertEqual([op.status for op in ops], ["failed", "accepted"])
        self.assertEqual([op.client_ref for op in ops], [f"{payment.reference}-{n}" for n in (1, 2)])
        self.assertNotEqual(bytes(ops[0].token_hash or b""), bytes(ops[1].token_hash or b""))
        self.assertEqual(found.provider_reference, ops[1].provider_ref)
        self.assertEqual([line["phone"] for line in simulator().prompts()], [before.phone, phone])
        self.assertGreater(found.expires_at, now())
        self.assertEqual(found.expires_at - ops[1].created_at, before.expires_at - before.created_at)

    def test_each_end_that_is_certain(self) -> None:
        for status in (*CLOSED, "refused"):
            with self.subTest(status=status):
                payment = make_payment(self.merchant, status=status)
                last = payment.status
                answer = self.resend(payment)
                self.assertEqual(answer.status_code, 201, answer.content)
                self.assertEqual(steps_of(payment)[-2:], [(last, "initiated"), ("initiated", "pending")])
                simulator().reset()

    def test_everybody_is_told(self) -> None:
        payment = make_payment(self.merchant, status="failed")
        self.assertEqual(self.resend(payment).status_code, 201)
        fail(payment, words.WRONG_PIN)
        self.assertEqual(self.resend(payment, {"phone": next_phone()}).status_code, 201)
        self.pay(payment)
        names = ["created", "pending", "failed", "prompt_resent", "pending", "failed", "prompt_resent", "pending"]
        self.assertEqual(events_of(payment), [f"payment.{name}" for name in [*names, "completed"]])
        told = AuditEvent.objects.filter(action="payment.prompt_resent").order_by("seq")
        actor = self.again(payment).created_by
        self.assertEqual(len(told), 2)
        self.assertTrue(all(link.actor.startswith("key_") and link.actor != actor for link in told))
        self.assert_state(payment, "completed", attempts=3, late=False, surplus=False)
        self.assert_one_capture(payment)

    def test_the_old_checkout_id_still_finds_the_payment(self) -> None:
        payment = make_payment(self.merchant, status="failed")
        old = payment.provider_reference
        self.resend(payment)
        self.assertNotEqual(self.again(payment).provider_reference, old)
        found = self.get(f"payments/status/{old}/", self.headers)
        self.assertEqual((found.status_code, found.json()["id"]), (200, to_public("pay", payment.id)))
        found = self.post("payments/status/", {"reference": old, "refresh": False}, self.headers)
        self.assertEqual(found.json()["id"], to_public("pay", payment.id))

    def test_the_story_tells_of_both_attempts(self) -> None:
        payment = make_payment(self.merchant, status="failed")
        self.resend(payment)
        story = self.get(f"payments/{to_public('pay', payment.id)}/timeline/", self.headers).json()["data"]
        titles = [line["title"] for line in story]
        self.assertEqual(titles.count("Prompt handed to the provider"), 2)
        self.assertIn("Event payment.prompt_resent", titles)
        self.assertEqual(titles.count("Event payment.pending"), 2)

    def test_a_pending_payment_is_asked_about_first(self) -> None:
        """Its time is over and nobody told us: the provider's no, found on the way, makes room for a new prompt."""
        payment = self.start()
        simulator().cancel(op_of(payment).provider_ref or "")
        self.make_stale(payment)
        answer = self.resend(payment)
        self.assertEqual((answer.status_code, answer.json()["attempts"]), (201, 2))
        self.assertEqual(steps_of(payment)[1:3], [("pending", "cancelled"), ("cancelled", "initiated")])
        self.assertEqual(len(simulator().prompts()), 2)

    def make_stale(self, payment: Payment) -> None:
        past = now() - timedelta(minutes=5)
        Payment.objects.filter(id=payment.id).update(expires_at=past)
        MoneyOp.objects.filter(payment=payment).update(sent_at=past, last_answer_at=past)
        cache.clear()


class Refused(Resends, PaymentTestCase):
    def test_while_the_last_prompt_may_still_be_paid(self) -> None:
        for status in ("initiated", "pending", "reconciling"):
            with self.subTest(status=status):
                payment = make_payment(self.merchant, status=status)
                answer = self.resend(payment)
                found = self.assert_silent(payment, answer, 409, "payment_in_progress")
                self.assertEqual(found["existing"], to_public("pay", payment.id))
                self.assertEqual(found["asked_again_at"][:19], op_of(payment).next_check.isoformat()[:19])  # type: ignore[union-attr]
                self.assertGreaterEqual(int(answer["Retry-After"]), 1)
        self.assertEqual(simulator().prompts(), [])

    def test_a_pending_payment_whose_provider_has_not_decided(self) -> None:
        payment = self.start()
        Allowed.make_stale(self, payment)  # type: ignore[arg-type]
        answer = self.resend(payment)
        self.assert_problem(answer, 409, "payment_in_progress")
        self.assertEqual((len(simulator().prompts()), op_of(payment).answered_checks), (1, 1))

    def test_a_paid_payment(self) -> None:
        payment = make_payment(self.merchant, status="completed")
        self.assert_silent(payment, self.resend(payment), 409, "state_conflict")

    def test_an_end_in_silence(self) -> None:
        """The provider had no result for an hour: that is no certain no."""
        payment = self.start()
        op = op_of(payment)
        long_ago = now() - timedelta(hours=2)
        MoneyOp.objects.filter(id=op.id).update(sent_at=long_ago, created_at=long_ago, answered_checks=5)
        make_due(op=op)
        sweep()
        payment = self.assert_state(payment, "expired")
        self.assertFalse(payment.is_safe_to_retry)
        found = self.assert_silent(payment, self.resend(payment), 409, "state_conflict")
        self.assertIn("twice", found["detail"])

    def test_a_reference_that_is_in_use_by_now(self) -> None:
        first = make_payment(self.merchant, status="failed", reference="ORDER-1")
        second = make_payment(self.merchant, reference="ORDER-1")
        found = self.assert_silent(first, self.resend(first), 409, "duplicate_reference")
        self.assertEqual(found["existing"], to_public("pay", second.id))

    def test_faults_of_the_request(self) -> None:
        payment = make_payment(self.merchant, status="failed")
        self.assert_silent(payment, self.resend(payment, {"phone": "12"}), 400, "phone_invalid")
        self.assert_silent(payment, self.resend(payment, {"amount": 5}), 400, "unknown_parameter")

    def test_what_is_not_there(self) -> None:
        for name in (to_public("pay", new_id()), "pay_x", "x"):
            answer = self.post(f"payments/{name}/resend/", {}, self.headers)
            self.assert_problem(answer, 404, "payment_not_found")


class HandOvers(Resends, PaymentTestCase):
    """What the provider makes of the second prompt."""

    def test_refused_at_once(self) -> None:
        payment = make_payment(self.merchant, status="failed")
        answer = self.resend_through(StandInProvider(error=refusal()), payment)
        found = self.assert_problem(answer, 402, "payment_failed")
        self.assertEqual((found["payment"]["attempts"], found["payment"]["status"]), (2, "failed"))
        self.assertEqual(op_of(payment).status, "rejected")
        self.assertEqual(events_of(payment)[-2:], ["payment.prompt_resent", "payment.failed"])

    def test_without_a_clear_answer(self) -> None:
        payment = make_payment(self.merchant, status="failed")
        answer = self.resend_through(StandInProvider(error=ProviderTimeout("no answer")), payment)
        self.assertEqual((answer.status_code, answer.json()["pending_reason"]), (201, "reconciling"))
        self.assertIsNone(self.again(payment).provider_reference)
        self.assertEqual(op_of(payment).status, "unknown")

    def test_never_sent(self) -> None:
        payment = make_payment(self.merchant, status="expired", language="sw")
        with provider_settings(SIMULATOR_URL=NOBODY):
            self.assert_problem(self.resend(payment), 503, "provider_unavailable")
        found = self.assert_state(payment, "failed", attempts=2)
        self.assertEqual((found.failure or {})["code"], "provider_down")
        self.assertIn("Hujatozwa", (found.failure or {})["customer_message"])
        self.assertEqual(self.resend(payment).status_code, 201)


@override_settings(IDEMPOTENCY_WAIT_SECONDS=0.05)
class Keys(Resends, PaymentTestCase):
    def test_a_repeat_gets_the_first_answer_and_sends_nothing(self) -> None:
        payment, key = make_payment(self.merchant, status="failed"), next_key()
        first = self.resend(payment, key=key)
        again = self.resend(payment, key=key)
        self.assertEqual((again.status_code, again.content), (201, first.content))
        self.assertEqual((first.status_code, again["Idempotent-Replayed"]), (201, "true"))
        self.assertEqual(again["Idempotent-Original-Request"], first["Request-Id"])
        self.assertEqual((len(simulator().prompts()), self.again(payment).attempts), (1, 2))
        self.assert_problem(self.resend(payment, {"phone": next_phone()}, key=key), 422, "idempotency_key_reused")

    def test_a_refusal_frees_the_key(self) -> None:
        payment, key = make_payment(self.merchant), next_key()
        self.assert_problem(self.resend(payment, key=key), 409, "payment_in_progress")
        self.assertFalse(IdempotencyKey.objects.filter(key=key).exists())

    def test_a_crash_is_resumed_and_nothing_sent(self) -> None:
        payment, key = make_payment(self.merchant, status="failed"), next_key()
        provider = StandInProvider(error=Died())
        with self.assertRaises(Died):
            self.resend_through(provider, payment, key=key)
        self.assert_state(payment, "initiated", attempts=2)
        self.assert_problem(self.resend(payment, key=key), 409, "idempotency_in_progress")
        IdempotencyKey.objects.update(lease_until=now() - timedelta(seconds=1))
        answer = self.resend(payment, key=key)
        self.assertEqual((answer.status_code, answer.json()["pending_reason"]), (201, "reconciling"))
        self.assertEqual((len(provider.charges), simulator().prompts()), (1, []))

    def test_a_crash_without_a_key_is_found_by_the_sweeper(self) -> None:
        payment = make_payment(self.merchant, status="failed")
        with self.assertRaises(Died):
            self.resend_through(StandInProvider(error=Died()), payment)
        MoneyOp.objects.filter(payment=payment, status="sending").update(lease_until=now(), next_check=now())
        sweep()
        self.assert_state(payment, "pending", pending_reason="reconciling", attempts=2)


class Races(Resends, CommittingPaymentTestCase):
    def test_a_payment_of_three_attempts_is_proven(self) -> None:
        payment = make_payment(self.merchant, status="failed")
        self.assertEqual(self.resend(payment).status_code, 201)
        fail(payment, words.WRONG_PIN)
        self.assertEqual([finding.invariant.name for finding in prove() if finding.rows], [])
        self.assertEqual(self.resend(payment, {"phone": next_phone()}).status_code, 201)
        self.pay(payment)
        self.assertEqual([finding.invariant.name for finding in prove() if finding.rows], [])

    def test_two_at_once_send_one_prompt(self) -> None:
        for _ in range(4):
            simulator().reset()
            payment = make_payment(self.merchant, status="failed")
            answers = at_once(2, lambda _, payment=payment: self.resend(payment))
            self.assertEqual(sorted(answer.status_code for answer in answers), [201, 409])
            (refused,) = [answer.json() for answer in answers if answer.status_code == 409]
            self.assertEqual(refused["code"], "payment_in_progress")
            self.assertEqual((len(simulator().prompts()), self.again(payment).attempts), (1, 2))
            self.assertEqual(events_of(payment).count("payment.prompt_resent"), 1)
        self.assertEqual([finding.invariant.name for finding in prove() if finding.rows], [])

    @override_settings(IDEMPOTENCY_WAIT_SECONDS=10)
    def test_one_key_at_once(self) -> None:
        payment, key = make_payment(self.merchant, status="failed"), next_key()
        answers = at_once(8, lambda _: self.resend(payment, key=key))
        self.assertEqual({answer.status_code for answer in answers}, {201})
        self.assertEqual(len({answer.content for answer in answers}), 1)
        self.assertEqual((len(simulator().prompts()), MoneyOp.objects.count()), (1, 2))

    def test_resending_and_starting_anew_under_one_reference(self) -> None:
        for number in range(4):
            simulator().reset()
            reference = f"ORDER-{number}"
            first = make_payment(self.merchant, status="failed", reference=reference)
            answers = at_once(
                2,
                lambda who, first=first, reference=reference: (
                    self.initiate(reference=reference) if who else self.resend(first)
                ),
            )
            self.assertEqual(sorted(answer.status_code for answer in answers), [201, 409])
            self.assertEqual(len(simulator().prompts()), 1)
        # Four first prompts, and one more for each order, whoever won.
        self.assertEqual(MoneyOp.objects.count(), 8)
