"""Rotation and its overlap, expiry to the second, and reports of leaks."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.test import override_settings

from audit.models import AuditEvent
from merchants.models import ApiKey, IdempotencyKey, PersonMail, Session
from merchants.serializers.keys import ApiKeySerializer, ShownApiKeySerializer
from merchants.services.key_format import new_key
from merchants.tests.base import ApiTestCase, CommittingTestCase
from merchants.tests.factories import (
    key_headers,
    make_api_key,
    make_member,
    make_merchant,
    make_two_factor,
    person_headers,
)
from merchants.tests.people import mailed
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.tests.travel import travel
from webhooks.models import Event

MANY = {name: "9999/1m" for name in settings.RATE_LIMITS}
SECOND = timedelta(seconds=1)


class KeyCalls:
    def setUp(self) -> None:
        super().setUp()  # type: ignore[misc]
        self.merchant = make_merchant(live_enabled=True)
        self.owner = make_member(self.merchant)
        self.headers = person_headers(self.owner)

    def row(self, clear: str) -> ApiKey:
        return ApiKey.objects.get(last4=clear[-4:], prefix=clear[: clear.rindex("_") + 1])

    def rotate(self, clear: str, headers: dict[str, str] | None = None, **body: Any) -> Any:
        path = f"api-keys/{self.row(clear).public_id}/rotate/"
        with self.captureOnCommitCallbacks(execute=True):  # type: ignore[attr-defined]
            return self.post(path, body, headers or self.headers)  # type: ignore[attr-defined]

    def status(self, clear: str) -> tuple[int, str | None]:
        answer = self.get("merchant/", key_headers(clear))  # type: ignore[attr-defined]
        return answer.status_code, answer.json().get("code")


@override_settings(RATE_LIMITS=MANY)
class Rotation(KeyCalls, ApiTestCase):
    def test_both_work_until_the_overlap_ends_and_then_the_new_one(self) -> None:
        old = make_api_key(self.merchant, scopes=["payments:read"], kind="restricted", allowed_ips=["127.0.0.1/32"])
        self.assertEqual(self.status(old), (200, None))
        answer = self.rotate(old, overlap_hours=2)
        found = answer.json()
        self.assertEqual((answer.status_code, list(found)), (201, list(ShownApiKeySerializer().fields)))
        row = self.row(old)
        self.assertEqual(found["id"], to_public("key", row.rotated_to))
        for name in ("name", "kind", "scopes", "allowed_ips", "expires_at", "livemode"):
            self.assertEqual(found[name], self.get(f"api-keys/{row.public_id}/", self.headers).json()[name])
        self.assertEqual((self.status(old)[0], self.status(found["key"])[0]), (200, 200))
        with travel(row.overlap_ends_at - SECOND, tick=False):
            self.assertEqual(self.status(old), (200, None))
        # To the instant, and also from the cached record of before.
        with travel(row.overlap_ends_at, tick=False):
            self.assertEqual(self.status(old), (401, "api_key_rotated"))
            self.assertEqual(self.status(found["key"]), (200, None))

    def test_the_list_shows_it(self) -> None:
        old = make_api_key(self.merchant)
        new = self.rotate(old).json()
        listed = {key["id"]: key for key in self.get("api-keys/", self.headers).json()["data"]}
        shown = listed[self.row(old).public_id]
        self.assertEqual(list(shown), list(ApiKeySerializer().fields))
        self.assertEqual(shown["rotated_to"], new["id"])
        self.assertAlmostEqual(self.row(old).overlap_ends_at, now() + timedelta(hours=24), delta=timedelta(minutes=5))
        self.assertNotIn(old, str(listed))
        self.assertNotIn(new["key"], str(listed))

    def test_no_overlap_ends_it_at_once(self) -> None:
        old = make_api_key(self.merchant)
        self.assertEqual(self.status(old), (200, None))
        new = self.rotate(old, overlap_hours=0).json()["key"]
        self.assertEqual((self.status(old), self.status(new)), ((401, "api_key_rotated"), (200, None)))

    def test_what_is_refused(self) -> None:
        for hours in (-1, 721, 1.5, "soon", None):
            answer = self.rotate(make_api_key(self.merchant), overlap_hours=hours)
            self.assertEqual((answer.status_code, answer.json()["param"]), (400, "overlap_hours"), hours)
        self.assertEqual(self.rotate(make_api_key(self.merchant), overlap_hours=720).status_code, 201)
        once, ended = make_api_key(self.merchant), make_api_key(self.merchant)
        self.rotate(once)
        ApiKey.objects.filter(id=self.row(ended).id).update(revoked_at=now())
        expired = make_api_key(self.merchant, expires_at=now() + timedelta(hours=1))
        before = ApiKey.objects.count()
        self.assert_problem(self.rotate(once), 409, "state_conflict")
        self.assert_problem(self.rotate(ended), 409, "state_conflict")
        headers = key_headers(make_api_key(self.merchant, scopes=[*ApiKey.objects.first().scopes, "keys:write"]))
        with travel(now() + timedelta(hours=1, seconds=1)):
            self.assert_problem(self.rotate(expired, headers), 409, "state_conflict")
        self.assertEqual(ApiKey.objects.count(), before + 1)

    def test_a_key_gets_no_stronger_one_by_it(self) -> None:
        strong = make_api_key(self.merchant, scopes=["payments:write", "payouts:approve"])
        weak = key_headers(make_api_key(self.merchant, scopes=["keys:write", "payments:write"]))
        developer = person_headers(make_member(self.merchant, "developer"))
        for headers in (weak, developer):
            found = self.assert_problem(self.rotate(strong, headers), 403, "insufficient_scope")
            self.assertEqual(found["required_scope"], "payouts:approve")
        self.assertIsNone(self.row(strong).rotated_to)
        self.assert_problem(self.rotate(strong, key_headers(make_api_key(self.merchant))), 403, "insufficient_scope")

    def test_a_live_key_asks_for_as_much_as_making_one(self) -> None:
        key = make_api_key(self.merchant, mode="live")
        live = person_headers(self.owner, mode="live")
        self.assert_problem(self.rotate(key, live), 403, "two_factor_required")
        make_two_factor(self.owner)
        Session.objects.update(proved_at=now() - timedelta(minutes=11))
        self.assert_problem(self.rotate(key, live), 403, "step_up_required")
        Session.objects.update(proved_at=now())
        self.assertTrue(self.rotate(key, live).json()["key"].startswith("sk_live_"))

    def test_strangers_find_nothing(self) -> None:
        key = make_api_key(self.merchant)
        stranger = person_headers(make_member(make_merchant()))
        for headers in (stranger, person_headers(self.owner, mode="live")):
            self.assert_problem(self.rotate(key, headers), 404, "resource_missing")
        self.assertIsNone(self.row(key).rotated_to)

    def test_trail_and_webhooks_hear_of_it_without_the_key(self) -> None:
        old = make_api_key(self.merchant)
        new = self.rotate(old).json()
        links = AuditEvent.objects.filter(action__in=["api_key.rotated", "api_key.created"]).order_by("seq")
        self.assertEqual([link.action for link in links][-2:], ["api_key.created", "api_key.rotated"])
        events = list(Event.objects.filter(type__startswith="api_key.").order_by("id"))
        self.assertEqual([event.type for event in events], ["api_key.created", "api_key.rotated"])
        self.assertIn(new["id"], events[1].body)
        told = str([link.detail for link in links]) + "".join(event.body for event in events)
        self.assertNotIn(new["key"][8:20], told)

    def test_revoking_ends_both_sides_at_once(self) -> None:
        old = make_api_key(self.merchant)
        new = self.rotate(old).json()
        for clear in (old, new["key"]):
            with self.captureOnCommitCallbacks(execute=True):
                self.post(f"api-keys/{self.row(clear).public_id}/revoke/", headers=self.headers)
            self.assertEqual(self.status(clear), (401, "api_key_revoked"))
        self.assertEqual(Event.objects.filter(type="api_key.revoked").count(), 2)

    def test_expiry_is_kept_to_the_second(self) -> None:
        ends = now() + timedelta(hours=1)
        key = make_api_key(self.merchant, expires_at=ends)
        self.assertEqual(self.status(key), (200, None))
        with travel(ends - SECOND, tick=False):
            self.assertEqual(self.status(key), (200, None))
        for at in (ends, ends + SECOND):
            with travel(at, tick=False):
                self.assertEqual(self.status(key), (401, "api_key_expired"))


class Repeats(KeyCalls, CommittingTestCase):
    def test_a_repeat_shows_the_same_key_which_is_sealed_meanwhile(self) -> None:
        old = make_api_key(self.merchant)
        path, headers = (
            f"api-keys/{self.row(old).public_id}/rotate/",
            self.headers | {"Idempotency-Key": "rotate-once-1"},
        )
        first, again = (self.post(path, {"overlap_hours": 1}, headers) for _ in range(2))
        self.assertEqual((first.status_code, again.content), (201, first.content), first.content)
        self.assertEqual(ApiKey.objects.count(), 2)
        self.assertNotIn(first.json()["key"], IdempotencyKey.objects.get().body)


@override_settings(RATE_LIMITS=MANY)
class Reports(KeyCalls, ApiTestCase):
    def report(self, text: Any) -> Any:
        with self.captureOnCommitCallbacks(execute=True):
            return self.post("api-keys/report/", {"key": text})

    def test_the_answer_is_the_same_for_everything(self) -> None:
        real, ended = make_api_key(self.merchant, mode="live"), make_api_key(self.merchant)
        ApiKey.objects.filter(id=self.row(ended).id).update(revoked_at=now())
        answers = {self.report(text).content for text in (real, real, ended, new_key("secret", "live"), "nonsense")}
        self.assertEqual(answers, {b'{"object":"key_report","received":true}'})
        self.assert_problem(self.report(""), 400, "parameter_missing")
        self.assert_problem(self.post("api-keys/report/"), 400, "parameter_missing")
        self.assert_problem(self.post("api-keys/report/", {"key": 12345}), 400, "parameter_invalid")

    def test_a_live_key_is_revoked_and_everybody_told_once(self) -> None:
        key = make_api_key(self.merchant, mode="live")
        self.assertEqual(self.status(key), (200, None))
        for _ in range(2):
            self.report(key)
        self.assertEqual(self.status(key), (401, "api_key_revoked"))
        row = self.row(key)
        self.assertEqual((row.reported_at is not None, row.revoked_at is not None), (True, True))
        actions = AuditEvent.objects.filter(object=row.public_id, actor="anonymous").order_by("seq")
        self.assertEqual([link.action for link in actions], ["api_key.reported", "api_key.revoked"])
        self.assertEqual(Event.objects.filter(type="api_key.revoked").count(), 1)
        (message,) = mailed("An API key of yours was found and has been revoked")
        self.assertEqual(message.to, [self.owner.email])
        self.assertIn(row.public_id, str(message.body))
        self.assertNotIn(key[8:20], str(message.body) + message.subject)

    def test_keys_without_live_money_are_flagged_and_go_on(self) -> None:
        for mode, kind in (("test", "secret"), ("test", "restricted"), ("live", "publishable")):
            key = make_api_key(self.merchant, mode=mode, kind=kind, scopes=None if kind == "secret" else [])
            self.report(key)
            row = self.row(key)
            self.assertEqual((row.reported_at is not None, row.revoked_at), (True, None))
        self.assertEqual(len(mailed("An API key of yours was found")), 3)
        self.assertEqual(Event.objects.count(), 0)

    def test_knowing_the_end_of_a_key_ends_nothing(self) -> None:
        key = make_api_key(self.merchant, mode="live")
        for text in (key[-4:], key[:-1], key.lower(), key.replace("sk_", "rk_"), self.row(key).public_id):
            self.report(text)
        self.assertEqual((self.row(key).revoked_at, self.row(key).reported_at), (None, None))
        # Spaces around it are no part of a key.
        self.report(f" {key} ")
        self.assertIsNotNone(self.row(key).revoked_at)

    @override_settings(RATE_LIMITS=settings.RATE_LIMITS | {"auth": "2/1m"})
    def test_guessing_is_counted_by_address(self) -> None:
        for _ in range(2):
            self.assertEqual(self.report("nonsense").status_code, 200)
        self.assert_problem(self.report("nonsense"), 429, "rate_limited")
        self.assertEqual(PersonMail.objects.count(), 0)
