"""`manage.py limits`: what one merchant may take, and how often it may call."""

from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from merchants.models import KINDS, Merchant, MerchantLimits
from merchants.selectors.limits import COUNT, row_of
from merchants.serializers.limits import MOST_PAYMENTS, limits_body
from merchants.services.limits import allow
from onpoint_pay.env import RATE
from onpoint_pay.kit.caller import MODES
from onpoint_pay.kit.ids import PublicIdInvalid, from_public
from onpoint_pay.kit.money import Money, MoneyError
from onpoint_pay.kit.ratelimit import RAISABLE

DEFAULT = "default"
HELP = {
    "largest": "The largest payment, in shillings. Never more than MPESA_MAX_AMOUNT.",
    "per_day": "All payments of a day in Nairobi, in shillings. The installation's: PAYMENT_PER_DAY.",
    "per_month": "All payments of a month in Nairobi, in shillings. The installation's: PAYMENT_PER_MONTH.",
    "per_payer_day": "Payments of one phone on a day, in shillings. The installation's: PAYMENT_PER_PAYER_DAY.",
    COUNT: "How many payments one phone may be asked for on a day. The installation's: PAYMENTS_PER_PAYER_DAY.",
}
WORDS = {
    "largest": "largest payment",
    "per_day": "payments of one day",
    "per_month": "payments of one month",
    "per_payer_day": "payments of one phone's day",
    COUNT: "payments from one phone in a day",
}
EPILOG = f"""\
Caps are what the merchant may not pass; it may set smaller limits of its own, which stay. Rates are how often it may
call, such as initiate=600/1m (s, m, h, d). `{DEFAULT}` gives either back to the installation. Changes are audited,
told by the event merchant.limits_changed, and in force at once; counters of a changed rate begin anew.

    manage.py limits mer_...                                  show both modes
    manage.py limits mer_... --mode live --per-day 500000     at most KES 500,000 a day
    manage.py limits mer_... --per-day {DEFAULT}                 the installation's again, in both modes
    manage.py limits mer_... --rate initiate=600/1m --rate prompt={DEFAULT}

Policies: {", ".join(RAISABLE)}.
"""


class Command(BaseCommand):
    help = "Show or change what one merchant may take and how often it may call. Amounts are in shillings."

    def create_parser(self, *args: Any, **options: Any) -> CommandParser:
        return super().create_parser(*args, epilog=EPILOG, formatter_class=RawDescriptionHelpFormatter, **options)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("merchant", help="Its id, mer_…")
        parser.add_argument("--mode", choices=MODES, help="One mode alone; without it both.")
        for kind in KINDS:
            size = "NUMBER" if kind == COUNT else "AMOUNT"
            parser.add_argument(f"--{kind.replace('_', '-')}", metavar=size, help=HELP[kind])
        parser.add_argument(
            "--rate",
            action="append",
            default=[],
            metavar="POLICY=RATE",
            help="How often it may call; may be given several times.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        merchant = self._merchant(options["merchant"])
        caps = {kind: self._size(kind, options[kind]) for kind in KINDS if options[kind] is not None}
        rates = dict(self._rate(text) for text in options["rate"])
        for mode in [options["mode"]] if options["mode"] else MODES:
            if caps or rates:
                row = allow(merchant.id, mode, caps=caps, rates=rates, actor="operator")
            else:
                row = row_of(merchant.id, mode)
            self._show(row)

    def _merchant(self, name: str) -> Merchant:
        try:
            found = Merchant.objects.filter(id=from_public("mer", name)).first()
        except PublicIdInvalid:
            found = None
        if found is None:
            raise CommandError(f"There is no merchant {name[:40]}.")
        return found

    def _size(self, kind: str, text: str) -> int | None:
        if text == DEFAULT:
            return None
        if kind == COUNT:
            if not (text.isascii() and text.isdigit() and len(text) <= 7 and 1 <= int(text) <= MOST_PAYMENTS):
                raise CommandError(f"{text[:40]} is no number from 1 to {MOST_PAYMENTS}.")
            return int(text)
        try:
            money = Money.parse(text)
        except MoneyError as error:
            raise CommandError(str(error)) from None
        if not money.is_positive or not money.is_whole:
            raise CommandError(f"{text[:40]} is not a number of whole shillings, one or more.")
        return money.minor

    def _rate(self, text: str) -> tuple[str, str | None]:
        policy, _, rate = text.partition("=")
        if policy not in RAISABLE:
            raise CommandError(f"There is no policy {policy[:40]}; there are {', '.join(RAISABLE)}.")
        if rate == DEFAULT:
            return policy, None
        if not RATE.fullmatch(rate):
            raise CommandError(f"{rate[:40]} is no rate such as 600/1m (s, m, h, d).")
        return policy, rate

    def _show(self, row: MerchantLimits) -> None:
        body = limits_body(row)
        self.stdout.write(f"{row.mode} mode")
        for kind, words in WORDS.items():
            found = body[kind]
            none = "no limit" if found["limit"] is None else found["limit"]
            parts = [f"{side} {found[side]}" for side in ("own", "cap") if found[side] is not None]
            self.stdout.write(f"  {words}: {none}" + (f" ({', '.join(parts)})" if parts else ""))
        for rate in body["rates"]:
            if not rate["is_usual"]:
                self.stdout.write(f"  {rate['policy']}: {rate['quota']} in {rate['window']} s")
