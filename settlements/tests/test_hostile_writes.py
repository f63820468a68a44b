"""Somebody in the application's place tries to forge the books: every way is refused, and nothing has moved."""

from datetime import timedelta
from uuid import UUID

from django.db import DatabaseError, transaction

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id
from settlements.tests.base import execute
from settlements.tests.hostile import DENIED, PICTURE, POST, TABLES, Hostile, leg
from settlements.tests.test_roles import as_application


class Rows(Hostile):
    """The tables themselves."""

    def test_update(self) -> None:
        for table in TABLES:
            ((column,),) = execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum = 2", table
            )
            with self.subTest(table=table):
                self.assert_refused(f"UPDATE {table} SET {column} = {column}", by=self.words(table))

    def test_delete(self) -> None:
        for table in TABLES:
            with self.subTest(table=table):
                self.assert_refused(f"DELETE FROM {table}", by=self.words(table))

    def test_truncate(self) -> None:
        for table in TABLES:
            with self.subTest(table=table):
                self.assert_refused(f"TRUNCATE {table} CASCADE", by=DENIED)

    def words(self, table: str) -> str:
        """The application adds to the audit trail itself, so that its table is guarded by a trigger."""
        return "append-only" if table == "audit_event" else DENIED

    def test_insert_an_account(self) -> None:
        self.assert_refused(
            "INSERT INTO ledger_account (kind, sub, currency, mode, normal, floored, debits, credits, version)"
            " VALUES ('bank', 'mine', 'KES', 'test', 'D', false, 0, 0, 0)",
            by=DENIED,
        )

    def test_insert_a_transfer(self) -> None:
        self.assert_refused(
            "INSERT INTO ledger_transfer (idem, kind, currency, mode, reason, actor) VALUES ('x', 'x', 'KES', 'test', '', '')",
            by=DENIED,
        )

    def test_insert_an_entry_into_an_old_transfer(self) -> None:
        self.assert_refused(
            "INSERT INTO ledger_entry (transfer_id, account_id, currency, mode, side, amount, account_version,"
            " debits_after, credits_after) VALUES (%s, %s, 'KES', 'test', 'C', 100, 0, 0, 0)",
            values=(self.payment.capture_transfer_id, self.pending),
            by=DENIED,
        )

    def test_insert_a_kind_of_account(self) -> None:
        self.assert_refused("INSERT INTO ledger_kind VALUES ('mine', 'merchant', 'C', false)", by=DENIED)

    def test_take_the_floor_from_a_kind(self) -> None:
        self.assert_refused("UPDATE ledger_kind SET floored = false", by=DENIED)

    def test_insert_a_step_into_history(self) -> None:
        self.assert_refused(
            "INSERT INTO state_history (entity, entity_id, from_state, to_state) VALUES ('payment', %s, 'x', 'y')",
            values=(self.payment.id,),
            by=DENIED,
        )

    def test_allow_a_step_that_is_none(self) -> None:
        self.assert_refused("INSERT INTO state_rule VALUES ('payment', 'completed', 'pending', false)", by=DENIED)

    def test_write_another_head_of_the_audit_chain(self) -> None:
        self.assert_refused("UPDATE audit_head SET seq = 0, hash = '\\x00'", by=DENIED)

    def test_change_a_balance(self) -> None:
        self.assert_refused("UPDATE ledger_account SET credits = credits + 100 WHERE kind = 'pending'", by=DENIED)

    def test_change_what_an_account_is(self) -> None:
        for change in ("kind = 'available'", "sub = 'x'", "mode = 'live'", "floored = false", "normal = 'D'"):
            with self.subTest(change=change):
                self.assert_refused(f"UPDATE ledger_account SET {change} WHERE kind = 'pending'", by=DENIED)

    def test_give_an_account_to_another_merchant(self) -> None:
        self.assert_refused("UPDATE ledger_account SET merchant_id = %s", values=(self.other.id,), by=DENIED)

    def test_date_a_transfer_back(self) -> None:
        self.assert_refused("UPDATE ledger_transfer SET posted_at = %s", values=(now() - timedelta(days=9),), by=DENIED)

    def test_lock_the_books_for_everybody(self) -> None:
        self.assert_refused("LOCK TABLE ledger_account IN ACCESS EXCLUSIVE MODE", by=DENIED)

    def test_write_by_merging(self) -> None:
        self.assert_refused(
            "MERGE INTO ledger_account a USING (SELECT 1) one ON a.kind = 'pending'"
            " WHEN MATCHED THEN UPDATE SET credits = credits + 100",
            by=DENIED,
        )

    def test_write_by_copying(self) -> None:
        with as_application(), self.assertRaisesMessage(DatabaseError, DENIED), transaction.atomic():
            execute("CREATE TEMP TABLE stash AS SELECT * FROM ledger_account")
            execute("INSERT INTO ledger_account SELECT * FROM stash")
        self.assertEqual(execute(PICTURE), self.before)

    def test_write_through_a_view(self) -> None:
        self.assert_refused(
            "CREATE TEMP VIEW pane AS SELECT * FROM ledger_account",
            "UPDATE pane SET credits = credits + 100",
            by=DENIED,
        )


