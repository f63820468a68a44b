"""One payment, told of at two doors, as the result of its prompt and as money on the paybill: one credit."""

from collections import Counter

from merchants.tests.threads import at_once
from payments.models import C2bReceipt, Payment, ProviderEvent
from payments.services.callbacks import process_callback
from payments.services.sweep import sweep
from payments.tests.base import events_of, make_due
from payments.tests.c2b import (
    PAYER,
    C2bTestCase,
    CommittingC2bTestCase,
    confirmation,
    hashed,
    line,
    masked,
    news_of,
    next_code,
    paid_by_query,
)
from payments.tests.claims import success_body
from payments.tests.factories import op_of
from settlements.models import LedgerTransfer
from tests.simulator_process import simulator

OTHER_PAYER = "254711000222"


class DoorsTestCase(C2bTestCase):
    def assert_once(self, payment: Payment, receipt: str | None) -> Payment:
        """Paid, booked from the float once, and nothing waits in suspense."""
        found = self.assert_state(payment, "completed", receipt=receipt, captured=100_00, surplus=False)
        self.assert_one_capture(payment)
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)
        return found

    def query(self, payment: Payment) -> None:
        """The provider answers our own question: paid, without a receipt."""
        make_due(op=op_of(payment))
        sweep()


class OurReference(DoorsTestCase):
    def test_the_result_first(self) -> None:
        payment, code = self.start(), next_code()
        self.call_back(payment, code)
        row = self.confirm(code, bill_ref=payment.account_reference)
        self.assert_once(payment, code)
        self.assertEqual((row.state, row.rule, row.payment_id), ("matched", "receipt", payment.id))
        self.assertIsNone(row.suspense_transfer_id)
        self.assertEqual(news_of(row), [])

    def test_the_confirmation_first(self) -> None:
        payment, code = self.start(), next_code()
        row = self.confirm(code, bill_ref=payment.account_reference)
        self.assert_once(payment, code)
        self.assertEqual((row.state, row.rule, row.payment_id), ("matched", "reference", payment.id))
        self.assertEqual(self.call_back(payment, code).status, "duplicate")
        self.assert_once(payment, code)
        self.assertEqual(events_of(payment).count("payment.completed"), 1)

    def test_the_result_never_comes(self) -> None:
        payment, code = self.start(), next_code()
        self.confirm(code, bill_ref=payment.account_reference)
        self.assert_once(payment, code)

    def test_the_confirmation_never_comes(self) -> None:
        payment, code = self.start(), next_code()
        self.call_back(payment, code)
        self.assert_once(payment, code)
        self.assertFalse(C2bReceipt.objects.exists())

    def test_paid_by_query_and_then_confirmed(self) -> None:
        payment, code = self.start(), next_code()
        simulator().approve(op_of(payment).provider_ref or "")
        self.query(payment)
        self.assert_once(payment, None)
        row = self.confirm(code, bill_ref=payment.account_reference)
        self.assert_once(payment, code)
        self.assertEqual(row.payment_id, payment.id)

    def test_confirmed_late_after_the_prompt_was_cancelled(self) -> None:
        payment, code = self.start(), next_code()
        simulator().cancel(op_of(payment).provider_ref or "")
        self.bring_callbacks(payment)
        self.assert_state(payment, "cancelled")
        self.confirm(code, bill_ref=payment.account_reference)
        self.assert_state(payment, "completed", late=True, receipt=code)
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)

    def test_typed_by_hand_by_somebody_else(self) -> None:
        """Our own reference stands for one payment, whoever pays it."""
        payment, code = self.start(phone=OTHER_PAYER), next_code()
        self.confirm(code, bill_ref=f" {payment.account_reference.lower()} ", msisdn=hashed())
        self.assert_once(payment, code)

    def test_the_result_of_another_prompt_with_this_receipt(self) -> None:
        first, second, code = self.start(), self.start(), next_code()
        self.confirm(code, bill_ref=first.account_reference)
        self.assertEqual(self.call_back(second, code).status, "quarantined")
        self.assert_state(second, "pending")
        self.assert_once(first, code)

    def test_the_result_names_another_amount_than_the_confirmation(self) -> None:
        payment, code = self.start(), next_code()
        row = self.confirm(code, bill_ref="NOBODY", amount="70.00")
        self.assertEqual(self.call_back(payment, code).status, "quarantined")
        self.assert_state(payment, "pending")
        self.assert_waiting(row)
        self.assert_books(provider_float=70_00, suspense=70_00)


