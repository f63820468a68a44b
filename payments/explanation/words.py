"""A text in both languages, and the time of day as people in Kenya say it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from onpoint_pay.kit.clock import nairobi

ENGLISH, SWAHILI = "en", "sw"
LANGUAGES = (ENGLISH, SWAHILI)


@dataclass(frozen=True, slots=True)
class Words:
    """One text in English and in Swahili, with the same names in braces to be filled in."""

    en: str
    sw: str

    def say(self, lang: str, **values: str) -> str:
        """The text in `lang`, `en` or `sw`."""
        return (self.sw if lang == SWAHILI else self.en).format(**values)


MONTHS = (
    Words("January", "Januari"),
    Words("February", "Februari"),
    Words("March", "Machi"),
    Words("April", "Aprili"),
    Words("May", "Mei"),
    Words("June", "Juni"),
    Words("July", "Julai"),
    Words("August", "Agosti"),
    Words("September", "Septemba"),
    Words("October", "Oktoba"),
    Words("November", "Novemba"),
    Words("December", "Desemba"),
)
TODAY = Words("at {clock}", "saa {clock}")
YESTERDAY = Words("yesterday at {clock}", "jana saa {clock}")
TOMORROW = Words("tomorrow at {clock}", "kesho saa {clock}")
ANOTHER_DAY = Words("on {day} {month} {year} at {clock}", "tarehe {day} {month} {year} saa {clock}")


def clock_words(moment: datetime, *, now: datetime, lang: str) -> str:
    """`at 10:42`, `yesterday at 10:42`, `on 21 November 2026 at 10:42`: on a clock in Nairobi, seen from `now`."""
    local, today = nairobi(moment), nairobi(now).date()
    clock = f"{local:%H:%M}"
    near = {today: TODAY, today - timedelta(days=1): YESTERDAY, today + timedelta(days=1): TOMORROW}
    if local.date() in near:
        return near[local.date()].say(lang, clock=clock)
    month = MONTHS[local.month - 1].say(lang)
    return ANOTHER_DAY.say(lang, day=str(local.day), month=month, year=str(local.year), clock=clock)
