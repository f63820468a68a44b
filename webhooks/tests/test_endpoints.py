"""Endpoints, their secrets, and the hidden ones behind callback URLs."""

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest import mock
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.test import TestCase, TransactionTestCase, override_settings

from audit.models import AuditEvent
from merchants.models import Merchant
from merchants.tests.factories import make_merchant
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import CannotOpen
from onpoint_pay.kit.errors import NotFound, Problem
from onpoint_pay.kit.ids import to_public
from webhooks.models import Delivery, Endpoint, Event, Lane, Notice, Secret
from webhooks.schedule import GONE_LEVEL
from webhooks.services import endpoints, holding
from webhooks.services.holding import hold_leftovers
from webhooks.services.secrets import open_secret
from webhooks.tests.factories import URL, make_delivery, make_endpoint, publish


def live(endpoint: Endpoint) -> list[str]:
    return alive(Secret.objects.filter(endpoint=endpoint))


def alive(secrets: QuerySet[Secret]) -> list[str]:
    """Those that sign now, the newest first."""
    found = secrets.filter(Q(expires_at=None) | Q(expires_at__gt=now())).order_by(
        F("expires_at").desc(nulls_first=True)
    )
    return [open_secret(secret) for secret in found]


def actions(merchant: Merchant) -> list[tuple[str, str]]:
    return list(AuditEvent.objects.filter(stream=f"m{merchant.pk}").order_by("seq").values_list("action", "actor"))


class Adding(TestCase):
    def setUp(self) -> None:
        self.merchant = make_merchant()

    def add(self, url: str = URL, mode: str = "test", events: tuple[str, ...] = ("*",)) -> Endpoint:
        return make_endpoint(self.merchant, url=url, mode=mode, events=events)[0]

    def test_shows_a_secret_that_is_stored_sealed(self) -> None:
        endpoint, secret = make_endpoint(self.merchant, events=["payment.*", "*", "payment.*"])
        self.assertEqual(live(endpoint), [secret])
        row = Secret.objects.get(endpoint=endpoint)
        self.assertNotIn(secret.removeprefix("whsec_"), row.ciphertext)
        self.assertEqual((row.last4, endpoint.events, endpoint.status), (secret[-4:], ["payment.*", "*"], "enabled"))
        self.assertEqual(actions(self.merchant), [("webhook_endpoint.created", "key_test")])

    def test_a_sealed_secret_opens_in_its_own_row_only(self) -> None:
        first, second = self.add(), self.add()
        moved = Secret.objects.get(endpoint=first)
        moved.pk = Secret.objects.get(endpoint=second).pk
        with self.assertRaises(CannotOpen):
            open_secret(moved)

    def test_refuses_bad_urls_and_events(self) -> None:
        cases: list[tuple[str, str, dict[str, Any]]] = [
            ("callback_url_forbidden", "url", {"url": "http://127.0.0.1/"}),
            ("callback_url_invalid", "url", {"url": "http://shop.example/", "mode": "live"}),
            ("parameter_invalid", "events[1]", {"events": ("*", "payment.done")}),
            ("parameter_invalid", "events", {"events": ()}),
        ]
        for code, param, values in cases:
            with self.assertRaises(Problem) as caught:
                self.add(**values)
            self.assertEqual((caught.exception.code, caught.exception.param), (code, param))
        self.assertEqual((Endpoint.objects.count(), Secret.objects.count(), actions(self.merchant)), (0, 0, []))

    def test_sixteen_in_each_mode(self) -> None:
        for number in range(16):
            self.add(f"{URL}/{number}")
        with self.assertRaises(Problem) as caught:
            self.add()
        self.assertEqual(caught.exception.code, "limit_exceeded")
        self.add(mode="live")
        endpoints.delete_endpoint(Endpoint.objects.filter(mode="test")[0], actor="key_test")
        self.add()


