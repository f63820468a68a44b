"""Ringing workers: after commit, once for a burst, and never in the way of the caller."""

import json
from typing import Any
from unittest import mock

import redis
from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.db import InterfaceError, connection, transaction
from django.test import TransactionTestCase, override_settings

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
