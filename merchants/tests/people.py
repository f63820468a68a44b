"""What the tests of people share: somebody with an account, mails that were sent, and codes of their app."""

import re
from typing import Any

from django.core import mail
from django.http import HttpResponse
from django.test import override_settings

from audit.models import AuditEvent
from merchants.models import User
from merchants.services.people_mail import mail_people
from merchants.tests.factories import PASSWORD, key_headers, make_member, make_merchant, make_user, sign_in
from onpoint_pay.kit.ids import from_public

EMAIL = "wanjiku@example.com"
WRONG = "wrong password here"
BETTER = "eleven purple elephants"
# Hashing is slow on purpose; the product's own hasher is asked in the tests of signing in.
QUICK = ["django.contrib.auth.hashers.MD5PasswordHasher"]
TOKEN = re.compile(r"[0-9A-Z]{32}\.[0-9A-Za-z_-]{43}")


class PeopleCalls:
    """An owner with PASSWORD and a verified address, and a session of theirs."""

    def setUp(self) -> None:
        self.enterContext(override_settings(PASSWORD_HASHERS=QUICK))  # type: ignore[attr-defined]
        super().setUp()  # type: ignore[misc]
        self.merchant = make_merchant("Duka Bora", live_enabled=True)
        self.user = make_member(self.merchant, user=make_user(EMAIL))
        self.headers = key_headers(sign_in(self.user).tokens.access)

    def log_in(self, password: str = PASSWORD, email: str = EMAIL, address: str = "127.0.0.1") -> HttpResponse:
        body = {"email": email, "password": password}
        return self.post("auth/login/", body, REMOTE_ADDR=address)  # type: ignore[attr-defined]

    def challenge(self, **how: Any) -> str:
        """Of a sign-in with the right password, whose person has a second factor."""
        found = self.log_in(**how).json()
        self.assertTrue(found["two_factor_required"], found)  # type: ignore[attr-defined]
        return str(found["challenge"])

    def answer(self, challenge: str, code: str, **extra: Any) -> HttpResponse:
        body = {"challenge": challenge, "code": code}
        return self.post("auth/2fa/verify/", body, **extra)  # type: ignore[attr-defined]

    def access(self, answer: HttpResponse) -> dict[str, str]:
        """Headers with the token of an answer that opened a session."""
        return key_headers(answer.json()["tokens"]["access"])

    def again(self) -> User:
        return User.objects.get(id=self.user.id)


def mailed(subject: str) -> list[mail.EmailMessage]:
    """What is in the mailbox under this subject, once the worker has sent what waits."""
    mail_people()
    return [message for message in mail.outbox if message.subject == f"OnPoint Pay: {subject}"]


def token_in(message: mail.EmailMessage) -> str:
    found = TOKEN.search(str(message.body))
    assert found, message.body
    return found[0]


def told(action: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action=action).order_by("stream", "seq"))


def session_id(public_id: str) -> Any:
    return from_public("ses", public_id)
