"""`manage.py find_secrets`: the files of this checkout hold no secret but those somebody gave a reason for."""

import subprocess
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from onpoint_pay.secret_scan import AllowanceInvalid, files_of_repository, read_allowances, scan_files

ALLOWED = ".secrets-allowed"


class Command(BaseCommand):
    help = f"Look for secrets in the files of a checkout. Exits 1 when there is one that {ALLOWED} gives no reason for."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--root", type=Path, default=settings.BASE_DIR, help="the checkout (default: this one)")

    def handle(self, *args: Any, **options: Any) -> None:
        root: Path = options["root"]
        try:
            found = scan_files(root, files_of_repository(root))
            allowed = read_allowances((root / ALLOWED).read_text() if (root / ALLOWED).exists() else "")
        except (OSError, subprocess.CalledProcessError):
            raise CommandError(f"{root} is no git checkout that can be read: nothing was looked at.") from None
        except AllowanceInvalid as error:
            raise CommandError(f"{ALLOWED}, {error}") from None
        faults = [f"  {finding}" for finding in found if finding.allowance not in allowed]
        unused = set(allowed) - {finding.allowance for finding in found}
        faults += [f"  {ALLOWED}: remove the line `{' '.join(entry)}`, it allows nothing" for entry in sorted(unused)]
        if faults:
            raise CommandError(
                "\n".join(["Secrets in files:", *faults])
                + f"\nReplace each where it is valid, and take it out of the file. If it is none, say why in {ALLOWED}."
            )
