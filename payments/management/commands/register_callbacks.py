"""`manage.py register_callbacks`: tell providers where to send what payers start, and enrol for their lists."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from merchants.models import ProviderAccount
from merchants.services.chosen_accounts import chosen_accounts
from merchants.services.hooks import registered_urls
from merchants.services.provider_accounts import provider_of
from merchants.services.registration import refuse_bad_addresses, register_account
from onpoint_pay.kit.errors import Problem

ACTOR = "operator"


class Command(BaseCommand):
    help = (
        "Register the confirmation and validation addresses of shortcodes, and enrol them for the list of money "
        "received where a phone is known for it. Addresses that would be refused are named before anything is sent. "
        "Registering again is harmless; in production M-Pesa keeps what was registered first, until it is deleted in "
        "its portal. Without a name it registers the platform's own accounts. Exits 1 when one was not registered."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--account", metavar="prv_…", help="Only this account.")
        which.add_argument("--merchant", metavar="mer_…", help="The accounts of this merchant.")
        which.add_argument("--all", action="store_true", help="The platform's accounts and those of all merchants.")
        parser.add_argument("--mode", choices=["test", "live"], help="Only accounts of this mode.")
        parser.add_argument("--dry-run", action="store_true", help="Show and check the addresses; send nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        accounts = self._chosen(options)
        failed = sum(not self._register(account, dry_run=options["dry_run"]) for account in accounts)
        if failed:
            raise CommandError(f"{failed} of {len(accounts)} accounts are not registered.", returncode=1)
        if not accounts:
            self.stdout.write("There is no account to register.")

    def _chosen(self, options: dict[str, Any]) -> list[ProviderAccount]:
        try:
            return chosen_accounts(
                account=options["account"],
                merchant=options["merchant"],
                mode=options["mode"],
                with_merchants=options["all"],
            )
        except Problem as problem:
            raise CommandError(problem.detail) from None

    def _register(self, account: ProviderAccount, *, dry_run: bool) -> bool:
        """Whether it is registered, or would be; what happened is told."""
        self.stdout.write(f"{account.public_id}  {account.mode}  {account.kind} {account.till or account.shortcode}")
        self._show_addresses(account)
        try:
            if dry_run:
                refuse_bad_addresses(provider_of(account), registered_urls(account))
                self.stdout.write("  nothing sent; M-Pesa would have no objection to these addresses")
            else:
                done = register_account(account, actor=ACTOR)
                self.stdout.write(f"  registered; {done.pull_note or 'enrolled for the list of money received'}")
        except Problem as problem:
            for text in [fault.detail for fault in problem.faults] or [problem.detail]:
                self.stderr.write(f"  {text}")
            return False
        return True

    def _show_addresses(self, account: ProviderAccount) -> None:
        urls = registered_urls(account)
        self.stdout.write(f"  confirmation  {urls.confirmation}")
        self.stdout.write(f"  validation    {urls.validation}")
