"""Business days in Kenya, when money falls due, and on which days a schedule settles."""

from datetime import date, timedelta
from io import StringIO

from django.core.management import call_command
from django.test import SimpleTestCase, TestCase

from audit.models import AuditEvent
from onpoint_pay.kit.clock import rfc3339
from settlements.models import BusinessHoliday
from settlements.schedule import (
    add_business_days,
    easter_of,
    end_of,
    is_business_day,
    is_settled_on,
    kenyan_holidays,
    last_due,
)
from settlements.selectors.settlement_terms import holidays
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


class Calendar(SimpleTestCase):
    def test_easter(self) -> None:
        for day in ("2000-04-23", "2019-04-21", "2024-03-31", "2025-04-20", "2026-04-05", "2027-03-28", "2028-04-16",
                    "2029-04-01", "2030-04-21", "2038-04-25", "2049-04-18"):  # fmt: skip
            with self.subTest(day=day):
                self.assertEqual(easter_of(int(day[:4])), date.fromisoformat(day))

    def test_the_fixed_days_and_easter(self) -> None:
        found = kenyan_holidays(2026)
        self.assertEqual(
            [f"{day:%m-%d}" for day in found],
            ["01-01", "04-03", "04-06", "05-01", "06-01", "10-10", "10-20", "12-12", "12-25", "12-26"],
        )
        self.assertEqual((found[date(2026, 4, 3)], found[date(2026, 4, 6)]), ("Good Friday", "Easter Monday"))

    def test_a_sunday_moves_to_the_next_day_that_is_none(self) -> None:
        found = kenyan_holidays(2027)
        self.assertEqual(found[date(2027, 12, 13)], "Jamhuri Day (of Sunday 12)")
        self.assertEqual(found[date(2027, 12, 27)], "Boxing Day (of Sunday 26)")
        # Christmas on a Sunday: Boxing Day is a holiday already.
        self.assertEqual(kenyan_holidays(2033)[date(2033, 12, 27)], "Christmas Day (of Sunday 25)")
        self.assertNotIn(date(2026, 10, 12), kenyan_holidays(2026), "a Saturday moves nowhere")

    def test_every_year_has_its_ten_and_none_twice(self) -> None:
        for year in range(2024, 2060):
            days = [day for day in kenyan_holidays(year) if "(of Sunday" not in kenyan_holidays(year)[day]]
            self.assertEqual(len(days), 10, year)


class Holidays(TestCase):
    def test_kenyas_are_there_for_every_year_and_the_idds_as_gazetted(self) -> None:
        found = holidays()
        for day in ("2026-06-01", "2026-10-20", "2026-12-25", "2027-01-01", "2027-03-26", "2027-12-13", "2028-12-12"):
            self.assertIn(date.fromisoformat(day), found)
        for day in ("2026-03-20", "2026-05-27"):
            self.assertIn(date.fromisoformat(day), found)
        self.assertFalse(is_business_day(date(2026, 12, 25), found))
        self.assertTrue(is_business_day(date(2026, 12, 24), found))

    def test_what_was_written_down_agrees_with_the_calendar(self) -> None:
        for year in (2026, 2027):
            rows = BusinessHoliday.objects.filter(day__year=year).exclude(name__contains="Idd")
            known = {day for day in kenyan_holidays(year) if day.weekday() < 6}
            self.assertEqual(set(rows.values_list("day", flat=True)), known)

    def test_a_gazetted_day_is_added_and_taken_back(self) -> None:
        set_holiday(MONDAY, name="Election day", actor="tests")
        self.assertEqual(BusinessHoliday.objects.get(day=MONDAY).name, "Election day")
        self.assertIn(MONDAY, holidays())
        set_holiday(MONDAY, name=None, actor="tests")
        self.assertFalse(BusinessHoliday.objects.filter(day=MONDAY).exists())
        self.assertNotIn(MONDAY, holidays())

    def test_one_of_the_calendar_is_called_off_and_kept_again(self) -> None:
        day = date(2028, 5, 1)
        set_holiday(day, name=None, actor="tests")
        self.assertNotIn(day, holidays())
        set_holiday(day, name="Labour Day", actor="tests")
        self.assertIn(day, holidays())
        self.assertEqual(AuditEvent.objects.filter(action__startswith="holiday.").count(), 2)

    def test_the_command_asks_for_the_idds(self) -> None:
        said = StringIO()
        call_command("holiday", "list", "--year", "2028", stdout=said)
        self.assertIn("2028-04-14  Good Friday", said.getvalue())
        self.assertIn("Idd-ul-Fitr of 2028 is not known", said.getvalue())
        call_command("holiday", "add", "2028-02-28", "Idd-ul-Fitr")
        call_command("holiday", "remove", "2028-05-01")
        again = StringIO()
        call_command("holiday", "list", "--year", "2028", stdout=again)
        self.assertIn("2028-02-28  Idd-ul-Fitr", again.getvalue())
        self.assertIn("2028-05-01  Labour Day  (called off", again.getvalue())
        self.assertNotIn("Idd-ul-Fitr of 2028 is not known", again.getvalue())
