"""Passwords: what is refused, links that set one, and changing one's own."""

from datetime import timedelta
from unittest import mock

from django.conf import settings
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from merchants.models import OneTimeToken, PersonMail, Session, User
from merchants.services import passwords
from merchants.services.one_time import Purpose, mint
from merchants.tests.base import ApiTestCase, CommittingTestCase
from merchants.tests.factories import (
    PASSWORD,
    code_of,
    key_headers,
    make_api_key,
    make_member,
    make_two_factor,
    make_user,
    sign_in,
)
from merchants.tests.people import BETTER, EMAIL, WRONG, PeopleCalls, mailed, token_in, told
from merchants.tests.test_sign_in import MANY
from merchants.tests.threads import at_once
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.tests.travel import travel

SUBJECT = "Set a new password"
WEAK = ("eleven lett", "password1234", "123456789123", "wanjiku@example.com", "wanjiku@example")


@override_settings(RATE_LIMITS=settings.RATE_LIMITS | MANY)
class Forgetting(PeopleCalls, ApiTestCase):
    def forget(self, email: str = EMAIL) -> object:
        return self.post("auth/password/forgot/", {"email": email})

    def reset(self, token: str, password: str = BETTER) -> object:
        return self.post("auth/password/reset/", {"token": token, "password": password})

    def token(self) -> str:
        self.forget()
        return token_in(mailed(SUBJECT)[-1])

    def test_no_answer_and_no_step_tells_whether_somebody_has_the_address(self) -> None:
        User.objects.filter(id=make_user("closed@example.com").id).update(is_active=False)
        # Whatever is made once for all people is made now.
        self.forget("first@example.com")
        bodies, steps = set(), set()
        for email in (EMAIL, "nobody@example.com", "closed@example.com"):
            with CaptureQueriesContext(connection) as queries:
                answer = self.forget(email)
            bodies.add((answer.status_code, answer.content))
            steps.add(tuple(query["sql"].split()[0] for query in queries))
        self.assertEqual((len(bodies), len(steps)), (1, 1))
        self.assertEqual([message.to for message in mailed(SUBJECT)], [[EMAIL]])
        self.assertEqual(OneTimeToken.objects.count(), 1)
        self.assertFalse(PersonMail.objects.exclude(sealed="").exists())

    def test_a_new_password_ends_every_session_and_every_link(self) -> None:
        other = key_headers(sign_in(self.user).tokens.access)
        first, second = self.token(), self.token()
        with self.captureOnCommitCallbacks(execute=True):
            self.assertEqual(self.reset(second).status_code, 204)
        for headers in (self.headers, other):
            self.assert_problem(self.get("auth/profile/", headers), 401, "session_revoked")
        for token in (first, second):
            self.assert_problem(self.reset(token, "twelve yellow giraffes"), 410, "link_expired")
        self.assert_problem(self.log_in(), 401, "credentials_invalid")
        self.assertEqual(self.log_in(BETTER).status_code, 200)
        (event,) = told("user.password_reset")
        self.assertEqual((event.stream, event.actor), (f"m{self.merchant.id}", self.user.public_id))
        self.assertEqual(len(mailed("A new password was set")), 1)

    def test_a_weak_password_leaves_the_link_alive(self) -> None:
        token = self.token()
        for weak in WEAK:
            found = self.reset(token, weak).json()
            self.assertEqual({fault["param"] for fault in found["errors"]}, {"password"}, weak)
        self.assertTrue(self.again().check_password(PASSWORD))
        self.assertEqual(self.reset(token).status_code, 204)

    def test_a_link_lives_for_an_hour(self) -> None:
        token = self.token()
        with travel(now() + timedelta(hours=1, seconds=1)):
            self.assert_problem(self.reset(token), 410, "link_expired")
        User.objects.update(is_active=False)
        self.assert_problem(self.reset(token), 410, "link_expired")

    def test_a_link_of_another_kind_sets_nothing(self) -> None:
        for token in (mint(self.user, Purpose.VERIFY_EMAIL), "0" * 32, ""):
            self.assertIn(self.reset(token).status_code, (400, 410))
        self.assertTrue(self.again().check_password(PASSWORD))

    def test_three_mails_an_hour_and_always_the_same_answer(self) -> None:
        answers = {self.forget().content for _ in range(5)}
        self.assertEqual((len(answers), len(mailed(SUBJECT))), (1, 3))
        with travel(now() + timedelta(hours=1, seconds=1)):
            self.forget()
            self.assertEqual(len(mailed(SUBJECT)), 4)

    def test_the_second_factor_stays(self) -> None:
        make_two_factor(self.user)
        before = self.challenge()
        self.reset(self.token())
        self.assert_problem(self.answer(before, code_of()), 401, "token_invalid")
        self.assertEqual(self.answer(self.challenge(password=BETTER), code_of()).status_code, 200)


