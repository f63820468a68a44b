"""What a stranger can learn at the doors that ask for no key: whether somebody or something exists is not part of it.

Time is compared by what it is spent on: the same statements, and one password hash, whoever is asked for.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest import mock
from uuid import uuid4

import jwt
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.db import connection
from django.http import HttpResponse
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from merchants.models import Challenge, Merchant, OneTimeToken, PersonMail, User
from merchants.services.key_format import new_key
from merchants.services.one_time import mint
from merchants.tests.base import ApiTestCase
from merchants.tests.factories import PASSWORD, make_api_key, make_member, make_merchant, make_user, sign_in
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import keyed_digest, seal
from onpoint_pay.kit.ids import random_letters
from tests.outsiders import route_names

# Every door without a key, and why it tells nothing of anybody. One that is not here fails the first test below.
OPEN = {
    "register": "tested below: one answer and one hash, whoever has the address; the mailbox is told",
    "login": "tested below: one answer, one set of statements, one hash",
    "refresh": "tested below: believes signatures only",
    "logout": "tested below: believes signatures only",
    "verify-email": "tested below: believes signatures only",
    "email-confirm": "tested below: believes signatures only",
    "password-forgot": "tested below: one answer and one set of statements, whoever has the address",
    "password-reset": "tested below: believes signatures only",
    "two-factor-verify": "tested below: one answer to every challenge that is over or never was",
    "api-key-report": "answers the same for every text; tested with the keys",
    "invitation-accept": "believes mailed tokens only, and answers the same for all others",
    "schema": "the same for everybody",
    "docs": "the same for everybody",
    "health-live": "names nobody",
    "health-ready": "names nobody",
    "status": "names nobody",
    "callback": "tested below: a wrong token is told nothing",
    "callback-confirm": "tested below",
    "callback-validate": "tested below",
    "callback-result": "tested below",
    "callback-timeout": "tested below",
    "callback-documented": "acknowledges every body alike",
    "callback-documented-token": "tested below",
    "callback-confirm-documented": "acknowledges every body alike",
    "callback-confirm-documented-token": "tested below",
    "callback-validate-documented": "accepts every body alike",
    "callback-validate-documented-token": "tested below",
}
NO_LIMITS = {name: "9999/1m" for name in settings.RATE_LIMITS}


def kind_of(sql: str) -> str:
    """What a statement does to which table, without the names of savepoints."""
    return re.sub(r'"s[0-9]+_x[0-9]+"', "", " ".join(sql.split(" WHERE ")[0].split()))[:60]


@contextmanager
def hashes() -> Iterator[list[str]]:
    """The password hashes made or verified meanwhile."""
    made: list[str] = []

    def counting(name: str) -> Any:
        true = getattr(Argon2PasswordHasher, name)

        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            made.append(name)
            return true(self, *args, **kwargs)

        return mock.patch.object(Argon2PasswordHasher, name, call)

    with counting("encode"), counting("verify"):
        yield made


def make_data_key() -> None:
    """The platform's key is made when it first seals something, once for all."""
    seal("something", bound_to="tests")


