"""Whether an address is its person's: the mailed link, what waits for it, and strangers who register in one's name."""

from datetime import timedelta

from django.conf import settings
from django.core import mail
from django.test import override_settings

from merchants.models import Merchant, OneTimeToken, PersonMail, Totp, User
from merchants.services.one_time import Purpose, mint
from merchants.tests.base import ApiTestCase, CommittingTestCase
from merchants.tests.factories import PASSWORD, key_headers, make_member, make_merchant, make_two_factor, make_user
from merchants.tests.people import EMAIL, PeopleCalls, mailed, token_in, told
from merchants.tests.test_sign_in import BUSINESS, MANY
from merchants.tests.threads import at_once
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.tests.travel import travel

SUBJECT = "Verify your e-mail address"


@override_settings(RATE_LIMITS=settings.RATE_LIMITS | MANY)
class Verifying(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.post("auth/register/", BUSINESS)
        found = self.post("auth/login/", {"email": EMAIL, "password": PASSWORD}).json()
        self.headers = key_headers(found["tokens"]["access"])
        self.body = found

    def verify(self, token: str) -> object:
        return self.post("auth/verify-email/", {"token": token})

    def test_registering_works_at_once_and_mails_one_link(self) -> None:
        self.assertFalse(self.body["user"]["email_verified"])
        self.assertEqual(self.get("merchant/", self.headers).status_code, 200)
        (message,) = mailed(SUBJECT)
        self.assertEqual(message.to, [EMAIL])
        with self.captureOnCommitCallbacks(execute=True):
            self.assertEqual(self.verify(token_in(message)).status_code, 204)
        self.assertTrue(self.get("auth/profile/", self.headers).json()["email_verified"])
        self.assertEqual(len(told("user.email_verified")), 1)

    def test_live_mode_and_the_team_wait_for_it(self) -> None:
        make_user("colleague@example.com")
        Merchant.objects.update(live_enabled=True, kyc_status="verified")
        live = self.headers | {"OnPoint-Mode": "live"}
        add = {"email": "colleague@example.com", "role": "viewer"}
        self.assert_problem(self.get("merchant/", live), 403, "email_unverified")
        self.assert_problem(self.post("team/", add, self.headers), 403, "email_unverified")
        self.assertEqual(User.objects.get(email="colleague@example.com").memberships.count(), 0)
        with self.captureOnCommitCallbacks(execute=True):
            self.verify(token_in(mailed(SUBJECT)[0]))
        self.assertEqual(self.get("merchant/", live).status_code, 200)
        self.assertEqual(self.post("team/", add, self.headers).status_code, 201)

    def test_a_link_works_once(self) -> None:
        token = token_in(mailed(SUBJECT)[0])
        self.verify(token)
        User.objects.update(email_verified_at=None)
        self.assert_problem(self.verify(token), 410, "link_expired")
        self.assertIsNone(User.objects.get().email_verified_at)

    def test_what_is_no_link_of_ours(self) -> None:
        user = User.objects.get()
        token = token_in(mailed(SUBJECT)[0])
        other_purpose = mint(user, Purpose.RESET_PASSWORD)
        letters, signature = token.split(".")
        same = set()
        for wrong in (other_purpose, letters, f"{letters}.", f".{signature}", token[:-1], "0" * 32 + f".{signature}"):
            found = self.assert_problem(self.verify(wrong), 410, "link_expired")
            same.add(found["detail"])
        self.assertEqual(len(same), 1)
        self.assertIsNone(User.objects.get().email_verified_at)
        self.assertFalse(OneTimeToken.objects.filter(used_at__isnull=False).exists())

    def test_a_link_is_for_the_address_it_was_mailed_to(self) -> None:
        token = token_in(mailed(SUBJECT)[0])
        User.objects.update(email="other@example.com")
        self.assert_problem(self.verify(token), 410, "link_expired")

    def test_a_link_lives_for_a_day(self) -> None:
        token = token_in(mailed(SUBJECT)[0])
        with travel(now() + timedelta(hours=24, seconds=1)):
            self.assert_problem(self.verify(token), 410, "link_expired")

    def test_another_mail_can_be_had_three_times_an_hour(self) -> None:
        for _ in range(2):
            self.assertEqual(self.post("auth/verify-email/resend/", headers=self.headers).status_code, 202)
        answer = self.post("auth/verify-email/resend/", headers=self.headers)
        self.assert_problem(answer, 429, "rate_limited")
        messages = mailed(SUBJECT)
        self.assertEqual(len(messages), 3)
        self.assertEqual(self.verify(token_in(messages[0])).status_code, 204)
        for message in messages:
            self.assert_problem(self.verify(token_in(message)), 410, "link_expired")
        self.assert_problem(self.post("auth/verify-email/resend/", headers=self.headers), 409, "state_conflict")

    def test_the_database_holds_no_link(self) -> None:
        (row,) = PersonMail.objects.all()
        self.assertNotIn(EMAIL, row.sealed)
        token = token_in(mailed(SUBJECT)[0])
        row.refresh_from_db()
        self.assertEqual((row.sealed, row.sent_at, row.tries), ("", row.closed_at, 1))
        stored = OneTimeToken.objects.get()
        self.assertNotIn(token.split(".")[0].encode(), bytes(stored.digest))

    def test_the_mail_holds_nothing_the_registrant_typed(self) -> None:
        self.post("auth/register/", BUSINESS | {"email": "v@example.com", "first_name": "Win at evil.example"})
        mailed(SUBJECT)
        self.assertTrue(all("evil" not in str(message.body) + message.subject for message in mail.outbox))

    @override_settings(DASHBOARD_URL="https://dashboard.example.com")
    def test_the_link_keeps_the_token_from_web_servers(self) -> None:
        body = str(mailed(SUBJECT)[0].body)
        self.assertIn("https://dashboard.example.com/verify-email#code=", body)


@override_settings(RATE_LIMITS=settings.RATE_LIMITS | MANY)
class InSomebodysName(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.post("auth/register/", BUSINESS)
        found = self.post("auth/login/", {"email": EMAIL, "password": PASSWORD}).json()
        self.squatter = key_headers(found["tokens"]["access"])

    def test_an_address_nobody_has_proven_is_nobody_to_a_team(self) -> None:
        owner = make_member(make_merchant("Real"))
        headers = key_headers(
            self.post("auth/login/", {"email": owner.email, "password": PASSWORD}).json()["tokens"]["access"]
        )
        answer = self.post("team/", {"email": EMAIL, "role": "admin"}, headers)
        self.assert_problem(answer, 404, "resource_missing")

    def test_a_reset_by_mail_takes_the_account_from_whoever_squats_on_it(self) -> None:
        squatter = User.objects.get()
        make_two_factor(squatter)
        self.assertEqual(self.get("auth/profile/", self.squatter).status_code, 200)
        self.post("auth/password/forgot/", {"email": EMAIL})
        token = token_in(mailed("Set a new password")[0])
        with self.captureOnCommitCallbacks(execute=True):
            answer = self.post("auth/password/reset/", {"token": token, "password": "eleven purple elephants"})
        self.assertEqual(answer.status_code, 204)
        self.assert_problem(self.get("auth/profile/", self.squatter), 401, "session_revoked")
        found = self.post("auth/login/", {"email": EMAIL, "password": "eleven purple elephants"}).json()
        self.assertTrue(found["user"]["email_verified"])
        self.assertFalse(Totp.objects.exists())


class AtOnce(PeopleCalls, CommittingTestCase):
    def test_one_of_two_uses_gets_through(self) -> None:
        User.objects.update(email_verified_at=None)
        token = mint(self.user, Purpose.VERIFY_EMAIL)
        codes = at_once(
            4,
            lambda _: (
                self.client_class().post("/api/v1/auth/verify-email/", {"token": token}, "application/json").status_code
            ),
        )
        self.assertEqual(sorted(codes), [204, 410, 410, 410])
        self.assertEqual(len(told("user.email_verified")), 1)
