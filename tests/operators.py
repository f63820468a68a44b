"""What the tests of the operators' pages share: people with roles, signed in by password and code."""

from typing import Any

from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client, TestCase, override_settings

from audit.models import AuditEvent
from merchants.models import Operator, User
from merchants.services import operator_sign_in
from merchants.tests.factories import PASSWORD, code_of, make_two_factor, make_user
from merchants.tests.people import QUICK

# Read now: while a test's transaction waited for it, the database would lose patience.
from onpoint_pay import urls as urls
from onpoint_pay.operators.middleware import FACTS

LOGIN = "/operators/login/"


def make_operator(*roles: str, user: User | None = None) -> User:
    """A person with these platform roles and a second factor."""
    user = user or make_user()
    make_two_factor(user)
    Operator.objects.create(user=user, roles=list(roles))
    return user


def signed_in(user: User, client: Client | None = None, **changes: int) -> Client:
    """A browser whose session is open, as after a code, without the slow and rationed way there; `changes` are of what
    the session holds.
    """
    client = client or Client()
    row = Operator.objects.select_related("user").get(user=user)
    session = client.session
    session[FACTS] = operator_sign_in.facts_of(row) | changes
    session.save()
    return client


def challenge_in(answer: HttpResponse) -> str:
    found = answer.context["form"].initial.get("challenge", "")  # type: ignore[attr-defined]
    assert found, answer.content
    return str(found)


class OperatorsTestCase(TestCase):
    """Each test from an empty cache, with a quick hasher."""

    def setUp(self) -> None:
        self.enterContext(override_settings(PASSWORD_HASHERS=QUICK))
        cache.clear()
        super().setUp()

    def give_password(self, email: str, password: str = PASSWORD, client: Client | None = None, **extra: Any) -> Any:
        return (client or self.client).post(LOGIN, {"email": email, "password": password}, **extra)

    def give_code(self, challenge: str, code: str | None = None, client: Client | None = None) -> Any:
        return (client or self.client).post(LOGIN, {"challenge": challenge, "code": code or code_of()})

    def enter(self, user: User, client: Client | None = None) -> Any:
        """Through the door, both steps."""
        return self.give_code(challenge_in(self.give_password(user.email, client=client)), client=client)

    def is_in(self, client: Client | None = None) -> bool:
        return (client or self.client).get("/operators/").status_code == 200


def told(action: str, **more: Any) -> list[AuditEvent]:
    """Links of this action, in the order of their chains."""
    return list(AuditEvent.objects.filter(action=action, **more).order_by("stream", "seq"))
