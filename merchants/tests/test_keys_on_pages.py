"""Publishable keys in a merchant's page: whose pages may use one, and what a browser lets them read."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.test import SimpleTestCase, override_settings

from audit.models import AuditEvent
from merchants.models import ApiKey, Session
from merchants.tests.base import ApiTestCase
from merchants.tests.factories import key_headers, make_api_key, make_member, make_merchant, person_headers
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.cross_origin import plain_origin
from payments.tests.factories import make_payment

MANY = {name: "9999/1m" for name in settings.RATE_LIMITS}
SHOP = "https://shop.example"
ELSEWHERE = "https://evil.example"
ALLOW = "Access-Control-Allow-Origin"


class Spellings(SimpleTestCase):
    def test_one_spelling(self) -> None:
        for text, found in {
            SHOP: SHOP,
            "https://Shop.Example:443": SHOP,
            "https://shop.example:8443": "https://shop.example:8443",
            "https://münchen.example": "https://xn--mnchen-3ya.example",
            "http://localhost:3000": "http://localhost:3000",
            "http://127.0.0.1": "http://127.0.0.1",
            "https://[2001:db8::1]": "https://[2001:db8::1]",
        }.items():
            with self.subTest(text=text):
                self.assertEqual(plain_origin(text), found)

    def test_what_is_none(self) -> None:
        for text in (
            "null",
            "*",
            "",
            "shop.example",
            "http://shop.example",
            "https://shop.example/",
            "https://shop.example/path",
            "https://shop.example?x=1",
            "https://me@shop.example",
            "https://*.example",
            "https://shop.example:port",
            "https://shop.example:99999",
            "ftp://shop.example",
            "https://",
            "https://shop example",
            "https://shop.example\nx: y",
        ):
            with self.subTest(text=text):
                self.assertIsNone(plain_origin(text))


@override_settings(RATE_LIMITS=MANY)
class Pages(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant(live_enabled=True)
        self.payment = make_payment(self.merchant)
        self.path = f"payments/status/{self.payment.provider_reference}/"

    def from_page(self, key: str, origin: str = SHOP, path: str | None = None) -> Any:
        return self.get(path or self.path, key_headers(key) | {"Origin": origin})

    def beforehand(self, path: str, method: str = "GET") -> Any:
        headers = {"Origin": SHOP, "Access-Control-Request-Method": method}
        return self.client.generic("OPTIONS", f"/api/v1/{path}", headers=headers)

    def test_the_browser_is_told_beforehand(self) -> None:
        answer = self.beforehand(self.path)
        self.assertEqual((answer.status_code, answer.content), (204, b""))
        self.assertEqual((answer[ALLOW], answer["Access-Control-Allow-Methods"]), (SHOP, "GET, HEAD"))
        self.assertIn("Authorization", answer["Access-Control-Allow-Headers"])
        self.assertIn("Origin", answer["Vary"])
        self.assertNotIn("Access-Control-Allow-Credentials", answer)

    def test_no_other_route_is_open_to_pages(self) -> None:
        for path in ("payments/", "payments/initiate/", "merchant/", "auth/login/", "api-keys/"):
            with self.subTest(path=path):
                self.assertNotIn(ALLOW, self.beforehand(path, "POST"))
                self.assertNotIn(ALLOW, self.from_page(make_api_key(self.merchant), path=path))

    def test_a_page_reads_what_a_publishable_key_is_told(self) -> None:
        key = make_api_key(self.merchant, kind="publishable")
        answer = self.from_page(key)
        self.assertEqual((answer.status_code, answer[ALLOW]), (200, SHOP))
        self.assertIn("Request-Id", answer["Access-Control-Expose-Headers"])
        ended = make_api_key(self.merchant, kind="publishable", expires_at=now() + timedelta(seconds=1))
        ApiKey.objects.filter(last4=ended[-4:]).update(revoked_at=now())
        refused = self.from_page(ended)
        self.assertEqual((refused.status_code, refused[ALLOW]), (401, SHOP))

    def test_a_secret_key_stays_unreadable_in_a_page(self) -> None:
        answer = self.from_page(make_api_key(self.merchant))
        self.assertEqual(answer.status_code, 200)
        self.assertNotIn(ALLOW, answer)
        self.assertNotIn(ALLOW, self.get(self.path, key_headers(make_api_key(self.merchant, kind="publishable"))))

    def test_only_pages_on_the_list(self) -> None:
        key = make_api_key(self.merchant, kind="publishable", allowed_origins=[SHOP])
        self.assertEqual(self.from_page(key).status_code, 200)
        self.assertEqual(self.from_page(key, "HTTPS://SHOP.EXAMPLE:443").status_code, 200)
        for origin in (ELSEWHERE, "null", "https://shop.example.evil.example", "http://shop.example"):
            with self.subTest(origin=origin):
                self.assert_problem(self.from_page(key, origin), 403, "permission_denied")
        self.assertEqual(AuditEvent.objects.filter(action="permission.refused").count(), 1)


@override_settings(RATE_LIMITS=MANY)
class Lists(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant()
        self.owner = person_headers(make_member(self.merchant))

    def make(self, **more: Any) -> Any:
        return self.post("api-keys/", {"name": "Page", "kind": "publishable"} | more, self.owner)

    def test_made_with_one_and_kept_when_rotated(self) -> None:
        found = self.make(allowed_origins=["https://Shop.example:443"]).json()
        self.assertEqual(found["allowed_origins"], [SHOP])
        again = self.post(f"api-keys/{found['id']}/rotate/", {}, self.owner).json()
        self.assertEqual(again["allowed_origins"], [SHOP])

    def test_changed_from_the_next_request(self) -> None:
        found = self.make().json()
        payment = make_payment(self.merchant)
        page = key_headers(found["key"]) | {"Origin": ELSEWHERE}
        self.assertEqual(self.get(f"payments/status/{payment.provider_reference}/", page).status_code, 200)
        with self.captureOnCommitCallbacks(execute=True):
            answer = self.patch(f"api-keys/{found['id']}/", {"allowed_origins": [SHOP]}, self.owner)
        self.assertEqual(answer.json()["allowed_origins"], [SHOP])
        self.assertEqual(self.get(f"payments/status/{payment.provider_reference}/", page).status_code, 403)
        told = AuditEvent.objects.get(action="api_key.origins_changed")
        self.assertNotIn("shop", str(told.detail))

    def test_a_change_needs_the_password_again(self) -> None:
        found = self.make().json()
        Session.objects.update(proved_at=now().replace(year=2020))
        change = self.patch(f"api-keys/{found['id']}/", {"allowed_origins": [SHOP]}, self.owner)
        self.assert_problem(change, 403, "step_up_required")
        self.assertEqual(ApiKey.objects.get().allowed_origins, [])

    def test_only_publishable_keys_have_them(self) -> None:
        found = self.assert_problem(self.make(kind="secret", allowed_origins=[SHOP]), 400, "parameter_invalid")
        self.assertEqual(found["param"], "allowed_origins")
        secret = make_api_key(self.merchant)
        key = ApiKey.objects.get(last4=secret[-4:])
        change = self.patch(f"api-keys/{key.public_id}/", {"allowed_origins": [SHOP]}, self.owner)
        self.assert_problem(change, 400, "parameter_invalid")
        with self.assertRaises(IntegrityError), transaction.atomic():
            ApiKey.objects.update(allowed_origins=[SHOP])
        self.assertEqual(ApiKey.objects.get().allowed_origins, [])

    def test_what_is_no_origin(self) -> None:
        for origin in ("*", "http://shop.example", "https://shop.example/pay", 7):
            with self.subTest(origin=origin):
                self.assert_problem(self.make(allowed_origins=[origin]), 400, "parameter_invalid")
        self.assertFalse(ApiKey.objects.exists())
