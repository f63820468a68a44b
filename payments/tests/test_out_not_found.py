"""Money in doubt that never left: two answers a day later, and the statement of that day without it."""

from datetime import timedelta

from onpoint_pay.kit.clock import now
from payments.models import MoneyOp, ProviderEvent, Refund
from payments.services.out_not_found import close_not_found
from payments.services.out_outcome import NOT_THERE
from payments.services.out_sending import send_out
from payments.services.payout_start import start_payouts
from payments.tests.base import CommittingPaymentTestCase
from payments.tests.doubt_base import NOON, DoubtCalls, NotFoundCalls, paper
from payments.tests.payout_base import HELD, MINOR, UNDONE, part_of
from payments.tests.refund_base import try_of
from settlements.models import Payout, ReconException
from settlements.services.destinations import details_of
from settlements.tests.recon import bring, next_code


class NeverLeft(DoubtCalls, CommittingPaymentTestCase):
    def assert_doubted(self, payout: Payout) -> None:
        self.assertEqual(close_not_found(), 0)
        self.assert_tries(payout, (1, "unknown"))
        self.assert_payout(payout, "pending", paid=0, released=0)
        self.assert_posted(payout, hold=HELD)
        self.assert_told(payout, "created")

    def test_the_money_is_free_again(self) -> None:
        payout = self.doubted()
        self.not_found(part_of(payout))
        bring(paper().text())
        self.assertEqual(close_not_found(), 1)
        self.assert_tries(payout, (1, "failed"))
        found = self.assert_payout(payout, "failed", pending_reason=None, released=MINOR, paid=0)
        self.assertEqual((found.failure or {})["code"], "unknown_failure")
        self.assert_posted(payout, hold=HELD, undo=UNDONE)
        self.assert_told(payout, "created", "failed")
        evidence = ProviderEvent.objects.get(id=found.evidence_id)
        self.assertEqual((evidence.door, evidence.status), ("statement", "applied"))
        self.assertEqual((close_not_found(), start_payouts(), send_out()), (0, 0, 0), "and nothing is sent again")
        self.assertEqual(self.lines_of(payout), [])
        self.assert_clean()

    def test_each_of_the_three_is_needed(self) -> None:
        payout = self.doubted()
        bring(paper().text())
        self.assert_doubted(payout)
        self.not_found(part_of(payout), 1)
        self.assert_doubted(payout)
        self.not_found(part_of(payout), 1)
        early = ProviderEvent.objects.filter(op__payout=payout)
        early.update(received_at=NOON + timedelta(hours=23))
        self.assert_doubted(payout)
        early.update(received_at=NOON + timedelta(hours=24))
        self.assertEqual(close_not_found(), 1)

    def test_without_the_statement_of_that_day(self) -> None:
        payout = self.doubted()
        self.not_found(part_of(payout), 3)
        self.assert_doubted(payout)
        bring(paper(later=1).text())
        self.assert_doubted(payout)

    def test_a_line_that_may_be_it_leaves_it_to_people(self) -> None:
        payout = self.doubted()
        self.not_found(part_of(payout))
        page = paper()
        page.add(next_code(), -MINOR, reason="Business Payment to Customer", at=NOON + timedelta(minutes=2))
        bring(page.text())
        self.assert_doubted(payout)

    def test_a_line_to_somebody_else_is_not_it(self) -> None:
        payout = self.doubted()
        self.not_found(part_of(payout))
        page, phone = paper(), details_of(payout)["phone"]
        page.add(next_code(), -MINOR, reason="Business Payment", party="254799000111 - NJERI", at=NOON)
        page.add(next_code(), -(MINOR + 1_00), reason="Business Payment", party=f"{phone} - OTIENO", at=NOON)
        bring(page.text())
        self.assertEqual(close_not_found(), 1)
        self.assert_payout(payout, "failed", released=MINOR)

    def test_a_line_to_the_same_number_may_be_it(self) -> None:
        payout = self.doubted()
        self.not_found(part_of(payout))
        page, phone = paper(), details_of(payout)["phone"]
        page.add(next_code(), -MINOR, reason="Business Payment", party=f"{phone} - OTIENO", at=NOON)
        bring(page.text())
        self.assert_doubted(payout)

    def test_a_statement_with_a_line_nobody_could_read(self) -> None:
        payout = self.doubted()
        self.not_found(part_of(payout))
        bring(paper().text(["UKS9999999,never,,x,Completed,,-100.00,0,,,,,"]))
        self.assertTrue(ReconException.objects.filter(kind="unparsable").exists())
        self.assert_doubted(payout)

    def test_a_success_that_still_waits_to_be_confirmed(self) -> None:
        payout = self.doubted()
        self.not_found(part_of(payout))
        bring(paper().text())
        ProviderEvent.objects.create(
            provider="daraja", door="result-b2c", dedupe="tests", mode="test", body=b"{}", token_ok=True,
            op=part_of(payout), next_try=now() + timedelta(hours=1),
        )  # fmt: skip
        self.assert_doubted(payout)

    def test_sent_just_before_midnight_the_next_day_counts_too(self) -> None:
        payout = self.doubted()
        MoneyOp.objects.filter(payout=payout).update(sent_at=NOON - timedelta(minutes=12 * 60 + 30))
        self.not_found(part_of(payout))
        bring(paper(later=-1).text())
        self.assert_doubted(payout)
        bring(paper().text())
        self.assertEqual(close_not_found(), 1)

    def test_a_success_afterwards_takes_the_money_again(self) -> None:
        payout = self.sent_payout()
        MoneyOp.objects.filter(payout=payout).update(status="unknown", sent_at=NOON)
        for number in (1, 2):
            ProviderEvent.objects.create(
                provider="daraja", door="result-status", dedupe=f"tests-{number}", mode="test", body=b"{}",
                token_ok=True, op=part_of(payout), status="ignored", note=NOT_THERE, next_try=now(),
            )  # fmt: skip
        bring(paper().text())
        self.assertEqual(close_not_found(), 1)
        self.bring_payout(payout)
        self.assert_payout(payout, "completed", paid=MINOR, released=0)
        self.assert_balances(available=9_900_00, payout_hold=0, owed=0)
        self.assert_clean()


