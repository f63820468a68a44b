"""Sending again on request."""

from datetime import timedelta

from audit.models import AuditEvent
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import Problem
from webhooks.models import Attempt, Delivery, Endpoint, Lane
from webhooks.services.drain import Counts
from webhooks.services.resend import resend_delivery
from webhooks.tests.factories import drain, make_delivery, publish
from webhooks.tests.receiver import Receiver
from webhooks.tests.test_drain import DrainCase


class Resending(DrainCase):
    def test_a_delivered_one_goes_again_with_the_same_id(self) -> None:
        with Receiver() as receiver:
            self.endpoint(receiver.url)
            publish(self.merchant)
            drain()
            resent = resend_delivery(Delivery.objects.get(), actor="key_test")
            self.assertEqual((resent.state, resent.tries, resent.delivered_at), ("open", 0, None))
            self.assertEqual(drain(), Counts(delivered=1))
        first, second = receiver.received
        self.assertEqual(first.headers["webhook-id"], second.headers["webhook-id"])
        self.assertEqual(list(Attempt.objects.order_by("id").values_list("trigger", flat=True)), ["auto", "manual"])
        link = AuditEvent.objects.filter(stream=f"m{self.merchant.pk}").latest("seq")
        self.assertEqual((link.action, link.actor), ("webhook_delivery.resent", "key_test"))

    def test_a_failed_one_gets_the_whole_schedule(self) -> None:
        delivery = make_delivery(self.merchant)
        past = now() - timedelta(days=9)
        Delivery.objects.update(state="failed", tries=13, expires_at=past)
        resent = resend_delivery(delivery)
        self.assertEqual((resent.state, resent.tries), ("open", 0))
        self.assertGreater(resent.expires_at - now(), timedelta(hours=75))

    def test_an_open_one_is_tried_sooner_and_keeps_its_count(self) -> None:
        delivery = make_delivery(self.merchant)
        later, end = now() + timedelta(hours=5), now() + timedelta(hours=9)
        Delivery.objects.update(next_attempt_at=later, expires_at=end, tries=3)
        resent = resend_delivery(delivery)
        self.assertLessEqual(resent.next_attempt_at, now())
        self.assertEqual((resent.tries, resent.expires_at), (3, end))

    def test_it_goes_before_the_others_and_past_an_open_breaker(self) -> None:
        delivery = make_delivery(self.merchant)
        publish(self.merchant)
        long_due = now() - timedelta(hours=2)
        Delivery.objects.exclude(pk=delivery.pk).update(next_attempt_at=long_due)
        Delivery.objects.filter(pk=delivery.pk).update(state="failed")
        Lane.objects.update(breaker="open", open_until=now() + timedelta(minutes=10))
        self.assertLess(resend_delivery(delivery).next_attempt_at, long_due)
        self.assertLessEqual(Lane.objects.get().open_until, now())

    def test_a_pause_the_endpoint_asked_for_is_kept(self) -> None:
        delivery = make_delivery(self.merchant)
        until = now() + timedelta(minutes=10)
        Lane.objects.update(open_until=until)
        resend_delivery(delivery)
        self.assertEqual(Lane.objects.get().open_until, until)

    def test_not_to_an_endpoint_that_is_off(self) -> None:
        delivery = make_delivery(self.merchant)
        for change in ({"status": "disabled"}, {"status": "enabled", "deleted_at": now()}):
            Endpoint.objects.update(**change)
            with self.assertRaises(Problem) as caught:
                resend_delivery(delivery)
            self.assertEqual(caught.exception.code, "state_conflict")
        self.assertEqual(Delivery.objects.get().trigger, "auto")
