"""`prove` about payouts: silent on clean books, and each invariant sees its own violation, planted past every guard."""

from merchants.tests.accounts import make_account
from onpoint_pay.kit.ids import new_id
from onpoint_pay.kit.money import Money
from payments.models import MoneyOp
from payments.tests.payout_base import CommittingSentPayoutTestCase
from payments.tests.planting import broken, execute, unguarded
from settlements.chart import payout_hold_legs
from settlements.models import Payout
from settlements.tests.base import post


class PlantedInPayouts(CommittingSentPayoutTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.paid_one = self.sent_payout()
        self.bring_payout(self.paid_one)
        self.open_one = self.sent_payout()
        self.assertEqual(broken(), set())

    def assert_seen(self, *names: str) -> None:
        self.assertEqual(broken(), set(names))

    def test_i11_money_held_for_no_payout(self) -> None:
        post(self.merchant, payout_hold_legs(payout_id=new_id(), amount=Money(1_00), fee=Money(0)))
        self.assert_seen("I11")

    def test_i11_a_payout_nobody_held_money_for(self) -> None:
        with unguarded("payouts"):
            Payout.objects.filter(id=self.open_one.id).update(amount=101_00)
        self.assert_seen("I11")

    def test_i11_i12_paid_by_hand_in_the_row_only(self) -> None:
        Payout.objects.filter(id=self.open_one.id).update(paid=40_00)
        self.assert_seen("I11", "I12")

    def test_i11_returned_in_the_row_only(self) -> None:
        Payout.objects.filter(id=self.paid_one.id).update(given_back=100_00)
        self.assert_seen("I11")

    def test_i12_a_part_with_two_successes(self) -> None:
        """Past the index that refuses it."""
        execute("DROP INDEX money_op_one_payout")
        self.addCleanup(
            lambda: (
                execute("TRUNCATE payouts CASCADE"),
                execute(
                    "CREATE UNIQUE INDEX money_op_one_payout ON money_op (payout_id, part) "
                    "WHERE NOT (status IN ('rejected', 'failed', 'cancelled'))"
                ),
            )
        )
        with unguarded("money_op"):
            MoneyOp.objects.filter(payout=self.open_one).update(status="succeeded", payout=self.paid_one)
        self.assert_seen("I12", "I14")

    def test_i12_completed_without_a_success(self) -> None:
        with unguarded("money_op"):
            MoneyOp.objects.filter(payout=self.paid_one).update(status="failed")
        self.assert_seen("I12", "I14")

    def test_i14_a_state_without_its_history(self) -> None:
        with unguarded("payouts"):
            Payout.objects.filter(id=self.paid_one.id).update(status="returned")
        self.assert_seen("I14", "I25")

    def test_i25_a_closed_payout_that_nobody_was_told_of(self) -> None:
        execute("DELETE FROM webhooks_event WHERE key = %s", f"payout.completed:{self.paid_one.id}")
        self.assert_seen("I25")

    def test_i26_a_payout_of_the_other_modes_account(self) -> None:
        account = make_account(self.merchant, mode="live", shortcode="600777", is_default=False)
        with unguarded("payouts"):
            Payout.objects.filter(id=self.paid_one.id).update(provider_account=account)
        self.assert_seen("I26")
