"""Statement lines against what we say has moved: the rules in their order, every kind of exception, and what heals."""

from datetime import datetime, timedelta
from typing import Any

from onpoint_pay.kit.clock import NAIROBI, now
from onpoint_pay.kit.ids import new_id
from payments.models import C2bReceipt, Payment, Refund
from payments.services.reconcile import Run, reconcile
from payments.tests.base import events_of
from payments.tests.c2b import PAYER, C2bTestCase, next_code, paid_by_query
from payments.tests.claims import failure_body
from payments.tests.factories import op_of
from payments.tests.refund_base import RefundCalls
from settlements.models import LedgerTransfer, ReconException, ReconLine, ReconMatch
from settlements.services.recon_exceptions import decide_match
from settlements.tests.recon import Paper, bring
from webhooks.models import Event

ACCOUNT = "daraja:600123"


class ReconcileTestCase(C2bTestCase):
    """A merchant's own shortcode, its payments, and a statement until tomorrow."""

    def setUp(self) -> None:
        super().setUp()
        # The results of prompts in these tests are dated on the 21st.
        start = datetime(2026, 11, 20, tzinfo=NAIROBI)
        self.paper = Paper(shortcode="600123", start=start, days=(now() - start).days + 2)

    def paid(self, code: str | None = None, **fields: Any) -> Payment:
        payment = self.start(**fields)
        self.call_back(payment, code or next_code())
        return self.again(payment)

    def put(self, payment: Payment, amount: int | None = None, **more: Any) -> None:
        """The payment's own line."""
        self.paper.add(payment.receipt or next_code(), payment.amount if amount is None else amount, at=now(), **more)

    def run_it(self, **more: Any) -> Run:
        bring(self.paper.text(), account=ACCOUNT)
        return reconcile(account=ACCOUNT, mode="test", **more)

    def only(self, kind: str) -> ReconException:
        """The one exception there is."""
        rows = list(ReconException.objects.all())
        self.assertEqual([row.kind for row in rows], [kind])
        return rows[0]

    def assert_rule(self, rule: str, payment: Payment) -> None:
        match = ReconMatch.objects.get(object_id=payment.id)
        self.assertEqual((match.rule, match.state), (rule, "confirmed"))
        self.assertEqual(match.transfer_id, self.again(payment).capture_transfer_id)
        self.assertEqual(match.line.state, "matched")
        self.assertFalse(ReconException.objects.exists())


