"""`manage.py sweep`: conclude by hand what the workers conclude every second."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from payments.services import callbacks, silence, sweep


class Command(BaseCommand):
    help = "Apply callbacks that wait and ask providers about everything that is due. Safe beside running workers."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=float, metavar="SECONDS", help="Go on, with this pause in between.")

    def handle(self, *args: Any, **options: Any) -> None:
        while True:
            self._once()
            if not options["every"]:
                return
            time.sleep(options["every"])

    def _once(self) -> None:
        claims = callbacks.apply_callbacks()
        asked = sweep.sweep()
        silent = silence.listen()
        self.stdout.write(f"{claims} callbacks looked at, {asked} operations looked at")
        for shortcode in silent:
            self.stdout.write(
                self.style.WARNING(
                    f"callbacks of {shortcode.provider} {shortcode.shortcode} ({shortcode.mode}) do not arrive: "
                    f"{shortcode.found} payments were found out by asking, none was told"
                )
            )
