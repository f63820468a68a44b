"""`manage.py prove`: run every invariant and name what it found."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from payments.services.proof import Finding, prove


class Command(BaseCommand):
    help = "Prove the books: run every invariant in one snapshot. Exits 1 when any of them finds a row."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--quiet", action="store_true", help="Print only what was found.")
        parser.add_argument(
            "--every",
            type=float,
            metavar="SECONDS",
            help="Prove again and again, this many seconds apart, until stopped or until something is found.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self._prove(quiet=options["quiet"])
        while options["every"] is not None:
            time.sleep(options["every"])
            self._prove(quiet=options["quiet"])

    def _prove(self, *, quiet: bool) -> None:
        findings = prove()
        for finding in findings:
            if finding.rows or not quiet:
                self._show(finding)
        broken = [finding for finding in findings if finding.rows]
        if broken:
            raise CommandError(f"{len(broken)} of {len(findings)} invariants are broken.", returncode=1)
        if not quiet:
            self.stdout.write(f"All {len(findings)} invariants hold.")

    def _show(self, finding: Finding) -> None:
        found = finding.invariant
        self.stdout.write(f"{found.name}  {finding.rows:>5} rows  {finding.ms:>7.1f} ms  {found.meaning}")
        for example in finding.examples:
            self.stdout.write(f"      {found.name}: {', '.join(map(str, example))}")
