"""Prompts whose hand-over and callback were both lost: found in the provider's own list of money, or nowhere."""

from datetime import timedelta
from typing import Any

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import to_public
from payments.models import MoneyOp, Payment, ProviderEvent
from payments.schedule import EXPIRY_AFTER
from payments.services.lookup import REACH, look_up
from payments.services.sweep import sweep
from payments.tests.base import NOBODY, PaymentTestCase, entries_of, make_due
from payments.tests.factories import next_phone, op_of
from payments.tests.test_initiate import provider_settings
from tests.simulator_process import simulator

LOST = "push=reset; callback.lost=1"


class LookupTestCase(PaymentTestCase):
    def lose(self, **fields: Any) -> tuple[Payment, str]:
        """A payment whose prompt is out and whose reference nobody told us; and that reference."""
        before = {line["checkout_request_id"] for line in simulator().prompts()}
        payment = self.start(scenario=LOST, **fields)
        self.assert_state(payment, "pending", pending_reason="reconciling", provider_reference=None)
        (checkout,) = {line["checkout_request_id"] for line in simulator().prompts()} - before
        return payment, checkout

    def sweep(self) -> int:
        make_due()
        return sweep()

    def age(self, payment: Payment, *, seconds: float) -> None:
        MoneyOp.objects.filter(payment=payment).update(sent_at=now() - timedelta(seconds=seconds))

    def assert_waiting(self, payment: Payment) -> None:
        self.assert_state(payment, "pending", pending_reason="reconciling", receipt=None)
        self.assert_no_money(payment)


class Found(LookupTestCase):
    def test_a_paid_prompt(self) -> None:
        payment, checkout = self.lose()
        line = simulator().approve(checkout)
        self.assertEqual(self.sweep(), 1)
        found = self.assert_state(
            payment, "completed", receipt=line["receipt"], confirmed_by="pull", captured=100_00, late=False
        )
        self.assert_one_capture(payment)
        self.assertEqual(entries_of(found)["provider_float", "D"], 100_00)
        evidence = ProviderEvent.objects.get()
        self.assertEqual((evidence.door, evidence.status, evidence.op_id), ("pull", "applied", op_of(payment).id))
        self.assertNotIn(str(payment.phone), bytes(evidence.body).decode())

    def test_what_the_payer_was_shown(self) -> None:
        """The provider takes fewer letters than the merchant may write."""
        for number, shown in enumerate(("TABLE7", "TABLE 7", "A-1 B 2", "shop")):
            with self.subTest(shown=shown):
                payment, checkout = self.lose(account_reference=shown, amount=100 + number)
                receipt = simulator().approve(checkout)["receipt"]
                self.sweep()
                self.assert_state(payment, "completed", receipt=receipt)

    def test_several_at_once(self) -> None:
        lost = [self.lose() for _ in range(3)]
        receipts = [simulator().approve(checkout)["receipt"] for _, checkout in lost[:2]]
        self.sweep()
        for (payment, _), receipt in zip(lost[:2], receipts, strict=True):
            self.assert_state(payment, "completed", receipt=receipt)
        self.assert_waiting(lost[2][0])

    def test_late_money(self) -> None:
        payment, checkout = self.lose()
        self.age(payment, seconds=EXPIRY_AFTER + 60)
        self.sweep()
        self.sweep()
        self.assert_state(payment, "expired", confirmed_by="pull")
        simulator().approve(checkout)
        simulator().call("POST", f"prompts/{checkout}/resend-callback")
        (callback,) = simulator().callbacks(checkout)
        self.bring(callback["body"].encode(), callback["url"].removeprefix(NOBODY))
        self.apply()
        self.assert_state(payment, "completed", late=True)
        self.assert_one_capture(payment)


class NotFound(LookupTestCase):
    def test_an_open_prompt_is_not_in_the_list(self) -> None:
        payment, _ = self.lose()
        for _ in range(3):
            self.sweep()
        self.assert_waiting(payment)

    def test_it_is_expired_when_the_list_has_nothing_for_an_hour(self) -> None:
        payment, checkout = self.lose()
        simulator().cancel(checkout)
        self.age(payment, seconds=EXPIRY_AFTER - 60)
        self.sweep()
        self.sweep()
        self.assert_waiting(payment)
        self.age(payment, seconds=EXPIRY_AFTER + 60)
        self.sweep()
        self.assert_state(payment, "expired", captured=0)
        self.assertFalse(self.get(f"payments/{to_public('pay', payment.id)}/", self.headers).json()["safe_to_retry"])

    def test_no_list_is_no_answer(self) -> None:
        payment, _ = self.lose()
        self.age(payment, seconds=10 * EXPIRY_AFTER)
        simulator().call("POST", "faults", {"seed": 1, "rate": 1.0, "kinds": ["pull_500"]})
        for _ in range(3):
            self.sweep()
        with provider_settings(SIMULATOR_URL=NOBODY):
            self.sweep()
        self.assert_waiting(payment)
        self.assertEqual(op_of(payment).answered_checks, 0)

    def test_what_is_older_than_the_list_is_left_to_people(self) -> None:
        payment, _ = self.lose()
        self.age(payment, seconds=REACH.total_seconds() + 60)
        for _ in range(3):
            self.sweep()
        self.assert_waiting(payment)


