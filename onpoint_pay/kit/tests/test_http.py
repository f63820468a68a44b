"""The network door against a real server: what counts as not sent, what stays unclear, and where it stops reading."""

import socket
import unittest
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

from onpoint_pay.kit import addresses, http
from onpoint_pay.kit.http import AddressRefused, AnswerTooLarge, HttpAnswer, HttpClient, NoAnswer, NotSent
from onpoint_pay.kit.tests import local_server
from onpoint_pay.kit.tests.local_server import LocalServer, answer, cut_short, drip, hang_up, raw, reset, unused_port

OK = b"HTTP/1.1 200 OK\r\n"


class HttpTestCase(unittest.TestCase):
    def setUp(self) -> None:
        self.server = self.enterContext(LocalServer())
        self.client = HttpClient("test", allow_private=True, max_bytes=1000)
        self.addCleanup(self.client.close)

    def post(self, client: HttpClient | None = None, **options: Any) -> HttpAnswer:
        sender = client or self.client
        return sender.send("POST", f"{self.server.url}/path", headers={}, body=b"{}", **options)


class AnswerTests(HttpTestCase):
    def test_sends_and_reads(self) -> None:
        self.server.script(answer(201, b'{"a":1}', headers={"X-Thing": "5"}))
        got = self.client.send("POST", f"{self.server.url}/a/b?c=d", headers={"X-Mine": "me"}, body=b"hello")
        self.assertEqual((got.status, got.body, got.headers["x-thing"]), (201, b'{"a":1}', "5"))
        self.assertGreaterEqual(got.elapsed_ms, 0)
        seen = self.server.received[0]
        self.assertEqual((seen.method, seen.path, seen.body), ("POST", "/a/b?c=d", b"hello"))
        self.assertEqual((seen.headers["x-mine"], seen.headers["content-length"]), ("me", "5"))
        self.assertEqual((seen.headers["accept-encoding"], seen.headers["host"]), ("identity", self.server.url[7:]))

    def test_every_status_is_an_answer(self) -> None:
        for status in (200, 204, 400, 401, 404, 429, 500, 503):
            self.server.script(answer(status))
            self.assertEqual(self.post().status, status)

    def test_redirects_are_answers(self) -> None:
        self.server.script(answer(302, headers={"Location": f"{self.server.url}/other"}))
        self.assertEqual(self.post().status, 302)
        self.assertEqual(len(self.server.received), 1)

    def test_cookies_are_not_kept(self) -> None:
        self.server.script(answer(200, headers={"Set-Cookie": "a=b; Path=/"}))
        self.post()
        self.post()
        self.assertNotIn("cookie", self.server.received[1].headers)

    def test_the_environment_names_no_proxy(self) -> None:
        nowhere = f"http://127.0.0.1:{unused_port()}"
        with mock.patch.dict("os.environ", {"http_proxy": nowhere, "HTTP_PROXY": nowhere, "all_proxy": nowhere}):
            self.assertEqual(self.post().status, 200)

    def test_connections_are_kept(self) -> None:
        for _ in range(3):
            self.post()
        self.assertEqual(len({seen.peer_port for seen in self.server.received}), 1)

    def test_connections_idle_for_long_are_not_used_again(self) -> None:
        with mock.patch.object(http, "IDLE_SECONDS", -1):
            for _ in range(3):
                self.post()
        self.assertEqual(len({seen.peer_port for seen in self.server.received}), 3)

    def test_chunked_answers(self) -> None:
        self.server.script(raw(OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n3\r\nabc\r\n0\r\n\r\n"))
        self.assertEqual(self.post().body, b"{}abc")

    def test_an_answer_of_exactly_the_limit(self) -> None:
        self.server.script(answer(200, b"x" * 1000))
        self.assertEqual(len(self.post().body), 1000)

    def test_many_threads_at_once(self) -> None:
        with ThreadPoolExecutor(32) as pool:
            statuses = {job.result().status for job in [pool.submit(self.post) for _ in range(200)]}
        self.assertEqual(statuses, {200})
        self.assertEqual(len(self.server.received), 200)


class NotSentTests(HttpTestCase):
    def test_nothing_listens(self) -> None:
        with self.assertRaises(NotSent) as raised:
            self.client.send("POST", f"http://127.0.0.1:{unused_port()}/secret-path", headers={}, body=b"")
        self.assertNotIn("secret-path", str(raised.exception))
        self.assertIsNone(raised.exception.__cause__)

    def test_the_name_does_not_resolve(self) -> None:
        for host in ("no-such-host.invalid", "a" * 70 + ".com"):
            with self.subTest(host=host), self.assertRaises(NotSent):
                self.client.send("GET", f"http://{host}/", headers={}, body=None)

    def test_the_server_does_not_speak_tls(self) -> None:
        with self.assertRaises(NotSent):
            self.client.send("GET", self.server.url.replace("http:", "https:"), headers={}, body=None)
        self.assertEqual(self.server.received, [])

    def test_no_time_left_before_sending(self) -> None:
        with self.assertRaises(NotSent):
            self.post(deadline_seconds=0)
        self.assertEqual(self.server.received, [])

    def test_the_handshake_never_ends(self) -> None:
        client = HttpClient("test", allow_private=True, connect_seconds=0.2)
        with socket.create_server(("127.0.0.1", 0)) as silent, self.assertRaises(NotSent):
            client.send("GET", f"https://127.0.0.1:{silent.getsockname()[1]}/", headers={}, body=None)


class NoAnswerTests(HttpTestCase):
    def assert_unclear(self, reply: local_server.Reply, **options: Any) -> None:
        self.server.script(reply)
        with self.assertRaises(NoAnswer):
            self.post(**options)

    def test_reset_and_hang_up(self) -> None:
        self.assert_unclear(reset)
        self.assert_unclear(hang_up)

    def test_a_kept_connection_that_dies_is_not_called_unsent_and_not_repeated(self) -> None:
        self.post()
        self.assert_unclear(reset)
        self.assertEqual(len(self.server.received), 2)
        self.assertEqual(self.post().status, 200)

    def test_cut_short(self) -> None:
        self.assert_unclear(cut_short(b'{"half":', promised=100))
        self.assert_unclear(raw(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"))

    def test_not_http(self) -> None:
        for nonsense in (b"SSH-2.0-OpenSSH\r\n", b"\x00\xff\x00\xff", b"HTTP/1.1 abc\r\n\r\n", b"x" * 100_000):
            with self.subTest(nonsense=nonsense[:20]):
                self.assert_unclear(raw(nonsense))

    def test_a_dripping_body_is_cut_at_the_deadline(self) -> None:
        self.assert_unclear(drip(OK + b"Content-Length: 900\r\n\r\n"), deadline_seconds=0.3)

    def test_a_dripping_header_is_cut_at_the_deadline(self) -> None:
        self.assert_unclear(drip(OK + b"X-Slow: "), deadline_seconds=0.3)

    def test_silence_is_cut_at_the_deadline(self) -> None:
        self.assert_unclear(drip(b"", pause_seconds=5), deadline_seconds=0.3)

    def test_too_large(self) -> None:
        for reply in (
            answer(200, b"x" * 1001),
            answer(200, b"x" * 10_000_000),
            raw(OK + b"\r\n" + b"x" * 10_000_000),
            raw(
                OK + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n" + b"x" * 4095 + b"\r\n0\r\n\r\n"
            ),
        ):
            self.server.script(reply)
            with self.assertRaises(AnswerTooLarge):
                self.post()
        self.assertEqual(self.post().status, 200)

    def test_endless_headers(self) -> None:
        self.assert_unclear(raw(OK + b"X: y\r\n" * 1000 + b"\r\n"))

    def test_compressed_answers_are_not_unpacked(self) -> None:
        self.server.script(answer(200, b"\x1f\x8bnot really", headers={"Content-Encoding": "gzip"}))
        self.assertEqual(self.post().body, b"\x1f\x8bnot really")


class AddressTests(HttpTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.guarded = HttpClient("guarded", allow_private=False)

    def test_private_addresses_are_refused(self) -> None:
        port = self.server.port
        for host in (
            "127.0.0.1",
            "localhost",
            "127.1",
            "2130706433",
            "0x7f.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
        ):
            with self.subTest(host=host), self.assertRaises(AddressRefused):
                self.guarded.send("POST", f"http://{host}:{port}/", headers={}, body=b"")
        self.assertEqual(self.server.received, [])

    def test_one_private_address_among_public_ones_is_enough(self) -> None:
        mixed = [("8.8.8.8", self.server.port), ("127.0.0.1", self.server.port)]
        with _resolving_to(*mixed), self.assertRaises(AddressRefused):
            self.guarded.send("POST", f"http://shop.example:{self.server.port}/", headers={}, body=b"")

    def test_the_judged_address_is_the_one_called(self) -> None:
        with _resolving_to(("127.0.0.1", self.server.port)) as resolver:
            self.client.send("POST", "http://shop.example/", headers={}, body=b"")
        self.assertEqual(resolver.call_count, 1)
        self.assertEqual(self.server.received[0].headers["host"], "shop.example")

    def test_the_next_address_is_tried(self) -> None:
        with _resolving_to(("127.0.0.1", unused_port()), ("127.0.0.1", self.server.port)):
            got = self.client.send("POST", "http://shop.example/", headers={}, body=b"")
        self.assertEqual(got.status, 200)

    def test_urls_that_are_refused(self) -> None:
        for url in (
            "ftp://shop.example/", "file:///etc/passwd", "gopher://shop.example/", "//shop.example/", "shop.example",
           "",            "http://", "http:///path", "http://user@shop.example/", "http://user:pass@shop.example/",
            "http://@shop.example/",
            "http://shop.example:0/", "http://shop.example:99999/", "http://shop.example:x/", "http://shop example/",
            "http://shop.example/\r\nX: y", "http://shop.example\\@other/", "http://[::1/", "http://shop.example/\x00",
        ):  # fmt: skip
            with self.subTest(url=url), self.assertRaises(AddressRefused):
                self.client.send("GET", url, headers={}, body=None)

    def test_headers_cannot_be_smuggled(self) -> None:
        with self.assertRaises(ValueError):
            self.client.send("GET", self.server.url, headers={"X": "a\r\nY: b"}, body=None)
        self.assertEqual(self.server.received, [])


def _resolving_to(*targets: tuple[str, int]) -> Any:
    """Names resolve as an attacker's or an operator's name server would have it."""
    found = [addresses.Address(socket.AF_INET, target) for target in targets]
    return mock.patch.object(addresses, "resolve", return_value=found)
