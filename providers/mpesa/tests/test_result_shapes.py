"""Every result and every notice M-Pesa is known to send; tests bear the names of the shapes."""

import unittest
from datetime import UTC, datetime

from onpoint_pay.kit.money import Money
from providers.mpesa.callbacks import MpesaCallbacks
from providers.mpesa.tests.shapes import CREDENTIAL, shape
from providers.types import (
    AccountBalance,
    CallbackEvent,
    ClosesAs,
    EventKind,
    FailureCode,
    InboundRequest,
    OutcomeStatus,
    RetryAdvice,
)

CONVERSATION = "AG_20261114_20106e9209f64bebd05b"
ORIGINATOR = "f1e2-4b95-a71d-b30d3cdbb7a7735297"
PAYOUT = "600987_PO_01HF3Q7Z2M"
PHONE = "254708374149"
IDS = {"conversation_id": CONVERSATION, "originator_conversation_id": ORIGINATOR}


def event_at(door: str, body: bytes) -> CallbackEvent:
    (event,) = MpesaCallbacks().parse_callback(
        InboundRequest(body=body, headers={}, token=None, source_ip=None, door=door)
    )
    return event


class ResultTestCase(unittest.TestCase):
    def event(self, door: str, name: str) -> CallbackEvent:
        event = event_at(door, shape(name))
        self.assertEqual(event.provider_reference, CONVERSATION)
        self.assertEqual(event.our_reference, PAYOUT if name.startswith("b2c") else ORIGINATOR)
        self.assertEqual(event.dedupe_key, f"{event.our_reference}:{CONVERSATION}:{event.outcome.provider_code}:{door}")
        self.assertNotIn(PHONE, repr(event))
        self.assertNotIn(PHONE.encode(), event.outcome.raw)
        self.assertTrue(event.outcome.raw)
        return event

    def assert_failed(self, door: str, name: str, code: FailureCode, advice: RetryAdvice) -> None:
        event = self.event(door, name)
        assert event.outcome.failure
        self.assertIs(event.kind, EventKind.PAYOUT if door == "result-b2c" else EventKind.REFUND)
        self.assertIs(event.outcome.status, OutcomeStatus.FAILED)
        self.assertEqual((event.outcome.failure.code, event.outcome.failure.retry_advice), (code, advice))
        self.assertEqual((event.outcome.receipt, event.outcome.money), (None, None))
        self.assertTrue(event.outcome.provider_message)


class PayoutShapeTests(ResultTestCase):
    def test_b2c_result_success(self) -> None:
        event = self.event("result-b2c", "b2c_result_success")
        outcome = event.outcome
        self.assertIs(event.kind, EventKind.PAYOUT)
        self.assertIs(outcome.status, OutcomeStatus.SUCCEEDED)
        self.assertEqual((outcome.receipt, outcome.money), ("UKE4W9C1TF", Money(250_000)))
        self.assertEqual((outcome.provider_reference, outcome.phone), (CONVERSATION, PHONE))
        self.assertEqual(outcome.occurred_at, datetime(2026, 11, 14, 9, 48, 52, tzinfo=UTC))
        self.assertEqual(outcome.details["receiver_phone"], PHONE)

    def test_b2c_result_failed_insufficient_float(self) -> None:
        self.assert_failed(
            "result-b2c",
            "b2c_result_failed_insufficient_float",
            FailureCode.INSUFFICIENT_FUNDS,
            RetryAdvice.FIX_SETUP,
        )

    def test_b2c_result_failed_below_minimum(self) -> None:
        self.assert_failed(
            "result-b2c", "b2c_result_failed_below_minimum", FailureCode.LIMIT_MERCHANT, RetryAdvice.NEVER
        )

    def test_b2c_result_failed_initiator(self) -> None:
        self.assert_failed(
            "result-b2c", "b2c_result_failed_initiator", FailureCode.CREDENTIALS_REJECTED, RetryAdvice.FIX_SETUP
        )

    def test_b2c_result_failed_unregistered(self) -> None:
        self.assert_failed(
            "result-b2c", "b2c_result_failed_unregistered", FailureCode.NOT_REGISTERED, RetryAdvice.ASK_CUSTOMER
        )


class ReversalShapeTests(ResultTestCase):
    def test_reversal_result_success(self) -> None:
        event = self.event("result-reversal", "reversal_result_success")
        outcome = event.outcome
        self.assertIs(event.kind, EventKind.REFUND)
        self.assertIs(outcome.status, OutcomeStatus.SUCCEEDED)
        self.assertEqual((outcome.receipt, outcome.money, outcome.fee), ("UKE8V3N2LA", Money(150_000), Money(0)))
        self.assertEqual(outcome.occurred_at, datetime(2026, 11, 14, 9, 2, 11, tzinfo=UTC))
        self.assertEqual(
            outcome.details,
            IDS
            | {
                "original_receipt": "UKE7Q2M9XB",
                "receiver_phone": PHONE,
                "debit_shortcode": "600987",
                "shortcode": "600987",
            },
        )

    def test_reversal_result_success_without_parameters(self) -> None:
        outcome = self.event("result-reversal", "reversal_result_success_without_parameters").outcome
        self.assertIs(outcome.status, OutcomeStatus.SUCCEEDED)
        self.assertEqual((outcome.receipt, outcome.money, outcome.phone), ("UKE8V3N2LA", None, None))
        self.assertEqual(outcome.details, IDS)

    def test_reversal_result_already_reversed(self) -> None:
        outcome = self.event("result-reversal", "reversal_result_already_reversed").outcome
        self.assertEqual((outcome.status, outcome.is_reversed), (OutcomeStatus.UNKNOWN, True))
        self.assertIsNone(outcome.failure)

    def test_reversal_result_original_not_found(self) -> None:
        self.assert_failed(
            "result-reversal", "reversal_result_original_not_found", FailureCode.INVALID_ACCOUNT, RetryAdvice.NEVER
        )

    def test_reversal_result_insufficient_funds(self) -> None:
        self.assert_failed(
            "result-reversal",
            "reversal_result_insufficient_funds",
            FailureCode.INSUFFICIENT_FUNDS,
            RetryAdvice.FIX_SETUP,
        )

    def test_reversal_result_initiator_not_allowed(self) -> None:
        self.assert_failed(
            "result-reversal",
            "reversal_result_initiator_not_allowed",
            FailureCode.CREDENTIALS_REJECTED,
            RetryAdvice.FIX_SETUP,
        )