@override_settings(RATE_LIMITS=settings.RATE_LIMITS | MANY)
class Changing(PeopleCalls, ApiTestCase):
    def change(self, old: str = PASSWORD, new: str = BETTER, headers: dict[str, str] | None = None) -> object:
        body = {"old_password": old, "new_password": new}
        return self.post("auth/password/change/", body, headers or self.headers)

    def test_other_sessions_end_and_this_one_goes_on(self) -> None:
        other = key_headers(sign_in(self.user).tokens.access)
        link = mint(self.user, Purpose.RESET_PASSWORD)
        Session.objects.update(proved_at=now() - timedelta(hours=1))
        with self.captureOnCommitCallbacks(execute=True):
            self.assertEqual(self.change().status_code, 204)
        self.assertEqual(self.get("auth/profile/", self.headers).status_code, 200)
        self.assert_problem(self.get("auth/profile/", other), 401, "session_revoked")
        answer = self.post("auth/password/reset/", {"token": link, "password": "twelve yellow giraffes"})
        self.assert_problem(answer, 410, "link_expired")
        self.assertEqual(self.post("auth/2fa/setup/", headers=self.headers).status_code, 200)
        self.assertEqual(len(told("user.password_changed")), 1)
        self.assertEqual([message.to for message in mailed("Your password was changed")], [[EMAIL]])

    def test_the_old_password_is_asked_for(self) -> None:
        self.assert_problem(self.change(old=WRONG), 401, "credentials_invalid")
        self.assertTrue(self.again().check_password(PASSWORD))
        self.assertEqual((told("user.password_changed"), mailed("Your password was changed")), ([], []))

    def test_weak_ones_and_the_same_one(self) -> None:
        for weak in (*WEAK, PASSWORD):
            found = self.change(new=weak).json()
            self.assertEqual({fault["param"] for fault in found["errors"]}, {"new_password"}, weak)
        self.assertTrue(self.again().check_password(PASSWORD))

    def test_nothing_secret_is_on_record(self) -> None:
        self.change()
        make_member(self.merchant, user=make_user())
        for event in told("user.password_changed") + told("session.opened"):
            for secret in (PASSWORD, BETTER, EMAIL):
                self.assertNotIn(secret, f"{event.actor}{event.object}{event.detail}")

    def test_one_that_was_compared_before_a_reset_changes_nothing_after_it(self) -> None:
        compared, by_mail = User.objects.get(id=self.user.id), User.objects.get(id=self.user.id)
        by_mail.set_password("twelve yellow giraffes")
        by_mail.save()
        with mock.patch.object(passwords, "prove_password", return_value=compared):
            self.assert_problem(self.change(), 401, "credentials_invalid")
        self.assertTrue(self.again().check_password("twelve yellow giraffes"))

    def test_no_key_changes_a_password(self) -> None:
        key = key_headers(make_api_key(self.merchant))
        self.assert_problem(self.change(headers=key), 403, "insufficient_scope")


class AtOnce(PeopleCalls, CommittingTestCase):
    def test_one_of_two_resets_gets_through(self) -> None:
        token = mint(self.user, Purpose.RESET_PASSWORD)

        def reset(number: int) -> int:
            body = {"token": token, "password": f"{BETTER} {number}"}
            return int(self.client_class().post("/api/v1/auth/password/reset/", body, "application/json").status_code)

        self.assertEqual(sorted(at_once(3, reset)), [204, 410, 410])
        self.assertFalse(Session.objects.filter(ended_at=None).exists())
