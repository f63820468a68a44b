"""What the operator does for a person: shown, done once, audited, told."""

from io import StringIO

from django.core.management import CommandError, call_command

from merchants.models import RecoveryCode, Totp, User
from merchants.services import totp
from merchants.services.passwords import set_password
from merchants.services.sessions import open_session
from merchants.tests.base import ApiTestCase
from merchants.tests.factories import make_two_factor
from merchants.tests.people import BETTER, EMAIL, PeopleCalls, mailed, told
from onpoint_pay.kit.errors import Problem


class Command(PeopleCalls, ApiTestCase):
    def run_command(self, *arguments: str) -> str:
        output = StringIO()
        with self.captureOnCommitCallbacks(execute=True):
            call_command("person", *arguments, stdout=output)
        return output.getvalue()

    def test_it_shows_how_the_account_stands(self) -> None:
        text = self.run_command(EMAIL.upper())
        self.assertIn("address verified: yes\ntwo-factor sign-in: no\nrunning sessions: 1\n", text)
        self.assertIn(f"{self.merchant.public_id} (owner)", text)
        with self.assertRaisesMessage(CommandError, "Nobody has registered"):
            self.run_command("nobody@example.com")

    def test_an_address_that_is_known(self) -> None:
        User.objects.update(email_verified_at=None)
        live = self.headers | {"OnPoint-Mode": "live"}
        self.assert_problem(self.get("merchant/", live), 403, "email_unverified")
        self.assertIn("address verified: yes", self.run_command(EMAIL, "--verify-email"))
        self.assertEqual(self.get("merchant/", live).status_code, 200)
        (event,) = told("user.email_verified")
        self.assertEqual((event.actor, event.stream), ("operator", f"m{self.merchant.id}"))

    def test_a_lost_phone(self) -> None:
        make_two_factor(self.user)
        totp.new_recovery_codes(self.user)
        challenge = self.challenge()
        self.assertIn("two-factor sign-in: no\nrunning sessions: 0\n", self.run_command(EMAIL, "--drop-two-factor"))
        self.assertEqual((Totp.objects.count(), RecoveryCode.objects.count()), (0, 0))
        self.assert_problem(self.answer(challenge, "000000"), 401, "token_invalid")
        self.assertIn("tokens", self.log_in().json())
        self.assertEqual(len(mailed("Two-factor sign-in is off")), 1)

    def test_a_closed_account(self) -> None:
        self.assertEqual(self.get("auth/profile/", self.headers).status_code, 200)
        self.assertIn("open: no", self.run_command(EMAIL, "--close"))
        self.assert_problem(self.get("auth/profile/", self.headers), 401, "session_revoked")
        self.assert_problem(self.log_in(), 401, "credentials_invalid")
        self.run_command(EMAIL, "--reopen")
        self.assertEqual(self.log_in().status_code, 200)


class Meanwhile(PeopleCalls, ApiTestCase):
    """Between the comparison of a password and the session it opens."""

    def test_a_password_that_was_changed_opens_nothing(self) -> None:
        compared = User.objects.get()
        changed = User.objects.get()
        set_password(changed, BETTER)
        changed.save()
        with self.assertRaisesMessage(Problem, "credentials_invalid"):
            open_session(compared)

    def test_nor_does_an_account_that_was_closed(self) -> None:
        compared = User.objects.get()
        User.objects.update(is_active=False)
        with self.assertRaisesMessage(Problem, "credentials_invalid"):
            open_session(compared)
