"""`manage.py fee_plan`: show what is charged, or set it from a moment on."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from merchants.models import Merchant
from onpoint_pay.kit.clock import rfc3339
from onpoint_pay.kit.ids import PublicIdInvalid, from_public
from settlements.fees import FeePlanInvalid, Terms, parse_rules
from settlements.serializers.fees import moment
from settlements.services.fee_plans import own_terms, set_plan, shown

ACTOR = "operator"


class Command(BaseCommand):
    help = (
        "Show or set fee plans. A plan is a JSON file with `rules`; amounts are decimal texts in shillings. Without a "
        "merchant it is the plan of everybody who has none. A version is never changed or dated back: set another one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["show", "set"])
        parser.add_argument("--merchant", metavar="mer_…", help="The merchant; without it, everybody without a plan.")
        parser.add_argument("--currency", default="KES")
        parser.add_argument("--file", metavar="plan.json", help="The plan to set.")
        parser.add_argument(
            "--effective", metavar="TIME", help="From when, such as 2026-12-01T00:00:00+03:00; else as soon as may be."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        merchant_id = self._merchant(options["merchant"])
        if options["action"] == "set":
            self._set(merchant_id, options)
        else:
            own = own_terms(merchant_id) if merchant_id else self._default_terms()
            body = shown(merchant_id, own=own, currency=options["currency"], livemode=True)
            self.stdout.write(json.dumps(body, indent=2))

    def _set(self, merchant_id: UUID | None, options: dict[str, Any]) -> None:
        if not options["file"]:
            raise CommandError("Name the plan: --file plan.json")
        try:
            document = json.loads(Path(options["file"]).read_text())
            version = set_plan(
                parse_rules(document),
                merchant_id=merchant_id,
                currency=options["currency"],
                effective_from=self._moment(options["effective"]),
                actor=ACTOR,
            )
        except (OSError, ValueError, FeePlanInvalid) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{version.id} holds from {rfc3339(version.effective_from)}.")

    def _moment(self, text: str | None) -> datetime | None:
        return moment(text) if text else None

    def _default_terms(self) -> Terms:
        return Terms(bps=settings.DEFAULT_FEE_BPS, flat=settings.DEFAULT_FEE_FLAT)

    def _merchant(self, text: str | None) -> UUID | None:
        if text is None:
            return None
        try:
            key = from_public("mer", text)
        except PublicIdInvalid:
            raise CommandError(f"{text} is no merchant's id; it looks like mer_….") from None
        if not Merchant.objects.filter(id=key).exists():
            raise CommandError(f"There is no merchant {text}.")
        return key
