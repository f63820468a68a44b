"""The job that Celery runs."""

from celery import current_app
from django.core.cache import cache
from django.test import TransactionTestCase, override_settings

from merchants.tests.factories import make_merchant
from onpoint_pay.kit import jobs
from webhooks.models import Delivery
from webhooks.services.outbox import DELIVER_DUE
from webhooks.tasks import deliver_due
from webhooks.tests.factories import make_endpoint, publish
from webhooks.tests.receiver import Receiver


@override_settings(WEBHOOK_ALLOW_PRIVATE=True)
class Job(TransactionTestCase):
    def test_is_known_by_its_name_on_its_own_queue(self) -> None:
        self.assertEqual(deliver_due.name, DELIVER_DUE)
        self.assertIn(DELIVER_DUE, current_app.tasks)
        self.assertEqual(current_app.amqp.router.route({}, DELIVER_DUE)["queue"].name, "webhooks")

    def test_delivers_and_lets_the_next_commit_ring_again(self) -> None:
        flag = jobs._flag(DELIVER_DUE)
        cache.set(flag, 1, 60)
        merchant = make_merchant()
        with Receiver() as receiver:
            make_endpoint(merchant, url=receiver.url)
            publish(merchant)
            deliver_due.apply(throw=True)
            self.assertEqual(len(receiver.received), 1)
        self.assertIsNone(cache.get(flag))
        self.assertEqual(Delivery.objects.get().state, "delivered")