class StatusShapeTests(ResultTestCase):
    def assert_completed(self, name: str) -> None:
        event = self.event("result-status", name)
        outcome = event.outcome
        self.assertIs(event.kind, EventKind.TRANSACTION_STATUS)
        self.assertIs(outcome.status, OutcomeStatus.SUCCEEDED)
        self.assertEqual((outcome.receipt, outcome.money, outcome.phone), ("UKE7Q2M9XB", Money(150_000), PHONE))
        self.assertEqual(outcome.occurred_at, datetime(2026, 11, 14, 7, 31, 2, tzinfo=UTC))
        self.assertEqual(outcome.provider_reference, "AG_20261114_2040165691b903e92930")
        self.assertEqual(
            outcome.details,
            IDS
            | {
                "transaction_status": "Completed",
                "original_reference": "7071-4170-a0e5-8345632bad442144258",
                "payer_phone": PHONE,
                "credit_shortcode": "600987",
                "shortcode": "600987",
            },
        )

    def test_transaction_status_result_completed(self) -> None:
        self.assert_completed("transaction_status_result_completed")

    def test_transaction_status_result_legacy_keys(self) -> None:
        self.assert_completed("transaction_status_result_legacy_keys")

    def test_transaction_status_result_declined(self) -> None:
        outcome = self.event("result-status", "transaction_status_result_declined").outcome
        assert outcome.failure
        self.assertIs(outcome.status, OutcomeStatus.FAILED)
        self.assertEqual((outcome.failure.code, outcome.failure.closes_as), (FailureCode.DECLINED, ClosesAs.FAILED))
        self.assertEqual((outcome.provider_message, outcome.receipt), ("Declined", "UKE7Q2M9XB"))

    def test_transaction_status_result_bad_parameters(self) -> None:
        outcome = self.event("result-status", "transaction_status_result_bad_parameters").outcome
        self.assertEqual((outcome.status, outcome.is_unknown_there), (OutcomeStatus.UNKNOWN, False))
        self.assertEqual((outcome.provider_code, outcome.receipt), ("25", None))


class BalanceShapeTests(ResultTestCase):
    def test_account_balance_result(self) -> None:
        event = self.event("result-balance", "account_balance_result")
        self.assertIs(event.kind, EventKind.BALANCE)
        self.assertIs(event.outcome.status, OutcomeStatus.SUCCEEDED)
        self.assertEqual(event.outcome.occurred_at, datetime(2026, 11, 14, 9, 57, 10, tzinfo=UTC))
        amounts = {
            "Working Account": 70_000_000, "Float Account": 0, "Utility Account": 22_803_700,
            "Charges Paid Account": -154_000, "Organization Settlement Account": 0,
        }  # fmt: skip
        self.assertEqual(
            event.balances,
            tuple(
                AccountBalance(name=name, current=Money(minor), available=Money(minor))
                for name, minor in amounts.items()
            ),
        )


class NoticeShapeTests(unittest.TestCase):
    def test_b2c_timeout_echo(self) -> None:
        event = event_at("timeout-b2c", shape("b2c_timeout_echo"))
        self.assertEqual((event.kind, event.our_reference), (EventKind.NOTICE, PAYOUT))
        self.assertEqual((event.outcome.status, event.outcome.money), (OutcomeStatus.UNKNOWN, Money(250_000)))
        self.assertEqual(event.dedupe_key, f"{PAYOUT}:::timeout-b2c")
        self.assertEqual(event.outcome.details, {"command": "BusinessPayment", "shortcode": "600987"})
        for hidden in (CREDENTIAL, PHONE):
            self.assertNotIn(hidden.encode(), event.outcome.raw)
            self.assertNotIn(hidden, repr(event))
        self.assertIn(b"SecurityCredential", event.outcome.raw)

    def test_queue_timeout_result_envelope(self) -> None:
        for door in ("timeout-b2c", "timeout-reversal", "timeout-status", "timeout-balance"):
            with self.subTest(door=door):
                event = event_at(door, shape("queue_timeout_result_envelope"))
                self.assertEqual((event.kind, event.our_reference), (EventKind.NOTICE, ORIGINATOR))
                self.assertEqual(event.provider_reference, CONVERSATION)
                self.assertEqual(event.dedupe_key, f"{ORIGINATOR}:{CONVERSATION}:1:{door}")
                self.assertIs(event.outcome.status, OutcomeStatus.UNKNOWN)
                self.assertEqual(event.outcome.provider_code, "1")
