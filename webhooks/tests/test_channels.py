"""One try over real HTTP: what is sent, what an answer comes to, and the word for every way to fail."""

import socket
import ssl
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from unittest import mock

import certifi
from django.test import SimpleTestCase, override_settings

from onpoint_pay.kit import addresses, resolving
from onpoint_pay.kit.tests import local_server
from onpoint_pay.kit.tests.local_proxy import LocalProxy
from onpoint_pay.kit.tests.local_server import LocalServer, raw, unused_port
from onpoint_pay.kit.tests.test_http_tls import HOST, make_certificate
from webhooks import channels
from webhooks.channels import ERRORS, Outgoing, Result, clean, describe, request_headers, send
from webhooks.tests.receiver import OK, Answer, Receiver, in_turn

BODY = b'{"id":"evt_1"}'
REAL_BUNDLE = certifi.where()
STATUS = b"HTTP/1.1 200 OK\r\n"


def post(url: str, *, mode: str = "test") -> Result:
    headers = request_headers({"webhook-id": "evt_1"}, attempt=2)
    return send(Outgoing(url=url, headers=headers, body=BODY, mode=mode))


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

    def test_keeps_the_first_of_the_answer_without_control_characters(self) -> None:
        result, _ = self.answered(Answer(status=500, body=b"a\x00b\x1b[31m\r\nc \xff" + b"x" * 9000))
        self.assertTrue(result.excerpt.startswith("ab[31m c \ufffdx"))
        self.assertLessEqual(len(result.excerpt), 4096)

    def test_keeps_no_cookies(self) -> None:
        result, _ = self.answered(Answer(headers={"Set-Cookie": "session=1", "X-Shop": "duka"}))
        self.assertEqual(result.headers["X-Shop"], "duka")
        self.assertNotIn("Set-Cookie", result.headers)

    def test_passes_on_when_to_come_back(self) -> None:
        result, _ = self.answered(Answer(status=503, headers={"Retry-After": "120"}))
        self.assertEqual((result.error, result.retry_after), ("http_503", "120"))

    def test_says_what_it_took_and_where_it_went(self) -> None:
        with Receiver() as receiver:
            first, second = post(receiver.url), post(receiver.url)
        self.assertIsNotNone(first.connect_ms)
        self.assertIsNone(second.connect_ms)
        self.assertGreaterEqual(first.total_ms, first.connect_ms or 0)
        self.assertEqual((first.ip, second.ip, first.proxy_failed), ("127.0.0.1", "127.0.0.1", False))

    def test_an_answer_is_not_unpacked(self) -> None:
        result, _ = self.answered(Answer(body=b"\x1f\x8b\x08 not really", headers={"Content-Encoding": "gzip"}))
        self.assertEqual((result.error, result.excerpt), ("", " \ufffd not really"))

    def test_many_threads_at_once(self) -> None:
        with Receiver() as receiver, ThreadPoolExecutor(64) as pool:
            results = [job.result() for job in [pool.submit(post, f"{receiver.url}/{n}") for n in range(256)]]
        self.assertEqual({result.error for result in results}, {""})
        self.assertEqual({each.path for each in receiver.received}, {f"/{n}" for n in range(256)})


