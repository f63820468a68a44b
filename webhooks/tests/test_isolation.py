"""One endpoint that is slow, broken, limited or poisoned, and the others, which notice nothing."""

import threading
import time
from datetime import timedelta
from typing import Any
from unittest import mock
from uuid import uuid4

from django.db import OperationalError, connection

from onpoint_pay.kit.clock import now
from webhooks.models import Delivery, Endpoint, Event, Lane, Secret
from webhooks.services import drain as drains
from webhooks.services import senders
from webhooks.services.drain import Counts, drain_until_idle
from webhooks.tests.factories import drain, publish
from webhooks.tests.receiver import OK, Answer, Received, Receiver, in_turn
from webhooks.tests.test_drain import BAD, DrainCase, in_own_connection


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
            self.assertEqual(len(receiver.of("/slow")), 1, "nobody knows yet how long it takes")
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

        with Receiver(script) as receiver, mock.patch.object(senders, "SLOW_SECONDS", 0):
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

    def test_an_endpoint_that_fails_is_left_alone_for_a_while(self) -> None:
        with Receiver(in_turn(BAD)) as receiver:
            self.endpoint(receiver.url)
            for _ in range(8):
                publish(self.merchant)
            self.assertEqual(drain(), Counts(open=5))
            lane = Lane.objects.get()
            self.assertEqual((lane.breaker, lane.failures_in_row, lane.send_window), ("open", 5, 1))
            self.assertGreater(lane.open_until, now())
            self.assertEqual(drain(), Counts())
            # What waits behind the breaker has spent no try.
            self.assertEqual(Delivery.objects.filter(tries=0).count(), 3)
            Lane.objects.update(open_until=now())
            receiver.script = in_turn(OK)
            self.assertEqual(drain(), Counts(delivered=3))
        lane.refresh_from_db()
        self.assertEqual((lane.breaker, lane.failures_in_row, lane.failing_since), ("closed", 0, None))

    def test_a_probe_that_fails_opens_the_breaker_again(self) -> None:
        with Receiver(in_turn(BAD)) as receiver:
            self.endpoint(receiver.url)
            for _ in range(8):
                publish(self.merchant)
            drain()
            Lane.objects.update(open_until=now())
            before = now()
            self.assertEqual(drain(), Counts(open=1))
        lane = Lane.objects.get()
        self.assertEqual((lane.breaker, lane.times_tripped), ("open", 2))
        self.assertGreaterEqual((lane.open_until - before).total_seconds(), 16)

    def test_a_receiver_that_asks_for_a_pause_gets_it_for_all(self) -> None:
        with Receiver(in_turn(Answer(status=429, headers={"Retry-After": "15"}), OK)) as receiver:
            self.endpoint(receiver.url)
            publish(self.merchant)
            publish(self.merchant)
            before = now()
            self.assertEqual(drain(), Counts(open=1))
            self.assertEqual(drain(), Counts())
        lane = Lane.objects.get()
        self.assertEqual(lane.breaker, "closed")
        self.assertGreaterEqual((lane.open_until - before).total_seconds(), 14.9)

    def test_a_limited_endpoint_gets_its_rate_and_no_more(self) -> None:
        with Receiver() as receiver:
            endpoint, _ = self.endpoint(receiver.url)
            Endpoint.objects.filter(pk=endpoint.pk).update(rate_limit=1)
            for _ in range(3):
                publish(self.merchant)
            drain_until_idle(seconds=0.1)
            self.assertLessEqual(len(receiver.received), 1)
            self.assertEqual(Delivery.objects.filter(state="open").count(), 3 - len(receiver.received))

    def test_one_that_ends_its_drain_again_and_again_is_set_aside(self) -> None:
        with Receiver() as receiver:
            self.endpoint(receiver.url)
            publish(self.merchant)
            publish(self.merchant)
            first = Delivery.objects.earliest("id")
            Lane.objects.update(
                lease_until=now() - timedelta(seconds=1), lease_token=uuid4(), head=first.pk, leases_lost=2
            )
            with self.assertLogs("webhooks.services.drain", "ERROR"):
                self.assertEqual(drain(), Counts(delivered=1))
        first.refresh_from_db()
        self.assertEqual((first.state, first.tries, first.last_error), ("open", 1, "interrupted"))
        self.assertGreater(first.next_attempt_at, now())

    def test_a_fault_of_ours_in_one_delivery_leaves_the_others(self) -> None:
        with Receiver() as receiver:
            poisoned, _ = self.endpoint(f"{receiver.url}/poisoned")
            self.endpoint(f"{receiver.url}/well")
            Secret.objects.filter(endpoint=poisoned).update(ciphertext="v1.k1.nonsense")
            publish(self.merchant)
            with self.assertLogs("webhooks.services.drain", "ERROR"):
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

        def shaky(*tries: Any, **lanes: Any) -> None:
            for failure in failures:
                connection.close()
                raise failure
            real(*tries, **lanes)

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
