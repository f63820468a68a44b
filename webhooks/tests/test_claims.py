"""Leases: one drain at a time, and nothing is lost when one dies."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from datetime import timedelta
from urllib.parse import quote

from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase, override_settings

from merchants.models import Merchant
from merchants.tests.factories import make_merchant
from onpoint_pay.kit.clock import now
from webhooks.channels import Result
from webhooks.models import Attempt, Delivery
from webhooks.services.claims import PER_ENDPOINT, PROBE, Claimed, claim_due
from webhooks.services.delivery import Counts
from webhooks.services.settle import Try, settle
from webhooks.tests.factories import drain, make_delivery, make_endpoint, publish
from webhooks.tests.receiver import OK, Answer, Received, Receiver
from webhooks.tests.test_delivery import in_own_connection

CHILD = """
import django
django.setup()
from webhooks.services.delivery import deliver_due
input()
deliver_due()
"""


def end_leases() -> None:
    Delivery.objects.exclude(lease_until=None).update(lease_until=now() - timedelta(seconds=1))


def done(claimed: Claimed, result: Result) -> Try:
    return Try(claimed=claimed, result=result, headers={}, started_at=now(), total_ms=1)


class Claiming(TransactionTestCase):
    def setUp(self) -> None:
        self.merchant: Merchant = make_merchant()

    def test_a_few_of_each_endpoint_the_oldest_first(self) -> None:
        for _ in range(2):
            make_endpoint(self.merchant)
        for _ in range(PER_ENDPOINT + 2):
            publish(self.merchant)
        found = claim_due(room=64, busy=[])
        self.assertIsNone(found.after)
        counted = Counter(claimed.endpoint_id for claimed in found.deliveries)
        self.assertEqual(set(counted.values()), {PER_ENDPOINT})
        oldest = Delivery.objects.order_by("id").values_list("id", flat=True)[: 2 * PER_ENDPOINT]
        self.assertEqual([claimed.id for claimed in found.deliveries], list(oldest))

    def test_what_is_leased_is_not_claimed_again_before_its_end(self) -> None:
        make_delivery(self.merchant)
        (first,) = claim_due(room=64, busy=[]).deliveries
        self.assertEqual(claim_due(room=64, busy=[]).deliveries, [])
        end_leases()
        (second,) = claim_due(room=64, busy=[]).deliveries
        self.assertEqual(second.id, first.id)
        self.assertGreater(second.lease_until, first.lease_until)

    def test_passes_over_what_another_drain_is_claiming_at_this_moment(self) -> None:
        delivery = make_delivery(self.merchant)
        other = connection.copy()
        self.addCleanup(other.close)
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT id FROM webhooks_delivery FOR UPDATE")
            self.assertEqual(claim_due(room=64, busy=[]).deliveries, [])
            cursor.execute("ROLLBACK")
        self.assertEqual([claimed.id for claimed in claim_due(room=64, busy=[]).deliveries], [delivery.pk])

    def test_leaves_busy_endpoints_and_what_is_not_due_or_not_open(self) -> None:
        busy, later, closed, due = (make_delivery(make_merchant()) for _ in range(4))
        Delivery.objects.filter(pk=later.pk).update(next_attempt_at=now() + timedelta(hours=1))
        Delivery.objects.filter(pk=closed.pk).update(state="failed")
        (found,) = claim_due(room=64, busy=[busy.endpoint_id]).deliveries
        self.assertEqual(found.id, due.pk)

    def test_walks_on_behind_the_last_endpoint_it_looked_at(self) -> None:
        waiting = [make_delivery(make_merchant()) for _ in range(PROBE + 1)]
        Delivery.objects.exclude(pk=waiting[-1].pk).update(next_attempt_at=now() + timedelta(hours=1))
        first = claim_due(room=64, busy=[])
        self.assertEqual(first.deliveries, [])
        assert first.after is not None
        second = claim_due(room=64, busy=[], after=first.after)
        self.assertEqual([claimed.id for claimed in second.deliveries], [waiting[-1].pk])
        self.assertIsNone(second.after)

    def test_takes_no_more_than_there_is_room_for(self) -> None:
        for _ in range(3):
            make_delivery(make_merchant())
        self.assertEqual(len(claim_due(room=2, busy=[]).deliveries), 2)
        self.assertEqual(len(claim_due(room=2, busy=[]).deliveries), 1)


class LateOwner(TransactionTestCase):
    def test_writes_its_attempt_and_moves_nothing(self) -> None:
        delivery = make_delivery(make_merchant())
        (early,) = claim_due(room=1, busy=[]).deliveries
        end_leases()
        (owner,) = claim_due(room=1, busy=[]).deliveries
        settle(done(early, Result(error="http_500", status=500)))
        delivery.refresh_from_db()
        self.assertEqual((delivery.state, delivery.tries, delivery.lease_until), ("open", 0, owner.lease_until))
        settle(done(owner, Result(error="", status=200)))
        settle(done(early, Result(error="http_500", status=500)))
        delivery.refresh_from_db()
        self.assertEqual((delivery.state, delivery.tries, delivery.last_error), ("delivered", 1, ""))
        self.assertEqual(Attempt.objects.count(), 3)


@override_settings(WEBHOOK_ALLOW_PRIVATE=True)
class TwoDrains(TransactionTestCase):
    def test_never_send_the_same_delivery_within_one_lease(self) -> None:
        with Receiver() as receiver:
            merchant = make_merchant()
            for number in range(4):
                make_endpoint(merchant, url=f"{receiver.url}/{number}")
            for _ in range(25):
                publish(merchant)
            runs = [threading.Thread(target=in_own_connection) for _ in range(3)]
            for run in runs:
                run.start()
            for run in runs:
                run.join()
            sent = Counter((each.path, each.headers["webhook-id"]) for each in receiver.received)
        self.assertEqual((len(sent), set(sent.values())), (100, {1}))
        self.assertEqual(Delivery.objects.filter(state="delivered").count(), 100)
        self.assertEqual(Attempt.objects.count(), 100)


@override_settings(WEBHOOK_ALLOW_PRIVATE=True)
class Killed(TransactionTestCase):
    def test_between_sending_and_writing_it_is_sent_again_after_the_lease(self) -> None:
        child: list[subprocess.Popen[bytes]] = []

        def kill(received: Received) -> Answer:
            if len(receiver.received) == 1:
                os.kill(child[0].pid, signal.SIGKILL)
            return OK

        with Receiver(kill) as receiver:
            make_endpoint(make_merchant(), url=receiver.url)
            publish(Merchant.objects.get())
            with open_child() as process:
                child.append(process)
                # Only now, when the receiver knows whom to kill, may it begin.
                process.communicate(b"go\n", timeout=120)
                self.assertEqual(process.returncode, -signal.SIGKILL)
            self.assertEqual((Attempt.objects.count(), Delivery.objects.get().state), (0, "open"))
            self.assertEqual(drain(), Counts(), "its lease still runs")
            end_leases()
            self.assertEqual(drain(), Counts(delivered=1))
        first, second = receiver.received
        self.assertEqual(first.headers["webhook-id"], second.headers["webhook-id"])
        self.assertEqual(first.body, second.body)


def open_child() -> subprocess.Popen[bytes]:
    """Another process that drains this test's own database."""
    database = connection.settings_dict
    password = quote(database["PASSWORD"], safe="")
    url = f"postgres://{quote(database['USER'])}:{password}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    environ = {
        **os.environ,
        "DATABASE_URL": url,
        "WEBHOOK_ALLOW_PRIVATE": "true",
    }
    command = [sys.executable, "-c", CHILD]
    return subprocess.Popen(command, env=environ, cwd=settings.BASE_DIR, stdin=subprocess.PIPE)
