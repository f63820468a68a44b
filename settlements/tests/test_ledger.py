"""Posting: the lines of each fact, once and once only, balanced, within one merchant, currency and mode."""

from datetime import UTC, datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.test import SimpleTestCase, TestCase, TransactionTestCase

from merchants.tests.factories import make_merchant
from onpoint_pay.kit.ids import new_id
from onpoint_pay.kit.money import Money
from settlements.chart import KINDS, Leg, capture_legs, stripe_of
from settlements.errors import LedgerRefused
from settlements.models import LedgerAccount, LedgerEntry, LedgerKind, LedgerTransfer
from settlements.selectors import entries_of
from settlements.services.ledger import post_transfer
from settlements.tests.base import balance, execute, pay, post

PAYMENT = UUID(int=21)


def legs_of(gross: int, fee: int = 0, tax: int = 0, *, surplus: bool = False) -> list[tuple[str, str, str, int]]:
    legs = capture_legs(
        payment_id=PAYMENT,
        gross=Money(gross),
        fee=Money(fee),
        tax=Money(tax),
        float_name="daraja:174379",
        surplus=surplus,
    )
    return [(leg.kind, leg.sub, leg.side, leg.amount) for leg in legs]


class CaptureLegs(SimpleTestCase):
    FLOAT = "daraja:174379:05"

    def test_with_fee_and_tax(self) -> None:
        self.assertEqual(
            legs_of(100_00, 1_50, 24),
            [
                ("provider_float", self.FLOAT, "D", 100_00),
                ("pending", "", "C", 98_26),
                ("fee_income", "05", "C", 1_50),
                ("tax_payable", "", "C", 24),
            ],
        )

    def test_without_fee_there_is_no_empty_line(self) -> None:
        self.assertEqual(legs_of(1), [("provider_float", self.FLOAT, "D", 1), ("pending", "", "C", 1)])

    def test_a_fee_as_large_as_the_amount(self) -> None:
        self.assertEqual(legs_of(100, 100), [("provider_float", self.FLOAT, "D", 100), ("fee_income", "05", "C", 100)])

    def test_a_surplus_payment_is_owed_whole(self) -> None:
        self.assertEqual(
            legs_of(100_00, 1_50, surplus=True),
            [("provider_float", self.FLOAT, "D", 100_00), ("overpaid", "", "C", 100_00)],
        )

    def test_they_balance(self) -> None:
        for gross in (1, 99, 100, 250_000_00):
            for fee in (0, 1, gross):
                legs = legs_of(gross, fee)
                self.assertEqual(sum(amount if side == "D" else -amount for *_, side, amount in legs), 0)

    def test_sixteen_stripes(self) -> None:
        self.assertEqual(
            {stripe_of(UUID(int=number)) for number in range(100)}, {f"{number:02d}" for number in range(16)}
        )


