"""`manage.py retention`: let go of what has been kept long enough, as the worker does every night."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from payments.services.retention import apply, due
from payments.services.retention_rules import ELSEWHERE


class Command(BaseCommand):
    help = "Blank or delete what is old enough, by the rules in payments/services/retention_rules.py. Audited."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only count.")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        for kept in due() if dry_run else apply(actor="operator"):
            rule = kept.rule
            self.stdout.write(f"{rule.table:28} {rule.days:>5} days  {kept.rows:>8} rows  {rule.words}")
        for table, words in ELSEWHERE.items():
            self.stdout.write(f"{table:28} {words}")
        if dry_run:
            self.stdout.write("Nothing was changed.")
