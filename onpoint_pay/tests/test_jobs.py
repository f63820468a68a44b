"""Ringing workers: after commit, once for a burst, and never in the way of the caller."""

import json
from typing import Any
from unittest import mock

import redis
from celery import current_app
from celery.worker.request import Request
from django.conf import settings
from django.core.cache import cache
from django.db import InterfaceError, connection, transaction
from django.test import TransactionTestCase, override_settings

from onpoint_pay.kit.acknowledging import JobRequest
from onpoint_pay.kit.jobs import nudge, taken
from onpoint_pay.tests.test_middleware import AWAY
from webhooks.models import Event
from webhooks.tasks import number_events

JOB = "payments.sweep"
QUEUE = "onpoint-queue:default"


class Nudges(TransactionTestCase):
    def setUp(self) -> None:
        cache.clear()
        self.broker = redis.from_url(settings.REDIS_URL)
        self.addCleanup(self.broker.close)

    def waiting(self) -> list[str]:
        """Names of the jobs in the queue, the oldest first."""
        messages: Any = self.broker.lrange(QUEUE, 0, -1)
        return [json.loads(message)["headers"]["task"] for message in reversed(messages)]

    def test_a_nudge_reaches_the_queue(self) -> None:
        nudge(JOB)
        self.assertEqual(self.waiting(), [JOB])
        (message,) = self.broker.lrange(QUEUE, 0, -1)  # type: ignore[misc]
        self.assertIsNotNone(json.loads(message)["headers"]["expires"])

    def test_only_after_the_commit(self) -> None:
        with transaction.atomic():
            nudge(JOB)
            self.assertEqual(self.waiting(), [])
        self.assertEqual(self.waiting(), [JOB])

    def test_not_for_what_was_undone(self) -> None:
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            nudge(JOB)
            raise ZeroDivisionError
        self.assertEqual(self.waiting(), [])

    def test_once_for_a_burst(self) -> None:
        for _ in range(5):
            nudge(JOB)
        self.assertEqual(self.waiting(), [JOB])
        nudge("payments.apply_callbacks")
        self.assertEqual(self.waiting(), [JOB, "payments.apply_callbacks"])

    def test_again_once_the_job_has_begun(self) -> None:
        nudge(JOB)
        taken(JOB)
        nudge(JOB)
        self.assertEqual(self.waiting(), [JOB, JOB])

    def test_a_cache_that_is_away_does_not_fail_the_caller(self) -> None:
        with override_settings(CACHES=AWAY), self.assertLogs("onpoint_pay.kit.jobs", "WARNING") as caught:
            nudge(JOB)
            taken(JOB)
        self.assertEqual([record.msg["event"] for record in caught.records], ["nudge_failed", "nudge_flag_failed"])  # type: ignore[index]
        self.assertEqual(self.waiting(), [])

    def test_a_broker_that_is_away_does_not_fail_the_caller(self) -> None:
        def refuse(*arguments: Any, **options: Any) -> None:
            raise ConnectionRefusedError("nobody there")

        with (
            mock.patch.object(current_app, "send_task", refuse),
            self.assertLogs("onpoint_pay.kit.jobs", "WARNING"),
            transaction.atomic(),
        ):
            nudge(JOB)


class Connections(TransactionTestCase):
    def test_a_connection_that_broke_is_not_handed_to_the_next_job(self) -> None:
        connection.ensure_connection()
        connection.connection.close()
        with self.assertRaises(InterfaceError):
            Event.objects.count()
        number_events.apply(throw=True)
        self.assertEqual(Event.objects.count(), 0)


class Acknowledgements(TransactionTestCase):
    """A real message of a real queue, in the hands of a worker that may hold one."""

    def setUp(self) -> None:
        cache.clear()
        broker = self.enterContext(current_app.connection_for_read())
        self.channel: Any = broker.default_channel
        self.errors = broker.connection_errors + broker.channel_errors
        self.channel.basic_qos(0, 1, False)

    def held(self, kind: type[Request]) -> Request:
        """The message of a job, taken as a worker takes it."""
        number_events.delay()
        message = current_app.amqp.queues["default"](self.channel).get()
        self.assertFalse(self.channel.qos.can_consume())
        return kind(message, on_ack=message.ack_log_error, connection_errors=self.errors, app=current_app)

    def lose_the_acknowledgement(self, request: Request) -> None:
        with mock.patch.object(self.channel.qos, "_remove_from_indices", side_effect=redis.TimeoutError):
            request.acknowledge()

    def test_a_job_that_is_done_makes_room(self) -> None:
        request = self.held(JobRequest)
        for _ in range(2):
            request.acknowledge()
            self.assertTrue(self.channel.qos.can_consume())
        self.channel.qos._flush()
        self.assertEqual((len(self.channel.qos._delivered), len(self.channel.qos._dirty)), (0, 0))

    def test_so_does_one_of_which_the_broker_could_not_be_told(self) -> None:
        self.lose_the_acknowledgement(self.held(JobRequest))
        self.assertTrue(self.channel.qos.can_consume())

    def test_celery_s_own_would_not(self) -> None:
        """When this fails, `kit.acknowledging` is of no use any more."""
        self.lose_the_acknowledgement(self.held(Request))
        self.assertFalse(self.channel.qos.can_consume())

    def test_every_job_is_taken_so(self) -> None:
        current_app.loader.import_default_modules()
        jobs = [job for name, job in current_app.tasks.items() if not name.startswith("celery.")]
        self.assertEqual({job.Request for job in jobs}, {"onpoint_pay.kit.acknowledging:JobRequest"})