class Changing(TestCase):
    def setUp(self) -> None:
        self.merchant = make_merchant()
        self.delivery = make_delivery(self.merchant)
        self.endpoint = self.delivery.endpoint

    def change(self, **changes: Any) -> Endpoint:
        return endpoints.update_endpoint(self.endpoint, changes=changes, actor="key_test")

    def state(self) -> str:
        self.delivery.refresh_from_db()
        return self.delivery.state

    def test_pausing_holds_what_is_open_and_enabling_leaves_it(self) -> None:
        self.assertEqual(self.change(status="paused").version, 2)
        self.assertEqual(self.state(), "held")
        self.assertEqual(self.change(status="enabled").version, 3)
        self.assertEqual(self.state(), "held")
        publish(self.merchant)
        self.assertTrue(Delivery.objects.filter(state="open").exists())

    def test_enabling_and_moving_hold_nothing_against_it(self) -> None:
        bad = {
            "breaker": "open",
            "open_until": now() + timedelta(minutes=10),
            "times_tripped": 4,
            "failures_in_row": 9,
            "failing_since": now() - timedelta(days=2),
            "failing_tries": 30,
            "failing_events": 4,
            "notified_level": 1,
            "send_window": 1,
            "last_ms": 15_000,
        }
        for changes in ({"status": "enabled"}, {"url": f"{URL}/moved"}):
            Endpoint.objects.update(status="disabled" if "status" in changes else "enabled")
            Lane.objects.update(**bad)
            changed = self.change(**changes)
            lane = Lane.objects.get(endpoint=self.endpoint)
            self.assertEqual({name: getattr(lane, name) for name in bad}, endpoints.FRESH_LANE)
            self.assertIsNone(changed.lane.failing_since)
        Lane.objects.update(**bad)
        self.change(description="till 4", events=["payment.*"], rate_limit=5)
        self.assertEqual(Lane.objects.get(endpoint=self.endpoint).failures_in_row, 9)

    def test_no_change_is_no_news(self) -> None:
        before = actions(self.merchant)
        self.assertEqual(self.change(url=URL, status="enabled").version, 1)
        self.assertEqual(actions(self.merchant), before)

    def test_what_changed_is_audited_without_its_values(self) -> None:
        self.change(description="till 4", events=["payment.*"])
        link = AuditEvent.objects.filter(stream=f"m{self.merchant.pk}").latest("seq")
        self.assertEqual((link.action, link.told), ("webhook_endpoint.updated", {"changed": ["description", "events"]}))

    def test_deleting_gives_up_what_is_left(self) -> None:
        endpoints.delete_endpoint(self.endpoint, actor="key_test")
        self.assertEqual(self.state(), "failed")
        self.assertEqual(self.delivery.last_error, "endpoint_deleted")
        self.assertFalse(Secret.objects.filter(endpoint=self.endpoint).exists())
        for again in (
            lambda: endpoints.delete_endpoint(self.endpoint, actor="key_test"),
            lambda: self.change(description="x"),
            lambda: endpoints.rotate_secret(self.endpoint, overlap_hours=24, actor="key_test"),
        ):
            with self.assertRaises(NotFound):
                again()

    def test_disabling_holds_and_is_told_once(self) -> None:
        for _ in range(2):
            endpoints.disable_endpoint(self.endpoint.pk, reason="410")
        self.assertEqual(self.state(), "held")
        self.assertEqual(actions(self.merchant).count(("webhook_endpoint.disabled", "system")), 1)
        notice = Notice.objects.get()
        self.assertEqual((notice.endpoint_id, notice.level, notice.days), (self.endpoint.pk, GONE_LEVEL, 0))

    def test_disabling_leaves_what_its_owner_has_paused(self) -> None:
        self.change(status="paused")
        endpoints.disable_endpoint(self.endpoint.pk, reason="410")
        self.endpoint.refresh_from_db()
        self.assertEqual((self.endpoint.status, Notice.objects.count()), ("paused", 0))

    def test_disabling_is_told_to_the_others_alone(self) -> None:
        other, _ = make_endpoint(self.merchant, url=f"{URL}/other", events=["webhook_endpoint.disabled"])
        make_endpoint(self.merchant, url=f"{URL}/deaf", events=["payment.*"])
        make_endpoint(make_merchant())
        for _ in range(2):
            endpoints.disable_endpoint(self.endpoint.pk, reason="410")
            self.change(status="enabled")
        events = list(Event.objects.filter(type="webhook_endpoint.disabled").order_by("id"))
        self.assertEqual(len(events), 2)
        for event in events:
            self.assertEqual(list(Delivery.objects.filter(event=event).values_list("endpoint", flat=True)), [other.pk])
        body = json.loads(events[0].body)["data"]
        self.assertEqual(
            (body["object"]["id"], body["object"]["status"]), (to_public("whe", self.endpoint.pk), "disabled")
        )
        self.assertEqual(body["previous"], {"status": "enabled"})


