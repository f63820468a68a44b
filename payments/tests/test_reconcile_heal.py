"""What a statement teaches: money taken back or returned past us, money out that was confirmed, prompts nobody paid."""

from datetime import datetime, time, timedelta
from functools import cached_property
from typing import Any

from onpoint_pay.kit.clock import NAIROBI, nairobi, now
from payments.models import MoneyOp, Payment, ProviderEvent, Refund
from payments.services.reconcile import Run, reconcile
from payments.tests.base import CommittingPaymentTestCase, PaymentTestCase, events_of
from payments.tests.c2b import next_code, paid_by_query
from payments.tests.factories import make_payment
from payments.tests.payout_base import DONE, HELD, MINOR, SentPayoutCalls, part_of
from payments.tests.planting import unguarded
from payments.tests.refund_base import RefundCalls
from payments.tests.test_lookup import LookupTestCase
from payments.tests.test_reconcile import ReconcileTestCase
from settlements.models import LedgerTransfer, Payout, ReconException, ReconLine, ReconMatch
from settlements.services.float_proof import prove_float
from settlements.services.recon_exceptions import close_exception, decide_match, propose_resolution
from settlements.tests.base import execute
from settlements.tests.recon import Paper, bring
from webhooks.models import Event

FLOAT = "daraja:174379"
RETURNED = {("provider_float", "D"): MINOR, ("available", "C"): MINOR}


class PlatformCalls(RefundCalls):
    """The platform's own shortcode, and its statement from yesterday to tomorrow."""

    @cached_property
    def paper(self) -> Paper:
        today = datetime.combine(nairobi(now()).date(), time(), NAIROBI)
        return Paper(start=today - timedelta(days=1), days=3, opening=100_000_00, balance=100_000_00)

    def put(self, payment: Payment) -> None:
        self.paper.add(payment.receipt or "", payment.amount, at=now())

    def run_it(self) -> Run:
        bring(self.paper.text(), account=FLOAT)
        return reconcile(account=FLOAT, mode="test")

    def only(self, kind: str) -> ReconException:
        (row,) = ReconException.objects.all()
        self.assertEqual(row.kind, kind)  # type: ignore[attr-defined]
        return row


class TakenBack(PlatformCalls, PaymentTestCase):
    def test_a_payment_that_was_reversed_past_us(self) -> None:
        payment = self.paid()
        self.put(payment)
        code = next_code()
        self.paper.add(code, -payment.amount, reason="Pay Bill Reversal", linked=payment.receipt or "", at=now())
        run = self.run_it()
        self.assertEqual((run.undone, run.exceptions), (1, {"state_differs": 1}))
        refund = Refund.objects.get()
        self.assertEqual((refund.route, refund.status, refund.receipt), ("external", "completed", code))
        self.assertIn("payment.reversed", events_of(payment))
        found = self.only("state_differs")
        self.assertEqual((found.status, found.float_effect, found.detail["offered"]), ("closed", 0, "booked"))
        match = ReconMatch.objects.get(line=found.line)
        self.assertEqual((match.object_type, match.object_id, match.rule), ("refund", refund.id, "receipt"))
        # Again: nothing more.
        told = Event.objects.count()
        self.assertEqual((self.run_it().undone, Refund.objects.count(), Event.objects.count()), (0, 1, told))

    def test_its_receipt_stands_in_the_words_alone(self) -> None:
        payment = self.paid()
        self.put(payment)
        words = f"Pay Bill Reversal of {payment.receipt}"
        self.paper.add(next_code(), -payment.amount, reason=words, at=now())
        self.assertEqual(self.run_it().undone, 1)
        self.assertEqual(Refund.objects.get().route, "external")

    def test_more_than_is_left_of_the_payment_is_for_a_person(self) -> None:
        payment = self.paid()
        self.put(payment)
        posted = LedgerTransfer.objects.count()
        self.paper.add(next_code(), -2 * payment.amount, reason="Reversal", linked=payment.receipt or "", at=now())
        self.run_it()
        found = self.only("state_differs")
        self.assertEqual((found.status, found.detail["offered"]), ("open", "too_much"))
        self.assertEqual((found.float_effect, found.severity), (2 * payment.amount, "high"))
        self.assertEqual((Refund.objects.count(), LedgerTransfer.objects.count()), (0, posted))


