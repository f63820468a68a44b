"""The clock: UTC inside, Nairobi stamps outside."""

import unittest
from datetime import UTC, datetime, timedelta, timezone
from unittest import mock

from django.db import connection
from django.test import TransactionTestCase

from onpoint_pay.kit import clock

NOON = datetime(2026, 11, 14, 7, 30, 45, 123_999, tzinfo=UTC)


class Hearing(unittest.TestCase):
    """`now` of a process of its own, with a counter of seconds that the test moves."""

    def setUp(self) -> None:
        self.counter = 100.0
        self.asked = 0
        for name, value in (("_heard", None), ("_ask", None)):
            self.enterContext(mock.patch.object(clock, name, value))
        self.enterContext(mock.patch.object(clock.time, "monotonic", lambda: self.counter))

    def ask(self) -> None:
        self.asked += 1

    def test_until_it_is_heard_the_host_s_clock_must_do(self) -> None:
        clock.ask_first(self.ask)
        for _ in range(3):
            self.assertLess(abs(clock.now() - datetime.now(UTC)), timedelta(minutes=1))
        self.assertEqual(self.asked, 1)

    def test_whoever_asks_first_hears_it(self) -> None:
        clock.ask_first(lambda: clock.hear(NOON, 0.001))
        self.assertEqual(clock.now(), NOON)

    def test_the_host_s_clock_may_jump(self) -> None:
        clock.hear(NOON.astimezone(timezone(timedelta(hours=3))), 0.001)
        self.counter += 2.5
        with mock.patch.object(clock, "datetime") as host:
            host.now.side_effect = AssertionError
            self.assertEqual(clock.now(), NOON + timedelta(seconds=2.5))
        self.assertEqual(clock.now().tzinfo, UTC)

    def test_a_less_exact_time_is_believed_only_when_the_other_is_old(self) -> None:
        clock.hear(NOON, 0.001)
        self.counter += 59
        clock.hear(NOON, 0.2)
        self.assertEqual(clock.now(), NOON + timedelta(seconds=59))
        self.counter += 2
        clock.hear(NOON, 0.2)
        self.assertEqual(clock.now(), NOON)


class TheDatabase(TransactionTestCase):
    def heard(self) -> clock._Heard:
        assert clock._heard is not None
        return clock._heard

    def test_a_connection_tells_when_it_is_opened_and_when_it_is_looked_at(self) -> None:
        with mock.patch.object(clock, "_heard", None):
            connection.close()
            connection.ensure_connection()
            opened = self.heard()
            self.assertIsNotNone(opened)
        with mock.patch.object(clock, "_heard", None):
            self.assertTrue(connection.is_usable())
            self.assertGreater(self.heard().said, opened.said)

    def test_it_is_never_ahead_of_the_database(self) -> None:
        connection.ensure_connection()
        for _ in range(20):
            ours = clock.now()
            with connection.cursor() as cursor:
                cursor.execute("SELECT clock_timestamp()")
                theirs = cursor.fetchone()[0]
            self.assertLessEqual(ours, theirs)

    def test_a_broken_connection_is_not_usable(self) -> None:
        connection.ensure_connection()
        connection.connection.close()
        self.assertFalse(connection.is_usable())
        connection.close()


class ClockTests(unittest.TestCase):
    def test_now_is_aware_and_utc(self) -> None:
        self.assertEqual(clock.now().utcoffset(), timedelta(0))

    def test_nairobi_is_three_hours_ahead(self) -> None:
        self.assertEqual(clock.nairobi(NOON).isoformat(), "2026-11-14T10:30:45.123999+03:00")
        self.assertEqual(clock.nairobi_stamp(NOON), "20261114103045")

    def test_a_stamp_reads_back(self) -> None:
        for value in ("20261114103045", 20261114103045, " 20261114103045 "):
            with self.subTest(value=value):
                self.assertEqual(clock.parse_nairobi_stamp(value), datetime(2026, 11, 14, 7, 30, 45, tzinfo=UTC))

    def test_what_is_no_stamp_is_none(self) -> None:
        values: list[object] = [
            "", "2026", "20261314103045", "20261114103060", 0, -20261114103045, None, True, [], 1.5, 10**5000,
        ]  # fmt: skip
        for value in values:
            with self.subTest(value=str(type(value))):
                self.assertIsNone(clock.parse_nairobi_stamp(value))

    def test_rfc3339_has_milliseconds_and_z(self) -> None:
        self.assertEqual(clock.rfc3339(NOON), "2026-11-14T07:30:45.123Z")
        self.assertEqual(clock.rfc3339(NOON.astimezone(timezone(timedelta(hours=-5)))), "2026-11-14T07:30:45.123Z")

    def test_a_moment_without_a_zone_is_refused(self) -> None:
        naive = NOON.replace(tzinfo=None)
        for convert in (clock.nairobi, clock.nairobi_stamp, clock.rfc3339):
            with self.assertRaises(ValueError):
                convert(naive)
