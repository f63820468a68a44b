"""Asking the provider now: about every attempt that may still turn out paid, and not too often."""

from datetime import timedelta

from django.core.cache import cache
from django.http import HttpResponse
from django.test import override_settings

from merchants.tests.base import AWAY
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id, to_public
from payments.models import MoneyOp, Payment, ProviderEvent
from payments.services.sweep import sweep
from payments.tests.base import NOBODY, PaymentTestCase, make_due
from payments.tests.claims import UNREACHABLE, failure_body
from payments.tests.factories import fail, make_payment, next_phone, op_of
from payments.tests.test_initiate import provider_settings
from tests.simulator_process import simulator


class Syncs(PaymentTestCase):
    def setUp(self) -> None:
        super().setUp()
        cache.clear()

    def sync(self, payment: Payment) -> HttpResponse:
        answer = self.post(f"payments/{to_public('pay', payment.id)}/sync/", {}, self.headers)
        self.assertEqual(answer.status_code, 200, answer.content)
        self.assertEqual(answer.json()["id"], to_public("pay", payment.id))
        return answer

    def queries(self, op: MoneyOp) -> int:
        return int(simulator().prompt(op.provider_ref or "")["queries"])

    def test_a_prompt_that_was_just_sent_is_asked_about(self) -> None:
        payment = self.start()
        self.assertEqual(self.sync(payment).json()["status"], "pending")
        self.assertEqual(self.queries(op_of(payment)), 1)
        self.assertEqual(ProviderEvent.objects.get().door, "query")

    def test_once_in_five_seconds(self) -> None:
        payment = self.start()
        for _ in range(3):
            self.sync(payment)
        self.assertEqual(self.queries(op_of(payment)), 1)

    def test_it_finds_the_money(self) -> None:
        payment = self.start()
        simulator().approve(op_of(payment).provider_ref or "")
        self.assertEqual(self.sync(payment).json()["status"], "completed")
        self.assert_state(payment, "completed", confirmed_by="query")
        self.assert_one_capture(payment)

    def test_money_of_a_payment_that_was_given_up(self) -> None:
        payment = self.start()
        self.tell(payment, failure_body(op_of(payment).provider_ref or "", UNREACHABLE, "DS timeout"))
        self.assert_state(payment, "expired")
        simulator().approve(op_of(payment).provider_ref or "")
        found = self.sync(payment).json()
        self.assertEqual((found["status"], found["late"]), ("completed", True))
        self.assert_one_capture(payment)

    def test_an_end_in_silence_learns_its_reason(self) -> None:
        """Then a new prompt is safe."""
        payment = self.start()
        long_ago = now() - timedelta(hours=2)
        MoneyOp.objects.filter(payment=payment).update(sent_at=long_ago, created_at=long_ago, answered_checks=5)
        make_due()
        sweep()
        before = self.assert_state(payment, "expired")
        self.assertFalse(before.is_safe_to_retry)
        simulator().cancel(op_of(payment).provider_ref or "")
        found = self.sync(payment).json()
        self.assertEqual((found["status"], found["safe_to_retry"]), ("expired", True))
        self.assertEqual((found["failure"]["code"], found["version"]), ("cancelled_by_customer", before.version + 1))
        self.assertEqual(ProviderEvent.objects.latest("id").note, "the reason is known now")

    def test_every_attempt_is_asked_about(self) -> None:
        payment = self.start()
        fail(payment)
        path = f"payments/{to_public('pay', payment.id)}/resend/"
        self.assertEqual(self.post(path, {"phone": next_phone()}, self.headers).status_code, 201)
        self.sync(payment)
        older, newer = MoneyOp.objects.filter(payment=payment).order_by("id")
        self.assertEqual((self.queries(older), self.queries(newer)), (1, 1))

    def test_a_prompt_without_a_name_is_looked_up_right_after(self) -> None:
        payment = make_payment(self.merchant, status="reconciling")
        later = now() + timedelta(minutes=10)
        MoneyOp.objects.filter(payment=payment).update(next_check=later)
        self.sync(payment)
        self.assertLess(op_of(payment).next_check, later)  # type: ignore[operator]
        self.assert_state(payment, "pending", pending_reason="reconciling")

    def test_a_paid_payment_is_not_asked_about(self) -> None:
        payment = self.start()
        self.pay(payment)
        self.assertEqual(self.sync(payment).json()["status"], "completed")
        self.assertEqual(self.queries(op_of(payment)), 0)

    def test_without_the_shared_floor_nobody_is_asked(self) -> None:
        payment = self.start()
        with override_settings(CACHES=AWAY):
            self.sync(payment)
        self.assertEqual(self.queries(op_of(payment)), 0)

    def test_a_provider_that_does_not_answer(self) -> None:
        payment = self.start()
        with provider_settings(SIMULATOR_URL=NOBODY):
            self.assertEqual(self.sync(payment).json()["status"], "pending")
        self.assertFalse(ProviderEvent.objects.exists())

    def test_what_is_not_there(self) -> None:
        path = f"payments/{to_public('pay', new_id())}/sync/"
        self.assert_problem(self.post(path, {}, self.headers), 404, "payment_not_found")
