"""Days: which are business days, when money falls due, when a merchant is settled. No database and no clock."""

from collections.abc import Callable, Set
from datetime import date, datetime, time, timedelta

from onpoint_pay.kit.clock import NAIROBI

ONE_DAY = timedelta(days=1)
SATURDAY = 5
MOBILE, CARD = "mobile", "card"


def start_of(day: date) -> datetime:
    """Midnight in Nairobi at which the day begins."""
    return datetime.combine(day, time.min, NAIROBI)


def end_of(day: date) -> datetime:
    """The first instant that is no longer of the day: the cut-off."""
    return start_of(day + ONE_DAY)


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
