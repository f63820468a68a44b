"""Payments that payers make by themselves, as M-Pesa tells them, and our answers; tests bear the names of the shapes."""

import json
import unittest
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

from onpoint_pay.kit.money import Money
from providers.mpesa.callbacks import MpesaCallbacks
from providers.mpesa.tests.shapes import shape
from providers.mpesa.tests.test_result_shapes import event_at
from providers.types import CallbackEvent, EventKind, OutcomeStatus, Receipt, ValidationRefusal

PHONE = "254708374149"
CLEAR = Receipt(
    receipt="UKE3M8T4ZC",
    money=Money(75_000),
    shortcode="600987",
    account_reference="INV-20418",
    phone=PHONE,
    payer_name="AMINA WAIRIMU OTIENO",
    occurred_at=datetime(2026, 11, 14, 8, 15, 30, tzinfo=UTC),
    float_after=Money(4_823_000),
)
MASKED = replace(CLEAR, phone=None, phone_masked="2547 ***** 149", payer_name="AMINA")


class ConfirmationShapeTests(unittest.TestCase):
    def assert_confirms(self, name: str, received: Receipt) -> CallbackEvent:
        event = event_at("confirm", shape(name))
        outcome = event.outcome
        self.assertIs(event.kind, EventKind.C2B_CONFIRMATION)
        self.assertEqual(event.received, received)
        self.assertEqual((event.dedupe_key, event.provider_reference), (received.receipt, received.receipt))
        self.assertIs(outcome.status, OutcomeStatus.SUCCEEDED)
        self.assertEqual(
            (outcome.receipt, outcome.money, outcome.phone), (received.receipt, received.money, received.phone)
        )
        self.assertEqual(
            (outcome.occurred_at, outcome.details["shortcode"]), (received.occurred_at, received.shortcode)
        )
        hashed = sha256(PHONE.encode()).hexdigest()
        for hidden in (PHONE, hashed):
            self.assertNotIn(hidden, repr(event))
            self.assertNotIn(hidden.encode(), outcome.raw)
        return event

    def test_c2b_confirmation_v1(self) -> None:
        self.assert_confirms("c2b_confirmation_v1", CLEAR)

    def test_c2b_confirmation_v1_nulls(self) -> None:
        self.assert_confirms("c2b_confirmation_v1_nulls", replace(CLEAR, money=Money(100)))

    def test_c2b_confirmation_v2_masked(self) -> None:
        self.assert_confirms("c2b_confirmation_v2_masked", MASKED)

    def test_c2b_confirmation_v2_hashed(self) -> None:
        hashed = sha256(PHONE.encode()).hexdigest()
        self.assert_confirms("c2b_confirmation_v2_hashed", replace(CLEAR, phone=None, phone_hash=hashed))

    def test_c2b_confirmation_till(self) -> None:
        received = replace(MASKED, receipt="UKE5R1K9PD", money=Money(98_050), shortcode="5204861", account_reference="")
        self.assert_confirms("c2b_confirmation_till", received)

    def test_c2b_confirmation_for_stk_payment(self) -> None:
        paid_at = datetime(2026, 11, 14, 7, 31, 2, tzinfo=UTC)
        received = replace(MASKED, receipt="UKE7Q2M9XB", money=Money(150_000), occurred_at=paid_at)
        self.assert_confirms("c2b_confirmation_for_stk_payment", received)

    def test_c2b_confirmation_ack(self) -> None:
        event = event_at("confirm", shape("c2b_confirmation_v1"))
        for accepted in (True, False):
            reply = MpesaCallbacks().reply_to_callback(event, accepted=accepted)
            self.assertEqual((reply.status, reply.content_type), (200, "application/json"))
            self.assertEqual(json.loads(reply.body), json.loads(shape("c2b_confirmation_ack")))


class ValidationShapeTests(unittest.TestCase):
    def test_c2b_validation_request(self) -> None:
        event = event_at("validate", shape("c2b_validation_request"))
        self.assertEqual((event.kind, event.dedupe_key), (EventKind.C2B_VALIDATION, "UKE3M8T4ZC:validate"))
        self.assertEqual(event.received, replace(MASKED, float_after=None))
        self.assertEqual((event.outcome.status, event.outcome.receipt), (OutcomeStatus.PENDING, None))

    def test_c2b_validation_accept(self) -> None:
        reply = MpesaCallbacks().reply_to_validation(None)
        self.assertEqual(json.loads(reply.body), json.loads(shape("c2b_validation_accept")))
        event = event_at("validate", shape("c2b_validation_request"))
        self.assertEqual(MpesaCallbacks().reply_to_callback(event), reply)

    def test_c2b_validation_reject(self) -> None:
        reply = MpesaCallbacks().reply_to_validation(ValidationRefusal.ACCOUNT)
        self.assertEqual((reply.status, json.loads(reply.body)), (200, json.loads(shape("c2b_validation_reject"))))


class AcknowledgementShapeTests(unittest.TestCase):
    def test_callback_ack(self) -> None:
        expected = json.loads(shape("callback_ack"))
        for door, name in (
            ("collect", "stk_callback_success"), ("result-b2c", "b2c_result_success"),
            ("result-reversal", "reversal_result_success"), ("result-balance", "account_balance_result"),
            ("result-status", "transaction_status_result_completed"), ("timeout-b2c", "b2c_timeout_echo"),
        ):  # fmt: skip
            with self.subTest(door=door):
                reply = MpesaCallbacks().reply_to_callback(event_at(door, shape(name)))
                self.assertEqual(json.loads(reply.body), expected)
        self.assertEqual(json.loads(MpesaCallbacks().reply_to_callback().body), expected)
