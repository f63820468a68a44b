"""The jobs that Celery runs."""

from unittest import mock

from celery import current_app
from django.test import TransactionTestCase, override_settings

from merchants.tests.factories import make_merchant
from onpoint_pay.celery import app
from webhooks import tasks
from webhooks.models import Delivery, Event
from webhooks.tests.factories import make_endpoint, publish
from webhooks.tests.receiver import Receiver


@override_settings(WEBHOOK_ALLOW_PRIVATE=True, WEBHOOK_DRAIN_SECONDS=0.5)
class Job(TransactionTestCase):
    def test_drains_have_a_queue_of_their_own(self) -> None:
        self.assertIn(tasks.DRAIN, current_app.tasks)
        self.assertEqual(current_app.amqp.router.route({}, tasks.DRAIN)["queue"].name, "webhooks")
        self.assertEqual(app.conf.beat_schedule["deliver-webhooks"]["options"], {"expires": 1.0, "queue": "webhooks"})

    def test_delivers_for_a_while_and_hands_over(self) -> None:
        merchant = make_merchant()
        with Receiver() as receiver, mock.patch.object(tasks.drain, "apply_async") as hand_over:
            make_endpoint(merchant, url=receiver.url)
            publish(merchant)
            tasks.drain.apply(throw=True)
            self.assertEqual(len(receiver.received), 1)
        hand_over.assert_called_once_with(expires=tasks.HANDOVER_SECONDS, retry=False)
        self.assertEqual(Delivery.objects.get().state, "delivered")

    def test_a_worker_that_is_told_to_stop_begins_nothing_and_hands_nothing_over(self) -> None:
        merchant = make_merchant()
        self.addCleanup(tasks._stopping.clear)
        with Receiver() as receiver, mock.patch.object(tasks.drain, "apply_async") as hand_over:
            make_endpoint(merchant, url=receiver.url)
            publish(merchant)
            tasks._stop()
            tasks.drain.apply(throw=True)
            self.assertEqual(receiver.received, [])
        hand_over.assert_not_called()

    def test_numbers_events(self) -> None:
        publish(make_merchant())
        tasks.number_events.apply(throw=True)
        self.assertEqual(Event.objects.get().sequence, 1)
