"""Sending again on request, and the ping."""

from datetime import timedelta

from standardwebhooks import Webhook

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import to_public
from webhooks.models import Attempt, Delivery, Endpoint
from webhooks.services.delivery import Counts, resend_delivery
from webhooks.services.outbox import publish_test
from webhooks.tests.factories import drain, make_delivery, publish
from webhooks.tests.receiver import Receiver
from webhooks.tests.test_delivery import DrainCase


class Resending(DrainCase):
    def test_a_delivered_one_goes_again_with_the_same_id(self) -> None:
        with Receiver() as receiver:
            self.endpoint(receiver.url)
            publish(self.merchant)
            drain()
            resent = resend_delivery(Delivery.objects.get())
            self.assertEqual((resent.state, resent.tries, resent.delivered_at), ("open", 0, None))
            self.assertEqual(drain(), Counts(delivered=1))
        first, second = receiver.received
        self.assertEqual(first.headers["webhook-id"], second.headers["webhook-id"])
        self.assertEqual(list(Attempt.objects.order_by("id").values_list("trigger", flat=True)), ["auto", "manual"])

    def test_a_failed_one_gets_the_whole_schedule(self) -> None:
        delivery = make_delivery(self.merchant)
        past = now() - timedelta(days=9)
        Delivery.objects.update(state="failed", tries=13, expires_at=past)
        resent = resend_delivery(delivery)
        self.assertEqual((resent.state, resent.tries), ("open", 0))
        self.assertGreater(resent.expires_at - now(), timedelta(hours=75))

    def test_one_under_way_keeps_its_lease(self) -> None:
        delivery = make_delivery(self.merchant)
        lease = now() + timedelta(seconds=45)
        Delivery.objects.update(lease_until=lease, tries=3)
        resend_delivery(delivery)
        delivery.refresh_from_db()
        self.assertEqual((delivery.lease_until, delivery.tries), (lease, 3))

    def test_not_to_an_endpoint_that_is_off(self) -> None:
        delivery = make_delivery(self.merchant)
        for change in ({"status": "disabled"}, {"status": "enabled", "deleted_at": now()}):
            Endpoint.objects.update(**change)
            for refused in (lambda: resend_delivery(delivery), lambda: publish_test(delivery.endpoint)):
                with self.assertRaises(Problem) as caught:
                    refused()
                self.assertEqual(caught.exception.code, "state_conflict")

    def test_a_ping_reaches_that_endpoint_alone(self) -> None:
        with Receiver() as receiver:
            endpoint, secret = self.endpoint(f"{receiver.url}/one", events=["payment.failed"])
            self.endpoint(f"{receiver.url}/all")
            publish_test(endpoint, request_id="req_1")
            publish_test(endpoint)
            self.assertEqual(drain(), Counts(delivered=2))
            self.assertEqual({each.path for each in receiver.received}, {"/one"})
        body = Webhook(secret).verify(receiver.received[0].body, dict(receiver.received[0].headers))
        self.assertEqual((body["type"], body["data"]["object"]["id"]), ("test.ping", to_public("whe", endpoint.pk)))
        self.assertEqual(set(Attempt.objects.values_list("trigger", flat=True)), {"test"})
