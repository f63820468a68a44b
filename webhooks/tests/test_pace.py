"""Window, breaker and rate of a lane."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from django.test import SimpleTestCase, override_settings

from webhooks.pace import Lane

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def lane(**more: Any) -> Lane:
    return Lane(endpoint_id=uuid4(), token=uuid4(), merchant_id=uuid4(), head=1, leases_lost=0, **more)


def fail(of: Lane, *, status: int | None = 500, total_ms: int = 5, at: datetime = AT, chance: float = 0.5) -> None:
    of.fail(status=status, total_ms=total_ms, at=at, is_first_try=True, chance=lambda: chance)


class Window(SimpleTestCase):
    def test_one_try_until_it_has_answered_once(self) -> None:
        fresh = lane()
        self.assertEqual(fresh.room(0), 1)
        fresh.begin(1)
        self.assertEqual(fresh.room(0), 0)

    def test_grows_by_one_for_each_quick_answer(self) -> None:
        held = lane()
        for _ in range(40):
            held.succeed(total_ms=5, at=AT)
        self.assertEqual((held.window, held.room(0)), (32, 32))

    def test_a_slow_success_changes_nothing(self) -> None:
        held = lane()
        held.succeed(total_ms=1000, at=AT)
        self.assertEqual((held.window, held.is_slow), (4, True))

    def test_halves_for_what_says_too_much(self) -> None:
        for status in (500, 503, 429, None):
            with self.subTest(status=status):
                held = lane(window=20, last_ms=5)
                fail(held, status=status)
                self.assertEqual(held.window, 10)
                for _ in range(10):
                    fail(held, status=status)
                self.assertEqual(held.window, 1)

    def test_an_opinion_is_no_overload(self) -> None:
        held = lane(window=20, last_ms=5)
        fail(held, status=404)
        self.assertEqual(held.window, 21)


class Breaker(SimpleTestCase):
    def test_opens_after_five_failures_in_a_row(self) -> None:
        held = lane()
        for _ in range(4):
            fail(held)
        self.assertFalse(held.is_resting)
        fail(held)
        self.assertEqual((held.breaker, held.open_until, held.room(0)), ("open", AT + timedelta(seconds=10), 0))

    def test_not_while_others_succeed(self) -> None:
        held = lane(last_success_at=AT - timedelta(seconds=9))
        for _ in range(20):
            fail(held)
        self.assertEqual(held.breaker, "closed")
        fail(held, at=AT + timedelta(seconds=1))
        self.assertEqual(held.breaker, "open")

    def test_doubles_up_to_a_quarter_of_an_hour(self) -> None:
        held, waits = lane(), []
        for _ in range(9):
            held.breaker = "half"
            fail(held)
            waits.append((held.open_until - AT).total_seconds())
        self.assertEqual(waits, [10, 20, 40, 80, 160, 320, 640, 900, 900])

    def test_is_spread_by_a_fifth_either_way(self) -> None:
        for chance, seconds in ((0.0, 8), (0.999_999, 12)):
            held = lane(breaker="half")
            fail(held, chance=chance)
            self.assertAlmostEqual((held.open_until - AT).total_seconds(), seconds, places=2)

    @override_settings(SWEEP_SPEED=10)
    def test_the_speed_divides_the_wait(self) -> None:
        held = lane(breaker="half")
        fail(held)
        self.assertEqual(held.open_until, AT + timedelta(seconds=1))

    def test_one_probe_and_a_success_closes_it_with_the_smallest_window(self) -> None:
        held = lane(breaker="half", window=16, last_ms=5, times_tripped=4, failures_in_row=9, failing_since=AT)
        self.assertEqual(held.room(0), 1)
        held.begin(1)
        self.assertEqual(held.room(0), 0)
        held.succeed(total_ms=5, at=AT)
        self.assertEqual((held.breaker, held.window, held.times_tripped), ("closed", 1, 0))
        self.assertEqual((held.failures_in_row, held.failing_since), (0, None))
        self.assertTrue(held.is_changed)


class Failing(SimpleTestCase):
    def test_counts_tries_and_events_since_the_last_success(self) -> None:
        held = lane()
        for is_first in (True, True, False, False):
            held.fail(status=500, total_ms=5, at=AT, is_first_try=is_first, chance=lambda: 0.5)
        self.assertEqual((held.failing_since, held.failing_tries, held.failing_events), (AT, 4, 2))
        held.succeed(total_ms=5, at=AT)
        self.assertEqual((held.failing_since, held.failing_tries, held.failing_events), (None, 0, 0))


class Rate(SimpleTestCase):
    def test_tokens_come_with_time_and_never_pile_up(self) -> None:
        held = lane(rate_limit=2, window=32, last_ms=5)
        self.assertEqual(held.room(0.0), 1)
        held.begin(1)
        self.assertEqual((held.room(0.1), held.room(0.5)), (0, 1))
        self.assertEqual(held.room(60.0), 2)

    def test_whoever_takes_it_next_waits_for_its_first_token(self) -> None:
        held = lane(rate_limit=4, last_ms=5)
        held.begin(1)
        held.rest(at=AT)
        self.assertEqual(held.open_until, AT + timedelta(seconds=0.25))

    def test_without_a_limit_nothing_rests(self) -> None:
        held = lane()
        held.rest(at=AT)
        self.assertIsNone(held.open_until)

    def test_the_longest_pause_counts(self) -> None:
        held = lane()
        held.pause(10, at=AT)
        held.pause(5, at=AT)
        self.assertEqual((held.open_until, held.room(0)), (AT + timedelta(seconds=10), 0))
