"""Business days in Kenya, when money falls due, and on which days a schedule settles."""

from datetime import date, timedelta

from django.test import SimpleTestCase, TestCase

from onpoint_pay.kit.clock import rfc3339
from settlements.models import BusinessHoliday
from settlements.schedule import add_business_days, end_of, is_business_day, is_settled_on, last_due
from settlements.services.profiles import set_holiday
from settlements.tests.settlements import FRIDAY, MONDAY, SATURDAY, SUNDAY, THURSDAY, TUESDAY, WEDNESDAY

NONE: frozenset[date] = frozenset()


class Days(SimpleTestCase):
    def test_a_day_ends_at_midnight_in_nairobi(self) -> None:
        self.assertEqual(rfc3339(end_of(MONDAY)), "2026-06-08T21:00:00.000Z")

    def test_weekends_and_holidays_do_not_count(self) -> None:
        self.assertEqual([add_business_days(day, 1, NONE) for day in (MONDAY, FRIDAY, SATURDAY)],
                         [TUESDAY, MONDAY + timedelta(days=7), MONDAY + timedelta(days=7)])  # fmt: skip
        self.assertEqual(add_business_days(MONDAY, 1, frozenset({TUESDAY})), WEDNESDAY)
        self.assertEqual(add_business_days(FRIDAY, 2, NONE), TUESDAY + timedelta(days=7))
        self.assertEqual(add_business_days(SUNDAY, 0, NONE), SUNDAY)

    def test_what_is_due_on_a_day(self) -> None:
        monday_after = MONDAY + timedelta(days=7)
        self.assertEqual(last_due(TUESDAY, 1, NONE), MONDAY)
        self.assertEqual(last_due(TUESDAY, 2, NONE), MONDAY - timedelta(days=1))
        self.assertEqual(last_due(SATURDAY, 1, NONE), THURSDAY)
        # What came over the weekend has Monday as its first business day, and is due with Friday's.
        self.assertEqual(last_due(monday_after, 1, NONE), SUNDAY)
        self.assertEqual(last_due(TUESDAY, 0, NONE), MONDAY)

    def test_every_day_falls_due_once_and_in_order(self) -> None:
        holidays = frozenset({WEDNESDAY})
        for delay in (0, 1, 2, 5):
            last = [last_due(MONDAY + timedelta(days=n), delay, holidays) for n in range(60)]
            self.assertEqual(last, sorted(last))

    def test_schedules(self) -> None:
        def days(schedule: str, *, weekday: int = 0, month_day: int = 1, holidays: frozenset[date] = NONE) -> list[int]:
            june = [date(2026, 6, day) for day in range(1, 31)]
            return [
                day.day
                for day in june
                if is_settled_on(day, schedule=schedule, weekday=weekday, month_day=month_day, holidays=holidays)
            ]

        self.assertEqual(len(days("daily")), 22)
        self.assertNotIn(13, days("daily"))
        self.assertEqual(days("weekly", weekday=2), [3, 10, 17, 24])
        self.assertEqual(days("weekly", weekday=2, holidays=frozenset({WEDNESDAY})), [3, 11, 17, 24])
        # A Saturday is settled on the Monday after; the first Monday is for the Saturday of May.
        self.assertEqual(days("weekly", weekday=5), [1, 8, 15, 22, 29])
        self.assertEqual(days("monthly", month_day=14), [15])
        self.assertEqual(days("manual"), [])


class Holidays(TestCase):
    def test_kenyas_are_there_for_two_years(self) -> None:
        found = set(BusinessHoliday.objects.values_list("day", flat=True))
        for day in ("2026-06-01", "2026-10-20", "2026-12-25", "2027-01-01", "2027-03-26", "2027-12-13"):
            self.assertIn(date.fromisoformat(day), found)
        self.assertFalse(is_business_day(date(2026, 12, 25), found))
        self.assertTrue(is_business_day(date(2026, 12, 24), found))

    def test_a_gazetted_day_is_added_and_taken_back(self) -> None:
        set_holiday(MONDAY, name="Election day", actor="tests")
        self.assertEqual(BusinessHoliday.objects.get(day=MONDAY).name, "Election day")
        set_holiday(MONDAY, name=None, actor="tests")
        self.assertFalse(BusinessHoliday.objects.filter(day=MONDAY).exists())
