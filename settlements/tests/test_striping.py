"""Pending money in sixteen rows: spread by payment, taken as one, switched on in the middle, exact under real threads."""

from collections import Counter
from io import StringIO
from uuid import UUID

from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import TransactionTestCase

from audit.models import AuditEvent
from merchants.tests.factories import make_merchant
from merchants.tests.threads import at_once
from onpoint_pay.kit.ids import new_id, to_public
from onpoint_pay.kit.money import Money
from payments.services.proof import prove
from payments.tests.factories import make_payment
from settlements.chart import release_legs, split_hold, stripe_of
from settlements.errors import BalanceTooLow
from settlements.models import LedgerAccount, LedgerTransfer
from settlements.selectors import balances_of, rows_of
from settlements.services.refunds import RefundMoney, book_refund, hold_refund, hold_refund_again, release_refund
from settlements.services.striping import rows_to_take_from, start_striping, stop_striping
from settlements.services.suspense import Captured, SuspenseMoney, return_to_suspense
from settlements.tests.base import balance, pay, post
from settlements.tests.test_roles import as_application

FLOAT = "daraja:174379"


class StripingTestCase(TransactionTestCase):
    def setUp(self) -> None:
        self.merchant = make_merchant()

    def start(self) -> None:
        self.assertTrue(start_striping(self.merchant.id, mode="test", actor="tests"))

    def rows(self) -> dict[str, int]:
        found = rows_of(self.merchant.id, currency="KES", mode="test")
        return {name: minor for name, minor in found.items() if minor}

    def spread(self, minor: int) -> None:
        """The same amount on each of the sixteen rows."""
        left = {f"{number:02d}" for number in range(16)}
        while left:
            payment = new_id()
            if stripe_of(payment) in left:
                pay(self.merchant, minor, payment_id=payment)
                left.remove(stripe_of(payment))

    def refund(self, minor: int) -> RefundMoney:
        return RefundMoney(
            refund_id=new_id(),
            payment_id=new_id(),
            merchant_id=self.merchant.id,
            mode="test",
            amount=Money(minor),
            is_surplus=False,
            float_name=FLOAT,
        )

    def assert_clean(self) -> None:
        self.assertEqual([finding.invariant.name for finding in prove() if finding.rows], [])


class Spreading(StripingTestCase):
    def test_off_by_default(self) -> None:
        pay(self.merchant, 100)
        self.assertEqual(self.rows(), {"pending": 100})

    def test_each_payment_to_the_row_its_id_names(self) -> None:
        self.start()
        expected: Counter[str] = Counter()
        for minor in range(1, 40):
            payment = new_id()
            pay(self.merchant, minor, payment_id=payment)
            expected[f"pending:{stripe_of(payment)}"] += minor
        self.assertEqual(self.rows(), dict(expected))
        self.assertEqual(balances_of(self.merchant.id, currency="KES", mode="test"), {"pending": sum(range(40))})

    def test_only_this_merchant_in_this_mode(self) -> None:
        self.start()
        other = make_merchant()
        pay(other, 100)
        pay(self.merchant, 100, mode="live")
        subs = set(LedgerAccount.objects.filter(kind="pending").values_list("merchant", "mode", "sub"))
        self.assertEqual(subs, {(other.id, "test", ""), (self.merchant.id, "live", "")})

    def test_a_payment_through_the_whole_gateway(self) -> None:
        self.start()
        paid = make_payment(self.merchant, status="completed")
        self.assertEqual(self.rows(), {f"pending:{stripe_of(paid.id)}": paid.amount - paid.fee - paid.tax})
        self.assert_clean()

    def test_switched_on_with_a_balance(self) -> None:
        before, waiting = new_id(), new_id()
        pay(self.merchant, 100, payment_id=before)
        self.start()
        pay(self.merchant, 30, payment_id=waiting)
        after = new_id()
        pay(self.merchant, 7, payment_id=after)
        self.assertEqual(self.rows(), {"pending": 130, f"pending:{stripe_of(after)}": 7})
        with transaction.atomic():
            self.assertEqual(hold_refund(self.refund(120)), {"pending": 120})
        with transaction.atomic():
            self.assertEqual(hold_refund(self.refund(12)), {"pending": 10, f"pending:{stripe_of(after)}": 2})

    def test_the_same_capture_again_after_a_switch_is_the_same(self) -> None:
        early = new_id()
        first = pay(self.merchant, 100, payment_id=early, idem="early")
        self.start()
        late = new_id()
        second = pay(self.merchant, 100, payment_id=late, idem="late")
        self.assertEqual(pay(self.merchant, 100, payment_id=early, idem="early"), first)
        self.assertTrue(stop_striping(self.merchant.id, mode="test", actor="tests"))
        self.assertEqual(pay(self.merchant, 100, payment_id=late, idem="late"), second)
        self.assertEqual(LedgerTransfer.objects.count(), 2)

    def test_switched_off(self) -> None:
        self.start()
        pay(self.merchant, 5, payment_id=UUID(str(new_id())))
        stop_striping(self.merchant.id, mode="test", actor="tests")
        pay(self.merchant, 100)
        self.assertEqual(self.rows()["pending"], 100)

    def test_switching_twice_is_once(self) -> None:
        self.start()
        self.assertFalse(start_striping(self.merchant.id, mode="test", actor="tests"))
        self.assertTrue(stop_striping(self.merchant.id, mode="test", actor="tests"))
        self.assertFalse(stop_striping(self.merchant.id, mode="test", actor="tests"))
        actions = AuditEvent.objects.filter(action__startswith="ledger.").order_by("seq")
        self.assertEqual(
            list(actions.values_list("action", flat=True)), ["ledger.striping_started", "ledger.striping_stopped"]
        )

    def test_the_command(self) -> None:
        said = StringIO()
        name = to_public("mer", self.merchant.id)
        for options in ((), (), ("--off",), ("--off",)):
            call_command("stripe_pending", name, "--mode", "test", *options, stdout=said)
        words = [line.partition(": ")[2] for line in said.getvalue().splitlines()]
        self.assertEqual(words, ["sixteen rows.", "sixteen rows already.", "one row.", "one row already."])
        for unknown in ("mer_1", to_public("mer", new_id())):
            with self.subTest(unknown=unknown), self.assertRaises(CommandError):
                call_command("stripe_pending", unknown)


