"""What a payment or a refund would cost and which way it would go: told, and nothing done."""

from typing import Any

from django.http import HttpResponse

from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit.ids import to_public
from payments.models import MoneyOp, Payment, Refund
from payments.tests.base import PaymentTestCase
from payments.tests.factories import make_payment
from settlements.models import LedgerTransfer
from tests.simulator_process import simulator
from webhooks.models import Event

QUOTE = "payments/quote/"


class QuoteTestCase(PaymentTestCase):
    def quote(self, **fields: Any) -> HttpResponse:
        return self.post(QUOTE, fields, self.headers)

    def quoted(self, **fields: Any) -> dict[str, Any]:
        """The answer, after which nothing is different."""
        before = self.rows()
        answer = self.quote(**fields)
        self.assertEqual(answer.status_code, 200, answer.content)
        self.assertEqual(self.rows(), before)
        found: dict[str, Any] = answer.json()
        return found

    def rows(self) -> tuple[int, ...]:
        return tuple(rows.objects.count() for rows in (Payment, MoneyOp, Refund, Event, LedgerTransfer))  # type: ignore[attr-defined]


class Payments(QuoteTestCase):
    def test_a_prompt(self) -> None:
        self.assertEqual(
            self.quoted(amount="1000", payment_method="mpesa"),
            {
                "object": "quote",
                "livemode": False,
                "amount": "1000.00",
                "currency": "KES",
                "fee": "15.00",
                "net": "985.00",
                "payment_method": "mpesa",
                "provider": "daraja",
                "route": "stk_push",
                "simulated": True,
                "refund_of": None,
                "expected_at": None,
                "requires_approval": False,
            },
        )
        self.assertEqual(simulator().summary()["pushes_received"], 0)

    def test_a_payment_by_hand(self) -> None:
        self.assertEqual(self.quoted(amount=10, payment_method="mpesa_c2b")["route"], "c2b")

    def test_it_is_what_the_payment_then_costs(self) -> None:
        told = self.quoted(amount=333, payment_method="mpesa")
        payment = make_payment(self.merchant, status="completed", amount="333.00")
        shown = self.get(f"payments/{to_public('pay', payment.id)}/", self.headers).json()
        self.assertEqual((told["fee"], told["net"]), (shown["fee"], shown["net"]))

    def test_faults(self) -> None:
        for fields, code, param in (
            ({"payment_method": "mpesa"}, "parameter_missing", "amount"),
            ({"amount": 5}, "parameter_missing", "payment_method"),
            ({}, "validation_failed", "amount"),
            ({"amount": "5.50", "payment_method": "mpesa"}, "amount_not_whole", "amount"),
            ({"amount": 300_000, "payment_method": "mpesa"}, "amount_too_large", "amount"),
            ({"amount": 5, "payment_method": "cash"}, "parameter_invalid", "payment_method"),
            ({"amount": 5, "payment_method": "mpesa", "refund_of": "x"}, "parameter_invalid", None),
            ({"amount": 5, "payment_method": "mpesa", "tip": 1}, "unknown_parameter", "tip"),
            ({"amount": "1e2", "payment_method": "mpesa"}, "amount_invalid", "amount"),
        ):
            with self.subTest(fields=fields):
                found = self.assert_problem(self.quote(**fields), 400, code)
                self.assertEqual(found["param"], param)

    def test_live_mode_without_a_provider(self) -> None:
        self.headers = key_headers(make_api_key(make_merchant(live_enabled=True), mode="live"))
        self.assert_problem(self.quote(amount=5, payment_method="mpesa"), 503, "provider_not_configured")


class Refunds(QuoteTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.payment = make_payment(self.merchant, status="completed", reference="ORDER-1")

    def test_all_of_it(self) -> None:
        for name in ("ORDER-1", self.payment.reference, to_public("pay", self.payment.id)):
            found = self.quoted(refund_of=name)
            self.assertEqual((found["route"], found["amount"], found["net"]), ("reversal", "100.00", "100.00"))
            self.assertEqual((found["fee"], found["refund_of"]), ("0.00", to_public("pay", self.payment.id)))
            self.assertTrue(found["expected_at"])

    def test_a_part(self) -> None:
        found = self.quoted(refund_of="ORDER-1", amount="40")
        self.assertEqual((found["route"], found["amount"]), ("b2c", "40.00"))

    def test_what_cannot_be_given_back(self) -> None:
        self.assert_problem(self.quote(refund_of="ORDER-1", amount=101), 409, "refund_exceeds_payment")
        self.assert_problem(self.quote(refund_of="ORDER-2"), 404, "payment_not_found")
        make_payment(self.merchant, reference="ORDER-3")
        self.assert_problem(self.quote(refund_of="ORDER-3"), 409, "payment_not_refundable")
