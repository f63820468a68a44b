"""Around every request: ids, paths without their slash, true addresses, one shape for every refusal, rate limits."""

import json
from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import include, path

from merchants.tests.base import ApiTestCase
from merchants.tests.factories import PASSWORD, key_headers, make_api_key, make_member, make_merchant, sign_in
from onpoint_pay import urls
from payments.models import Payment

LIMITS = settings.RATE_LIMITS | {
    "api": "3/1m",
    "initiate": "120/1m",
    "status": "2/1m",
    "auth": "10/1m",
    "login": "5/15m",
    "callback": "120/1m",
}
NOWHERE = {"LOCATION": "redis://127.0.0.1:9/0", "OPTIONS": {"socket_connect_timeout": 0.2}}
AWAY = {
    "default": {"BACKEND": "onpoint_pay.kit.cache.KeptRedisCache", **NOWHERE},
    "counters": {"BACKEND": "onpoint_pay.kit.cache.CountingCache", **NOWHERE},
}


def crash(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("the secret key is sk_test_0123456789abcdef")


def suspect(request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation


urlpatterns = [
    path("api/v1/crash/", crash),
    path("api/v1/suspect/", suspect),
    path("", include(urls.urlpatterns)),
]
handler400, handler404, handler500 = urls.handler400, urls.handler404, urls.handler500


class MiddlewareTestCase(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant()
        self.headers = key_headers(make_api_key(self.merchant))

    def access_lines(self, work: Any) -> list[dict[str, Any]]:
        """What the access log said while `work` ran."""
        with self.assertLogs("access", "INFO") as caught:
            work()
        return [record.msg for record in caught.records]  # type: ignore[misc]


class RequestIds(MiddlewareTestCase):
    def test_every_answer_has_one_of_its_own(self) -> None:
        answers = [
            self.get("merchant/", self.headers),
            self.get("merchant/"),
            self.get("nowhere/"),
            self.get("health/live/"),
            self.client.get("/api/v1/hooks/x/collect/"),
            self.post("payments/initiate/", {"x": "y" * 300_000}, self.headers),
        ]
        for answer in answers:
            self.assertRegex(answer["Request-Id"], r"^req_[0-9A-HJKMNP-TV-Z]{26}$")
        self.assertEqual(len({answer["Request-Id"] for answer in answers}), len(answers))
        self.assertEqual(answers[1].json()["request_id"], answers[1]["Request-Id"])

    def test_the_callers_own_id_is_only_noted(self) -> None:
        headers = self.headers | {"X-Request-Id": "mine-" + "x" * 100}
        (line,) = self.access_lines(lambda: self.get("merchant/", headers))
        self.assertEqual(line["client_request_id"], "mine-" + "x" * 59)
        self.assertNotIn("mine", line["request_id"])

    def test_version_and_caching(self) -> None:
        answer = self.get("merchant/", self.headers)
        self.assertEqual((answer["OnPoint-Version"], answer["Cache-Control"]), ("2026-11-21", "no-store"))

    def test_one_line_for_each_request(self) -> None:
        (line,) = self.access_lines(lambda: self.get("merchant/", self.headers))
        self.assertEqual(
            {name: line[name] for name in ("method", "path", "status", "address")},
            {"method": "GET", "path": "/api/v1/merchant/", "status": 200, "address": "127.0.0.1"},
        )
        with self.assertNoLogs("access"):
            self.get("health/live/")

    def test_tokens_of_callback_addresses_are_not_logged(self) -> None:
        token = "0123456789abcdef" * 2
        for address in (f"/api/v1/hooks/{token}/collect/", f"/api/v1/payments/mpesa/callback/{token}"):
            (line,) = self.access_lines(lambda address=address: self.client.post(address, b"{}", "application/json"))
            self.assertEqual(line["path"], address.replace(token, "****"))


class Paths(MiddlewareTestCase):
    def test_api_paths_are_served_without_their_slash(self) -> None:
        for address in ("merchant", "payments", "health/live"):
            with self.subTest(address=address):
                self.assertEqual(self.get(address, self.headers).status_code, 200)
        self.assertEqual(self.get("payments?limit=5", self.headers).status_code, 200)
        answer = self.client.post(
            "/api/v1/payments/status", {"reference": "A"}, "application/json", headers=self.headers
        )
        self.assert_problem(answer, 404, "payment_not_found")

    def test_other_paths_are_not_changed(self) -> None:
        self.assertEqual(self.client.get("/docs/errors/amount_invalid").status_code, 200)
        self.assertEqual(self.client.get("/docs/errors/amount_invalid/").status_code, 404)


class Refusals(MiddlewareTestCase):
    def test_a_path_that_is_none(self) -> None:
        for address in ("/api/v1/nowhere/", "/api/v2/", "/", "/nowhere", "/api/v1/%ff/", "/docs/errors/nonsense"):
            with self.subTest(address=address):
                found = self.assert_problem(self.client.get(address), 404, "route_not_found")
                self.assertTrue(found["doc_url"].endswith("/docs/errors/route_not_found"))

    def test_a_method_that_is_not_served(self) -> None:
        for address in ("/api/v1/merchant/", "/api/v1/payments/", "/api/v1/health/live/", "/api/v1/hooks/x/collect/"):
            with self.subTest(address=address):
                self.assert_problem(self.client.put(address, headers=self.headers), 405, "method_not_allowed")

    @override_settings(ROOT_URLCONF=__name__)
    def test_a_crash(self) -> None:
        with self.assertLogs("access", "ERROR") as caught:
            answer = self.client.get("/api/v1/crash/")
        found = self.assert_problem(answer, 500, "internal_error")
        self.assertTrue(found["retryable"])
        self.assertNotIn("secret", json.dumps(found))
        self.assertEqual(caught.records[0].msg["event"], "crash")  # type: ignore[index]
        self.assertEqual(answer["Request-Id"], found["request_id"])

    @override_settings(ROOT_URLCONF=__name__)
    def test_a_request_that_cannot_be_read(self) -> None:
        self.assert_problem(self.get("suspect/"), 400, "parameter_invalid")

    def test_a_body_that_is_too_large(self) -> None:
        for address in ("/api/v1/payments/initiate/", "/api/v1/auth/login/", "/api/v1/nowhere/"):
            with self.subTest(address=address):
                answer = self.client.post(address, b"x" * (256 * 1024 + 1), "application/json", headers=self.headers)
                self.assert_problem(answer, 413, "body_too_large")

    def test_a_host_name_that_is_not_ours(self) -> None:
        found = self.assert_problem(
            self.client.get("/api/v1/payments/", headers={"Host": "evil.example"}), 400, "parameter_invalid"
        )
        self.assertIn("host", found["detail"])
        self.assertEqual(self.client.get("/api/v1/health/live", headers={"Host": "10.0.0.7"}).status_code, 200)

    def test_an_accept_header_we_cannot_serve(self) -> None:
        answer = self.get("merchant/", self.headers | {"Accept": "application/xml"})
        self.assert_problem(answer, 406, "not_acceptable")

    def test_the_shape(self) -> None:
        found = self.get("merchant/").json()
        self.assertEqual(
            set(found),
            {
                "type",
                "title",
                "status",
                "detail",
                "instance",
                "code",
                "param",
                "errors",
                "customer_message",
                "next_step",
                "retryable",
                "request_id",
                "doc_url",
            },
        )
        self.assertEqual(
            (found["type"], found["instance"], found["status"]), (found["doc_url"], "/api/v1/merchant/", 401)
        )

    def test_the_page_behind_each_code(self) -> None:
        page = self.client.get("/docs/errors/amount_not_whole")
        self.assertContains(page, "The amount must be whole shillings")


class KeysInAddresses(MiddlewareTestCase):
    """Whoever puts a key or token into the query is told so at once, on every route, and no log repeats it."""

    def queries(self) -> list[str]:
        key = self.headers["Authorization"].removeprefix("Bearer ")
        token = sign_in(make_member(self.merchant)).tokens.access
        hidden = "".join(f"%{ord(letter):02x}" for letter in key)
        return [
            f"api_key={key}",
            f"q={key}",
            f"q={hidden}",
            f"limit=5&x={key}&y=1",
            f"{key}",
            f"token={token}",
            "access_token=x",
            "API-KEY=x",
            "api%5Fkey=x",
            "secret_key=x",
            "authorization=Basic+x",
            "secret=whsec_" + "x" * 32,
        ]

    def test_they_are_refused_everywhere_and_repeated_nowhere(self) -> None:
        queries, told = self.queries(), ""
        with self.assertLogs(level="DEBUG") as caught:
            for address in (
                "merchant/",
                "auth/login/",
                "health/live/",
                "docs/",
                "payments/mpesa/callback/",
                "nowhere/",
            ):
                for query in queries:
                    with self.subTest(address=address, query=query[:16]):
                        answer = self.get(f"{address}?{query}", self.headers)
                        found = self.assert_problem(answer, 401, "api_key_invalid")
                        self.assertIn("Authorization header", found["detail"])
                        told += answer.content.decode() + str(answer.headers)
        told += " ".join(f"{record.msg} {record.args}" for record in caught.records)
        self.assertIn("/api/v1/merchant/", told)
        for query in queries:
            for secret in (query, query.partition("=")[2]):
                self.assertFalse(len(secret) > 8 and secret in told, secret)

    def test_nothing_is_done_for_them(self) -> None:
        body = {"amount": 100, "payment_method": "mpesa", "phone": "254712345678", "reference": "ORDER-1"}
        for query in self.queries():
            answer = self.post(f"payments/initiate/?{query}", body, self.headers)
            self.assert_problem(answer, 401, "api_key_invalid")
        self.assertEqual(Payment.objects.count(), 0)

    def test_other_queries_are_none(self) -> None:
        for query in ("limit=5", "q=task_test_x", "reference=ORDER-1", "q=a%26api_key%3Dx", "phone=254712345678", ""):
            with self.subTest(query=query):
                self.assertEqual(self.get(f"payments/?{query}", self.headers).status_code, 200)


class RateLimits(MiddlewareTestCase):
    @override_settings(RATE_LIMITS=LIMITS)
    def test_the_headers_count_down(self) -> None:
        left = [self.get("merchant/", self.headers)["X-RateLimit-Remaining"] for _ in range(3)]
        self.assertEqual(left, ["2", "1", "0"])
        answer = self.get("merchant/", self.headers)
        self.assert_problem(answer, 429, "rate_limited")
        self.assertEqual(answer["RateLimit-Policy"], '"api";q=3;w=60')
        self.assertRegex(answer["RateLimit"], r'^"api";r=0;t=\d+$')
        self.assertEqual((answer["X-RateLimit-Limit"], answer["X-RateLimit-Remaining"]), ("3", "0"))
        self.assertTrue(1 <= int(answer["Retry-After"]) <= 60)
        self.assertTrue(answer.json()["retryable"])

    @override_settings(RATE_LIMITS=LIMITS)
    def test_the_tightest_policy_is_told(self) -> None:
        answer = self.post("payments/status/", {"reference": "A"}, self.headers)
        self.assertEqual(answer["RateLimit-Policy"], '"api";q=3;w=60, "status";q=2;w=60')
        self.assertRegex(answer["RateLimit"], r'^"status";r=1;t=\d+$')

    @override_settings(RATE_LIMITS=LIMITS)
    def test_each_key_and_mode_has_its_own_count(self) -> None:
        for _ in range(4):
            self.get("merchant/", self.headers)
        other = key_headers(make_api_key(self.merchant))
        self.assertEqual(self.get("merchant/", other).status_code, 200)

    @override_settings(RATE_LIMITS=LIMITS)
    def test_merchant_policies_are_shared_by_its_keys(self) -> None:
        for _ in range(2):
            self.post("payments/status/", {"reference": "A"}, self.headers)
        other = key_headers(make_api_key(self.merchant))
        self.assert_problem(self.post("payments/status/", {"reference": "A"}, other), 429, "rate_limited")
        stranger = key_headers(make_api_key(make_merchant()))
        self.assert_problem(self.post("payments/status/", {"reference": "A"}, stranger), 404, "payment_not_found")

    @override_settings(RATE_LIMITS=LIMITS | {"auth": "2/1m"})
    def test_sign_in_is_counted_by_address(self) -> None:
        body = {"email": "nobody@example.com", "password": "x"}
        codes = [self.post("auth/login/", body).status_code for _ in range(3)]
        self.assertEqual(codes, [401, 401, 429])
        elsewhere = self.client.post("/api/v1/auth/login/", body, "application/json", REMOTE_ADDR="203.0.113.9")
        self.assertEqual(elsewhere.status_code, 401)

    @override_settings(RATE_LIMITS=LIMITS, CACHES=AWAY)
    def test_without_the_store_requests_pass(self) -> None:
        for _ in range(5):
            answer = self.get("merchant/", self.headers)
            self.assertEqual(answer.status_code, 200)
            self.assertNotIn("RateLimit", answer)

    @override_settings(RATE_LIMITS=LIMITS | {"auth": "1/1m", "login": "1/15m"}, CACHES=AWAY)
    def test_without_the_store_nobody_signs_in_and_it_is_logged_each_time(self) -> None:
        person = make_member(self.merchant)
        for _ in range(3):
            with self.assertLogs("onpoint_pay.kit", "WARNING") as caught:
                answer = self.post("auth/login/", {"email": person.email, "password": PASSWORD})
            self.assert_problem(answer, 503, "sign_in_unavailable")
            told = [record.msg["event"] for record in caught.records]  # type: ignore[index]
            self.assertEqual(told, ["rate_limit_store_away", "lockout_store_away"])
        self.assertFalse(person.sessions.exists())

    @override_settings(RATE_LIMITS=LIMITS)
    def test_the_headers_are_lists_as_the_draft_has_them(self) -> None:
        answer = self.post("payments/status/", {"reference": "A"}, self.headers)
        policy = r'"[a-z_]+";q=[1-9][0-9]*;w=[1-9][0-9]*'
        self.assertRegex(answer["RateLimit-Policy"], f"^{policy}(, {policy})*$")
        self.assertRegex(answer["RateLimit"], r'^"[a-z_]+";r=[0-9]+;t=[0-9]+$')
        name = answer["RateLimit"].split(";")[0]
        self.assertIn(name, answer["RateLimit-Policy"])
        for header in ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"):
            self.assertTrue(answer[header].isdigit())
