"""Payments that payers make by hand: a code to type, and an end only by the provider's own list."""

from datetime import timedelta
from typing import Any
from unittest import mock

from django.http import HttpResponse

from merchants.models import ProviderAccount
from onpoint_pay.kit.clock import now
from payments.account_codes import is_gateway_code
from payments.models import MoneyOp, Payment
from payments.services import lookup
from payments.services.sweep import sweep
from payments.tests.base import events_of, next_key, steps_of
from payments.tests.c2b import C2bTestCase, hashed, line, next_code
from payments.tests.factories import op_of
from providers.errors import ProviderUnavailable
from providers.types import StatementLine
from tests.simulator_process import simulator


class StartTestCase(C2bTestCase):
    def ask(self, **fields: Any) -> HttpResponse:
        body = {"amount": 100, "payment_method": "mpesa_c2b"} | fields
        headers = self.headers | ({"Idempotency-Key": fields.pop("key")} if "key" in fields else {})
        body.pop("key", None)
        return self.post("payments/initiate/", body, headers)

    def begin(self, **fields: Any) -> Payment:
        return self.start(payment_method="mpesa_c2b", **({"phone": None, "amount": 100} | fields))


class Started(StartTestCase):
    def test_what_the_payer_is_to_do(self) -> None:
        answer = self.ask(reference="ORDER-1")
        self.assertEqual(answer.status_code, 201, answer.content)
        shown = answer.json()
        self.assertEqual((shown["status"], shown["pending_reason"]), ("pending", "awaiting_customer"))
        self.assertEqual((shown["payment_method"], shown["channel"], shown["phone"]), ("mpesa_c2b", "c2b", None))
        action = shown["next_action"]
        self.assertTrue(is_gateway_code(action["account"]))
        self.assertEqual(
            action,
            {
                "type": "pay_to_paybill",
                "paybill": "600123",
                "account": action["account"],
                "amount": "100.00",
                "expires_at": shown["expires_at"],
            },
        )
        self.assertIn(f"paybill 600123, account {action['account']}", shown["customer_message"])
        self.assertEqual(simulator().prompts(), [])

    def test_rows_and_events(self) -> None:
        payment = self.begin()
        op = op_of(payment)
        self.assertEqual((op.kind, op.status, op.token_hash, op.amount), ("c2b", "accepted", None, 100_00))
        self.assertGreater(op.next_check, payment.expires_at)
        self.assertEqual(payment.provider_account_id, self.shop.id)
        self.assertEqual(events_of(payment), ["payment.created", "payment.pending"])
        self.assertEqual(steps_of(payment), [("initiated", "pending")])
        self.assertEqual((payment.expires_at - payment.created_at), timedelta(days=1))

    def test_a_till(self) -> None:
        ProviderAccount.objects.filter(id=self.shop.id).update(kind="till", till="5123456")
        shown = self.ask().json()["next_action"]
        self.assertEqual((shown["till"], shown["account"], "paybill" in shown), ("5123456", None, False))

    def test_in_swahili(self) -> None:
        self.assertIn("Lipa KES 100 kwa paybill 600123", self.ask(language="sw").json()["customer_message"])

    def test_one_key_one_payment(self) -> None:
        key = next_key()
        first, again = self.ask(key=key), self.ask(key=key)
        self.assertEqual((first.content, again["Idempotent-Replayed"]), (again.content, "true"))
        self.assertEqual(Payment.objects.count(), 1)
        self.assert_problem(self.ask(key=key, amount=200), 422, "idempotency_key_reused")

    def test_a_reference_that_is_open(self) -> None:
        self.ask(reference="ORDER-1")
        self.assert_problem(self.ask(reference="ORDER-1"), 409, "duplicate_reference")
        self.assertEqual(Payment.objects.count(), 1)

    def test_faults(self) -> None:
        for body, code in (
            ({"amount": "0.50"}, "amount_too_small"),
            ({"amount": "100.50"}, "amount_not_whole"),
            ({"amount": 250_001}, "amount_too_large"),
            ({"phone": "123"}, "phone_invalid"),
            ({"account_reference": "SHOP"}, "parameter_invalid"),
        ):
            with self.subTest(body=body):
                self.assert_problem(self.ask(**body), 400, code)
        self.assertFalse(Payment.objects.exists())

    def test_a_prompt_still_needs_a_phone(self) -> None:
        answer = self.post("payments/initiate/", {"payment_method": "mpesa"}, self.headers)
        found = self.assert_problem(answer, 400, "validation_failed")
        self.assertEqual({fault["param"] for fault in found["errors"]}, {"amount", "phone"})

    def test_there_is_no_prompt_to_send_again(self) -> None:
        payment = self.begin()
        answer = self.post(f"payments/{self.public(payment)}/resend/", {}, self.headers)
        self.assert_problem(answer, 409, "state_conflict")

    def public(self, payment: Payment) -> str:
        return str(self.get(f"payments/?reference={payment.reference}", self.headers).json()["data"][0]["id"])


