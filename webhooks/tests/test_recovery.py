"""Recovering what an endpoint missed: which deliveries, how fast, and what a crash leaves of it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from unittest import mock

from django.db import connection
from django.test import TestCase, TransactionTestCase, override_settings

from audit.models import AuditEvent
from merchants.tests.base import ApiTestCase
from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import to_public
from webhooks.models import Delivery, Endpoint, Lane, Recovery
from webhooks.serializers.recoveries import WebhookRecoverySerializer
from webhooks.services import endpoints, recovery
from webhooks.services.recovery import advance, run_recoveries, start_recovery
from webhooks.services.trial import send_test
from webhooks.tests.factories import drain, make_endpoint, publish
from webhooks.tests.receiver import Receiver

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def ago(**span: float) -> datetime:
    return now() - timedelta(**span)


class Base:
    endpoint: Endpoint

    def setUp(self) -> None:
        super().setUp()  # type: ignore[misc]
        self.merchant = make_merchant()
        self.endpoint, _ = make_endpoint(self.merchant)

    def deliver(self, state: str, *, age: timedelta = HOUR, **more: Any) -> int:
        """The key of a delivery of this age in this state, after 13 tries."""
        event_id = publish(self.merchant, **more)
        made = Delivery.objects.get(event_id=event_id, endpoint=self.endpoint)
        at = now() - age
        ended = {"delivered_at": at} if state == "delivered" else {"last_error": "http_500"}
        Delivery.objects.filter(pk=made.pk).update(state=state, tries=13, created_at=at, **ended)
        return int(made.pk)

    def start(self, **more: Any) -> Recovery:
        return start_recovery(self.endpoint, **({"since": ago(days=2), "actor": "key_test"} | more))

    def keys(self, state: str = "open") -> list[int]:
        return list(Delivery.objects.filter(state=state).order_by("id").values_list("id", flat=True))


class Choosing(Base, TestCase):
    def opened_by(self, **wanted: Any) -> list[int]:
        job = self.start(**wanted)
        run_recoveries()
        job.refresh_from_db()
        found = list(Delivery.objects.filter(trigger="recover").order_by("id").values_list("id", flat=True))
        self.assertEqual((job.state, job.opened), ("done", len(found)))
        self.assertIsNotNone(job.finished_at)
        return found

    def test_what_was_missed_unless_told_otherwise(self) -> None:
        failed, held, delivered = (self.deliver(state) for state in ("failed", "held", "delivered"))
        for only, expected in [
            ("failed", [failed]),
            ("held", [held]),
            (None, [failed, held]),
            ("missed", [failed, held]),
            ("all", [failed, held, delivered]),
        ]:
            with self.subTest(only=only):
                Delivery.objects.update(trigger="auto")
                Delivery.objects.filter(pk=failed).update(state="failed")
                Delivery.objects.filter(pk=held).update(state="held")
                self.assertEqual(self.opened_by(**({"only": only} if only else {})), expected)

    def test_of_that_time_and_of_those_types(self) -> None:
        self.deliver("failed", age=3 * DAY)
        wanted = self.deliver("failed", age=DAY)
        self.deliver("failed", age=HOUR)
        self.deliver("failed", age=DAY, type="refund.failed")
        found = self.opened_by(since=ago(days=2), until=ago(hours=2), types=["payment.*", "c2b.matched"])
        self.assertEqual(found, [wanted])
        self.assertEqual(Recovery.objects.get().seen, 2)

    def test_of_this_endpoint_alone(self) -> None:
        other, _ = make_endpoint(self.merchant)
        mine = self.deliver("delivered")
        Delivery.objects.filter(endpoint=other).update(state="failed", created_at=ago(hours=1))
        self.assertEqual(self.opened_by(only="all"), [mine])
        self.assertEqual(Delivery.objects.get(endpoint=other).state, "failed")

    def test_what_is_open_is_left_as_it_is(self) -> None:
        publish(self.merchant)
        Delivery.objects.update(tries=4, created_at=ago(hours=1))
        self.assertEqual(self.opened_by(only="all"), [])
        self.assertEqual(Delivery.objects.get().tries, 4)

    def test_tests_are_not_missed(self) -> None:
        tried = send_test(self.endpoint, type="payment.completed")
        Delivery.objects.filter(pk=tried.pk).update(state="failed", created_at=ago(hours=1))
        wanted = self.deliver("failed")
        self.assertEqual(self.opened_by(only="all"), [wanted])

    def test_an_opened_one_begins_anew(self) -> None:
        key = self.deliver("delivered")
        self.opened_by(only="all")
        row = Delivery.objects.get(pk=key)
        self.assertEqual((row.state, row.tries, row.trigger, row.last_error), ("open", 0, "recover", ""))
        self.assertIsNone(row.delivered_at)
        self.assertEqual(row.expires_at - row.next_attempt_at, timedelta(hours=76))

    def test_a_walk_does_not_begin_with_the_first_delivery_ever(self) -> None:
        keys = [self.deliver("failed") for _ in range(3)]
        with connection.cursor() as cursor:
            # Events of two days ago, by the time in their keys.
            cursor.execute("UPDATE webhooks_delivery SET event_id = uuidv7('-2 days') WHERE id <= %s", [keys[1]])
            cursor.execute(
                "INSERT INTO webhooks_event (id, merchant_id, mode, type, api_version, body, created_at)"
                " SELECT d.event_id, merchant_id, mode, 'payment.failed', '', '', now() FROM webhooks_delivery d"
                " WHERE id <= %s",
                [keys[1]],
            )
        self.assertEqual(self.start(since=ago(hours=30)).cursor, keys[1])


class Refusing(Base, TestCase):
    def refusal(self, **wanted: Any) -> tuple[str, str | None]:
        with self.assertRaises(Problem) as caught:
            self.start(**wanted)
        return caught.exception.code, caught.exception.param

    def test_times_and_types_that_make_no_sense(self) -> None:
        for wanted, expected in [
            ({"since": now() + HOUR}, ("date_invalid", "since")),
            ({"since": ago(hours=1), "until": ago(hours=2)}, ("date_invalid", "since")),
            ({"types": ["payment.*", "payment.done"]}, ("parameter_invalid", "types[1]")),
        ]:
            self.assertEqual(self.refusal(**wanted), expected)
        self.assertFalse(Recovery.objects.exists())

    def test_an_endpoint_that_is_off(self) -> None:
        for status in ("paused", "disabled"):
            Endpoint.objects.update(status=status)
            self.assertEqual(self.refusal(), ("state_conflict", None))

    def test_a_second_one_while_the_first_is_running(self) -> None:
        self.start()
        self.assertEqual(self.refusal(), ("state_conflict", None))
        run_recoveries()
        self.start()

    def test_it_is_audited(self) -> None:
        made = self.start(types=["payment.*"])
        link = AuditEvent.objects.filter(stream=f"m{self.merchant.pk}").latest("seq")
        self.assertEqual((link.action, link.actor), ("webhook_endpoint.recovery_started", "key_test"))
        self.assertEqual(link.detail["recovery"], to_public("whr", made.pk))


class Pacing(Base, TestCase):
    def due(self) -> list[datetime]:
        found = Delivery.objects.filter(trigger="recover").order_by("id").values_list("next_attempt_at", flat=True)
        return list(found)

    @override_settings(WEBHOOK_RECOVER_PER_SECOND=2.0)
    def test_they_fall_due_one_after_the_other(self) -> None:
        for _ in range(4):
            self.deliver("failed")
        self.start()
        with mock.patch.object(recovery, "RANGE", 2):
            run_recoveries()
        due = self.due()
        self.assertGreater(due[0], now() - timedelta(seconds=30))
        self.assertEqual({later - earlier for earlier, later in pairwise(due)}, {timedelta(seconds=0.5)})
        self.assertEqual(Recovery.objects.get().due_until, due[-1])

    @override_settings(WEBHOOK_RECOVER_PER_SECOND=0.01)
    def test_a_second_recovery_queues_behind_the_first(self) -> None:
        first = self.deliver("failed")
        self.start(only="failed")
        run_recoveries()
        self.deliver("held")
        self.start(only="held")
        run_recoveries()
        earlier, later = self.due()
        self.assertEqual(later - earlier, timedelta(seconds=100))
        endpoints.update_endpoint(self.endpoint, changes={"status": "paused"}, actor="key_test")
        endpoints.update_endpoint(self.endpoint, changes={"status": "enabled"}, actor="key_test")
        self.start(only="held")
        run_recoveries()
        self.assertLess(Delivery.objects.get(pk=first).next_attempt_at, now() + timedelta(seconds=101))

    @override_settings(WEBHOOK_RECOVER_PER_SECOND=50.0)
    def test_half_of_a_small_rate_is_left_to_live_ones(self) -> None:
        Endpoint.objects.update(rate_limit=1)
        for _ in range(2):
            self.deliver("failed")
        self.start()
        run_recoveries()
        earlier, later = self.due()
        self.assertEqual(later - earlier, timedelta(seconds=2))

    def test_fifty_thousand_are_spread_and_live_ones_are_not_behind(self) -> None:
        pile = 50_000
        self.deliver("failed")
        with connection.cursor() as cursor:
            cursor.execute(
                """
                WITH made AS (
                  INSERT INTO webhooks_event (id, merchant_id, mode, type, key, api_version, body, created_at)
                  SELECT uuidv7('-1 hour'), %(merchant)s, 'test', 'payment.failed', 'n' || n, '', '{}', now()
                  FROM generate_series(2, %(pile)s) AS n RETURNING id)
                INSERT INTO webhooks_delivery
                  (event_id, endpoint_id, merchant_id, mode, state, created_at, next_attempt_at, expires_at)
                SELECT id, %(endpoint)s, %(merchant)s, 'test', 'held', now() - interval '1 hour', now(), now() FROM made
                """,
                {"merchant": self.merchant.pk, "endpoint": self.endpoint.pk, "pile": pile},
            )
        job = self.start()
        self.assertEqual(run_recoveries(seconds=120), pile)
        job.refresh_from_db()
        self.assertEqual((job.state, job.seen, job.opened), ("done", pile, pile))
        live = publish(self.merchant)
        before_it = Delivery.objects.filter(
            state="open", next_attempt_at__lte=Delivery.objects.get(event_id=live).next_attempt_at
        )
        # Fifty a second: what is due by now is what one second of the test brought, not the pile.
        self.assertLess(before_it.count(), pile / 10)
        assert job.due_until is not None
        self.assertGreater(job.due_until, now() + timedelta(seconds=pile / 50 - 120))


class Interrupted(Base, TransactionTestCase):
    def setUp(self) -> None:
        super().setUp()
        small = mock.patch.object(recovery, "RANGE", 2)
        small.start()
        self.addCleanup(small.stop)
        self.missed = [self.deliver("failed") for _ in range(5)]

    def crash_at(self, number: int) -> Callable[..., Any]:
        """Die in the range of this number, when its deliveries are open and nothing is committed."""
        real, ranges = recovery._open_range, iter(range(1, 99))

        def shaky(job: recovery.Job) -> int:
            opened = real(job)
            if next(ranges) == number:
                raise KeyboardInterrupt
            return opened

        return shaky

    def test_it_goes_on_where_it_stood(self) -> None:
        job = self.start()
        with mock.patch.object(recovery, "_open_range", self.crash_at(2)), self.assertRaises(KeyboardInterrupt):
            run_recoveries()
        job.refresh_from_db()
        self.assertEqual((job.state, job.opened, job.cursor), ("running", 2, self.missed[1]))
        self.assertEqual(self.keys(), self.missed[:2])
        first_due = Delivery.objects.get(pk=self.missed[0]).next_attempt_at
        self.assertEqual(run_recoveries(), 3)
        job.refresh_from_db()
        self.assertEqual((job.state, job.seen, job.opened), ("done", 5, 5))
        self.assertEqual(self.keys(), self.missed)
        self.assertEqual(Delivery.objects.get(pk=self.missed[0]).next_attempt_at, first_due)

    def test_two_workers_never_open_the_same(self) -> None:
        job = self.start()
        other = connection.copy()
        self.addCleanup(other.close)
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT id FROM webhooks_recovery FOR UPDATE")
            self.assertIsNone(advance(only=job.pk))
            cursor.execute("ROLLBACK")
        self.assertEqual(advance(only=job.pk), (job.pk, 2))

    def test_it_stops_when_the_endpoint_is_switched_off(self) -> None:
        job = self.start()
        advance(only=job.pk)
        endpoints.update_endpoint(self.endpoint, changes={"status": "paused"}, actor="key_test")
        self.assertEqual(run_recoveries(), 0)
        job.refresh_from_db()
        self.assertEqual((job.state, job.opened), ("stopped", 2))
        self.assertEqual((self.keys(), self.keys("held"), self.keys("failed")), ([], self.missed[:2], self.missed[2:]))

    def test_several_take_turns(self) -> None:
        other, _ = make_endpoint(self.merchant, url="https://shop.example/other")
        Delivery.objects.filter(pk__in=self.missed[3:]).update(endpoint=other)
        jobs = [self.start(), start_recovery(other, since=ago(days=2), actor="key_test")]
        with mock.patch.object(recovery, "advance", wraps=advance) as turns:
            self.assertEqual(run_recoveries(), 5)
        self.assertEqual([call.kwargs["after"] for call in turns.mock_calls[:2]], [recovery.START, jobs[0].pk])
        self.assertEqual(set(Recovery.objects.values_list("state", flat=True)), {"done"})


@override_settings(WEBHOOK_ALLOW_PRIVATE=True, WEBHOOK_RECOVER_PER_SECOND=1e6)
class Journey(Base, TransactionTestCase):
    def test_an_outage_is_made_good(self) -> None:
        with Receiver() as receiver:
            endpoints.update_endpoint(
                self.endpoint, changes={"url": receiver.url, "status": "paused"}, actor="key_test"
            )
            events = [publish(self.merchant) for _ in range(3)]
            drain()
            self.assertEqual(receiver.received, [])
            endpoints.update_endpoint(self.endpoint, changes={"status": "enabled"}, actor="key_test")
            self.start()
            run_recoveries()
            drain()
            ids = [each.headers["webhook-id"] for each in receiver.received]
        self.assertCountEqual(ids, [to_public("evt", key) for key in events])
        self.assertEqual(set(Delivery.objects.values_list("state", flat=True)), {"delivered"})
        self.assertEqual(Lane.objects.get().breaker, "closed")


class Api(Base, ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.headers = key_headers(make_api_key(self.merchant))
        self.path = f"webhook-endpoints/{to_public('whe', self.endpoint.pk)}"

    def test_from_the_request_to_the_end(self) -> None:
        self.deliver("held")
        answer = self.post(f"{self.path}/recover/", {"since": ago(days=2).isoformat()}, self.headers)
        self.assertEqual(answer.status_code, 202, answer.content)
        made = answer.json()
        self.assertEqual(set(made), set(WebhookRecoverySerializer().fields))
        self.assertEqual((made["status"], made["only"], made["types"]), ("running", "missed", ["*"]))
        self.assertEqual(answer["Location"], f"/api/v1/webhook-recoveries/{made['id']}/")
        self.assert_problem(
            self.post(f"{self.path}/recover/", {"since": ago(days=2).isoformat()}, self.headers), 409, "state_conflict"
        )
        run_recoveries()
        shown = self.get(f"webhook-recoveries/{made['id']}/", self.headers).json()
        self.assertEqual((shown["status"], shown["seen"], shown["opened"]), ("done", 1, 1))
        self.assertIsNotNone(shown["due_until"])
        self.assertEqual(self.get(f"{self.path}/recoveries/", self.headers).json()["data"], [shown])

    def test_faults_are_named(self) -> None:
        for body, code, param in [
            ({}, "parameter_missing", "since"),
            ({"since": "yesterday"}, "date_invalid", "since"),
            ({"since": 20261121}, "date_invalid", "since"),
            ({"since": ago(days=1).isoformat(), "until": "now"}, "date_invalid", "until"),
            ({"since": (now() + HOUR).isoformat()}, "date_invalid", "since"),
            ({"since": ago(days=1).isoformat(), "only": "open"}, "parameter_invalid", "only"),
            ({"since": ago(days=1).isoformat(), "types": []}, "parameter_invalid", "types"),
            ({"since": ago(days=1).isoformat(), "types": ["x"]}, "parameter_invalid", "types[0]"),
            ({"since": ago(days=1).isoformat(), "which": "all"}, "unknown_parameter", "which"),
        ]:
            found = self.assert_problem(self.post(f"{self.path}/recover/", body, self.headers), 400, code)
            self.assertEqual(found["param"], param)
        self.assertFalse(Recovery.objects.exists())

    def test_pages_of_recoveries(self) -> None:
        made = []
        for _ in range(3):
            made.append(to_public("whr", self.start().pk))
            run_recoveries()
        first = self.get(f"{self.path}/recoveries/?limit=2", self.headers).json()
        rest = self.get(f"{self.path}/recoveries/?cursor={first['next_cursor']}", self.headers).json()
        self.assertEqual([each["id"] for each in first["data"] + rest["data"]], made[::-1])
        other, _ = make_endpoint(self.merchant)
        foreign = f"webhook-endpoints/{to_public('whe', other.pk)}/recoveries/?cursor={first['next_cursor']}"
        self.assert_problem(self.get(foreign, self.headers), 400, "cursor_invalid")