class Leftovers(TransactionTestCase):
    def setUp(self) -> None:
        self.merchant = make_merchant()
        self.delivery = make_delivery(self.merchant)
        self.endpoint = self.delivery.endpoint

    def states(self) -> list[str]:
        return list(Delivery.objects.order_by("id").values_list("state", flat=True))

    def test_what_is_being_settled_is_passed_over_and_found_later(self) -> None:
        publish(self.merchant)
        other = connection.copy()
        self.addCleanup(other.close)
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT id FROM webhooks_delivery WHERE id = %s FOR UPDATE", [self.delivery.pk])
            endpoints.update_endpoint(self.endpoint, changes={"status": "paused"}, actor="key_test")
            self.assertEqual((self.states(), hold_leftovers()), (["open", "held"], 0))
            cursor.execute("ROLLBACK")
        self.assertEqual((hold_leftovers(), self.states()), (1, ["held", "held"]))
        self.assertEqual(hold_leftovers(), 0)

    def test_a_pile_is_worked_off_in_parts(self) -> None:
        for _ in range(4):
            publish(self.merchant)
        with mock.patch.multiple(holding, AT_ONCE=2, IN_A_ROW=2), mock.patch("onpoint_pay.kit.jobs._send") as send:
            endpoints.update_endpoint(self.endpoint, changes={"status": "paused"}, actor="key_test")
            self.assertEqual(self.states().count("held"), 2)
            send.assert_called_once_with(holding.HOLD_LEFTOVERS)
            self.assertEqual(hold_leftovers(), 3)
            self.assertEqual(set(self.states()), {"held"})
            endpoints.delete_endpoint(self.endpoint, actor="key_test")
            self.assertEqual(self.states().count("failed"), 2)
            self.assertEqual(hold_leftovers(), 3)
        self.assertEqual(set(self.states()), {"failed"})
        self.assertEqual(set(Delivery.objects.values_list("last_error", flat=True)), {"endpoint_deleted"})

    def test_what_is_enabled_is_left_alone(self) -> None:
        self.assertEqual((hold_leftovers(), self.states()), (0, ["open"]))

    def test_publishing_does_not_wait_for_a_change(self) -> None:
        """The change holds its lock while the event is written in another connection."""
        with transaction.atomic():
            endpoints.update_endpoint(self.endpoint, changes={"status": "paused"}, actor="key_test")
            at_once([lambda: publish(self.merchant)])
        self.assertEqual(self.states(), ["held", "open"])
        self.assertEqual((hold_leftovers(), self.states()), (1, ["held", "held"]))


class Rotating(TestCase):
    def setUp(self) -> None:
        self.merchant = make_merchant()
        self.endpoint, self.first = make_endpoint(self.merchant)

    def rotate(self, hours: int = 24) -> str:
        return endpoints.rotate_secret(self.endpoint, overlap_hours=hours, actor="key_test")

    def test_both_live_the_newest_first(self) -> None:
        second = self.rotate()
        self.assertEqual(live(self.endpoint), [second, self.first])
        self.assertIn(("webhook_endpoint.secret_rotated", "key_test"), actions(self.merchant))

    def test_without_overlap_the_old_one_ends_now(self) -> None:
        second = self.rotate(0)
        self.assertEqual(live(self.endpoint), [second])

    def test_a_later_rotation_lengthens_nothing(self) -> None:
        self.rotate(1)
        third = self.rotate(168)
        self.assertEqual(live(self.endpoint)[0], third)
        oldest = Secret.objects.filter(endpoint=self.endpoint).order_by("expires_at")[0]
        self.assertLess(oldest.expires_at - now(), timedelta(hours=2))

    def test_five_live_at_most(self) -> None:
        for _ in range(4):
            self.rotate()
        with self.assertRaises(Problem) as caught:
            self.rotate()
        self.assertEqual(caught.exception.code, "state_conflict")
        self.assertEqual(len(live(self.endpoint)), 5)
        self.rotate(0)
        self.assertEqual(len(live(self.endpoint)), 1)

    def test_overlap_has_bounds(self) -> None:
        for hours in (-1, 169):
            with self.assertRaises(Problem):
                self.rotate(hours)
            with self.assertRaises(Problem):
                endpoints.rotate_default_secret(merchant_id=self.merchant.pk, mode="test", overlap_hours=hours)