class Matched(ReconcileTestCase):
    def test_by_receipt(self) -> None:
        payments = [self.paid() for _ in range(3)]
        for payment in payments:
            self.put(payment)
        told = Event.objects.count()
        run = self.run_it()
        self.assertEqual((run.matched["receipt"], run.exceptions), (3, {}))
        for payment in payments:
            self.assert_rule("receipt", payment)
        # One event: the run itself.
        self.assertEqual(Event.objects.count() - told, 1)
        self.assertEqual(Event.objects.latest("id").type, "reconciliation.completed")

    def test_again_finds_nothing_new(self) -> None:
        self.put(self.paid())
        self.run_it()
        run = self.run_it()
        self.assertEqual((sum(run.matched.values()), run.exceptions, run.booked), (0, {}, 0))

    def test_by_our_account_reference_and_the_receipt_is_filled_in(self) -> None:
        payment = self.start()
        paid_by_query(payment)
        code = next_code()
        self.paper.add(code, payment.amount, ref=payment.account_reference, at=now())
        self.run_it()
        self.assert_rule("account_reference", payment)
        self.assert_state(payment, "completed", receipt=code)
        self.assert_one_capture(payment)

    def test_by_our_account_reference_in_the_narrative(self) -> None:
        payment = self.start()
        paid_by_query(payment)
        words = f"Pay Bill Online from AMINA Acc. {payment.account_reference}"
        self.paper.add(next_code(), payment.amount, reason=words, at=now())
        self.run_it()
        self.assert_rule("account_reference", payment)

    def test_two_days_later_the_reference_alone_proves_nothing(self) -> None:
        payment = self.start()
        paid_by_query(payment)
        self.paper.add(next_code(), payment.amount, ref=payment.account_reference, at=now() - timedelta(hours=49))
        self.run_it(books_missing=False)
        self.assertFalse(ReconMatch.objects.exists())
        self.assertEqual(ReconLine.objects.get().state, "exception")

    def test_payer_amount_and_minutes_are_proposed_to_a_person(self) -> None:
        payment = self.start(phone=PAYER)
        paid_by_query(payment)
        self.paper.add(next_code(), payment.amount, party=f"{PAYER} - AMINA OTIENO", at=now())
        run = self.run_it()
        match = ReconMatch.objects.get()
        self.assertEqual((run.proposed, match.rule, match.state, match.object_id), (1, "payer", "proposed", payment.id))
        self.assertEqual((ReconLine.objects.get().state, ReconException.objects.count()), ("proposed", 0))
        self.assert_state(payment, "completed", receipt=None)
        decide_match(match.line_id, actor="usr_amina", is_right=True)
        self.run_it()
        self.assert_state(payment, "completed", receipt=match.line.external_id)
        self.assertFalse(ReconException.objects.exists())

    def test_what_a_person_rejects_is_not_proposed_again(self) -> None:
        payment = self.start(phone=PAYER)
        paid_by_query(payment)
        self.paper.add(next_code(), payment.amount, party=f"{PAYER} - AMINA OTIENO", at=now())
        self.run_it()
        decide_match(ReconLine.objects.get().id, actor="usr_amina", is_right=False)
        self.assertEqual(self.run_it(books_missing=False).proposed, 0)
        self.assertEqual(set(ReconException.objects.values_list("kind", flat=True)), {"missing_here", "missing_there"})

    def test_two_payers_alike_are_not_proposed(self) -> None:
        for _ in range(2):
            payment = self.start()
            paid_by_query(payment)
        Payment.objects.update(phone=PAYER)
        self.paper.add(next_code(), payment.amount, party=f"{PAYER} - AMINA OTIENO", at=now())
        self.assertEqual(self.run_it(books_missing=False).proposed, 0)

    def test_charges_of_matched_lines_are_our_cost_once(self) -> None:
        payment = self.paid()
        self.put(payment)
        self.paper.add(payment.receipt or "", -5_00, reason="Pay Bill Charge", at=now())
        self.assertEqual(self.run_it().charges, 1)
        self.assertEqual(self.run_it().charges, 0)
        line = ReconLine.objects.get(kind="charge")
        transfer = LedgerTransfer.objects.get(idem=f"chg:{line.id}")
        self.assertEqual(ReconMatch.objects.get(line=line).transfer_id, transfer.id)
        self.assert_books(provider_float=95_00, pending=98_50, fee_income=1_50, provider_cost=5_00)
        self.assertFalse(ReconException.objects.exists())

    def test_money_that_waits_in_suspense(self) -> None:
        row = self.confirm(bill_ref="NOBODY")
        self.paper.add(row.receipt, row.amount, at=now())
        self.run_it()
        self.assertEqual(ReconMatch.objects.get().object_type, "c2b_receipt")
        self.assertFalse(ReconException.objects.exists())


