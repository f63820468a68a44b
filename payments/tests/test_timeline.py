"""The story of a payment: every step with its evidence, oldest first."""

from typing import Any

from django.test import override_settings

from onpoint_pay.kit.ids import new_id, to_public
from payments.models import Payment, ProviderEvent
from payments.services.sweep import sweep
from payments.tests.base import (
    NO_SUCH_TOKEN,
    CommittingPaymentTestCase,
    PaymentCalls,
    PaymentTestCase,
    make_due,
)
from payments.tests.claims import success_body
from payments.tests.factories import make_payment, op_of
from tests.simulator_process import simulator
from webhooks.services.drain import drain_until_idle
from webhooks.tests.receiver import Receiver


class StoryCalls(PaymentCalls):
    def story(self, payment: Payment) -> list[dict[str, Any]]:
        answer = self.get(f"payments/{to_public('pay', payment.id)}/timeline/", self.headers)
        self.assertEqual(answer.status_code, 200, answer.content)
        found = answer.json()
        self.assertEqual((found["object"], found["has_more"], found["next_cursor"]), ("list", False, None))
        moments = found["data"]
        self.assertEqual([moment["at"] for moment in moments], sorted(moment["at"] for moment in moments))
        for moment in moments:
            self.assertEqual(set(moment), {"at", "kind", "actor", "title", "detail", "evidence"})
            self.assertTrue(moment["title"])
        return list(moments)

    def kinds(self, payment: Payment) -> list[str]:
        return [moment["kind"] for moment in self.story(payment)]

    def assert_all_present(self, payment: Payment, *kinds: str) -> None:
        found = self.kinds(payment)
        self.assertEqual([kind for kind in kinds if kind not in found], [], found)


class StoryTestCase(StoryCalls, PaymentTestCase):
    """Rolled back after each test."""


class Stories(StoryTestCase):
    def test_a_paid_payment(self) -> None:
        payment = self.start()
        self.pay(payment)
        self.assertCountEqual(
            self.kinds(payment),
            [
                "payment.initiated",
                "operation.sending",
                "webhook.event",
                "operation.accepted",
                "payment.pending",
                "webhook.event",
                "provider.collect",
                "operation.succeeded",
                "payment.completed",
                "ledger.posted",
                "webhook.event",
            ],
        )
        story = {moment["kind"]: moment for moment in self.story(payment)}
        claim = ProviderEvent.objects.get()
        self.assertEqual(story["payment.initiated"]["actor"], payment.created_by)
        self.assertEqual(story["payment.initiated"]["detail"], payment.reference)
        self.assertEqual(story["payment.completed"]["detail"], "was pending")
        proof = {"type": "provider_event", "ref": str(claim.id)}
        self.assertEqual(story["payment.completed"]["evidence"], proof | {"source_ip": None})
        self.assertEqual(story["provider.collect"]["evidence"], proof | {"source_ip": "127.0.0.1"})
        booked = story["ledger.posted"]["evidence"]
        self.assertEqual(booked["ref"], str(self.again(payment).capture_transfer_id))
        lines = [(entry["account"], entry["side"], entry["amount"]) for entry in booked["entries"]]
        self.assertEqual(lines[0], ("provider_float", "debit", "100.00"))
        self.assertCountEqual(lines[1:], [("pending", "credit", "98.50"), ("fee_income", "credit", "1.50")])

    def test_a_refused_and_an_unsent_payment(self) -> None:
        refused = make_payment(self.merchant, status="refused")
        self.assert_all_present(refused, "operation.rejected", "provider.push", "payment.failed")
        self.assertNotIn("ledger.posted", self.kinds(refused))

    def test_a_lost_hand_over_found_by_asking(self) -> None:
        payment = self.start()
        make_due()
        sweep()
        simulator().cancel(op_of(payment).provider_ref or "")
        make_due()
        sweep()
        story = self.story(payment)
        self.assertEqual([moment["kind"] for moment in story].count("provider.query"), 2)
        self.assert_all_present(payment, "operation.failed", "payment.cancelled")

    def test_a_doubtful_hand_over(self) -> None:
        payment = make_payment(self.merchant, status="reconciling")
        self.assert_all_present(payment, "operation.unknown", "payment.pending")

    def test_late_money(self) -> None:
        payment = self.start(phone="254700000042")
        self.pay(payment)
        kinds = self.kinds(payment)
        self.assertLess(kinds.index("payment.cancelled"), kinds.index("payment.completed"))
        (completed,) = [moment for moment in self.story(payment) if moment["kind"] == "payment.completed"]
        self.assertEqual(completed["detail"], "was cancelled")

    def test_a_claim_that_was_not_believed(self) -> None:
        payment = self.start()
        self.bring(success_body(op_of(payment).provider_ref or ""), f"/api/v1/hooks/{NO_SUCH_TOKEN}/collect/")
        self.apply()
        (moment,) = [moment for moment in self.story(payment) if moment["kind"] == "provider.collect"]
        self.assertEqual(moment["title"], "Callback kept apart; nothing changed")
        self.assertIn("untrusted", moment["detail"])

    def test_it_shows_no_bodies_tokens_or_phones(self) -> None:
        payment = self.start()
        token = self.door_of(payment).split("/")[4]
        self.pay(payment)
        text = self.get(f"payments/{to_public('pay', payment.id)}/timeline/", self.headers).content.decode()
        self.assertNotIn(token, text)
        self.assertNotIn(str(payment.phone), text)

    def test_what_is_not_there(self) -> None:
        for name in (to_public("pay", new_id()), "pay_x", "x", to_public("evt", new_id())):
            with self.subTest(name=name):
                self.assert_problem(self.get(f"payments/{name}/timeline/", self.headers), 404, "payment_not_found")


@override_settings(WEBHOOK_ALLOW_PRIVATE=True)
class Deliveries(StoryCalls, CommittingPaymentTestCase):
    """With an endpoint that answers: a drain sees what is committed."""

    def test_a_delivered_webhook(self) -> None:
        with Receiver() as shop:
            payment = self.start(callback_url=f"{shop.url}/paid")
            self.pay(payment)
            drain_until_idle(seconds=30)
        attempts = [moment for moment in self.story(payment) if moment["kind"] == "webhook.attempt"]
        self.assertEqual(
            [moment["title"] for moment in attempts],
            [f"Webhook payment.{name}: answered 200" for name in ("created", "pending", "completed")],
        )
        self.assertTrue(all(moment["evidence"]["ref"].startswith("evt_") for moment in attempts))