@override_settings(WEBHOOK_ALLOW_PRIVATE=True, WEBHOOK_CONNECT_SECONDS=0.3, WEBHOOK_DEADLINE_SECONDS=0.6)
class Trouble(SimpleTestCase):
    def setUp(self) -> None:
        self.server = self.enterContext(LocalServer())

    def error_after(self, reply: local_server.Reply) -> str:
        """The word for this reply; the one after it must be taken as if nothing had been."""
        self.server.script(reply)
        result = post(self.server.url)
        self.assertEqual((result.status, result.is_final, result.ip), (None, False, "127.0.0.1"))
        self.assertEqual(post(self.server.url).error, "")
        return result.error

    def test_nobody_listening(self) -> None:
        result = post(f"http://127.0.0.1:{unused_port()}/")
        self.assertEqual((result.error, result.ip, result.connect_ms), ("connect_failed", "", None))

    def test_silence(self) -> None:
        self.assertEqual(self.error_after(local_server.drip(b"", pause_seconds=5)), "timeout")

    def test_headers_that_drip(self) -> None:
        self.assertEqual(self.error_after(local_server.drip(STATUS + b"X-Slow: ")), "timeout")

    def test_a_body_that_drips(self) -> None:
        self.assertEqual(self.error_after(local_server.drip(STATUS + b"Content-Length: 900\r\n\r\n")), "timeout")

    def test_a_body_that_drips_without_a_length(self) -> None:
        self.assertEqual(self.error_after(local_server.drip(STATUS + b"\r\n")), "timeout")

    def test_a_handshake_that_never_ends(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            result = post(f"https://127.0.0.1:{silent.getsockname()[1]}/")
        self.assertEqual((result.error, result.ip), ("connect_timeout", ""))

    def test_a_reset(self) -> None:
        self.assertEqual(self.error_after(local_server.reset), "connection_reset")

    def test_a_hang_up(self) -> None:
        self.assertEqual(self.error_after(local_server.hang_up), "connection_reset")

    def test_half_an_answer(self) -> None:
        self.assertEqual(self.error_after(local_server.cut_short(b"ok", promised=100)), "connection_reset")

    def test_what_is_not_http(self) -> None:
        self.assertEqual(self.error_after(raw(b"SSH-2.0-OpenSSH\r\n")), "no_answer")

    def test_one_header_of_100_kib(self) -> None:
        self.assertEqual(self.error_after(raw(STATUS + b"X: " + b"y" * 102_400 + b"\r\n\r\n")), "no_answer")

    def test_a_hundred_kib_of_headers(self) -> None:
        self.assertEqual(self.error_after(raw(STATUS + (b"X: " + b"y" * 2000 + b"\r\n") * 52 + b"\r\n")), "no_answer")

    def test_a_server_without_tls(self) -> None:
        self.assertEqual(post(self.server.url.replace("http:", "https:")).error, "tls_failed")


@override_settings(WEBHOOK_ALLOW_PRIVATE=True)
class EndlessAnswers(SimpleTestCase):
    """They count by their status, and their connection is not used again."""

    def assert_counts(self, reply: local_server.Reply) -> None:
        with LocalServer() as server:
            server.script(reply)
            result = post(server.url)
            self.assertEqual((result.error, result.status, post(server.url).error), ("", 200, ""))
            self.assertLessEqual(len(result.excerpt), 4096)
            self.assertEqual(len({seen.peer_port for seen in server.received}), 2)

    def test_with_a_length(self) -> None:
        self.assert_counts(local_server.answer(200, b"x" * 10_000_000))

    def test_without_a_length(self) -> None:
        self.assert_counts(raw(STATUS + b"\r\n" + b"x" * 10_000_000))

    def test_in_chunks(self) -> None:
        self.assert_counts(raw(STATUS + b"Transfer-Encoding: chunked\r\n\r\n" + b"3\r\nabc\r\n" * 100_000))

    def test_in_chunks_of_framing(self) -> None:
        chunk = b"1;" + b"x" * 60_000 + b"\r\na\r\n"
        self.assert_counts(raw(STATUS + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 100))

    def test_a_failure_stays_one(self) -> None:
        with LocalServer() as server:
            server.script(local_server.answer(500, b"x" * 10_000_000))
            self.assertEqual(post(server.url).error, "http_500")


@override_settings(WEBHOOK_ALLOW_PRIVATE=True)
class Looking(SimpleTestCase):
    """Names, with the system's resolver answering as told: a number of the last byte of 127.0.0.x, and a port."""

    def setUp(self) -> None:
        channels._client.cache_clear()
        self.addCleanup(channels._client.cache_clear)
        self.asked = 0
        self.found: list[Any] = []
        self.enterContext(mock.patch.object(addresses.socket, "getaddrinfo", self.getaddrinfo))

    def getaddrinfo(self, host: str, port: int, **options: Any) -> list[Any]:
        self.asked += 1
        return self.found

    def lead_to(self, *receivers: Receiver) -> None:
        places = [receiver.url.removeprefix("http://").split(":") for receiver in receivers]
        self.found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, int(port))) for ip, port in places]

    def test_once_a_minute(self) -> None:
        with Receiver() as receiver:
            self.lead_to(receiver)
            results = [post("http://shop.example/") for _ in range(3)]
        self.assertEqual([result.error for result in results], ["", "", ""])
        self.assertEqual((self.asked, receiver.received[0].headers["host"]), (1, "shop.example"))

    def test_a_kept_connection_outlives_a_pin_that_stays_the_same(self) -> None:
        self.enterContext(mock.patch.object(resolving, "PIN_SECONDS", -1))
        with Receiver() as receiver:
            self.lead_to(receiver)
            first, second = post("http://shop.example/"), post("http://shop.example/")
        self.assertEqual((self.asked, first.connect_ms is None, second.connect_ms), (2, False, None))

    def test_a_kept_connection_is_dropped_when_the_pin_changes(self) -> None:
        self.enterContext(mock.patch.object(resolving, "PIN_SECONDS", -1))
        with Receiver(address="127.0.0.2") as old, Receiver(address="127.0.0.3") as new:
            self.lead_to(old)
            first = post("http://shop.example/")
            self.lead_to(new)
            second = post("http://shop.example/")
        self.assertEqual((first.ip, second.ip), ("127.0.0.2", "127.0.0.3"))
        self.assertIsNotNone(second.connect_ms)
        self.assertEqual((len(old.received), len(new.received)), (1, 1))

    def test_no_such_name(self) -> None:
        with mock.patch.object(addresses.socket, "getaddrinfo", side_effect=socket.gaierror("no")):
            result = post("http://shop.example/")
        self.assertEqual((result.error, result.is_final, result.ip), ("dns_failed", False, ""))

    def test_a_name_server_that_hangs(self) -> None:
        released = threading.Event()
        self.addCleanup(released.set)
        self.enterContext(mock.patch.object(resolving, "LOOKUP_SECONDS", 0.1))

        def hang(*args: Any, **options: Any) -> list[Any]:
            released.wait(30)
            return self.found

        with mock.patch.object(addresses.socket, "getaddrinfo", hang), Receiver() as receiver:
            self.assertEqual(post("http://shop.example/").error, "dns_timeout")
            self.assertEqual(receiver.received, [])

    @override_settings(WEBHOOK_REFUSED_NETWORKS=[ip_network("127.0.0.2/32")])
    def test_networks_of_our_own_are_refused_even_where_private_ones_are_not(self) -> None:
        with Receiver(address="127.0.0.2") as receiver:
            self.lead_to(receiver)
            self.assertEqual(post("http://shop.example/").error, "address_refused")
            self.assertEqual(receiver.received, [])


