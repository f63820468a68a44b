"""The cache's short cuts: what they answer is what Django's own cache and django-ratelimit would have done."""

import time
from typing import Any
from unittest import mock

from django.conf import settings
from django.core.cache import caches
from django.test import RequestFactory, SimpleTestCase
from django_ratelimit.core import get_usage
from redis import Redis

from onpoint_pay.kit.cache import COUNT_SHA, CountingCache


class CacheTestCase(SimpleTestCase):
    def setUp(self) -> None:
        caches["default"].clear()
        self.addCleanup(caches["default"].clear)
        self.counters = caches["counters"]


class KeptClientTests(CacheTestCase):
    def test_one_client_serves_every_command(self) -> None:
        client: Any = caches["default"]._cache  # type: ignore[attr-defined]
        self.assertIs(client.get_client("a"), client.get_client("b", write=True))

    def test_values_are_kept_as_django_keeps_them(self) -> None:
        cache = caches["default"]
        cache.set("words", {"a": [1, None]}, 5)
        cache.set("number", 7, 5)
        self.assertEqual(cache.get_many(["words", "number", "none"]), {"words": {"a": [1, None]}, "number": 7})
        self.assertEqual(cache.incr("number"), 8)
        with self.assertRaises(ValueError):
            cache.incr("none")


class CountingTests(CacheTestCase):
    def test_add_counts_and_incr_tells(self) -> None:
        self.assertTrue(self.counters.add("hits", 1, 60))
        for due in (2, 3, 4):
            self.assertFalse(self.counters.add("hits", 1, 60))
            self.assertEqual(self.counters.incr("hits"), due)

    def test_a_counter_ends_with_its_first_window(self) -> None:
        for _ in range(3):
            self.counters.add("hits", 1, 60)
        with Redis.from_url(settings.REDIS_URL) as valkey:
            self.assertTrue(0 < valkey.ttl(self.counters.make_key("hits")) <= 60)
        self.counters.add("brief", 1, 1)
        time.sleep(1.1)
        self.assertTrue(self.counters.add("brief", 1, 1))

    def test_a_server_that_forgot_the_script_gets_it_again(self) -> None:
        self.counters.add("hits", 1, 60)
        with Redis.from_url(settings.REDIS_URL) as valkey:
            valkey.script_flush()
            self.assertFalse(self.counters.add("hits", 1, 60))
            self.assertEqual(self.counters.incr("hits"), 2)
            self.assertEqual(valkey.script_exists(COUNT_SHA), [True])

    def test_incr_without_a_count_goes_to_the_server(self) -> None:
        self.counters.add("hits", 1, 60)
        self.assertEqual(self.counters.incr("hits"), 2)
        with self.assertRaises(ValueError):
            self.counters.incr("nothing")

    def test_a_limit_is_counted_in_one_round_trip_each(self) -> None:
        request = RequestFactory().get("/")
        with mock.patch.object(CountingCache, "incr", wraps=self.counters.incr), self._commands() as sent:
            used = [
                get_usage(request, group="g", key=lambda group, asking: "k", rate="2/1m", increment=True)
                for _ in range(3)
            ]
        self.assertEqual([usage["count"] for usage in used], [1, 2, 3])
        self.assertEqual([usage["should_limit"] for usage in used], [False, False, True])
        self.assertEqual([call.args[0] for call in sent.call_args_list], ["EVALSHA"] * 3)

    def _commands(self) -> Any:
        client = self.counters._cache.get_client("any", write=True)  # type: ignore[attr-defined]
        return mock.patch.object(client, "execute_command", wraps=client.execute_command)