class DefaultSecret(TestCase):
    def test_is_made_once_for_each_mode(self) -> None:
        merchant = make_merchant()
        made = endpoints.ensure_default_secret(merchant_id=merchant.pk, mode="test")
        self.assertIsNone(endpoints.ensure_default_secret(merchant_id=merchant.pk, mode="test"))
        self.assertEqual(endpoints.default_secret(merchant.pk, "test"), made)
        self.assertNotEqual(endpoints.default_secret(merchant.pk, "live"), made)

    def test_rotates_with_overlap(self) -> None:
        merchant = make_merchant()
        first = endpoints.default_secret(merchant.pk, "test")
        second = endpoints.rotate_default_secret(merchant_id=merchant.pk, mode="test")
        self.assertEqual(alive(Secret.objects.filter(merchant=merchant, endpoint=None)), [second, first])
        self.assertEqual(actions(merchant), [("webhook_secret.rotated", "system")])


class InlineEndpoints(TransactionTestCase):
    def setUp(self) -> None:
        self.merchant = make_merchant()

    def get(self, url: str = URL, mode: str = "test") -> UUID:
        return endpoints.inline_endpoint(merchant_id=self.merchant.pk, mode=mode, url=url)

    def test_a_repeat_costs_no_query(self) -> None:
        first = self.get()
        with self.assertNumQueries(0):
            self.assertEqual(self.get(), first)
        self.assertNotEqual(self.get(f"{URL}?b"), first)
        self.assertNotEqual(self.get(mode="live"), first)
        self.assertTrue(Secret.objects.filter(merchant=self.merchant, mode="test", endpoint=None).exists())

    def test_nothing_is_remembered_of_a_rollback(self) -> None:
        with transaction.atomic():
            lost = self.get()
            transaction.set_rollback(True)
        found = self.get()
        self.assertNotEqual(found, lost)
        self.assertTrue(Endpoint.objects.filter(pk=found, kind="inline").exists())

    def test_refuses_bad_urls_naming_callback_url(self) -> None:
        with self.assertRaises(Problem) as caught:
            self.get("http://10.0.0.1/")
        self.assertEqual((caught.exception.code, caught.exception.param), ("callback_url_forbidden", "callback_url"))
        with override_settings(WEBHOOK_ALLOW_PRIVATE=True):
            self.get("http://10.0.0.1/")

    def test_only_its_status_and_description_change(self) -> None:
        endpoint = Endpoint.objects.get(pk=self.get())
        for refused in (
            lambda: endpoints.update_endpoint(endpoint, changes={"url": f"{URL}/2"}, actor="key_test"),
            lambda: endpoints.update_endpoint(endpoint, changes={"events": ["*"]}, actor="key_test"),
            lambda: endpoints.delete_endpoint(endpoint, actor="key_test"),
            lambda: endpoints.rotate_secret(endpoint, overlap_hours=1, actor="key_test"),
        ):
            with self.assertRaises(Problem) as caught:
                refused()
            self.assertEqual(caught.exception.code, "state_conflict")
        endpoint = endpoints.update_endpoint(endpoint, changes={"status": "paused", "rate_limit": 5}, actor="key_test")
        self.assertEqual((endpoint.status, endpoint.rate_limit), ("paused", 5))

    def test_many_first_sights_at_once_make_one(self) -> None:
        found = at_once([self.get] * 8)
        self.assertEqual(len(set(found)), 1)
        self.assertEqual(Endpoint.objects.count(), 1)
        self.assertEqual(Secret.objects.count(), 1)


class Racing(TransactionTestCase):
    def test_sixteen_hold_when_many_add_at_once(self) -> None:
        merchant = make_merchant()
        for number in range(14):
            make_endpoint(merchant, url=f"{URL}/{number}")

        def add() -> bool:
            try:
                make_endpoint(merchant)
            except Problem:
                return False
            return True

        self.assertEqual(sorted(at_once([add] * 6)), [False] * 4 + [True] * 2)
        self.assertEqual(Endpoint.objects.count(), 16)


def at_once(works: list[Callable[[], Any]]) -> list[Any]:
    """Each in a thread with a connection of its own, all let go together."""
    start, results = threading.Barrier(len(works)), []

    def run(work: Callable[[], Any]) -> None:
        try:
            start.wait(10)
            results.append(work())
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
