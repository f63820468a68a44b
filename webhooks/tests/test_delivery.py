"""The drain, from the table to a merchant's server and back."""

import threading
import time
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

from django.db import OperationalError, connection, transaction
from django.test import TransactionTestCase, override_settings
from standardwebhooks import Webhook

from audit.models import AuditEvent
from merchants.models import Merchant
from merchants.tests.factories import make_merchant
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import to_public
from webhooks.models import Attempt, Delivery, Endpoint, Event, Secret
from webhooks.services import delivery as drains
from webhooks.services import endpoints
from webhooks.services.delivery import Counts, deliver_due
from webhooks.tests.factories import drain, make_endpoint, publish
from webhooks.tests.receiver import OK, Answer, Received, Receiver, in_turn

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
        self.assertIsNone(delivery.lease_until)

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

    def test_a_run_takes_no_more_than_its_limit_and_its_time(self) -> None:
        with Receiver() as receiver:
            self.endpoint(receiver.url)
            for _ in range(5):
                publish(self.merchant)
            self.assertEqual(deliver_due(seconds=0), Counts())
            self.assertEqual(deliver_due(limit=3), Counts(delivered=3))
            self.assertEqual(deliver_due(), Counts(delivered=2))

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
            run = drains._Drain(limit=10, seconds=30)
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
        self.assertEqual(self.rows(), [("open", 1, None, "connection_failed")])

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
        with Receiver() as receiver:
            self.endpoint(receiver.url)
            publish(self.merchant)
            with override_settings(WEBHOOK_ALLOW_PRIVATE=False):
                self.assertEqual(drain(), Counts(failed=1))
            self.assertEqual(receiver.received, [])
        self.assertEqual(self.rows(), [("failed", 1, None, "address_refused")])


class Isolation(DrainCase):
    def test_a_slow_endpoint_holds_up_nobody(self) -> None:
        released, others = threading.Event(), threading.Semaphore(0)

        def script(received: Received) -> Answer:
            if received.path == "/slow":
                released.wait(60)
            else:
                others.release()
            return OK

        with Receiver(script) as receiver:
            self.endpoint(f"{receiver.url}/slow")
            self.endpoint(f"{receiver.url}/quick")
            for _ in range(30):
                publish(self.merchant)
            run = threading.Thread(target=in_own_connection)
            run.start()
            self.addCleanup(released.set)
            for _ in range(30):
                self.assertTrue(others.acquire(timeout=60))
            # Also what happens while the slow one is still thinking.
            publish(self.merchant)
            self.assertTrue(others.acquire(timeout=60))
            self.assertLess(len(receiver.of("/slow")), 31)
            self.assertFalse(Delivery.objects.filter(state="delivered", endpoint__url__endswith="/slow").exists())
            released.set()
            run.join()
        self.assertEqual(set(Delivery.objects.values_list("state", flat=True)), {"delivered"})

    def test_a_run_that_is_over_serves_the_quick_while_it_waits_for_the_slow(self) -> None:
        begun, released, served = threading.Event(), threading.Event(), threading.Event()

        def script(received: Received) -> Answer:
            if received.path == "/slow":
                begun.set()
                released.wait(60)
            else:
                served.set()
            return OK

        with Receiver(script) as receiver, mock.patch.object(drains, "SLOW_SECONDS", 0):
            self.endpoint(f"{receiver.url}/slow")
            publish(self.merchant)
            run = threading.Thread(target=in_own_connection, kwargs={"seconds": 0.2})
            run.start()
            self.addCleanup(released.set)
            self.assertTrue(begun.wait(60))
            time.sleep(0.4)
            self.endpoint(f"{receiver.url}/quick")
            publish(self.merchant)
            self.assertTrue(served.wait(60))
            released.set()
            run.join()
            self.assertEqual(len(receiver.of("/slow")), 1)
        self.assertEqual(Delivery.objects.filter(state="open", endpoint__url__endswith="/slow").count(), 1)

    def test_a_fault_of_ours_in_one_delivery_leaves_the_others(self) -> None:
        with Receiver() as receiver:
            poisoned, _ = self.endpoint(f"{receiver.url}/poisoned")
            self.endpoint(f"{receiver.url}/well")
            Secret.objects.filter(endpoint=poisoned).update(ciphertext="v1.k1.nonsense")
            publish(self.merchant)
            with self.assertLogs("webhooks.services.delivery", "ERROR"):
                self.assertEqual(drain(), Counts(delivered=1, failed=1))
            self.assertEqual([each.path for each in receiver.received], ["/well"])
        self.assertEqual(Delivery.objects.get(endpoint=poisoned).last_error, "internal")

    def test_a_body_over_the_limit_is_given_up(self) -> None:
        with Receiver() as receiver:
            self.endpoint(receiver.url)
            Event.objects.filter(pk=publish(self.merchant)).update(body='"' + "x" * 65_536 + '"')
            self.assertEqual(drain(), Counts(failed=1))
            self.assertEqual(receiver.received, [])
        self.assertEqual(self.rows(), [("failed", 0, None, "body_too_large")])

    def test_what_was_opened_before_its_endpoint_went_off(self) -> None:
        with Receiver() as receiver:
            paused, _ = self.endpoint(f"{receiver.url}/paused")
            deleted, _ = self.endpoint(f"{receiver.url}/deleted")
            publish(self.merchant)
            # Past the service: as if the change had committed between matching and inserting.
            Endpoint.objects.filter(pk=paused.pk).update(status="paused")
            Endpoint.objects.filter(pk=deleted.pk).update(deleted_at=now())
            self.assertEqual(drain(), Counts(held=1, failed=1))
            self.assertEqual(receiver.received, [])
        self.assertEqual(Delivery.objects.get(endpoint=deleted).last_error, "endpoint_deleted")

    def test_a_database_away_keeps_the_result(self) -> None:
        real, failures = drains.settle, iter([OperationalError("gone"), OperationalError("gone")])

        def shaky(done: Any) -> str:
            for failure in failures:
                connection.close()
                raise failure
            return real(done)

        with (
            Receiver() as receiver,
            mock.patch.object(drains, "settle", shaky),
            mock.patch.object(drains, "PAUSE_SECONDS", 0),
        ):
            self.endpoint(receiver.url)
            publish(self.merchant)
            self.assertEqual(drain(), Counts(delivered=1))
            self.assertEqual(len(receiver.received), 1)
        self.assertEqual(self.rows(), [("delivered", 1, 200, "")])


def in_own_connection(seconds: float = 30) -> None:
    try:
        deliver_due(seconds=seconds)
    finally:
        connection.close()
