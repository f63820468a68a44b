"""Addresses: what counts as the open internet, also when one address hides in another."""

import unittest

from onpoint_pay.kit.addresses import ip_network, is_in, is_public, literal_address, resolve

PUBLIC = [
    "196.201.214.200", "8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
    "2002:808:808::1",
]  # fmt: skip
NOT_PUBLIC = [
    "127.0.0.1", "127.1.2.3", "0.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "100.100.100.200", "192.0.0.192", "192.0.2.1", "198.18.0.1", "203.0.113.5", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "168.63.129.16", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1",
    "fec0::1", "2001:db8::1", "2001::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::10.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b:1::8.8.8.8", "2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::", "100::1",
    "192.88.99.1", "198.19.255.254", "3fff::1", "5f00::1", "2001:2::1", "2001:20::1", "::8.8.8.8", "64:ff9b:1::7f00:1",
    "2001:0:7f00:1::", "2001:0:808:808:0:0:80ff:fffe", "2001:0:808:808:0:0:f7f7:f7f7", "::ffff:0:127.0.0.1",
    "not an address", "", "1.2.3", "0x7f.1",
]  # fmt: skip


class PublicTests(unittest.TestCase):
    def test_public(self) -> None:
        for text in PUBLIC:
            with self.subTest(address=text):
                self.assertTrue(is_public(text))

    def test_not_public(self) -> None:
        for text in NOT_PUBLIC:
            with self.subTest(address=text):
                self.assertFalse(is_public(text))


class LiteralTests(unittest.TestCase):
    def test_every_spelling(self) -> None:
        for host in (
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.1",
            "017700000001",
            "127.0.0.1.",
            "１２７.０.０.１",
            "127。0。0｡1",
        ):
            with self.subTest(host=host):
                self.assertEqual(literal_address(host), "127.0.0.1")
        self.assertEqual((literal_address("[::1]"), literal_address("0:0::1")), ("::1", "::1"))

    def test_names_are_none(self) -> None:
        for host in (
            "shop.example",
            "",
            ".",
            "127.0.0.256",
            "127.0.0.1.example",
            "127.0.0.1 x",
            "0x7g",
            "1.2.3.4.5",
            "٣.1.1.1",
        ):
            with self.subTest(host=host):
                self.assertIsNone(literal_address(host))


class NetworkTests(unittest.TestCase):
    def test_addresses_are_found_in_any_wrapping(self) -> None:
        networks = [ip_network("41.90.0.0/16"), ip_network("2c0f:fe38::/32")]
        for text in ("41.90.0.1", "::ffff:41.90.0.1", "64:ff9b::41.90.0.1", "2002:295a:1::1", "2c0f:fe38::1"):
            with self.subTest(address=text):
                self.assertTrue(is_in(text, networks))
        for text in ("41.91.0.1", "2c0f:fe39::1", "shop.example"):
            with self.subTest(address=text):
                self.assertFalse(is_in(text, networks))


class ResolveTests(unittest.TestCase):
    def test_other_spellings_of_loopback_resolve_to_loopback(self) -> None:
        for host in ("127.0.0.1", "127.1", "2130706433", "0x7f.1", "017700000001"):
            with self.subTest(host=host):
                self.assertEqual({address.ip for address in resolve(host, 80)}, {"127.0.0.1"})

    def test_no_name_is_an_error_of_the_system(self) -> None:
        for host in ("no-such-host.invalid", "a" * 70 + ".com", "a..b"):
            with self.subTest(host=host), self.assertRaises(OSError):
                resolve(host, 80)
