"""`manage.py keys`: change the keys that seal, while everybody works."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.models import DataKey
from audit.services.keys import KeyInUse, missing_keys, named_keys, reseal, retire, rotate, uses_of
from onpoint_pay.kit.crypto import CannotOpen, KeyringInvalid
from onpoint_pay.kit.keyring import keyring, newest

ACTOR = "operator"


class Command(BaseCommand):
    help = "The keys of ENCRYPTION_KEYS, and the data keys of merchants that they seal."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("status", help="What each key is needed for. Exits 1 when one is missing.")
        actions.add_parser("rotate", help="Seal all data keys by the newest key of the ring.")
        resealing = actions.add_parser("reseal", help="Seal all rows by their merchant's data key, in the background.")
        resealing.add_argument("--new-data-keys", action="store_true", help="Give every merchant a new one first.")
        retiring = actions.add_parser("retire", help="See that nothing needs a key; exits 1 while something does.")
        retiring.add_argument("key", help="Its id in ENCRYPTION_KEYS.")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        try:
            getattr(self, f"_{action}")(**options)
        except (CannotOpen, KeyringInvalid) as error:
            raise CommandError(str(error), returncode=2) from None

    def _status(self, **_: Any) -> None:
        for name in dict.fromkeys([*keyring(), *named_keys()]):
            standing = "seals" if name == newest() else "opens" if name in keyring() else "MISSING"
            uses = ", ".join(f"{place} {count}" for place, count in uses_of(name).items()) or "nothing"
            self.stdout.write(f"{name}  {standing}  needed by {uses}")
        self.stdout.write(f"{DataKey.objects.filter(is_current=True).count()} data keys are in use.")
        if missing := missing_keys():
            raise CommandError(f"Put back into ENCRYPTION_KEYS: {', '.join(missing)}.", returncode=1)

    def _rotate(self, **_: Any) -> None:
        self.stdout.write(f"{rotate(actor=ACTOR)} data keys are sealed by {newest()} now.")

    def _reseal(self, *, new_data_keys: bool, **_: Any) -> None:
        def progress(place: str, rows: int) -> None:
            self.stderr.write(f"  {place} {rows}")

        found = reseal(actor=ACTOR, new_data_keys=new_data_keys, progress=progress)
        self.stdout.write(f"{sum(found.done.values())} rows were sealed anew.")
        if found.broken:
            named = ", ".join(f"{place} {count}" for place, count in found.broken.items())
            raise CommandError(f"These do not open: {named}.", returncode=1)

    def _retire(self, *, key: str, **_: Any) -> None:
        try:
            retire(key, actor=ACTOR)
        except KeyInUse as error:
            raise CommandError(f"{error}. See keys rotate and keys reseal.", returncode=1) from None
        self.stdout.write(f"Nothing needs {key}: take it out of ENCRYPTION_KEYS and restart.")