@override_settings(WEBHOOK_ALLOW_PRIVATE=True)
class Tls(SimpleTestCase):
    def setUp(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        certificate = make_certificate(folder, HOST)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        self.server = self.enterContext(LocalServer(tls=tls))
        here = [addresses.Address(socket.AF_INET, ("127.0.0.1", self.server.port))]
        self.enterContext(mock.patch.object(addresses, "resolve", return_value=here))
        self.enterContext(mock.patch("certifi.where", return_value=str(certificate)))
        channels._client.cache_clear()
        self.addCleanup(channels._client.cache_clear)

    def test_live_mode(self) -> None:
        self.assertEqual(post(f"https://{HOST}/hook", mode="live").error, "")
        self.assertEqual(self.server.received[0].headers["host"], HOST)

    def test_live_mode_sends_nothing_in_the_clear(self) -> None:
        result = post(f"http://{HOST}/hook", mode="live")
        self.assertEqual((result.error, result.is_final), ("url_refused", True))
        self.assertEqual(self.server.received, [])

    def test_a_certificate_of_another_name(self) -> None:
        result = post("https://other.example/", mode="live")
        self.assertEqual((result.error, result.is_final, self.server.received), ("tls_failed", False, []))

    def test_a_certificate_of_nobody_known(self) -> None:
        with mock.patch("certifi.where", return_value=REAL_BUNDLE):
            self.assertEqual(post(f"https://{HOST}/", mode="live").error, "tls_failed")
        self.assertEqual(self.server.received, [])


class Proxy(SimpleTestCase):
    """The way out of a network that lets nothing out; private addresses are refused here as elsewhere."""

    def setUp(self) -> None:
        self.server = self.enterContext(LocalServer())
        self.proxy = self.enterContext(LocalProxy(port_behind=self.server.port))
        self.enterContext(override_settings(WEBHOOK_EGRESS_PROXY=self.proxy.url, WEBHOOK_ALLOW_PRIVATE=False))

    def test_everything_goes_through_it(self) -> None:
        result = post("http://shop.example/hook")
        self.assertEqual((result.error, result.ip, result.proxy_failed), ("", "", False))
        self.assertEqual(self.proxy.asked, ["POST http://shop.example/hook"])
        self.assertEqual((self.server.received[0].path, self.server.received[0].body), ("/hook", BODY))

    def test_its_own_failure_is_told_apart(self) -> None:
        for status in (407, 502):
            self.proxy.refuses_with = status
            result = post("https://shop.example/hook", mode="live")
            self.assertEqual((result.error, result.proxy_failed, result.is_final), ("proxy_failed", True, False))

    def test_it_is_not_there(self) -> None:
        with override_settings(WEBHOOK_EGRESS_PROXY=f"http://127.0.0.1:{unused_port()}"):
            result = post("https://shop.example/hook", mode="live")
        self.assertEqual((result.error, result.proxy_failed), ("proxy_failed", True))

    def test_a_refusal_of_the_proxy_is_final(self) -> None:
        self.proxy.refuses_with = 403
        result = post("https://shop.example/hook", mode="live")
        self.assertEqual((result.error, result.proxy_failed, result.is_final), ("address_refused", False, True))

    def test_private_addresses_never_reach_it(self) -> None:
        for url in ("http://169.254.169.254/", "http://localhost/", "http://[::1]/", "http://shop.example:22/"):
            self.assertIn(post(url).error, ("address_refused", "url_refused"))
        self.assertEqual(self.proxy.asked, [])


class Words(SimpleTestCase):
    def test_each_has_a_sentence(self) -> None:
        for word, sentence in ERRORS.items():
            self.assertRegex(word, r"^[a-z_]+$")
            self.assertTrue(sentence[0].isupper() and sentence.endswith("."), sentence)
            self.assertEqual(describe(word), sentence)
        self.assertEqual(describe("http_503"), "The server answered with status 503 instead of 2xx.")
        self.assertEqual(describe(""), "")


class Clean(SimpleTestCase):
    def test_leaves_nothing_that_could_act(self) -> None:
        self.assertEqual(clean("one\ttwo\r\nthree\x00\x07\u202e\ud800 ũ"), "one two three ũ")
        self.assertEqual(clean("as  it   is"), "as it is")
        self.assertEqual(clean("ũ as it is"), "ũ as it is")
