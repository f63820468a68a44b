"""Two attempts of one payment are both paid: the first is the capture, the other is owed back to the payer."""

from collections import Counter

from audit.models import AuditEvent
from merchants.tests.threads import at_once
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from payments.models import MoneyOp, Payment, ProviderEvent
from payments.services.outcome import apply_outcome
from payments.services.proof import prove
from payments.tests.base import (
    CommittingPaymentTestCase,
    entries_of,
    events_of,
)
from payments.tests.factories import answer, fail, make_payment, next_phone, next_receipt, op_of
from payments.tests.test_resend import Resends
from providers.types import Outcome, OutcomeStatus
from settlements.models import LedgerAccount, LedgerTransfer


class TwoAttempts(Resends):
    def two_attempts(self, **request: str) -> tuple[Payment, MoneyOp, MoneyOp]:
        """A payment whose first prompt failed and whose second is on the phone."""
        payment = make_payment(self.merchant, status="failed", **request)
        answered = self.resend(payment, {"phone": next_phone()})
        self.assertEqual(answered.status_code, 201, answered.content)  # type: ignore[attr-defined]
        first, second = MoneyOp.objects.filter(payment=payment).order_by("id")
        return payment, first, second

    def told(self, op: MoneyOp, *, receipt: str | None = None, source: str = "callback") -> str:
        outcome = Outcome(
            status=OutcomeStatus.SUCCEEDED,
            provider_reference=op.provider_ref,
            receipt=receipt,
            money=Money(op.amount, op.currency),
            provider_code="0",
        )
        return apply_outcome(op.id, outcome, evidence=answer(), source=source)

    def surplus_of(self, payment: Payment) -> Payment:
        found: Payment = Payment.objects.get(surplus=True)
        (op,) = MoneyOp.objects.filter(surplus_payment=found)
        self.assertEqual((op.payment_id, op.status), (payment.id, "succeeded"))  # type: ignore[attr-defined]
        return found

    def assert_clean(self) -> None:
        found = [finding.invariant.name for finding in prove() if finding.rows]
        self.assertEqual(found, [])  # type: ignore[attr-defined]


