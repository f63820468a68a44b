"""Registering, signing in, renewing and signing out, through the API."""

from datetime import timedelta
from unittest import mock

import jwt
import time_machine
from django.conf import settings
from django.test import override_settings
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from audit.models import AuditEvent
from merchants.models import Membership, Merchant, User
from merchants.serializers import SessionSerializer, UserSerializer
from merchants.serializers.people import SignedUpSerializer
from merchants.services import sessions
from merchants.tests.base import ApiTestCase, CommittingTestCase
from merchants.tests.factories import (
    PASSWORD,
    key_headers,
    make_member,
    make_merchant,
    make_user,
    person_headers,
    sign_in,
)
from merchants.tests.people import mailed
from merchants.tests.threads import at_once
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import to_public
from webhooks.models import Secret

BUSINESS = {
    "business_name": " Duka Bora ",
    "email": "Wanjiku@Example.com",
    "password": PASSWORD,
    "phone": "0712 345 678",
    "first_name": "Wanjiku",
    "last_name": "Kamau",
    "kra_pin": "a123456789b",
    "website": "https://duka.example.com",
}
MANY = {"auth": "1000/1m", "login": "1000/1m", "api": "1000/1m"}


def told(action: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action=action))


class RegisterTests(ApiTestCase):
    def test_one_call_makes_everything(self) -> None:
        answer = self.post("auth/register/", BUSINESS)
        self.assertEqual((answer.status_code, answer.json()["object"]), (202, "registration"), answer.content)
        self.assertEqual(list(answer.json()), list(SignedUpSerializer().fields))
        user, merchant = User.objects.get(), Merchant.objects.get()
        self.assertEqual((user.email, user.phone), ("wanjiku@example.com", "254712345678"))
        self.assertTrue(user.password.startswith("argon2"))
        self.assertEqual((merchant.business_name, merchant.kra_pin), ("Duka Bora", "A123456789B"))
        self.assertEqual((merchant.status, merchant.kyc_status, merchant.live_enabled), ("active", "unverified", False))
        self.assertEqual(merchant.fee_bps, settings.DEFAULT_FEE_BPS)
        self.assertEqual(Membership.objects.get().role, "owner")
        self.assertEqual(
            set(Secret.objects.values_list("merchant_id", "mode")), {(merchant.id, m) for m in ("test", "live")}
        )
        self.assertEqual([event.stream for event in told("merchant.registered")], [f"m{merchant.id}"])
        self.assertEqual(told("session.opened"), [])

    def test_signing_in_works_at_once(self) -> None:
        self.post("auth/register/", BUSINESS)
        found = self.post("auth/login/", {"email": BUSINESS["email"], "password": PASSWORD}).json()
        self.assertEqual(list(found), list(SessionSerializer().fields))
        self.assertEqual(list(found["merchant"]), list(SessionSerializer().fields["merchant"].fields))
        self.assertEqual(list(found["user"]), list(UserSerializer().fields))
        self.assertEqual(found["merchant"]["id"], to_public("mer", Merchant.objects.get().id))
        self.assertEqual(found["merchant"]["role"], "owner")
        self.assertEqual(
            found["merchants"], [{"id": found["merchant"]["id"], "business_name": "Duka Bora", "role": "owner"}]
        )
        profile = self.get("auth/profile/", key_headers(found["tokens"]["access"]))
        self.assertEqual(profile.json(), found["user"])
        self.assertNotIn(PASSWORD, str(found))

    def test_a_taken_address_is_told_in_its_mailbox_alone(self) -> None:
        first = self.post("auth/register/", BUSINESS)
        again = BUSINESS | {"email": "WANJIKU@example.com", "password": "another long password"}
        for _ in range(4):
            answer = self.post("auth/register/", again)
            self.assertEqual((answer.status_code, answer.content), (first.status_code, first.content))
            self.assertEqual(set(answer.headers) ^ set(first.headers), set())
        letters = mailed("Somebody gave your e-mail address")
        self.assertEqual([message.to for message in letters], [["wanjiku@example.com"]] * 3)
        self.assertTrue(User.objects.get().check_password(PASSWORD))
        self.assertEqual((User.objects.count(), Merchant.objects.count(), Secret.objects.count()), (1, 1, 2))
        self.assertEqual(len(told("merchant.registered")), 1)

    def test_all_faults_come_together_under_the_contracts_codes(self) -> None:
        answer = self.post(
            "auth/register/", {"email": "nobody", "phone": "0812345678", "kra_pin": "12", "first_name": 7}
        )
        found = self.assert_problem(answer, 400, "validation_failed")
        self.assertEqual(
            {fault["param"]: fault["code"] for fault in found["errors"]},
            {
                "business_name": "parameter_missing",
                "email": "email_invalid",
                "password": "parameter_missing",
                "phone": "phone_invalid",
                "first_name": "parameter_invalid",
                "last_name": "parameter_missing",
                "kra_pin": "parameter_invalid",
            },
        )
        self.assertEqual((User.objects.count(), AuditEvent.objects.count()), (0, 0))

    def test_weak_passwords_are_refused(self) -> None:
        for password in ("short", "password1234", "wanjiku@example.com", "x" * 129):
            found = self.post("auth/register/", BUSINESS | {"password": password}).json()
            self.assertEqual({fault["param"] for fault in found["errors"]}, {"password"}, found)
        self.assertEqual(User.objects.count(), 0)

    def test_odd_texts_are_refused_and_absent_ones_are_empty(self) -> None:
        for changes in (
            {"business_name": "Duka\x07"},
            {"business_name": "x" * 121},
            {"website": "javascript:alert(1)"},
        ):
            self.assert_problem(self.post("auth/register/", BUSINESS | changes), 400, "parameter_invalid")
        answer = self.post("auth/register/", BUSINESS | {"kra_pin": None, "website": "", "unknown": 1})
        self.assertEqual(answer.status_code, 202)
        self.assertEqual(Merchant.objects.get().kra_pin, "")

    def test_a_password_is_taken_as_typed(self) -> None:
        self.post("auth/register/", BUSINESS | {"password": f"  {PASSWORD} "})
        self.assertTrue(User.objects.get().check_password(f"  {PASSWORD} "))

    def test_other_bodies_and_types(self) -> None:
        self.assert_problem(self.client.post("/api/v1/auth/register/", {"email": "x"}), 415, "unsupported_media_type")
        self.assert_problem(self.post("auth/register/", "[1]"), 400, "invalid_json")


