"""The network door against a real server: what counts as not sent, what stays unclear, and where it stops reading."""

import os
import socket
import unittest
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

from onpoint_pay.kit.http import AnswerTooLarge, HttpAnswer, HttpClient, NoAnswer, NotSent
from onpoint_pay.kit.tests import local_server
from onpoint_pay.kit.tests.local_server import LocalServer, answer, cut_short, drip, hang_up, raw, reset, unused_port

OK = b"HTTP/1.1 200 OK\r\n"


class HttpTestCase(unittest.TestCase):
    def setUp(self) -> None:
        self.server = self.enterContext(LocalServer())
        self.client = HttpClient("test", allow_private=True, max_bytes=1000)
        self.addCleanup(self.client.close)

    def other_client(self, **options: Any) -> HttpClient:
        client = HttpClient("other", **{"allow_private": True, **options})
        self.addCleanup(client.close)
        return client

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
        client = self.other_client(idle_seconds=-1)
        for _ in range(3):
            self.post(client)
        self.assertEqual(len({seen.peer_port for seen in self.server.received}), 3)

    def test_a_request_arrives_in_one_piece(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as plain, ThreadPoolExecutor(1) as pool:
            job = pool.submit(_first_piece, plain)
            url = f"http://127.0.0.1:{plain.getsockname()[1]}/path"
            self.assertEqual(self.client.send("POST", url, headers={}, body=b"the body").status, 204)
        self.assertTrue(job.result().endswith(b"\r\n\r\nthe body"))

    def test_idle_connections_can_be_closed(self) -> None:
        client = self.other_client(idle_seconds=-1)
        with socket.create_server(("127.0.0.1", 0)) as plain, ThreadPoolExecutor(1) as pool:
            job = pool.submit(_first_piece, plain, waits_for_end=True)
            client.send("POST", f"http://127.0.0.1:{plain.getsockname()[1]}/", headers={}, body=b"x")
            client.close_idle()
            job.result(timeout=10)

    def test_connections_in_use_are_not_closed(self) -> None:
        self.post()
        self.client.close_idle()
        self.post()
        self.assertEqual(len({seen.peer_port for seen in self.server.received}), 1)

    def test_what_it_took_and_where_it_went(self) -> None:
        first, second = self.post(), self.post()
        self.assertIsNotNone(first.connect_ms)
        self.assertEqual((first.ip, second.ip, second.connect_ms), ("127.0.0.1", "127.0.0.1", None))

    def test_headers_given_replace_our_own_in_any_case(self) -> None:
        self.client.send("POST", self.server.url, headers={"user-agent": "Mine", "ACCEPT": "text/plain"}, body=b"")
        seen = self.server.received[0].headers
        self.assertEqual((seen["user-agent"], seen["accept"], seen["content-length"]), ("Mine", "text/plain", "0"))

    def test_a_child_process_opens_connections_of_its_own(self) -> None:
        self.post()
        self.assertEqual(_in_child(lambda: self.post().status), 200)
        self.post()
        first, of_child, last = (seen.peer_port for seen in self.server.received)
        self.assertEqual(first, last)
        self.assertNotEqual(first, of_child)

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
        for header in (b"X: y\r\n" * 1000, b"X: " + b"y" * 100_000 + b"\r\n", (b"X: " + b"y" * 2000 + b"\r\n") * 50):
            self.assert_unclear(raw(OK + header + b"\r\n"))
        self.assert_unclear(raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000))
        self.assertEqual(self.post().status, 200)

    def test_headers_of_nearly_the_limit(self) -> None:
        self.server.script(raw(OK + (b"X: " + b"y" * 2000 + b"\r\n") * 31 + b"Content-Length: 2\r\n\r\n{}"))
        self.assertEqual(self.post().body, b"{}")

    def test_chunks_that_are_mostly_framing(self) -> None:
        chunk = b"1;" + b"x" * 60_000 + b"\r\na\r\n"
        self.server.script(raw(OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 50 + b"0\r\n\r\n"))
        with self.assertRaises(AnswerTooLarge):
            self.post()
        self.server.script(raw(OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 1000 + b"0\r\n\r\n"))
        self.assertEqual(self.post().body, b"a" * 1000)

    def test_a_client_that_cuts_off_counts_the_answer(self) -> None:
        client = self.other_client(max_bytes=10, cuts_off=True)
        for reply in (
            answer(200, b"x" * 12),
            answer(200, b"x" * 10_000_000),
            raw(OK + b"\r\n" + b"x" * 10_000_000),
            raw(OK + b"Transfer-Encoding: chunked\r\n\r\nfff\r\n" + b"x" * 4095 + b"\r\n0\r\n\r\n"),
        ):
            self.server.script(reply)
            self.assertEqual(self.post(client).body, b"x" * 10)
        self.assertEqual(self.post(client).body, b"{}")
        self.assertEqual(len({seen.peer_port for seen in self.server.received}), 5)

    def test_after_an_interim_answer_the_connection_is_not_used_again(self) -> None:
        """What follows on it would be taken for the answer to the next request."""
        self.server.script(lambda handler: handler.wfile.write(b"HTTP/1.1 103 Early Hints\r\n\r\n") and None)
        self.assertEqual(self.post().status, 103)
        self.assertEqual(self.post().body, b"{}")
        self.assertEqual(len({seen.peer_port for seen in self.server.received}), 2)

    def test_the_reason_is_told(self) -> None:
        for reply, reason in [
            (drip(OK), "timeout"),
            (reset, "connection_reset"),
            (hang_up, "connection_reset"),
            (cut_short(b"{", promised=100), "connection_reset"),
            (raw(b"SSH-2.0-OpenSSH\r\n"), "no_answer"),
            (raw(OK + b"X: y\r\n" * 1000 + b"\r\n"), "no_answer"),
        ]:
            self.server.script(reply)
            with self.subTest(reason=reason), self.assertRaises(NoAnswer) as raised:
                self.post(deadline_seconds=0.5)
            self.assertEqual((raised.exception.reason, raised.exception.ip), (reason, "127.0.0.1"))

    def test_compressed_answers_are_not_unpacked(self) -> None:
        self.server.script(answer(200, b"\x1f\x8bnot really", headers={"Content-Encoding": "gzip"}))
        self.assertEqual(self.post().body, b"\x1f\x8bnot really")


def _first_piece(server: socket.socket, *, waits_for_end: bool = False) -> bytes:
    """What the first read of a connection gives; answers, and waits for the client to close when told so."""
    connection, _ = server.accept()
    with connection:
        piece = connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        while waits_for_end and connection.recv(1):
            pass
    return piece


def _in_child(work: Callable[[], int]) -> int:
    """What the work gives in a forked process."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            os.write(writing, str(work()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer_of_child:
        found = answer_of_child.read()
    os.waitpid(child, 0)
    return int(found)
