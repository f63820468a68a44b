"""The provider's own list of money: what nobody told us of is booked, and what somebody did is proved."""

from payments.models import C2bReceipt, ProviderEvent
from payments.services.sweep import sweep
from payments.tests.base import make_due
from payments.tests.c2b import PAYER, C2bTestCase, CommittingC2bTestCase, line, news_of, next_code, paid_by_query
from settlements.models import LedgerTransfer


class Healed(C2bTestCase):
    def test_a_confirmation_that_never_came(self) -> None:
        self.make_account("SHULE01")
        code = next_code()
        self.assertEqual(self.pull(line(code, bill_ref="SHULE01")), 1)
        row = C2bReceipt.objects.get(receipt=code)
        self.assertEqual((row.source, row.verification, row.verified_by), ("pull", "verified", "pull"))
        self.assert_credited(row, confirmed_by="pull", phone=PAYER)
        self.assertEqual(news_of(row), ["c2b.received", "c2b.matched"])
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)

    def test_read_again(self) -> None:
        self.make_account("SHULE01")
        lines = [line(next_code(), bill_ref="SHULE01"), line(next_code(), bill_ref="NOBODY")]
        self.assertEqual([self.pull(*lines), self.pull(*lines), self.pull(*lines)], [2, 0, 0])
        self.assertEqual(ProviderEvent.objects.filter(door="pull").count(), 2)
        self.assert_books(provider_float=200_00, pending=98_50, fee_income=1_50, suspense=100_00)

    def test_the_confirmation_comes_after_the_list(self) -> None:
        self.make_account("SHULE01")
        code = next_code()
        self.pull(line(code, bill_ref="SHULE01", phone=None))
        row = self.confirm(code, bill_ref="SHULE01")
        self.assert_credited(row)
        self.assertEqual((row.payer_name, row.float_after), ("AMINA WAIRIMU OTIENO", 48_230_00))
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)

    def test_a_prompt_whose_result_never_came(self) -> None:
        payment, code = self.start(), next_code()
        self.pull(line(code, bill_ref=payment.account_reference))
        self.assert_state(payment, "completed", receipt=code, confirmed_by="pull")
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)

    def test_a_receipt_that_is_missed(self) -> None:
        payment, code = self.start(), next_code()
        paid_by_query(payment)
        self.assert_state(payment, "completed", receipt=None)
        self.pull(line(code, bill_ref=payment.account_reference))
        self.assert_state(payment, "completed", receipt=code)
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)

    def test_a_receipt_that_a_prompt_has(self) -> None:
        payment, code = self.start(), next_code()
        self.call_back(payment, code)
        self.assertEqual(self.pull(line(code, bill_ref=payment.account_reference)), 0)
        self.assertFalse(C2bReceipt.objects.exists())
        self.assertEqual(LedgerTransfer.objects.count(), 1)

    def test_one_line_that_cannot_be_booked_holds_up_no_other(self) -> None:
        self.make_account("SHULE01")
        known = self.confirm(bill_ref="NOBODY", amount="70.00")
        lines = [line(known.receipt, amount=90_00), line(next_code(), bill_ref="SHULE01")]
        self.assertEqual(self.pull(*lines), 1)
        self.assert_waiting(known, amount=70_00)
        self.assert_books(provider_float=170_00, pending=98_50, fee_income=1_50, suspense=70_00)

    def test_what_waits_is_matched_when_the_list_brings_the_text(self) -> None:
        self.make_account("SHULE01")
        row = self.confirm(bill_ref="")
        self.assert_waiting(row)
        self.pull(line(row.receipt, bill_ref="SHULE01"))
        self.assert_credited(row)


class LostPrompts(C2bTestCase):
    def test_a_prompt_found_in_the_list_while_its_money_lies_in_suspense(self) -> None:
        """The merchant's text is on two prompts; the list, read for a lost one, is no reason to book twice."""
        payment = self.start(amount=100, scenario="push=reset; callback.lost=1")
        self.assert_state(payment, "pending", pending_reason="reconciling")
        code = next_code()
        row = self.confirm(code, bill_ref=payment.account_reference)
        self.assert_credited(row, id=payment.id)
        make_due()
        sweep()
        self.assert_state(payment, "completed", receipt=code)
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)


class Books(CommittingC2bTestCase):
    def test_everything_together(self) -> None:
        self.make_account("SHULE01")
        prompts = [self.start() for _ in range(3)]
        codes = [next_code() for _ in range(8)]
        self.call_back(prompts[0], codes[0])
        self.confirm(codes[0], bill_ref=prompts[0].account_reference)
        self.confirm(codes[1], bill_ref=prompts[1].account_reference)
        paid_by_query(prompts[2])
        self.confirm(codes[3], bill_ref="SHULE01")
        self.confirm(codes[4], bill_ref="NOBODY")
        self.confirm(codes[5], bill_ref="")
        self.pull(
            line(codes[2], bill_ref=prompts[2].account_reference),
            *(line(codes[number], bill_ref="SHULE01") for number in (3, 5, 6)),
            *(line(codes[number], bill_ref="NOBODY") for number in (4, 7)),
        )
        self.assert_clean()
        self.assert_books(provider_float=800_00, pending=591_00, fee_income=9_00, suspense=200_00)