class Doors(Hostile):
    """The two functions that may write."""

    def test_debits_without_credits(self) -> None:
        self.assert_post_refused(leg(self.cash, "D", 100), leg(self.pending, "C", 101), by="ledger_transfer_balanced")

    def test_one_leg(self) -> None:
        self.assert_post_refused(leg(self.pending, "C", 100), by="ledger_transfer_balanced")

    def test_no_leg(self) -> None:
        self.assert_post_refused(by="ledger_transfer_balanced")

    def test_an_unbalanced_one_that_is_deferred_to_the_commit(self) -> None:
        values = ("forged:1", self.merchant.id, "KES", "test", "{" + leg(self.pending, "C", 100) + "}")
        self.assert_refused("SET CONSTRAINTS ALL DEFERRED", POST, values=values, by="ledger_transfer_balanced")

    def test_amounts_of_zero_and_less(self) -> None:
        for amount in (0, -100):
            with self.subTest(amount=amount):
                legs = (leg(self.cash, "D", amount), leg(self.pending, "C", amount))
                self.assert_post_refused(*legs, by="ledger_entry_amount")

    def test_a_negative_leg_that_balances_two_others(self) -> None:
        legs = (leg(self.cash, "D", 100), leg(self.pending, "C", 200), leg(self.pending, "C", -100))
        self.assert_post_refused(*legs, by="ledger_entry_amount")

    def test_an_amount_beyond_64_bits(self) -> None:
        legs = (leg(self.cash, "D", 2**63), leg(self.pending, "C", 2**63))
        self.assert_post_refused(*legs, by="out of range")

    def test_sums_beyond_64_bits(self) -> None:
        legs = (leg(self.cash, "D", 2**63 - 1), leg(self.pending, "C", 2**63 - 1))
        self.assert_post_refused(*legs, by="out of range")

    def test_a_side_that_is_none(self) -> None:
        self.assert_post_refused(leg(self.cash, "X", 100), leg(self.pending, "X", 100), by="ledger_entry_side")

    def test_below_the_floor(self) -> None:
        self.assert_post_refused(
            leg(self.pending, "D", 9_999_00), leg(self.cash, "C", 9_999_00), by="ledger_account_floor"
        )

    def test_a_leg_of_another_merchant(self) -> None:
        theirs = self.account("pending", self.other)
        self.assert_post_refused(leg(theirs, "D", 100), leg(self.pending, "C", 100), by="ledger_post_merchant")

    def test_legs_of_merchants_in_nobodys_name(self) -> None:
        legs = "{" + ",".join([leg(self.cash, "D", 100), leg(self.pending, "C", 100)]) + "}"
        self.assert_refused(POST, values=("forged:1", None, "KES", "test", legs), by="ledger_post_merchant")

    def test_another_currency(self) -> None:
        legs = (leg(self.cash, "D", 100), leg(self.pending, "C", 100))
        self.assert_post_refused(*legs, currency="USD", by="ledger_entry_account_book")

    def test_another_mode(self) -> None:
        live = self.account("pending", self.merchant, mode="live")
        legs = (leg(self.pending, "D", 100), leg(live, "C", 100))
        for mode in ("test", "live"):
            with self.subTest(mode=mode):
                self.assert_post_refused(*legs, mode=mode, by="ledger_entry_account_book")

    def test_a_mode_that_is_none(self) -> None:
        legs = (leg(self.cash, "D", 100), leg(self.pending, "C", 100))
        self.assert_post_refused(*legs, mode="demo", by="ledger_transfer_mode")

    def test_an_account_that_is_none(self) -> None:
        self.assert_post_refused(leg(0, "D", 100), leg(self.pending, "C", 100), by="")

    def test_a_fact_again_with_other_legs(self) -> None:
        idem = f"pay:{self.payment.id}:capture"
        for amount in (1, 99_00, 101_00):
            legs = (leg(self.cash, "D", amount), leg(self.pending, "C", amount))
            with self.subTest(amount=amount):
                self.assert_post_refused(*legs, idem=idem, by="ledger_post_mismatch")

    def test_a_transfer_taken_back_twice(self) -> None:
        legs = "{" + ",".join([leg(self.pending, "D", 100), leg(self.cash, "C", 100)]) + "}"
        statement = "SELECT ledger_post(%s, 'forged', %s, 'KES', 'test', %s::ledger_leg[], now(), %s)"
        with as_application(), transaction.atomic():
            execute(statement, "undo:1", self.merchant.id, legs, self.payment.capture_transfer_id)
        self.before = execute(PICTURE)
        values = ("undo:2", self.merchant.id, legs, self.payment.capture_transfer_id)
        self.assert_refused(statement, values=values, by="reverses")

    def test_a_reversal_of_nothing(self) -> None:
        legs = "{" + ",".join([leg(self.pending, "D", 100), leg(self.cash, "C", 100)]) + "}"
        self.assert_refused(
            "SELECT ledger_post('undo:1', 'forged', %s, 'KES', 'test', %s::ledger_leg[], now(), %s)",
            values=(self.merchant.id, legs, new_id()),
            by="reverses",
        )

    def test_an_account_of_an_unknown_kind(self) -> None:
        self.assert_refused(
            "SELECT ledger_open_account(%s, 'pocket', '', 'KES', 'test')",
            values=(self.merchant.id,),
            by="ledger_account_kind",
        )

    def test_a_platform_account_of_ones_own(self) -> None:
        self.assert_refused(
            "SELECT ledger_open_account(%s, 'bank', '', 'KES', 'test')",
            values=(self.merchant.id,),
            by="ledger_account_kind",
        )

    def test_an_account_of_a_merchant_that_is_none(self) -> None:
        self.assert_refused(
            "SELECT ledger_open_account(%s, 'pending', '', 'KES', 'test')", values=(UUID(int=1),), by="merchant_id"
        )

    def test_an_account_in_a_mode_that_is_none(self) -> None:
        self.assert_refused(
            "SELECT ledger_open_account(%s, 'pending', '', 'KES', 'demo')",
            values=(self.merchant.id,),
            by="ledger_account_mode",
        )

    def test_a_trigger_function_called_by_hand(self) -> None:
        for name, words in (
            ("ledger_entry_post", DENIED),
            ("state_guard", DENIED),
            ("audit_chain", DENIED),
            ("ledger_account_guard", "can only be called as trigger"),
            ("ledger_transfer_balanced", "can only be called as trigger"),
        ):
            with self.subTest(name=name):
                self.assert_refused(f"SELECT {name}()", by=words)
