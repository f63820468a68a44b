"""`manage.py person`: how somebody's account stands, and what only the operator can do about it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from merchants.models import User
from merchants.selectors.find import has_two_factor, memberships_of, running_sessions
from merchants.services import person_help
from onpoint_pay.kit.errors import NotFound

ACTOR = "operator"
DEEDS = {
    "verify_email": person_help.verify_address,
    "drop_two_factor": person_help.drop_second_factor,
    "close": person_help.close_account,
    "reopen": person_help.open_account,
}


class Command(BaseCommand):
    help = "Show how a person's account stands; with an option, change it. Changes are audited."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        deed = parser.add_mutually_exclusive_group()
        deed.add_argument("--verify-email", action="store_true", help="The address is known to be theirs.")
        deed.add_argument("--drop-two-factor", action="store_true", help="They lost phone and recovery codes.")
        deed.add_argument("--close", action="store_true", help="End all sessions; nobody signs in any more.")
        deed.add_argument("--reopen", action="store_true", help="Undo --close.")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = next((deed for name, deed in DEEDS.items() if options[name]), None)
        try:
            user = chosen(options["email"], actor=ACTOR) if chosen else self._found(options["email"])
        except NotFound as error:
            raise CommandError(error.detail, returncode=1) from None
        self._show(user)

    def _found(self, email: str) -> User:
        user = User.objects.filter(email=email.lower()).first()
        if user is None:
            raise NotFound("Nobody has registered here with this address.")
        return user

    def _show(self, user: User) -> None:
        places = [f"{each.merchant.public_id} ({each.role})" for each in memberships_of(user.id)]
        lines = {
            "account": user.public_id,
            "open": user.is_active,
            "address verified": user.email_verified_at is not None,
            "two-factor sign-in": has_two_factor(user.id),
            "running sessions": running_sessions(user.id).count(),
            "merchants": ", ".join(places) or "none",
        }
        for name, value in lines.items():
            self.stdout.write(f"{name}: {'yes' if value is True else 'no' if value is False else value}")
