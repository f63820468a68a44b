"""The application's own role: it posts through the one door and writes the books nowhere else."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.test import TransactionTestCase

from audit.services import record
from merchants.tests.factories import make_merchant
from onpoint_pay.kit.db import role_exists
from payments.tests.factories import make_payment, op_of
from settlements.tests.base import balance, execute, pay

LEDGER = ("ledger_account", "ledger_transfer", "ledger_entry", "ledger_kind")
READ_ONLY = (*LEDGER, "state_history", "audit_head", "state_rule")


@contextmanager
def as_application() -> Iterator[None]:
    role = connection.ops.quote_name(settings.DATABASE_APP_ROLE)
    execute(f"SET ROLE {role}")
    try:
        yield
    finally:
        execute("RESET ROLE")


class Application(TransactionTestCase):
    def setUp(self) -> None:
        with connection.cursor() as cursor:
            if not role_exists(cursor, settings.DATABASE_APP_ROLE):
                self.skipTest("one role does everything on this server")
        self.merchant = make_merchant()
        self.paid = make_payment(self.merchant, status="completed")

    def assert_no_privilege(self, statement: str, *parameters: object) -> None:
        with self.assertRaisesMessage(DatabaseError, "permission denied"), transaction.atomic():
            execute(statement, *parameters)

    def test_it_may_read_the_books_and_never_write_them(self) -> None:
        with as_application():
            for table in READ_ONLY:
                self.assertTrue(execute(f"SELECT * FROM {table} LIMIT 1"), table)
                ((column,),) = execute(
                    "SELECT column_name FROM information_schema.columns WHERE table_name = %s LIMIT 1", table
                )
                for statement in (
                    f"INSERT INTO {table} DEFAULT VALUES",
                    f"UPDATE {table} SET {column} = {column}",
                    f"DELETE FROM {table}",
                    f"TRUNCATE {table} CASCADE",
                ):
                    with self.subTest(statement=statement):
                        self.assert_no_privilege(statement)

    def test_it_may_not_walk_round_the_guards(self) -> None:
        with as_application():
            for statement in (
                "ALTER TABLE ledger_entry DISABLE TRIGGER USER",
                "DROP TRIGGER ledger_account_guard ON ledger_account",
                "ALTER TABLE transactions DROP CONSTRAINT transactions_completed",
                "CREATE TABLE public.mine (id int)",
                "SET session_replication_role = replica",
            ):
                with self.subTest(statement=statement), self.assertRaises(DatabaseError), transaction.atomic():
                    execute(statement)

    def test_a_trigger_of_its_own_does_not_move_balances(self) -> None:
        """The guard looks at the depth of triggers; a missing privilege cannot be deceived that way."""
        refused = self.assertRaisesMessage(DatabaseError, "permission denied for table ledger_account")
        with as_application(), refused, transaction.atomic():
            execute("CREATE TEMP TABLE lever (id int)")
            execute(
                "CREATE FUNCTION pg_temp.pull() RETURNS trigger LANGUAGE plpgsql AS"
                " 'BEGIN UPDATE public.ledger_account SET credits = credits + 100; RETURN NEW; END'"
            )
            execute("CREATE TRIGGER pull BEFORE INSERT ON lever FOR EACH ROW EXECUTE FUNCTION pg_temp.pull()")
            execute("INSERT INTO lever VALUES (1)")

    def test_it_may_post(self) -> None:
        before = balance("pending", self.merchant)
        with as_application():
            pay(self.merchant, 100, fee=2)
        self.assertEqual(balance("pending", self.merchant), before + 98)

    def test_it_may_write_the_audit_chain_and_not_rewrite_it(self) -> None:
        with as_application():
            with transaction.atomic():
                record(merchant_id=self.merchant.id, actor="tests", action="thing.done")
            for statement in ("UPDATE audit_event SET actor = 'x'", "DELETE FROM audit_event"):
                with self.subTest(statement=statement), self.assertRaises(DatabaseError), transaction.atomic():
                    execute(statement)

    def test_it_takes_a_payment_from_beginning_to_end(self) -> None:
        with as_application():
            payment = make_payment(self.merchant, status="completed", callback_url="https://shop.example/paid")
            failed = make_payment(self.merchant, status="failed")
        self.assertEqual((payment.status, failed.status), ("completed", "failed"))
        self.assertEqual(op_of(payment).status, "succeeded")

    def test_it_may_not_move_a_state_past_its_rules(self) -> None:
        refused = self.assertRaisesMessage(DatabaseError, "may not go from completed to failed")
        with as_application(), refused, transaction.atomic():
            execute("UPDATE transactions SET status = 'failed' WHERE id = %s", self.paid.id)