class Contested(LookupTestCase):
    """Prompts that look alike: the same payer, amount and words. Money is booked only where one alone fits."""

    def test_two_lost_prompts_and_one_line(self) -> None:
        phone = next_phone()
        first, checkout = self.lose(phone=phone, account_reference="SHOP")
        receipt = simulator().approve(checkout)["receipt"]
        second, _ = self.lose(phone=phone, account_reference="SHOP")
        self.sweep()
        for payment in (first, second):
            self.assert_waiting(payment)
        self.assertFalse(Payment.objects.filter(receipt=receipt).exists())

    def test_a_line_that_belongs_to_a_payment_found_by_asking(self) -> None:
        """Its receipt is not known yet: the answer to a question holds none."""
        phone = next_phone()
        known = self.start(phone=phone, account_reference="SHOP")
        simulator().approve(op_of(known).provider_ref or "")
        self.sweep()
        self.assert_state(known, "completed", confirmed_by="query", receipt=None)
        lost, _ = self.lose(phone=phone, account_reference="SHOP")
        self.sweep()
        self.assert_waiting(lost)

    def test_a_line_that_belongs_to_a_payment_still_open(self) -> None:
        phone = next_phone()
        known = self.start(phone=phone, account_reference="SHOP")
        simulator().approve(op_of(known).provider_ref or "")
        lost, _ = self.lose(phone=phone, account_reference="SHOP")
        make_due(op=op_of(lost))
        sweep()
        self.assert_waiting(lost)
        self.bring_callbacks(known)
        self.assert_state(known, "completed", confirmed_by="callback")
        make_due(op=op_of(lost))
        sweep()
        self.assert_waiting(lost)

    def test_a_line_whose_receipt_is_taken(self) -> None:
        phone = next_phone()
        paid = self.start(phone=phone, account_reference="SHOP")
        self.pay(paid)
        lost, checkout = self.lose(phone=phone, account_reference="SHOP")
        self.sweep()
        self.assert_waiting(lost)
        receipt = simulator().approve(checkout)["receipt"]
        self.sweep()
        self.assert_state(lost, "completed", receipt=receipt)

    def test_a_payment_that_certainly_failed_is_no_rival(self) -> None:
        phone = next_phone()
        cancelled = self.start(phone=phone, account_reference="SHOP")
        simulator().cancel(op_of(cancelled).provider_ref or "")
        self.bring_callbacks(cancelled)
        lost, checkout = self.lose(phone=phone, account_reference="SHOP")
        receipt = simulator().approve(checkout)["receipt"]
        self.sweep()
        self.assert_state(lost, "completed", receipt=receipt)

    def test_two_lines_for_one_prompt(self) -> None:
        """The provider took a second payment that it called cancelled when it was asked."""
        phone = next_phone()
        denied = self.start(phone=phone, account_reference="SHOP")
        simulator().approve(op_of(denied).provider_ref or "")
        simulator().call("POST", "faults", {"seed": 3, "rate": 1.0, "kinds": ["query_contradicts"]})
        self.sweep()
        self.assert_state(denied, "cancelled")
        simulator().call("DELETE", "faults")
        lost, checkout = self.lose(phone=phone, account_reference="SHOP")
        simulator().approve(checkout)
        self.sweep()
        self.assert_waiting(lost)

    def test_another_amount_or_payer_is_another_payment(self) -> None:
        known = self.start(account_reference="SHOP")
        simulator().approve(op_of(known).provider_ref or "")
        other_payer, _ = self.lose(account_reference="SHOP")
        other_amount, _ = self.lose(phone=known.phone, account_reference="SHOP", amount=101)
        make_due(op=op_of(other_payer))
        make_due(op=op_of(other_amount))
        sweep()
        self.assert_waiting(other_payer)
        self.assert_waiting(other_amount)


class OutOfReach(LookupTestCase):
    def test_a_prompt_no_list_can_tell_of_is_not_asked_about_every_few_minutes(self) -> None:
        payment, _ = self.lose()
        self.age(payment, seconds=REACH.total_seconds() + 60)
        pulls = simulator().summary()["pulls"]
        self.sweep()
        self.assert_waiting(payment)
        self.assertEqual(simulator().summary()["pulls"], pulls)
        self.assertGreater(op_of(payment).next_check, now() + timedelta(hours=4))


class StretchesTest(PaymentTestCase):
    def test_each_stretch_of_time_reads_its_own_part_of_the_list(self) -> None:
        """One old prompt does not make everybody read the whole day."""
        old, young = self.start(scenario="push=reset"), self.start(scenario="push=reset")
        MoneyOp.objects.filter(payment=old).update(sent_at=now() - timedelta(hours=20))
        before = simulator().summary()["pulls"]
        self.assertTrue(look_up([op_of(old), op_of(young)]))
        self.assertEqual(simulator().summary()["pulls"] - before, 2)
        for payment in (old, young):
            self.assertEqual(op_of(payment).answered_checks, 1)
