"""What keys of each kind reach: restricted ones without the scope, publishable ones against every route."""

from typing import Any

from django.conf import settings
from django.test import override_settings

from merchants.models import ApiKey, Scope
from merchants.services.api_keys import create_api_key
from merchants.services.key_format import is_well_formed
from merchants.tests.base import ApiTestCase
from merchants.tests.factories import (
    key_headers,
    make_api_key,
    make_member,
    make_merchant,
    make_two_factor,
    person_headers,
)
from payments.serializers.public import SHOWN, PaymentStateSerializer
from payments.tests.factories import make_payment
from tests.outsiders import CASES, route_names

MANY = {name: "9999/1m" for name in settings.RATE_LIMITS}
PUBLIC = "payment-by-checkout"
# Whose views need no scope but that of somebody signed in.
PERSONAL = ("permission_denied", "insufficient_scope")


@override_settings(RATE_LIMITS=MANY)
class EveryRoute(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant(live_enabled=True)

    def closed(self) -> list[tuple[str, str, str]]:
        """Name, method and path of every operation that asks who is calling."""
        found = [
            (name, method, f"/{path}".replace("<", "x").replace(">", "x"))
            for name, path, methods in route_names()
            for method in methods
        ]
        return [each for each in found if self.ask(each[1], each[2]).status_code == 401]

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None) -> Any:
        return self.client.generic(method.upper(), path, b"{}", "application/json", headers=headers)

    def assert_refused(self, headers: dict[str, str], name: str, method: str, path: str) -> None:
        answer = self.ask(method, path, headers)
        with self.subTest(route=name, method=method):
            self.assertEqual(answer.status_code, 403, answer.content)
            self.assertIn(answer.json()["code"], PERSONAL)

    def test_a_publishable_key_reaches_one_route(self) -> None:
        routes = self.closed()
        self.assertGreater(len(routes), 90)
        for mode in ("test", "live"):
            headers = key_headers(make_api_key(self.merchant, mode=mode, kind="publishable"))
            for name, method, path in routes:
                if name != PUBLIC and not (mode == "live" and path.startswith("/api/v1/test/")):
                    self.assert_refused(headers, name, method, path)

    def test_a_restricted_key_is_let_in_nowhere_without_the_scope(self) -> None:
        """First with no scope at all, then each operation with every scope but the one it asked for."""
        bare = key_headers(make_api_key(self.merchant, scopes=[], kind="restricted"))
        needed: dict[str, list[tuple[str, str, str]]] = {}
        for name, method, path in self.closed():
            answer = self.ask(method, path, bare)
            self.assertEqual(answer.status_code, 403, (name, answer.content))
            needed.setdefault(answer.json().get("required_scope") or "", []).append((name, method, path))
        self.assertGreater(len(set(needed) & set(Scope.values)), 15)
        for scope in set(needed) & set(Scope.values):
            others = [other for other in Scope.values if other != scope]
            without = key_headers(make_api_key(self.merchant, scopes=others, kind="restricted"))
            for name, method, path in needed[scope]:
                with self.subTest(route=name, method=method):
                    found = self.assert_problem(self.ask(method, path, without), 403, "insufficient_scope")
                    self.assertEqual(found["required_scope"], scope)


class Publishable(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant(live_enabled=True)
        self.owner = make_member(self.merchant)
        self.key = make_api_key(self.merchant, kind="publishable")
        self.payment = make_payment(self.merchant, phone="254712345678", email="payer@example.com", reference="ORDER-9")

    def state(self, key: str | None = None, **extra: Any) -> Any:
        return self.get(f"payments/status/{self.payment.provider_reference}/", key_headers(key or self.key), **extra)

    def test_it_is_made_without_scopes(self) -> None:
        found = self.post("api-keys/", {"name": "Page", "kind": "publishable"}, person_headers(self.owner)).json()
        self.assertTrue(found["key"].startswith("pk_test_"))
        self.assertTrue(is_well_formed(found["key"]))
        self.assertEqual((found["kind"], found["scopes"]), ("publishable", []))

    def test_the_state_tells_nothing_of_payer_or_money(self) -> None:
        answer = self.state()
        self.assertEqual(answer.status_code, 200, answer.content)
        self.assertEqual(tuple(answer.json()), SHOWN)
        self.assertEqual(list(PaymentStateSerializer().fields), list(SHOWN))
        for personal in ("254712345678", "payer@example.com", "ORDER-9", "100.00", self.payment.reference):
            self.assertNotIn(personal, answer.content.decode())
        self.assertIn("phone", self.state(make_api_key(self.merchant)).json())

    def test_others_see_nothing_with_theirs(self) -> None:
        for merchant, mode in ((make_merchant(live_enabled=True), "test"), (self.merchant, "live")):
            key = make_api_key(merchant, mode=mode, kind="publishable")
            self.assert_problem(self.state(key), 404, "payment_not_found")

    @override_settings(RATE_LIMITS=MANY | {"checkout": "2/1m", "status": "3/1m"})
    def test_visitors_are_counted_by_address_and_not_against_the_merchant(self) -> None:
        for _ in range(2):
            self.assertEqual(self.state().status_code, 200)
        self.assert_problem(self.state(), 429, "rate_limited")
        for number in range(1, 5):
            self.assertEqual(self.state(REMOTE_ADDR=f"198.51.100.{number}").status_code, 200)
        self.assertEqual(self.state(make_api_key(self.merchant)).status_code, 200)

    def test_the_database_keeps_it_bare(self) -> None:
        from django.db import IntegrityError, transaction

        with self.assertRaises(IntegrityError), transaction.atomic():
            ApiKey.objects.filter(kind="publishable").update(scopes=["payments:write"])
        self.assertEqual(ApiKey.objects.get(kind="publishable").scopes, [])

    def test_test_write_is_for_test_keys(self) -> None:
        make_two_factor(self.owner)
        live = person_headers(self.owner, mode="live")
        found = self.assert_problem(
            self.post("api-keys/", {"name": "x", "kind": "restricted", "scopes": ["test:write"]}, live),
            400,
            "parameter_invalid",
        )
        self.assertEqual(found["param"], "scopes")
        self.assertFalse(ApiKey.objects.filter(mode="live").exists())

    def test_the_table_of_routes_knows_it(self) -> None:
        self.assertIn(PUBLIC, CASES)
        self.assertEqual(
            create_api_key(merchant_id=self.merchant.id, mode="test", name="k", created_by="t")[0].kind, "secret"
        )