class TheirReference(DoorsTestCase):
    """The merchant's own text stands on every prompt: amount and payer say whose it is."""

    def start_shop(self, **fields: object) -> Payment:
        """A prompt that the payer has approved, and of which nobody has told us."""
        payment = self.start(account_reference="DUKA BORA", **({"phone": PAYER} | fields))
        simulator().approve(op_of(payment).provider_ref or "")
        return payment

    def test_both_orders(self) -> None:
        for result_first in (True, False):
            with self.subTest(result_first=result_first):
                payment, code = self.start_shop(amount=100 + result_first), next_code()
                amount = f"{100 + result_first}.00"
                if result_first:
                    self.call_back(payment, code)
                self.confirm(code, bill_ref="DUKABORA", amount=amount)
                if not result_first:
                    self.call_back(payment, code)
                self.assert_state(payment, "completed", receipt=code)
                self.assert_one_capture(payment)
        self.assert_books(provider_float=201_00, pending=201_00 - 3_02, fee_income=3_02)

    def test_a_hashed_and_a_masked_payer(self) -> None:
        for msisdn, amount in ((hashed(), 100), (masked(), 101)):
            with self.subTest(msisdn=msisdn):
                payment, code = self.start_shop(amount=amount), next_code()
                self.confirm(code, bill_ref="DUKABORA", msisdn=msisdn, amount=f"{amount}.00")
                self.assert_state(payment, "completed", receipt=code)

    def test_another_payer_at_the_same_counter(self) -> None:
        """Somebody types the shop's text while a prompt for the same sum is out to another phone."""
        self.make_account("DUKABORA")
        payment, code = self.start_shop(), next_code()
        row = self.confirm(code, bill_ref="DUKABORA", msisdn=OTHER_PAYER)
        self.assert_state(payment, "pending", receipt=None)
        self.assert_credited(row, payment_method="mpesa_c2b")
        own = next_code()
        self.assertEqual(self.call_back(payment, own).status, "applied")
        self.assert_books(provider_float=200_00, pending=197_00, fee_income=3_00)

    def test_two_prompts_that_only_a_person_can_tell_apart(self) -> None:
        self.make_account("DUKABORA")
        payments = [self.start_shop(), self.start_shop()]
        code = next_code()
        row = self.confirm(code, bill_ref="DUKABORA")
        self.assert_waiting(row, "suggested")
        self.assertEqual({each["type"] for each in self.fresh(row).suggestions}, {"account", "payment"})
        self.assert_books(provider_float=100_00, suspense=100_00)
        self.assertEqual(self.call_back(payments[1], code).status, "applied")
        self.assert_once(payments[1], code)
        found = self.fresh(row)
        self.assertEqual((found.state, found.rule, found.payment_id), ("matched", "receipt", payments[1].id))
        self.assertEqual(news_of(row), ["c2b.received", "c2b.suggested", "c2b.matched"])
        self.assert_state(payments[0], "pending")

    def test_two_prompts_and_both_are_found_out_by_asking(self) -> None:
        payments = [self.start_shop(), self.start_shop()]
        code = next_code()
        row = self.confirm(code, bill_ref="DUKABORA")
        self.assert_waiting(row, "suggested")
        for payment in payments:
            self.query(payment)
            self.assert_state(payment, "completed", receipt=None)
        self.call_back(payments[0], code)
        self.assert_state(payments[0], "completed", receipt=code)
        self.assert_books(provider_float=200_00, pending=197_00, fee_income=3_00)
        self.assertEqual(self.fresh(row).payment_id, payments[0].id)

    def test_given_to_another_payment_by_hand_and_then_the_query_says_paid(self) -> None:
        """The same money must not be credited twice because one of its two words has no receipt."""
        account = self.make_account("WALKIN")
        payments = [self.start_shop(), self.start_shop()]
        row = self.confirm(next_code(), bill_ref="DUKABORA")
        answer = self.match(row, account=account.code)
        self.assertEqual(answer.status_code, 200, answer.content)
        self.assertEqual(paid_by_query(payments[0]), "quarantined")
        self.assert_state(payments[0], "pending")
        self.assertIn("another payment", ProviderEvent.objects.latest("id").note)
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)
        own = next_code()
        self.assertEqual(self.call_back(payments[0], own).status, "applied")
        self.assert_state(payments[0], "completed", receipt=own)

    def test_given_to_another_payment_by_hand_and_then_its_result_comes(self) -> None:
        account = self.make_account("WALKIN")
        payments = [self.start_shop(), self.start_shop()]
        code = next_code()
        row = self.confirm(code, bill_ref="DUKABORA")
        self.match(row, account=account.code)
        self.assertEqual(self.call_back(payments[0], code).status, "quarantined")
        self.assert_state(payments[0], "pending")
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)

    def test_an_earlier_payment_of_the_same_kind_is_no_reason_to_doubt(self) -> None:
        first, code = self.start_shop(), next_code()
        self.call_back(first, code)
        self.confirm(code, bill_ref="DUKABORA")
        second = self.start_shop()
        self.query(second)
        self.assert_state(second, "completed", receipt=None)

    def match(self, row: C2bReceipt, *, account: str):  # type: ignore[no-untyped-def]
        found = self.get(f"c2b/receipts/?receipt={row.receipt}", self.headers).json()["data"][0]["id"]
        key = self.get(f"c2b/accounts/?code={account}", self.headers).json()["data"][0]["id"]
        return self.post(f"c2b/receipts/{found}/match/", {"account": key}, self.headers)


