"""`manage.py prove`: run every invariant and name what it found."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from payments.services.proof import prove


class Command(BaseCommand):
    help = "Prove the books: run every invariant in one snapshot. Exits 1 when any of them finds a row."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--quiet", action="store_true", help="Print only what was found.")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = prove()
        broken = [finding for finding in findings if finding.rows]
        for finding in findings:
            if finding.rows or not options["quiet"]:
                self.stdout.write(
                    f"{finding.invariant.name}  {finding.rows:>5} rows  {finding.ms:>7.1f} ms  "
                    f"{finding.invariant.meaning}"
                )
        for finding in broken:
            for example in finding.examples:
                self.stdout.write(f"      {finding.invariant.name}: {', '.join(map(str, example))}")
        if broken:
            raise CommandError(f"{len(broken)} of {len(findings)} invariants are broken.", returncode=1)
        if not options["quiet"]:
            self.stdout.write(f"All {len(findings)} invariants hold.")
