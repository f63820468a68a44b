"""Asking for a payment's state: by every kind of reference, and by asking the provider when its last word is old."""

from datetime import timedelta
from typing import Any

from django.core.cache import cache
from django.http import HttpResponse
from django.test import override_settings

from merchants.tests.base import AWAY
from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id, to_public
from payments.models import MoneyOp, Payment, ProviderEvent
from payments.tests.base import NOBODY, PaymentTestCase
from payments.tests.factories import make_payment, op_of
from payments.tests.test_initiate import provider_settings
from tests.simulator_process import simulator

STATUS = "payments/status/"


class StatusTestCase(PaymentTestCase):
    def status(self, reference: Any, **fields: Any) -> HttpResponse:
        return self.post(STATUS, {"reference": reference} | fields, self.headers)

    def assert_found(self, reference: str, payment: Payment, **fields: Any) -> None:
        answer = self.status(reference, **fields)
        self.assertEqual((answer.status_code, answer.json().get("id")), (200, to_public("pay", payment.id)), reference)

    def assert_missing(self, reference: str, **fields: Any) -> None:
        self.assert_problem(self.status(reference, **fields), 404, "payment_not_found")


class References(StatusTestCase):
    def test_all_five_kinds(self) -> None:
        payment = make_payment(self.merchant, status="completed", reference="ORDER-1")
        for reference in (
            payment.reference,
            to_public("pay", payment.id),
            "ORDER-1",
            payment.provider_reference,
            payment.receipt,
        ):
            with self.subTest(reference=reference):
                self.assert_found(reference or "", payment)

    def test_the_answer_is_the_payment(self) -> None:
        payment = make_payment(self.merchant, status="completed", reference="ORDER-1")
        shown = self.get(f"payments/{to_public('pay', payment.id)}/", self.headers)
        self.assertEqual(self.status("ORDER-1").json(), shown.json())
        by_checkout = self.get(f"{STATUS}{payment.provider_reference}/", self.headers)
        self.assertEqual((by_checkout.status_code, by_checkout.json()), (200, shown.json()))

    def test_the_kinds_are_tried_in_order(self) -> None:
        """Each later payment carries, as its own reference, what names the first one in another way."""
        first = make_payment(self.merchant, status="completed", reference="ORDER-1")
        for name in (first.reference, to_public("pay", first.id)):
            make_payment(self.merchant, reference=name)
            self.assert_found(name, first)
        for name in (first.provider_reference or "", first.receipt or ""):
            namesake = make_payment(self.merchant, reference=name)
            self.assert_found(name, namesake)

    def test_one_reference_for_several_payments(self) -> None:
        failed = make_payment(self.merchant, status="failed", reference="ORDER-1")
        pending = make_payment(self.merchant, reference="ORDER-1")
        found = self.assert_problem(self.status("ORDER-1"), 409, "reference_ambiguous")
        self.assertEqual(found["candidates"], [to_public("pay", pending.id), to_public("pay", failed.id)])
        self.assertEqual(found["param"], "reference")

    def test_what_is_not_there(self) -> None:
        make_payment(self.merchant, reference="ORDER-1")
        for reference in ("ORDER-2", "order-1", "%", "pay_", to_public("pay", new_id()), "' OR '1'='1", "é"):
            with self.subTest(reference=reference):
                self.assert_missing(reference)

    def test_what_belongs_to_others(self) -> None:
        others = [
            make_payment(make_merchant("Mama Mboga"), status="completed", reference="ORDER-1"),
            make_payment(self.merchant, mode="live", status="completed", reference="ORDER-1"),
        ]
        for payment in others:
            for reference in (
                payment.reference,
                to_public("pay", payment.id),
                "ORDER-1",
                payment.provider_reference,
                payment.receipt,
            ):
                with self.subTest(reference=reference):
                    self.assert_missing(reference or "")
            self.assert_problem(
                self.get(f"{STATUS}{payment.provider_reference}/", self.headers), 404, "payment_not_found"
            )

    def test_the_method_must_agree(self) -> None:
        payment = make_payment(self.merchant, reference="ORDER-1")
        self.assert_found("ORDER-1", payment, payment_method="mpesa")
        self.assert_missing("ORDER-1", payment_method="card")

    def test_faults(self) -> None:
        self.assert_problem(self.post(STATUS, {}, self.headers), 400, "parameter_missing")
        self.assert_problem(self.status(""), 400, "parameter_missing")
        self.assert_problem(self.status("x" * 129), 400, "parameter_invalid")
        self.assert_problem(self.status("A", colour="red"), 400, "unknown_parameter")
        self.assert_problem(self.status("A", refresh="perhaps"), 400, "parameter_invalid")
        self.assert_problem(self.post(STATUS, {"reference": "A"}), 401, "authentication_required")

    def test_odd_checkout_ids_in_the_path(self) -> None:
        for text in ("a%00b", "%ff", "%E2%80%8B", "x" * 3000, "%27%20OR%201=1"):
            with self.subTest(text=text[:20]):
                answer = self.get(f"{STATUS}{text}/", self.headers)
                self.assert_problem(answer, 404, "payment_not_found")


