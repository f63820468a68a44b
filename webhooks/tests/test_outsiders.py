"""Every route is closed to strangers, to the other mode, to other merchants and to keys without the scope."""

from datetime import timedelta
from uuid import UUID

from django.http import HttpResponse

from merchants.models import Merchant
from merchants.tests.base import ApiTestCase
from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import to_public
from webhooks.models import Delivery, Endpoint, Event, Lane, Notice, Recovery, Secret
from webhooks.services.recovery import start_recovery
from webhooks.tests.factories import make_delivery

# method, path, scope
ROUTES = [
    ("GET", "webhook-endpoints/", "webhooks:read"),
    ("POST", "webhook-endpoints/", "webhooks:write"),
    ("GET", "webhook-endpoints/{endpoint}/", "webhooks:read"),
    ("PATCH", "webhook-endpoints/{endpoint}/", "webhooks:write"),
    ("DELETE", "webhook-endpoints/{endpoint}/", "webhooks:write"),
    ("POST", "webhook-endpoints/{endpoint}/rotate-secret/", "webhooks:write"),
    ("POST", "webhook-endpoints/{endpoint}/test/", "webhooks:write"),
    ("GET", "webhook-endpoints/{endpoint}/statistics/", "webhooks:read"),
    ("POST", "webhook-endpoints/{endpoint}/recover/", "webhooks:write"),
    ("GET", "webhook-endpoints/{endpoint}/recoveries/", "webhooks:read"),
    ("GET", "webhook-recoveries/{recovery}/", "webhooks:read"),
    ("GET", "webhook-notices/", "webhooks:read"),
    ("GET", "webhook-deliveries/", "webhooks:read"),
    ("GET", "webhook-deliveries/{delivery}/", "webhooks:read"),
    ("POST", "webhook-deliveries/{delivery}/resend/", "webhooks:write"),
    ("GET", "events/", "events:read"),
    ("GET", "events/{event}/", "events:read"),
]
MODELS = (Endpoint, Secret, Event, Delivery, Recovery, Notice, Lane)
SCOPES = ["webhooks:read", "webhooks:write", "events:read"]


class Outsiders(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.owner: Merchant = make_merchant()
        self.delivery = make_delivery(self.owner)
        since = now() - timedelta(days=1)
        self.recovery = start_recovery(self.delivery.endpoint, since=since, actor="key_test")
        Notice.objects.create(endpoint=self.delivery.endpoint, level=1, days=1, failing_since=since)
        Event.objects.update(sequence=1)
        self.before = self.rows()

    def rows(self) -> list[object]:
        return [list(model.objects.order_by("pk").values()) for model in MODELS]

    def call(self, method: str, path: str, headers: dict[str, str]) -> HttpResponse:
        names = {
            "endpoint": to_public("whe", self.delivery.endpoint_id),
            "delivery": to_public("whd", UUID(int=self.delivery.pk)),
            "event": to_public("evt", self.delivery.event_id),
            "recovery": to_public("whr", self.recovery.pk),
        }
        address = f"/api/v1/{path.format(**names)}"
        # Nothing a stranger sends may change a row; a PATCH that was let in would.
        body = '{"description": "mine"}' if method == "PATCH" else "{}"
        body = '{"since": "2026-01-01T00:00:00Z"}' if path.endswith("/recover/") else body
        return self.client.generic(method, address, body, "application/json", headers=headers, secure=True)

    def tearDown(self) -> None:
        self.assertEqual(self.rows(), self.before)
        super().tearDown()

    def test_nobody(self) -> None:
        for method, path, _ in ROUTES:
            self.assert_problem(self.call(method, path, {}), 401, "authentication_required")

    def test_without_the_scope(self) -> None:
        for method, path, scope in ROUTES:
            others = [each for each in SCOPES if each != scope]
            headers = key_headers(make_api_key(self.owner, scopes=others, kind="restricted"))
            found = self.assert_problem(self.call(method, path, headers), 403, "insufficient_scope")
            self.assertEqual(found["required_scope"], scope)

    def test_another_merchant_and_the_other_mode(self) -> None:
        stranger = key_headers(make_api_key(make_merchant()))
        Merchant.objects.filter(pk=self.owner.pk).update(live_enabled=True, kyc_status="verified")
        live = key_headers(make_api_key(self.owner, mode="live"))
        for headers in (stranger, live):
            for method, path, _ in ROUTES:
                with self.subTest(f"{method} {path}"):
                    answer = self.call(method, path, headers)
                    if "{" in path:
                        self.assert_problem(answer, 404, "resource_missing")
                    elif method == "GET":
                        self.assertEqual(answer.json()["data"], [])

    def test_an_id_of_another_kind(self) -> None:
        headers = key_headers(make_api_key(self.owner))
        event = to_public("evt", self.delivery.event_id)
        for path in (
            f"webhook-endpoints/{event}/",
            f"webhook-deliveries/{event}/",
            f"webhook-recoveries/{event}/",
            "events/evt_1/",
        ):
            self.assert_problem(self.get(path, headers), 404, "resource_missing")
