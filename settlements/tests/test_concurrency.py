"""Many writers at one merchant's accounts: no deadlock, no lost line, sums to the cent."""

from django.test import TransactionTestCase

from merchants.tests.factories import make_merchant
from merchants.tests.threads import at_once
from onpoint_pay.kit.ids import new_id
from payments.services.proof import prove
from settlements.chart import Leg
from settlements.models import LedgerAccount, LedgerEntry, LedgerTransfer
from settlements.tests.base import balance, pay, post

WRITERS, TURNS = 16, 10


class Crowd(TransactionTestCase):
    def assert_clean(self) -> None:
        self.assertEqual([finding.invariant.name for finding in prove() if finding.rows], [])

    def test_sixteen_writers_on_one_merchant(self) -> None:
        merchant = make_merchant()
        # What a capture needs besides its lines belongs to payments; here other facts are booked.
        at_once(WRITERS, lambda number: [pay(merchant, 100 + number, fee=number) for _ in range(TURNS)])
        total = sum((100 + number) * TURNS for number in range(WRITERS))
        fees = sum(number * TURNS for number in range(WRITERS))
        self.assertEqual(balance("provider_float"), total)
        self.assertEqual(balance("fee_income"), fees)
        self.assertEqual(balance("pending", merchant), total - fees)
        account = LedgerAccount.objects.get(kind="pending")
        versions = LedgerEntry.objects.filter(account=account).order_by("account_version")
        self.assertEqual(list(versions.values_list("account_version", flat=True)), list(range(1, WRITERS * TURNS + 1)))
        self.assert_clean()

    def test_lines_in_opposite_orders_do_not_deadlock(self) -> None:
        merchant = make_merchant()
        kinds = ("bank", "capital", "provider_cost", "provider_receivable")

        def work(number: int) -> None:
            for turn in range(TURNS):
                first, second = kinds[(number + turn) % 4], kinds[(number + turn * 3 + 1) % 4]
                if first == second:
                    second = "loss"
                post(merchant, [Leg(kind=first, side="D", amount=1), Leg(kind=second, side="C", amount=1)])

        at_once(WRITERS, work)
        self.assertEqual(LedgerTransfer.objects.count(), WRITERS * TURNS)
        self.assert_clean()

    def test_one_fact_from_everybody_is_booked_once(self) -> None:
        merchant, payment = make_merchant(), new_id()
        keys = at_once(WRITERS, lambda _: pay(merchant, 100, idem="once", payment_id=payment))
        self.assertEqual(len(set(keys)), 1)
        self.assertEqual(balance("pending", merchant), 100)

    def test_one_new_account_from_everybody_is_opened_once(self) -> None:
        merchant, payment = make_merchant(), new_id()
        at_once(WRITERS, lambda _: pay(merchant, 1, payment_id=payment))
        self.assertEqual(LedgerAccount.objects.count(), 2)
        self.assertEqual(balance("pending", merchant), WRITERS)
