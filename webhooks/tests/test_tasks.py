"""The jobs that Celery runs."""

from datetime import timedelta
from unittest import mock

from celery import current_app
from django.core.cache import cache
from django.test import TransactionTestCase, override_settings

from merchants.tests.factories import make_merchant
from onpoint_pay.celery import app
from onpoint_pay.kit import jobs
from onpoint_pay.kit.clock import now
from webhooks import tasks
from webhooks.models import Delivery, Endpoint, Event
from webhooks.services import recovery, retention
from webhooks.services.recovery import start_recovery
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
        self.addCleanup(setattr, tasks._stopping, "value", False)
        with Receiver() as receiver, mock.patch.object(tasks.drain, "apply_async") as hand_over:
            make_endpoint(merchant, url=receiver.url)
            publish(merchant)
            tasks._stop()
            tasks.drain.apply(throw=True)
            self.assertEqual(receiver.received, [])
        hand_over.assert_not_called()

    def test_goes_on_while_the_broker_is_away(self) -> None:
        merchant = make_merchant()
        make_endpoint(merchant, url="http://127.0.0.1:9/")
        answers = iter([OSError("away"), OSError("away"), None])

        def hand_over(**_: object) -> None:
            publish(merchant)
            if error := next(answers):
                raise error

        with mock.patch.object(tasks.drain, "apply_async", hand_over):
            tasks.drain.apply(throw=True)
        self.assertEqual(Delivery.objects.filter(tries__gt=0).count(), 2, "what came while it was away is tried")
        self.assertEqual(Delivery.objects.count(), 3)

    def test_numbers_events(self) -> None:
        publish(make_merchant())
        tasks.number_events.apply(throw=True)
        self.assertEqual(Event.objects.get().sequence, 1)


class SlowJobs(TransactionTestCase):
    def test_every_job_of_the_clock_exists_and_none_waits_behind_a_drain(self) -> None:
        app.loader.import_default_modules()
        for name, entry in app.conf.beat_schedule.items():
            with self.subTest(name):
                self.assertIn(entry["task"], current_app.tasks)
                queue = "webhooks" if entry["task"] == tasks.DRAIN else "default"
                self.assertEqual(entry["options"]["queue"], queue)
                self.assertEqual(current_app.amqp.router.route({}, entry["task"])["queue"].name, queue)

    def test_recovers_and_lets_the_next_commit_ring_again(self) -> None:
        endpoint, _ = make_endpoint(make_merchant())
        publish(endpoint.merchant)
        Delivery.objects.update(state="failed", created_at=now() - timedelta(hours=1))
        job = start_recovery(endpoint, since=now() - timedelta(days=1), actor="tests")
        cache.set(jobs._flag(recovery.RECOVER), 1, 60)
        tasks.recover.apply(throw=True)
        job.refresh_from_db()
        self.assertEqual((job.state, job.opened, cache.get(jobs._flag(recovery.RECOVER))), ("done", 1, None))

    def test_holds_what_an_endpoint_left_behind(self) -> None:
        endpoint, _ = make_endpoint(make_merchant())
        publish(endpoint.merchant)
        Endpoint.objects.update(status="paused")
        tasks.hold_leftovers.apply(throw=True)
        self.assertEqual(Delivery.objects.get().state, "held")

    def test_tends_tries(self) -> None:
        tasks.tend_attempts.apply(throw=True)
        self.assertEqual(retention.tend_attempts(), retention.Tended(made=0, dropped=0))