class Refreshing(StatusTestCase):
    """What the simulator's book counts is what we really asked."""

    def age(self, payment: Payment, *, seconds: int = 60) -> None:
        """The provider's last word is so old."""
        MoneyOp.objects.filter(payment=payment).update(sent_at=now() - timedelta(seconds=seconds), last_answer_at=None)

    def queries(self) -> int:
        return simulator().summary()["queries"]

    def ask(self, payment: Payment, **fields: Any) -> dict[str, Any]:
        answer = self.status(payment.reference, **fields)
        self.assertEqual(answer.status_code, 200, answer.content)
        return dict(answer.json())

    def test_a_paid_prompt_completes_the_payment(self) -> None:
        payment = self.start()
        simulator().approve(op_of(payment).provider_ref or "")
        self.age(payment)
        found = self.ask(payment)
        self.assertEqual((found["status"], found["confirmed_by"]), ("completed", "query"))
        self.assertEqual(self.queries(), 1)
        self.assert_one_capture(payment)
        evidence = ProviderEvent.objects.get()
        self.assertEqual((evidence.door, evidence.status), ("query", "applied"))

    def test_a_cancelled_prompt_cancels_it(self) -> None:
        payment = self.start()
        simulator().cancel(op_of(payment).provider_ref or "")
        self.age(payment)
        self.assertEqual(self.ask(payment)["status"], "cancelled")

    def test_an_open_prompt_leaves_it_pending(self) -> None:
        payment = self.start()
        self.age(payment)
        found = self.ask(payment)
        self.assertEqual(
            (found["status"], found["pending_reason"], found["version"]), ("pending", "awaiting_customer", 2)
        )
        self.assertEqual(op_of(payment).answered_checks, 1)
        self.assertIsNotNone(op_of(payment).last_answer_at)

    def test_a_fresh_word_is_not_asked_for_again(self) -> None:
        payment = self.start()
        self.ask(payment)
        self.assertEqual(self.queries(), 0)
        self.age(payment)
        self.ask(payment)
        self.ask(payment)
        self.assertEqual(self.queries(), 1)

    def test_one_question_in_five_seconds_even_without_an_answer(self) -> None:
        payment = self.start(scenario="query.fail=9")
        self.age(payment)
        self.assertEqual([self.ask(payment)["status"] for _ in range(3)], ["pending"] * 3)
        self.assertEqual(self.queries(), 1)
        cache.clear()  # five seconds later
        self.age(payment)
        self.ask(payment)
        self.assertEqual(self.queries(), 2)

    def test_refresh_false_asks_nothing(self) -> None:
        payment = self.start()
        simulator().approve(op_of(payment).provider_ref or "")
        self.age(payment)
        self.assertEqual(self.ask(payment, refresh=False)["status"], "pending")
        self.assertEqual(self.queries(), 0)

    def test_reading_by_path_asks_nothing(self) -> None:
        payment = self.start()
        self.age(payment)
        self.get(f"{STATUS}{op_of(payment).provider_ref}/", self.headers)
        self.get(f"payments/{to_public('pay', payment.id)}/", self.headers)
        self.assertEqual(self.queries(), 0)

    def test_a_closed_payment_is_not_asked_about(self) -> None:
        payment = self.start()
        self.pay(payment)
        self.age(payment)
        self.ask(payment)
        self.assertEqual(self.queries(), 0)

    def test_a_lost_hand_over_cannot_be_asked_about(self) -> None:
        payment = self.start(scenario="push=reset")
        self.age(payment)
        self.assertEqual(self.ask(payment)["pending_reason"], "reconciling")
        self.assertEqual(self.queries(), 0)

    def test_a_provider_that_is_away_changes_nothing(self) -> None:
        payment = self.start()
        self.age(payment)
        with provider_settings(SIMULATOR_URL=NOBODY):
            self.assertEqual(self.ask(payment)["status"], "pending")
        self.assertFalse(ProviderEvent.objects.exists())

    def test_time_alone_fails_nothing(self) -> None:
        payment = self.start(expires_in=60)
        Payment.objects.filter(id=payment.id).update(expires_at=now() - timedelta(days=3))
        self.age(payment, seconds=3 * 86_400)
        self.assertEqual(self.ask(payment)["status"], "pending")

    def test_without_the_shared_floor_nobody_is_asked(self) -> None:
        payment = self.start()
        self.age(payment)
        with override_settings(CACHES=AWAY):
            self.assertEqual(self.ask(payment)["status"], "pending")
        self.assertEqual(self.queries(), 0)

    def test_the_policy_of_the_key(self) -> None:
        payment = self.start()
        self.headers = key_headers(make_api_key(self.merchant, scopes=["payments:write"]))
        self.assert_problem(self.status(payment.reference), 403, "insufficient_scope")
