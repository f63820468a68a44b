"""Tokens: one fetch for a crowd, one token for all, and what happens when the cache or the fetch fails."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

from django.core.cache import cache
from django.test import SimpleTestCase

from onpoint_pay.kit import tokens
from onpoint_pay.kit.tokens import CachedTokens, TokenUnavailable

CROWD = 50


class Fetches:
    """Counts what it hands out; `before` runs inside each fetch."""

    def __init__(self, before: Callable[[], object] = lambda: None, *, seconds: int = 3599) -> None:
        self.count = 0
        self._before = before
        self._seconds = seconds
        self._lock = threading.Lock()

    def __call__(self) -> tuple[str, int]:
        with self._lock:
            self.count += 1
            count = self.count
        self._before()
        return f"token-{count}", self._seconds


class QueueCache:
    """The real cache, which also tells when everybody but the one with the lock has been turned away once."""

    def __init__(self) -> None:
        self.all_wait = threading.Event()
        self._turned_away: set[int] = set()

    def add(self, *arguments: Any) -> bool:
        is_mine = bool(cache.add(*arguments))
        if not is_mine:
            self._turned_away.add(threading.get_ident())
        if len(self._turned_away) == CROWD - 1:
            self.all_wait.set()
        return is_mine

    def __getattr__(self, name: str) -> Any:
        return getattr(cache, name)


class AwayCache:
    """A cache whose server cannot be reached."""

    def _fail(self, *arguments: object) -> None:
        raise ConnectionError("nobody there")

    get = get_many = add = set = delete = _fail


class TokenTestCase(SimpleTestCase):
    def setUp(self) -> None:
        cache.clear()
        self.addCleanup(cache.clear)
        self.tokens = CachedTokens()

    def ask_at_once(self, store: CachedTokens, fetch: tokens.Fetch) -> list[str]:
        """Everybody asks at the same moment; an answer is a token or the name of the error."""
        gate = threading.Barrier(CROWD)

        def ask() -> str:
            gate.wait()
            try:
                return store.get_or_fetch("key", fetch)
            except (TokenUnavailable, LookupError) as error:
                return type(error).__name__

        with ThreadPoolExecutor(CROWD) as pool:
            return [job.result() for job in [pool.submit(ask) for _ in range(CROWD)]]


class SharedTests(TokenTestCase):
    def test_fetches_once_and_keeps_it(self) -> None:
        fetch = Fetches()
        self.assertEqual([self.tokens.get_or_fetch("key", fetch) for _ in range(3)], ["token-1"] * 3)
        self.assertEqual(CachedTokens().get_or_fetch("key", fetch), "token-1")
        self.assertEqual(fetch.count, 1)

    def test_keys_are_apart(self) -> None:
        fetch = Fetches()
        self.assertNotEqual(self.tokens.get_or_fetch("a", fetch), self.tokens.get_or_fetch("b", fetch))

    def test_a_crowd_makes_one_fetch(self) -> None:
        fetch = Fetches(lambda: time.sleep(0.2))
        self.assertEqual(set(self.ask_at_once(self.tokens, fetch)), {"token-1"})
        self.assertEqual(fetch.count, 1)

    def test_a_crowd_of_processes_makes_one_fetch(self) -> None:
        """Separate stores share nothing but the cache, as separate processes do."""
        fetch = Fetches(lambda: time.sleep(0.2))
        stores = [CachedTokens() for _ in range(CROWD)]
        with ThreadPoolExecutor(CROWD) as pool:
            jobs = [pool.submit(store.get_or_fetch, "key", fetch) for store in stores]
            self.assertEqual({job.result() for job in jobs}, {"token-1"})
        self.assertEqual(fetch.count, 1)

    def test_a_crowd_fails_with_the_one_who_asked(self) -> None:
        queue = QueueCache()

        def fail_when_all_wait() -> None:
            queue.all_wait.wait(timeout=30)
            raise LookupError("wrong key")

        fetch = Fetches(fail_when_all_wait)
        answers = self.ask_at_once(CachedTokens(queue), fetch)
        self.assertEqual((answers.count("LookupError"), answers.count("TokenUnavailable")), (1, CROWD - 1))
        self.assertEqual(fetch.count, 1)

    def test_a_failure_does_not_stop_the_next_caller(self) -> None:
        with self.assertRaises(ZeroDivisionError):
            self.tokens.get_or_fetch("key", Fetches(lambda: 1 / 0))
        self.assertEqual(self.tokens.get_or_fetch("key", Fetches()), "token-1")

    def test_waiting_has_an_end(self) -> None:
        cache.add("token-lock:key", "a process that hangs", 45)
        fetch = Fetches()
        with mock.patch.object(tokens, "WAIT_SECONDS", 0.2), self.assertRaises(TokenUnavailable):
            self.tokens.get_or_fetch("key", fetch)
        self.assertEqual(fetch.count, 0)

    def test_kept_for_less_than_it_lives(self) -> None:
        for seconds, kept in ((3599, 3539), (61, 1), (60, 1), (0, 1), (-5, 1)):
            with self.subTest(seconds=seconds), mock.patch.object(cache, "set", wraps=cache.set) as stored:
                self.tokens.get_or_fetch(f"key{seconds}", Fetches(seconds=seconds))
                self.assertEqual(stored.call_args.args[2], kept)

    def test_drop_forgets_only_the_token_that_was_refused(self) -> None:
        fetch = Fetches()
        self.tokens.get_or_fetch("key", fetch)
        self.tokens.drop("key", "another")
        self.assertEqual(self.tokens.get_or_fetch("key", fetch), "token-1")
        self.tokens.drop("key", "token-1")
        self.assertEqual(self.tokens.get_or_fetch("key", fetch), "token-2")
        self.tokens.drop("key", "token-1")
        self.assertEqual(self.tokens.get_or_fetch("key", fetch), "token-2")


class CacheAwayTests(TokenTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.tokens = CachedTokens(AwayCache())

    def test_a_crowd_makes_one_fetch_in_this_process(self) -> None:
        fetch = Fetches(lambda: time.sleep(0.1))
        with mock.patch.object(tokens, "log") as log:
            self.assertEqual(set(self.ask_at_once(self.tokens, fetch)), {"token-1"})
        self.assertEqual(fetch.count, 1)
        self.assertTrue(log.warning.called)
        self.assertNotIn("token-1", str(log.mock_calls))

    def test_drop_forgets(self) -> None:
        fetch = Fetches()
        self.tokens.get_or_fetch("key", fetch)
        self.tokens.drop("key", "another")
        self.assertEqual(self.tokens.get_or_fetch("key", fetch), "token-1")
        self.tokens.drop("key", "token-1")
        self.assertEqual(self.tokens.get_or_fetch("key", fetch), "token-2")