class RefundNeverLeft(NotFoundCalls, CommittingPaymentTestCase):
    """The same for refunds: to a phone, and as a reversal of which the payment knows nothing."""

    def doubted(self, **fields: object) -> Refund:
        refund = self.refund(self.paid(), **fields)
        self.doubt(refund=refund)
        return refund

    def test_to_a_phone(self) -> None:
        refund = self.doubted(amount=40)
        self.not_found(try_of(refund))
        self.assertEqual(close_not_found(), 0)
        bring(paper().text())
        self.assertEqual(close_not_found(), 1)
        self.assertEqual((try_of(refund).status, self.again_refund(refund).status), ("failed", "failed"))
        self.assert_counters(refund.payment)
        self.assertEqual((send_out(), self.lines(refund)), (0, []))
        self.assert_clean()

    def test_a_reversal_is_not_sent_another_way(self) -> None:
        refund = self.doubted()
        self.assertEqual(refund.route, "reversal")
        for _ in range(2):
            self.ask_provider()
        page = paper()
        page.add(next_code(), -1_00, reason="Reversal of payment", linked=refund.payment.receipt or "", at=NOON)
        bring(page.text())
        self.assertEqual(close_not_found(), 0, "something was taken back of this payment")
        self.assertEqual(self.again_refund(refund).status, "pending")

    def test_a_reversal_that_never_was(self) -> None:
        refund = self.doubted()
        for _ in range(2):
            self.ask_provider()
        bring(paper().text())
        self.assertEqual(close_not_found(), 1)
        self.assert_ops(refund, ("reversal", "failed"))
        self.assertEqual(self.again_refund(refund).status, "failed")
        self.assertEqual(send_out(), 0)
        self.assert_counters(refund.payment)
        self.assert_clean()