class CameBack(SentPayoutCalls, PlatformCalls, CommittingPaymentTestCase):
    def returned(self, amount: int = MINOR) -> Payout:
        payout = self.sent_payout()
        self.bring_payout(payout)
        payout = self.again_payout(payout)
        self.paper.add(payout.receipt or "", -MINOR, reason="Business Payment", at=now())
        words = "Reversal of Business Payment"
        self.paper.add(next_code(), amount, reason=words, linked=payout.receipt or "", at=now())
        return payout

    def test_the_money_is_the_merchants_again(self) -> None:
        payout = self.returned()
        run = self.run_it()
        self.assertEqual((run.undone, run.exceptions), (1, {"returned_payout": 1}))
        self.assert_payout(payout, "returned")
        self.assert_posted(payout, hold=HELD, done=DONE, **{"return": RETURNED})
        self.assert_told(payout, "created", "completed", "returned")
        found = self.only("returned_payout")
        self.assertEqual((found.status, found.float_effect), ("closed", 0))
        self.assertEqual(ReconMatch.objects.get(line=found.line).object_type, "payout_return")
        posted = LedgerTransfer.objects.count()
        self.assertEqual((self.run_it().undone, LedgerTransfer.objects.count()), (0, posted))
        self.assert_clean()

    def test_less_came_back_than_left(self) -> None:
        payout = self.returned(amount=40_00)
        self.run_it()
        self.assert_payout(payout, "completed", given_back=0)
        found = self.only("returned_payout")
        self.assertEqual((found.status, found.detail["offered"]), ("open", "another_amount"))
        self.assert_posted(payout, hold=HELD, done=DONE)


class Confirmed(SentPayoutCalls, PlatformCalls, CommittingPaymentTestCase):
    def test_a_payout_whose_result_never_came(self) -> None:
        payout = self.sent_payout()
        phone, code = self.lines_of(payout)[0]["phone"], next_code()
        self.paper.add(code, -MINOR, reason="Business Payment", party=f"{phone} - AMINA", at=now())
        run = self.run_it()
        self.assertEqual((run.proposed, run.exceptions), (1, {}))
        self.assert_payout(payout, "pending")
        self.assert_posted(payout, hold=HELD)
        decide_match(ReconLine.objects.get().id, actor="usr_amina", is_right=True)
        self.run_it()
        self.assert_payout(payout, "completed", receipt=code)
        self.assert_posted(payout, hold=HELD, done=DONE)
        match = ReconMatch.objects.get()
        self.assertEqual(match.transfer, LedgerTransfer.objects.get(idem=f"po:{payout.id}:done"))
        self.assertFalse(ReconException.objects.exists())
        self.assert_clean()

    def test_what_a_person_rejects_stays_a_doubt(self) -> None:
        payout = self.sent_payout()
        phone = self.lines_of(payout)[0]["phone"]
        self.paper.add(next_code(), -MINOR, reason="Business Payment", party=f"{phone} - AMINA", at=now())
        self.run_it()
        decide_match(ReconLine.objects.get().id, actor="usr_amina", is_right=False)
        self.assertEqual(self.run_it().exceptions, {"missing_here": 1})
        self.assert_payout(payout, "pending")
        self.assertEqual(part_of(payout).status, "accepted")


class NotPaid(LookupTestCase):
    """Prompts whose hand-over was lost: the statement of their day tells whether anybody paid."""

    def lost(self, **fields: Any) -> Payment:
        payment, _ = self.lose(**fields)
        MoneyOp.objects.filter(payment=payment).update(sent_at=self.noon)
        return payment

    def setUp(self) -> None:
        super().setUp()
        day = nairobi(now()).date() - timedelta(days=3)
        self.noon = datetime.combine(day, time(12), NAIROBI)
        self.paper = Paper(start=datetime.combine(day, time(), NAIROBI))

    def run_it(self) -> Run:
        bring(self.paper.text(), account=FLOAT)
        return reconcile(account=FLOAT, mode="test")

    def test_expired_when_the_day_is_loaded_without_it(self) -> None:
        payment = self.lost()
        self.paper.add(next_code(), 777_00, at=self.noon)
        self.assertEqual(self.run_it().expired, 1)
        found = self.assert_state(payment, "expired", confirmed_by="statement", receipt=None)
        self.assertEqual(ProviderEvent.objects.get(id=found.evidence_id).door, "statement")
        self.assert_no_money(payment)
        self.assertEqual(self.run_it().expired, 0)

    def test_another_days_statement_says_nothing(self) -> None:
        payment = self.lost()
        self.paper.start += timedelta(days=1)
        self.assertEqual(self.run_it().expired, 0)
        self.assert_waiting(payment)

    def test_a_line_that_may_be_it(self) -> None:
        payment = self.lost()
        # The same amount, nobody's so far, and the payer is not told.
        self.paper.add(next_code(), payment.amount, at=self.noon + timedelta(minutes=1))
        bring(self.paper.text(), account=FLOAT)
        run = reconcile(account=FLOAT, mode="test", books_missing=False)
        self.assertEqual((run.expired, run.exceptions), (0, {"missing_here": 1}))
        self.assert_waiting(payment)

    def test_its_own_line_completes_it(self) -> None:
        payment, code = self.lost(), next_code()
        self.paper.add(code, payment.amount, ref=payment.account_reference, at=self.noon + timedelta(minutes=1))
        self.assertEqual(self.run_it().expired, 0)
        self.assert_state(payment, "completed", receipt=code)