class Exceptions(ReconcileTestCase):
    def test_missing_here_is_booked_into_suspense_and_stays_open(self) -> None:
        code = next_code()
        self.paper.add(code, 70_00, ref="NOBODY", at=now())
        run = self.run_it()
        self.assertEqual((run.booked, run.exceptions), (1, {"missing_here": 1}))
        found = self.only("missing_here")
        self.assertEqual((found.status, found.amount, found.float_effect), ("open", 70_00, 0))
        self.assertEqual(found.detail["booked_as"], "c2b_receipt")
        self.assert_waiting(C2bReceipt.objects.get(receipt=code))
        self.assert_books(provider_float=70_00, suspense=70_00)
        self.assertEqual(Event.objects.filter(type="reconciliation.exception").count(), 1)

    def test_missing_here_that_has_an_owner(self) -> None:
        self.make_account("SHULE01")
        self.paper.add(next_code(), 100_00, ref="SHULE01", at=now())
        self.run_it()
        found = self.only("missing_here")
        self.assertEqual((found.status, found.closed_by, found.detail["booked_as"]), ("closed", "system", "payment"))
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)
        self.assertFalse(Event.objects.filter(type="reconciliation.exception").exists())

    def test_money_out_that_nobody_here_sent(self) -> None:
        self.paper.balance = self.paper.opening = 500_00
        self.paper.add(next_code(), -70_00, reason="Business Payment to Customer", at=now())
        self.run_it()
        found = self.only("missing_here")
        self.assertEqual((found.severity, found.float_effect, found.posting), ("high", 70_00, {"contra": "loss"}))
        self.assert_books()

    def test_missing_there(self) -> None:
        self.put(self.paid())
        lost = self.paid()
        self.run_it()
        found = self.only("missing_there")
        self.assertEqual((found.object_id, found.amount, found.float_effect), (lost.id, 100_00, 100_00))
        self.assertEqual((found.merchant_id, found.severity), (self.merchant.id, "high"))
        self.assert_state(lost, "completed")
        # It comes with a later statement after all.
        self.put(lost)
        self.run_it()
        self.assertEqual(self.only("missing_there").status, "closed")

    def test_a_list_of_money_received_says_nothing_about_what_is_missing(self) -> None:
        self.paid()
        bring(b'{"Response": [[]]}', source="pull", account=ACCOUNT)
        self.assertEqual(reconcile(account=ACCOUNT, mode="test").exceptions, {})

    def test_amount_differs(self) -> None:
        payment = self.paid()
        self.put(payment, amount=90_00)
        self.run_it()
        found = self.only("amount_differs")
        self.assertEqual((found.amount, found.float_effect, found.object_id), (10_00, 10_00, payment.id))
        self.assertEqual(found.posting, {"contra": "loss"})

    def test_duplicate_there(self) -> None:
        payment = self.paid()
        self.put(payment)
        self.put(payment)
        self.run_it()
        found = self.only("duplicate_there")
        self.assertEqual((found.float_effect, found.external_id), (-100_00, payment.receipt))
        self.assertEqual(ReconMatch.objects.count(), 1)

    def test_state_differs_and_is_concluded(self) -> None:
        payment = self.start()
        code = next_code()
        self.paper.add(code, payment.amount, ref=payment.account_reference, at=now())
        self.run_it()
        self.assertEqual(self.only("state_differs").status, "closed")
        self.assert_state(payment, "completed", receipt=code)
        self.assert_one_capture(payment)

    def test_late_success(self) -> None:
        payment = self.start()
        self.tell(payment, failure_body(op_of(payment).provider_ref or ""))
        code = next_code()
        self.paper.add(code, payment.amount, ref=payment.account_reference, at=now())
        self.run_it()
        self.assertEqual(self.only("late_success").status, "closed")
        self.assert_state(payment, "completed", receipt=code, late=True)
        self.assertIn("payment.completed", events_of(payment))

    def test_overpaid(self) -> None:
        payment = self.paid()
        self.put(payment)
        self.paper.add(next_code(), payment.amount, ref=payment.account_reference, at=now())
        self.run_it()
        found = self.only("overpaid")
        self.assertEqual((found.status, found.float_effect), ("open", 0))
        self.assert_books(provider_float=200_00, pending=98_50, fee_income=1_50, suspense=100_00)

    def test_unknown_charge(self) -> None:
        self.paper.balance = self.paper.opening = 500_00
        self.paper.add(next_code(), -5_00, reason="Pay Bill Charge", at=now())
        self.run_it()
        found = self.only("unknown_charge")
        self.assertEqual(
            (found.severity, found.float_effect, found.posting), ("low", 5_00, {"contra": "provider_cost"})
        )
        self.assert_books(provider_cost=0)

    def test_the_charge_of_a_line_that_does_not_fit_waits_for_it(self) -> None:
        self.paper.balance = self.paper.opening = 500_00
        code = next_code()
        self.paper.add(code, -70_00, reason="Business Payment to Customer", at=now())
        self.paper.add(code, -5_00, reason="Business Payment Charge", at=now())
        self.run_it()
        self.only("missing_here")
        self.assertEqual(ReconLine.objects.get(kind="charge").state, "new")

    def test_mode_differs(self) -> None:
        payment = self.paid()
        self.put(payment)
        account = self.live_twin()
        bring(self.paper.text(), account=ACCOUNT, mode="live")
        reconcile(account=ACCOUNT, mode="live", books_missing=False)
        found = self.only("mode_differs")
        self.assertEqual((found.mode, found.object_id, found.float_effect), ("live", payment.id, -100_00))
        self.assertEqual(found.merchant_id, account.merchant_id)

    def live_twin(self) -> Any:
        """The same shortcode in live mode."""
        twin = type(self.shop).objects.get(id=self.shop.id)
        twin.mode, twin.environment = "live", "production"
        twin.hook_token_hash = b"x" * 32
        twin.id = new_id()
        twin.save(force_insert=True)
        return twin

    def test_a_line_nobody_could_read_is_not_missing_there_too(self) -> None:
        self.put(self.paid())
        payment = self.paid()
        self.put(payment)
        self.paper.rows[-1] = self.paper.rows[-1].replace("100.00", "1OO.OO", 1)
        self.run_it()
        found = self.only("unparsable")
        self.assertEqual((found.object_id, found.float_effect), (payment.id, 0))


