"""The fault matrix, chargebacks: what the merchant lacks is owed, and nothing is held twice. Postings alone: cards, and
with them the flow of a dispute, are not sold here yet."""

from uuid import UUID

from django.db import IntegrityError, transaction

from onpoint_pay.kit.money import Money
from payments.models import Payment
from payments.tests.refund_base import CommittingRefundTestCase, balance
from settlements.chart import (
    Leg,
    dispute_lost_legs,
    dispute_open_legs,
    dispute_won_legs,
    release_legs,
    split_hold,
)
from settlements.models import LedgerTransfer
from settlements.services.ledger import post_transfer

FLOAT = "paystack:1"


class F21Chargebacks(CommittingRefundTestCase):
    def posted(self, legs: list[Leg], step: str, payment: Payment) -> UUID:
        with transaction.atomic():
            return post_transfer(
                legs,
                idem=f"dsp:{payment.id}:{step}",
                kind=f"dispute_{step}",
                merchant_id=self.merchant.id,
                currency="KES",
                mode="test",
            )

    def open(self, payment: Payment) -> UUID:
        has = {"available": balance("available"), "pending": balance("pending")}
        taken = split_hold(payment.amount, has, may_owe=True)
        assert taken is not None
        return self.posted(dispute_open_legs(taken), "open", payment)

    def assert_money(self, **kinds: int) -> None:
        wanted = {"pending": 0, "available": 0, "owed": 0, "dispute_hold": 0} | kinds
        self.assertEqual({kind: balance(kind) for kind in wanted}, wanted)
        self.assert_clean()

    def spend(self) -> None:
        """All of it was paid out."""
        gone = balance("pending")
        legs = [Leg(kind="pending", side="D", amount=gone), Leg(kind="capital", side="C", amount=gone)]
        with transaction.atomic():
            post_transfer(
                legs,
                idem=f"tests:{self.id()}",
                kind="test",
                merchant_id=self.merchant.id,
                currency="KES",
                mode="test",
            )

    def test_F21_after_the_money_was_paid_out(self) -> None:
        payment = self.paid()
        self.spend()
        self.open(payment)
        self.assert_money(owed=100_00, dispute_hold=100_00)
        self.posted(dispute_lost_legs(payment_id=payment.id, amount=Money(100_00), float_name=FLOAT), "lost", payment)
        self.assert_money(owed=100_00)

    def test_F21_the_debt_is_repaid_first(self) -> None:
        payment = self.paid()
        self.spend()
        self.open(payment)
        self.paid(amount=150)
        self.posted(release_legs({"pending": 150_00}, debt=balance("owed"), reserve_bps=0), "release", payment)
        self.assert_money(available=50_00, dispute_hold=100_00)

    def test_F21_after_a_refund(self) -> None:
        payment = self.paid()
        refund = self.sent(payment)
        self.bring_results(refund)
        self.open(payment)
        self.assert_money(owed=100_00, dispute_hold=100_00)

    def test_F21_twice_holds_once(self) -> None:
        """The same fact is the same transfer, and with other entries it is refused."""
        payment = self.paid()
        has = {"pending": balance("pending")}
        first = self.open(payment)
        again = split_hold(payment.amount, has, may_owe=True)
        assert again is not None
        self.assertEqual(self.posted(dispute_open_legs(again), "open", payment), first)
        with self.assertRaises(IntegrityError):
            self.open(payment)
        self.assertEqual(LedgerTransfer.objects.filter(kind="dispute_open").count(), 1)
        self.assert_money(dispute_hold=100_00)

    def test_F21_won_then_lost(self) -> None:
        """What was won cannot be lost from the same hold: it is empty, and the floor refuses."""
        payment = self.paid()
        self.open(payment)
        self.posted(dispute_won_legs(amount=Money(100_00), debt=0), "won", payment)
        self.assert_money(available=100_00)
        lost = dispute_lost_legs(payment_id=payment.id, amount=Money(100_00), float_name=FLOAT)
        with self.assertRaises(IntegrityError):
            self.posted(lost, "lost", payment)
        self.assert_money(available=100_00)
