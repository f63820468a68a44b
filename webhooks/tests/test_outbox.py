"""Publishing: event and deliveries commit with the change, or not at all."""

from typing import Any
from unittest import mock
from uuid import uuid4

import orjson
from django.db import IntegrityError, connection, transaction
from django.test import TestCase, TransactionTestCase

from merchants.models import Merchant
from merchants.tests.factories import make_merchant
from onpoint_pay.kit.ids import to_public
from webhooks.events import EventTypeUnknown
from webhooks.models import Delivery, Endpoint, Event
from webhooks.services.endpoints import delete_endpoint, inline_endpoint
from webhooks.services.outbox import publish_event
from webhooks.tests.factories import make_endpoint, publish


def states(merchant: Merchant) -> list[tuple[Any, str]]:
    return list(Delivery.objects.filter(merchant=merchant).order_by("id").values_list("endpoint_id", "state"))


class Matching(TestCase):
    def setUp(self) -> None:
        self.merchant = make_merchant()

    def endpoint(self, *events: str, **more: Any) -> Endpoint:
        return make_endpoint(self.merchant, events=events, **more)[0]

    def test_reaches_everything_the_noun_and_the_type(self) -> None:
        wanted = [self.endpoint("*"), self.endpoint("payment.*"), self.endpoint("refund.*", "payment.completed")]
        self.endpoint("refund.*")
        self.endpoint("payment.failed")
        publish(self.merchant)
        self.assertCountEqual(states(self.merchant), [(endpoint.pk, "open") for endpoint in wanted])

    def test_one_endpoint_gets_one_delivery_however_often_it_matches(self) -> None:
        endpoint = self.endpoint("*", "payment.*", "payment.completed")
        publish(self.merchant)
        self.assertEqual(states(self.merchant), [(endpoint.pk, "open")])

    def test_holds_for_paused_and_disabled_and_forgets_deleted(self) -> None:
        paused, disabled = self.endpoint("*", status="paused"), self.endpoint("*", status="disabled")
        delete_endpoint(self.endpoint("*"), actor="key_test")
        publish(self.merchant)
        self.assertCountEqual(states(self.merchant), [(paused.pk, "held"), (disabled.pk, "held")])

    def test_stays_with_merchant_and_mode(self) -> None:
        make_endpoint(make_merchant(), events=["*"])
        self.endpoint("*", mode="live")
        event_id = publish(self.merchant)
        self.assertEqual(Delivery.objects.count(), 0)
        self.assertTrue(Event.objects.filter(pk=event_id, sequence=None).exists())

    def test_inline_endpoint_hears_of_its_own_payment_only(self) -> None:
        url = "https://shop.example/paid"
        inline = inline_endpoint(merchant_id=self.merchant.pk, mode="test", url=url)
        publish(self.merchant)
        self.assertEqual(states(self.merchant), [])
        publish(self.merchant, inline_endpoint_id=inline)
        publish(self.merchant, type="test.ping", inline_endpoint_id=inline)
        self.assertEqual(states(self.merchant), [(inline, "open")])

    def test_inline_endpoint_of_somebody_else_gets_nothing(self) -> None:
        foreign = inline_endpoint(merchant_id=make_merchant().pk, mode="test", url="https://shop.example/paid")
        live = inline_endpoint(merchant_id=self.merchant.pk, mode="live", url="https://shop.example/paid")
        for key in (foreign, live, uuid4()):
            publish(self.merchant, inline_endpoint_id=key)
        self.assertEqual(Delivery.objects.count(), 0)

    def test_inline_endpoint_that_is_off_holds(self) -> None:
        inline = inline_endpoint(merchant_id=self.merchant.pk, mode="test", url="https://shop.example/paid")
        Endpoint.objects.filter(pk=inline).update(status="disabled")
        publish(self.merchant, inline_endpoint_id=inline)
        self.assertEqual(states(self.merchant), [(inline, "held")])

    def test_a_delivery_is_due_at_once_and_kept_for_76_hours(self) -> None:
        self.endpoint("*")
        publish(self.merchant)
        delivery = Delivery.objects.get()
        self.assertEqual(delivery.next_attempt_at, delivery.created_at)
        self.assertEqual((delivery.expires_at - delivery.created_at).total_seconds(), 76 * 3600)
        self.assertEqual((delivery.tries, delivery.trigger), (0, "auto"))

    def test_the_row_holds_the_text_that_is_sent(self) -> None:
        event_id = publish(self.merchant, idempotency_key="order-1")
        event = Event.objects.get(pk=event_id)
        body = orjson.loads(event.body)
        self.assertEqual(body["id"], to_public("evt", event_id))
        self.assertEqual(body["request"], {"id": "req_01", "idempotency_key": "order-1"})
        self.assertEqual((event.type, event.mode, event.api_version), (body["type"], "test", body["api_version"]))

    def test_the_same_news_of_the_same_object_is_refused(self) -> None:
        object_id = uuid4()
        publish(self.merchant, object_id=object_id)
        publish(self.merchant, object_id=object_id, type="payment.failed")
        with self.assertRaises(IntegrityError):
            publish(self.merchant, object_id=object_id)
        self.assertEqual(Event.objects.count(), 2)

    def test_an_unknown_type_is_refused(self) -> None:
        with self.assertRaises(EventTypeUnknown):
            publish(self.merchant, type="payment.done")
        self.assertEqual(Event.objects.count(), 0)


