"""What the payment's JSON says about money and about trying again."""

from typing import Any
from unittest import TestCase

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id
from payments.models import Payment
from payments.serializers.payments import NextActionSerializer, payment_body
from payments.services.intent import NOTHING_YET


def shape(**fields: Any) -> dict[str, Any]:
    base = {"id": new_id(), "amount": 10_000, "currency": "KES", "fee": 150, "mode": "test", "metadata": {}}
    at = {"created_at": now(), "expires_at": now()}
    return payment_body(Payment(**(NOTHING_YET | base | at | fields)))


class Shape(TestCase):
    def next_action(self, **fields: Any) -> dict[str, Any]:
        asked = {"status": "pending", "pending_reason": "awaiting_customer", "payment_method": "mpesa_c2b"}
        found: dict[str, Any] = shape(**(asked | {"account_reference": "54343860"} | fields))["next_action"]
        self.assertLessEqual(set(found), set(NextActionSerializer().fields))
        return found

    def test_a_paybill_is_paid_with_an_account_number(self) -> None:
        found = self.next_action(provider_details={"shortcode": "174379", "paybill": "174379"})
        named = {name: found[name] for name in ("type", "paybill", "account", "amount")}
        expected = {"type": "pay_to_paybill", "paybill": "174379", "account": "54343860", "amount": "100.00"}
        self.assertEqual(named, expected)
        self.assertNotIn("till", found)

    def test_a_till_is_paid_without_one(self) -> None:
        found = self.next_action(provider_details={"shortcode": "600123", "till": "5123456"})
        self.assertEqual((found["till"], found["account"]), ("5123456", None))
        self.assertNotIn("paybill", found)

    def test_nothing_is_left_to_do_once_it_is_decided(self) -> None:
        for status in ("completed", "cancelled", "expired"):
            found = self.next_action(status=status, pending_reason=None, provider_details={"paybill": "174379"})
            self.assertEqual(found, {"type": "none", "expires_at": None})

    def test_fee_and_net_of_a_paid_payment(self) -> None:
        paid = shape(status="completed", captured=10_000)
        self.assertEqual((paid["fee"], paid["net"], paid["amount_received"]), ("1.50", "98.50", "100.00"))

    def test_a_surplus_payment_earns_nobody_anything(self) -> None:
        surplus = shape(status="completed", captured=10_000, surplus=True)
        self.assertEqual((surplus["fee"], surplus["net"], surplus["amount_received"]), ("0.00", "0.00", "100.00"))

    def test_nothing_is_told_of_fees_before_money_came(self) -> None:
        self.assertEqual((shape(status="pending")["fee"], shape(status="pending")["net"]), (None, None))

    def test_a_new_try_is_safe_once_the_provider_said_no(self) -> None:
        silence = {"code": "prompt_expired", "provider_code": None, "certainty": "likely"}
        for status, failure, expected in (
            ("failed", {"code": "insufficient_funds", "provider_code": "1", "certainty": "certain"}, True),
            ("cancelled", {"code": "cancelled_by_customer", "provider_code": "1032", "certainty": "likely"}, True),
            ("cancelled", silence, False),
            ("expired", {"code": "prompt_expired", "provider_code": "1019", "certainty": "certain"}, True),
            ("expired", {"code": "customer_unreachable", "provider_code": "1037", "certainty": "certain"}, True),
            ("expired", silence, False),
            ("pending", None, False),
            ("completed", None, False),
        ):
            with self.subTest(status=status, failure=failure):
                self.assertIs(shape(status=status, failure=failure)["safe_to_retry"], expected)
