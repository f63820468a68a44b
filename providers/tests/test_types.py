"""The types that cross between the product and its providers refuse what would be a contradiction."""

import unittest
from dataclasses import FrozenInstanceError, replace
from typing import Any

from onpoint_pay.kit.http import HttpClient
from providers import registry
from providers.errors import NotSupported, ProviderRejected
from providers.mpesa.tests.shapes import make_config
from providers.mpesa.words import PAYER_BALANCE, SYSTEM_BUSY
from providers.tests.tokens import PlainTokens
from providers.types import Outcome, OutcomeStatus, RetryAdvice


class OutcomeTests(unittest.TestCase):
    def test_failed_and_only_failed_has_a_failure(self) -> None:
        Outcome(status=OutcomeStatus.FAILED, failure=PAYER_BALANCE)
        with self.assertRaises(ValueError):
            Outcome(status=OutcomeStatus.FAILED)
        for status in OutcomeStatus:
            if status is not OutcomeStatus.FAILED:
                with self.subTest(status=status), self.assertRaises(ValueError):
                    Outcome(status=status, failure=PAYER_BALANCE)

    def test_is_frozen(self) -> None:
        outcome: Any = Outcome(status=OutcomeStatus.PENDING)
        with self.assertRaises(FrozenInstanceError):
            outcome.status = OutcomeStatus.SUCCEEDED

    def test_a_refusal_has_a_failure(self) -> None:
        with self.assertRaises(ValueError):
            ProviderRejected(Outcome(status=OutcomeStatus.UNKNOWN))


class FailureTests(unittest.TestCase):
    def test_waiting_has_seconds_and_nothing_else_has(self) -> None:
        with self.assertRaises(ValueError):
            replace(SYSTEM_BUSY, retry_after_seconds=None)
        with self.assertRaises(ValueError):
            replace(SYSTEM_BUSY, retry_advice=RetryAdvice.NOW)


class RegistryTests(unittest.TestCase):
    def test_an_unknown_code_is_not_supported(self) -> None:
        http = HttpClient("test", allow_private=False)
        with self.assertRaises(NotSupported):
            registry.get("mpesa", make_config(), tokens=PlainTokens(), http=http)
        with self.assertRaises(NotSupported):
            registry.parser_for("nobody")
