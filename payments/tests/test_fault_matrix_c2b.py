"""The fault matrix, F13 and F17: two doors for one payment, and money that payers send by themselves."""

from typing import Any
from urllib.parse import urlsplit

from merchants.services.registration import register_account
from onpoint_pay.kit.money import Money
from payments.models import C2bReceipt, Payment, ProviderEvent
from payments.tests.base import events_of
from payments.tests.c2b import CommittingC2bTestCase, confirmation, next_code
from payments.tests.factories import op_of
from settlements.models import LedgerTransfer
from tests.simulator_process import simulator

RESULT, CONFIRMATION = "result", "confirmation"


class TwoDoorsAndPaybillTest(CommittingC2bTestCase):
    def setUp(self) -> None:
        super().setUp()
        register_account(self.shop, actor="tests")

    # --- F13 ----------------------------------------------------------------------------------------------------------

    def paid_at_both_doors(self) -> tuple[Payment, dict[str, Any], dict[str, dict[str, Any]]]:
        """A prompt the payer approved; the book's line, and what the simulator tells at each door."""
        payment = self.start(scenario="confirm=1")
        line = simulator().approve(op_of(payment).provider_ref or "")
        (result,) = simulator().callbacks(line["checkout_request_id"])
        (told,) = simulator().callbacks(line["receipt"])
        return payment, line, {RESULT: result, CONFIRMATION: told}

    def check_doors(self, *order: str, confirmed_by: str = "callback") -> None:
        payment, line, messages = self.paid_at_both_doors()
        for door in order:
            message = messages[door]
            self.assertEqual(self.bring(message["body"].encode(), urlsplit(message["url"]).path).status_code, 200)
            self.apply()
        self.assert_state(payment, "completed", receipt=line["receipt"], confirmed_by=confirmed_by)
        self.assert_one_capture(payment)
        self.assertEqual(events_of(payment).count("payment.completed"), 1)
        self.assertEqual(LedgerTransfer.objects.count(), 1)
        self.assertEqual(Payment.objects.count(), 1)
        self.assertEqual(line["status"], "paid")
        self.assert_books(provider_float=line["amount"] * 100, pending=98_50, fee_income=1_50)
        self.assert_clean()

    def test_F13_result_then_confirmation(self) -> None:
        self.check_doors(RESULT, CONFIRMATION)

    def test_F13_confirmation_then_result(self) -> None:
        self.check_doors(CONFIRMATION, RESULT)

    def test_F13_result_alone(self) -> None:
        self.check_doors(RESULT)

    def test_F13_confirmation_alone(self) -> None:
        self.check_doors(CONFIRMATION)

    def test_F13_each_of_them_twice(self) -> None:
        self.check_doors(CONFIRMATION, RESULT, CONFIRMATION, RESULT)

    # --- F17 ----------------------------------------------------------------------------------------------------------

    def pay_by_hand(self, bill_ref: str, *, amount: str = "100", scenario: str | None = None) -> str:
        """A payer pays to the paybill; the receipt the network gave."""
        order = {"shortcode": "600123", "amount": amount, "phone": "254712345678", "bill_ref": bill_ref}
        answer = simulator().call("POST", "c2b", order | ({"scenario": scenario} if scenario else {}))
        self.assertTrue(answer["accepted"], answer)
        return str(answer["receipt"])

    def bring_confirmations(self, receipt: str) -> None:
        for message in simulator().callbacks(receipt):
            self.bring(message["body"].encode(), urlsplit(message["url"]).path)
        self.apply()

    def row(self, receipt: str) -> C2bReceipt:
        return C2bReceipt.objects.get(receipt=receipt)

    def test_F17_validation_nobody_answered_and_then_confirmed(self) -> None:
        """Nobody hears the question at the address of these tests: the network's default decides, and tells."""
        self.make_account("SHULE01")
        receipt = self.pay_by_hand("SHULE01")
        self.bring_confirmations(receipt)
        self.assert_credited(self.row(receipt))
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)
        self.assert_clean()

    def test_F17_validation_refused_and_then_confirmed_anyway(self) -> None:
        self.make_account("SHULE01")
        wish = self.bring(confirmation(next_code(), bill_ref="KODI-77"), self.hook("validate"))
        self.assertEqual(wish.json()["ResultCode"], "C2B00012")
        receipt = self.pay_by_hand("KODI-77")
        self.bring_confirmations(receipt)
        self.assert_waiting(self.row(receipt))
        self.assert_books(provider_float=100_00, suspense=100_00)
        self.assert_clean()

    def test_F17_confirmation_without_validation(self) -> None:
        self.make_account("SHULE01")
        simulator().call("POST", "shortcodes", {"shortcode": "600123", "validation": False})
        receipt = self.pay_by_hand("shule 01")
        self.bring_confirmations(receipt)
        self.assert_credited(self.row(receipt))
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)
        self.assert_clean()

    def test_F17_unknown_account_number_waits_in_suspense(self) -> None:
        receipt = self.pay_by_hand("NOBODY-AT-ALL")
        self.bring_confirmations(receipt)
        self.assert_waiting(self.row(receipt))
        self.assertEqual(Payment.objects.count(), 0)
        self.assert_books(provider_float=100_00, suspense=100_00)
        self.assert_clean()

    def test_F17_unknown_shortcode_books_nothing(self) -> None:
        self.make_account("SHULE01")
        event = self.tell_confirmation(next_code(), bill_ref="SHULE01", shortcode="600999")
        self.assertEqual(event.status, "quarantined")
        self.assertFalse(C2bReceipt.objects.exists())
        self.assertFalse(LedgerTransfer.objects.exists())
        self.assert_clean()

    def test_F17_twice_counts_once(self) -> None:
        self.make_account("SHULE01")
        receipt = self.pay_by_hand("SHULE01")
        for _ in range(3):
            self.bring_confirmations(receipt)
        self.assertEqual(ProviderEvent.objects.filter(door="confirm").count(), 1)
        self.assert_credited(self.row(receipt))
        self.assertEqual(Payment.objects.count(), 1)
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)
        self.assert_clean()

    def test_F17_fractional_amount_is_booked_to_the_cent(self) -> None:
        self.make_account("SHULE01")
        receipt = self.pay_by_hand("SHULE01", amount="100.50")
        self.bring_confirmations(receipt)
        payment = self.assert_credited(self.row(receipt))
        self.assertEqual(payment.amount, 100_50)
        self.assert_books(provider_float=100_50, pending=98_99, fee_income=1_51)
        self.assert_clean()

    def test_F17_everything_the_book_has_is_booked_here(self) -> None:
        """Credited or in suspense: the float equals what the simulator took."""
        self.make_account("SHULE01")
        typed = ["SHULE01", "shule-01", "SHULEO1", "SHULE02", "Amina", "KODI"]
        receipts = [self.pay_by_hand(text, amount=str(10 + n)) for n, text in enumerate(typed)]
        for receipt in receipts:
            self.bring_confirmations(receipt)
        lines = simulator().call("GET", "c2b", shortcode="600123")["payments"]
        took = sum(Money.parse(line["amount"]).minor for line in lines if line["status"] == "paid")
        waiting = sum(row.amount for row in C2bReceipt.objects.exclude(state="matched"))
        credited = sum(payment.captured for payment in Payment.objects.all())
        self.assertEqual(waiting + credited, took)
        fees = sum(payment.fee for payment in Payment.objects.all())
        self.assert_books(provider_float=took, suspense=waiting, pending=credited - fees, fee_income=fees)
        self.assert_clean()
