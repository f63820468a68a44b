"""The bell: rung once per commit, heard by one drain, and never in the way when nobody keeps it."""

from unittest import mock

from django.conf import settings
from django.db import transaction
from django.test import TransactionTestCase, override_settings
from redis import Redis

from webhooks import bell


class Bell(TransactionTestCase):
    def setUp(self) -> None:
        self.server = Redis.from_url(settings.REDIS_URL)
        self.addCleanup(self.server.close)
        self.server.delete(bell.KEY, bell.DRAINS_KEY, bell.FAILURES_KEY)
        for name, value in (("_silent_until", 0.0), ("_unheard", 0)):
            self.enterContext(mock.patch.object(bell, name, value))

    def test_a_stroke_is_heard_once(self) -> None:
        bell.ring()
        self.assertTrue(bell.listen(1))
        self.assertFalse(bell.listen(0.01))

    def test_no_more_than_two_strokes_wait(self) -> None:
        for _ in range(5):
            bell.ring()
        self.assertEqual(self.server.llen(bell.KEY), 2)

    def test_once_per_commit_and_never_for_what_was_undone(self) -> None:
        with transaction.atomic():
            bell.ring_on_commit()
            bell.ring_on_commit()
            self.assertEqual(self.server.llen(bell.KEY), 0)
        self.assertEqual(self.server.llen(bell.KEY), 1)
        self.server.delete(bell.KEY)
        with transaction.atomic():
            bell.ring_on_commit()
            transaction.set_rollback(True)
        self.assertEqual(self.server.llen(bell.KEY), 0)

    def test_one_rung_in_a_savepoint_that_is_undone_does_not_silence_the_rest(self) -> None:
        with transaction.atomic():
            with transaction.atomic():
                bell.ring_on_commit()
                transaction.set_rollback(True)
            bell.ring_on_commit()
        self.assertEqual(self.server.llen(bell.KEY), 1)

    def test_without_a_server_it_is_silent_and_counts(self) -> None:
        with override_settings(REDIS_URL="redis://127.0.0.1:1/0"):
            bell._client.cache_clear()
            self.addCleanup(bell._client.cache_clear)
            for _ in range(3):
                bell.ring()
            self.assertIsNone(bell.drains_alive())
            self.assertIsNone(bell.bells_unheard())
        bell._client.cache_clear()
        with mock.patch.object(bell, "_silent_until", 0.0):
            bell.ring()
        self.assertEqual(bell.bells_unheard(), 3)
        self.assertEqual(self.server.llen(bell.KEY), 1)

    def test_drains_that_said_so_lately_are_alive(self) -> None:
        self.assertEqual(bell.drains_alive(), 0)
        bell.say_alive("one")
        bell.say_alive("two")
        self.server.zadd(bell.DRAINS_KEY, {"dead": 1.0})
        self.assertEqual(bell.drains_alive(), 2)
        bell.say_gone("two")
        self.assertEqual(bell.drains_alive(), 1)