class Taking(StripingTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.start()
        self.spread(10)

    def test_a_refund_larger_than_any_row(self) -> None:
        refund = self.refund(35)
        with transaction.atomic():
            held = hold_refund(refund)
        self.assertEqual(held, {"pending:00": 10, "pending:01": 10, "pending:02": 10, "pending:03": 5})
        self.assertEqual((balance("pending", self.merchant), balance("refund_hold", self.merchant)), (125, 35))
        with transaction.atomic():
            release_refund(refund, held_from=held)
        self.assertEqual(set(self.rows().values()), {10})

    def test_booked(self) -> None:
        refund = self.refund(160)
        with transaction.atomic():
            hold_refund(refund)
            book_refund(refund, occurred_at=None)
        self.assertEqual((self.rows(), balance("provider_float")), ({}, 0))

    def test_a_cent_more_than_all_rows(self) -> None:
        with self.assertRaises(BalanceTooLow), transaction.atomic():
            hold_refund(self.refund(161))
        self.assertEqual(balance("pending", self.merchant), 160)

    def test_what_all_rows_lack_is_owed(self) -> None:
        with transaction.atomic():
            held = hold_refund_again(self.refund(170))
        self.assertEqual((held["owed"], sum(held.values()), len(held)), (10, 170, 17))

    def test_a_release_of_all_rows(self) -> None:
        with transaction.atomic():
            rows = rows_to_take_from(self.merchant.id, currency="KES", mode="test")
            taken = split_hold(155, rows, order=("pending",))
            assert taken is not None
            post(self.merchant, release_legs(taken, debt=0, reserve_bps=1_000))
        self.assertEqual(self.rows(), {"pending:15": 5, "reserve": 16, "available": 139})

    def test_a_capture_taken_back(self) -> None:
        payment = new_id()
        transfer = pay(self.merchant, 25, payment_id=payment)
        money = SuspenseMoney(
            receipt_id=new_id(), merchant_id=self.merchant.id, mode="test", amount=Money(25), float_name=FLOAT
        )
        captured = Captured(payment_id=payment, transfer_id=transfer, fee=Money(0), tax=Money(0))
        with transaction.atomic():
            return_to_suspense(money, captured, actor="tests")
        self.assertEqual((balance("pending", self.merchant), balance("suspense")), (160, 25))

    def test_by_the_applications_own_role(self) -> None:
        """It may not lock what it may not change: a function of the owner's does."""
        with as_application(), transaction.atomic():
            self.assertEqual(sum(hold_refund(self.refund(35)).values()), 35)


class Crowd(StripingTestCase):
    def test_captures_and_refunds_at_once(self) -> None:
        """No deadlock, nothing lost, and none refused while money is there."""
        self.start()
        self.spread(10)

        def work(number: int) -> int:
            if number % 2:
                return sum(bool(pay(self.merchant, 3)) for _ in range(5))
            with transaction.atomic():
                return sum(hold_refund(self.refund(20)).values())

        done = at_once(16, work)
        self.assertEqual(sorted(done), [5] * 8 + [20] * 8)
        self.assertEqual(balance("pending", self.merchant), 160 + 8 * 5 * 3 - 8 * 20)
        self.assertEqual(balance("refund_hold", self.merchant), 160)

    def test_every_cent_is_given_and_none_twice(self) -> None:
        self.start()
        self.spread(10)

        def hold(_: int) -> str:
            try:
                with transaction.atomic():
                    hold_refund(self.refund(13))
            except BalanceTooLow:
                return "too low"
            return "held"

        self.assertEqual(Counter(at_once(16, hold)), {"held": 12, "too low": 4})
        self.assertEqual(balance("pending", self.merchant), 160 - 12 * 13)

    def test_holds_and_their_undoing_cross(self) -> None:
        self.start()
        self.spread(10)

        def work(_: int) -> None:
            for _turn in range(3):
                refund = self.refund(10)
                with transaction.atomic():
                    held = hold_refund(refund)
                with transaction.atomic():
                    release_refund(refund, held_from=held)

        at_once(16, work)
        self.assertEqual((balance("pending", self.merchant), balance("refund_hold", self.merchant)), (160, 0))
        self.assertTrue(all(minor >= 0 for minor in self.rows().values()))
        self.assert_clean_books()

    def test_switched_on_while_everybody_pays(self) -> None:
        def work(number: int) -> None:
            for turn in range(6):
                if number == 0 and turn == 3:
                    self.start()
                pay(self.merchant, 1)

        at_once(16, work)
        self.assertEqual(balance("pending", self.merchant), 96)
        self.assert_clean_books()

    def assert_clean_books(self) -> None:
        """Of the ledger alone: these facts have no payments and refunds behind them."""
        found = {finding.invariant.name for finding in prove() if finding.rows}
        self.assertEqual(found & {"I01", "I02", "I03", "I04", "I05", "I13", "I18", "I19", "I22"}, set())
