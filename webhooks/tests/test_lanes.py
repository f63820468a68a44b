"""Lanes: one drain at a time serves an endpoint, and nothing is lost when it dies."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.test import TransactionTestCase, override_settings

from merchants.models import Merchant
from merchants.tests.factories import make_merchant
from onpoint_pay.kit.clock import now
from webhooks.models import Attempt, Delivery, Lane, Secret
from webhooks.pace import Lane as HeldLane
from webhooks.services.drain import Counts
from webhooks.services.endpoints import rotate_secret
from webhooks.services.lanes import PROBE, START, Claim, Due, claim_lanes, fetch_due, renew
from webhooks.services.settle import Settled, settle
from webhooks.tests.factories import drain, make_delivery, make_endpoint, publish
from webhooks.tests.receiver import OK, Answer, Received, Receiver
from webhooks.tests.test_drain import in_own_connection

CHILD = """
import django
django.setup()
from webhooks.services.drain import drain_until_idle
input()
drain_until_idle()
"""


def end_leases() -> None:
    Lane.objects.exclude(lease_until=None).update(lease_until=now() - timedelta(seconds=1))


def claim(lanes: int = 25, *, drains: int = 1, after: UUID = START) -> Claim:
    return claim_lanes(lanes=lanes, drains=drains, after=after)


def fetch(*lanes: HeldLane, room: int = 10, flying: Sequence[int] = ()) -> list[Due]:
    rooms = {lane.endpoint_id: room for lane in lanes}
    return fetch_due(rooms, {lane.endpoint_id: lane for lane in lanes}, flying=flying)


def done(due: Due, lane: HeldLane, *, status: int) -> Settled:
    state, error = ("delivered", "") if status == 200 else ("open", f"http_{status}")
    return Settled(
        id=due.id,
        endpoint_id=due.endpoint_id,
        token=lane.token,
        n=due.tries + 1,
        state=state,
        error=error,
        started_at=now(),
        status=status,
    )


class Claiming(TransactionTestCase):
    def setUp(self) -> None:
        self.merchant: Merchant = make_merchant()

    def test_a_lane_that_is_held_is_not_taken_again_before_its_lease_ends(self) -> None:
        make_delivery(self.merchant)
        (first,) = claim().lanes
        self.assertEqual(claim().lanes, [])
        end_leases()
        (second,) = claim().lanes
        self.assertEqual((second.endpoint_id, second.leases_lost), (first.endpoint_id, 1))
        self.assertNotEqual(second.token, first.token)

    def test_leases_lost_are_counted_for_the_same_head_only(self) -> None:
        delivery = make_delivery(self.merchant)
        for lost in (0, 1, 2):
            (lane,) = claim().lanes
            self.assertEqual((lane.head, lane.leases_lost), (delivery.pk, lost))
            end_leases()
        Delivery.objects.filter(pk=delivery.pk).update(state="failed")
        publish(self.merchant)
        (lane,) = claim().lanes
        self.assertEqual(lane.leases_lost, 1)

    def test_passes_over_what_another_drain_is_claiming_at_this_moment(self) -> None:
        make_delivery(self.merchant)
        other = connection.copy()
        self.addCleanup(other.close)
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT endpoint_id FROM webhooks_lane FOR UPDATE")
            self.assertEqual(claim().lanes, [])
            cursor.execute("ROLLBACK")
        self.assertEqual(len(claim().lanes), 1)

    def test_leaves_what_is_not_due_not_open_or_to_be_left_alone(self) -> None:
        later, closed, broken, due = (make_delivery(make_merchant()) for _ in range(4))
        Delivery.objects.filter(pk=later.pk).update(next_attempt_at=now() + timedelta(hours=1))
        Delivery.objects.filter(pk=closed.pk).update(state="failed")
        Lane.objects.filter(pk=broken.endpoint_id).update(breaker="open", open_until=now() + timedelta(minutes=1))
        (found,) = claim().lanes
        self.assertEqual((found.endpoint_id, found.merchant_id), (due.endpoint_id, due.merchant_id))

    def test_a_broken_one_whose_time_has_come_is_half_open(self) -> None:
        broken = make_delivery(self.merchant)
        Lane.objects.filter(pk=broken.endpoint_id).update(breaker="open", open_until=now(), times_tripped=3)
        (found,) = claim().lanes
        self.assertEqual((found.breaker, found.times_tripped, found.room(0)), ("half", 3, 1))

    def test_walks_on_behind_the_last_endpoint_it_looked_at(self) -> None:
        waiting = [make_delivery(make_merchant()) for _ in range(PROBE + 2)]
        last = max(waiting, key=lambda delivery: delivery.endpoint_id)
        # Long after the newest deliveries.
        for _ in range(PROBE):
            publish(waiting[0].merchant)
        Delivery.objects.exclude(pk=last.pk).update(next_attempt_at=now() + timedelta(hours=1))
        first = claim()
        self.assertEqual(first.lanes, [])
        self.assertNotEqual(first.after, START)
        second = claim(after=first.after)
        self.assertEqual([lane.endpoint_id for lane in second.lanes], [last.endpoint_id])
        self.assertEqual(second.after, START)

    def test_sees_what_has_just_happened_wherever_the_walk_is(self) -> None:
        waiting = [make_delivery(make_merchant()) for _ in range(PROBE + 5)]
        Delivery.objects.update(next_attempt_at=now() + timedelta(hours=1))
        newest = make_delivery(make_merchant())
        found = claim(after=START)
        self.assertEqual([lane.endpoint_id for lane in found.lanes], [newest.endpoint_id])
        self.assertEqual(len(waiting), PROBE + 5)

    def test_takes_its_share_and_no_more_than_there_is_room_for(self) -> None:
        for _ in range(8):
            make_delivery(make_merchant())
        self.assertEqual((len(claim(2).lanes), len(claim(25, drains=4).lanes), len(claim(25).lanes)), (2, 3, 3))

    def test_inside_a_transaction_it_is_refused(self) -> None:
        with self.assertRaises(RuntimeError), transaction.atomic():
            claim()


class Fetching(TransactionTestCase):
    def setUp(self) -> None:
        self.merchant: Merchant = make_merchant()
        self.endpoint, _ = make_endpoint(self.merchant)

    def test_the_oldest_first_without_what_is_under_way(self) -> None:
        for _ in range(5):
            publish(self.merchant)
        keys = list(Delivery.objects.order_by("id").values_list("id", flat=True))
        (lane,) = claim().lanes
        self.assertEqual([due.id for due in fetch(lane, room=3)], keys[:3])
        self.assertEqual([due.id for due in fetch(lane, room=3, flying=keys[:2])], keys[2:])

    def test_behind_a_pile_the_newest_comes_along(self) -> None:
        for _ in range(9):
            publish(self.merchant)
        Delivery.objects.update(next_attempt_at=now() - timedelta(hours=2))
        publish(self.merchant)
        keys = list(Delivery.objects.order_by("id").values_list("id", flat=True))
        (lane,) = claim().lanes
        lane.is_behind = True
        self.assertEqual([due.id for due in fetch(lane, room=4)], [*keys[:3], keys[-1]])

    def test_a_lane_that_is_lost_brings_nothing(self) -> None:
        publish(self.merchant)
        (lane,) = claim().lanes
        end_leases()
        self.assertEqual(fetch(lane), [])
        self.assertEqual(renew([lane]), set())
        (owner,) = claim().lanes
        self.assertEqual(fetch(lane), [])
        self.assertEqual(len(fetch(owner)), 1)
        self.assertEqual(renew([lane, owner]), {owner.endpoint_id})

    def test_names_the_secrets_that_sign_the_newest_first(self) -> None:
        rotate_secret(self.endpoint, overlap_hours=1, actor="key_test")
        Secret.objects.filter(expires_at=None).update(created_at=now() + timedelta(seconds=1))
        rotate_secret(self.endpoint, overlap_hours=1, actor="key_test")
        publish(self.merchant)
        (lane,) = claim().lanes
        (due,) = fetch(lane)
        current = Secret.objects.get(endpoint=self.endpoint, expires_at=None)
        self.assertEqual((len(due.secret_ids), due.secret_ids[0]), (3, current.pk))


class LateOwner(TransactionTestCase):
    def test_writes_its_attempt_and_moves_nothing(self) -> None:
        delivery = make_delivery(make_merchant())
        (early,) = claim().lanes
        (due,) = fetch(early)
        end_leases()
        (owner,) = claim().lanes
        settle([done(due, early, status=500)], changed=[early], given_back=[early])
        delivery.refresh_from_db()
        lane = Lane.objects.get()
        self.assertEqual((delivery.state, delivery.tries, lane.lease_token), ("open", 0, owner.token))
        settle([done(due, owner, status=200)], changed=[], given_back=[owner])
        settle([done(due, early, status=500)], changed=[early], given_back=[])
        delivery.refresh_from_db()
        self.assertEqual((delivery.state, delivery.tries, delivery.last_error), ("delivered", 1, ""))
        lane.refresh_from_db()
        self.assertEqual((lane.lease_token, lane.lease_until), (None, None))
        self.assertEqual(Attempt.objects.count(), 3)

    def test_what_was_put_on_hold_while_it_was_under_way(self) -> None:
        arrived, failed = make_delivery(make_merchant()), make_delivery(make_merchant())
        lanes = {lane.endpoint_id: lane for lane in claim().lanes}
        dues = {due.id: due for due in fetch(*lanes.values())}
        Delivery.objects.update(state="held")
        settle(
            [
                done(dues[arrived.pk], lanes[arrived.endpoint_id], status=200),
                done(dues[failed.pk], lanes[failed.endpoint_id], status=500),
            ],
            changed=[],
            given_back=lanes.values(),
        )
        arrived.refresh_from_db()
        failed.refresh_from_db()
        self.assertEqual((arrived.state, failed.state, failed.tries), ("delivered", "held", 0))


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
