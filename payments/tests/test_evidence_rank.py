"""The rank of evidence: what may open a closed payment again, and that nothing takes money back."""

from onpoint_pay.kit.money import Money
from payments.models import MoneyOp
from payments.services.outcome import apply_outcome
from payments.tests.base import PaymentTestCase
from payments.tests.claims import failure_body
from payments.tests.factories import answer, fail, make_payment, op_of, succeed
from providers.types import Outcome, OutcomeStatus


class EvidenceRankTest(PaymentTestCase):
    def say_paid_without_receipt(self, op: MoneyOp) -> str:
        outcome = Outcome(status=OutcomeStatus.SUCCEEDED, provider_reference=op.provider_ref, provider_code="0")
        return apply_outcome(op.id, outcome, evidence=answer(), source="query")

    def test_an_answer_without_a_receipt_completes_what_is_open(self) -> None:
        payment = make_payment(self.merchant)
        self.assertEqual(self.say_paid_without_receipt(op_of(payment)), "applied")
        self.assert_state(payment, "completed", confirmed_by="query", receipt=None)
        self.assert_one_capture(payment)

    def test_it_does_not_open_what_an_answer_closed(self) -> None:
        for status in ("failed", "cancelled", "expired"):
            with self.subTest(status):
                payment = make_payment(self.merchant, status=status)
                self.assertEqual(self.say_paid_without_receipt(op_of(payment)), "quarantined")
                self.assert_state(payment, status)
                self.assert_no_money(payment)

    def test_it_outranks_a_callback_that_said_no(self) -> None:
        payment = self.start()
        self.tell(payment, failure_body(op_of(payment).provider_ref or ""))
        self.assert_state(payment, "cancelled")
        self.assertEqual(self.say_paid_without_receipt(op_of(payment)), "applied")
        self.assert_state(payment, "completed", late=True, confirmed_by="query")
        self.assert_one_capture(payment)

    def test_every_word_with_a_receipt_opens_it(self) -> None:
        for source in ("pull", "transaction_status", "callback", "statement"):
            with self.subTest(source):
                payment = make_payment(self.merchant, status="failed")
                self.assertEqual(succeed(payment, source=source), "applied")
                self.assert_state(payment, "completed", late=True, confirmed_by=source)
                self.assert_one_capture(payment)

    def test_no_word_takes_money_back(self) -> None:
        payment = make_payment(self.merchant, status="completed")
        for source in ("query", "callback", "transaction_status", "pull"):
            self.assertEqual(fail(payment, source=source), "duplicate")
        self.assert_state(payment, "completed", captured=Money(10_000, "KES").minor)
        self.assert_one_capture(payment)
