"""The door of the operators' pages: who comes in, how long they stay, and what everybody else hears."""

from typing import Any
from unittest import mock

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import connection
from django.http import HttpResponse
from django.test import Client, override_settings

from audit.models import AuditEvent
from merchants.models import Operator, Totp
from merchants.services import operators, totp
from merchants.services.operator_store import SessionStore
from merchants.services.person_help import close_account, drop_second_factor
from merchants.tests.factories import (
    PASSWORD,
    code_of,
    make_member,
    make_merchant,
    make_two_factor,
    make_user,
    person_headers,
)
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import Problem
from tests.operators import LOGIN, OperatorsTestCase, challenge_in, make_operator, signed_in, told

WRONG = "E-mail or password is wrong."


def shown(answer: HttpResponse) -> tuple[int, str, list[str]]:
    """What somebody at the door can tell two answers apart by."""
    context: Any = answer.context  # type: ignore[attr-defined]
    return answer.status_code, context["refusal"], sorted(answer.cookies)


class In(OperatorsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.user = make_operator("risk")

    def test_with_password_and_code(self) -> None:
        self.assertFalse(self.is_in())
        answer = self.enter(self.user)
        self.assertEqual((answer.status_code, answer["Location"]), (302, "/operators/"))
        self.assertTrue(self.is_in())
        (link,) = told("operator.signed_in")
        self.assertEqual((link.stream, link.actor), ("platform", self.user.public_id))
        self.assertEqual(link.told, {"by": "otp", "roles": ["risk"]})

    def test_a_recovery_code_does_it_once(self) -> None:
        (code, *_) = totp.new_recovery_codes(self.user)
        self.give_code(challenge_in(self.give_password(self.user.email)), code)
        self.assertTrue(self.is_in())
        other = Client()
        self.give_code(challenge_in(self.give_password(self.user.email, client=other)), code, client=other)
        self.assertFalse(self.is_in(other))
        self.assertEqual([link.told["by"] for link in told("operator.signed_in")], ["recovery"])

    def test_no_code_works_twice(self) -> None:
        self.enter(self.user)
        other = Client()
        answer = self.give_code(challenge_in(self.give_password(self.user.email, client=other)), client=other)
        self.assertEqual(answer.status_code, 401)
        self.assertFalse(self.is_in(other))

    def test_no_challenge_works_twice(self) -> None:
        challenge = challenge_in(self.give_password(self.user.email))
        self.give_code(challenge)
        other = Client()
        answer = self.give_code(challenge, code_of(steps=1), client=other)
        self.assertEqual(answer.status_code, 401)
        self.assertFalse(self.is_in(other))

    def test_five_wrong_codes_burn_the_challenge(self) -> None:
        challenge = challenge_in(self.give_password(self.user.email))
        for _ in range(5):
            self.assertIn(self.give_code(challenge, "000000").status_code, (401, 429))
        self.assertIn(self.give_code(challenge).status_code, (401, 429))
        self.assertFalse(self.is_in())
        self.assertEqual({link.told["step"] for link in told("operator.refused")}, {"code"})

    def test_the_password_alone_opens_nothing(self) -> None:
        self.give_password(self.user.email)
        self.assertFalse(self.is_in())
        self.assertEqual(Session.objects.count(), 0)

    def test_on_to_the_page_that_was_asked_for_and_to_no_other_site(self) -> None:
        asked = self.client.get("/operators/merchants/merchant/?status=active")
        self.assertEqual(asked["Location"], "/operators/login/?next=/operators/merchants/merchant/%3Fstatus%3Dactive")
        for wanted, gone in (
            ("/operators/merchants/merchant/", "/operators/merchants/merchant/"),
            ("https://evil.example/operators/", "/operators/"),
            ("//evil.example/", "/operators/"),
            ("/operators/..//evil.example", "/operators/..//evil.example"),
            ("/api/v1/merchant/", "/operators/"),
            ("javascript:alert(1)", "/operators/"),
        ):
            answer = signed_in(self.user).get(LOGIN, {"next": wanted})
            self.assertEqual((answer.status_code, answer["Location"]), (302, gone))


class Out(OperatorsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.user = make_operator("operator")
        signed_in(self.user, self.client)
        self.assertTrue(self.is_in())

    def test_by_the_button_and_by_no_link(self) -> None:
        self.assertEqual(self.client.get("/operators/logout/").status_code, 405)
        self.assertTrue(self.is_in())
        self.assertEqual(self.client.post("/operators/logout/").status_code, 302)
        self.assertFalse(self.is_in())
        self.assertEqual(Session.objects.count(), 0)
        self.assertEqual(len(told("operator.signed_out")), 1)

    def test_by_lying_idle_and_by_age(self) -> None:
        at = int(now().timestamp())
        idle, long = settings.OPERATOR_IDLE_MINUTES * 60, settings.OPERATOR_SESSION_HOURS * 3600
        self.assertTrue(self.is_in(signed_in(self.user, seen=at - idle + 30)))
        self.assertFalse(self.is_in(signed_in(self.user, seen=at - idle - 1)))
        self.assertTrue(self.is_in(signed_in(self.user, began=at - long + 30)))
        self.assertFalse(self.is_in(signed_in(self.user, began=at - long - 1)))

    def test_a_click_keeps_it_awake_and_writes_once_a_minute(self) -> None:
        client = signed_in(self.user, seen=int(now().timestamp()) - 120)
        with mock.patch.object(SessionStore, "save", autospec=True, side_effect=SessionStore.save) as save:
            client.get("/operators/")
            client.get("/operators/")
        self.assertEqual(save.call_count, 1)

    def test_when_the_role_goes(self) -> None:
        operators.dismiss(self.user.email, actor="operator")
        self.assertFalse(self.is_in())

    def test_when_the_password_changes(self) -> None:
        self.user.set_password("eleven purple elephants")
        self.user.save()
        self.assertFalse(self.is_in())

    def test_when_the_account_closes_or_the_second_factor_goes(self) -> None:
        close_account(self.user.email, actor="operator")
        self.assertFalse(self.is_in())
        other = make_operator("operator")
        client = signed_in(other)
        drop_second_factor(other.email, actor="operator")
        self.assertFalse(self.is_in(client))

    def test_what_was_made_up_opens_nothing_and_goes(self) -> None:
        self.assertFalse(self.is_in(signed_in(make_operator("risk"), person=0)))
        self.client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
        answer = self.client.get("/operators/")
        self.assertEqual(answer.status_code, 302)
        self.assertEqual(answer.cookies[settings.SESSION_COOKIE_NAME]["max-age"], 0)

    def test_the_table_holds_no_key_that_opens(self) -> None:
        (row,) = Session.objects.all()
        thief = Client()
        thief.cookies[settings.SESSION_COOKIE_NAME] = row.session_key
        self.assertFalse(self.is_in(thief))
        self.assertNotEqual(row.session_key, self.client.cookies[settings.SESSION_COOKIE_NAME].value)

    def test_signing_in_changes_the_key(self) -> None:
        before = self.client.cookies[settings.SESSION_COOKIE_NAME].value
        self.enter(self.user)
        self.assertNotEqual(self.client.cookies[settings.SESSION_COOKIE_NAME].value, before)
        self.assertEqual(Session.objects.count(), 1)


class Refused(OperatorsTestCase):
    def test_everybody_else_hears_the_same(self) -> None:
        owner = make_member(make_merchant())
        secured = make_member(make_merchant())
        make_two_factor(secured)
        bare = make_user()
        Operator.objects.create(user=bare, roles=["risk"])
        closed = make_operator("risk")
        close_account(closed.email, actor="operator")
        operator = make_operator("risk")
        found = {
            "nobody": shown(self.give_password("nobody@example.com")),
            "owner": shown(self.give_password(owner.email)),
            "owner with a second factor": shown(self.give_password(secured.email)),
            "operator without one": shown(self.give_password(bare.email)),
            "closed": shown(self.give_password(closed.email)),
            "wrong password": shown(self.give_password(operator.email, "wrong password here")),
        }
        self.assertEqual(set(map(str, found.values())), {str(found["nobody"])}, found)
        self.assertEqual(found["nobody"][:2], (401, WRONG))
        self.assertEqual(len(told("operator.refused", stream="platform")), 6)
        self.assertFalse(AuditEvent.objects.exclude(stream="platform").filter(action__contains="refused").exists())

    def test_the_right_password_of_a_stranger_is_counted_like_a_wrong_one(self) -> None:
        owner = make_member(make_merchant())
        statuses = [self.give_password(owner.email).status_code for _ in range(7)]
        nobody = [self.give_password("nobody@example.com", REMOTE_ADDR="127.0.0.2").status_code for _ in range(7)]
        self.assertEqual(statuses, nobody)
        self.assertEqual(statuses[-1], 429)

    def test_the_same_is_asked_of_the_database_whoever_knocks(self) -> None:
        owner, counts = make_member(make_merchant()), []
        for email in ("nobody@example.com", owner.email):
            with self.subTest(email=email), mock.patch("merchants.services.lockout.may_mail", return_value=False):
                with QueryCount() as asked:
                    self.give_password(email)
                counts.append(asked.count)
        self.assertEqual(counts[0], counts[1])

    def test_while_the_counters_are_away_nobody_comes_in(self) -> None:
        user = make_operator("risk")
        refusal = Problem("sign_in_unavailable", retry_after_seconds=5)
        with mock.patch("merchants.services.proofs.begin_password", side_effect=refusal):
            answer = self.give_password(user.email)
        self.assertEqual((answer.status_code, answer["Retry-After"]), (503, "5"))

    def test_nonsense(self) -> None:
        for sent in ({}, {"email": "x"}, {"challenge": "", "code": ""}, {"challenge": "x" * 65, "code": "1"}):
            self.assertEqual(self.client.post(LOGIN, sent).status_code, 400, sent)
        self.assertEqual(self.give_code("mfa_UNKNOWN", "123456").status_code, 401)
        self.assertEqual(self.client.put(LOGIN).status_code, 405)

    def test_a_challenge_of_the_api_opens_nothing_here(self) -> None:
        owner = make_member(make_merchant())
        make_two_factor(owner)
        body = {"email": owner.email, "password": PASSWORD}
        challenge = self.client.post("/api/v1/auth/login/", body, "application/json").json()["challenge"]
        answer = self.give_code(challenge)
        self.assertEqual(shown(answer)[:2], (401, WRONG))
        self.assertFalse(self.is_in())
        self.assertEqual([link.told for link in told("operator.refused")], [{"step": "role"}])

    def test_an_api_key_or_token_is_no_operator(self) -> None:
        owner = make_member(make_merchant())
        answer = self.client.get("/operators/", headers=person_headers(owner))
        self.assertEqual(answer.status_code, 302)


class QueryCount:
    """How many statements ran inside."""

    count = 0

    def __enter__(self) -> "QueryCount":
        self._hold = connection.execute_wrapper(self._seen)
        self._hold.__enter__()
        return self

    def __exit__(self, *args: Any) -> None:
        self._hold.__exit__(*args)

    def _seen(self, execute: Any, *args: Any) -> Any:
        self.count += 1
        return execute(*args)


class Guarded(OperatorsTestCase):
    def test_a_form_from_elsewhere_is_refused(self) -> None:
        client = signed_in(make_operator("risk"), Client(enforce_csrf_checks=True))
        for where in (
            LOGIN,
            "/operators/logout/",
            "/operators/prove/",
            "/operators/merchants/merchant/",
            "/operators/x/",
        ):
            answer = client.post(where, {"email": "a@example.com", "password": PASSWORD})
            self.assertEqual((answer.status_code, answer["Content-Type"]), (403, "text/html; charset=utf-8"), where)
        self.assertTrue(self.is_in(client))
        self.assertEqual({link.told["code"] for link in told("permission.refused")}, {"forged_request"})

    def test_with_the_token_of_the_page_it_passes(self) -> None:
        client = Client(enforce_csrf_checks=True)
        token = client.get(LOGIN).context["csrf_token"]
        user = make_operator("risk")
        sent = {"email": user.email, "password": PASSWORD, "csrfmiddlewaretoken": str(token)}
        self.assertEqual(client.post(LOGIN, sent).status_code, 200)
        self.assertEqual(client.post(LOGIN, sent | {"csrfmiddlewaretoken": "x" * 64}).status_code, 403)

    def test_cookies_stay_under_their_path(self) -> None:
        user = make_operator("risk")
        self.enter(user)
        for name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME):
            cookie = self.client.cookies[name]
            self.assertEqual((cookie["path"], cookie["samesite"]), ("/operators/", "Strict"), name)
            self.assertTrue(cookie["httponly"], name)
            # It goes with the browser's window.
            self.assertEqual((cookie["max-age"], cookie["expires"]), ("", ""), name)

    @override_settings(HAS_HTTPS=True, SESSION_COOKIE_SECURE=True, CSRF_COOKIE_SECURE=True)
    def test_over_https_only_where_there_is_https(self) -> None:
        answer = self.client.get(LOGIN)
        self.assertEqual((answer.status_code, answer.json()["code"]), (403, "https_required"))
        self.assertFalse(answer.cookies)
        answer = self.client.get(LOGIN, secure=True)
        self.assertEqual(answer.status_code, 200)
        self.assertTrue(answer.cookies[settings.CSRF_COOKIE_NAME]["secure"])

    def test_the_api_pays_nothing_and_sees_no_cookie(self) -> None:
        client = signed_in(make_operator("risk"))
        with mock.patch("onpoint_pay.operators.middleware.place_operator") as place, QueryCount() as asked:
            answer = client.get("/api/v1/health/live/")
        self.assertFalse(place.called)
        self.assertEqual((answer.status_code, asked.count, len(answer.cookies)), (200, 0, 0))
        self.assertNotIn("Cookie", answer.get("Vary", ""))
        self.assertEqual(client.get("/api/v1/merchant/").status_code, 401)

    def test_no_mail_and_no_row_for_a_visitor(self) -> None:
        self.client.get(LOGIN)
        self.assertEqual((Session.objects.count(), AuditEvent.objects.count(), mail.outbox), (0, 0, []))


class Proof(OperatorsTestCase):
    def test_a_fresh_code_counts_for_ten_minutes(self) -> None:
        user = make_operator("risk")
        merchant = make_merchant()
        old = int(now().timestamp()) - 601
        client = signed_in(user, proved=old)
        where = f"/operators/merchants/merchant/{merchant.id}/suspend/"
        for method in (client.get, client.post):
            answer = method(where, {"reason": "fraud"})
            self.assertEqual(answer["Location"], f"/operators/prove/?next={where}")
        merchant.refresh_from_db()
        self.assertEqual(merchant.status, "active")
        self.assertEqual(client.post("/operators/prove/", {"code": "000000"}).status_code, 401)
        answer = client.post("/operators/prove/", {"code": code_of(), "next": where})
        self.assertEqual(answer["Location"], where)
        self.assertEqual(client.get(where).status_code, 200)
        self.assertEqual([link.told["by"] for link in told("operator.proved")], ["otp"])

    def test_the_second_factor_may_have_gone_meanwhile(self) -> None:
        user = make_operator("risk")
        client = signed_in(user)
        Totp.objects.all().delete()
        self.assertEqual(client.post("/operators/prove/", {"code": code_of()}).status_code, 302)
