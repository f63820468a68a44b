"""Nothing inside can be reached through a webhook's URL: each trick is a test of its own, and each leaves silence."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self
from unittest import mock

from django.test import SimpleTestCase, override_settings

from onpoint_pay.kit import addresses as kit_addresses
from onpoint_pay.kit import resolving, sockets
from onpoint_pay.kit.http import AddressRefused, HttpClient
from webhooks import addresses, channels
from webhooks.channels import Outgoing, Result, request_headers, send
from webhooks.tests.hostile_urls import ANSWERS, NAMES, OWN, PORTS, PUBLIC, SPELLINGS, TRICKS
from webhooks.tests.receiver import Answer, Receiver, in_turn

REFUSALS = ("address_refused", "url_refused")
real_getaddrinfo = socket.getaddrinfo


class Listener:
    """Takes connections at one port of 127.0.0.1 and ::1 and remembers that they came."""

    def __init__(self) -> None:
        first = socket.create_server(("127.0.0.1", 0))
        self.port: int = first.getsockname()[1]
        self._servers = [first]
        # Some machines have no version 6.
        with suppress(OSError):
            self._servers.append(socket.create_server(("::1", self.port), family=socket.AF_INET6))
        self.accepted: list[Any] = []

    def __enter__(self) -> Self:
        for server in self._servers:
            threading.Thread(target=self._accept, args=(server,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        for server in self._servers:
            server.close()

    def _accept(self, server: socket.socket) -> None:
        try:
            while True:
                connection, peer = server.accept()
                self.accepted.append(peer)
                connection.close()
        except OSError:
            return


def answered(*ips: str, port: int = 80) -> list[Any]:
    """What getaddrinfo gives for these addresses."""
    found: list[Any] = []
    for ip in ips:
        if ":" in ip:
            found.append((socket.AF_INET6, socket.SOCK_STREAM, 6, "", (ip, port, 0, 0)))
        else:
            found.append((socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)))
    return found


class Silence(SimpleTestCase):
    """Counts every attempt to connect, wherever to; only those to this machine are really made."""

    def setUp(self) -> None:
        self.listener = self.enterContext(Listener())
        self.tried: list[Any] = []
        self.asked: list[str] = []
        self.by_name: Callable[[str, int], list[Any]] = self.no_such_name
        ports = addresses.TEST_PORTS | {self.listener.port}
        real_connect = sockets.TimedSocket.connect

        def connect(opened: sockets.TimedSocket, target: Any) -> None:
            self.tried.append(target[:2])
            if not target[0].startswith(("127.", "::1")):
                raise ConnectionRefusedError
            real_connect(opened, target)

        self.enterContext(override_settings(WEBHOOK_ALLOW_PRIVATE=False, BASE_URL=f"https://{OWN}"))
        self.enterContext(mock.patch.object(addresses, "TEST_PORTS", ports))
        self.enterContext(mock.patch.object(sockets.TimedSocket, "connect", connect, create=True))
        self.enterContext(mock.patch.object(kit_addresses.socket, "getaddrinfo", self.getaddrinfo))
        for cached in (addresses._first_fault, channels._client):
            cached.cache_clear()
            self.addCleanup(cached.cache_clear)

    def getaddrinfo(self, host: str, port: int, **options: Any) -> list[Any]:
        """The system's own for addresses and its own names, the test's for the rest of the world."""
        self.asked.append(host)
        if kit_addresses.literal_address(host) is not None or host == "localhost":
            return list(real_getaddrinfo(host, port, **options))
        return self.by_name(host, port)

    def no_such_name(self, host: str, port: int) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    def post(self, url: str, mode: str = "test") -> Result:
        headers = request_headers({"webhook-id": "evt_1"}, attempt=1)
        return send(
            Outgoing(url=url.replace("{port}", str(self.listener.port)), headers=headers, body=b"{}", mode=mode)
        )

    def post_by_door(self, url: str) -> None:
        """Past the rules of webhooks, to what guards every client of the product."""
        client = HttpClient("test", allow_private=False)
        self.addCleanup(client.close)
        client.send("POST", url.replace("{port}", str(self.listener.port)), headers={}, body=b"{}")

    def assert_refused(self, result: Result) -> None:
        self.assertIn(result.error, REFUSALS)
        self.assertEqual((result.is_final, result.status, result.ip, result.proxy_failed), (True, None, "", False))
        self.assert_silence()

    def assert_silence(self) -> None:
        self.assertEqual(self.tried, [])
        self.assertEqual(self.listener.accepted, [])


class TheListenerListens(Silence):
    """Without this the silence of all other tests would prove nothing."""

    @override_settings(WEBHOOK_ALLOW_PRIVATE=True)
    def test_it_is_reached_when_private_addresses_are_allowed(self) -> None:
        self.assertEqual(self.post("http://127.0.0.1:{port}/").error, "connection_reset")
        self.assertEqual(self.tried, [("127.0.0.1", self.listener.port)])
        self.assertEqual(len(self.listener.accepted), 1)

    def test_a_public_address_is_called(self) -> None:
        self.by_name = lambda host, port: answered(PUBLIC, port=port)
        self.assertEqual(self.post("http://shop.example/").error, "connect_failed")
        self.assertEqual(self.tried, [(PUBLIC, 80)])


class Spellings(Silence):
    """Addresses, however they are written, are refused by the rules of webhooks and once more by the door."""


class Tricks(Silence):
    """URLs that two readers could read differently."""


class Names(Silence):
    """Names that never leave their own network, and our own."""


class Ports(Silence):
    """Only the ports of the web, only TLS in live mode."""


@override_settings(WEBHOOK_REFUSED_NETWORKS=[kit_addresses.ip_network("196.201.214.200/32")])
class Resolving(Silence):
    """Names whose name server points inside."""


def _refused(url: str, mode: str = "test") -> Callable[[Silence], None]:
    return lambda case: case.assert_refused(case.post(url, mode))


def _refused_by_door(url: str) -> Callable[[Silence], None]:
    def test(case: Silence) -> None:
        with case.assertRaises(AddressRefused):
            case.post_by_door(url)
        case.assert_silence()

    return test


def _refused_when_resolving_to(ips: list[str]) -> Callable[[Silence], None]:
    def test(case: Silence) -> None:
        case.by_name = lambda host, port: answered(*ips, port=port)
        result = case.post("http://shop.example/")
        case.assertEqual(result.error, "address_refused")
        case.assert_refused(result)
        case.assertEqual(case.asked, ["shop.example"])

    return test


for name, host in SPELLINGS.items():
    setattr(Spellings, f"test_{name}", _refused(f"http://{host}:{{port}}/"))
    setattr(Spellings, f"test_{name}_by_the_door", _refused_by_door(f"http://{host}:{{port}}/"))
for name, url in TRICKS.items():
    setattr(Tricks, f"test_{name}", _refused(url))
    setattr(Tricks, f"test_{name}_by_the_door", _refused_by_door(url))
for name, url in NAMES.items():
    setattr(Names, f"test_{name}", _refused(url))
for name, (url, mode) in PORTS.items():
    setattr(Ports, f"test_{name}", _refused(url, mode))
for name, ips in ANSWERS.items():
    setattr(Resolving, f"test_{name}", _refused_when_resolving_to(ips))


class Rebinding(Silence):
    """Names that answer differently the second time."""

    def setUp(self) -> None:
        super().setUp()
        self.answers = [[PUBLIC], ["127.0.0.1"]]
        self.by_name = lambda host, port: answered(*self.answers.pop(0), port=port)
        self.url = f"http://shop.example:{self.listener.port}/"

    def test_between_check_and_connect(self) -> None:
        """One lookup serves both: what was judged is what is called."""
        self.assertEqual(self.post(self.url).error, "connect_failed")
        self.assertEqual(self.tried, [(PUBLIC, self.listener.port)])
        self.assertEqual((self.asked, self.listener.accepted), (["shop.example"], []))

    def test_between_two_tries(self) -> None:
        self.post(self.url)
        self.tried.clear()
        self.assert_refused(self.post(self.url))

    def test_once_the_pin_is_over(self) -> None:
        self.enterContext(mock.patch.object(resolving, "PIN_SECONDS", -1))
        self.post(self.url)
        self.tried.clear()
        self.assert_refused(self.post(self.url))

    def test_with_a_connection_still_kept(self) -> None:
        """127.0.0.2 stands for a public address here, so that a real server can have it."""
        self.enterContext(mock.patch("onpoint_pay.kit.http.is_public", lambda ip: ip == "127.0.0.2"))
        self.enterContext(mock.patch.object(resolving, "PIN_SECONDS", -1))
        with Receiver(address="127.0.0.2") as shop:
            port = int(shop.url.rpartition(":")[2])
            self.enterContext(mock.patch.object(addresses, "TEST_PORTS", {port}))
            self.by_name = lambda host, _: answered(self.answers.pop(0)[0], port=port)
            self.answers = [["127.0.0.2"], ["127.0.0.1"]]
            first, second = (self.post(f"http://shop.example:{port}/") for _ in range(2))
            self.assertEqual((first.error, first.ip, second.error), ("", "127.0.0.2", "address_refused"))
            self.assertEqual(len(shop.received), 1)
        self.assertEqual(self.tried, [("127.0.0.2", port)])

    def test_another_peer_than_the_one_called(self) -> None:
        self.enterContext(mock.patch("onpoint_pay.kit.http.is_public", lambda ip: True))
        elsewhere = ("127.0.0.9", self.listener.port)
        self.enterContext(mock.patch.object(sockets.TimedSocket, "getpeername", lambda opened: elsewhere, create=True))
        self.by_name = lambda host, port: answered("127.0.0.1", port=port)
        result = self.post(self.url)
        self.assertEqual((result.error, result.is_final, result.status), ("address_refused", True, None))


class Redirects(SimpleTestCase):
    @override_settings(WEBHOOK_ALLOW_PRIVATE=True)
    def test_to_metadata_and_to_ourselves_are_answers(self) -> None:
        for status in (301, 302, 303, 307, 308):
            with Receiver() as inside:
                for target in ("http://169.254.169.254/latest/meta-data/", f"{inside.url}/secret", "//127.0.0.1/", "/"):
                    with Receiver(in_turn(Answer(status=status, headers={"Location": target}))) as shop:
                        headers = request_headers({}, attempt=1)
                        result = send(Outgoing(url=f"{shop.url}/hook", headers=headers, body=b"{}"))
                        self.assertEqual(result.error, f"http_{status}")
                        self.assertEqual([each.path for each in shop.received], ["/hook"])
                self.assertEqual(inside.received, [])


class Table(SimpleTestCase):
    def test_every_entry_became_a_test(self) -> None:
        count = sum(
            name.startswith("test_") for case in (Spellings, Tricks, Names, Ports, Resolving) for name in vars(case)
        )
        self.assertEqual(count, 2 * len(SPELLINGS | TRICKS) + len(NAMES) + len(PORTS) + len(ANSWERS))
