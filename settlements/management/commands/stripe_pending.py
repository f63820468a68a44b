"""`manage.py stripe_pending`: spread one busy merchant's pending money over sixteen rows, or stop."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from merchants.models import Merchant
from onpoint_pay.kit.caller import MODES
from onpoint_pay.kit.ids import PublicIdInvalid, from_public
from settlements.services.striping import start_striping, stop_striping

ACTOR = "operator"


class Command(BaseCommand):
    help = (
        "Spread the pending money of one merchant over sixteen rows, so that its payments do not queue on one. "
        "For merchants with hundreds of payments a second; balances and reports stay the same."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("merchant", help="mer_…")
        parser.add_argument("--mode", choices=MODES, default="live")
        parser.add_argument("--off", action="store_true", help="Payments made from now on go to one row again.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            merchant = Merchant.objects.get(id=from_public("mer", options["merchant"]))
        except (PublicIdInvalid, Merchant.DoesNotExist):
            raise CommandError(f"There is no merchant {options['merchant']}.") from None
        switch = stop_striping if options["off"] else start_striping
        has_changed = switch(merchant.id, mode=options["mode"], actor=ACTOR)
        state = "one row" if options["off"] else "sixteen rows"
        self.stdout.write(f"{merchant.business_name}: {state}{'' if has_changed else ' already'}.")
