"""`manage.py holiday`: the days on which nothing is settled, besides weekends."""

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from onpoint_pay.kit.clock import nairobi, now
from settlements.models import BusinessHoliday
from settlements.schedule import OF_THE_MOON, kenyan_holidays
from settlements.services.profiles import set_holiday

ACTOR = "operator"


class Command(BaseCommand):
    help = (
        "List the holidays of a year; add one as gazetted, above all the two Idds; or make one a business day. Those "
        "that follow from the calendar, Easter too, are known for every year."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["list", "add", "remove"])
        parser.add_argument("day", nargs="?", type=date.fromisoformat)
        parser.add_argument("name", nargs="?")
        parser.add_argument("--year", type=int, help="Of the list; this one and the next when absent.")

    def handle(self, *args: Any, **options: Any) -> None:
        action, day, name = options["action"], options["day"], options["name"]
        if action == "list":
            this = nairobi(now()).year
            for year in [options["year"]] if options["year"] else [this, this + 1]:
                self._list(year)
            return
        if day is None or (action == "add" and not name):
            raise CommandError("Name the day, and when adding it what it is: holiday add 2026-12-01 'Election day'")
        set_holiday(day, name=name if action == "add" else None, actor=ACTOR)

    def _list(self, year: int) -> None:
        rows = list(BusinessHoliday.objects.filter(day__year=year))
        shown = kenyan_holidays(year) | {row.day: row.name for row in rows}
        called_off = {row.day for row in rows if not row.is_off}
        for day, name in sorted(shown.items()):
            self.stdout.write(f"{day}  {name}" + ("  (called off: a business day)" if day in called_off else ""))
        for name in OF_THE_MOON:
            if not any(name in each for each in shown.values()):
                self.stdout.write(self.style.WARNING(f"{name} of {year} is not known: add it when it is gazetted."))
