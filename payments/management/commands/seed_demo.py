"""`manage.py seed_demo`: a demo merchant with a test key, written to credentials.json for people and scripts."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from merchants.models import Merchant
from merchants.services.api_keys import create_api_key
from merchants.services.chosen_accounts import chosen_accounts
from merchants.services.onboarding import register_merchant
from merchants.services.registration import register_account
from onpoint_pay.kit.caller import TEST
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import to_public
from webhooks.services.endpoints import default_secret

EMAIL = "demo@onpointpay.test"


class Command(BaseCommand):
    help = "Make the demo merchant the first time, and write its credentials to .onpoint/credentials.json (mode 0600)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--home", default=str(settings.HOME), help="Folder of credentials.json.")

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(options["home"]) / "credentials.json"
        known = json.loads(path.read_text()) if path.exists() else {}
        if not self._is_current(known):
            known = self._make()
        known |= {"base_url": settings.BASE_URL, "simulator_url": settings.SIMULATOR_URL}
        write_private(path, json.dumps(known, indent=2) + "\n")
        self._register()

    def _is_current(self, known: dict[str, str]) -> bool:
        merchants = (to_public("mer", key) for key in Merchant.objects.values_list("id", flat=True).iterator())
        return "secret_key" in known and known["merchant_id"] in set(merchants)

    def _make(self) -> dict[str, str]:
        password = secrets.token_urlsafe(12)
        email = EMAIL if not Merchant.objects.filter(email=EMAIL).exists() else f"{secrets.token_hex(4)}.{EMAIL}"
        _, merchant = register_merchant(
            is_verified=True,
            business_name="Duka Bora",
            email=email,
            password=password,
            first_name="Wanjiku",
            last_name="Demo",
            phone="",
        )
        # A fee, so that the ledger has something to show.
        Merchant.objects.filter(id=merchant.id).update(fee_bps=150)
        _, secret_key = create_api_key(merchant_id=merchant.id, mode=TEST, name="Demo key", created_by="system")
        return {
            "secret_key": secret_key,
            "webhook_secret": default_secret(merchant.id, TEST),
            "email": email,
            "password": password,
            "merchant_id": to_public("mer", merchant.id),
        }

    def _register(self) -> None:
        """The simulator tells of payments that payers start only where it was told to; again at each start."""
        try:
            for account in chosen_accounts(mode=TEST):
                if account.is_simulated:
                    register_account(account, actor="system")
        except Problem as problem:
            self.stderr.write(f"Payments that payers start will not be told: {problem.detail}")


def write_private(path: Path, text: str) -> None:
    """Replace the file at once, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