class Unbelieved(DoorsTestCase):
    """The merchant wants every success asked back: the confirmation alone is not enough."""

    def setUp(self) -> None:
        super().setUp()
        type(self.merchant).objects.filter(id=self.merchant.id).update(confirm_policy="always")

    def test_the_query_takes_the_money_that_waits(self) -> None:
        payment, code = self.start(), next_code()
        row = self.confirm(code, bill_ref=payment.account_reference)
        self.assert_waiting(row, "suggested", verification="pending")
        self.assert_state(payment, "pending")
        simulator().approve(op_of(payment).provider_ref or "")
        self.query(payment)
        self.assert_once(payment, code)
        found = self.fresh(row)
        self.assertEqual((found.state, found.verification, found.verified_by), ("matched", "verified", "query"))

    def test_the_list_proves_it(self) -> None:
        payment, code = self.start(), next_code()
        self.confirm(code, bill_ref=payment.account_reference)
        self.pull(line(code, bill_ref=payment.account_reference))
        self.assert_once(payment, code)


class Races(CommittingC2bTestCase):
    def test_both_doors_at_once_fifty_times(self) -> None:
        payments = [self.start() for _ in range(50)]
        for number, payment in enumerate(payments):
            code = f"UKRACE{number:04d}"
            self.bring(success_body(op_of(payment).provider_ref or "", receipt=code), self.door_of(payment))
            self.bring(confirmation(code, bill_ref=payment.account_reference), self.hook("confirm"))
        claims = list(ProviderEvent.objects.filter(status="new").order_by("id").values_list("id", flat=True))
        self.assertEqual(len(claims), 100)
        for first in range(0, 100, 10):
            batch = claims[first : first + 10]
            verdicts = at_once(
                10, lambda number, batch=batch: process_callback(ProviderEvent.objects.get(id=batch[number]))
            )
            self.assertLessEqual(set(verdicts), {"applied", "duplicate"})
        for number, payment in enumerate(payments):
            self.assert_state(payment, "completed", receipt=f"UKRACE{number:04d}")
            self.assert_one_capture(payment)
        self.assertEqual(LedgerTransfer.objects.count(), 50)
        self.assertEqual(C2bReceipt.objects.filter(state="matched").count(), 50)
        self.assert_books(provider_float=5_000_00, pending=4_925_00, fee_income=75_00)
        self.assert_clean()

    def test_one_confirmation_at_many_workers(self) -> None:
        self.make_account("SHULE01")
        code = next_code()
        self.bring(confirmation(code, bill_ref="SHULE01"), self.hook("confirm"))
        claim = ProviderEvent.objects.get(status="new")
        verdicts = at_once(16, lambda _: process_callback(ProviderEvent.objects.get(id=claim.id)))
        self.assertEqual(Counter(verdicts), {"applied": 16})
        self.assert_credited(C2bReceipt.objects.get(receipt=code))
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)
        self.assert_clean()

    def test_the_confirmation_and_the_list_at_once(self) -> None:
        self.make_account("SHULE01")
        for number in range(10):
            code = f"UKLIST{number:04d}"
            self.bring(confirmation(code, bill_ref="SHULE01"), self.hook("confirm"))
            claim = ProviderEvent.objects.get(status="new")
            at_once(
                2,
                lambda who, code=code, claim=claim: (
                    self.pull(line(code, bill_ref="SHULE01"))
                    if who
                    else process_callback(ProviderEvent.objects.get(id=claim.id))
                ),
            )
            self.assert_credited(C2bReceipt.objects.get(receipt=code))
        self.assert_books(provider_float=1_000_00, pending=985_00, fee_income=15_00)
        self.assert_clean()
