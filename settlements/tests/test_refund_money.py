"""The money of refunds: held from available first, booked or given back, and owed where the balance lacks it."""

from collections import Counter
from uuid import UUID

from django.db import transaction
from django.test import SimpleTestCase, TestCase, TransactionTestCase

from merchants.models import Merchant
from merchants.tests.factories import make_merchant
from merchants.tests.threads import at_once
from onpoint_pay.kit.ids import new_id
from onpoint_pay.kit.money import Money
from settlements.chart import Leg, refund_done_legs, refund_hold_legs, refund_undo_legs, split_hold
from settlements.errors import BalanceTooLow
from settlements.models import LedgerTransfer
from settlements.selectors import balances_of, entries_of
from settlements.services.refunds import RefundMoney, book_refund, hold_refund, hold_refund_again, release_refund
from settlements.tests.base import balance, pay, post

PAYMENT = UUID(int=21)


def money(merchant: Merchant, minor: int, *, is_surplus: bool = False) -> RefundMoney:
    return RefundMoney(
        refund_id=new_id(),
        payment_id=PAYMENT,
        merchant_id=merchant.id,
        mode="test",
        amount=Money(minor),
        is_surplus=is_surplus,
        float_name="daraja:174379",
    )


class Splitting(SimpleTestCase):
    def test_available_first_then_pending(self) -> None:
        for amount, available, pending, expected in (
            (100, 100, 0, {"available": 100}),
            (100, 300, 300, {"available": 100}),
            (100, 30, 300, {"available": 30, "pending": 70}),
            (100, 0, 100, {"pending": 100}),
            (100, 30, 69, None),
            (100, -50, 100, {"pending": 100}),
        ):
            with self.subTest(available=available, pending=pending):
                found = split_hold(amount, {"available": available, "pending": pending})
                self.assertEqual(found, expected)

    def test_what_the_balance_lacks_is_owed(self) -> None:
        found = split_hold(100, {"available": 30, "pending": 20, "refund_hold": 500}, may_owe=True)
        self.assertEqual(found, {"available": 30, "pending": 20, "owed": 50})
        self.assertEqual(split_hold(100, {}, may_owe=True), {"owed": 100})
        self.assertEqual(split_hold(100, {"pending": 100}, may_owe=True), {"pending": 100})

    def test_legs_balance(self) -> None:
        taken = {"available": 30, "pending": 70}
        done = refund_done_legs(payment_id=PAYMENT, amount=Money(100), float_name="daraja:174379")
        for legs in (refund_hold_legs(taken), refund_undo_legs(taken), done):
            self.assertEqual(sum(leg.amount if leg.side == "D" else -leg.amount for leg in legs), 0)
        self.assertEqual(done[1], Leg(kind="provider_float", side="C", amount=100, sub="daraja:174379:05"))


class Moving(TestCase):
    def setUp(self) -> None:
        self.merchant = make_merchant()

    def balances(self) -> dict[str, int]:
        found = balances_of(self.merchant.id, currency="KES", mode="test")
        return {kind: amount for kind, amount in found.items() if amount}

    def make_available(self, minor: int) -> None:
        legs = [Leg(kind="pending", side="D", amount=minor), Leg(kind="available", side="C", amount=minor)]
        post(self.merchant, legs)

    def test_held_and_booked(self) -> None:
        pay(self.merchant, 100_00, payment_id=PAYMENT)
        self.make_available(30_00)
        refund = money(self.merchant, 80_00)
        with transaction.atomic():
            self.assertEqual(hold_refund(refund), {"available": 30_00, "pending": 50_00})
        self.assertEqual(self.balances(), {"pending": 20_00, "refund_hold": 80_00})
        with transaction.atomic():
            transfer = book_refund(refund, occurred_at=None)
        self.assertEqual(self.balances(), {"pending": 20_00})
        self.assertEqual(balance("provider_float"), 20_00)
        self.assertEqual(
            [(entry["account"], entry["sub"], entry["side"]) for entry in entries_of(transfer)],
            [("refund_hold", "", "debit"), ("provider_float", "daraja:174379:05", "credit")],
        )
        kept = LedgerTransfer.objects.get(id=transfer)
        self.assertEqual((kept.idem, kept.kind), (f"ref:{refund.refund_id}:done", "refund_done"))

    def test_held_and_given_back(self) -> None:
        pay(self.merchant, 100_00)
        self.make_available(30_00)
        refund = money(self.merchant, 80_00)
        with transaction.atomic():
            held = hold_refund(refund)
            release_refund(refund, held_from=held)
        self.assertEqual(self.balances(), {"pending": 70_00, "available": 30_00})
        self.assertEqual(balance("provider_float"), 100_00)

    def test_twice_is_once(self) -> None:
        pay(self.merchant, 100_00)
        refund = money(self.merchant, 80_00)
        with transaction.atomic():
            hold_refund(refund)
            first = book_refund(refund, occurred_at=None)
            self.assertEqual(book_refund(refund, occurred_at=None), first)
        self.assertEqual(balance("provider_float"), 20_00)

    def test_too_little(self) -> None:
        pay(self.merchant, 79_99)
        with self.assertRaises(BalanceTooLow), transaction.atomic():
            hold_refund(money(self.merchant, 80_00))
        self.assertEqual(self.balances(), {"pending": 79_99})

    def test_the_money_of_others_and_of_the_other_mode_does_not_count(self) -> None:
        pay(make_merchant(), 100_00)
        pay(self.merchant, 100_00, mode="live")
        with self.assertRaises(BalanceTooLow), transaction.atomic():
            hold_refund(money(self.merchant, 1))

    def test_again_with_a_debt(self) -> None:
        pay(self.merchant, 100_00)
        refund = money(self.merchant, 100_00)
        with transaction.atomic():
            release_refund(refund, held_from=hold_refund(refund))
        post(
            self.merchant,
            [Leg(kind="pending", side="D", amount=75_00), Leg(kind="payout_hold", side="C", amount=75_00)],
        )
        with transaction.atomic():
            self.assertEqual(hold_refund_again(refund), {"pending": 25_00, "owed": 75_00})
            book_refund(refund, occurred_at=None)
        self.assertEqual(self.balances(), {"payout_hold": 75_00, "owed": 75_00})

    def test_of_a_surplus_payment(self) -> None:
        pay(self.merchant, 100_00, surplus=True, payment_id=PAYMENT)
        refund = money(self.merchant, 100_00, is_surplus=True)
        with transaction.atomic():
            self.assertEqual(hold_refund(refund), {"overpaid": 100_00})
        self.assertEqual((balance("overpaid"), self.balances()), (0, {"refund_hold": 100_00}))
        with transaction.atomic():
            release_refund(refund, held_from={"overpaid": 100_00})
        self.assertEqual((balance("overpaid"), self.balances()), (100_00, {}))


class Races(TransactionTestCase):
    def test_many_holds_share_one_balance(self) -> None:
        """None takes what another has, and none is refused while money is there."""
        merchant = make_merchant()
        pay(merchant, 100_00)
        post(merchant, [Leg(kind="pending", side="D", amount=35_00), Leg(kind="available", side="C", amount=35_00)])

        def hold(_: int) -> str:
            try:
                with transaction.atomic():
                    hold_refund(money(merchant, 10_00))
            except BalanceTooLow:
                return "too low"
            return "held"

        self.assertEqual(Counter(at_once(16, hold)), {"held": 10, "too low": 6})
        self.assertEqual((balance("refund_hold", merchant), balance("pending", merchant)), (100_00, 0))
