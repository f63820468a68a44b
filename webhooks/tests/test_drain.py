"""The drain, from the table to a merchant's server and back."""

import time
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.test import TransactionTestCase, override_settings
from standardwebhooks import Webhook

from audit.models import AuditEvent
from merchants.models import Merchant
from merchants.tests.factories import make_merchant
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import to_public
from webhooks.models import Attempt, Delivery, Endpoint, Event, Lane
from webhooks.services import drain as drains
from webhooks.services import endpoints
from webhooks.services.drain import Counts, drain_until_idle
from webhooks.tests.factories import drain, make_endpoint, publish
from webhooks.tests.receiver import OK, Answer, Receiver, in_turn

BAD = Answer(status=500, body=b"sorry")
# Waits of hours pass in microseconds.
FAST = override_settings(WEBHOOK_ALLOW_PRIVATE=True, SWEEP_SPEED=1e9)


@override_settings(WEBHOOK_ALLOW_PRIVATE=True)
class DrainCase(TransactionTestCase):
    def setUp(self) -> None:
        self.merchant: Merchant = make_merchant()

    def endpoint(self, url: str, **more: Any) -> tuple[Endpoint, str]:
        return make_endpoint(self.merchant, url=url, **more)

    def rows(self) -> list[tuple[Any, ...]]:
        return list(Delivery.objects.order_by("id").values_list("state", "tries", "last_status", "last_error"))


class Delivering(DrainCase):
    def test_the_stored_text_arrives_signed(self) -> None:
        with Receiver() as receiver:
            _, secret = self.endpoint(f"{receiver.url}/hook")
            event_id = publish(self.merchant)
            self.assertEqual(drain(), Counts(delivered=1))
        (received,) = receiver.received
        body = Webhook(secret).verify(received.body, dict(received.headers))
        self.assertEqual(received.body.decode(), Event.objects.get(pk=event_id).body)
        self.assertEqual(received.headers["webhook-id"], to_public("evt", event_id))
        self.assertEqual(body["id"], received.headers["webhook-id"])
        self.assertEqual(received.headers["onpoint-attempt"], "1")
        delivery = Delivery.objects.get()
        self.assertEqual(self.rows(), [("delivered", 1, 200, "")])
        self.assertIsNotNone(delivery.delivered_at)
        lane = Lane.objects.get()
        self.assertEqual((lane.lease_until, lane.lease_token, lane.breaker), (None, None, "closed"))

    def test_the_attempt_is_kept_without_the_signature(self) -> None:
        with Receiver(in_turn(Answer(body=b"than\x00ks", headers={"X-Shop": "duka"}))) as receiver:
            self.endpoint(receiver.url)
            publish(self.merchant)
            drain()
        attempt = Attempt.objects.get()
        self.assertEqual((attempt.n, attempt.trigger, attempt.status, attempt.error_code), (1, "auto", 200, ""))
        self.assertEqual((attempt.response_excerpt, attempt.response_headers["X-Shop"]), ("thanks", "duka"))
        self.assertEqual(attempt.request_headers["User-Agent"], "OnPointPay/1")
        self.assertNotIn("v1,", str(attempt.request_headers))

    def test_during_a_rotation_both_secrets_verify(self) -> None:
        with Receiver() as receiver:
            endpoint, older = self.endpoint(receiver.url)
            newer = endpoints.rotate_secret(endpoint, overlap_hours=24, actor="key_test")
            publish(self.merchant)
            drain()
            newest = endpoints.rotate_secret(endpoint, overlap_hours=0, actor="key_test")
            publish(self.merchant)
            drain()
        first, second = receiver.received
        for secret in (newer, older):
            Webhook(secret).verify(first.body, dict(first.headers))
        self.assertEqual(len(second.headers["webhook-signature"].split(" ")), 1)
        Webhook(newest).verify(second.body, dict(second.headers))

    def test_an_inline_endpoint_is_signed_with_the_default_secret_of_its_mode(self) -> None:
        with Receiver() as receiver:
            endpoints.default_secret(self.merchant.pk, "live")
            key = endpoints.inline_endpoint(merchant_id=self.merchant.pk, mode="test", url=receiver.url)
            publish(self.merchant, inline_endpoint_id=key)
            self.assertEqual(drain(), Counts(delivered=1))
        (received,) = receiver.received
        self.assertEqual(len(received.headers["webhook-signature"].split(" ")), 1)
        Webhook(endpoints.default_secret(self.merchant.pk, "test")).verify(received.body, dict(received.headers))

    def test_nothing_due_is_nothing_done(self) -> None:
        with Receiver() as receiver:
            self.endpoint(receiver.url)
            publish(self.merchant)
            Delivery.objects.update(next_attempt_at=now() + timedelta(hours=1))
            self.assertEqual(drain(), Counts())
            self.assertEqual(receiver.received, [])

    def test_a_run_without_time_takes_nothing(self) -> None:
        with Receiver() as receiver:
            self.endpoint(receiver.url)
            publish(self.merchant)
            self.assertEqual(drain_until_idle(seconds=0), Counts())
            self.assertEqual(receiver.received, [])

    def test_inside_a_transaction_nothing_is_sent(self) -> None:
        with Receiver() as receiver:
            self.endpoint(receiver.url)
            publish(self.merchant)
            with self.assertRaises(RuntimeError), transaction.atomic():
                drain()
            self.assertEqual(receiver.received, [])

    def test_many_endpoints_beyond_one_look(self) -> None:
        with Receiver() as receiver:
            for number in range(70):
                make_endpoint(make_merchant(), url=f"{receiver.url}/{number}")
            for endpoint in Endpoint.objects.select_related("merchant"):
                publish(endpoint.merchant)
            self.assertEqual(drain(), Counts(delivered=70))
            self.assertEqual({each.path for each in receiver.received}, {f"/{number}" for number in range(70)})

    def test_a_walk_that_began_in_the_middle_comes_round_to_the_first(self) -> None:
        with Receiver() as receiver:
            self.endpoint(f"{receiver.url}/first")
            last, _ = self.endpoint(f"{receiver.url}/last", events=["payment.failed"])
            publish(self.merchant)
            run = drains._Drain(ends_at=time.monotonic() + 30, is_over=lambda: False, until_idle=True)
            run._after = last.pk
            self.assertEqual(run.run(), Counts(delivered=1))


