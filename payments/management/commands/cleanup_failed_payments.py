"""`manage.py cleanup_failed_payments`: what closed unpaid, and whether it truly did."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from onpoint_pay.kit.ids import to_public
from payments.services.cleanup import Review, complete_claimed, delete_dead_tests, review
from payments.services.statement_run import read_statements


class Command(BaseCommand):
    help = (
        "Show failed, cancelled and expired payments by reason, and those the provider claims were paid. "
        "Changes nothing without --apply or --delete-tests."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--apply",
            action="store_true",
            help="Complete those whose receipt the provider confirms: lists are read, and each claim is asked back.",
        )
        parser.add_argument(
            "--delete-tests",
            action="store_true",
            help="Delete test payments without a receipt. Live payments are never deleted.",
        )
        parser.add_argument(
            "--age-days", type=int, default=1, metavar="N", help="Only payments at least N days old (default 1)."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found = review(age_days=options["age_days"])
        self._show(found)
        if options["apply"]:
            self._apply(found)
        if options["delete_tests"]:
            self.stdout.write(f"{delete_dead_tests(age_days=options['age_days'])} test payments deleted")
        if not options["apply"] and not options["delete_tests"]:
            self.stdout.write("Nothing was changed: --apply completes, --delete-tests deletes.")

    def _show(self, found: Review) -> None:
        for reason, payments in sorted(found.by_failure.items()):
            self.stdout.write(f"{payments:8} {reason}")
        self.stdout.write(f"{len(found.claimed):8} claim a receipt that was not believed")
        self.stdout.write(f"{found.deletable:8} test payments without a receipt")

    def _apply(self, found: Review) -> None:
        self.stdout.write(f"{read_statements()} receipts found in the providers' lists")
        for event in found.claimed:
            assert event.op is not None and event.op.payment_id is not None  # noqa: S101 - listed by their payment
            self.stdout.write(f"{to_public('pay', event.op.payment_id)}: {complete_claimed(event)}")
