"""`manage.py settlement_profile`: how one merchant is settled."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from merchants.models import Merchant
from onpoint_pay.kit.ids import PublicIdInvalid, from_public
from onpoint_pay.kit.money import Money, MoneyError
from settlements.selectors.settlement_terms import terms_of
from settlements.services.profiles import ProfileInvalid, set_profile
from settlements.states import SCHEDULES

ACTOR = "operator"


class Command(BaseCommand):
    help = "Show how a merchant is settled, and change what is named. Every change is audited."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("merchant", metavar="mer_…")
        parser.add_argument("--schedule", choices=SCHEDULES)
        parser.add_argument("--weekday", type=int, help="0 is Monday; for weekly.")
        parser.add_argument("--month-day", type=int, help="1 to 28; for monthly.")
        parser.add_argument("--delay", action="append", metavar="mobile=1", help="Business days of a class of method.")
        parser.add_argument("--reserve-bps", type=int, help="Hundredths of a percent of each release.")
        parser.add_argument("--reserve-days", type=int)
        parser.add_argument("--minimum", help="The least that is paid out, such as 100.00.")
        parser.add_argument("--destination", metavar="dst_…", help="Where payouts go.")
        parser.add_argument("--hold", metavar="REASON", help="Pay nothing out.")
        parser.add_argument("--unhold", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        merchant_id = self._key("mer", options["merchant"])
        if not Merchant.objects.filter(id=merchant_id).exists():
            raise CommandError(f"There is no merchant {options['merchant']}.")
        try:
            changes = self._changes(options)
            if changes:
                set_profile(merchant_id, actor=ACTOR, **changes)
        except (ProfileInvalid, MoneyError, ValueError) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(str(terms_of(merchant_id)))

    def _changes(self, options: dict[str, Any]) -> dict[str, Any]:
        names = ("schedule", "weekday", "month_day", "reserve_bps", "reserve_days")
        changes = {name: options[name] for name in names if options[name] is not None}
        if options["delay"]:
            pairs = [text.partition("=") for text in options["delay"]]
            changes["delays"] = {name: int(days) for name, _, days in pairs}
        if options["minimum"]:
            changes["minimum"] = Money.parse(options["minimum"]).minor
        if options["destination"]:
            changes["destination_id"] = self._key("dst", options["destination"])
        if options["hold"] or options["unhold"]:
            changes |= {"hold": bool(options["hold"]), "hold_reason": options["hold"] or ""}
        return changes

    def _key(self, prefix: str, text: str) -> UUID:
        try:
            return from_public(prefix, text)
        except PublicIdInvalid:
            raise CommandError(f"{text} is no id that begins with {prefix}_.") from None