@override_settings(RATE_LIMITS=settings.RATE_LIMITS | MANY)
class LoginTests(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant()
        self.user = make_member(self.merchant, user=make_user("wanjiku@example.com"))

    def log_in(self, email: str = "wanjiku@example.com", password: str = PASSWORD) -> object:
        return self.post("auth/login/", {"email": email, "password": password})

    def test_the_body_of_the_contract(self) -> None:
        answer = self.log_in(" WANJIKU@example.com ")
        self.assertEqual(answer.status_code, 200, answer.content)
        found = answer.json()
        self.assertEqual(found["tokens"]["access_expires_in"], 900)
        self.assertEqual(found["tokens"]["refresh_expires_in"], 604_800)
        self.assertEqual(found["user"]["id"], to_public("usr", self.user.id))
        claims = jwt.decode(found["tokens"]["access"], options={"verify_signature": False})
        self.assertEqual(claims["mid"], found["merchant"]["id"])
        self.assertEqual((claims["role"], claims["amr"], claims["typ"]), ("owner", ["pwd"], "access"))

    def test_no_refusal_tells_which_part_was_wrong(self) -> None:
        closed = make_user("closed@example.com", is_active=False)
        make_member(self.merchant, user=closed)
        wrong = (
            self.log_in(password="wrong password here"),
            self.log_in("nobody@example.com"),
            self.log_in(closed.email),
        )
        bodies = [self.assert_problem(answer, 401, "credentials_invalid") for answer in wrong]
        same = [{name: body[name] for name in ("title", "detail", "param", "errors")} for body in bodies]
        self.assertEqual(same[0], same[1])
        self.assertEqual(same[1], same[2])
        self.assertEqual(OutstandingToken.objects.count(), 0)
        self.assertEqual(
            sorted(event.stream for event in told("session.refused")),
            sorted(["platform"] + [f"m{self.merchant.id}"] * 2),
        )

    def test_an_unknown_address_costs_a_hash_too(self) -> None:
        with mock.patch.object(User, "set_password", autospec=True, side_effect=User.set_password) as hashed:
            self.log_in("nobody@example.com")
        self.assertEqual(hashed.call_count, 1)

    def test_the_database_keeps_no_token_that_works(self) -> None:
        self.log_in()
        self.assertEqual(OutstandingToken.objects.get().token, "")

    def test_somebody_without_a_merchant_is_told(self) -> None:
        make_user("alone@example.com")
        self.assert_problem(self.log_in("alone@example.com"), 403, "permission_denied")

    def test_one_arrives_at_a_merchant_that_may_work(self) -> None:
        second = make_merchant("Second")
        make_member(second, "viewer", self.user)
        self.assertEqual(self.log_in().json()["merchant"]["id"], to_public("mer", self.merchant.id))
        Merchant.objects.filter(id=self.merchant.id).update(status="suspended")
        found = self.log_in().json()
        self.assertEqual(found["merchant"]["id"], to_public("mer", second.id))
        self.assertEqual(len(found["merchants"]), 2)


@time_machine.travel("2026-11-21T08:00:30Z", tick=False)
class LimitTests(ApiTestCase):
    def test_an_account_is_tried_five_times(self) -> None:
        body = {"email": "wanjiku@example.com", "password": "wrong password here"}
        for turn in range(5):
            self.assert_problem(
                self.post("auth/login/", body, REMOTE_ADDR=f"203.0.113.{turn}"), 401, "credentials_invalid"
            )
        again = body | {"email": "WANJIKU@EXAMPLE.COM"}
        answer = self.post("auth/login/", again, REMOTE_ADDR="203.0.113.9")
        self.assertTrue(self.assert_problem(answer, 429, "rate_limited")["retryable"])
        self.assertGreater(int(answer["Retry-After"]), 0)
        self.assertNotIn("wanjiku", answer.content.decode().lower())

    def test_an_address_is_heard_ten_times_a_minute(self) -> None:
        for _ in range(10):
            self.assert_problem(self.post("auth/refresh/", {"refresh": "x"}), 401, "token_invalid")
        self.assert_problem(self.post("auth/register/", BUSINESS), 429, "rate_limited")
        self.assertEqual(User.objects.count(), 0)


@override_settings(RATE_LIMITS=settings.RATE_LIMITS | MANY)
class SessionTests(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant()
        self.user = make_member(self.merchant)
        self.session = sign_in(self.user)

    def renew(self, token: str) -> object:
        return self.post("auth/refresh/", {"refresh": token})

    def test_both_tokens_are_renewed_and_the_old_one_dies(self) -> None:
        first = self.session.tokens
        found = self.renew(first.refresh).json()["tokens"]
        self.assertEqual(len({first.access, first.refresh, found["access"], found["refresh"]}), 4)
        self.assertEqual(self.get("merchant/", key_headers(found["access"])).status_code, 200)
        self.assertEqual(BlacklistedToken.objects.count(), 1)

    def test_using_a_dead_token_ends_the_whole_session(self) -> None:
        other = sign_in(self.user).tokens
        fresh = self.renew(self.session.tokens.refresh).json()["tokens"]
        self.assertEqual(self.get("merchant/", key_headers(fresh["access"])).status_code, 200)
        with self.captureOnCommitCallbacks(execute=True):
            self.assert_problem(self.renew(self.session.tokens.refresh), 401, "session_revoked")
        self.assert_problem(self.renew(fresh["refresh"]), 401, "session_revoked")
        self.assert_problem(self.get("merchant/", key_headers(fresh["access"])), 401, "session_revoked")
        self.assertEqual(len(told("session.revoked")), 1)
        self.assertEqual(self.get("merchant/", key_headers(other.access)).status_code, 200)

    def test_renewing_slides_for_thirty_days_at_most(self) -> None:
        long_ago = int((now() - timedelta(days=29)).timestamp())
        claims = jwt.decode(self.session.tokens.refresh, options={"verify_signature": False})
        old = jwt.encode(claims | {"auth_time": long_ago}, settings.SECRET_KEY, "HS256")
        found = self.renew(old).json()["tokens"]
        self.assertLessEqual(found["refresh_expires_in"], 86_400)
        ends_at = jwt.decode(found["refresh"], options={"verify_signature": False})["exp"]
        self.assertEqual(ends_at, long_ago + 30 * 86_400)

    def test_what_is_no_refresh_token_of_ours(self) -> None:
        claims = jwt.decode(self.session.tokens.refresh, options={"verify_signature": False})
        expired = jwt.encode(claims | {"exp": 1}, settings.SECRET_KEY, "HS256")
        self.assert_problem(self.renew(expired), 401, "token_expired")
        for wrong in (self.session.tokens.access, jwt.encode(claims, "", "none"), "x"):
            self.assert_problem(self.renew(wrong), 401, "token_invalid")
        self.assert_problem(self.renew(""), 400, "parameter_missing")
        self.assertEqual(BlacklistedToken.objects.count(), 0)

    def test_who_lost_their_place_cannot_renew(self) -> None:
        Membership.objects.all().delete()
        self.assert_problem(self.renew(self.session.tokens.refresh), 401, "session_revoked")

    def test_a_closed_account_cannot_renew(self) -> None:
        User.objects.update(is_active=False)
        self.assert_problem(self.renew(self.session.tokens.refresh), 401, "session_revoked")

    def test_a_new_role_shows_in_the_new_token(self) -> None:
        Membership.objects.update(role="viewer")
        access = self.renew(self.session.tokens.refresh).json()["tokens"]["access"]
        self.assertEqual(jwt.decode(access, options={"verify_signature": False})["role"], "viewer")

    def test_signing_out_ends_this_session_only(self) -> None:
        other = sign_in(self.user).tokens
        with self.captureOnCommitCallbacks(execute=True):
            answer = self.post("auth/logout/", {"refresh": self.session.tokens.refresh})
        self.assertEqual((answer.status_code, answer.content), (204, b""))
        self.assert_problem(self.renew(self.session.tokens.refresh), 401, "session_revoked")
        self.assert_problem(self.get("merchant/", key_headers(self.session.tokens.access)), 401, "session_revoked")
        self.assertEqual(self.get("merchant/", key_headers(other.access)).status_code, 200)
        self.assertEqual(self.post("auth/logout/", {"refresh": self.session.tokens.refresh}).status_code, 204)
        self.assertEqual(len(told("session.closed")), 1)
        self.assert_problem(self.post("auth/logout/", {"refresh": "x"}), 401, "token_invalid")

    def test_signing_out_of_an_expired_session_is_no_fault(self) -> None:
        claims = jwt.decode(self.session.tokens.refresh, options={"verify_signature": False})
        expired = jwt.encode(claims | {"exp": 1}, settings.SECRET_KEY, "HS256")
        self.assertEqual(self.post("auth/logout/", {"refresh": expired}).status_code, 204)
        self.assertEqual(told("session.closed"), [])

    def test_signing_out_everywhere_leaves_others_alone(self) -> None:
        colleague = person_headers(make_member(self.merchant, "viewer"))
        mine = [self.session.tokens, sign_in(self.user).tokens]
        for tokens in mine:
            self.get("merchant/", key_headers(tokens.access))
        with self.captureOnCommitCallbacks(execute=True):
            answer = self.post("auth/logout-all/", headers=key_headers(mine[0].access))
        self.assertEqual(answer.status_code, 204)
        for tokens in mine:
            self.assert_problem(self.get("merchant/", key_headers(tokens.access)), 401, "session_revoked")
            self.assert_problem(self.renew(tokens.refresh), 401, "session_revoked")
        self.assertEqual(self.get("merchant/", colleague).status_code, 200)


class TwoAtOnceTests(CommittingTestCase):
    def test_a_token_renewed_twice_at_once_gives_one_pair_and_ends_the_session(self) -> None:
        user = make_member(make_merchant())
        token = sign_in(user).tokens.refresh
        outcomes = at_once(4, lambda _: self.code_of(token))
        self.assertEqual(sorted(outcomes), ["renewed", "session_revoked", "session_revoked", "session_revoked"])
        self.assertFalse(OutstandingToken.objects.filter(blacklistedtoken=None).exists())

    @staticmethod
    def code_of(token: str) -> str:
        try:
            sessions.refresh(token=token)
        except Problem as problem:
            return problem.code
        return "renewed"


class ProfileTests(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.user = make_member(make_merchant(), user=make_user(phone="254712345678"))
        self.headers = person_headers(self.user)

    def test_absent_fields_stay_and_null_clears(self) -> None:
        found = self.patch("auth/profile/", {"first_name": " Achieng "}, self.headers).json()
        self.assertEqual(
            (found["first_name"], found["last_name"], found["phone"]), ("Achieng", "Kamau", "254712345678")
        )
        self.assertIsNone(self.patch("auth/profile/", {"phone": None}, self.headers).json()["phone"])
        self.assertEqual(self.get("auth/profile/", self.headers).json()["phone"], None)
        self.assertEqual(
            [event.told for event in told("user.changed")], [{"fields": ["first_name"]}, {"fields": ["phone"]}]
        )

    def test_only_name_and_phone_change(self) -> None:
        before = User.objects.get()
        self.patch("auth/profile/", {"email": "new@example.com", "is_active": False, "password": "x"}, self.headers)
        after = User.objects.get()
        self.assertEqual((after.email, after.is_active, after.password), (before.email, True, before.password))
        self.assertEqual(told("user.changed"), [])

    def test_faults(self) -> None:
        self.assert_problem(self.patch("auth/profile/", {"first_name": None}, self.headers), 400, "parameter_missing")
        self.assert_problem(self.patch("auth/profile/", {"phone": "12"}, self.headers), 400, "phone_invalid")
