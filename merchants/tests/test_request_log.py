"""The request log: what is kept of a call and what is not, who sees it, and that no request waits for it."""

import json
from datetime import timedelta
from typing import Any
from unittest import mock
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.db import OperationalError, connection, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEvent, RequestLog
from audit.selectors.requests import idempotency_digest
from audit.serializers.requests import RequestDetailSerializer, RequestListSerializer, RequestSerializer
from audit.services.request_log import forget_read, read_waiting, store, tend_requests
from merchants.models import ApiKey
from merchants.services.key_use import keep_requests
from merchants.tests.base import AWAY, ApiTestCase
from merchants.tests.factories import PASSWORD, key_headers, make_api_key, make_member, make_merchant, person_headers
from onpoint_pay.kit import request_queue
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import from_public, new_id
from onpoint_pay.kit.tests.travel import travel

MANY = {name: "9999/1m" for name in settings.RATE_LIMITS}
PAYMENT = {
    "amount": "100.50",
    "payment_method": "mpesa",
    "phone": "0712345678",
    "email": "payer@example.com",
    "reference": "ORDER-1",
    "metadata": {"customer": "Wanjiku Kamau", "table": 7},
}

TURNED_AWAY = [(403, "ip_not_allowed"), (401, "api_key_revoked")]


@override_settings(RATE_LIMITS=MANY)
class LogTestCase(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant(live_enabled=True)
        self.owner = make_member(self.merchant)
        self.key = make_api_key(self.merchant)
        self.headers = key_headers(self.key)
        self.person = person_headers(self.owner)

    def kept(self) -> list[RequestLog]:
        """What the worker has stored, the oldest first."""
        keep_requests()
        return list(RequestLog.objects.order_by("id"))

    def waiting(self) -> int:
        return len(request_queue.first_calls(1000))


class Keeping(LogTestCase):
    def test_a_call_as_it_was(self) -> None:
        headers = self.headers | {"Idempotency-Key": '"order-1-first-try"', "X-Request-Id": "shop-17"}
        answer = self.post("payments/initiate/", PAYMENT, headers, REMOTE_ADDR="2001:db8:7:1::5")
        (row,) = self.kept()
        key = ApiKey.objects.get()
        self.assertEqual((row.id, row.actor), (from_public("req", answer["Request-Id"]), key.public_id))
        self.assertEqual((row.method, row.path, row.status), ("POST", "/api/v1/payments/initiate/", 400))
        self.assertEqual((row.error_code, row.mode), ("amount_not_whole", "test"))
        self.assertEqual(row.address, "2001:db8:7:1::/64")
        self.assertEqual((row.merchant_id, row.client_request_id), (self.merchant.id, "shop-17"))
        self.assertEqual(row.idempotency_digest, idempotency_digest("order-1-first-try"))
        self.assertLess(abs(row.at - now()), timedelta(minutes=5))
        self.assertEqual(self.waiting(), 0)

    def test_bodies_hold_nothing_of_the_payer_and_no_secret(self) -> None:
        self.post("payments/initiate/", PAYMENT, self.headers)
        (row,) = self.kept()
        sent, told = json.loads(row.request_body), json.loads(row.answer_body)
        self.assertEqual((sent["amount"], sent["reference"]), ("100.50", "ORDER-1"))
        self.assertEqual((sent["phone"], sent["email"]), ("2547****5678", "****"))
        self.assertEqual(sent["metadata"], {"customer": "****", "table": "****"})
        self.assertEqual(told["code"], "amount_not_whole")
        for personal in ("0712345678", "payer@", "Wanjiku"):
            self.assertNotIn(personal, row.request_body + row.answer_body)

    def test_no_bodies_of_sign_in_keys_credentials_and_people(self) -> None:
        calls = (
            ("auth/step-up/", {"password": PASSWORD}),
            ("api-keys/", {"name": "Shop"}),
            ("provider-accounts/", {"consumer_secret": "simulator-consumer-secret"}),
            ("privacy/erasures/", {"phone": "0712345678"}),
            ("team/", {"email": "somebody@example.com"}),
        )
        made = [self.post(path, body, self.person) for path, body in calls]
        rows = self.kept()
        self.assertEqual([row.path for row in rows], [f"/api/v1/{path}" for path, _ in calls])
        self.assertEqual({(row.request_body, row.answer_body) for row in rows}, {(None, None)})
        self.assertIn("key", made[1].json())

    def test_secrets_in_answers_are_masked(self) -> None:
        answer = self.post("merchant/rotate-webhook-secret/", {}, self.headers)
        (row,) = self.kept()
        self.assertNotIn(answer.json()["secret"], row.answer_body)

    def test_what_was_read_is_not_kept_again_but_refusals_are(self) -> None:
        self.get("merchant/", self.headers)
        self.get("payments/?status=nonsense&phone=0712345678", self.headers)
        read, refused = self.kept()
        self.assertEqual((read.request_body, read.answer_body), (None, None))
        self.assertEqual(json.loads(refused.answer_body)["code"], "parameter_invalid")
        self.assertNotIn("0712345678", refused.path + refused.answer_body)

    def test_paths_hold_no_phone_and_no_token(self) -> None:
        self.get("payments/status/ws_CO_21112026093000123712345678/", self.headers)
        self.get(f"payments/{'0123456789abcdef' * 2}/", self.headers)
        self.get("payments/%00pay%00/", self.headers)
        first, second, third = self.kept()
        self.assertNotIn("712345678", first.path + str(first.answer_body))
        self.assertNotIn("0123456789abcdef", second.path)
        self.assertEqual(third.path, "/api/v1/payments/pay/")

    def test_a_long_body_is_left_out(self) -> None:
        self.post("payments/initiate/", PAYMENT | {"description": "x" * 5000}, self.headers)
        self.assertEqual(json.loads(self.kept()[0].request_body), {"left_out": "longer than 4096 characters"})

    def test_nobody_known_nobody_told(self) -> None:
        self.get("merchant/")
        self.get("merchant/", key_headers("sk_test_nonsense"))
        self.post("auth/login/", {"email": self.owner.email, "password": PASSWORD})
        self.post("payments/mpesa/callback/", {"Body": {}})
        self.get("health/live/")
        self.assertEqual(self.waiting(), 0)

    def test_who_was_turned_away_is_there(self) -> None:
        ApiKey.objects.update(allowed_ips=["198.51.100.1/32"])
        self.get("merchant/", self.headers)
        other = make_api_key(self.merchant)
        ApiKey.objects.filter(last4=other[-4:]).update(revoked_at=now())
        self.get("merchant/", key_headers(other))
        self.assertEqual([(row.status, row.error_code) for row in self.kept()], TURNED_AWAY)
        self.assertEqual(set(ApiKey.objects.values_list("last_used_at", flat=True)), {None})


class NoWaiting(LogTestCase):
    def test_a_request_runs_no_statement_for_it(self) -> None:
        self.get("merchant/", self.headers)
        with CaptureQueriesContext(connection) as queries:
            self.get("merchant/", self.headers)
        told = " ".join(query["sql"] for query in queries)
        self.assertNotIn("request_log", told)
        self.assertFalse([query for query in queries if query["sql"].startswith(("INSERT", "UPDATE"))])
        self.assertEqual(self.waiting(), 2)

    def test_with_valkey_away_or_full_the_answer_is_the_same(self) -> None:
        with override_settings(CACHES=AWAY):
            self.assertEqual(self.get("merchant/", self.headers).status_code, 200)
        with mock.patch.object(request_queue, "MOST_WAITING", 2):
            for _ in range(4):
                self.assertEqual(self.get("merchant/", self.headers).status_code, 200)
        self.assertEqual(self.waiting(), 2)

    def test_whoever_dies_in_between_loses_nothing(self) -> None:
        for _ in range(3):
            self.get("merchant/", self.headers)
        dying = mock.patch("merchants.services.key_use.note_uses", side_effect=OperationalError)
        with dying, self.assertRaises(OperationalError), transaction.atomic():
            keep_requests()
        self.assertEqual((RequestLog.objects.count(), self.waiting()), (0, 3))
        # Stored, and dead before the list was shortened: the next run stores none twice.
        store(read_waiting().calls)
        self.assertEqual((len(self.kept()), self.waiting()), (3, 0))

    def test_two_workers_take_away_only_what_both_have_stored(self) -> None:
        self.get("merchant/", self.headers)
        first, second = read_waiting(), read_waiting()
        store(first.calls)
        forget_read(first)
        self.get("payments/", self.headers)
        store(second.calls)
        forget_read(second)
        self.assertEqual(self.waiting(), 1)
        self.assertEqual([row.path for row in self.kept()], ["/api/v1/merchant/", "/api/v1/payments/"])

    def test_one_that_cannot_be_stored_holds_up_nobody(self) -> None:
        client = request_queue._client()
        self.get("merchant/", self.headers)
        (good,) = request_queue.first_calls(5)
        strange = json.loads(good) | {"id": str(new_id()), "status": 99_999}
        client.lpush(request_queue._name(), b"nonsense", json.dumps(strange), b"{}")
        (row,) = self.kept()
        self.assertEqual((row.path, self.waiting()), ("/api/v1/merchant/", 0))

    def test_rows_are_never_changed(self) -> None:
        self.get("merchant/", self.headers)
        self.kept()
        with self.assertRaisesMessage(Exception, "append-only"), transaction.atomic():
            RequestLog.objects.update(path="/else/")


class Uses(LogTestCase):
    def use(self, peer: str = "198.51.100.7") -> ApiKey:
        self.get("merchant/", self.headers, REMOTE_ADDR=peer)
        keep_requests()
        return ApiKey.objects.get()

    def test_time_and_place_at_most_once_a_minute(self) -> None:
        self.assertIsNone(ApiKey.objects.get().last_used_at)
        first = self.use()
        self.assertEqual(first.last_used_place, "198.51.100.7")
        self.assertEqual(self.use("203.0.113.9").last_used_at, first.last_used_at)
        with travel(first.last_used_at + timedelta(seconds=61)):
            later = self.use("2001:db8:7:1::5")
        self.assertGreater(later.last_used_at, first.last_used_at)
        self.assertEqual(later.last_used_place, "2001:db8:7:1::/64")
        self.assertEqual(AuditEvent.objects.filter(action="api_key.first_used").count(), 1)
        shown = self.get("api-keys/", self.person).json()["data"][0]
        self.assertEqual(shown["last_used_ip"], "2001:db8:7:1::/64")

    def test_an_older_call_that_comes_late_changes_nothing(self) -> None:
        with travel(now() - timedelta(hours=1)):
            self.get("merchant/", self.headers)
        (late,) = request_queue.first_calls(5)
        cache.clear()
        last = self.use()
        request_queue._client().rpush(request_queue._name(), late)
        keep_requests()
        self.assertEqual(ApiKey.objects.get().last_used_at, last.last_used_at)


class Reading(LogTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.post("payments/initiate/", PAYMENT, self.headers | {"Idempotency-Key": "order-1-try"})
        self.get("merchant/", self.headers)
        self.get("merchant/", self.person)
        self.kept()

    def found(self, query: str = "", headers: dict[str, str] | None = None) -> list[dict[str, Any]]:
        return self.get(f"requests/{query}", headers or self.person).json()["data"]

    def test_the_list_and_one(self) -> None:
        answer = self.get("requests/?limit=2&include=total", self.person).json()
        self.assertEqual(set(answer), set(RequestListSerializer().fields))
        self.assertEqual(list(answer["data"][0]), list(RequestSerializer().fields))
        self.assertEqual(answer["data"][0]["actor"], self.owner.public_id)
        rest = self.found(f"?limit=2&cursor={answer['next_cursor']}")
        self.assertEqual([row["path"] for row in rest], ["/api/v1/payments/initiate/"])
        one = self.get(f"requests/{rest[0]['id']}/", self.person).json()
        self.assertEqual(list(one), list(RequestDetailSerializer().fields))
        self.assertEqual(one["request_body"]["reference"], "ORDER-1")

    def test_filters(self) -> None:
        key = ApiKey.objects.get().public_id
        for query, count in (
            ("method=POST", 1),
            ("status=400", 1),
            ("status=2xx", 2),
            ("error_code=amount_not_whole", 1),
            (f"actor={key}", 2),
            ("path=/api/v1/merchant/", 2),
            ("idempotency_key=order-1-try", 1),
            ("idempotency_key=another-key", 0),
            ("created_after=2020-01-01T00:00:00Z", 3),
            ("date_to=2020-01-01", 0),
        ):
            with self.subTest(query):
                self.assertEqual(len(self.found(f"?{query}")), count)
        for query in ("status=lots", "method=FETCH", "phone=0712345678", "path="):
            self.assert_problem(self.get(f"requests/?{query}", self.person), 400, "parameter_invalid")

    def test_who_sees_it(self) -> None:
        for role, status in (("admin", 200), ("developer", 200), ("finance", 403), ("support", 403), ("viewer", 403)):
            headers = person_headers(make_member(self.merchant, role))
            self.assertEqual(self.get("requests/", headers).status_code, status, role)
        scopes = [*ApiKey.objects.first().scopes, "keys:write", "audit:read"]
        self.assert_problem(
            self.get("requests/", key_headers(make_api_key(self.merchant, scopes=scopes))), 403, "insufficient_scope"
        )

    def test_strangers_see_nothing(self) -> None:
        theirs = self.found()[0]["id"]
        stranger = person_headers(make_member(make_merchant(live_enabled=True)))
        key = ApiKey.objects.get().public_id
        for headers in (stranger, person_headers(self.owner, mode="live")):
            self.assertEqual(self.found(headers=headers), [])
            self.assertEqual(self.found(f"?actor={key}", headers), [])
            self.assertEqual(self.found("?idempotency_key=order-1-try", headers), [])
            self.assert_problem(self.get(f"requests/{theirs}/", headers), 404, "resource_missing")


class Forgetting(LogTestCase):
    def partitions(self) -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'request_log'::regclass")
            return [name for (name,) in cursor.fetchall()]

    def make_partition(self, days_ago: int) -> str:
        day = (now() - timedelta(days=days_ago)).date()
        name = f"request_log_{day:%Y%m%d}"
        with connection.cursor() as cursor:
            cursor.execute(
                f"CREATE TABLE {name} PARTITION OF request_log FOR VALUES FROM (%s) TO (%s)",
                [f"{day}T00:00:00Z", f"{day + timedelta(days=1)}T00:00:00Z"],
            )
        return name

    def row(self, days_ago: int) -> UUID:
        fields = {"merchant_id": new_id(), "mode": "test", "actor": "a", "method": "GET", "path": "/", "ms": 1}
        return RequestLog.objects.create(id=new_id(), at=now() - timedelta(days=days_ago), status=200, **fields).id

    def test_days_end_after_thirty(self) -> None:
        old, last = self.make_partition(31), self.make_partition(30)
        gone, stays = self.row(31), self.row(30)
        in_rest = self.row(45)
        self.assertEqual(tend_requests()[1], 1)
        names = self.partitions()
        self.assertNotIn(old, names)
        self.assertIn(last, names)
        self.assertEqual(set(RequestLog.objects.values_list("id", flat=True)), {stays})
        self.assertNotIn(gone, {stays, in_rest})

    def test_days_are_made_ahead_once(self) -> None:
        tend_requests()
        self.assertEqual(tend_requests(), (0, 0))
        self.assertIn(f"request_log_{now() + timedelta(days=7):%Y%m%d}", self.partitions())