class Lines(ReconcileTestCase):
    def test_of_two_lines_with_one_reference_the_second_is_a_second_payment(self) -> None:
        payment = self.start()
        paid_by_query(payment)
        codes = [next_code(), next_code()]
        for code in codes:
            self.paper.add(code, payment.amount, ref=payment.account_reference, at=now())
        self.run_it()
        self.assertEqual(self.only("overpaid").external_id, codes[1])
        self.assert_state(payment, "completed", receipt=codes[0])

    def test_another_amount_under_a_reference_is_not_booked_a_second_time(self) -> None:
        payment = self.start()
        paid_by_query(payment)
        self.paper.add(next_code(), payment.amount + 10_00, ref=payment.account_reference, at=now())
        self.assertEqual(self.run_it().booked, 0)
        found = self.only("amount_differs")
        self.assertEqual((found.object_id, found.amount, found.float_effect), (payment.id, 10_00, -10_00))
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)

    def test_the_other_modes_reference(self) -> None:
        payment = make_payment(self.merchant, mode="live")
        self.paper.add(next_code(), payment.amount, ref=payment.account_reference, at=now())
        self.run_it()
        found = self.only("mode_differs")
        self.assertEqual((found.object_id, found.posting), (payment.id, {"contra": "overpaid"}))
        self.assert_books()

    def test_a_list_and_then_the_statement_tell_of_one_thing(self) -> None:
        code = next_code()
        row = (
            f'{{"transactionId": "{code}", "trxDate": "{nairobi(now()):%Y-%m-%d %H:%M:%S}", "amount": "70.00",'
            f' "msisdn": "", "billreference": "NOBODY", "transactiontype": "c2b"}}'
        )
        bring(f'{{"Response": [[{row}]]}}'.encode(), source="pull", account=self.account())
        reconcile(account=self.account(), mode="test", books_missing=False, is_whole=False)
        first = self.only("missing_here")
        self.assertEqual(first.float_effect, 0)
        self.paper.add(code, 70_00, ref="NOBODY", at=now())
        self.run_it(books_missing=False)
        states = {(row.status, row.float_effect) for row in ReconException.objects.all()}
        self.assertEqual(states, {("closed", 0), ("open", -70_00)})

    def account(self) -> str:
        return "daraja:600123"

    def test_a_gap_closes_when_another_file_has_the_line(self) -> None:
        for _ in range(3):
            self.put(self.paid())
        whole = list(self.paper.rows)
        self.paper.rows = [whole[0], whole[2]]
        # What we have and the file leaves out, the file also misses: in the proof the two cancel each other.
        self.assertEqual(self.run_it().exceptions, {"balance_gap": 1, "missing_there": 1})
        self.assertEqual(sum(ReconException.objects.values_list("float_effect", flat=True)), 0)
        self.paper.rows = whole
        self.run_it()
        closed = ReconException.objects.filter(status="closed", closed_by="system", float_effect=0)
        self.assertEqual(closed.count(), 2)

    def test_what_people_closed_is_matched_to_nothing_any_more(self) -> None:
        self.paper.balance = self.paper.opening = 500_00
        code = next_code()
        self.paper.add(code, -70_00, reason="Business Payment to Customer", at=now())
        self.paper.add(code, -5_00, reason="Business Payment Charge", at=now())
        self.run_it()
        found = self.only("missing_here")
        propose_resolution(found.id, actor="usr_amina", resolution="Fraud.", contra="loss")
        close_exception(found.id, actor="usr_baraka")
        self.assertEqual(ReconLine.objects.get(kind="payout").state, "ignored")
        # Its charge waited for it: nothing else will ever settle it.
        self.assertEqual(self.run_it().exceptions, {"unknown_charge": 1})

    def test_what_was_booked_the_day_after_is_not_missing_on_the_day(self) -> None:
        payment = self.paid()
        then = self.paper.start + timedelta(hours=9)
        execute("SET CONSTRAINTS ALL IMMEDIATE")
        with unguarded("ledger_transfer"):
            LedgerTransfer.objects.filter(id=payment.capture_transfer_id).update(occurred_at=then)
        day = self.paper.start.date()
        self.run_it()
        self.assertEqual(self.only("missing_there").float_effect, 100_00)
        proof = prove_float("daraja", "600123", day, mode="test")
        self.assertEqual((proof.ledger_balance, proof.gap, proof.unexplained), (0, 0, 0))
