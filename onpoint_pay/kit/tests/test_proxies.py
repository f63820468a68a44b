"""Who is calling, told only by proxies of ours: forged, broken, long and mixed headers."""

from ipaddress import ip_network

from django.test import SimpleTestCase

from onpoint_pay.kit.proxies import Origin, client_block, origin_of, parse_address

OURS = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


class OriginTestCase(SimpleTestCase):
    def origin(self, peer: str, forwarded: str = "", proto: str = "") -> Origin:
        meta = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded, "HTTP_X_FORWARDED_PROTO": proto}
        return origin_of({name: value for name, value in meta.items() if value}, trusted=OURS)

    def address(self, peer: str, forwarded: str = "") -> str:
        return self.origin(peer, forwarded).address


class Addresses(OriginTestCase):
    def test_an_untrusted_peer_is_the_client_whatever_it_says(self) -> None:
        meta = {"HTTP_X_FORWARDED_FOR": "10.0.0.1, 198.51.100.1", "HTTP_X_REAL_IP": "198.51.100.2"}
        for peer in ("203.0.113.9", "2001:db8::9", "127.0.0.1"):
            for trusted in (OURS, []):
                with self.subTest(peer=peer, trusted=trusted):
                    found = origin_of(meta | {"REMOTE_ADDR": peer}, trusted=trusted)
                    self.assertEqual(found, Origin(address=peer, scheme=None, is_told=False))

    def test_a_trusted_proxy_tells_the_client(self) -> None:
        self.assertEqual(self.address("10.1.2.3", "198.51.100.1"), "198.51.100.1")
        self.assertEqual(self.address("fd00::1", "2001:db8::7"), "2001:db8::7")
        self.assertEqual(self.address("10.1.2.3"), "10.1.2.3")
        self.assertTrue(self.origin("10.1.2.3").is_told)

    def test_what_the_client_wrote_before_the_proxy_counts_for_nothing(self) -> None:
        for forged in ("127.0.0.1", "10.0.0.1", "nonsense", "::1", ",,,", "198.51.100.99, 10.0.0.1"):
            with self.subTest(forged=forged):
                self.assertEqual(self.address("10.1.2.3", f"{forged}, 198.51.100.1"), "198.51.100.1")
                self.assertEqual(self.address("10.1.2.3", f"{forged}, 198.51.100.1, 10.9.9.9"), "198.51.100.1")

    def test_proxies_of_ours_alone_lead_to_the_outermost(self) -> None:
        self.assertEqual(self.address("10.1.2.3", "10.0.0.7, 10.9.9.9"), "10.0.0.7")

    def test_what_is_no_address_ends_the_walk_at_the_last_that_is_known(self) -> None:
        for broken in ("nonsense", "unknown", "_hidden", "<script>", "999.1.1.1", "1.2.3", "", " ", "1.2.3.4 5.6.7.8"):
            with self.subTest(broken=broken):
                self.assertEqual(self.address("10.1.2.3", f"198.51.100.1,{broken}"), "10.1.2.3")
                self.assertEqual(self.address("10.1.2.3", f"198.51.100.1, {broken}, 10.9.9.9"), "10.9.9.9")

    def test_a_thousand_hops(self) -> None:
        forged = ", ".join(f"198.18.{number // 250}.{number % 250}" for number in range(1000))
        self.assertEqual(self.address("10.1.2.3", f"{forged}, 198.51.100.1"), "198.51.100.1")
        ours = ", ".join("10.0.0.1" for _ in range(1000))
        self.assertEqual(self.address("10.1.2.3", f"198.51.100.1, {ours}"), "10.0.0.1")

    def test_mapped_addresses_are_what_they_stand_for(self) -> None:
        self.assertEqual(self.address("::ffff:10.1.2.3", "::ffff:198.51.100.1"), "198.51.100.1")
        self.assertEqual(self.address("::ffff:203.0.113.9", "198.51.100.1"), "203.0.113.9")

    def test_a_peer_that_is_no_address(self) -> None:
        for peer in ("", "/run/onpoint.sock", "nonsense"):
            self.assertEqual(self.address(peer, "198.51.100.1"), "")
        self.assertEqual(origin_of({}, trusted=OURS).address, "")


class Parsing(SimpleTestCase):
    def test_ports_brackets_quotes_and_zones(self) -> None:
        for text, meant in {
            " 198.51.100.1 ": "198.51.100.1",
            "198.51.100.1:8080": "198.51.100.1",
            "[2001:db8::7]:443": "2001:db8::7",
            '"[2001:db8::7]"': "2001:db8::7",
            "2001:DB8:0:0::7": "2001:db8::7",
            "::ffff:198.51.100.1": "198.51.100.1",
            "[::ffff:c633:6401]:1": "198.51.100.1",
            "fe80::1%<script>": "fe80::1",
        }.items():
            with self.subTest(text=text):
                self.assertEqual(str(parse_address(text)), meant)

    def test_what_is_none(self) -> None:
        for text in ("", "localhost", "198.51.100.1/32", "0x7f000001", "127.1", "2130706433", "01.2.3.4", "[", "a:b:c"):
            with self.subTest(text=text):
                self.assertIsNone(parse_address(text))

    def test_limits_count_the_network_a_client_writes_from(self) -> None:
        self.assertEqual(client_block("198.51.100.1"), "198.51.100.1")
        self.assertEqual(client_block("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64")
        self.assertEqual(client_block("2001:db8:1:2:ffff::"), "2001:db8:1:2::/64")
        self.assertNotEqual(client_block("2001:db8:1:3::1"), client_block("2001:db8:1:2::1"))
        self.assertEqual(client_block(""), "")


class Schemes(OriginTestCase):
    def test_only_a_trusted_proxy_tells_the_scheme(self) -> None:
        self.assertIsNone(self.origin("203.0.113.9", "", "https").scheme)
        self.assertIsNone(self.origin("10.1.2.3", "198.51.100.1").scheme)
        self.assertEqual(self.origin("10.1.2.3", "198.51.100.1", "https").scheme, "https")
        self.assertEqual(self.origin("10.1.2.3", "198.51.100.1", " HTTPS ").scheme, "https")
        for said in ("http", "https;", "wss", "on", "https http"):
            self.assertEqual(self.origin("10.1.2.3", "198.51.100.1", said).scheme, "http")

    def test_in_lists_the_client_chooses_nothing(self) -> None:
        # The proxy appends; the client wrote the rest.
        self.assertEqual(self.origin("10.1.2.3", "198.51.100.1", "https, http").scheme, "http")
        self.assertEqual(self.origin("10.1.2.3", "1.1.1.1, 198.51.100.1", "https, http").scheme, "http")
        self.assertEqual(self.origin("10.1.2.3", "1.1.1.1, 198.51.100.1", "http, https").scheme, "https")
        self.assertEqual(self.origin("10.1.2.3", "", "http, https").scheme, "http")

    def test_the_proxy_next_to_the_client_knows(self) -> None:
        self.assertEqual(self.origin("10.1.2.3", "198.51.100.1, 10.9.9.9", "https, http").scheme, "https")
        self.assertEqual(self.origin("10.1.2.3", "198.51.100.1, 10.9.9.9", "http, https").scheme, "http")
