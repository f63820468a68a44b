"""The network door and addresses: which are refused, which are called, and how long their connections are kept."""

import socket
from ipaddress import ip_network
from typing import Any
from unittest import mock

from onpoint_pay.kit import addresses, resolving
from onpoint_pay.kit.http import AddressRefused, HttpClient, NotSent
from onpoint_pay.kit.tests.local_server import unused_port
from onpoint_pay.kit.tests.test_http import HttpTestCase


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
        for headers in (
            {"X": "a\r\nY: b"},
            {"X": "a\n b"},
            {"X: y\r\nZ": "a"},
            {"X": "a\x00"},
            {"X": "\u20ac"},
            {"X y": "a"},
        ):
            with self.subTest(headers=headers), self.assertRaises(ValueError):
                self.client.send("GET", self.server.url, headers=headers, body=None)
        self.assertEqual(self.server.received, [])

    def test_networks_can_be_refused_besides(self) -> None:
        client = self.other_client(refused=[ip_network("127.0.0.0/8")])
        for host in ("127.0.0.1", "[::ffff:127.0.0.1]"):
            with self.subTest(host=host), self.assertRaises(AddressRefused):
                client.send("POST", f"http://{host}:{self.server.port}/", headers={}, body=b"")
        self.assertEqual(self.server.received, [])

    def test_an_address_nobody_answers_at_is_looked_up_again(self) -> None:
        with _resolving_to(("127.0.0.1", unused_port())) as resolver:
            for _ in range(2):
                with self.assertRaises(NotSent):
                    self.client.send("POST", "http://shop.example/", headers={}, body=b"")
            self.assertEqual(resolver.call_count, 2)

    def test_kept_connections_last_as_long_as_the_host_has_their_address(self) -> None:
        with (
            mock.patch.object(resolving, "PIN_SECONDS", -1),
            _resolving_to(("127.0.0.1", self.server.port)) as resolver,
        ):
            for addresses_now in (["127.0.0.1"], ["127.0.0.1", "127.0.0.2"], ["127.0.0.2"], ["127.0.0.1"]):
                resolver.return_value = [_address(ip, self.server.port) for ip in addresses_now]
                try:
                    self.client.send("POST", "http://shop.example/", headers={}, body=b"")
                except NotSent:
                    self.assertEqual(addresses_now, ["127.0.0.2"])
        first, second, third = (seen.peer_port for seen in self.server.received)
        self.assertEqual(first, second)
        self.assertNotEqual(first, third)

    def test_the_hosts_not_used_for_longest_lose_their_connections(self) -> None:
        client = self.other_client(hosts_kept=2)
        with _resolving_to(("127.0.0.1", self.server.port)):
            for host in ("a", "b", "a", "c", "a", "b"):
                client.send("POST", f"http://{host}.example/", headers={}, body=b"")
        ports = {
            host: {seen.peer_port for seen in self.server.received if seen.headers["host"][0] == host} for host in "abc"
        }
        self.assertEqual({host: len(seen) for host, seen in ports.items()}, {"a": 1, "b": 2, "c": 1})


def _resolving_to(*targets: tuple[str, int]) -> Any:
    """Names resolve as an attacker's or an operator's name server would have it."""
    return mock.patch.object(addresses, "resolve", return_value=[_address(*target) for target in targets])


def _address(ip: str, port: int) -> addresses.Address:
    return addresses.Address(socket.AF_INET, (ip, port))
