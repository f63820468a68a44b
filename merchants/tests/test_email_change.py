"""Another address for an account: asked for after a proof, confirmed in the new mailbox, and told in the old one."""

import re
from typing import Any

from django.conf import settings
from django.core import mail
from django.test import override_settings

from merchants.models import OneTimeToken, PersonMail, Session
from merchants.services.people_mail import mail_people
from merchants.tests.base import ApiTestCase
from merchants.tests.factories import PASSWORD, make_user
from merchants.tests.people import BETTER, EMAIL, TOKEN, PeopleCalls, mailed, told
from merchants.tests.test_sign_in import MANY
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.tests.travel import travel

NEW = "wanjiku.kamau@example.com"
CONFIRM, ASKED, LAST = (
    "Confirm your new e-mail address",
    "Another e-mail address was asked for",
    "Your e-mail address was changed",
)


@override_settings(RATE_LIMITS=settings.RATE_LIMITS | MANY)
class Changing(PeopleCalls, ApiTestCase):
    def ask(self, email: str = NEW, headers: dict[str, str] | None = None) -> Any:
        return self.post("auth/email/change/", {"email": email}, headers or self.headers)

    def link(self, email: str = NEW) -> str:
        self.assertEqual(self.ask(email).status_code, 202)
        message = mailed(CONFIRM)[-1]
        self.assertEqual(message.to, [email.lower()])
        return TOKEN.findall(message.body)[0]

    def confirm(self, token: str) -> Any:
        return self.post("auth/email/confirm/", {"token": token})

    def test_both_mailboxes_hear_of_it_and_the_new_one_decides(self) -> None:
        token = self.link(NEW.upper())
        self.assertEqual([message.to for message in mailed(ASKED)], [[EMAIL]])
        self.assertEqual(self.again().email, EMAIL)
        self.assertEqual(self.log_in().status_code, 200)
        self.assertEqual(self.confirm(token).status_code, 204)
        user = self.again()
        self.assertEqual((user.email, user.email_verified_at is not None), (NEW, True))
        self.assertEqual([message.to for message in mailed(LAST)], [[EMAIL]])
        self.assert_problem(self.log_in(), 401, "credentials_invalid")
        self.assertEqual(self.log_in(email=NEW).status_code, 200)
        self.assertEqual(self.get("auth/profile/", self.headers).json()["email"], NEW)
        self.assertEqual([link.object for link in told("user.email_changed")], [self.user.public_id])
        self.assertFalse([link for link in told("user.email_changed") if "@" in str(link.detail)])

    def test_a_stale_session_a_key_and_the_address_one_has(self) -> None:
        self.assert_problem(self.ask(EMAIL.upper()), 409, "state_conflict")
        self.assert_problem(self.ask("no address"), 400, "email_invalid")
        Session.objects.update(proved_at=now().replace(year=2020))
        self.assert_problem(self.ask(), 403, "step_up_required")
        self.assertEqual((PersonMail.objects.count(), told("user.email_change_asked")), (0, []))

    def test_an_address_somebody_has_is_told_there_and_nowhere_else(self) -> None:
        make_user("juma@example.com")
        free, taken = self.ask(), self.ask("juma@example.com")
        self.assertEqual((taken.status_code, taken.content), (free.status_code, free.content))
        mail_people()
        (message,) = [each for each in mail.outbox if each.to == ["juma@example.com"]]
        self.assertIn("Somebody gave your e-mail address", message.subject)
        self.assertEqual(TOKEN.findall(message.body), [])
        self.assertEqual(OneTimeToken.objects.filter(new_email="juma@example.com").count(), 0)

    def test_registered_meanwhile(self) -> None:
        token = self.link()
        make_user(NEW)
        self.assert_problem(self.confirm(token), 410, "link_expired")
        self.assertEqual(self.again().email, EMAIL)

    def test_once_for_a_day_and_the_later_one_counts(self) -> None:
        first = self.link()
        second = self.link("second@example.com")
        self.assert_problem(self.confirm(first), 410, "link_expired")
        with travel(now().timestamp() + 24 * 3600 + 1):
            self.assert_problem(self.confirm(second), 410, "link_expired")
        self.assertEqual(self.confirm(second).status_code, 204)
        self.assert_problem(self.confirm(second), 410, "link_expired")
        self.assertEqual(self.again().email, "second@example.com")

    def test_a_new_password_calls_it_off(self) -> None:
        token = self.link()
        body = {"old_password": PASSWORD, "new_password": BETTER}
        self.assertEqual(self.post("auth/password/change/", body, self.headers).status_code, 204)
        self.assert_problem(self.confirm(token), 410, "link_expired")
        self.assertEqual(self.again().email, EMAIL)

    def test_links_of_other_kinds_change_nothing(self) -> None:
        self.link()
        self.post("auth/password/forgot/", {"email": EMAIL})
        other = TOKEN.findall(mailed("Set a new password")[-1].body)[0]
        self.assert_problem(self.confirm(other), 410, "link_expired")
        self.assertEqual(self.again().email, EMAIL)

    def test_not_many_mails(self) -> None:
        for number in range(3):
            self.assertEqual(self.ask(f"n{number}@example.com").status_code, 202)
        self.assert_problem(self.ask("n9@example.com"), 429, "rate_limited")


@override_settings(RATE_LIMITS=settings.RATE_LIMITS | MANY)
class Places(PeopleCalls, ApiTestCase):
    """A sign-in from where nobody has seen the person yet is told to them."""

    SUBJECT = "A new sign-in to your account"

    def from_(self, address: str, device: str = "Firefox") -> None:
        body = {"email": EMAIL, "password": PASSWORD}
        answer = self.post("auth/login/", body, REMOTE_ADDR=address, HTTP_USER_AGENT=device)
        self.assertEqual(answer.status_code, 200, answer.content)

    def test_a_new_network_and_a_new_device_are_told_once_each(self) -> None:
        steps = (
            ("203.0.113.7", "Firefox", 0),  # the first of all: who registered is no stranger
            ("203.0.113.200", "Firefox", 0),  # the same network
            ("198.51.100.4", "Firefox", 1),
            ("198.51.100.9", "Firefox", 1),
            ("198.51.100.9", "Chrome on a phone", 2),
            ("203.0.113.7", "Chrome on a phone", 2),
            ("2001:db8:7:1::5", "Firefox", 3),
            ("2001:db8:7:9::5", "Firefox", 3),
        )
        for address, device, letters in steps:
            with self.subTest(address=address, device=device):
                self.from_(address, device)
                self.assertEqual(len(mailed(self.SUBJECT)), letters)
        self.assertEqual({message.to[0] for message in mailed(self.SUBJECT)}, {EMAIL})

    def test_an_old_account_without_any_session(self) -> None:
        Session.objects.all().delete()
        self.user.created_at = now().replace(year=2020)
        self.user.save()
        self.from_("203.0.113.7")
        self.assertEqual(len(mailed(self.SUBJECT)), 1)

    def test_a_device_writes_no_link_into_the_mail(self) -> None:
        self.from_("203.0.113.7")
        self.from_("203.0.113.7", "https://evil.example/login Call 0700 <b>now</b>")
        (message,) = mailed(self.SUBJECT)
        self.assertIsNone(re.search(r"://|evil\.example|<", message.body))

    def test_a_wrong_password_tells_nothing_of_it(self) -> None:
        self.from_("203.0.113.7")
        self.log_in("wrong password here", address="198.51.100.4")
        self.assertEqual(mailed(self.SUBJECT), [])
