"""What the database refuses whoever asks: closed transfers, hand-made balances, foreign accounts, changed lines."""

from django.test import TransactionTestCase

from merchants.models import Merchant
from merchants.tests.factories import make_merchant
from settlements.models import LedgerAccount, LedgerTransfer
from settlements.tests.base import pay, refused_by

ENTRY = """INSERT INTO ledger_entry (transfer_id, account_id, currency, mode, side, amount, account_version, debits_after,
credits_after) VALUES (%s, %s, %s, %s, 'C', 5, 0, 0, 0)"""
POST = (
    """SELECT ledger_post('by hand', 'x', %s, 'KES', %s, ARRAY[(%s, 'D', 5)::ledger_leg, (%s, 'C', 5)::ledger_leg])"""
)


class Guards(TransactionTestCase):
    def setUp(self) -> None:
        self.merchant = make_merchant()
        self.transfer = pay(self.merchant, 100)

    def account(self, kind: str, merchant: Merchant | None = None, *, mode: str = "test") -> int:
        return LedgerAccount.objects.get(kind=kind, merchant=merchant, mode=mode).id

    def test_no_line_joins_a_transfer_later(self) -> None:
        pending = self.account("pending", self.merchant)
        self.assertEqual(refused_by(ENTRY, self.transfer, pending, "KES", "test"), "ledger_transfer_closed")

    def test_no_line_without_a_transfer(self) -> None:
        pending = self.account("pending", self.merchant)
        self.assertEqual(refused_by(ENTRY, self.merchant.id, pending, "KES", "test"), "ledger_transfer_closed")

    def test_balances_move_by_entries_alone(self) -> None:
        for change in (
            "debits = debits + 1",
            "credits = credits + 1",
            "version = version + 1",
            "debits = 0, credits = 0",
        ):
            with self.subTest(change=change):
                self.assertEqual(refused_by(f"UPDATE ledger_account SET {change}"), "ledger_account_balance")

    def test_what_an_account_is_stays(self) -> None:
        other = make_merchant()
        changes = (
            "kind = 'reserve'",
            "sub = 'x'",
            "currency = 'USD'",
            "mode = 'live'",
            "normal = 'D'",
            "floored = false",
        )
        for change in (*changes, f"merchant_id = '{other.id}'"):
            with self.subTest(change=change):
                statement = f"UPDATE ledger_account SET {change} WHERE kind = 'pending'"
                self.assertEqual(refused_by(statement), "ledger_account_identity")

    def test_accounts_open_empty(self) -> None:
        statement = """INSERT INTO ledger_account (merchant_id, kind, sub, currency, mode, normal, floored, debits, credits, version)
        VALUES (NULL, 'bank', 'x', 'KES', 'test', 'D', false, %s, %s, %s)"""
        for sums in ((5, 0, 0), (0, 5, 0), (0, 0, 1)):
            with self.subTest(sums=sums):
                self.assertEqual(refused_by(statement, *sums), "ledger_account_empty")

    def test_only_accounts_of_the_chart_and_of_their_owner(self) -> None:
        statement = "SELECT ledger_open_account(%s, %s, '', 'KES', 'test')"
        for owner, kind in ((None, "pocket"), (None, "pending"), (self.merchant.id, "bank")):
            with self.subTest(kind=kind):
                self.assertEqual(refused_by(statement, owner, kind), "ledger_account_kind")

    def test_no_line_on_another_merchants_account(self) -> None:
        other = make_merchant()
        pay(other, 100)
        mine, theirs = self.account("pending", self.merchant), self.account("pending", other)
        self.assertEqual(refused_by(POST, self.merchant.id, "test", theirs, mine), "ledger_post_merchant")
        self.assertEqual(refused_by(POST, None, "test", mine, theirs), "ledger_post_merchant")
        self.assertEqual(LedgerTransfer.objects.count(), 2)

    def test_no_mix_of_modes_or_currencies(self) -> None:
        pay(self.merchant, 100, mode="live")
        test, live = self.account("pending", self.merchant), self.account("pending", self.merchant, mode="live")
        self.assertEqual(refused_by(POST, self.merchant.id, "test", test, live), "ledger_entry_account_book")
        self.assertEqual(refused_by(POST, self.merchant.id, "live", test, live), "ledger_entry_account_book")
        other_currency = POST.replace("KES", "USD")
        self.assertEqual(refused_by(other_currency, self.merchant.id, "test", test, test), "ledger_entry_account_book")

    def test_no_account_that_is_none(self) -> None:
        self.assertTrue(refused_by(POST, self.merchant.id, "test", 0, 0))
        self.assertEqual(LedgerTransfer.objects.count(), 1)

    def test_lines_and_transfers_stay_as_they_are(self) -> None:
        for table, column in (("ledger_entry", "amount"), ("ledger_transfer", "kind")):
            for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
                with self.subTest(statement=statement):
                    self.assertEqual(refused_by(statement), f"{table} is append-only")
