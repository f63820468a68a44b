"""`manage.py close_account mer_…`: end a merchant's account; its papers are kept for seven years from then on."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from merchants.services.standing import restore_merchant
from onpoint_pay.kit.errors import NotFound, Problem
from onpoint_pay.kit.ids import PublicIdInvalid, from_public
from payments.services.account_closing import close_account

ACTOR = "operator"


class Command(BaseCommand):
    help = "Close a merchant's account once nothing is open or owed in live mode; audited."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("merchant", help="mer_…")
        parser.add_argument("--reason", required=True, help="Stands in the audit trail: name no person.")
        parser.add_argument("--reopen", action="store_true", help="Undo it; papers that are gone stay gone.")

    def handle(self, *args: Any, merchant: str, reason: str, reopen: bool, **options: Any) -> None:
        act = restore_merchant if reopen else close_account
        try:
            found = act(merchant_id=from_public("mer", merchant), actor=ACTOR, reason=reason)
        except (NotFound, PublicIdInvalid) as error:
            raise CommandError("There is no such merchant.", returncode=2) from error
        except Problem as problem:
            raise CommandError(problem.detail, returncode=1) from None
        self.stdout.write(f"{found.public_id} is {'open' if found.closed_at is None else 'closed'}.")