class Posting(TestCase):
    def setUp(self) -> None:
        self.merchant = make_merchant()

    def test_a_capture(self) -> None:
        transfer = pay(self.merchant, 100_00, fee=1_50, tax=24, payment_id=PAYMENT)
        self.assertEqual(
            entries_of(transfer),
            [
                {"account": kind, "sub": sub, "side": side, "amount": amount, "currency": "KES"}
                for kind, sub, side, amount in (
                    ("provider_float", "daraja:174379:05", "debit", 100_00),
                    ("pending", "", "credit", 98_26),
                    ("fee_income", "05", "credit", 1_50),
                    ("tax_payable", "", "credit", 24),
                )
            ],
        )
        balances = {kind: balance(kind) for kind in ("provider_float", "fee_income", "tax_payable")}
        self.assertEqual(balances, {"provider_float": 100_00, "fee_income": 1_50, "tax_payable": 24})
        self.assertEqual(balance("pending", self.merchant), 98_26)

    def test_running_sums_and_versions(self) -> None:
        for amount in (100, 200, 300):
            pay(self.merchant, amount, payment_id=PAYMENT)
        account = LedgerAccount.objects.get(kind="pending")
        rows = LedgerEntry.objects.filter(account=account).order_by("account_version")
        self.assertEqual(
            list(rows.values_list("account_version", "debits_after", "credits_after")),
            [(1, 0, 100), (2, 0, 300), (3, 0, 600)],
        )
        self.assertEqual((account.debits, account.credits, account.version), (0, 600, 3))

    def test_the_facts_of_a_transfer(self) -> None:
        moment = datetime(2026, 1, 21, 6, 30, tzinfo=UTC)
        with transaction.atomic():
            key = post_transfer(
                [Leg(kind="provider_float", side="D", amount=5), Leg(kind="suspense", side="C", amount=5)],
                idem="c2b:1",
                kind="suspense",
                merchant_id=self.merchant.id,
                currency="KES",
                mode="live",
                occurred_at=moment,
                reason="owner unknown",
                actor="usr_1",
            )
        row = LedgerTransfer.objects.get(id=key)
        self.assertEqual(
            (row.idem, row.kind, row.mode, row.currency, row.merchant_id),
            ("c2b:1", "suspense", "live", "KES", self.merchant.id),
        )
        self.assertEqual((row.occurred_at, row.reason, row.actor), (moment, "owner unknown", "usr_1"))
        self.assertGreater(row.posted_at, moment)
        self.assertEqual(key.version, 7)

    def test_the_same_fact_again_is_the_same_transfer(self) -> None:
        first = pay(self.merchant, 100, idem="pay:1:capture", payment_id=PAYMENT)
        self.assertEqual(pay(self.merchant, 100, idem="pay:1:capture", payment_id=PAYMENT), first)
        self.assertEqual((LedgerTransfer.objects.count(), LedgerEntry.objects.count()), (1, 2))
        self.assertEqual(balance("pending", self.merchant), 100)

    def test_the_same_fact_with_other_lines_is_refused(self) -> None:
        pay(self.merchant, 100, fee=1, idem="pay:1:capture", payment_id=PAYMENT)
        others = ({"gross": 101, "fee": 1}, {"gross": 100}, {"gross": 100, "fee": 1, "surplus": True})
        for other in others:
            with self.subTest(other=other), self.assertRaisesMessage(IntegrityError, "exists with other legs"):
                pay(self.merchant, idem="pay:1:capture", payment_id=PAYMENT, **other)
        self.assertEqual(balance("pending", self.merchant), 99)

    def test_python_refuses_what_does_not_balance(self) -> None:
        cases = [
            [],
            [Leg(kind="pending", side="C", amount=0)],
            [Leg(kind="provider_float", side="D", amount=5), Leg(kind="pending", side="C", amount=4)],
            [Leg(kind="provider_float", side="D", amount=5), Leg(kind="pending", side="D", amount=5)],
        ]
        for legs in cases:
            with self.subTest(legs=legs), self.assertRaises(LedgerRefused):
                post(self.merchant, legs)
        self.assertFalse(LedgerTransfer.objects.exists())

    def test_no_line_without_money(self) -> None:
        for amount, constraint in ((0, "ledger_entry_amount"), (-5, "ledger_account_sums")):
            legs = [Leg(kind="bank", side="D", amount=amount), Leg(kind="bank", side="C", amount=amount)]
            with self.subTest(amount=amount), self.assertRaisesMessage(IntegrityError, constraint):
                post(self.merchant, legs)

    def test_no_merchants_account_below_zero(self) -> None:
        pay(self.merchant, 100)
        out = [Leg(kind="pending", side="D", amount=101), Leg(kind="bank", side="C", amount=101)]
        with self.assertRaisesMessage(IntegrityError, "ledger_account_floor"):
            post(self.merchant, out)
        self.assertEqual((balance("pending", self.merchant), balance("bank")), (100, 0))
        post(self.merchant, [Leg(kind="pending", side="D", amount=100), Leg(kind="available", side="C", amount=100)])
        self.assertEqual((balance("pending", self.merchant), balance("available", self.merchant)), (0, 100))

    def test_accounts_of_the_platform_may_be_overdrawn(self) -> None:
        post(
            self.merchant,
            [Leg(kind="provider_cost", side="D", amount=7), Leg(kind="provider_float", side="C", amount=7)],
        )
        self.assertEqual(balance("provider_float"), -7)

    def test_an_account_is_opened_once(self) -> None:
        for _ in range(3):
            pay(self.merchant, 100, payment_id=PAYMENT)
        self.assertEqual(LedgerAccount.objects.count(), 2)

    def test_modes_currencies_and_merchants_have_books_of_their_own(self) -> None:
        other = make_merchant()
        pay(self.merchant, 100, payment_id=PAYMENT)
        pay(self.merchant, 100, payment_id=PAYMENT, mode="live")
        pay(self.merchant, 100, payment_id=PAYMENT, currency="USD")
        pay(other, 100, payment_id=PAYMENT)
        pending = LedgerAccount.objects.filter(kind="pending").values_list("merchant_id", "mode", "currency", "credits")
        self.assertCountEqual(
            pending,
            [
                (self.merchant.id, "test", "KES", 100),
                (self.merchant.id, "live", "KES", 100),
                (self.merchant.id, "test", "USD", 100),
                (other.id, "test", "KES", 100),
            ],
        )

    def test_the_chart_in_the_database_is_the_chart(self) -> None:
        rows = LedgerKind.objects.values_list("kind", "owner", "normal", "floored")
        self.assertCountEqual(rows, [(name, kind.owner, kind.normal, kind.floored) for name, kind in KINDS.items()])


class Transactions(TransactionTestCase):
    def test_a_transfer_needs_the_transaction_of_its_change(self) -> None:
        with self.assertRaisesMessage(RuntimeError, "in the transaction of the change"):
            post_transfer([], idem="x", kind="x", merchant_id=new_id(), currency="KES", mode="test")

    def test_a_change_that_is_undone_books_nothing(self) -> None:
        merchant = make_merchant()
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            pay(merchant, 100)
            raise ZeroDivisionError
        self.assertFalse(LedgerTransfer.objects.exists() or LedgerAccount.objects.exclude(version=0).exists())

    def test_what_does_not_balance_at_commit_is_undone(self) -> None:
        merchant = make_merchant()
        pay(merchant, 100)
        account = LedgerAccount.objects.get(kind="pending")
        for lines in ([], [("C", 5)], [("C", 5), ("D", 4)]):
            with (
                self.subTest(lines=lines),
                self.assertRaisesMessage(IntegrityError, "has debits"),
                transaction.atomic(),
            ):
                ((transfer,),) = execute(
                    "INSERT INTO ledger_transfer (idem, kind, merchant_id, currency, mode, reason, actor)"
                    " VALUES (%s, 'x', %s, 'KES', 'test', '', '') RETURNING id",
                    f"by hand {lines}",
                    merchant.id,
                )
                for side, amount in lines:
                    execute(
                        "INSERT INTO ledger_entry (transfer_id, account_id, currency, mode, side, amount, account_version,"
                        " debits_after, credits_after) VALUES (%s, %s, 'KES', 'test', %s, %s, 0, 0, 0)",
                        transfer,
                        account.id,
                        side,
                        amount,
                    )
        self.assertEqual((LedgerTransfer.objects.count(), balance("pending", merchant)), (1, 100))
