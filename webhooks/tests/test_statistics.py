"""How an endpoint has been answering, in figures and in words."""

from datetime import timedelta
from typing import Any
from unittest import mock

from django.test import SimpleTestCase, TestCase

from merchants.tests.base import ApiTestCase
from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.ids import to_public
from webhooks.models import Delivery, Endpoint, Lane
from webhooks.selectors import statistics
from webhooks.selectors.statistics import Spread, Statistics, statistics_of
from webhooks.serializers.statistics import WebhookStatisticsSerializer, breaker_words
from webhooks.tests.factories import make_attempt, make_delivery, make_endpoint, publish

HOUR = timedelta(hours=1)


class Figures(TestCase):
    def setUp(self) -> None:
        self.merchant = make_merchant()
        self.delivery = make_delivery(self.merchant)
        self.endpoint = self.delivery.endpoint

    def found(self, hours: int = 24) -> Statistics:
        return statistics_of(Endpoint.objects.select_related("lane").get(pk=self.endpoint.pk), hours=hours)

    def more(self, state: str, **fields: Any) -> Delivery:
        made: Delivery = Delivery.objects.get(event_id=publish(self.merchant), endpoint=self.endpoint)
        Delivery.objects.filter(pk=made.pk).update(state=state, **fields)
        made.refresh_from_db()
        return made

    def test_of_nothing(self) -> None:
        self.endpoint, _ = make_endpoint(self.merchant)
        found = self.found()
        self.assertEqual((found.tries, found.delivered, found.failed, found.open, found.held), (0, 0, 0, 0, 0))
        self.assertEqual((found.answer_ms, found.receipt_seconds, found.errors), (None, None, {}))
        self.assertEqual((found.oldest_due_at, found.next_try_at, found.is_complete), (None, None, True))

    def test_tries_of_the_time_and_of_this_endpoint(self) -> None:
        make_attempt(make_delivery(make_merchant()), status=500, error_code="http_500")
        make_attempt(self.delivery, status=500, error_code="http_500", started_at=now() - 3 * HOUR)
        for total_ms in (10, 20, 30):
            make_attempt(self.delivery, total_ms=total_ms)
        make_attempt(self.delivery, total_ms=15_000, status=None, error_code="timeout")
        for _ in range(2):
            make_attempt(self.delivery, total_ms=20, status=503, error_code="http_503")
        found = self.found(hours=2)
        self.assertEqual((found.tries, found.delivered), (6, 3))
        self.assertEqual(list(found.errors.items()), [("http_503", 2), ("timeout", 1)])
        self.assertEqual(found.answer_ms, Spread(20.0, 28.0))
        self.assertEqual(self.found(hours=4).tries, 7)

    def test_receipts_are_counted_from_the_change_and_not_when_asked_for(self) -> None:
        at = self.delivery.created_at
        make_attempt(self.delivery, status=500, error_code="http_500", started_at=at)
        make_attempt(self.delivery, n=2, started_at=at + timedelta(seconds=5), total_ms=500)
        make_attempt(self.delivery, n=1, trigger="recover", started_at=at + HOUR)
        self.assertEqual(self.found().receipt_seconds, Spread(5.5, 5.5))

    def test_what_waits(self) -> None:
        self.more("held")
        self.more("failed")
        self.more("failed", created_at=now() - 25 * HOUR)
        self.more("delivered", delivered_at=now())
        found = self.found()
        self.assertEqual((found.open, found.held, found.failed), (1, 1, 1))
        self.assertEqual(found.oldest_due_at, self.delivery.next_attempt_at)
        later = now() + HOUR
        Delivery.objects.filter(pk=self.delivery.pk).update(next_attempt_at=later)
        self.assertEqual((self.found().oldest_due_at, self.found().next_try_at), (None, later))

    def test_the_next_try_waits_for_the_breaker_and_not_for_one_that_is_off(self) -> None:
        until = now() + HOUR
        Lane.objects.update(breaker="open", open_until=until)
        self.assertEqual(self.found().next_try_at, until)
        Endpoint.objects.update(status="paused")
        self.assertIsNone(self.found().next_try_at)

    def test_of_too_many_the_newest(self) -> None:
        old = make_attempt(self.delivery, started_at=now() - HOUR, status=500, error_code="http_500")
        newest = [make_attempt(self.delivery, started_at=now() - timedelta(minutes=n)) for n in (1, 2)]
        with mock.patch.object(statistics, "MOST_TRIES", 2):
            found = self.found()
        self.assertEqual((found.tries, found.delivered, found.is_complete), (2, 2, False))
        self.assertEqual(found.since, newest[1].started_at)
        self.assertGreater(found.since, old.started_at)


class Words(SimpleTestCase):
    def words(self, **lane: Any) -> str:
        return breaker_words(Lane(**lane), at=now())

    def test_each_state(self) -> None:
        later, earlier = now() + timedelta(minutes=4), now() - timedelta(minutes=4)
        clock, before = f"{nairobi(later):%H:%M}", f"{nairobi(earlier):%H:%M}"
        for lane, expected in [
            ({}, "closed: nothing has been sent yet."),
            ({"last_success_at": earlier}, f"closed: the last try succeeded at {before}."),
            ({"failures_in_row": 1}, "closed: 1 try failed in a row so far."),
            ({"failures_in_row": 3, "open_until": later}, f"closed: waiting until {clock}, as the endpoint asked."),
            (
                {"breaker": "open", "open_until": later, "failures_in_row": 5},
                f"open until {clock}: 5 tries failed in a row.",
            ),
            (
                {"breaker": "open", "open_until": earlier, "failures_in_row": 6},
                "open: one try is due now: 6 tries failed in a row.",
            ),
            ({"breaker": "half"}, "half open: one try is being made; the others follow when it succeeds."),
        ]:
            self.assertEqual(self.words(**lane), expected)


class Api(ApiTestCase):
    def test_the_whole_answer(self) -> None:
        delivery = make_delivery(make_merchant())
        headers = key_headers(make_api_key(delivery.merchant))
        path = f"webhook-endpoints/{to_public('whe', delivery.endpoint_id)}/statistics/"
        make_attempt(delivery, total_ms=20)
        make_attempt(delivery, total_ms=30, status=503, error_code="http_503")
        shown = self.get(path, headers).json()
        self.assertEqual(set(shown), set(WebhookStatisticsSerializer().fields))
        self.assertEqual((shown["hours"], shown["tries"], shown["success_rate"]), (24, 2, 0.5))
        self.assertEqual(shown["answer_ms"], {"p50": 25, "p95": 30})
        self.assertEqual(shown["breaker"], {"state": "closed", "detail": "closed: nothing has been sent yet."})
        self.assertEqual([(each["error"], each["count"]) for each in shown["errors"]], [("http_503", 1)])
        self.assertIn("503", shown["errors"][0]["detail"])
        self.assertEqual(self.get(f"{path}?hours=720", headers).json()["hours"], 720)
        for hours in ("0", "721", "-1", "x", "1.5", ""):
            found = self.assert_problem(self.get(f"{path}?hours={hours}", headers), 400, "parameter_invalid")
            self.assertEqual(found["param"], "hours")