class Paid(StartTestCase):
    def test_the_code_is_typed(self) -> None:
        payment = self.begin()
        row = self.confirm(bill_ref=payment.account_reference)
        self.assert_credited(row, id=payment.id)
        found = self.fresh(row)
        self.assertEqual((found.rule, found.suspense_transfer_id), ("reference", None))
        self.assertEqual(events_of(payment), ["payment.created", "payment.pending", "payment.completed"])
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)

    def test_with_blanks_and_from_any_phone(self) -> None:
        payment = self.begin(phone="254712345678")
        code = payment.account_reference
        row = self.confirm(bill_ref=f"{code[:4]} {code[4:]}", msisdn=hashed("254700999888"))
        self.assert_credited(row, id=payment.id)

    def test_one_digit_wrong(self) -> None:
        payment = self.begin()
        digit = str((int(payment.account_reference[-1]) + 1) % 10)
        row = self.confirm(bill_ref=payment.account_reference[:-1] + digit)
        self.assert_waiting(row, "suggested", rule="one_edit")
        self.assert_state(payment, "pending")

    def test_another_amount(self) -> None:
        payment = self.begin()
        row = self.confirm(bill_ref=payment.account_reference, amount="99.00")
        self.assert_waiting(row)
        self.assert_state(payment, "pending")
        self.assert_books(provider_float=99_00, suspense=99_00)

    def test_twice(self) -> None:
        payment = self.begin()
        self.confirm(bill_ref=payment.account_reference)
        again = self.confirm(bill_ref=payment.account_reference)
        self.assert_waiting(again)
        self.assert_books(provider_float=200_00, pending=98_50, fee_income=1_50, suspense=100_00)

    def test_after_its_end(self) -> None:
        payment = self.begin()
        self.expire(payment)
        row = self.confirm(bill_ref=payment.account_reference)
        self.assert_credited(row, id=payment.id, late=True)

    def expire(self, payment: Payment) -> None:
        age(payment, hours=26)
        with listing():
            for _ in range(2):
                MoneyOp.objects.update(next_check=now())
                sweep()
        self.assert_state(payment, "expired")


def age(payment: Payment, *, hours: float) -> None:
    """The payment was made this long ago."""
    then = now() - timedelta(hours=hours)
    Payment.objects.filter(id=payment.id).update(created_at=then, expires_at=then + timedelta(days=1))
    MoneyOp.objects.filter(payment=payment).update(created_at=then, sent_at=then)


def listing(*lines: StatementLine, error: Exception | None = None) -> Any:
    """The provider's list has these lines, or cannot be read."""
    answer = mock.Mock(return_value=list(lines), side_effect=error)
    return mock.patch.object(lookup, "provider_for", return_value=mock.Mock(fetch_statement=answer))


class Ended(StartTestCase):
    def look(self, *lines: StatementLine, error: Exception | None = None) -> None:
        MoneyOp.objects.filter(next_check__isnull=False).update(next_check=now())
        with listing(*lines, error=error):
            sweep()

    def test_it_expires_when_the_list_says_so_twice(self) -> None:
        payment = self.begin()
        age(payment, hours=26)
        self.look()
        self.assert_state(payment, "pending")
        self.look()
        found = self.assert_state(payment, "expired", confirmed_by="pull")
        self.assertEqual((found.failure or {})["code"], "prompt_expired")
        self.assertIn("did not pay in time", (found.failure or {})["reason"])
        self.assertEqual(events_of(payment)[-1], "payment.expired")

    def test_time_alone_ends_nothing(self) -> None:
        payment = self.begin()
        age(payment, hours=26)
        for _ in range(5):
            self.look(error=ProviderUnavailable("away"))
        self.assert_state(payment, "pending")
        self.assertEqual(op_of(payment).answered_checks, 0)

    def test_answers_before_its_time_count_for_nothing(self) -> None:
        payment = self.begin()
        age(payment, hours=23)
        for _ in range(5):
            self.look()
        self.assert_state(payment, "pending")
        self.assertEqual(op_of(payment).answered_checks, 0)

    def test_the_list_has_it(self) -> None:
        payment, code = self.begin(), next_code()
        age(payment, hours=26)
        self.look(line(code, bill_ref=payment.account_reference, phone="254700999888"))
        self.assert_state(payment, "completed", receipt=code, confirmed_by="pull")

    def test_the_list_has_money_without_text_that_nobody_has_booked(self) -> None:
        payment = self.begin()
        age(payment, hours=26)
        for _ in range(3):
            self.look(line("UKLNOTEXT1", bill_ref=""))
        self.assert_state(payment, "pending")

    def test_the_list_has_money_that_waits_in_suspense(self) -> None:
        payment = self.begin()
        row = self.confirm(bill_ref="")
        age(payment, hours=26)
        for _ in range(2):
            self.look(line(row.receipt, bill_ref=""))
        self.assert_state(payment, "expired")
        self.assert_waiting(row, "unmatched")

    def test_it_is_looked_for_every_quarter_of_an_hour(self) -> None:
        payment = self.begin()
        age(payment, hours=25)
        self.look()
        wait = op_of(payment).next_check - now()  # type: ignore[operator]
        self.assertLessEqual(wait, timedelta(minutes=15))
        age(payment, hours=60)
        self.look()
        wait = op_of(payment).next_check - now()  # type: ignore[operator]
        self.assertGreater(wait, timedelta(hours=5))
