"""`manage.py replay_callback`: put stored callbacks through the same door once more."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from payments.services.callbacks import NotReplayable, replay_callback, replayable


class Command(BaseCommand):
    help = (
        "Look again at stored callbacks that changed nothing: kept apart, given up without an owner, or without a "
        "result. What is believed does not change: an untrusted claim stays one. Applied callbacks are left alone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", nargs="*", type=int, metavar="ID", help="Numbers of timelines: evidence.ref.")
        parser.add_argument("--status", choices=["quarantined", "orphan", "ignored"], help="All of this status ...")
        parser.add_argument("--hours", type=float, default=24.0, help="... received in the last hours (default 24).")
        parser.add_argument("--dry-run", action="store_true", help="Only show which.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["ids"] and not options["status"]:
            raise CommandError("Name callbacks by number, or all of one --status.")
        found = replayable(ids=options["ids"], status=options["status"], hours=options["hours"])
        for event in found:
            shown = f"{event.id} {event.door} of {event.received_at:%Y-%m-%d %H:%M:%S}: {event.status}"
            if options["dry_run"]:
                self.stdout.write(f"{shown}, {event.note or 'no note'}")
                continue
            try:
                outcome = replay_callback(event.id)
            except NotReplayable as error:
                outcome = str(error)
            self.stdout.write(f"{shown} -> {outcome}")
        self.stdout.write(f"{len(found)} callbacks")
