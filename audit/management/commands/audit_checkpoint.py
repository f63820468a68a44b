"""`manage.py audit_checkpoint`: sign where the audit trail stands now, as the worker does every hour."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.services.checkpoint_mail import mail_checkpoints
from audit.services.checkpoints import ChainDeparted, write_checkpoint
from audit.statement import CheckpointInvalid


class Command(BaseCommand):
    help = "Sign the heads of all streams and write the checkpoint. Exits 1 when the trail has left the last one."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            signed = write_checkpoint()
        except ChainDeparted as error:
            raise CommandError(f"Nothing was signed: {error}. See audit_verify.", returncode=1) from None
        except (CheckpointInvalid, OSError) as error:
            raise CommandError(f"Nothing was signed: {error}", returncode=2) from None
        if signed is None:
            raise CommandError("Nothing was signed: AUDIT_SIGNING_KEY is not set, or it was just done.", returncode=2)
        mail_checkpoints()
        self.stdout.write(f"Checkpoint {signed.statement.number} over {signed.statement.streams} streams.")
