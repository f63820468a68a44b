"""`manage.py bench`: measure speed against named limits of this machine; the work behind `make bench`."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bench import main
from onpoint_pay.local.errors import LocalError


class Command(BaseCommand):
    help = (
        "Measure the product over HTTP against limits of this machine, taken in turn in one run: PostgreSQL with "
        "durable commits, Valkey, the web server of `make run` and a provider that answers at once, all started for "
        "this run and thrown away. Prints one table of ratios with targets, writes a JSON document, and exits 1 only "
        "when an answer or a row was wrong: there is no gate on speed yet. See docs/performance.md."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rounds", type=int, default=3, help="How often everything is measured (default: 3).")
        parser.add_argument(
            "--seconds",
            type=float,
            default=4.0,
            help="Length of each measurement after its warm-up of at most 1 s (default: 4). Limits taken with pgbench "
            "last whole seconds.",
        )
        parser.add_argument(
            "--only",
            nargs="+",
            choices=main.NAMES,
            default=main.NAMES,
            metavar="NAME",
            help=f"Only these figures and the limits they need: {', '.join(main.NAMES)}.",
        )
        parser.add_argument(
            "--entries",
            type=int,
            default=main.ENTRIES,
            help=f"How many entries the ledger of P13 has (default: {main.ENTRIES:,}). Ten million take half an hour "
            "and 10 GB of disk.",
        )
        parser.add_argument(
            "--output", type=Path, default=main.RESULTS, help="Where the JSON goes (default: bench/results.json)."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["rounds"] < 1 or options["seconds"] <= 0 or options["entries"] < 1:
            raise CommandError("--rounds, --seconds and --entries must be above zero.")
        try:
            right = main.run(
                names=options["only"],
                rounds=options["rounds"],
                seconds=options["seconds"],
                entries=options["entries"],
                output=options["output"],
                say=self._say,
            )
        except KeyboardInterrupt:
            sys.exit(130)
        except LocalError as error:
            self.stderr.write(f"\n{error}")
            sys.exit(2)
        sys.exit(0 if right else 1)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
