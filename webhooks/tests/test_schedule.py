"""When a failed delivery is tried again."""

from datetime import UTC, datetime, timedelta

from django.test import SimpleTestCase

from webhooks.schedule import EXPIRY_HOURS, MAX_TRIES, STEPS, next_try_at, parse_retry_after, wait_seconds

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
EXPIRES = NOW + timedelta(hours=EXPIRY_HOURS)


def at(tries: int, *, failed_at: datetime = NOW, speed: float = 1, **more: float) -> datetime | None:
    return next_try_at(tries, failed_at=failed_at, expires_at=EXPIRES, speed=speed, chance=0.5, **more)


class Waiting(SimpleTestCase):
    def test_thirteen_tries_cover_a_weekend(self) -> None:
        self.assertEqual(MAX_TRIES, 13)
        self.assertTrue(75 * 3600 < sum(STEPS) < EXPIRY_HOURS * 3600)
        self.assertEqual([wait_seconds(tries, chance=0.5) for tries in range(1, 13)], list(map(float, STEPS)))
        self.assertIsNone(wait_seconds(13, chance=0.5))

    def test_spreads_by_a_fifth_either_way(self) -> None:
        self.assertEqual(wait_seconds(4, chance=0), 480)
        self.assertAlmostEqual(wait_seconds(4, chance=0.999_999) or 0, 720, places=2)

    def test_receiver_may_ask_for_more_within_bounds(self) -> None:
        for asked, expected in [(1, 30), (60, 60), (1000, 120)]:
            self.assertEqual(wait_seconds(2, chance=0.5, retry_after_seconds=asked), expected)
        self.assertEqual(wait_seconds(6, chance=0.5, retry_after_seconds=99_999), 3600)
        self.assertEqual(wait_seconds(9, chance=0.5, retry_after_seconds=99_999), 28_800)

    def test_speed_divides_every_wait(self) -> None:
        self.assertEqual(at(1), NOW + timedelta(seconds=5))
        self.assertEqual(at(1, speed=10), NOW + timedelta(seconds=0.5))
        self.assertEqual(at(2, speed=10, retry_after_seconds=100), NOW + timedelta(seconds=10))

    def test_last_try_is_not_later_than_the_expiry(self) -> None:
        self.assertEqual(at(12, failed_at=EXPIRES - timedelta(hours=1)), EXPIRES)
        self.assertIsNone(at(12, failed_at=EXPIRES))
        self.assertIsNone(at(13))


class RetryAfter(SimpleTestCase):
    def test_reads_seconds_and_dates(self) -> None:
        self.assertEqual(parse_retry_after("120", now=NOW), 120)
        self.assertEqual(parse_retry_after("Sat, 21 Nov 2026 08:01:00 GMT", now=NOW), 60)

    def test_ignores_the_rest(self) -> None:
        for text in (None, "", "soon", "-5", "1.5", "٣", "Sat, 21 Nov 2026 07:00:00 GMT", "Sat, 99 Nov 2026"):
            self.assertIsNone(parse_retry_after(text, now=NOW), text)

    def test_a_huge_number_is_just_long(self) -> None:
        self.assertGreater(parse_retry_after("9" * 4000, now=NOW) or 0, 3600)
