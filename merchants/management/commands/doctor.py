"""`manage.py doctor`: whether provider accounts can work, and what to do where they cannot."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from merchants.models import ProviderAccount
from merchants.serializers.accounts import report_body
from merchants.services.chosen_accounts import chosen_accounts
from merchants.services.doctor import check_account
from merchants.services.findings import FAILED
from onpoint_pay.kit.errors import Problem

ACTOR = "operator"


class Command(BaseCommand):
    help = (
        "Check provider accounts: credentials, shortcode and passkey, the words of every address, whether this "
        "installation is reached at BASE_URL, registration, API user and certificate. No money moves. Without a name "
        "it looks at the platform's own accounts and at those of all merchants. Exits 1 when a check failed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--merchant", metavar="mer_…", help="Only the accounts of this merchant.")
        which.add_argument("--account", metavar="prv_…", help="Only this account, in use or not.")
        parser.add_argument("--mode", choices=["test", "live"], help="Only accounts of this mode.")
        parser.add_argument("--json", action="store_true", help="Print one JSON list, for programs.")

    def handle(self, *args: Any, **options: Any) -> None:
        accounts = self._chosen(options)
        checked = [self._check(account, quiet=options["json"]) for account in accounts]
        if options["json"]:
            self.stdout.write(json.dumps([report_body(account) for account in checked], indent=2))
        failed = sum(report_body(account)["status"] == FAILED for account in checked)
        if failed:
            raise CommandError(f"{failed} of {len(checked)} accounts cannot work as they are.", returncode=1)
        if not options["json"]:
            self.stdout.write(f"{len(checked)} accounts checked." if checked else "There is no account to check.")

    def _chosen(self, options: dict[str, Any]) -> list[ProviderAccount]:
        try:
            return chosen_accounts(
                account=options["account"],
                merchant=options["merchant"],
                mode=options["mode"],
                with_merchants=True,
            )
        except Problem as problem:
            raise CommandError(problem.detail) from None

    def _check(self, account: ProviderAccount, *, quiet: bool) -> ProviderAccount:
        checked = check_account(account, actor=ACTOR)
        if not quiet:
            self._show(checked)
        return checked

    def _show(self, account: ProviderAccount) -> None:
        owner = account.merchant.business_name if account.merchant else "the platform"
        report = account.check_report or {}
        number = account.till or account.shortcode
        self.stdout.write(
            f"\n{account.public_id}  {account.mode}  {account.environment}  {account.kind} {number} of {owner}: "
            f"{report['status']}"
        )
        for finding in report["findings"]:
            self.stdout.write(f"  {finding['status']:<8} {finding['check']:<18} {finding['detail']}")
            if finding["fix"]:
                self.stdout.write(f"  {'':<27} -> {finding['fix']}")