class Orders(TwoAttempts, CommittingPaymentTestCase):
    def assert_paid_twice(self, payment: Payment, first: MoneyOp, second: MoneyOp, receipts: tuple[str, str]) -> None:
        """`first` was told first; each keeps its own receipt, and only one of them is the merchant's."""
        captured = self.assert_state(payment, "completed", receipt=receipts[0], surplus=False)
        surplus = self.surplus_of(payment)
        self.assertEqual((surplus.status, surplus.receipt), ("completed", receipts[1]))
        self.assertEqual((surplus.amount, surplus.captured, surplus.late), (payment.amount, payment.amount, False))
        self.assertEqual(MoneyOp.objects.get(id=second.id).surplus_payment_id, surplus.id)
        self.assertIsNone(MoneyOp.objects.get(id=first.id).surplus_payment_id)
        self.assertEqual(entries_of(captured)[("provider_float", "D")], payment.amount)
        self.assertEqual(
            entries_of(surplus), {("provider_float", "D"): payment.amount, ("overpaid", "C"): payment.amount}
        )
        self.assert_one_capture(payment)
        self.assertEqual(events_of(surplus), ["payment.completed"])
        self.assertTrue({surplus.reference, surplus.account_reference}.isdisjoint({payment.reference}))
        self.assertNotEqual(surplus.account_reference, payment.account_reference)
        self.assertEqual((surplus.merchant_reference, surplus.phone), (payment.merchant_reference, captured.phone))
        link = AuditEvent.objects.get(action="payment.paid_twice")
        self.assertEqual(
            (link.object, link.detail["surplus"]), (to_public("pay", payment.id), to_public("pay", surplus.id))
        )
        self.assert_clean()

    def test_the_older_is_paid_first(self) -> None:
        payment, older, newer = self.two_attempts(reference="ORDER-1")
        one, two = next_receipt(), next_receipt()
        self.assertEqual(self.told(older, receipt=one), "applied")
        self.assert_state(payment, "completed", late=True)
        self.assertEqual(self.told(newer, receipt=two), "applied")
        self.assert_paid_twice(payment, older, newer, (one, two))

    def test_the_newer_is_paid_first(self) -> None:
        payment, older, newer = self.two_attempts(reference="ORDER-1")
        one, two = next_receipt(), next_receipt()
        self.assertEqual(self.told(newer, receipt=one), "applied")
        self.assert_state(payment, "completed", late=False)
        self.assertEqual(self.told(older, receipt=two), "applied")
        self.assert_paid_twice(payment, newer, older, (one, two))
        self.assertIn("paid_twice", ProviderEvent.objects.latest("id").note)

    def test_found_by_asking_without_receipts(self) -> None:
        """Each answer is about its own prompt, so there are two sums of money although neither has a receipt yet."""
        payment, older, newer = self.two_attempts()
        self.assertEqual([self.told(op, source="query") for op in (newer, older)], ["applied", "applied"])
        surplus = self.surplus_of(payment)
        for op, owner in ((older, surplus), (newer, payment)):
            receipt = next_receipt()
            self.assertEqual(self.told(op, receipt=receipt), "duplicate")
            self.assertEqual(self.again(owner).receipt, receipt)
        self.assert_clean()

    def test_repeats_of_the_second_success(self) -> None:
        payment, older, newer = self.two_attempts()
        receipt = next_receipt()
        self.told(newer, receipt=next_receipt())
        verdicts = [self.told(older, receipt=receipt) for _ in range(3)]
        self.assertEqual(verdicts, ["applied", "duplicate", "duplicate"])
        self.assertEqual(Payment.objects.filter(surplus=True).count(), 1)
        self.assert_clean()

    def test_one_receipt_told_for_both(self) -> None:
        """The same money cannot be two."""
        payment, older, newer = self.two_attempts()
        receipt = next_receipt()
        self.told(newer, receipt=receipt)
        self.assertEqual(self.told(older, receipt=receipt), "quarantined")
        self.assertEqual(ProviderEvent.objects.latest("id").note, "receipt already credited to this payment")
        self.assertFalse(Payment.objects.filter(surplus=True).exists())
        self.assert_clean()

    def test_money_that_cannot_be_told_apart(self) -> None:
        """The first was found in a list, by what was typed; a bare yes about the other prompt may be the same money."""
        payment, older, newer = self.two_attempts()
        self.told(newer, receipt=next_receipt(), source="pull")
        self.assertEqual(self.told(older, source="query"), "quarantined")
        self.assertFalse(Payment.objects.filter(surplus=True).exists())
        self.assertEqual(self.told(older, receipt=next_receipt()), "applied")
        self.assertEqual(Payment.objects.filter(surplus=True).count(), 1)
        self.assert_clean()

    def test_the_newer_ends_unpaid_after_the_older_was_paid(self) -> None:
        payment, older, newer = self.two_attempts()
        self.told(older, receipt=next_receipt())
        self.assertEqual(fail(payment), "applied")
        self.assertEqual(MoneyOp.objects.get(id=newer.id).status, "failed")
        self.assert_state(payment, "completed", surplus=False)
        self.assertNotIn("payment.cancelled", events_of(payment))
        self.assert_clean()

    def test_the_merchant_finds_the_payment_and_not_the_surplus(self) -> None:
        payment, older, newer = self.two_attempts(reference="ORDER-1")
        self.told(newer, receipt=next_receipt())
        self.told(older, receipt=next_receipt())
        for reference in ("ORDER-1", newer.provider_ref, older.provider_ref):
            with self.subTest(reference=reference):
                found = self.post("payments/status/", {"reference": reference, "refresh": False}, self.headers).json()
                wanted = self.surplus_of(payment) if reference == older.provider_ref else payment
                self.assertEqual(found["id"], to_public("pay", wanted.id))
        taken = self.assert_problem(self.initiate(reference="ORDER-1"), 409, "duplicate_reference")
        self.assertEqual(taken["existing"], to_public("pay", payment.id))

    def test_the_policy_that_never_frees_a_reference(self) -> None:
        type(self.merchant).objects.filter(id=self.merchant.id).update(reference_policy="unique")
        self.merchant.refresh_from_db()
        payment, older, newer = self.two_attempts(reference="ORDER-1")
        self.told(newer, receipt=next_receipt())
        self.assertEqual(self.told(older, receipt=next_receipt()), "applied")
        self.assertEqual(self.surplus_of(payment).merchant_reference, "ORDER-1")

    def test_the_stories(self) -> None:
        payment, older, newer = self.two_attempts()
        self.told(newer, receipt=next_receipt())
        self.told(older, receipt=next_receipt())
        surplus = self.surplus_of(payment)
        story = self.get(f"payments/{to_public('pay', payment.id)}/timeline/", self.headers).json()["data"]
        (moment,) = [line for line in story if line["kind"] == "exception.paid_twice"]
        self.assertEqual(moment["evidence"], {"type": "payment", "ref": to_public("pay", surplus.id)})
        kinds = [
            line["kind"]
            for line in self.get(f"payments/{to_public('pay', surplus.id)}/timeline/", self.headers).json()["data"]
        ]
        self.assertLessEqual({"operation.succeeded", "payment.completed", "ledger.posted"}, set(kinds))
        self.assertNotIn("exception.paid_twice", kinds)


class Races(TwoAttempts, CommittingPaymentTestCase):
    def test_both_at_once(self) -> None:
        for _ in range(6):
            payment, older, newer = self.two_attempts()
            receipts = next_receipt(), next_receipt()
            ops = (older, newer)
            verdicts = at_once(2, lambda n, ops=ops, receipts=receipts: self.told(ops[n], receipt=receipts[n]))
            self.assertEqual(Counter(verdicts), {"applied": 2})
            self.assert_one_capture(payment)
            self.assertEqual(MoneyOp.objects.filter(payment=payment, surplus_payment__isnull=False).count(), 1)
        owed = LedgerAccount.objects.get(kind="overpaid")
        self.assertEqual(owed.credits - owed.debits, 6 * 100_00)
        self.assertEqual(LedgerTransfer.objects.count(), 12)
        self.assert_clean()

    def test_the_same_second_success_sixteen_times(self) -> None:
        payment, older, newer = self.two_attempts()
        self.told(newer, receipt=next_receipt())
        receipt = next_receipt()
        verdicts = at_once(16, lambda _: self.told(older, receipt=receipt))
        self.assertEqual(Counter(verdicts), {"applied": 1, "duplicate": 15})
        self.assertEqual(Payment.objects.filter(surplus=True).count(), 1)
        self.assert_clean()

    def test_a_new_prompt_and_late_money_of_the_old_one_at_once(self) -> None:
        for _ in range(4):
            payment = make_payment(self.merchant, status="failed")
            op, receipt = op_of(payment), next_receipt()
            results = at_once(
                2,
                lambda who, payment=payment, op=op, receipt=receipt: (
                    self.told(op, receipt=receipt) if who else self.resend(payment, {"phone": next_phone()})
                ),
            )
            self.assertEqual(results[1], "applied")
            self.assertIn(results[0].status_code, (201, 409))
            self.assert_state(payment, "completed", receipt=receipt, late=True)
            self.assert_one_capture(payment)
        self.assert_clean()
