"""The API of webhooks."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.test import override_settings

from merchants.tests.base import ApiTestCase, CommittingTestCase
from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit.ids import to_public
from webhooks.models import Attempt, Delivery, Endpoint, Event, Recovery
from webhooks.serializers.deliveries import (
    WebhookAttemptSerializer,
    WebhookDeliverySerializer,
    WebhookDeliveryWithAttemptsSerializer,
)
from webhooks.serializers.endpoints import (
    ShownWebhookEndpointSerializer,
    WebhookEndpointSerializer,
    WebhookEndpointWithHeldSerializer,
)
from webhooks.serializers.events import EventSerializer
from webhooks.services.endpoints import inline_endpoint
from webhooks.services.numbering import number_events
from webhooks.tests.factories import URL, drain, make_delivery, make_endpoint, publish
from webhooks.tests.receiver import Answer, Receiver, in_turn


class Case(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant()
        self.headers = key_headers(make_api_key(self.merchant))

    def create(self, **changes: Any) -> Any:
        body = {"url": URL, "events": ["payment.*"], "description": "till"} | changes
        return self.post("webhook-endpoints/", body, self.headers)


class Endpoints(Case):
    def test_create_shows_the_secret_once(self) -> None:
        answer = self.create()
        self.assertEqual(answer.status_code, 201)
        made = answer.json()
        self.assertEqual(set(made), set(ShownWebhookEndpointSerializer().fields))
        self.assertTrue(made.pop("secret").startswith("whsec_"))
        row = Endpoint.objects.get()
        self.assertEqual(made["id"], to_public("whe", row.pk))
        wanted = {
            "object": "webhook_endpoint",
            "livemode": False,
            "kind": "normal",
            "url": URL,
            "events": ["payment.*"],
            "description": "till",
            "status": "enabled",
            "rate_limit": None,
            "failing_since": None,
            "api_version": settings.API_VERSION,
            "version": 1,
        }
        self.assertLessEqual(wanted.items(), made.items())
        self.assertEqual(answer["Location"], f"/api/v1/webhook-endpoints/{made['id']}/")
        shown = self.get(f"webhook-endpoints/{made['id']}/", self.headers).json()
        self.assertEqual(shown, made | {"held_deliveries": 0})
        self.assertEqual(set(shown), set(WebhookEndpointWithHeldSerializer().fields))
        self.assertEqual(self.get("webhook-endpoints/", self.headers).json()["data"], [made])
        self.assertEqual(set(made), set(WebhookEndpointSerializer().fields))

    def test_faults_come_together(self) -> None:
        answer = self.post("webhook-endpoints/", {"evnets": ["*"], "url": 7}, self.headers)
        found = self.assert_problem(answer, 400, "validation_failed")
        params = {(fault["param"], fault["code"]) for fault in found["errors"]}
        self.assertEqual(
            params, {("evnets", "unknown_parameter"), ("events", "parameter_missing"), ("url", "parameter_invalid")}
        )
        self.assertFalse(Endpoint.objects.exists())

    def test_refusals_name_the_parameter(self) -> None:
        for changes, code, param in [
            ({"url": "http://127.0.0.1/"}, "callback_url_forbidden", "url"),
            ({"url": "shop.example"}, "callback_url_invalid", "url"),
            ({"url": "https://shop.example/\x07"}, "parameter_invalid", "url"),
            ({"events": ["payment.done"]}, "parameter_invalid", "events[0]"),
            ({"events": []}, "parameter_invalid", "events"),
            ({"events": "payment.*"}, "parameter_invalid", "events"),
            ({"events": [None]}, "parameter_missing", "events[0]"),
            ({"description": "x" * 256}, "parameter_invalid", "description"),
            ({"rate_limit": 0}, "parameter_invalid", "rate_limit"),
            ({"rate_limit": 1001}, "parameter_invalid", "rate_limit"),
            ({"rate_limit": 1.5}, "parameter_invalid", "rate_limit"),
            ({"rate_limit": True}, "parameter_invalid", "rate_limit"),
            ({"api_version": "2019-01-01"}, "parameter_invalid", "api_version"),
            ({"api_version": None}, "parameter_missing", "api_version"),
        ]:
            with self.subTest(changes):
                self.assertEqual(self.assert_problem(self.create(**changes), 400, code)["param"], param)
        self.assertFalse(Endpoint.objects.exists())

    def test_the_mode_is_the_keys(self) -> None:
        live = key_headers(make_api_key(make_merchant(live_enabled=True), mode="live"))
        answer = self.client.post(
            "/api/v1/webhook-endpoints/",
            {"url": URL, "events": ["*"]},
            "application/json",
            headers=live,
            secure=True,
        )
        self.assertEqual((answer.status_code, answer.json()["livemode"]), (201, True))

    def test_patch_changes_what_is_named(self) -> None:
        path = f"webhook-endpoints/{self.create().json()['id']}/"
        changed = self.patch(path, {"status": "paused", "description": None}, self.headers).json()
        self.assertEqual((changed["status"], changed["description"], changed["version"]), ("paused", None, 2))
        self.assertEqual((changed["url"], changed["events"]), (URL, ["payment.*"]))
        for body in ({"status": "disabled"}, {"status": ""}, {"kind": "inline"}, {"events": None}, {"url": None}):
            self.assertEqual(self.patch(path, body, self.headers).status_code, 400, body)
        self.assert_problem(self.patch(path, {"api_version": "2019-01-01"}, self.headers), 400, "parameter_invalid")
        self.assertEqual(Endpoint.objects.get().version, 2)

    def test_a_rate_limit_is_set_and_lifted(self) -> None:
        made = self.create(rate_limit=1000, api_version=settings.API_VERSION).json()
        path = f"webhook-endpoints/{made['id']}/"
        self.assertEqual(made["rate_limit"], 1000)
        for limit in (1, None):
            changed = self.patch(path, {"rate_limit": limit, "api_version": settings.API_VERSION}, self.headers).json()
            self.assertEqual(changed["rate_limit"], limit)
        self.assertIsNone(Endpoint.objects.get().rate_limit)

    def test_enabling_tells_what_waits(self) -> None:
        path = f"webhook-endpoints/{self.create().json()['id']}/"
        publish(self.merchant)
        self.assertEqual(self.patch(path, {"status": "paused"}, self.headers).json()["held_deliveries"], 1)
        publish(self.merchant)
        changed = self.patch(path, {"status": "enabled"}, self.headers).json()
        self.assertEqual((changed["status"], changed["held_deliveries"]), ("enabled", 2))
        self.assertEqual(list(Delivery.objects.values_list("state", flat=True)), ["held", "held"])

    def test_delete_forgets_it(self) -> None:
        path = f"webhook-endpoints/{self.create().json()['id']}/"
        answer = self.delete(path, self.headers)
        self.assertEqual((answer.status_code, answer.content), (204, b""))
        self.assert_problem(self.get(path, self.headers), 404, "resource_missing")
        self.assert_problem(self.delete(path, self.headers), 404, "resource_missing")
        self.assertEqual(self.get("webhook-endpoints/", self.headers).json()["data"], [])

    def test_rotation_shows_a_new_secret(self) -> None:
        made = self.create().json()
        path = f"webhook-endpoints/{made['id']}/rotate-secret/"
        answer = self.post(path, {"overlap_hours": 1}, self.headers)
        self.assertEqual(answer.status_code, 200)
        self.assertNotEqual(answer.json()["secret"], made["secret"])
        self.assertEqual(set(answer.json()), set(ShownWebhookEndpointSerializer().fields))
        self.assertEqual(self.post(path, {}, self.headers).status_code, 200)
        for hours in (-1, 169, "x", 1.5):
            found = self.assert_problem(
                self.post(path, {"overlap_hours": hours}, self.headers), 400, "parameter_invalid"
            )
            self.assertEqual(found["param"], "overlap_hours")

    def test_inline_ones_are_found_by_id_only(self) -> None:
        key = inline_endpoint(merchant_id=self.merchant.pk, mode="test", url=URL)
        path = f"webhook-endpoints/{to_public('whe', key)}/"
        self.assertEqual(self.get("webhook-endpoints/", self.headers).json()["data"], [])
        self.assertEqual(self.get(path, self.headers).json()["kind"], "inline")
        self.assertEqual(self.patch(path, {"status": "paused"}, self.headers).json()["status"], "paused")
        self.assert_problem(self.delete(path, self.headers), 409, "state_conflict")
        self.assert_problem(self.patch(path, {"url": f"{URL}/2"}, self.headers), 409, "state_conflict")

    def test_pages_do_not_overlap(self) -> None:
        made = [self.create().json()["id"] for _ in range(5)]
        found, path = [], "webhook-endpoints/?limit=2"
        while path:
            page = self.get(path, self.headers).json()
            found += [each["id"] for each in page["data"]]
            path = f"webhook-endpoints/?limit=2&cursor={page['next_cursor']}" if page["has_more"] else ""
        self.assertEqual(found, made[::-1])


class Events(Case):
    def test_shows_what_was_sent_with_its_sequence(self) -> None:
        event_id = publish(self.merchant)
        path = f"events/{to_public('evt', event_id)}/"
        shown = self.get(path, self.headers).json()
        self.assertEqual(set(shown), set(EventSerializer().fields))
        self.assertEqual((shown["sequence"], shown["data"]["previous"]), (None, {"status": "pending"}))
        self.assertEqual(self.get("events/", self.headers).json()["data"], [])
        Event.objects.update(sequence=7)
        self.assertEqual(self.get("events/", self.headers).json()["data"], [shown | {"sequence": 7}])

    def types(self, query: str) -> list[str]:
        found = self.get(f"events/?{query}", self.headers).json()["data"]
        return [event["type"] for event in found]

    def test_filters_by_type(self) -> None:
        for type in ("payment.created", "payment.completed", "test.ping"):
            publish(self.merchant, type=type)
        number_events()
        for text, expected in [
            ("payment.*", ["payment.completed", "payment.created"]),
            ("payment.created", ["payment.created"]),
            ("refund.*", []),
            ("*", ["test.ping", "payment.completed", "payment.created"]),
        ]:
            self.assertEqual(self.types(f"type={text}"), expected)

    def test_is_pulled_upwards_from_a_sequence(self) -> None:
        for type in ("payment.created", "payment.pending", "refund.created", "payment.completed"):
            publish(self.merchant, type=type)
        number_events()
        self.assertEqual(self.types("after_sequence=0")[0], "payment.created")
        self.assertEqual(self.types("after_sequence=1&type=payment.*"), ["payment.pending", "payment.completed"])
        self.assertEqual(self.types("after_sequence=4"), [])
        page = self.get("events/?after_sequence=1&limit=2", self.headers).json()
        self.assertEqual([event["sequence"] for event in page["data"]], [2, 3])
        rest = self.get(f"events/?after_sequence=1&cursor={page['next_cursor']}", self.headers).json()
        self.assertEqual(([event["sequence"] for event in rest["data"]], rest["has_more"]), ([4], False))
        for text in ("-1", "x", "1.5", "", "9" * 20):
            found = self.get(f"events/?after_sequence={text}", self.headers)
            self.assertEqual(self.assert_problem(found, 400, "parameter_invalid")["param"], "after_sequence")

    def test_unknown_filters_and_foreign_cursors_are_refused(self) -> None:
        for _ in range(2):
            publish(self.merchant)
        number_events()
        for query, param in [("tpye=payment.*", "tpye"), ("type=payment.done", "type"), ("limit=0", "limit")]:
            found = self.assert_problem(self.get(f"events/?{query}", self.headers), 400, "parameter_invalid")
            self.assertEqual(found["param"], param)
        cursor = self.get("events/?limit=1", self.headers).json()["next_cursor"]
        self.assertEqual(len(self.get(f"events/?cursor={cursor}", self.headers).json()["data"]), 1)
        for path in (
            f"events/?type=*&cursor={cursor}",
            f"events/?after_sequence=0&cursor={cursor}",
            f"webhook-deliveries/?cursor={cursor}",
            f"webhook-notices/?cursor={cursor}",
            "events/?cursor=x",
        ):
            self.assert_problem(self.get(path, self.headers), 400, "cursor_invalid")


class Deliveries(Case):
    def test_shows_state_and_tries(self) -> None:
        delivery = make_delivery(self.merchant)
        shown = self.get("webhook-deliveries/", self.headers).json()["data"]
        self.assertEqual(set(shown[0]), set(WebhookDeliverySerializer().fields))
        wanted = {
            "id": to_public("whd", UUID(int=delivery.pk)),
            "event": to_public("evt", delivery.event_id),
            "event_type": "payment.completed",
            "endpoint": to_public("whe", delivery.endpoint_id),
            "status": "open",
            "tries": 0,
        }
        self.assertLessEqual(wanted.items(), shown[0].items())

    def test_filters(self) -> None:
        first, second = make_delivery(self.merchant), make_delivery(self.merchant)
        Delivery.objects.filter(pk=first.pk).update(state="failed")
        for query, expected in [
            ("status=failed", 1),
            ("status=open,failed", 3),
            (f"endpoint={to_public('whe', second.endpoint_id)}", 1),
            (f"event={to_public('evt', second.event_id)}", 2),
            (f"endpoint={to_public('whe', first.endpoint_id)}&status=open", 1),
            ("type=payment.*", 3),
            ("type=refund.*", 0),
            ("type=payment.completed&status=failed", 1),
            ("created_after=2026-01-01T00:00:00Z", 3),
            ("created_before=2026-01-01T00:00:00Z", 0),
            ("date_from=2026-01-01", 3),
            ("date_to=2026-01-01", 0),
        ]:
            found = self.get(f"webhook-deliveries/?{query}", self.headers).json()["data"]
            self.assertEqual(len(found), expected, query)
        for name in ("status=sent", "endpoint=pay_1", "event=x", "state=open", "status="):
            found = self.get(f"webhook-deliveries/?{name}", self.headers)
            self.assert_problem(found, 400, "parameter_invalid")
        for name in ("created_after=soon", "date_from=21.11.2026", "date_to=9999-12-31"):
            self.assert_problem(self.get(f"webhook-deliveries/?{name}", self.headers), 400, "date_invalid")

    def test_the_detail_shows_what_is_sent(self) -> None:
        delivery = make_delivery(self.merchant)
        shown = self.get(f"webhook-deliveries/{to_public('whd', UUID(int=delivery.pk))}/", self.headers).json()
        self.assertEqual(set(shown), set(WebhookDeliveryWithAttemptsSerializer().fields))
        self.assertEqual(shown["request"], {"url": URL, "headers": {}, "body": delivery.event.body})
        self.assertEqual(shown["attempts"], [])

    def test_pages_go_down_by_id(self) -> None:
        for _ in range(3):
            make_delivery(self.merchant)
        Delivery.objects.filter(endpoint=Endpoint.objects.earliest("id")).exclude(
            pk=Delivery.objects.earliest("id").pk
        ).delete()
        expected = [
            to_public("whd", UUID(int=key)) for key in Delivery.objects.order_by("-id").values_list("id", flat=True)
        ]
        first = self.get("webhook-deliveries/?limit=2", self.headers).json()
        rest = self.get(f"webhook-deliveries/?cursor={first['next_cursor']}", self.headers).json()
        self.assertEqual([each["id"] for each in first["data"] + rest["data"]], expected)

    def test_no_such_delivery(self) -> None:
        for key in (UUID(int=0), UUID(int=2**62), UUID(int=2**128 - 1)):
            path = f"webhook-deliveries/{to_public('whd', key)}/"
            self.assert_problem(self.get(path, self.headers), 404, "resource_missing")
        self.assert_problem(self.get("webhook-deliveries/7/", self.headers), 404, "resource_missing")


@override_settings(WEBHOOK_ALLOW_PRIVATE=True)
class Journey(CommittingTestCase):
    @override_settings(WEBHOOK_TEST_WAIT_SECONDS=0)
    def test_ping_fails_is_shown_and_is_resent(self) -> None:
        merchant = make_merchant()
        headers = key_headers(make_api_key(merchant))
        with Receiver(in_turn(Answer(status=404, body=b"no such page"), Answer())) as receiver:
            body = {"url": receiver.url, "events": ["payment.failed"]}
            endpoint = self.post("webhook-endpoints/", body, headers).json()["id"]
            answer = self.post(f"webhook-endpoints/{endpoint}/test/", {}, headers)
            self.assertEqual((answer.status_code, answer.json()["status"]), (202, "open"))
            self.assertEqual(answer.json()["attempts"], [])
            path = f"webhook-deliveries/{answer.json()['id']}/"
            drain()
            self.check_first_try(self.get(path, headers).json())
            resent = self.post(f"{path}resend/", {}, headers)
            self.assertEqual(resent.status_code, 202)
            drain()
        shown = self.get(path, headers).json()
        self.assertEqual((shown["status"], shown["next_attempt_at"]), ("delivered", None))
        self.assertEqual([each["status"] for each in shown["attempts"]], [404, 200])
        self.assertEqual([each["trigger"] for each in shown["attempts"]], ["test", "manual"])
        first, second = receiver.received
        self.assertEqual(first.headers["webhook-id"], second.headers["webhook-id"])

    def check_first_try(self, shown: dict[str, Any]) -> None:
        self.assertEqual(set(shown), set(WebhookDeliveryWithAttemptsSerializer().fields))
        self.assertEqual((shown["status"], shown["last_status"], shown["last_error"]), ("open", 404, "http_404"))
        self.assertIn("404", shown["last_error_detail"])
        (attempt,) = shown["attempts"]
        self.assertEqual(set(attempt), set(WebhookAttemptSerializer().fields))
        self.assertEqual((attempt["response_excerpt"], attempt["ip"]), ("no such page", "127.0.0.1"))
        self.assertEqual((attempt["error"], attempt["error_detail"]), ("http_404", shown["last_error_detail"]))
        self.assertNotIn("webhook-signature", attempt["request_headers"])
        self.assertEqual(shown["request"]["headers"], attempt["request_headers"])

    def test_not_to_one_that_is_paused(self) -> None:
        merchant = make_merchant()
        headers = key_headers(make_api_key(merchant))
        endpoint, _ = make_endpoint(merchant, status="paused")
        publish(merchant)
        delivery = to_public("whd", UUID(int=Delivery.objects.get().pk))
        for path, body in (
            (f"webhook-endpoints/{to_public('whe', endpoint.pk)}/test/", {}),
            (f"webhook-endpoints/{to_public('whe', endpoint.pk)}/recover/", {"since": "2026-01-01T00:00:00Z"}),
            (f"webhook-deliveries/{delivery}/resend/", {}),
        ):
            self.assert_problem(self.post(path, body, headers), 409, "state_conflict")
            self.assert_problem(self.post(path, body | {"now": True}, headers), 400, "unknown_parameter")
        self.assertEqual((Event.objects.count(), Attempt.objects.count(), Recovery.objects.count()), (1, 0, 0))
