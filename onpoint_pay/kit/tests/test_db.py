"""Units that are done again after a deadlock, and the rights of the application's role."""

from typing import Any

from django.db import IntegrityError, OperationalError, connection, transaction
from django.test import SimpleTestCase, TransactionTestCase

from merchants.models import Merchant
from merchants.tests.factories import make_merchant
from merchants.tests.threads import at_once
from onpoint_pay.kit.db import fetch_one, privilege_statements, retry_unit


def raise_state(state: str) -> None:
    """PostgreSQL's own error with this SQLSTATE."""
    with connection.cursor() as cursor:
        cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'undone' USING ERRCODE = '%s'; END $$" % state)  # noqa: UP031


class Units(TransactionTestCase):
    def failing(self, state: str, *, times: int) -> Any:
        self.runs = 0

        def unit() -> str:
            self.runs += 1
            make_merchant()
            if self.runs <= times:
                raise_state(state)
            return "done"

        return unit

    def test_what_postgresql_undid_is_done_again(self) -> None:
        for state in ("40001", "40P01"):
            with self.subTest(state=state):
                before = Merchant.objects.count()
                self.assertEqual(retry_unit(self.failing(state, times=2)), "done")
                self.assertEqual((self.runs, Merchant.objects.count()), (3, before + 1))

    def test_not_for_ever(self) -> None:
        with self.assertRaises(OperationalError):
            retry_unit(self.failing("40001", times=9))
        self.assertEqual((self.runs, Merchant.objects.count()), (3, 0))

    def test_other_errors_are_not_repeated(self) -> None:
        for state, error in (("57014", OperationalError), ("23505", IntegrityError)):
            with self.subTest(state=state), self.assertRaises(error):
                retry_unit(self.failing(state, times=9))
            self.assertEqual(self.runs, 1)

    def test_a_part_of_a_transaction_is_not_repeated(self) -> None:
        """The whole of it was undone, and only its owner can begin again."""
        with self.assertRaises(OperationalError), transaction.atomic():
            retry_unit(self.failing("40001", times=1))
        self.assertEqual(self.runs, 1)

    def test_two_units_that_lock_in_opposite_orders_both_end(self) -> None:
        rows = [make_merchant().id, make_merchant().id]

        def work(number: int) -> None:
            def unit() -> None:
                for key in rows if number else reversed(rows):
                    Merchant.objects.select_for_update().get(id=key)
                    with connection.cursor() as cursor:
                        cursor.execute("SELECT pg_sleep(0.05)")
                    Merchant.objects.filter(id=key).update(version=Merchant.objects.get(id=key).version + 1)

            retry_unit(unit, attempts=5)

        at_once(2, work)
        self.assertEqual(list(Merchant.objects.values_list("version", flat=True)), [3, 3])


class Rows(TransactionTestCase):
    def test_one_row_by_its_columns(self) -> None:
        self.assertEqual(fetch_one("SELECT %(a)s::int AS a, 'x' AS b", {"a": 5}), {"a": 5, "b": "x"})
        self.assertIsNone(fetch_one("SELECT 1 WHERE false", {}))


class Rights(SimpleTestCase):
    def test_all_tables_or_only_reading(self) -> None:
        whole = privilege_statements('"app"', ["a", "b"], ())
        self.assertIn('GRANT SELECT, INSERT, UPDATE, DELETE ON a, b TO "app"', whole)
        self.assertFalse([statement for statement in whole if "TRUNCATE" in statement or "ALL PRIVILEGES" in statement])
        self.assertEqual(
            privilege_statements('"app"', [], ("a", "b")),
            ['REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON a, b FROM "app"'],
        )
