"""Several attempts of one payment, and its money told of at the paybill's own door: every sum is booked once."""

from collections import Counter
from urllib.parse import urlsplit

from merchants.tests.threads import at_once
from onpoint_pay.kit.ids import to_public
from payments.models import C2bReceipt, MoneyOp, Payment, ProviderEvent
from payments.services.callbacks import process_callback
from payments.tests.base import entries_of
from payments.tests.c2b import PAYER, CommittingC2bTestCase, confirmation, line, next_code
from payments.tests.claims import failure_body, success_body
from payments.tests.factories import fail, op_of
from payments.tests.test_surplus import TwoAttempts
from settlements.models import LedgerTransfer
from tests.simulator_process import simulator


class Attempts(TwoAttempts, CommittingC2bTestCase):
    """Both prompts went out on the merchant's own paybill; the first failed, the second is on the phone."""

    def two_attempts(self, **request: str) -> tuple[Payment, MoneyOp, MoneyOp]:
        payment = self.start(phone=PAYER, **request)
        simulator().cancel(op_of(payment).provider_ref or "")
        self.assertEqual(fail(payment), "applied")
        answered = self.resend(payment)
        self.assertEqual(answered.status_code, 201, answered.content)
        first, second = MoneyOp.objects.filter(payment=payment).order_by("id")
        return self.again(payment), first, second

    def result_of(self, op: MoneyOp, receipt: str) -> ProviderEvent:
        """The result of one prompt at its own door, applied; the stored claim."""
        self.bring(success_body(op.provider_ref or "", receipt=receipt), self.door_of_prompt(op))
        self.apply()
        return ProviderEvent.objects.filter(door__startswith="collect").latest("id")

    def door_of_prompt(self, op: MoneyOp) -> str:
        prompts = simulator().prompts()
        (address,) = [each["callback_url"] for each in prompts if each["checkout_request_id"] == op.provider_ref]
        return urlsplit(address).path

    def assert_both(self, payment: Payment, receipts: tuple[str, str]) -> Payment:
        """The first receipt is the merchant's, the second is owed back, both from the float and nothing waits."""
        self.assert_state(payment, "completed", receipt=receipts[0], surplus=False, captured=100_00)
        surplus = self.surplus_of(payment)
        self.assertEqual((surplus.status, surplus.receipt, surplus.captured), ("completed", receipts[1], 100_00))
        for each in (payment, surplus):
            self.assert_one_capture(each)
        self.assert_books(provider_float=200_00, pending=98_50, fee_income=1_50, overpaid=100_00)
        self.assertFalse(C2bReceipt.objects.exclude(state="matched").exists())
        self.assert_clean()
        return surplus

    def assert_owner(self, receipt: str, payment: Payment) -> None:
        row = C2bReceipt.objects.get(receipt=receipt)
        self.assertEqual((row.state, row.payment_id), ("matched", payment.id))


