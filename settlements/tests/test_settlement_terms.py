"""Schedules, reserves and debts of one merchant over days and weeks, as the profile says."""

from datetime import date, timedelta

from settlements.chart import Leg
from settlements.models import Settlement
from settlements.services.batches import run_settlement
from settlements.services.profiles import set_holiday, set_profile
from settlements.tests.base import balance, post
from settlements.tests.settlements import FRIDAY, MONDAY, THURSDAY, TUESDAY, WEDNESDAY, lines_of, pay_on
from settlements.tests.test_settlement_batches import SettlementCase


class Schedules(SettlementCase):
    def run_days(self, first: date, count: int) -> list[date]:
        """The nightly run after each of these days; the days that gave this merchant a batch."""
        for number in range(count):
            run_settlement(day=first + timedelta(days=number))
        return list(Settlement.objects.filter(merchant=self.merchant).order_by("day").values_list("day", flat=True))

    def test_monthly_is_the_day_or_the_next_business_day(self) -> None:
        set_profile(self.merchant.id, actor="tests", schedule="monthly", month_day=13)
        for number in range(6):
            pay_on(self.merchant, 10_00, day=MONDAY + timedelta(days=number))
        # The 13th of June 2026 is a Saturday: the run of Monday the 15th settles what was due by then.
        self.assertEqual(self.run_days(MONDAY, 10), [date(2026, 6, 14)])
        self.assertEqual(Settlement.objects.get().total, 60_00)

    def test_weekly_on_a_holiday_is_the_day_after(self) -> None:
        set_holiday(WEDNESDAY, name="Gazetted", actor="tests")
        self.addCleanup(lambda: set_holiday(WEDNESDAY, name=None, actor="tests"))
        set_profile(self.merchant.id, actor="tests", schedule="weekly", weekday=2)
        pay_on(self.merchant, 10_00, day=MONDAY)
        self.assertEqual(self.run_days(MONDAY, 5), [WEDNESDAY])

    def test_a_holiday_puts_off_what_is_due(self) -> None:
        set_holiday(TUESDAY, name="Gazetted", actor="tests")
        self.addCleanup(lambda: set_holiday(TUESDAY, name=None, actor="tests"))
        pay_on(self.merchant, 10_00, day=MONDAY)
        self.assertIsNone(self.settle(MONDAY))
        self.assertEqual(self.settled(TUESDAY).total, 10_00)

    def test_manual_never_by_itself(self) -> None:
        set_profile(self.merchant.id, actor="tests", schedule="manual")
        pay_on(self.merchant, 10_00, day=MONDAY)
        self.assertEqual(self.run_days(MONDAY, 10), [])
        self.assertEqual(balance("pending", self.merchant), 10_00)


class Reserves(SettlementCase):
    def test_due_on_a_weekend_it_comes_back_on_monday(self) -> None:
        """Kept for five days from Monday: due on Saturday."""
        set_profile(self.merchant.id, actor="tests", reserve_bps=2500, reserve_days=5)
        pay_on(self.merchant, 100_00, day=MONDAY)
        first = self.settled()
        self.assertEqual((first.reserve, first.reserve_due), (25_00, MONDAY + timedelta(days=5)))
        for day in (TUESDAY, WEDNESDAY, THURSDAY, FRIDAY):
            self.assertIsNone(self.settle(day))
        self.assertEqual(balance("reserve", self.merchant), 25_00)
        back = self.settled(MONDAY + timedelta(days=6))
        self.assertEqual((back.total, back.returned, lines_of(back)), (0, 25_00, [("reserve_return", 25_00)]))
        self.assertEqual((balance("reserve", self.merchant), balance("available", self.merchant)), (0, 100_00))
        self.assert_clean()

    def test_a_changed_profile_leaves_earlier_dates_alone(self) -> None:
        set_profile(self.merchant.id, actor="tests", reserve_bps=1000, reserve_days=2)
        pay_on(self.merchant, 100_00, day=MONDAY)
        first = self.settled()
        set_profile(self.merchant.id, actor="tests", reserve_bps=0, reserve_days=180)
        pay_on(self.merchant, 50_00, day=TUESDAY)
        second = self.settled(TUESDAY)
        first.refresh_from_db()
        self.assertEqual((first.reserve_due, second.reserve, second.returned), (WEDNESDAY, 0, 10_00))
        self.assert_clean()


class Debts(SettlementCase):
    def owe(self, amount: int) -> None:
        post(
            self.merchant,
            [
                Leg(kind="owed", side="D", amount=amount),
                Leg(kind="provider_float", side="C", amount=amount, sub="x:1:00"),
            ],
        )

    def test_more_owed_than_falls_due(self) -> None:
        """All of it goes to the debt, nothing to the reserve; the next release pays the rest first."""
        set_profile(self.merchant.id, actor="tests", reserve_bps=1000, reserve_days=30)
        self.owe(130_00)
        pay_on(self.merchant, 100_00, day=MONDAY)
        first = self.settled()
        self.assertEqual((first.debt, first.reserve, first.available), (100_00, 0, 0))
        pay_on(self.merchant, 100_00, day=TUESDAY)
        second = self.settled(TUESDAY)
        self.assertEqual((second.debt, second.reserve, second.available), (30_00, 10_00, 60_00))
        self.assertEqual(balance("owed", self.merchant), 0)
        self.assert_clean()

    def test_the_debt_leaves_less_than_the_reserve(self) -> None:
        set_profile(self.merchant.id, actor="tests", reserve_bps=5000, reserve_days=30)
        self.owe(80_00)
        pay_on(self.merchant, 100_00, day=MONDAY)
        row = self.settled()
        self.assertEqual((row.debt, row.reserve, row.available), (80_00, 20_00, 0))
        self.assert_clean()
