"""Every request of the API user as we send it, and the answers that accept it; tests bear the names of the shapes."""

import json
from collections.abc import Callable
from typing import Any

from onpoint_pay.kit.money import Money
from onpoint_pay.kit.tests.local_server import Reply, answer
from providers.mpesa.tests.shapes import shape
from providers.mpesa.tests.test_shapes import ShapeTestCase
from providers.types import (
    BalanceRequest,
    Outcome,
    OutcomeStatus,
    PayoutRequest,
    RefundRequest,
    StatusRequest,
)

RESULT_URL = "https://pay.example.co.ke/api/v1/hooks/5f0c9a61e27b4d3ca8417f20/result"
TIMEOUT_URL = "https://pay.example.co.ke/api/v1/hooks/5f0c9a61e27b4d3ca8417f20/timeout"
CONVERSATION = "AG_20261114_20106e9209f64bebd05b"
ORIGINATOR = "f1e2-4b95-a71d-b30d3cdbb7a7735297"
PAYOUT = PayoutRequest(
    reference="600987_PO_01HF3Q7Z2M",
    amount=Money(250_000),
    phone="254708374149",
    description="Merchant payout",
    result_url=RESULT_URL,
    timeout_url=TIMEOUT_URL,
)
REFUND = RefundRequest(
    reference="REF1-1",
    receipt="UKE7Q2M9XB",
    amount=Money(150_000),
    reason="Refund of order 20418",
    result_url=RESULT_URL,
    timeout_url=TIMEOUT_URL,
)
BALANCE = BalanceRequest(reference="ASK1", result_url=RESULT_URL, timeout_url=TIMEOUT_URL)
STATUS = StatusRequest(reference="ASK2", receipt="UKE7Q2M9XB", result_url=RESULT_URL, timeout_url=TIMEOUT_URL)
STATUS_BY_REFERENCE = StatusRequest(
    reference="ASK3",
    original_reference="7071-4170-a0e5-8345632bad442144258",
    result_url=RESULT_URL,
    timeout_url=TIMEOUT_URL,
)
TOKEN = answer(200, shape("oauth_generate_success"))
TAKEN = answer(200, shape("async_accepted_response"))


class OrderTestCase(ShapeTestCase):
    def refund(self, *replies: Reply) -> Outcome:
        return self.provider(TOKEN, *replies).refund(REFUND)

    def pay_out(self, *replies: Reply) -> Outcome:
        return self.provider(TOKEN, *replies).pay_out(PAYOUT)

    def ask_status(self, *replies: Reply) -> Outcome:
        return self.provider(TOKEN, *replies).ask_status(STATUS)

    def ask_balance(self, *replies: Reply) -> Outcome:
        return self.provider(TOKEN, *replies).ask_balance(BALANCE)

    def orders(self) -> dict[str, Callable[..., Outcome]]:
        return {
            "refund": self.refund, "payout": self.pay_out, "status": self.ask_status, "balance": self.ask_balance,
        }  # fmt: skip

    def sent(self) -> Any:
        return self.server.received[1].json()

    def assert_sent(self, path: str, name: str, **ours: str) -> None:
        """The shape's keys, types and values; `ours` are those whose words we choose, or that we add."""
        expected = json.loads(shape(name)) | ours
        seen = self.server.received[1]
        self.assertEqual((seen.method, seen.path, seen.json()), ("POST", path, expected))
        self.assertEqual(seen.headers["content-type"], "application/json")
        self.assertNotIn("onpoint-scenario", seen.headers)


class RequestShapeTests(OrderTestCase):
    def test_reversal_request(self) -> None:
        self.refund(TAKEN)
        self.assert_sent("/mpesa/reversal/v1/request", "reversal_request", Occasion="REF1-1")

    def test_b2c_v3_request(self) -> None:
        self.pay_out(TAKEN)
        self.assert_sent("/mpesa/b2c/v3/paymentrequest", "b2c_v3_request", Occassion="business")

    def test_transaction_status_request_by_receipt(self) -> None:
        self.ask_status(TAKEN)
        self.assert_sent(
            "/mpesa/transactionstatus/v1/query",
            "transaction_status_request_by_receipt",
            Remarks="Status check",
            Occasion="ASK2",
        )

    def test_transaction_status_request_by_conversation(self) -> None:
        self.provider(TOKEN, TAKEN).ask_status(STATUS_BY_REFERENCE)
        self.assert_sent(
            "/mpesa/transactionstatus/v1/query",
            "transaction_status_request_by_conversation",
            Remarks="Status check",
            Occasion="ASK3",
            OriginatorConversationID="7071-4170-a0e5-8345632bad442144258",
        )

    def test_account_balance_request(self) -> None:
        self.ask_balance(TAKEN)
        self.assert_sent("/mpesa/accountbalance/v1/query", "account_balance_request", Remarks="ASK1")


class AcceptedShapeTests(OrderTestCase):
    def test_async_accepted_response(self) -> None:
        for name, order in self.orders().items():
            with self.subTest(name=name):
                outcome = order(TAKEN)
                self.assertIs(outcome.status, OutcomeStatus.PENDING)
                self.assertEqual((outcome.provider_reference, outcome.query_reference), (CONVERSATION, ORIGINATOR))
                self.assertEqual(
                    outcome.details, {"conversation_id": CONVERSATION, "originator_conversation_id": ORIGINATOR}
                )
                self.assertEqual(outcome.provider_message, "Accept the service request successfully.")
                self.assertIsNone(outcome.receipt)
                self.assertEqual(len(self.server.received), 2)

    def test_b2c_v3_accepted_response(self) -> None:
        outcome = self.pay_out(answer(200, shape("b2c_v3_accepted_response")))
        self.assertIs(outcome.status, OutcomeStatus.PENDING)
        self.assertEqual(outcome.provider_reference, CONVERSATION)
        self.assertEqual(outcome.details["originator_conversation_id"], PAYOUT.reference)
        self.assertEqual((outcome.money, outcome.phone), (Money(250_000), "254708374149"))
