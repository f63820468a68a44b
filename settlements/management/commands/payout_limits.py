"""`manage.py payout_limits`: what one merchant may pay out, and above which amount a second person must agree."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from merchants.models import Merchant
from onpoint_pay.kit.ids import PublicIdInvalid, from_public
from onpoint_pay.kit.money import Money, MoneyError
from settlements.services.payout_limits import Limits, limits_of, set_limits

NONE = "default"
NAMES = {"approval_above": "approval above", "largest": "largest payout", "per_day": "payouts of one day"}


class Command(BaseCommand):
    help = "Show or change a merchant's limits for payouts, in shillings; `default` gives a limit of its own up."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("merchant", help="Its id, mer_…")
        for name in NAMES:
            parser.add_argument(f"--{name.replace('_', '-')}", metavar="AMOUNT")

    def handle(self, *args: Any, **options: Any) -> None:
        merchant = self._merchant(options["merchant"])
        changes = {name: self._minor(options[name]) for name in NAMES if options[name] is not None}
        limits = set_limits(merchant.id, changes, actor="operator") if changes else limits_of(merchant.id)
        for name, words in NAMES.items():
            self.stdout.write(f"{words}: {self._words(limits, name)}")

    def _merchant(self, name: str) -> Merchant:
        try:
            found = Merchant.objects.filter(id=from_public("mer", name)).first()
        except PublicIdInvalid:
            found = None
        if found is None:
            raise CommandError(f"There is no merchant {name[:40]}.")
        return found

    def _minor(self, text: str) -> int | None:
        try:
            return None if text == NONE else Money.parse(text).minor
        except MoneyError as error:
            raise CommandError(str(error)) from None

    def _words(self, limits: Limits, name: str) -> str:
        minor = getattr(limits, name)
        return "no limit" if minor is None else str(Money(minor))
