"""A prompt whose hand-over and callback were both lost, found in the statement: our client against the simulator."""

import unittest
from dataclasses import replace
from datetime import timedelta

from onpoint_pay.kit import clock
from onpoint_pay.kit.http import HttpClient
from onpoint_pay.kit.money import Money
from providers.errors import ProviderTimeout, ProviderUnavailable
from providers.mpesa.provider import MpesaProvider
from providers.mpesa.tests.shapes import make_config
from providers.mpesa.tests.test_shapes import make_request
from providers.tests.tokens import PlainTokens
from providers.types import StatementLine
from tests.simulator_process import simulator


class LostPromptTests(unittest.TestCase):
    def setUp(self) -> None:
        self.simulator = simulator()
        self.simulator.reset()
        self.simulator.answer_at_once()
        http = HttpClient("simulated", allow_private=True)
        self.addCleanup(http.close)
        config = make_config(
            self.simulator.url,
            consumer_key="simulator-consumer-key",
            consumer_secret="simulator-consumer-secret",
            shortcode="174379",
            passkey="simulator-passkey",
            simulated=True,
        )
        self.provider = MpesaProvider(config, tokens=PlainTokens(), http=http)

    def fetch(self) -> list[StatementLine]:
        return self.provider.fetch_statement(clock.now() - timedelta(minutes=5), clock.now() + timedelta(minutes=5))

    def test_is_in_the_statement_once_paid(self) -> None:
        self.assertEqual(self.fetch(), [])
        with self.assertRaises(ProviderTimeout):
            self.provider.charge(replace(make_request(), scenario="push=reset; callback.lost=1"))
        (prompt,) = self.simulator.prompts()
        paid = self.simulator.wait_decided(prompt["checkout_request_id"])
        (line,) = self.fetch()
        self.assertEqual((line.receipt, line.money), (paid["receipt"], Money(150_000)))
        self.assertEqual((line.account_reference, line.phone), ("INV-20418", "254708374149"))
        assert line.occurred_at
        self.assertLess(abs(line.occurred_at - clock.now()), timedelta(minutes=5))
        self.assertEqual(self.simulator.summary()["pulls"], 2)

    def test_a_fault_is_not_an_empty_statement(self) -> None:
        for kind in ("pull_500", "pull_spike", "token_invalid"):
            self.simulator.call("POST", "faults", {"seed": 1, "rate": 1, "kinds": [kind]})
            with self.subTest(kind=kind), self.assertRaises(ProviderUnavailable):
                self.fetch()
        self.simulator.call("DELETE", "faults")
        self.assertEqual(self.fetch(), [])
