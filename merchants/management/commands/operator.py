"""`manage.py operator`: who may work in the operators' pages. Nothing else makes an operator."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.operators.rights import PLATFORM_ROLES
from merchants.models import Operator
from merchants.selectors.find import has_two_factor
from merchants.services import operators
from onpoint_pay.kit.errors import Problem

ACTOR = "operator"
LATER = "Shown once: keep the recovery codes where the phone is not, and set another password by `forgot password`."


class Command(BaseCommand):
    help = "Make operators of the installation, change their roles, renew their credentials, remove them. Audited."

    def add_arguments(self, parser: CommandParser) -> None:
        steps = parser.add_subparsers(dest="step", required=True)
        steps.add_parser("list", help="Every operator, with roles.")
        add = self._step(steps, "add", "Give a person roles; prints password and second factor where they had none.")
        add.add_argument("--first-name", default="Operator")
        add.add_argument("--last-name", default="of the platform")
        roles = self._step(steps, "roles", "Other roles in place of the present ones.")
        for step in (add, roles):
            step.add_argument("--role", action="append", required=True, choices=PLATFORM_ROLES)
        self._step(steps, "remove", "Out at once; the account itself stays.")
        self._step(steps, "renew", "A new password and a new second factor, printed once.")

    def _step(self, steps: Any, name: str, words: str) -> CommandParser:
        step: CommandParser = steps.add_parser(name, help=words)
        step.add_argument("email")
        return step

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['step']}")(options)
        except Problem as problem:
            raise CommandError(problem.detail, returncode=1) from None

    def _list(self, options: dict[str, Any]) -> None:
        for row in Operator.objects.select_related("user").order_by("user__email"):
            factor = "two-factor on" if has_two_factor(row.user_id) else "NO SECOND FACTOR: cannot sign in"
            state = "" if row.user.is_active else "  account closed"
            self.stdout.write(f"{row.user.public_id}  {row.user.email}  {','.join(row.roles)}  {factor}{state}")

    def _add(self, options: dict[str, Any]) -> None:
        self._show(
            operators.enrol(
                options["email"],
                roles=options["role"],
                first_name=options["first_name"],
                last_name=options["last_name"],
                actor=ACTOR,
            )
        )

    def _roles(self, options: dict[str, Any]) -> None:
        row = operators.change_roles(options["email"], roles=options["role"], actor=ACTOR)
        self.stdout.write(f"{row.user.public_id}: {', '.join(row.roles)}")

    def _remove(self, options: dict[str, Any]) -> None:
        operators.dismiss(options["email"], actor=ACTOR)
        self.stdout.write("No operator any more.")

    def _renew(self, options: dict[str, Any]) -> None:
        self._show(operators.renew(options["email"], actor=ACTOR))

    def _show(self, made: operators.Enrolled) -> None:
        self.stdout.write(f"operator: {made.operator.user.public_id} ({', '.join(made.operator.roles)})")
        self.stdout.write(f"password: {made.password or 'the one they have'}")
        self.stdout.write(f"second factor: {made.setup.otpauth_url if made.setup else 'the one they have'}")
        if made.recovery_codes:
            self.stdout.write(f"recovery codes: {' '.join(made.recovery_codes)}")
            self.stdout.write(LATER)
