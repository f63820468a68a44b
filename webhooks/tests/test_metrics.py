"""The figures that are watched, and how Prometheus reads them."""

import re
import threading
import urllib.error
import urllib.request
from datetime import timedelta
from io import StringIO
from unittest import mock
from wsgiref.simple_server import make_server

from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.test import TestCase, TransactionTestCase

from merchants.tests.factories import make_merchant
from onpoint_pay.kit.clock import now
from webhooks.management.commands import metrics as command
from webhooks.models import Delivery, Lane
from webhooks.selectors.lanes import oldest_due
from webhooks.selectors.metrics import BUCKETS, Waiting, read_all
from webhooks.serializers.metrics import metrics_text
from webhooks.tests.factories import make_attempt, make_delivery, publish

LINE = re.compile(r'[a-z_]+(\{[a-z]+="[^"\n]*"(,[a-z]+="[^"\n]*")*\})? [0-9.e+-]+')


class OldestDue(TestCase):
    def test_over_every_lane_that_does_not_rest(self) -> None:
        self.assertIsNone(oldest_due())
        old, newer, later = (make_delivery(make_merchant()) for _ in range(3))
        moment = now()
        for delivery, hours in ((old, -3), (newer, -1), (later, 1)):
            Delivery.objects.filter(pk=delivery.pk).update(next_attempt_at=moment + timedelta(hours=hours))
        self.assertEqual(oldest_due(), moment - timedelta(hours=3))
        Lane.objects.filter(endpoint=old.endpoint).update(breaker="open", open_until=moment + timedelta(hours=1))
        self.assertEqual(oldest_due(), moment - timedelta(hours=1))
        Lane.objects.filter(endpoint=old.endpoint).update(open_until=moment - timedelta(hours=1))
        self.assertEqual(oldest_due(), moment - timedelta(hours=3))
        Delivery.objects.update(state="held")
        self.assertIsNone(oldest_due())


class Readings(TestCase):
    def test_everything_at_once(self) -> None:
        merchant = make_merchant()
        delivery = make_delivery(merchant)
        for state in ("failed", "held", "held"):
            Delivery.objects.filter(event_id=publish(merchant)).update(state=state)
        Delivery.objects.filter(event_id=publish(merchant)).update(next_attempt_at=now() + timedelta(hours=1))
        at = delivery.created_at
        make_attempt(delivery, started_at=at, total_ms=20)
        make_attempt(delivery, started_at=at, total_ms=400)
        make_attempt(delivery, started_at=at, total_ms=400, trigger="manual")
        make_attempt(delivery, started_at=at, status=500, error_code="http_500")
        make_attempt(delivery, started_at=at - timedelta(minutes=6))
        found = read_all()
        self.assertEqual(found.waiting, Waiting(open=2, due=1, held=2, failed=1))
        self.assertEqual(
            (found.lanes, found.tries), ({"closed": 1, "open": 0, "half": 0}, {"delivered": 3, "failed": 1})
        )
        self.assertEqual(found.oldest_due_at, delivery.next_attempt_at)
        by_bucket = dict(zip(BUCKETS, found.receipts.by_bucket, strict=True))
        self.assertEqual((by_bucket[0.01], by_bucket[0.025], by_bucket[0.25], by_bucket[0.5]), (0, 1, 1, 2))
        self.assertEqual((by_bucket[300.0], found.receipts.total), (2, 2))
        self.assertAlmostEqual(found.receipts.p50_seconds or 0, 0.21)

    def test_of_nothing(self) -> None:
        found = read_all()
        self.assertEqual((found.oldest_due_at, found.receipts.total, found.receipts.p50_seconds), (None, 0, None))
        self.assertEqual(set(found.receipts.by_bucket), {0})


class Text(TestCase):
    def text(self, *, drains: int | None = 2) -> str:
        return metrics_text(read_all(), drains=drains, bells_unheard=None, at=now())

    def test_every_line_is_of_the_format(self) -> None:
        make_attempt(make_delivery(make_merchant()))
        lines = self.text().splitlines()
        for line in lines:
            if not line.startswith(("# HELP onpoint_webhooks_", "# TYPE onpoint_webhooks_")):
                self.assertRegex(line, rf"^{LINE.pattern}$")
        self.assertIn('onpoint_webhooks_deliveries{state="open"} 1', lines)
        self.assertIn('onpoint_webhooks_lanes{breaker="closed"} 1', lines)
        self.assertIn('onpoint_webhooks_tries_lately{outcome="delivered"} 1', lines)
        self.assertIn('onpoint_webhooks_receipts_lately{le="+Inf"} 1', lines)
        self.assertIn("onpoint_webhooks_drains 2", lines)

    def test_what_nobody_can_tell_is_left_out(self) -> None:
        text = self.text(drains=None)
        self.assertNotIn("\nonpoint_webhooks_drains", text)
        self.assertNotIn("\nonpoint_webhooks_receipt_seconds", text)
        self.assertIn("\nonpoint_webhooks_oldest_due_seconds 0\n", text)


class Serving(TransactionTestCase):
    def setUp(self) -> None:
        server = make_server("127.0.0.1", 0, self.closing, handler_class=command.Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}"

    @staticmethod
    def closing(environ: object, start_response: object) -> object:
        """The thread of the test has a connection of its own, as the command's process has."""
        try:
            return command.application(environ, start_response)  # type: ignore[arg-type]
        finally:
            connection.close()

    def get(self, path: str) -> tuple[int, str, str]:
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=30) as answer:
                return answer.status, answer.headers["Content-Type"], answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers["Content-Type"], error.read().decode()

    def test_metrics_and_nothing_else(self) -> None:
        status, kind, text = self.get("/metrics")
        self.assertEqual((status, kind), (200, "text/plain; version=0.0.4; charset=utf-8"))
        self.assertIn("onpoint_webhooks_oldest_due_seconds", text)
        self.assertEqual([self.get(path)[0] for path in ("/", "/metrics/", "/api/v1/status/")], [404, 404, 404])

    def test_a_database_that_is_away_is_told(self) -> None:
        with mock.patch.object(command, "read_all", side_effect=OperationalError("gone")):
            self.assertEqual(self.get("/metrics")[0], 503)
        self.assertEqual(self.get("/metrics")[0], 200)

    def test_a_port_that_is_taken_is_named(self) -> None:
        port = self.url.rpartition(":")[2]
        with self.assertRaisesMessage(CommandError, f"Cannot listen on 127.0.0.1:{port}"):
            call_command("metrics", "--port", port, stdout=StringIO())
