"""`prove` about settlements and statements: each invariant sees its own violation, planted past every guard."""

from datetime import date, datetime

from django.test import SimpleTestCase

from onpoint_pay.kit.clock import NAIROBI
from payments.invariants import INVARIANTS
from payments.models import Payment
from payments.tests import test_invariants
from payments.tests.factories import make_payment
from payments.tests.planting import broken, execute, found_after, unguarded
from settlements.models import DayStatement, Settlement
from settlements.services.batches import run_settlement
from settlements.tests.settlements import MONDAY, NOON, TUESDAY, move_to


class PlantedInSettlements(test_invariants.PlantedTestCase):
    def settlement(self) -> Settlement:
        """The batch that the paid payment's money fell due in."""
        transfer_id = Payment.objects.get(id=self.paid.id).capture_transfer_id
        assert transfer_id is not None
        move_to(transfer_id, datetime.combine(MONDAY, NOON, NAIROBI))
        (row,) = run_settlement(day=MONDAY)
        self.assertEqual((row.status, broken()), ("closed", set()))
        return row

    def test_i23_i24_a_transfer_in_two_lines(self) -> None:
        row = self.settlement()
        self.drop("settlement_line", "settlement_line_transfer_id_key")
        with unguarded("settlement_line"):
            execute(
                """INSERT INTO settlement_line (settlement_id, transfer_id, kind, amount, fee)
                   SELECT settlement_id, transfer_id, kind, amount, fee FROM settlement_line"""
            )
        self.assertEqual(row.lines.count(), 2)
        self.assert_seen("I23", "I24")

    def test_i24_a_line_of_another_amount(self) -> None:
        self.settlement()
        with unguarded("settlement_line"):
            execute("UPDATE settlement_line SET amount = amount + 1")
        self.assert_seen("I24")

    def test_i36_a_transfer_that_brought_more_than_its_entries_say(self) -> None:
        for changed in ("pending = pending + 1", "fee = fee - 1", "by_card = NOT by_card"):
            with self.subTest(changed):
                self.assertTrue(found_after("I36", f"UPDATE ledger_transfer SET {changed}"))

    def test_i35_a_mark_beyond_what_is_settled(self) -> None:
        self.settlement()
        make_payment(self.merchant, status="completed")
        execute("UPDATE settlement_mark SET version = version + 1")
        self.assert_seen("I35")

    def test_i14_a_settlement_that_jumped(self) -> None:
        self.settlement()
        with unguarded("settlement"):
            execute("UPDATE settlement SET status = 'paid'")
        self.assert_seen("I14")

    def statement(self, day: date, *, opening: int, closing: int) -> None:
        DayStatement.objects.create(
            merchant=self.merchant,
            mode="test",
            currency="KES",
            day=day,
            opening={"total": opening},
            closing={"total": closing},
        )

    def test_i28_a_day_that_begins_with_more_than_the_day_before_ended_with(self) -> None:
        self.statement(MONDAY, opening=0, closing=5)
        self.statement(TUESDAY, opening=6, closing=0)
        self.assert_seen("I28")

    def test_i28_a_closing_balance_that_the_ledger_does_not_have(self) -> None:
        self.settlement()
        self.statement(MONDAY, opening=0, closing=98_51)
        self.assert_seen("I28")

    def test_i29_parts_that_are_not_the_whole(self) -> None:
        self.settlement()
        with unguarded("settlement"):
            execute("UPDATE settlement SET debt = debt + 1, available = available - 1")
        self.assert_seen("I29")


class EachOfThem(SimpleTestCase):
    def test_each_invariant_has_its_violation(self) -> None:
        planted = {
            name.upper()
            for test in (*dir(test_invariants.Planted), *dir(PlantedInSettlements))
            for name in test.split("_")
            if name.startswith("i") and name[1:].isdigit()
        }
        self.assertEqual({invariant.name for invariant in INVARIANTS}, planted)
