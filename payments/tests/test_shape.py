"""What the payment's JSON says about money and about trying again."""

from typing import Any
from unittest import TestCase

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id
from payments.models import Payment
from payments.serializers.payments import payment_body
from payments.services.intent import NOTHING_YET


def shape(**fields: Any) -> dict[str, Any]:
    base = {"id": new_id(), "amount": 10_000, "currency": "KES", "fee": 150, "mode": "test", "metadata": {}}
    at = {"created_at": now(), "expires_at": now()}
    return payment_body(Payment(**(NOTHING_YET | base | at | fields)))


class Shape(TestCase):
    def test_fee_and_net_of_a_paid_payment(self) -> None:
        paid = shape(status="completed", captured=10_000)
        self.assertEqual((paid["fee"], paid["net"], paid["amount_received"]), ("1.50", "98.50", "100.00"))

    def test_a_surplus_payment_earns_nobody_anything(self) -> None:
        surplus = shape(status="completed", captured=10_000, surplus=True)
        self.assertEqual((surplus["fee"], surplus["net"], surplus["amount_received"]), ("0.00", "0.00", "100.00"))

    def test_nothing_is_told_of_fees_before_money_came(self) -> None:
        self.assertEqual((shape(status="pending")["fee"], shape(status="pending")["net"]), (None, None))

    def test_a_new_try_is_safe_once_the_provider_said_no(self) -> None:
        likely = {"code": "cancelled_by_customer", "certainty": "likely"}
        for status, failure, expected in (
            ("failed", {"code": "insufficient_funds", "certainty": "certain"}, True),
            ("cancelled", likely, True),
            ("expired", {"code": "prompt_expired", "certainty": "certain"}, True),
            ("expired", {"code": "customer_unreachable", "certainty": "likely"}, False),
            ("pending", None, False),
            ("completed", None, False),
        ):
            with self.subTest(status=status, failure=failure):
                self.assertIs(shape(status=status, failure=failure)["safe_to_retry"], expected)