class MissingReceipts(Attempts):
    """Both prompts were found paid by asking, which names no receipts; then the paybill's confirmations come."""

    def both_found(self, **request: str) -> Payment:
        payment, older, newer = self.two_attempts(**request)
        self.assertEqual([self.told(op, source="query") for op in (older, newer)], ["applied", "applied"])
        self.assertIsNone(self.surplus_of(payment).receipt)
        return payment

    def test_the_older_was_found_first(self) -> None:
        self.each_payment_gets_one(is_newer_first=False)

    def test_the_newer_was_found_first(self) -> None:
        self.each_payment_gets_one(is_newer_first=True)

    def each_payment_gets_one(self, *, is_newer_first: bool) -> None:
        payment, *ops = self.two_attempts()
        for op in reversed(ops) if is_newer_first else ops:
            self.assertEqual(self.told(op, source="query"), "applied")
        codes = next_code(), next_code()
        transfers = LedgerTransfer.objects.count()
        for code in codes:
            self.confirm(code, bill_ref=payment.account_reference)
        surplus = self.assert_both(payment, codes)
        self.assert_owner(codes[0], payment)
        self.assert_owner(codes[1], surplus)
        self.assertEqual(LedgerTransfer.objects.count(), transfers)
        self.assertEqual(MoneyOp.objects.count(), 2)

    def test_a_third_sum_is_nobodys(self) -> None:
        payment = self.both_found()
        codes = next_code(), next_code(), next_code()
        rows = [self.confirm(code, bill_ref=payment.account_reference) for code in codes]
        self.assert_waiting(rows[2])
        self.assert_books(provider_float=300_00, suspense=100_00, pending=98_50, fee_income=1_50, overpaid=100_00)
        self.assertEqual(self.surplus_of(payment).receipt, codes[1])
        self.assert_clean()

    def test_the_merchants_own_text(self) -> None:
        payment = self.both_found(account_reference="DUKA BORA")
        codes = next_code(), next_code()
        for code in codes:
            self.confirm(code, bill_ref="DUKABORA")
        self.assert_both(payment, codes)

    def test_another_amount_is_not_the_surplus(self) -> None:
        payment = self.both_found()
        self.confirm(bill_ref=payment.account_reference)
        row = self.confirm(bill_ref=payment.account_reference, amount="70.00")
        self.assert_waiting(row)
        self.assertIsNone(self.surplus_of(payment).receipt)

    def test_the_results_come_after_the_confirmations(self) -> None:
        payment, older, newer = self.two_attempts()
        for op in (older, newer):
            self.told(op, source="query")
        codes = next_code(), next_code()
        for code in codes:
            self.confirm(code, bill_ref=payment.account_reference)
        verdicts = [self.result_of(op, code).status for op, code in zip((newer, older), codes, strict=True)]
        self.assertEqual(verdicts, ["quarantined", "quarantined"])
        self.assert_both(payment, codes)

    def test_the_other_ones_result_comes_between(self) -> None:
        """The first confirmation may be the other prompt's: a further receipt is no third sum."""
        payment, older, newer = self.two_attempts()
        for op in (older, newer):
            self.told(op, source="query")
        codes = next_code(), next_code()
        self.confirm(codes[0], bill_ref=payment.account_reference)
        self.assertEqual(self.result_of(older, codes[1]).status, "quarantined")
        self.assertEqual(self.result_of(newer, codes[0]).status, "quarantined")
        self.assert_books(provider_float=200_00, pending=98_50, fee_income=1_50, overpaid=100_00)
        self.confirm(codes[1], bill_ref=payment.account_reference)
        self.assert_both(payment, codes)

    def test_the_receipt_of_an_open_prompt_fills_that_of_the_other(self) -> None:
        """However the results and answers follow, there are two sums."""
        payment, older, newer = self.two_attempts()
        self.told(older, source="query")
        codes = next_code(), next_code()
        self.confirm(codes[0], bill_ref=payment.account_reference)
        self.assert_state(payment, "completed", receipt=codes[0])
        self.assertEqual(self.result_of(older, codes[1]).status, "quarantined")
        self.assertEqual(self.result_of(newer, codes[0]).status, "quarantined")
        self.assertEqual(self.told(newer, source="query"), "applied")
        self.confirm(codes[1], bill_ref=payment.account_reference)
        self.assert_both(payment, codes)

    def test_both_at_once_and_then_the_list(self) -> None:
        """Who lost the race waits in suspense until the list, or a person, speaks."""
        payment = self.both_found()
        codes = next_code(), next_code()
        for code in codes:
            self.bring(confirmation(code, bill_ref=payment.account_reference), self.hook("confirm"))
        claims = list(ProviderEvent.objects.filter(status="new").order_by("id"))
        verdicts = at_once(2, lambda n: process_callback(ProviderEvent.objects.get(id=claims[n].id)))
        self.assertLessEqual(set(verdicts), {"applied", "duplicate"})
        self.assert_clean()
        self.pull(*(line(code, bill_ref=payment.account_reference) for code in codes))
        first = self.again(payment).receipt
        self.assertIn(first, codes)
        self.assert_both(payment, codes if first == codes[0] else (codes[1], codes[0]))

    def test_a_person_gives_the_money_to_the_surplus_payment(self) -> None:
        payment = self.both_found()
        row = self.confirm(bill_ref="NOBODY")
        found = self.get(f"c2b/receipts/?receipt={row.receipt}", self.headers).json()["data"][0]["id"]
        surplus = self.surplus_of(payment)
        body = {"payment": to_public("pay", surplus.id)}
        answered = self.post(f"c2b/receipts/{found}/match/", body, self.headers)
        self.assertEqual(answered.status_code, 200, answered.content)
        self.assertEqual(self.surplus_of(payment).receipt, row.receipt)
        self.assert_books(provider_float=200_00, pending=98_50, fee_income=1_50, overpaid=100_00)
        self.assert_clean()


