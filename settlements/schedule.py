"""Days: which are business days, when money falls due, when a merchant is settled. No database and no clock."""

from collections.abc import Callable, Set
from datetime import date, datetime, time, timedelta

from onpoint_pay.kit.clock import NAIROBI

ONE_DAY = timedelta(days=1)
SATURDAY = 5
SUNDAY = 6
MOBILE, CARD = "mobile", "card"
# Kenya's public holidays by month and day. The two of the moon, Idd-ul-Fitr and Idd-ul-Azha, are gazetted each year.
FIXED = {
    (1, 1): "New Year's Day",
    (5, 1): "Labour Day",
    (6, 1): "Madaraka Day",
    (10, 10): "Mazingira Day",
    (10, 20): "Mashujaa Day",
    (12, 12): "Jamhuri Day",
    (12, 25): "Christmas Day",
    (12, 26): "Boxing Day",
}
OF_THE_MOON = ("Idd-ul-Fitr", "Idd-ul-Azha")


def start_of(day: date) -> datetime:
    """Midnight in Nairobi at which the day begins."""
    return datetime.combine(day, time.min, NAIROBI)


def end_of(day: date) -> datetime:
    """The first instant that is no longer of the day: the cut-off."""
    return start_of(day + ONE_DAY)


def kenyan_holidays(year: int) -> dict[date, str]:
    """The public holidays that follow from the calendar; one on a Sunday is kept on the next free day too."""
    easter = easter_of(year)
    found = {date(year, month, day): name for (month, day), name in FIXED.items()}
    found |= {easter - 2 * ONE_DAY: "Good Friday", easter + ONE_DAY: "Easter Monday"}
    for day in sorted(day for day in found if day.weekday() == SUNDAY):
        free = day + ONE_DAY
        while free in found:
            free += ONE_DAY
        found[free] = f"{found[day]} (of Sunday {day.day})"
    return dict(sorted(found.items()))


def easter_of(year: int) -> date:
    """Easter Sunday by the Gregorian calendar: after the first full moon of spring, as the church counts."""
    golden, century = year % 19 + 1, year // 100 + 1
    leaps_left_out, moon = 3 * century // 4 - 12, (8 * century + 5) // 25 - 5
    sunday = 5 * year // 4 - leaps_left_out - 10
    epact = (11 * golden + 20 + moon - leaps_left_out) % 30
    if epact == 24 or (epact == 25 and golden > 11):
        epact += 1
    full = 44 - epact
    full += 30 if full < 21 else 0
    return date(year, 3, 1) + timedelta(days=full + 7 - (sunday + full) % 7 - 1)


def is_business_day(day: date, holidays: Set[date]) -> bool:
    return day.weekday() < SATURDAY and day not in holidays


def add_business_days(day: date, count: int, holidays: Set[date]) -> date:
    """The day on which what came on `day` falls due; with 0 the day itself."""
    while count > 0:
        day += ONE_DAY
        if is_business_day(day, holidays):
            count -= 1
    return day


def last_due(run_day: date, delay: int, holidays: Set[date]) -> date:
    """The last day before `run_day` whose money is due by then, `delay` business days later."""
    day = run_day - ONE_DAY
    while add_business_days(day, delay, holidays) > run_day:
        day -= ONE_DAY
    return day


def is_settled_on(run_day: date, *, schedule: str, weekday: int, month_day: int, holidays: Set[date]) -> bool:
    """Whether a merchant of this schedule is settled on `run_day`: the day it names, or the next business day after."""
    if schedule == "manual" or not is_business_day(run_day, holidays):
        return False
    names: dict[str, Callable[[date], bool]] = {
        "daily": lambda day: True,
        "weekly": lambda day: day.weekday() == weekday,
        "monthly": lambda day: day.day == month_day,
    }
    named = names[schedule]
    day = run_day
    while not named(day):
        day -= ONE_DAY
        if is_business_day(day, holidays):
            return False
    return True