class MoneyOut(RefundCalls, ReconcileTestCase):
    def refunded(self, **fields: Any) -> Refund:
        """A refund of a payment on the platform's shortcode, confirmed."""
        refund = self.sent(self.paid(), **fields)
        self.bring_results(refund)
        return self.assert_refund(self.again_refund(refund), "completed")

    def setUp(self) -> None:
        super().setUp()
        # The platform's own shortcode.
        self.shop.is_active = self.shop.is_default = False
        self.shop.save(update_fields=["is_active", "is_default"])
        self.paper.shortcode = "174379"

    def run_it(self, **more: Any) -> Run:
        bring(self.paper.text(), account="daraja:174379")
        return reconcile(account="daraja:174379", mode="test", **more)

    def put_both(
        self, refund: Refund, *, code: str | None = None, reason: str = "Business Payment", **more: Any
    ) -> None:
        self.put(refund.payment)
        self.paper.add(code or refund.receipt or "", -refund.amount, reason=reason, at=now(), **more)

    def test_a_refund_by_its_receipt(self) -> None:
        refund = self.refunded(amount=40)
        self.put_both(refund)
        run = self.run_it()
        self.assertEqual((run.matched["receipt"], run.exceptions), (2, {}))
        match = ReconMatch.objects.get(object_type="refund")
        self.assertEqual((match.object_id, match.transfer.idem), (refund.id, f"ref:{refund.id}:done"))

    def test_a_reversal_by_what_it_undoes_fills_the_receipt(self) -> None:
        refund = self.refunded()
        Refund.objects.filter(id=refund.id).update(receipt=None)
        code = next_code()
        self.put_both(refund, code=code, reason="Pay Bill Reversal", linked=refund.payment.receipt or "")
        run = self.run_it()
        self.assertEqual((run.matched["linked"], run.exceptions), (1, {}))
        self.assertEqual(self.again_refund(refund).receipt, code)

    def test_a_refund_that_came_back(self) -> None:
        refund = self.refunded(amount=40)
        self.put_both(refund)
        words = "Reversal of Business Payment"
        self.paper.add(next_code(), refund.amount, reason=words, linked=refund.receipt or "", at=now())
        self.run_it()
        found = self.only("returned_payout")
        self.assertEqual((found.object_type, found.object_id, found.severity), ("refund", refund.id, "high"))
        self.assertEqual(found.float_effect, -40_00)

    def test_a_refund_that_never_left(self) -> None:
        refund = self.refunded(amount=40)
        self.put(refund.payment)
        self.run_it()
        found = self.only("missing_there")
        self.assertEqual((found.object_type, found.object_id, found.float_effect), ("refund", refund.id, -40_00))
        # The platform's own shortcode is no merchant's concern.
        self.assertIsNone(found.merchant_id)
        self.assertFalse(Event.objects.filter(type__startswith="reconciliation.").exists())
