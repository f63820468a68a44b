"""Addresses M-Pesa would object to: its words anywhere in them, and what production does not take."""

import unittest
from typing import Any

from providers.mpesa.tests.shapes import make_config
from providers.mpesa.urls import objections

TOKEN = "5f0c9a61e27b4d3ca8417f20"
GOOD = f"https://pay.example.co.ke/api/v1/hooks/{TOKEN}/confirm"


def production(url: str) -> list[str]:
    return objections([url], make_config(environment="production"))


class KeywordTests(unittest.TestCase):
    def test_words_anywhere_are_told_in_every_environment(self) -> None:
        for url, word in (
            ("https://pay.example.co.ke/api/v1/payments/mpesa/callback/", "mpesa"),
            ("https://mpesa.example.co.ke/hooks/confirm", "mpesa"),
            ("https://M-Pesa.example.co.ke/hooks/confirm", "m-pesa"),
            ("https://pay.example.co.ke/m_pesa/confirm", "m_pesa"),
            ("https://pay.example.co.ke/MPESA-result", "mpesa"),
            ("https://pay.example.co.ke/%6dpesa/confirm", "mpesa"),
            ("https://safaricom.example.co.ke/confirm", "safaricom"),
            ("https://pay.example.co.ke/executions/confirm", "exec"),
            ("https://pay.example.co.ke/a.exe/confirm", "exe"),
            ("https://pay.example.co.ke/cmd/confirm", "cmd"),
            ("https://pay.example.co.ke/mySQL/confirm", "sql"),
            ("https://pay.example.co.ke/stk-query/confirm", "query"),
        ):
            configs: tuple[dict[str, Any], ...] = ({}, {"environment": "production"}, {"simulated": True})
            for changes in configs:
                with self.subTest(url=url, changes=changes):
                    (sentence,) = objections([url], make_config(**changes))
                    self.assertIn(f'"{word}"', sentence)
                    self.assertRegex(sentence, r": rename .*\.$")

    def test_each_word_is_told_once(self) -> None:
        (first, second) = production("https://mpesa.example.co.ke/mpesa/query/confirm")
        self.assertIn('"mpesa"', first)
        self.assertIn('"query"', second)

    def test_other_words_are_fine(self) -> None:
        for path in ("confirm", "validate", "result-b2c", "timeout-reversal", "pesa", "results", "requests", "access"):
            with self.subTest(path=path):
                self.assertEqual(production(f"https://pay.example.co.ke/api/v1/hooks/{TOKEN}/{path}"), [])


class PlaceTests(unittest.TestCase):
    def test_a_query_string_is_told_everywhere(self) -> None:
        for changes in ({}, {"simulated": True}, {"environment": "production"}):
            (sentence,) = objections([f"{GOOD}?token=1"], make_config(**changes))
            self.assertIn("has a query string", sentence)

    def test_production_wants_https(self) -> None:
        (sentence,) = production(GOOD.replace("https", "http"))
        self.assertIn("is not https", sentence)

    def test_production_wants_what_can_be_reached(self) -> None:
        for host in (
            "localhost", "localhost:8000", "LOCALHOST", "pay.localhost", "box.local", "127.0.0.1", "127.0.0.1:8000",
            "10.0.0.5", "192.168.1.10", "172.16.0.1", "169.254.1.1", "100.64.0.1", "0.0.0.0", "[::1]", "[fd00::1]",
            "[::ffff:127.0.0.1]", "localhost.",
        ):  # fmt: skip
            with self.subTest(host=host):
                (sentence,) = production(f"https://{host}/hooks/{TOKEN}/confirm")
                self.assertIn("cannot be reached from outside", sentence)

    def test_public_places_are_fine(self) -> None:
        for host in ("pay.example.co.ke", "pay.example.co.ke:8443", "41.90.4.5", "[2c0f:fe38::1]"):
            with self.subTest(host=host):
                self.assertEqual(production(f"https://{host}/hooks/{TOKEN}/confirm"), [])

    def test_sandbox_and_simulator_take_http_and_loopback(self) -> None:
        configs: tuple[dict[str, Any], ...] = (
            {}, {"simulated": True}, {"simulated": True, "environment": "production"},
        )  # fmt: skip
        for changes in configs:
            with self.subTest(changes=changes):
                found = objections([f"http://127.0.0.1:8000/api/v1/hooks/{TOKEN}/confirm"], make_config(**changes))
                self.assertEqual(found, [])

    def test_what_is_no_web_address(self) -> None:
        for url in (
            "",
            "pay.example.co.ke/confirm",
            "ftp://pay.example.co.ke/x",
            "https://",
            "https://a b/x",
            "https://[x",
        ):
            with self.subTest(url=url):
                (sentence,) = production(url)
                self.assertIn("is not a web address", sentence)

    def test_every_address_has_its_own_sentences(self) -> None:
        config = make_config(environment="production")
        self.assertEqual(len(objections([GOOD, "http://127.0.0.1/cmd?x=1", GOOD + "?"], config)), 5)

    def test_the_secret_in_the_path_is_not_told(self) -> None:
        for url in (f"http://mpesa.example.co.ke/hooks/{TOKEN}/confirm?x=1", f"http://u:{TOKEN}@10.0.0.1/cmd/confirm/"):
            self.assertNotIn(TOKEN, " ".join(production(url)))
