"""Proving again who one is: what asks for it, for how long it holds, and for which session alone."""

from datetime import timedelta

from django.conf import settings
from django.test import override_settings

from merchants.models import ApiKey, Session
from merchants.serializers.people import RunningSessionSerializer, StepUpSerializer
from merchants.services.sessions import log_out, refresh
from merchants.tests.base import ApiTestCase
from merchants.tests.factories import (
    PASSWORD,
    code_of,
    key_headers,
    make_api_key,
    make_member,
    make_two_factor,
    person_headers,
    sign_in,
)
from merchants.tests.people import WRONG, PeopleCalls, session_id, told
from merchants.tests.test_sign_in import MANY
from onpoint_pay.kit.clock import now, rfc3339
from onpoint_pay.kit.ids import new_id, to_public
from onpoint_pay.kit.tests.travel import travel

NINE, ELEVEN = timedelta(minutes=9), timedelta(minutes=11)


@override_settings(RATE_LIMITS=settings.RATE_LIMITS | MANY)
class Proving(PeopleCalls, ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.session = sign_in(self.user)
        self.headers = key_headers(self.session.tokens.access)

    def age(self, by: timedelta) -> None:
        """Let the proofs of all sessions lie that far back."""
        Session.objects.update(proved_at=now() - by)

    def step_up(self, headers: dict[str, str] | None = None, **proof: str) -> object:
        return self.post("auth/step-up/", proof, headers or self.headers)

    def destination(self, headers: dict[str, str] | None = None) -> object:
        body = {"type": "mpesa_phone", "phone": f"2547120{Session.objects.count():05d}", "label": "Shop"}
        return self.post("payout-destinations/", body, headers or self.headers)

    def test_signing_in_counts_for_ten_minutes(self) -> None:
        self.age(NINE)
        self.assertEqual(self.destination().status_code, 201)
        self.age(ELEVEN)
        found = self.assert_problem(self.destination(), 403, "step_up_required")
        self.assertIn("/auth/step-up/", found["detail"])

    def test_the_password_or_a_code_proves_it(self) -> None:
        make_two_factor(self.user)
        for proof in ({"password": PASSWORD}, {"code": code_of()}):
            self.age(ELEVEN)
            answer = self.step_up(**proof)
            self.assertEqual((answer.status_code, list(answer.json())), (200, list(StepUpSerializer().fields)))
            self.assertEqual(self.post("auth/2fa/recovery-codes/", headers=self.headers).status_code, 200)
        self.assertEqual([event.detail["by"] for event in told("session.proved")], ["password", "code"])

    def test_what_it_tells_is_when_it_ends(self) -> None:
        with travel("2026-11-21T08:00:00Z", tick=False):
            headers = key_headers(sign_in(self.user).tokens.access)
            found = self.step_up(headers, password=PASSWORD).json()
            self.assertEqual(found["proved_until"], "2026-11-21T08:10:00.000Z")
            row = Session.objects.latest("id")
            self.assertEqual(rfc3339(row.proved_at), "2026-11-21T08:00:00.000Z")

    def test_wrong_proofs_prove_nothing(self) -> None:
        make_two_factor(self.user)
        self.age(ELEVEN)
        self.assert_problem(self.step_up(password=WRONG), 401, "credentials_invalid")
        self.assert_problem(self.step_up(code="000000"), 401, "two_factor_code_invalid")
        self.assert_problem(self.step_up(), 400, "parameter_missing")
        self.assert_problem(self.step_up(password=PASSWORD, code=code_of()), 400, "parameter_invalid")
        self.assert_problem(self.destination(), 403, "step_up_required")
        self.assertEqual(told("session.proved"), [])

    def test_a_code_serves_once_at_every_door(self) -> None:
        make_two_factor(self.user)
        code = code_of()
        self.assertEqual(self.step_up(code=code).status_code, 200)
        self.assert_problem(self.step_up(code=code), 401, "two_factor_code_invalid")
        self.assert_problem(self.answer(self.challenge(), code), 401, "two_factor_code_invalid")

    def test_a_code_without_a_second_factor(self) -> None:
        self.assert_problem(self.step_up(code="123456"), 401, "two_factor_code_invalid")

    def test_another_session_is_not_proved_by_it(self) -> None:
        other = key_headers(sign_in(self.user).tokens.access)
        self.age(ELEVEN)
        self.assertEqual(self.step_up(password=PASSWORD).status_code, 200)
        self.assertEqual(self.destination().status_code, 201)
        self.assert_problem(self.destination(other), 403, "step_up_required")

    def test_nor_is_anybody_elses(self) -> None:
        colleague = make_member(self.merchant)
        theirs = key_headers(sign_in(colleague).tokens.access)
        self.age(ELEVEN)
        self.assert_problem(self.step_up(theirs, password=f"{PASSWORD}!"), 401, "credentials_invalid")
        self.step_up(password=PASSWORD)
        self.assert_problem(self.destination(theirs), 403, "step_up_required")

    def test_renewing_the_tokens_neither_adds_nor_takes(self) -> None:
        self.age(NINE)
        tokens = refresh(token=self.session.tokens.refresh)
        headers = key_headers(tokens.access)
        self.assertEqual(self.destination(headers).status_code, 201)
        self.age(ELEVEN)
        tokens = refresh(token=tokens.refresh)
        self.assert_problem(self.destination(key_headers(tokens.access)), 403, "step_up_required")

    def test_it_dies_with_the_session(self) -> None:
        self.step_up(password=PASSWORD)
        log_out(token=self.session.tokens.refresh)
        later = key_headers(sign_in(self.user).tokens.access)
        Session.objects.filter(ended_at=None).update(proved_at=now() - ELEVEN)
        self.assert_problem(self.destination(later), 403, "step_up_required")

    def test_a_key_proves_nothing(self) -> None:
        key = key_headers(make_api_key(self.merchant, scopes=["payouts:write", "keys:write"]))
        self.assert_problem(self.step_up(key, password=PASSWORD), 403, "insufficient_scope")

    def test_a_repeat_after_the_proof_is_done(self) -> None:
        make_two_factor(self.user)
        self.age(ELEVEN)
        headers = self.headers | {"OnPoint-Mode": "live", "Idempotency-Key": "live-key-of-the-shop"}
        self.assert_problem(self.post("api-keys/", {"name": "Shop"}, headers), 403, "step_up_required")
        self.step_up(code=code_of())
        self.assertEqual(self.post("api-keys/", {"name": "Shop"}, headers).status_code, 201)
        self.assertEqual(ApiKey.objects.count(), 1)


@override_settings(RATE_LIMITS=settings.RATE_LIMITS | MANY)
class LiveKeys(PeopleCalls, ApiTestCase):
    def create(self, headers: dict[str, str]) -> object:
        return self.post("api-keys/", {"name": "Shop"}, headers)

    def test_an_owner_needs_a_second_factor(self) -> None:
        live, trial = (self.headers | {"OnPoint-Mode": mode} for mode in ("live", "test"))
        self.assert_problem(self.create(live), 403, "two_factor_required")
        self.assertEqual(self.create(trial).status_code, 201)
        make_two_factor(self.user)
        self.assertEqual(self.create(live).status_code, 201)
        Session.objects.update(proved_at=now() - ELEVEN)
        self.assert_problem(self.create(live), 403, "step_up_required")
        self.assertEqual(self.create(trial).status_code, 201)
        self.assertEqual(ApiKey.objects.filter(mode="live").count(), 1)

    def test_so_does_everybody_who_makes_one(self) -> None:
        for role in ("admin", "developer"):
            headers = person_headers(make_member(self.merchant, role), mode="live")
            self.assert_problem(self.create(headers), 403, "two_factor_required")
        self.assertFalse(ApiKey.objects.exists())

    def test_a_key_that_may_make_keys_is_taken_at_its_word(self) -> None:
        key = make_api_key(self.merchant, mode="live", scopes=["keys:write"])
        answer = self.post("api-keys/", {"name": "Next", "scopes": ["keys:write"]}, key_headers(key))
        self.assertEqual(answer.status_code, 201)


@override_settings(RATE_LIMITS=settings.RATE_LIMITS | MANY)
class Sessions(PeopleCalls, ApiTestCase):
    def listed(self, headers: dict[str, str]) -> list[dict[str, object]]:
        return self.get("auth/sessions/", headers).json()["data"]

    def signed_in(self, agent: str, address: str) -> dict[str, str]:
        body = {"email": self.user.email, "password": PASSWORD}
        answer = self.post("auth/login/", body, {"User-Agent": agent}, REMOTE_ADDR=address)
        return self.access(answer)

    def test_each_says_where_and_since_when(self) -> None:
        phone = self.signed_in("Phone/1\x00\x07 " + "x" * 300, "2001:db8::7")
        rows = self.listed(phone)
        self.assertEqual(list(rows[0]), list(RunningSessionSerializer().fields))
        self.assertEqual([row["current"] for row in rows], [True, False])
        self.assertEqual((rows[0]["address"], rows[0]["methods"]), ("2001:db8::7", ["pwd"]))
        self.assertTrue(str(rows[0]["device"]).startswith("Phone/1 xxx"))
        self.assertLessEqual(len(str(rows[0]["device"])), 200)
        self.assertEqual((rows[1]["device"], rows[1]["address"]), (None, None))

    def test_last_seen_follows_the_use_and_the_renewal(self) -> None:
        Session.objects.update(last_seen_at=now() - timedelta(days=1))
        (row,) = self.listed(self.headers)
        self.assertGreater(str(row["last_seen_at"]), rfc3339(now() - timedelta(minutes=1)))

    def test_ending_one_ends_its_tokens(self) -> None:
        phone = self.signed_in("Phone/1", "203.0.113.7")
        self.get("auth/profile/", phone)
        (theirs,) = [str(row["id"]) for row in self.listed(self.headers) if not row["current"]]
        with self.captureOnCommitCallbacks(execute=True):
            self.assertEqual(self.delete(f"auth/sessions/{theirs}/", self.headers).status_code, 204)
        self.assert_problem(self.get("auth/profile/", phone), 401, "session_revoked")
        self.assertEqual(len(self.listed(self.headers)), 1)
        self.assert_problem(self.delete(f"auth/sessions/{theirs}/", self.headers), 404, "resource_missing")
        self.assertEqual([event.object for event in told("session.closed")], [theirs])
        self.assertIsNotNone(Session.objects.get(id=session_id(theirs)).ended_at)

    def test_nobody_elses(self) -> None:
        colleague = make_member(self.merchant)
        theirs = sign_in(colleague)
        row = Session.objects.get(user=colleague)
        for name in (row.public_id, to_public("ses", new_id()), "ses_x"):
            self.assert_problem(self.delete(f"auth/sessions/{name}/", self.headers), 404, "resource_missing")
        self.assertEqual(self.get("auth/profile/", key_headers(theirs.tokens.access)).status_code, 200)
        self.assertNotIn(row.public_id, str(self.listed(self.headers)))

    def test_pages(self) -> None:
        for _ in range(2):
            sign_in(self.user)
        page = self.get("auth/sessions/?limit=2", self.headers).json()
        rest = self.get(f"auth/sessions/?limit=2&cursor={page['next_cursor']}", self.headers).json()
        self.assertEqual((len(page["data"]), len(rest["data"]), rest["has_more"]), (2, 1, False))
        self.assert_problem(self.get("auth/sessions/?device=Phone", self.headers), 400, "parameter_invalid")

    def test_no_key_sees_them(self) -> None:
        key = key_headers(make_api_key(self.merchant))
        self.assert_problem(self.get("auth/sessions/", key), 403, "insufficient_scope")
