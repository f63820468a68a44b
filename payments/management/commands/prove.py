"""`manage.py prove`: run every invariant and name what it found."""

import time
from collections.abc import Sequence
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser

from onpoint_pay.kit.money import Money
from payments.invariants import INVARIANTS, Invariant
from payments.services.proof import Finding, prove
from settlements.services.safeguarding import safeguarding_report


class Command(BaseCommand):
    help = "Prove the books: run every invariant in one snapshot. Exits 1 when any of them finds a row."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--quiet", action="store_true", help="Print only what was found.")
        parser.add_argument("--only", metavar="NAMES", help="Run these alone, such as I01,I02.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object in place of lines.")
        parser.add_argument(
            "--every",
            type=float,
            metavar="SECONDS",
            help="Prove again and again, this many seconds apart, until stopped or until something is found.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        invariants = chosen(options["only"])
        self._prove(invariants, **options)
        while options["every"] is not None:
            time.sleep(options["every"])
            self._prove(invariants, **options)

    def _prove(self, invariants: Sequence[Invariant], *, quiet: bool, json: bool, **_: Any) -> None:
        findings = prove(invariants)
        broken = [finding for finding in findings if finding.rows]
        if json:
            self.stdout.write(as_json(findings))
        else:
            for finding in broken if quiet else findings:
                self._show(finding)
        if not json:
            self._alarm()
        if broken:
            raise CommandError(f"{len(broken)} of {len(findings)} invariants are broken.", returncode=1)
        if not quiet and not json:
            self.stdout.write(f"All {len(findings)} invariants hold.")

    def _alarm(self) -> None:
        """About money and not about the books: the operator must add their own, and nothing here is broken."""
        for row in safeguarding_report():
            if not row.is_covered:
                short = Money(-row.cover, row.currency)
                self.stdout.write(
                    f"I20  ALARM  what is owed in {row.mode} mode is {short} more than what is held for it"
                )

    def _show(self, finding: Finding) -> None:
        found = finding.invariant
        self.stdout.write(f"{found.name}  {finding.rows:>5} rows  {finding.ms:>7.1f} ms  {found.meaning}")
        for example in finding.examples:
            self.stdout.write(f"      {found.name}: {', '.join(map(str, example))}")


def chosen(names: str | None) -> tuple[Invariant, ...]:
    """The invariants named, in their own order; all without names. Raises CommandError for a name that is none."""
    if names is None:
        return INVARIANTS
    wanted = {name.strip().upper() for name in names.split(",")}
    if unknown := wanted - {invariant.name for invariant in INVARIANTS}:
        raise CommandError(f"There is no invariant {', '.join(sorted(unknown))}.", returncode=2)
    return tuple(invariant for invariant in INVARIANTS if invariant.name in wanted)


def as_json(findings: Sequence[Finding]) -> str:
    shown = [
        {
            "name": finding.invariant.name,
            "meaning": finding.invariant.meaning,
            "rows": finding.rows,
            "ms": round(finding.ms, 1),
            "examples": [list(map(str, example)) for example in finding.examples],
        }
        for finding in findings
    ]
    return orjson.dumps({"ok": not any(finding.rows for finding in findings), "invariants": shown}).decode()