class Replaced(CommittingC2bTestCase):
    def test_a_replaced_payment_found_paid_by_asking_gets_its_receipt(self) -> None:
        first = self.start(reference="ORDER-1")
        simulator().cancel(op_of(first).provider_ref or "")
        self.bring_callbacks(first)
        self.start(reference="ORDER-1")
        (op,) = MoneyOp.objects.filter(payment=first)
        TwoAttempts.told(self, op, source="query")  # type: ignore[arg-type]
        self.assert_state(first, "completed", surplus=True, receipt=None)
        row = self.confirm(bill_ref=first.account_reference)
        self.assert_credited(row, surplus=True)
        self.assert_books(provider_float=100_00, overpaid=100_00)
        self.assert_clean()


class MoneyByItself(Attempts):
    """Late money of the first prompt comes to the paybill, and is taken for that of the second, which is open."""

    def taken(self) -> tuple[Payment, MoneyOp, MoneyOp, str]:
        payment, older, newer = self.two_attempts()
        code = next_code()
        self.confirm(code, bill_ref=payment.account_reference)
        self.assert_state(payment, "completed", receipt=code)
        self.assertEqual([op.status for op in payment.ops.order_by("id")], ["failed", "succeeded"])
        return payment, older, newer, code

    def assert_paid_twice(self, payment: Payment, newer: MoneyOp, receipts: tuple[str, str]) -> None:
        surplus = self.assert_both(payment, receipts)
        self.assertEqual(MoneyOp.objects.get(id=newer.id).surplus_payment_id, surplus.id)
        own = MoneyOp.objects.get(payment=payment, kind="c2b")
        self.assertEqual((own.status, own.surplus_payment), ("succeeded", None))
        self.assertEqual(own.evidence_id, surplus.evidence_id)
        self.assert_owner(receipts[0], payment)

    def test_an_answer_without_a_receipt_may_speak_of_the_same_money(self) -> None:
        """The older prompt was paid, says the provider when asked: that is the money that was taken for the newer."""
        payment, older, _, code = self.taken()
        self.assertEqual(self.told(older, source="query"), "quarantined")
        self.assert_state(payment, "completed", receipt=code)
        self.assertEqual(Payment.objects.count(), 1)
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)
        self.assert_clean()

    def test_the_prompt_is_paid_too(self) -> None:
        payment, _, newer, code = self.taken()
        own = next_code()
        claim = self.result_of(newer, own)
        self.assertEqual(claim.status, "applied", claim.note)
        self.assertIn("paid_twice", claim.note)
        self.assert_paid_twice(payment, newer, (code, own))
        self.assertEqual(entries_of(self.surplus_of(payment))[("provider_float", "D")], 100_00)

    def test_its_confirmation_comes_after_its_result(self) -> None:
        payment, _, newer, code = self.taken()
        own = next_code()
        self.result_of(newer, own)
        self.confirm(own, bill_ref=payment.account_reference)
        self.assert_owner(own, self.surplus_of(payment))
        self.assert_paid_twice(payment, newer, (code, own))

    def test_its_confirmation_comes_before_its_result(self) -> None:
        payment, _, newer, code = self.taken()
        own = next_code()
        self.assert_waiting(self.confirm(own, bill_ref=payment.account_reference))
        self.assert_clean()
        self.assertEqual(self.result_of(newer, own).status, "applied")
        self.assert_owner(own, self.surplus_of(payment))
        self.assert_paid_twice(payment, newer, (code, own))

    def test_repeats(self) -> None:
        payment, _, newer, code = self.taken()
        own = next_code()
        verdicts = [self.told(newer, receipt=own) for _ in range(3)]
        self.assertEqual(verdicts, ["applied", "duplicate", "duplicate"])
        self.assert_paid_twice(payment, newer, (code, own))

    def test_at_many_workers(self) -> None:
        payment, _, newer, code = self.taken()
        own = next_code()
        verdicts = at_once(8, lambda _: self.told(newer, receipt=own))
        self.assertEqual(Counter(verdicts), {"applied": 1, "duplicate": 7})
        self.assert_paid_twice(payment, newer, (code, own))

    def test_result_and_confirmation_at_once(self) -> None:
        for number in range(4):
            payment, _, newer, _ = self.taken()
            own = next_code()
            simulator().approve(newer.provider_ref or "")
            self.bring(success_body(newer.provider_ref or "", receipt=own), self.door_of_prompt(newer))
            self.bring(confirmation(own, bill_ref=payment.account_reference), self.hook("confirm"))
            claims = list(ProviderEvent.objects.filter(status="new").order_by("id"))
            at_once(2, lambda n, claims=claims: process_callback(ProviderEvent.objects.get(id=claims[n].id)))
            self.assert_owner(own, MoneyOp.objects.get(id=newer.id).surplus_payment or payment)
            self.assertEqual(Payment.objects.filter(surplus=True).count(), number + 1)
        self.assert_books(provider_float=800_00, pending=394_00, fee_income=6_00, overpaid=400_00)
        self.assert_clean()

    def test_the_result_of_the_first_prompt_names_the_money_too(self) -> None:
        payment, older, newer, code = self.taken()
        own = next_code()
        for is_booked in (False, True):
            with self.subTest(is_booked=is_booked):
                if is_booked:
                    self.assertEqual(self.result_of(newer, own).status, "applied")
                claim = self.told(older, receipt=code)
                self.assertEqual(claim, "quarantined")
        self.assert_paid_twice(payment, newer, (code, own))

    def test_the_prompts_own_result_names_the_money(self) -> None:
        """Then a further receipt is a contradiction, as it is for every prompt."""
        payment, _, newer, code = self.taken()
        self.assertEqual(self.result_of(newer, code).status, "duplicate")
        claim = self.result_of(newer, next_code())
        self.assertEqual((claim.status, claim.note), ("quarantined", "another receipt than the one on record"))
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)
        self.assertFalse(Payment.objects.filter(surplus=True).exists())
        self.assert_clean()

    def test_the_prompts_own_result_says_no(self) -> None:
        """Two words about one prompt that exclude each other: nothing is booked on the second."""
        payment, _, newer, code = self.taken()
        self.bring(failure_body(newer.provider_ref or ""), self.door_of_prompt(newer))
        self.apply()
        self.assertEqual(self.result_of(newer, next_code()).status, "quarantined")
        self.assert_state(payment, "completed", receipt=code)
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)

    def test_another_amount(self) -> None:
        payment, _, newer, code = self.taken()
        body = success_body(newer.provider_ref or "", receipt=next_code(), amount=70)
        self.bring(body, self.door_of_prompt(newer))
        self.apply()
        self.assertEqual(ProviderEvent.objects.latest("id").status, "quarantined")
        self.assertEqual(payment.ops.count(), 2)
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)

    def test_the_result_comes_first(self) -> None:
        """Then the late money has no attempt of its own yet: it waits, and the first prompt's result takes it."""
        payment, older, newer = self.two_attempts()
        own, code = next_code(), next_code()
        self.assertEqual(self.result_of(newer, own).status, "applied")
        self.assert_waiting(self.confirm(code, bill_ref=payment.account_reference))
        self.assert_clean()
        self.assertEqual(self.result_of(older, code).status, "applied")
        self.assert_both(payment, (own, code))

    def test_paid_by_hand_beside_the_only_prompt(self) -> None:
        payment, code, own = self.start(phone=PAYER), next_code(), next_code()
        (op,) = payment.ops.all()
        self.confirm(code, bill_ref=payment.account_reference)
        self.assertEqual(self.result_of(op, own).status, "applied")
        self.assert_paid_twice(payment, op, (code, own))

    def test_the_stories(self) -> None:
        payment, _, newer, _ = self.taken()
        self.result_of(newer, next_code())
        key = to_public("pay", payment.id)
        story = self.get(f"payments/{key}/timeline/", self.headers).json()["data"]
        self.assertEqual([each["kind"] for each in story].count("exception.paid_twice"), 1)
        self.assertEqual(self.get(f"payments/{key}/explanation/", self.headers).status_code, 200)


class AskedBack(Attempts):
    """The merchant wants every success asked back: money beside what is booked is a success like any other."""

    def result_beside(self, *, is_paid: bool) -> tuple[Payment, MoneyOp, tuple[str, str]]:
        payment, _, newer = self.two_attempts()
        codes = next_code(), next_code()
        self.confirm(codes[0], bill_ref=payment.account_reference)
        type(self.merchant).objects.filter(id=self.merchant.id).update(confirm_policy="always")
        (simulator().approve if is_paid else simulator().cancel)(newer.provider_ref or "")
        self.result_of(newer, codes[1])
        return payment, newer, codes

    def test_the_provider_says_the_same(self) -> None:
        payment, newer, codes = self.result_beside(is_paid=True)
        self.assert_both(payment, codes)

    def test_the_provider_says_otherwise(self) -> None:
        payment, newer, codes = self.result_beside(is_paid=False)
        self.assertEqual(ProviderEvent.objects.latest("id").status, "quarantined")
        self.assert_state(payment, "completed", receipt=codes[0])
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)
        self.assert_clean()
