"""The fault matrix, receivers that fail: each event comes at least once and by the schedule, and nothing goes inside."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from unittest import mock

from django.test import override_settings
from standardwebhooks import Webhook

from onpoint_pay.kit import addresses as kit_addresses
from onpoint_pay.kit import resolving
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.tests import local_server
from onpoint_pay.kit.tests.local_server import LocalServer, Reply, unused_port
from tests.simulator_process import wait_for
from tests.workers import workers
from webhooks import addresses, channels
from webhooks.models import Attempt, Delivery, Endpoint
from webhooks.schedule import SPREAD, STEPS
from webhooks.services import endpoints, recovery
from webhooks.services.drain import Counts
from webhooks.tests.factories import drain, publish
from webhooks.tests.receiver import OK, Answer, Receiver, in_turn
from webhooks.tests.test_drain import DrainCase
from webhooks.tests.test_ssrf import answered

DRAIN = "webhooks.services.drain.drain"
HUGE = 200 * 1024 * 1024
# Two hours of the schedule pass in a second.
SPEED = 7200.0


@override_settings(WEBHOOK_CONNECT_SECONDS=0.3, WEBHOOK_DEADLINE_SECONDS=0.5)
class F27Answers(DrainCase):
    """One bad answer, then good ones: the event waits for the first step of the schedule, and comes again the same."""

    def setUp(self) -> None:
        super().setUp()
        self.server = self.enterContext(LocalServer())
        _, self.secret = self.endpoint(self.server.url)

    def assert_comes_again(self, reply: Reply, *, status: int | None, error: str) -> None:
        self.server.script(reply)
        publish(self.merchant)
        self.assertEqual(drain(), Counts(open=1))
        self.assertEqual(self.rows(), [("open", 1, status, error)])
        self.assert_waits_a_step()
        Delivery.objects.update(next_attempt_at=now())
        self.assertEqual(drain(), Counts(delivered=1))
        first, second = self.server.received
        self.assertEqual((first.body, first.headers["webhook-id"]), (second.body, second.headers["webhook-id"]))
        Webhook(self.secret).verify(second.body, dict(second.headers))

    def assert_waits_a_step(self) -> None:
        tried, due = Attempt.objects.get().started_at, Delivery.objects.get().next_attempt_at
        least, most = STEPS[0] * (1 - SPREAD), STEPS[0] * (1 + SPREAD)
        self.assertTrue(timedelta(seconds=least) <= due - tried <= timedelta(seconds=most + 5), due - tried)

    def test_F27_5xx(self) -> None:
        self.assert_comes_again(local_server.answer(502), status=502, error="http_502")

    def test_F27_timeout(self) -> None:
        self.assert_comes_again(local_server.drip(b"", pause_seconds=2), status=None, error="timeout")

    def test_F27_slow_drip(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"
        self.assert_comes_again(local_server.drip(head), status=None, error="timeout")

    def test_F27_reset(self) -> None:
        self.assert_comes_again(local_server.reset, status=None, error="connection_reset")

    def test_F27_redirect(self) -> None:
        with Receiver() as inside:
            to = {"Location": f"{inside.url}/secret"}
            self.assert_comes_again(local_server.answer(302, headers=to), status=302, error="http_302")
            self.assertEqual(inside.received, [])

    def test_F27_huge_failure(self) -> None:
        sent: list[int] = []
        self.assert_comes_again(huge(500, sent), status=500, error="http_500")
        self.assertLess(sum(sent), HUGE / 4)

    def test_F27_huge_success(self) -> None:
        """The status is the answer; the rest of it is left unread."""
        sent: list[int] = []
        self.server.script(huge(200, sent))
        publish(self.merchant)
        self.assertEqual(drain(), Counts(delivered=1))
        wait_for(lambda: len(self.server.received) == 1)
        self.assertLess(sum(sent), HUGE / 4)
        self.assertLess(len(Attempt.objects.get().response_excerpt), 5000)


def huge(status: int, sent: list[int]) -> Reply:
    """As many bytes as the client takes, of 200 MB."""

    def play(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.send_response(status)
        handler.send_header("Content-Length", str(HUGE))
        handler.end_headers()
        try:
            while sum(sent) < HUGE:
                sent.append(handler.wfile.write(bytes(65_536)))
        except OSError:
            return

    return play


class F27Gone(DrainCase):
    def test_F27_410(self) -> None:
        """The endpoint asked for silence and gets it; when its owner switches it on again, what was held can come."""
        with Receiver(in_turn(Answer(status=410, body=b""), OK)) as receiver:
            endpoint, _ = self.endpoint(receiver.url)
            publish(self.merchant)
            self.assertEqual((drain(), drain()), (Counts(held=1), Counts()))
            self.assertEqual(len(receiver.received), 1)
            fresh = Endpoint.objects.get(pk=endpoint.pk)
            self.assertEqual(fresh.status, "disabled")
            endpoints.update_endpoint(fresh, changes={"status": "enabled"}, actor="tests")
            at = now()
            recovery.start_recovery(fresh, since=at - timedelta(hours=1), until=at, only="missed", actor="tests")
            recovery.run_recoveries()
            wait_for(lambda: drain().delivered)
            first, second = receiver.received
        self.assertEqual(first.headers["webhook-id"], second.headers["webhook-id"])


class F27Away(DrainCase):
    def test_F27_down_for_two_hours(self) -> None:
        """Real drains, on a schedule 7,200 times as fast: what was missed comes when the receiver is back, each once."""
        port = unused_port()
        self.endpoint(f"http://127.0.0.1:{port}/hook")
        wanted = {to_public("evt", publish(self.merchant)) for _ in range(3)}
        quick = {"WEBHOOK_ALLOW_PRIVATE": True, "SWEEP_SPEED": SPEED}
        worker = workers().begin(DRAIN, arguments={"seconds": 60}, settings=quick)
        wait_for(lambda: Delivery.objects.filter(tries__gte=6).exists(), seconds=30)
        with Receiver(port=port) as receiver:
            wait_for(lambda: Delivery.objects.filter(state="delivered").count() == 3, seconds=30)
            workers().kill(worker)
        self.assertEqual(len(receiver.received), len(wanted))
        self.assertEqual({each.headers["webhook-id"] for each in receiver.received}, wanted)


class F27Names(DrainCase):
    def test_F27_a_name_that_moves_to_a_private_address(self) -> None:
        """127.0.0.2 stands for a public address here, so that a real server can have it; 127.0.0.1 is inside."""
        leads_to = ["127.0.0.2", "127.0.0.1"]
        with Receiver(in_turn(Answer(status=500)), address="127.0.0.2") as shop:
            port = int(shop.url.rpartition(":")[2])
            with Receiver(port=port) as inside, self.names(leads_to, port), self.settings(WEBHOOK_ALLOW_PRIVATE=False):
                self.endpoint(f"http://shop.example:{port}/")
                publish(self.merchant)
                self.assertEqual(drain(), Counts(open=1))
                Delivery.objects.update(next_attempt_at=now())
                self.assertEqual(drain(), Counts(failed=1))
            self.assertEqual((len(shop.received), inside.received, leads_to), (1, [], []))
        self.assertEqual(self.rows(), [("failed", 2, None, "address_refused")])

    @contextmanager
    def names(self, leads_to: list[str], port: int) -> Iterator[None]:
        """The merchant's name server gives these addresses, one after another, and is asked each time."""

        def getaddrinfo(host: str, *args: Any, **options: Any) -> Any:
            if host != "shop.example":
                return real(host, *args, **options)
            return answered(leads_to.pop(0), port=port)

        real = socket.getaddrinfo
        with (
            mock.patch.object(kit_addresses.socket, "getaddrinfo", getaddrinfo),
            mock.patch("onpoint_pay.kit.http.is_public", lambda ip: ip == "127.0.0.2"),
            mock.patch.object(resolving, "PIN_SECONDS", -1),
            mock.patch.object(addresses, "TEST_PORTS", {port}),
        ):
            for cached in (addresses._first_fault, channels._client):
                cached.cache_clear()
                self.addCleanup(cached.cache_clear)
            yield
