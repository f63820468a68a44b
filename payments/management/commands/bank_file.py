"""`manage.py bank_file`: hand payouts to a bank in a file, and read its answers."""

from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from onpoint_pay.kit.caller import LIVE, MODES
from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.money import Money
from payments.services.bank_files import content_of, export_file, name_of
from payments.services.bank_results import import_results
from payments.states import OP_FILED

ACTOR = "operator"


class Command(BaseCommand):
    help = "Export the day's file of payouts to a bank (or of those for the provider's portal), import its results."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--mode", choices=MODES, default=LIVE)
        verbs = parser.add_subparsers(dest="verb", required=True)
        export = verbs.add_parser("export", help="Write the file of one account and day; again gives the same bytes.")
        export.add_argument("directory", type=Path)
        export.add_argument("--route", choices=OP_FILED, default="bank")
        export.add_argument("--account", help="The bank account, or the float `daraja:174379` of b2b.")
        export.add_argument("--day", type=date.fromisoformat, help="In Nairobi; today when absent.")
        results = verbs.add_parser("import", help="Apply a file of results; again does nothing.")
        results.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["verb"] == "export":
                self._export(options)
            else:
                self._import(options)
        except Problem as problem:
            faults = [f"{fault.param}: {fault.detail}" for fault in problem.faults] or [problem.detail]
            raise CommandError("\n".join(faults)) from None

    def _export(self, options: dict[str, Any]) -> None:
        account = options["account"] or settings.PAYOUT_BANK_ACCOUNT
        day = options["day"] or nairobi(now()).date()
        file = export_file(options["route"], account, mode=options["mode"], day=day, actor=ACTOR)
        if file is None:
            self.stdout.write("Nothing waits for this account.")
            return
        path = options["directory"] / name_of(file)
        path.write_bytes(content_of(file))
        path.chmod(0o600)
        whole = Money(file.amount, file.currency)
        self.stdout.write(f"{path}: {file.lines} lines, {whole}, SHA-256 {file.sha256}")

    def _import(self, options: dict[str, Any]) -> None:
        found = import_results(options["file"].read_bytes(), mode=options["mode"], actor=ACTOR)
        if found.is_known:
            self.stdout.write("This file was imported before; nothing was changed.")
            return
        told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(found.counts.items()))
        self.stdout.write(told or "The file has no lines.")
        for exception in found.exceptions:
            self.stdout.write(self.style.WARNING(exception))
        if found.exceptions:
            raise CommandError(f"{len(found.exceptions)} lines are kept for a person.")
