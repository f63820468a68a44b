"""Looking hosts up: one lookup for all who ask, a limit on waiting, a minute's memory, nothing that is not allowed."""

import socket
import threading
import unittest
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

from onpoint_pay.kit import addresses, resolving
from onpoint_pay.kit.addresses import Address, is_public
from onpoint_pay.kit.resolving import NotAllowed, Resolver

SHOP = ("shop.example", 443)


def found(*ips: str) -> list[Address]:
    return [Address(socket.AF_INET, (ip, 443)) for ip in ips]


class _ResolverTestCase(unittest.TestCase):
    def setUp(self) -> None:
        self.asked: list[str] = []
        self.answer: Callable[[], list[Address]] = lambda: found("8.8.8.8")
        self.enterContext(mock.patch.object(addresses, "resolve", self.resolve))
        self.resolver = Resolver(is_allowed=is_public)

    def resolve(self, host: str, port: int) -> list[Address]:
        self.asked.append(host)
        return self.answer()


class ResolverTests(_ResolverTestCase):
    def test_gives_all_addresses_and_remembers_them(self) -> None:
        self.answer = lambda: found("8.8.8.8", "1.1.1.1")
        pins = [self.resolver.pin(SHOP) for _ in range(3)]
        self.assertEqual(pins[0].ips, {"8.8.8.8", "1.1.1.1"})
        self.assertTrue(all(pin is pins[0] for pin in pins))
        self.assertEqual(self.asked, ["shop.example"])

    def test_ports_are_apart(self) -> None:
        self.resolver.pin(SHOP)
        self.resolver.pin(("shop.example", 8443))
        self.assertEqual(len(self.asked), 2)

    def test_asks_again_once_the_pin_is_over_or_forgotten(self) -> None:
        with mock.patch.object(resolving, "PIN_SECONDS", -1):
            self.resolver.pin(SHOP)
        self.resolver.pin(SHOP)
        self.resolver.forget(SHOP)
        self.resolver.forget(("never-asked.example", 443))
        self.resolver.pin(SHOP)
        self.assertEqual(len(self.asked), 3)

    def test_one_that_is_not_allowed_spoils_the_rest_and_is_not_remembered(self) -> None:
        self.answer = lambda: found("8.8.8.8", "10.0.0.1")
        for _ in range(2):
            with self.assertRaises(NotAllowed):
                self.resolver.pin(SHOP)
        self.assertEqual(len(self.asked), 2)
        self.answer = lambda: found("8.8.8.8")
        self.assertEqual(self.resolver.pin(SHOP).ips, {"8.8.8.8"})

    def test_no_address_is_an_error_of_the_system(self) -> None:
        self.answer = list
        with self.assertRaises(OSError):
            self.resolver.pin(SHOP)

    def test_a_failure_is_not_remembered(self) -> None:
        self.answer = mock.Mock(side_effect=[socket.gaierror("no"), found("8.8.8.8")])
        with self.assertRaises(socket.gaierror):
            self.resolver.pin(SHOP)
        self.assertEqual(self.resolver.pin(SHOP).ips, {"8.8.8.8"})

    def test_literals_need_no_lookup_and_are_judged(self) -> None:
        with self.assertRaises(NotAllowed):
            self.resolver.judge_literal("0x7f.1")
        self.resolver.judge_literal("8.8.8.8")
        self.resolver.judge_literal("shop.example")
        self.assertEqual(self.asked, [])

    def test_the_oldest_names_are_forgotten(self) -> None:
        with mock.patch.object(resolving, "NAMES_KEPT", 2):
            for name in ("a.example", "b.example", "c.example", "c.example", "b.example", "a.example"):
                self.resolver.pin((name, 443))
        self.assertEqual(self.asked, ["a.example", "b.example", "c.example", "a.example"])


class SlowTests(_ResolverTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.released = threading.Event()
        self.addCleanup(self.released.set)

    def slow(self) -> list[Address]:
        self.released.wait(30)
        return found("8.8.8.8")

    def test_nobody_waits_longer_than_told(self) -> None:
        self.answer = self.slow
        for _ in range(3):
            with self.assertRaises(TimeoutError):
                self.resolver.pin(SHOP, seconds=0.05)
        self.assertEqual(self.asked, ["shop.example"])

    def test_all_who_ask_share_one_lookup_and_its_late_answer(self) -> None:
        self.answer = self.slow
        with ThreadPoolExecutor(16) as pool:
            jobs = [pool.submit(self.resolver.pin, SHOP) for _ in range(16)]
            self.released.set()
            self.assertEqual({job.result().ips for job in jobs}, {frozenset({"8.8.8.8"})})
        self.assertEqual(self.asked, ["shop.example"])

    def test_names_that_hang_do_not_stop_others_until_there_are_too_many(self) -> None:
        with mock.patch.object(resolving, "LOOKUPS_AT_ONCE", 2):
            self.answer = self.slow
            with self.assertRaises(TimeoutError):
                self.resolver.pin(("hanging.example", 443), seconds=0.05)
            self.answer = lambda: found("8.8.8.8")
            self.assertEqual(self.resolver.pin(SHOP).ips, {"8.8.8.8"})
            self.answer = self.slow
            for name in ("second.example", "one-too-many.example"):
                with self.assertRaises(TimeoutError):
                    self.resolver.pin((name, 443), seconds=0.05)
        self.assertEqual(self.asked, ["hanging.example", "shop.example", "second.example"])

    def test_no_thread_to_be_had(self) -> None:
        no_thread = mock.patch.object(threading.Thread, "start", side_effect=RuntimeError("can't start new thread"))
        with no_thread, self.assertRaises(TimeoutError):
            self.resolver.pin(SHOP)
        self.assertEqual(self.resolver.pin(SHOP).ips, {"8.8.8.8"})
