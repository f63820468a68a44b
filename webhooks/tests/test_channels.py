"""One try over real HTTP."""

import socket
import threading
from typing import Any
from unittest import mock

from django.test import SimpleTestCase, override_settings

from webhooks.channels import Outgoing, Result, clean, request_headers, send
from webhooks.tests.receiver import OK, Answer, Received, Receiver, in_turn

BODY = b'{"id":"evt_1"}'


def post(url: str) -> Result:
    headers = request_headers({"webhook-id": "evt_1"}, attempt=2)
    return send(Outgoing(url=url, headers=headers, body=BODY))


@override_settings(WEBHOOK_ALLOW_PRIVATE=True)
class Sending(SimpleTestCase):
    def answered(self, answer: Answer) -> tuple[Result, Receiver]:
        with Receiver(in_turn(answer)) as receiver:
            return post(f"{receiver.url}/hook"), receiver

    def test_sends_the_exact_body_and_says_who_we_are(self) -> None:
        result, receiver = self.answered(OK)
        self.assertTrue(result.is_success)
        (received,) = receiver.received
        self.assertEqual((received.path, received.body), ("/hook", BODY))
        wanted = {
            "content-type": "application/json",
            "user-agent": "OnPointPay/1",
            "onpoint-attempt": "2",
            "webhook-id": "evt_1",
            "content-length": str(len(BODY)),
        }
        self.assertLessEqual(wanted.items(), received.headers.items())
        self.assertNotIn("transfer-encoding", received.headers)

    def test_only_2xx_is_a_success(self) -> None:
        for status, error in [(200, ""), (204, ""), (299, ""), (301, "http_301"), (404, "http_404"), (500, "http_500")]:
            result, _ = self.answered(Answer(status=status, body=b""))
            self.assertEqual((result.status, result.error, result.is_final), (status, error, False))

    def test_follows_no_redirect(self) -> None:
        with Receiver() as elsewhere:
            headers = {"Location": f"{elsewhere.url}/secret"}
            result, _ = self.answered(Answer(status=302, headers=headers))
            self.assertEqual(result.error, "http_302")
            self.assertEqual(elsewhere.received, [])

    def test_keeps_the_first_of_the_answer_without_control_characters(self) -> None:
        result, _ = self.answered(Answer(status=500, body=b"a\x00b\x1b[31m\r\nc \xff" + b"x" * 9000))
        self.assertTrue(result.excerpt.startswith("ab[31m c \ufffdx"))
        self.assertLessEqual(len(result.excerpt), 4096)

    def test_keeps_no_cookies(self) -> None:
        result, _ = self.answered(Answer(headers={"Set-Cookie": "session=1", "X-Shop": "duka"}))
        self.assertEqual(result.headers["X-Shop"], "duka")
        self.assertNotIn("Set-Cookie", result.headers)

    def test_nobody_listening(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}/"
        self.assertEqual(post(url), Result(error="connection_failed"))

    def test_an_answer_without_end_is_cut_off(self) -> None:
        result, _ = self.answered(Answer(body=b"x" * 300_000))
        self.assertEqual(result, Result(error="answer_too_large"))

    def test_silence_ends_with_the_deadline(self) -> None:
        released = threading.Event()

        def silent(received: Received) -> Answer:
            released.wait(30)
            return OK

        client: Any = None
        with Receiver(silent) as receiver:
            from webhooks import channels

            client = channels.HttpClient("tests", allow_private=True, deadline_seconds=0.3)
            with mock.patch.object(channels, "_client", lambda allow_private: client):
                self.assertEqual(post(receiver.url), Result(error="no_answer"))
            released.set()


class PrivateAddresses(SimpleTestCase):
    @override_settings(WEBHOOK_ALLOW_PRIVATE=False)
    def test_are_refused_for_good_also_behind_a_public_name(self) -> None:
        with Receiver() as receiver:
            port = receiver.url.rpartition(":")[2]
            inward = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", int(port)))]
            with mock.patch("socket.getaddrinfo", return_value=inward):
                rebound = post(f"http://shop.example:{port}/")
            for result in (post(receiver.url), rebound, post(f"http://localhost:{port}/")):
                self.assertEqual(result, Result(error="address_refused", is_final=True))
            self.assertEqual(receiver.received, [])


class Clean(SimpleTestCase):
    def test_leaves_nothing_that_could_act(self) -> None:
        self.assertEqual(clean("one\ttwo\r\nthree\x00\x07\u202e\ud800 ũ"), "one two three ũ")
