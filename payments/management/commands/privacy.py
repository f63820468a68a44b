"""`manage.py privacy`: what is kept of one payer of a merchant, and forgetting it."""

from typing import Any
from uuid import UUID

import orjson
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from merchants.models import Merchant
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import PublicIdInvalid, from_public
from onpoint_pay.kit.phone import PhoneInvalid, parse_phone
from payments.services.privacy import erase_now, export
from payments.services.privacy_subject import Asked

ACTOR = "operator"


class Command(BaseCommand):
    help = "Show or forget one payer of a merchant, by phone or e-mail address, in both modes. Audited."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=("export", "erase"))
        parser.add_argument("--merchant", required=True, metavar="ID", help="mer_…")
        parser.add_argument("--phone")
        parser.add_argument("--email")
        parser.add_argument("--now", action="store_true", help="Do not wait for webhooks that tell of the payer.")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        merchant_id, asked = _merchant(options["merchant"]), _asked(options["phone"], options["email"])
        if action == "export":
            self.stdout.write(
                orjson.dumps(export(merchant_id, asked, actor=ACTOR), option=orjson.OPT_INDENT_2).decode()
            )
            return
        try:
            rows = erase_now(merchant_id, asked, actor=ACTOR, wait=not options["now"])
        except Problem as problem:
            raise CommandError(problem.detail, returncode=1) from None
        for table, count in rows.items():
            self.stdout.write(f"{table}  {count}")
        self.stdout.write(f"{sum(rows.values())} rows name this payer no more.")


def _merchant(text: str) -> UUID:
    try:
        return Merchant.objects.get(id=from_public("mer", text)).id
    except (PublicIdInvalid, Merchant.DoesNotExist):
        raise CommandError(f"{text} is no merchant's id.", returncode=2) from None


def _asked(phone: str | None, email: str | None) -> Asked:
    if not phone and not email:
        raise CommandError("Name the payer by --phone or --email.", returncode=2)
    try:
        if email:
            validate_email(email)
        return Asked(phone=parse_phone(phone) if phone else None, email=email or None)
    except (PhoneInvalid, ValidationError) as error:
        raise CommandError(str(error), returncode=2) from None
