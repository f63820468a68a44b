"""Trying an endpoint and showing its answer."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.test import override_settings
from standardwebhooks import Webhook

from merchants.tests.base import ApiTestCase, CommittingTestCase
from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import to_public
from webhooks.events import EMITTED, TEST_PING
from webhooks.models import Delivery, Endpoint, Event
from webhooks.serializers.deliveries import WebhookDeliveryWithAttemptsSerializer
from webhooks.serializers.sent import EXAMPLE_TYPES
from webhooks.services import trial
from webhooks.services.drain import drain as deliver
from webhooks.services.trial import send_test
from webhooks.tests.factories import make_endpoint
from webhooks.tests.receiver import Answer, Receiver


@contextmanager
def resident_drain() -> Iterator[None]:
    """A worker that delivers meanwhile, in a thread with a connection of its own."""
    over = threading.Event()

    def work() -> None:
        try:
            deliver(seconds=60, is_over=over.is_set)
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        over.set()
        worker.join()


@override_settings(WEBHOOK_ALLOW_PRIVATE=True)
class Answered(CommittingTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant()
        self.headers = key_headers(make_api_key(self.merchant))

    def send(self, endpoint: Endpoint, body: dict[str, Any]) -> Any:
        return self.post(f"webhook-endpoints/{to_public('whe', endpoint.pk)}/test/", body, self.headers)

    def test_the_answer_is_shown_at_once(self) -> None:
        with Receiver(lambda received: Answer(status=418, body=b"short and stout")) as receiver, resident_drain():
            endpoint, secret = make_endpoint(self.merchant, url=f"{receiver.url}/one", events=["payment.failed"])
            make_endpoint(self.merchant, url=f"{receiver.url}/all")
            answer = self.send(endpoint, {})
        self.assertEqual(answer.status_code, 200, answer.content)
        shown = answer.json()
        self.assertEqual(set(shown), set(WebhookDeliveryWithAttemptsSerializer().fields))
        self.assertEqual((shown["event_type"], shown["last_status"]), (TEST_PING, 418))
        (attempt,) = shown["attempts"]
        self.assertEqual((attempt["trigger"], attempt["response_excerpt"]), ("test", "short and stout"))
        (received,) = receiver.received
        body = Webhook(secret).verify(received.body, dict(received.headers))
        self.assertEqual((received.path, body["type"]), ("/one", TEST_PING))
        self.assertEqual(body["data"]["object"]["id"], to_public("whe", endpoint.pk))
        self.assertEqual(shown["request"]["body"], received.body.decode())

    def test_an_example_of_another_type(self) -> None:
        with Receiver() as receiver, resident_drain():
            endpoint, _ = make_endpoint(self.merchant, url=f"{receiver.url}/one", events=["refund.*"])
            make_endpoint(self.merchant, url=f"{receiver.url}/all")
            for _ in range(2):
                answer = self.send(endpoint, {"type": "payment.completed"})
                self.assertEqual((answer.status_code, answer.json()["status"]), (200, "delivered"))
        self.assertEqual({each.path for each in receiver.received}, {"/one"})
        first, second = (json.loads(each.body) for each in receiver.received)
        self.assertNotEqual(first["id"], second["id"])
        self.assertEqual((first["type"], first["data"]["object"]["status"]), ("payment.completed", "completed"))
        self.assertEqual(set(Event.objects.values_list("key", flat=True)), {None})
        self.assertEqual(Delivery.objects.count(), 2)

    @override_settings(WEBHOOK_TEST_WAIT_SECONDS=0.1)
    def test_without_a_worker_it_is_under_way(self) -> None:
        endpoint, _ = make_endpoint(self.merchant, url="http://127.0.0.1:9/")
        answer = self.send(endpoint, {})
        self.assertEqual((answer.status_code, answer.json()["status"], answer.json()["attempts"]), (202, "open", []))

    def test_when_too_many_wait_nobody_more_does(self) -> None:
        endpoint, _ = make_endpoint(self.merchant, url="http://127.0.0.1:9/")
        for _ in range(trial.WAITERS):
            self.assertTrue(trial._places.acquire(blocking=False))
        try:
            self.assertEqual(self.send(endpoint, {}).status_code, 202)
        finally:
            for _ in range(trial.WAITERS):
                trial._places.release()


class Refused(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant(live_enabled=True)

    def refusal(self, endpoint: Endpoint, type: str) -> tuple[str, str | None]:
        with self.assertRaises(Problem) as caught, transaction.atomic():
            send_test(endpoint, type=type)
        return caught.exception.code, caught.exception.param

    def test_types_that_are_not_published(self) -> None:
        endpoint, _ = make_endpoint(self.merchant)
        headers = key_headers(make_api_key(self.merchant))
        for type in ("provider.outage_started", "payment.*", "*", "payment.done"):
            self.assertEqual(self.refusal(endpoint, type), ("parameter_invalid", "type"))
        for body in ({"type": ""}, {"type": None}, {"type": 7}, {"kind": "x"}):
            answer = self.post(f"webhook-endpoints/{to_public('whe', endpoint.pk)}/test/", body, headers)
            self.assertEqual(answer.status_code, 400, body)
        self.assertEqual((Event.objects.count(), Delivery.objects.count()), (0, 0))

    def test_in_live_mode_nothing_that_looks_like_money(self) -> None:
        endpoint, _ = make_endpoint(self.merchant, mode="live")
        self.assertEqual(self.refusal(endpoint, "payment.completed"), ("parameter_invalid", "type"))
        self.assertEqual(send_test(endpoint).event.type, TEST_PING)

    def test_every_published_type_has_an_example(self) -> None:
        self.assertEqual({*EXAMPLE_TYPES, TEST_PING}, set(EMITTED))
        endpoint, _ = make_endpoint(self.merchant)
        for type in EXAMPLE_TYPES:
            body = json.loads(send_test(endpoint, type=type).event.body)
            self.assertEqual((body["type"], body["data"]["object"]["livemode"]), (type, False))
