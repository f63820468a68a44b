"""`manage.py holiday`: the days on which nothing is settled, besides weekends."""

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from settlements.models import BusinessHoliday
from settlements.services.profiles import set_holiday

ACTOR = "operator"


class Command(BaseCommand):
    help = "List holidays, add one (as gazetted), or remove one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["list", "add", "remove"])
        parser.add_argument("day", nargs="?", type=date.fromisoformat)
        parser.add_argument("name", nargs="?")

    def handle(self, *args: Any, **options: Any) -> None:
        action, day, name = options["action"], options["day"], options["name"]
        if action == "list":
            for row in BusinessHoliday.objects.order_by("day"):
                self.stdout.write(f"{row.day}  {row.name}")
            return
        if day is None or (action == "add" and not name):
            raise CommandError("Name the day, and when adding it what it is: holiday add 2026-12-01 'Election day'")
        set_holiday(day, name=name if action == "add" else None, actor=ACTOR)
