"""`manage.py audit_verify`: prove the audit trail against signed checkpoints."""

import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.services import stream_of
from audit.services.checkpoint_files import files
from audit.services.verify import Report, verify
from audit.statement import CheckpointInvalid
from onpoint_pay.kit.ids import PublicIdInvalid, from_public

BROKEN, UNPROVABLE = 1, 2


class Command(BaseCommand):
    help = (
        "Recompute the audit trail and compare it with the checkpoints outside the database. Exits 1 and names"
        " the first bad link of each stream when it was changed, 2 when nothing signed is there to compare it with."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--checkpoint", metavar="FILE", type=Path, help="This one, in place of CHECKPOINTS_ROOT.")
        parser.add_argument("--merchant", metavar="ID", help="This merchant's stream alone, mer_….")
        parser.add_argument("--quiet", action="store_true", help="Print only what was found.")

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        paths = [options["checkpoint"]] if options["checkpoint"] else files()
        report = self._verify(paths, stream=_stream(options["merchant"]), quiet=options["quiet"])
        for fault in report.faults:
            self.stdout.write(f"({fault.stream}, {fault.seq})  {fault.words}")
        if not options["quiet"]:
            self.stdout.write(f"{report.links} links in {time.monotonic() - began:.1f} seconds.")
        if report.faults:
            raise CommandError(f"The audit trail is broken in {len(report.faults)} streams.", returncode=BROKEN)
        if report.checkpoint is None:
            raise CommandError("The links fit, but there is no checkpoint to compare them with.", returncode=UNPROVABLE)
        if not options["quiet"]:
            self.stdout.write(f"The audit trail is whole up to checkpoint {report.checkpoint} and beyond.")

    def _verify(self, paths: list[Path], *, stream: str | None, quiet: bool) -> Report:
        def progress(links: int) -> None:
            if not quiet:
                self.stderr.write(f"  {links} links")

        try:
            return verify(stream=stream, paths=paths, progress=progress)
        except (CheckpointInvalid, OSError) as error:
            raise CommandError(f"The checkpoint cannot be used: {error}", returncode=UNPROVABLE) from None


def _stream(merchant: str | None) -> str | None:
    try:
        return None if merchant is None else stream_of(from_public("mer", merchant))
    except PublicIdInvalid:
        raise CommandError(f"{merchant} is no merchant's id.", returncode=UNPROVABLE) from None
