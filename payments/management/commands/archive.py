"""`manage.py archive`: a signed copy of old money records; the rows stay."""

from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.statement import CheckpointInvalid
from payments.services.archive import ArchiveRefused, make_archive, seven_years_ago, verify_archive


class Command(BaseCommand):
    help = "Copy money records older than a day into signed JSON lines, or verify such a folder. Nothing is removed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="An empty folder; with --verify one that an archive is in.")
        parser.add_argument("--before", type=date.fromisoformat, metavar="DATE", help="Seven years ago when absent.")
        parser.add_argument("--verify", action="store_true")

    def handle(self, *args: Any, folder: Path, before: date | None, verify: bool, **options: Any) -> None:
        try:
            rows = (
                verify_archive(folder)
                if verify
                else make_archive(before or seven_years_ago(), folder, actor="operator")
            )
        except (ArchiveRefused, CheckpointInvalid, OSError, KeyError, ValueError) as error:
            raise CommandError(str(error), returncode=1) from None
        for table, count in rows.items():
            self.stdout.write(f"{table:20} {count:>9} rows")
        self.stdout.write("The archive is whole." if verify else f"Written to {folder}.")