class Committing(TransactionTestCase):
    def setUp(self) -> None:
        self.merchant = make_merchant()
        make_endpoint(self.merchant)

    def publish_bare(self) -> None:
        publish_event(
            merchant_id=self.merchant.pk,
            mode="test",
            type="payment.completed",
            object_id=uuid4(),
            body_object={},
            previous=None,
            request_id=None,
        )

    def test_outside_a_transaction_it_is_refused(self) -> None:
        with self.assertRaises(RuntimeError):
            self.publish_bare()
        self.assertEqual((Event.objects.count(), Delivery.objects.count()), (0, 0))

    def test_rollback_leaves_no_event_and_wakes_nobody(self) -> None:
        class Undone(Exception):
            pass

        with mock.patch("webhooks.bell.ring") as ring:
            with self.assertRaises(Undone), transaction.atomic():
                self.publish_bare()
                raise Undone
            self.assertEqual((Event.objects.count(), Delivery.objects.count()), (0, 0))
            ring.assert_not_called()

    def test_commit_wakes_the_drain_once_there_is_something_to_send(self) -> None:
        with mock.patch("webhooks.bell.ring") as ring:
            with transaction.atomic():
                self.publish_bare()
                self.publish_bare()
                ring.assert_not_called()
            ring.assert_called_once_with()
            ring.reset_mock()
            publish(make_merchant())
            ring.assert_not_called()

    def test_attempts_cannot_be_changed(self) -> None:
        publish(self.merchant)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO webhooks_attempt (delivery_id, endpoint_id, n, trigger, started_at, total_ms, error_code,"
                " request_headers, response_headers, response_excerpt, worker)"
                " SELECT id, endpoint_id, 1, 'auto', now(), 1, '', '{}', '{}', '', '' FROM webhooks_delivery"
            )
            for statement in ("UPDATE webhooks_attempt SET n = 2", "DELETE FROM webhooks_attempt"):
                with self.assertRaisesMessage(Exception, "append-only"):
                    cursor.execute(statement)
            cursor.execute(
                "SELECT tgname, tgenabled FROM pg_trigger WHERE tgname LIKE 'webhooks_attempt_keep%' "
                "AND tgrelid = 'webhooks_attempt'::regclass ORDER BY 1"
            )
            self.assertEqual(cursor.fetchall(), [("webhooks_attempt_keep", "O"), ("webhooks_attempt_keep_all", "O")])