@override_settings(RATE_LIMITS=NO_LIMITS)
class StrangerTestCase(ApiTestCase):
    def ask(
        self, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[dict[str, Any], list[str], int]:
        """What the stranger sees, what the database was asked, and how many passwords were hashed."""
        with (
            CaptureQueriesContext(
                connection,
            ) as queries,
            hashes() as hashed,
        ):
            answer = self.post(path, body, headers)
        return self.seen(answer), [kind_of(query["sql"]) for query in queries], len(hashed)

    def seen(self, answer: HttpResponse) -> dict[str, Any]:
        """Status, headers and body, but for what differs between any two requests, whose length must not."""
        headers = {name: value for name, value in answer.items() if name != "Request-Id" and "RateLimit" not in name}
        body = {name: value for name, value in answer.json().items() if name != "request_id"}
        if "Retry-After" in headers:
            # A second may pass between two answers.
            headers["Retry-After"], body["detail"] = "some", re.sub(r"[0-9]+", "some", body["detail"])
        return {"status": answer.status_code, "headers": headers, "body": body, "length": len(answer.content)}


class Doors(StrangerTestCase):
    def test_each_that_needs_no_key_is_known(self) -> None:
        found = set()
        for name, path, methods in route_names():
            method = (methods or ["post" if name.startswith("callback") else "get"])[0]
            answer = self.client.generic(
                method.upper(), f"/{path}".replace("<", "x").replace(">", "x"), b"{}", "application/json"
            )
            if answer.status_code != 401 or answer.json()["code"] != "authentication_required":
                found.add(name)
        self.assertEqual(found, set(OPEN))
        self.assertTrue(all(len(reason) >= 10 for reason in OPEN.values()))


class SignIn(StrangerTestCase):
    def test_nobody_a_wrong_password_and_closed_accounts_look_alike(self) -> None:
        merchant = make_merchant()
        active, closed, alone = make_member(merchant), make_member(merchant), make_user()
        closed.is_active = False
        closed.save()
        suspended = make_member(make_merchant())
        Merchant.objects.filter(memberships__user=suspended).update(status=Merchant.Status.SUSPENDED)
        cases = {
            "nobody": ("nobody@example.com", "wrong"),
            "wrong password": (active.email, "wrong"),
            "closed, right password": (closed.email, PASSWORD),
            "closed, wrong password": (closed.email, "wrong"),
            "of no merchant": (alone.email, "wrong"),
            "of a suspended merchant": (suspended.email, "wrong"),
            "no password at all like it": (active.email, "x" * 128),
        }
        first = self.ask("auth/login/", {"email": "somebody@example.com", "password": "wrong"})
        self.assertEqual((first[0]["status"], first[0]["body"]["code"], first[2]), (401, "credentials_invalid", 1))
        for who, (email, password) in cases.items():
            with self.subTest(who=who):
                self.assertEqual(self.ask("auth/login/", {"email": email, "password": password}), first)

    def test_the_limit_of_an_account_counts_for_accounts_that_are_none(self) -> None:
        limits = NO_LIMITS | {"login": "2/15m"}
        told = []
        for email in ("nobody@example.com", make_member(make_merchant()).email):
            with override_settings(RATE_LIMITS=limits):
                answers = [self.post("auth/login/", {"email": email, "password": "wrong"}) for _ in range(3)]
            told.append([(answer.status_code, answer.json()["code"]) for answer in answers])
        self.assertEqual(told[0], [(401, "credentials_invalid")] * 2 + [(429, "rate_limited")])
        self.assertEqual(told[0], told[1])

    def test_the_try_that_shuts_the_gate_costs_the_same(self) -> None:
        told = []
        make_data_key()
        for email in ("nobody@example.com", make_member(make_merchant()).email):
            with override_settings(RATE_LIMITS=NO_LIMITS | {"login": "2/15m"}):
                told.append([self.ask("auth/login/", {"email": email, "password": "wrong"}) for _ in range(3)])
        self.assertEqual([seen[0]["status"] for seen in told[0]], [401, 401, 429])
        self.assertEqual([hashed for _, _, hashed in told[0]], [1, 1, 0])
        self.assertIn("merchants_person_mail", " ".join(told[0][1][1]))
        self.assertEqual(told[0], told[1])


class Registering(StrangerTestCase):
    def test_a_known_and_a_new_address_look_alike(self) -> None:
        known = make_member(make_merchant())
        closed = make_user()
        User.objects.filter(id=closed.id).update(is_active=False)
        usual = {"business_name": "Duka", "password": PASSWORD, "phone": "0712345678"}
        usual |= {"first_name": "Wanjiku", "last_name": "Mwangi"}
        seen = [
            self.ask("auth/register/", usual | {"email": email})
            for email in ("nobody@example.com", known.email, known.email.upper(), closed.email)
        ]
        self.assertEqual((seen[0][0]["status"], seen[0][2]), (202, 1))
        for answer, _, hashed in seen:
            self.assertEqual((answer, hashed), (seen[0][0], seen[0][2]))
        self.assertEqual(User.objects.filter(email=known.email).count(), 1)
        # Weak passwords are refused before anybody is looked for.
        weak = [self.ask("auth/register/", usual | {"email": e, "password": "short"}) for e in ("n@x.co", known.email)]
        self.assertEqual(weak[0], weak[1])


class Links(StrangerTestCase):
    """What is mailed: who asks for a link, and who brings one, learns nothing of whoever it is for."""

    def test_asking_for_one(self) -> None:
        merchant = make_merchant()
        active, unverified, closed, alone = (
            make_member(merchant),
            make_member(merchant),
            make_member(merchant),
            make_user(),
        )
        User.objects.filter(id=unverified.id).update(email_verified_at=None)
        User.objects.filter(id=closed.id).update(is_active=False)
        known = {
            "somebody": active.email,
            "in capitals": active.email.upper(),
            "not verified": unverified.email,
            "closed": closed.email,
            "of no merchant": alone.email,
        }
        make_data_key()
        # Three mails an hour: the fourth asking is answered alike, and nothing is written.
        first = [self.ask("auth/password/forgot/", {"email": "nobody@example.com"}) for _ in range(4)]
        self.assertEqual([(seen["status"], hashed) for seen, _, hashed in first], [(202, 0)] * 4)
        for who, email in known.items():
            with self.subTest(who=who):
                PersonMail.objects.all().delete()
                asked = [self.ask("auth/password/forgot/", {"email": email}) for _ in range(4)]
                self.assertEqual(asked, first)

    def test_made_up_ones_look_alike_and_are_asked_of_nobody(self) -> None:
        for purpose, path, more in self.doors():
            token = mint(make_member(make_merchant()), purpose)
            letters, _, signature = token.rpartition(".")
            other = mint(make_user(), next(each for each in OneTimeToken.Purpose if each != purpose))
            first = self.ask(path, {"token": "a.b"} | more)
            self.assertEqual((first[0]["status"], first[0]["body"]["code"], first[1:]), (410, "link_expired", ([], 0)))
            for forged in (f"{letters[::-1]}.{signature}", f"{letters}.{signature[::-1]}", letters, other, "x" * 60):
                with self.subTest(path=path, forged=forged):
                    self.assertEqual(self.ask(path, {"token": forged} | more), first)

    def test_dead_ones_look_alike_whosever_they_were(self) -> None:
        for purpose, path, more in self.doors():
            used, old, closed, moved, gone = (make_member(make_merchant()) for _ in range(5))
            tokens = [mint(person, purpose) for person in (used, old, closed, moved, gone)]
            of = OneTimeToken.objects.filter(purpose=purpose)
            of.filter(user=used).update(used_at=now())
            of.filter(user=old).update(expires_at=now())
            User.objects.filter(id=closed.id).update(is_active=False)
            User.objects.filter(id=moved.id).update(email="elsewhere@example.com")
            of.filter(user=gone).delete()
            told = [self.ask(path, {"token": token} | more) for token in tokens]
            User.objects.filter(id=moved.id).update(email=moved.email)
            with self.subTest(path=path):
                self.assertEqual((told[0][0]["body"]["code"], told[0][2]), ("link_expired", 0))
                self.assertEqual(told, [told[0]] * 5)

    def doors(self) -> tuple[tuple[OneTimeToken.Purpose, str, dict[str, str]], ...]:
        return (
            (OneTimeToken.Purpose.VERIFY_EMAIL, "auth/verify-email/", {}),
            (OneTimeToken.Purpose.RESET_PASSWORD, "auth/password/reset/", {"password": PASSWORD}),
            (OneTimeToken.Purpose.CHANGE_EMAIL, "auth/email/confirm/", {}),
        )


class Challenges(StrangerTestCase):
    def test_those_that_are_over_and_those_that_never_were_look_alike(self) -> None:
        answered, old, burnt, closed = (make_member(make_merchant()) for _ in range(4))
        texts = [f"mfa_{random_letters(26)}" for _ in range(4)]
        for person, text in zip((answered, old, burnt, closed), texts, strict=True):
            digest = keyed_digest(f"challenge:{text}")
            Challenge.objects.create(
                user=person, digest=digest, created_at=now(), expires_at=now() + timedelta(minutes=5)
            )
        Challenge.objects.filter(user=answered).update(ended_at=now())
        Challenge.objects.filter(user=old).update(expires_at=now())
        Challenge.objects.filter(user=burnt).update(tries=5)
        User.objects.filter(id=closed.id).update(is_active=False)
        first = self.ask("auth/2fa/verify/", {"challenge": f"mfa_{random_letters(26)}", "code": "123456"})
        self.assertEqual((first[0]["status"], first[0]["body"]["code"], first[2]), (401, "token_invalid", 0))
        for text in texts:
            self.assertEqual(self.ask("auth/2fa/verify/", {"challenge": text, "code": "123456"}), first)


class Tokens(StrangerTestCase):
    def forged(self, token: str) -> str:
        """The claims of a true token under a key of the forger's own."""
        claims = jwt.decode(token, options={"verify_signature": False})
        return jwt.encode(claims, "a key of the forger's own, long enough for the library", "HS256")

    def test_forged_ones_of_people_and_of_nobody_look_alike(self) -> None:
        person = make_member(make_merchant())
        theirs = self.forged(sign_in(person).tokens.refresh)
        claims = jwt.decode(theirs, options={"verify_signature": False}) | {"sub": "usr_00000000000000000000000000"}
        nobodys = jwt.encode(claims, "another key of the forger's own, long enough too", "HS256")
        for path in ("auth/refresh/", "auth/logout/"):
            first = self.ask(path, {"refresh": nobodys})
            self.assertEqual((first[0]["status"], first[0]["body"]["code"]), (401, "token_invalid"))
            self.assertEqual(self.ask(path, {"refresh": theirs}), first)
            self.assertEqual(self.ask(path, {"refresh": "a.b.c"}), first)


class Keys(StrangerTestCase):
    def test_well_formed_keys_that_are_nobodys_look_like_any_other_nonsense(self) -> None:
        make_api_key(make_merchant())
        seen = []
        for key in (new_key("secret", "test"), new_key("restricted", "live"), "sk_test_nonsense", "nonsense"):
            answer = self.get("merchant/", {"Authorization": f"Bearer {key}"})
            seen.append(self.seen(answer))
        self.assertEqual(seen[0]["body"]["code"], "api_key_invalid")
        self.assertEqual(seen, [seen[0]] * 4)


class Callbacks(StrangerTestCase):
    DOORS = (
        "hooks/{}/collect/",
        "hooks/{}/confirm/",
        "hooks/{}/validate/",
        "hooks/{}/result/b2c/",
        "hooks/{}/timeout/b2c/",
        "payments/mpesa/callback/{}/",
        "payments/mpesa/confirmation/{}/",
        "payments/mpesa/validation/{}/",
    )

    def test_a_wrong_token_is_told_nothing_whatever_it_looks_like(self) -> None:
        for door in self.DOORS:
            told = []
            for number, token in enumerate((uuid4().hex, uuid4().hex, "0" * 32)):
                answer, statements, hashed = self.ask(door.format(token), {"number": number})
                body = {name: value for name, value in answer["body"].items() if name not in ("instance", "detail")}
                told.append((answer["status"], body, answer["length"], statements, hashed))
            with self.subTest(door=door):
                self.assertEqual((told[0][0], told[0][1]["code"]), (404, "route_not_found"))
                self.assertEqual(told, [told[0]] * 3)
