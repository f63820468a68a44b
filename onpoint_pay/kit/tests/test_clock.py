"""The clock: UTC inside, Nairobi stamps outside."""

import unittest
from datetime import UTC, datetime, timedelta, timezone

from onpoint_pay.kit import clock

NOON = datetime(2026, 11, 14, 7, 30, 45, 123_999, tzinfo=UTC)


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