class Retrying(DrainCase):
    @FAST
    def test_500_then_200_is_sent_again_with_the_same_id(self) -> None:
        with Receiver(in_turn(BAD, OK)) as receiver:
            _, secret = self.endpoint(receiver.url)
            publish(self.merchant)
            self.assertEqual(drain(), Counts(open=1, delivered=1))
        first, second = receiver.received
        self.assertEqual(first.headers["webhook-id"], second.headers["webhook-id"])
        self.assertEqual(first.body, second.body)
        self.assertEqual([each.headers["onpoint-attempt"] for each in receiver.received], ["1", "2"])
        Webhook(secret).verify(second.body, dict(second.headers))
        self.assertEqual(self.rows(), [("delivered", 2, 200, "")])
        written = list(Attempt.objects.order_by("id").values_list("n", "status", "error_code", "response_excerpt"))
        self.assertEqual(written, [(1, 500, "http_500", "sorry"), (2, 200, "", "ok")])

    def test_the_next_try_waits_for_the_schedule(self) -> None:
        with Receiver(in_turn(BAD)) as receiver:
            self.endpoint(receiver.url)
            publish(self.merchant)
            before = now()
            self.assertEqual(drain(), Counts(open=1))
            self.assert_waits(before, 4, 7)
            self.assertEqual(drain(), Counts())
        self.assertEqual(self.rows(), [("open", 1, 500, "http_500")])

    def test_retry_after_is_honoured_within_bounds(self) -> None:
        with Receiver(in_turn(Answer(status=503, headers={"Retry-After": "15"}))) as receiver:
            self.endpoint(receiver.url)
            publish(self.merchant)
            before = now()
            drain()
            self.assert_waits(before, 14.9, 60)

    def assert_waits(self, before: datetime, least: float, most: float) -> None:
        waits = (Delivery.objects.get().next_attempt_at - before).total_seconds()
        self.assertTrue(least <= waits <= most, waits)

    @FAST
    def test_after_thirteen_tries_it_is_given_up(self) -> None:
        with Receiver(in_turn(BAD)) as receiver:
            self.endpoint(receiver.url)
            publish(self.merchant)
            self.assertEqual(drain(), Counts(open=12, failed=1))
            self.assertEqual(len(receiver.received), 13)
        self.assertEqual(self.rows(), [("failed", 13, 500, "http_500")])

    def test_past_its_expiry_it_gets_one_last_try(self) -> None:
        with Receiver(in_turn(BAD)) as receiver:
            self.endpoint(receiver.url)
            publish(self.merchant)
            Delivery.objects.update(expires_at=now() - timedelta(seconds=1))
            self.assertEqual(drain(), Counts(failed=1))
            self.assertEqual(len(receiver.received), 1)

    @FAST
    def test_a_redirect_is_a_failure_and_nobody_goes_there(self) -> None:
        with Receiver() as elsewhere, Receiver() as receiver:
            moved = Answer(status=302, headers={"Location": f"{elsewhere.url}/secret"})
            receiver.script = in_turn(moved, OK)
            self.endpoint(receiver.url)
            publish(self.merchant)
            self.assertEqual(drain(), Counts(open=1, delivered=1))
            self.assertEqual(elsewhere.received, [])

    def test_nobody_listening_is_tried_again(self) -> None:
        with Receiver() as receiver:
            url = receiver.url
        self.endpoint(url)
        publish(self.merchant)
        self.assertEqual(drain(), Counts(open=1))
        self.assertEqual(self.rows(), [("open", 1, None, "connect_failed")])

    def test_gone_disables_the_endpoint_and_holds_the_rest(self) -> None:
        with Receiver(in_turn(Answer(status=410, body=b""))) as receiver:
            endpoint, _ = self.endpoint(receiver.url)
            other, _ = self.endpoint(f"{receiver.url}/other")
            Endpoint.objects.filter(pk=other.pk).update(status="paused")
            publish(self.merchant)
            publish(self.merchant)
            Delivery.objects.filter(pk=Delivery.objects.filter(endpoint=endpoint).latest("id").pk).update(
                next_attempt_at=now() + timedelta(hours=1)
            )
            self.assertEqual(drain(), Counts(held=1))
            publish(self.merchant)
            self.assertEqual(drain(), Counts())
            self.assertEqual(len(receiver.received), 1)
        endpoint.refresh_from_db()
        self.assertEqual((endpoint.status, endpoint.version), ("disabled", 2))
        self.assertEqual(set(Delivery.objects.values_list("state", flat=True)), {"held"})
        self.assertTrue(AuditEvent.objects.filter(action="webhook_endpoint.disabled", actor="system").exists())

    def test_a_private_address_is_refused_for_good(self) -> None:
        self.endpoint("http://127.0.0.1/")
        publish(self.merchant)
        with override_settings(WEBHOOK_ALLOW_PRIVATE=False):
            self.assertEqual(drain(), Counts(failed=1))
        self.assertEqual(self.rows(), [("failed", 1, None, "address_refused")])


def in_own_connection(seconds: float = 30) -> None:
    try:
        drain_until_idle(seconds=seconds)
    finally:
        connection.close()
