"""The network door behind a proxy: what it is asked, what it may not be asked, and whose fault a failure is."""

import ssl
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from onpoint_pay.kit import addresses
from onpoint_pay.kit.http import AddressRefused, HttpAnswer, HttpClient, HttpError, NotSent
from onpoint_pay.kit.tests.local_proxy import LocalProxy
from onpoint_pay.kit.tests.local_server import LocalServer, answer, unused_port
from onpoint_pay.kit.tests.test_http_tls import HOST, make_certificate


def post(client: HttpClient, url: str) -> HttpAnswer:
    return client.send("POST", url, headers={"X-Mine": "me"}, body=b"{}")


class ProxyTests(unittest.TestCase):
    def setUp(self) -> None:
        self.server = self.enterContext(LocalServer())
        self.proxy = self.enterContext(LocalProxy(port_behind=self.server.port))
        real_resolve = addresses.resolve
        self.resolver = self.enterContext(mock.patch.object(addresses, "resolve", side_effect=real_resolve))

    def client(self, **options: Any) -> HttpClient:
        client = HttpClient("test", **{"allow_private": False, "proxy": self.proxy.url, **options})
        self.addCleanup(client.close)
        return client

    def failure(self, url: str, **options: Any) -> HttpError:
        with self.assertRaises(HttpError) as raised:
            post(self.client(**options), url)
        self.assertEqual(self.server.received, [])
        return raised.exception

    def test_http_goes_in_absolute_form(self) -> None:
        got = post(self.client(), "http://shop.example/hook?a=b#part")
        self.assertEqual((got.status, got.ip), (200, ""))
        self.assertEqual(self.proxy.asked, ["POST http://shop.example/hook?a=b"])
        seen = self.server.received[0]
        self.assertEqual((seen.path, seen.headers["host"], seen.body), ("/hook?a=b", "shop.example", b"{}"))

    def test_names_are_the_proxys_to_look_up(self) -> None:
        post(self.client(), "http://shop.example/")
        self.assertEqual([call.args[0] for call in self.resolver.call_args_list], ["127.0.0.1"])

    def test_a_password_for_the_proxy_stays_with_it(self) -> None:
        post(self.client(proxy=self.proxy.url.replace("//", "//us:word@")), "http://shop.example/")
        self.assertEqual(self.proxy.authorizations, ["Basic dXM6d29yZA=="])
        self.assertNotIn("proxy-authorization", self.server.received[0].headers)

    def test_private_literals_are_refused_before_it_is_asked(self) -> None:
        for host in ("127.0.0.1", "0x7f.1", "[::ffff:10.0.0.1]", "169.254.169.254", "127.0.0.1."):
            with self.subTest(host=host):
                self.assertIsInstance(self.failure(f"http://{host}/"), AddressRefused)
        self.assertEqual(self.proxy.asked, [])

    def test_public_literals_pass(self) -> None:
        self.assertEqual(post(self.client(), "http://8.8.8.8/").status, 200)

    def test_a_proxy_that_is_not_there(self) -> None:
        for proxy in (f"http://127.0.0.1:{unused_port()}", "http://no-such-proxy.invalid:3128"):
            for url in ("http://shop.example/", "https://shop.example/"):
                with self.subTest(proxy=proxy, url=url):
                    failure = self.failure(url, proxy=proxy)
                    self.assertIsInstance(failure, NotSent)
                    self.assertEqual((failure.reason, failure.ip), ("proxy_failed", ""))

    def test_what_its_answer_to_connect_means(self) -> None:
        meanings = {407: "proxy_failed", 502: "proxy_failed", 500: "proxy_failed", 403: "address_refused"}
        for status, reason in (meanings | {503: "connect_failed", 504: "connect_timeout"}).items():
            with self.subTest(status=status):
                self.proxy.refuses_with = status
                failure = self.failure("https://shop.example/")
                self.assertIsInstance(failure, NotSent)
                self.assertEqual(failure.reason, reason)

    def test_a_refusal_of_ourselves_is_no_answer_of_the_host(self) -> None:
        self.proxy.refuses_with = 407
        self.assertEqual(self.failure("http://shop.example/").reason, "proxy_failed")

    def test_a_host_that_answers_badly_is_the_hosts_fault(self) -> None:
        self.server.script(answer(502))
        self.assertEqual(post(self.client(), "http://shop.example/").status, 502)


class TunnelTests(unittest.TestCase):
    def setUp(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.certificate = make_certificate(folder, HOST)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.certificate)
        self.server = self.enterContext(LocalServer(tls=tls))
        self.proxy = self.enterContext(LocalProxy(port_behind=self.server.port))

    def client(self, **options: Any) -> HttpClient:
        client = HttpClient("test", allow_private=False, proxy=self.proxy.url, **options)
        self.addCleanup(client.close)
        return client

    def test_https_goes_through_a_tunnel_which_is_kept(self) -> None:
        client = self.client(ca_file=str(self.certificate))
        first, second = (post(client, f"https://{HOST}/hook") for _ in range(2))
        self.assertEqual((first.status, second.status), (200, 200))
        self.assertIsNotNone(first.connect_ms)
        self.assertIsNone(second.connect_ms)
        self.assertEqual(self.proxy.asked, [f"CONNECT {HOST}:443"])
        self.assertEqual([seen.path for seen in self.server.received], ["/hook", "/hook"])

    def test_the_certificate_is_the_hosts_and_is_checked(self) -> None:
        with self.assertRaises(NotSent) as raised:
            post(self.client(), f"https://{HOST}/")
        self.assertEqual(raised.exception.reason, "tls_failed")
        with self.assertRaises(NotSent) as raised:
            post(self.client(ca_file=str(self.certificate)), "https://other.example/")
        self.assertEqual(raised.exception.reason, "tls_failed")
        self.assertEqual(self.server.received, [])
