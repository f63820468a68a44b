"""Batches: what is in them, what it is split into, what holds them, and that they are made once."""

from datetime import time, timedelta
from unittest import mock
from uuid import UUID

from django.test import TransactionTestCase, override_settings

from merchants.tests.factories import make_merchant
from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.ids import new_id
from payments.services.proof import prove
from settlements.chart import Leg
from settlements.errors import DayNotOver
from settlements.models import FloatProof, LedgerTransfer, Settlement, SettlementLine
from settlements.selectors.settlement_terms import Shop, terms_of
from settlements.services import batches
from settlements.services.batches import open_batch, run_settlement
from settlements.services.profiles import ProfileInvalid, set_profile
from settlements.services.settling import carry_on
from settlements.tests.base import balance, post, refused_by
from settlements.tests.settlements import (
    FRIDAY,
    LAST_INSTANT,
    MONDAY,
    SUNDAY,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    give_back_on,
    lines_of,
    parts,
    pay_on,
    post_on,
)
from webhooks.models import Event


class SettlementCase(TransactionTestCase):
    def setUp(self) -> None:
        self.merchant = make_merchant()

    def settle(self, day: object = MONDAY) -> Settlement | None:
        found = run_settlement(day=day, merchant_id=self.merchant.id)  # type: ignore[arg-type]
        return found[0] if found else None

    def settled(self, day: object = MONDAY) -> Settlement:
        found = self.settle(day)
        assert found is not None
        return found

    def assert_clean(self) -> None:
        self.assertEqual([finding.invariant.name for finding in prove() if finding.rows], [])

    def events(self) -> list[str]:
        return list(Event.objects.filter(type__startswith="settlement.").order_by("id").values_list("type", flat=True))


class Batches(SettlementCase):
    def test_a_days_captures_become_available(self) -> None:
        pay_on(self.merchant, 100_00, fee=1_50, day=MONDAY)
        pay_on(self.merchant, 50_00, fee=75, day=MONDAY)
        row = self.settled()
        self.assertEqual(parts(row), ("closed", 147_75, 0, 0, 147_75))
        self.assertEqual((row.gross, row.fee), (150_00, 2_25))
        self.assertEqual(lines_of(row), [("capture", 98_50), ("capture", 49_25)])
        self.assertEqual((balance("pending", self.merchant), balance("available", self.merchant)), (0, 147_75))
        self.assertEqual(self.events(), ["settlement.created", "settlement.closed"])
        self.assert_clean()

    def test_again_it_changes_nothing(self) -> None:
        pay_on(self.merchant, 100_00, day=MONDAY)
        first = self.settled()
        before = (LedgerTransfer.objects.count(), SettlementLine.objects.count(), Event.objects.count())
        again = self.settled()
        self.assertEqual((again.id, again.version), (first.id, first.version))
        self.assertEqual(
            (LedgerTransfer.objects.count(), SettlementLine.objects.count(), Event.objects.count()), before
        )

    def test_the_day_ends_at_its_last_instant_in_nairobi(self) -> None:
        pay_on(self.merchant, 100_00, day=MONDAY, at=LAST_INSTANT)
        pay_on(self.merchant, 7_00, day=TUESDAY, at=time(0))
        self.assertEqual(self.settled().total, 100_00)
        self.assertEqual(self.settled(TUESDAY).total, 7_00)

    def test_fridays_money_is_due_on_monday(self) -> None:
        pay_on(self.merchant, 100_00, day=FRIDAY)
        self.assertIsNone(self.settle(FRIDAY))
        self.assertIsNone(run_settlement(day=FRIDAY, merchant_id=self.merchant.id, by_hand=True) or None)
        pay_on(self.merchant, 5_00, day=SUNDAY)
        self.assertEqual(self.settled(SUNDAY).total, 105_00)

    def test_cards_take_a_day_longer(self) -> None:
        pay_on(self.merchant, 100_00, day=MONDAY, card=True)
        pay_on(self.merchant, 7_00, day=MONDAY)
        self.assertEqual(self.settled().total, 7_00)
        self.assertEqual(self.settled(TUESDAY).total, 100_00)

    def test_a_merchants_own_delay(self) -> None:
        set_profile(self.merchant.id, actor="tests", delays={"mobile": 3})
        pay_on(self.merchant, 100_00, day=MONDAY)
        self.assertIsNone(self.settle(TUESDAY))
        self.assertEqual(self.settled(WEDNESDAY).total, 100_00)

    def test_refunds_out_of_pending_are_lines(self) -> None:
        pay_on(self.merchant, 100_00, day=MONDAY)
        give_back_on(self.merchant, 30_00, day=MONDAY)
        row = self.settled()
        self.assertEqual(lines_of(row), [("capture", 100_00), ("refund", -30_00)])
        self.assertEqual(parts(row)[1:], (70_00, 0, 0, 70_00))
        self.assertEqual(balance("pending", self.merchant), 0)

    def test_more_refunded_than_due_rolls_on(self) -> None:
        pay_on(self.merchant, 20_00, day=MONDAY)
        pay_on(self.merchant, 100_00, day=MONDAY, card=True)
        give_back_on(self.merchant, 50_00, day=MONDAY)
        self.assertIsNone(self.settle())
        self.assertEqual((Settlement.objects.count(), SettlementLine.objects.count(), self.events()), (0, 0, []))
        row = self.settled(TUESDAY)
        self.assertEqual((row.total, len(lines_of(row))), (70_00, 3))

    def test_debts_first_then_the_reserve_then_the_merchant(self) -> None:
        set_profile(self.merchant.id, actor="tests", reserve_bps=1000, reserve_days=2)
        pay_on(self.merchant, 100_00, day=MONDAY)
        debt = [
            Leg(kind="owed", side="D", amount=15_00),
            Leg(kind="provider_float", side="C", amount=15_00, sub="x:1:00"),
        ]
        post(self.merchant, debt)
        row = self.settled()
        self.assertEqual(parts(row), ("closed", 100_00, 15_00, 10_00, 75_00))
        self.assertEqual(balance("owed", self.merchant), 0)
        self.assertEqual(balance("reserve", self.merchant), 10_00)
        self.assert_clean()

    def test_a_reserve_comes_back_by_a_line_of_its_own(self) -> None:
        set_profile(self.merchant.id, actor="tests", reserve_bps=1000, reserve_days=3)
        pay_on(self.merchant, 100_00, day=MONDAY)
        first = self.settled()
        pay_on(self.merchant, 40_00, day=TUESDAY)
        self.assertEqual(self.settled(TUESDAY).returned, 0)
        later = self.settled(WEDNESDAY)
        self.assertEqual((later.total, later.returned, lines_of(later)), (0, 10_00, [("reserve_return", 10_00)]))
        first.refresh_from_db()
        self.assertEqual(first.reserve_transfer_id, SettlementLine.objects.get(kind="reserve_return").transfer_id)
        # The second batch's own is still kept.
        self.assertEqual(balance("reserve", self.merchant), 4_00)
        self.assertIsNotNone(self.settle(THURSDAY))
        self.assertEqual(balance("reserve", self.merchant), 0)
        self.assertEqual(balance("available", self.merchant), 140_00)
        self.assert_clean()

    def test_modes_and_merchants_are_apart(self) -> None:
        other = make_merchant()
        pay_on(self.merchant, 100_00, day=MONDAY)
        pay_on(self.merchant, 1_00, day=MONDAY, mode="live")
        pay_on(other, 20_00, day=MONDAY)
        found = run_settlement(day=MONDAY)
        totals = {(row.merchant_id, row.mode): row.total for row in found}
        wanted = {(self.merchant.id, "test"): 100_00, (self.merchant.id, "live"): 1_00, (other.id, "test"): 20_00}
        self.assertEqual(totals, wanted)

    def test_pending_spread_over_rows_is_released_from_all(self) -> None:
        for number, amount in enumerate((1_00, 2_00, 4_00, 8_00, 16_00)):
            pay_on(self.merchant, amount, day=MONDAY, row=f"{number:02d}")
        self.assertEqual(self.settled().total, 31_00)
        self.assertEqual((balance("pending", self.merchant), balance("available", self.merchant)), (0, 31_00))
        self.assert_clean()

    def test_a_weekly_merchant_waits_for_the_day(self) -> None:
        set_profile(self.merchant.id, actor="tests", schedule="weekly", weekday=4)
        pay_on(self.merchant, 100_00, day=MONDAY)
        self.assertIsNone(self.settle(MONDAY))
        self.assertEqual(self.settled(THURSDAY).total, 100_00)

    def test_a_manual_one_is_settled_by_hand_only(self) -> None:
        set_profile(self.merchant.id, actor="tests", schedule="manual")
        pay_on(self.merchant, 100_00, day=MONDAY)
        self.assertIsNone(self.settle())
        self.assertEqual(run_settlement(day=MONDAY, merchant_id=self.merchant.id, by_hand=True)[0].total, 100_00)

    def test_a_day_that_is_not_over_is_refused(self) -> None:
        today = nairobi(now()).date()
        with self.assertRaises(DayNotOver):
            run_settlement(day=today)
        midnight = batches.end_of(MONDAY)
        with mock.patch.object(batches, "now", return_value=midnight + timedelta(minutes=14)):
            self.assertRaises(DayNotOver, run_settlement, day=MONDAY)
            self.assertEqual(batches.last_over(), MONDAY - timedelta(days=1))
        with mock.patch.object(batches, "now", return_value=midnight + timedelta(minutes=15)):
            self.assertEqual(batches.last_over(), MONDAY)


class Held(SettlementCase):
    def test_books_that_are_not_proved_hold_a_batch_with_the_reason(self) -> None:
        pay_on(self.merchant, 100_00, day=MONDAY)
        # Held for a refund that nobody asked for.
        hold = [Leg(kind="pending", side="D", amount=1_00), Leg(kind="refund_hold", side="C", amount=1_00)]
        post_on(self.merchant, hold, day=TUESDAY, kind="refund_hold")
        row = self.settled()
        self.assertEqual(row.status, "open")
        self.assertIn("I11", row.hold_reason)
        self.assertEqual((balance("available", self.merchant), self.events()), (0, ["settlement.created"]))
        back = [Leg(kind="refund_hold", side="D", amount=1_00), Leg(kind="pending", side="C", amount=1_00)]
        post_on(self.merchant, back, day=TUESDAY, kind="refund_undo")
        carry_on()
        self.assertEqual(parts(row), ("closed", 100_00, 0, 0, 100_00))
        self.assertEqual(Settlement.objects.get().hold_reason, "")

    @override_settings(SETTLEMENT_PROOF="payments.services.proof.no_such_thing")
    def test_without_a_proof_nothing_is_released(self) -> None:
        pay_on(self.merchant, 100_00, day=MONDAY)
        self.assertIn("could not be proved", self.settled().hold_reason)
        self.assertEqual(balance("available", self.merchant), 0)

    def test_a_provider_whose_balance_differs_holds_the_day(self) -> None:
        pay_on(self.merchant, 100_00, day=MONDAY)
        proof = FloatProof.objects.create(
            account="daraja:174379", mode="test", currency="KES", day=MONDAY, ledger_balance=100_00, parts={},
            provider_balance=90_00, gap=10_00, unexplained=10_00, is_green=False, proved_at=now(),
        )  # fmt: skip
        self.assertIn("daraja:174379", self.settled().hold_reason)
        FloatProof.objects.filter(pk=proof.pk).update(unexplained=0, is_green=True)
        self.assertEqual(self.settled().status, "closed")

    @override_settings(SETTLEMENT_NEEDS_STATEMENT=True)
    def test_live_money_waits_for_a_statement_where_that_is_wanted(self) -> None:
        pay_on(self.merchant, 100_00, day=MONDAY)
        self.assertEqual(self.settled().status, "closed", "trial money waits for none")
        pay_on(self.merchant, 100_00, day=MONDAY, mode="live")
        run_settlement(day=MONDAY, merchant_id=self.merchant.id)
        live = Settlement.objects.get(mode="live")
        self.assertEqual((live.status, live.hold_reason[-22:]), ("open", "day: none was brought."))
        FloatProof.objects.create(
            account="daraja:174379", mode="live", currency="KES", day=MONDAY, ledger_balance=100_00, parts={},
            provider_balance=100_00, gap=0, unexplained=0, is_green=True, proved_at=now(),
        )  # fmt: skip
        carry_on()
        self.assertEqual(parts(live), ("closed", 100_00, 0, 0, 100_00))


class Between(SettlementCase):
    """What happens between opening a batch and closing it."""

    def open(self) -> Settlement:
        shop = Shop(merchant_id=self.merchant.id, mode="test", currency="KES")
        found = open_batch(shop, day=MONDAY, terms=terms_of(self.merchant.id))
        assert found is not None
        return found

    def test_a_refund_out_of_what_was_due_becomes_its_line(self) -> None:
        pay_on(self.merchant, 100_00, day=MONDAY)
        row = self.open()
        give_back_on(self.merchant, 40_00, day=TUESDAY)
        self.settled()
        self.assertEqual(parts(row), ("closed", 60_00, 0, 0, 60_00))
        self.assertEqual(lines_of(row), [("capture", 100_00), ("refund", -40_00)])
        self.assert_clean()

    def test_all_of_it_refunded_fails_the_batch_and_frees_its_lines(self) -> None:
        pay_on(self.merchant, 100_00, day=MONDAY)
        row = self.open()
        give_back_on(self.merchant, 100_00, day=TUESDAY)
        self.settle()
        self.assertEqual(parts(row), ("failed", 0, 0, 0, 0))
        self.assertEqual((lines_of(row), self.events()), ([], ["settlement.created", "settlement.failed"]))
        pay_on(self.merchant, 5_00, day=TUESDAY)
        self.assertEqual(self.settled(TUESDAY).total, 5_00)
        self.assert_clean()

    def test_a_closed_batch_takes_no_line(self) -> None:
        pay_on(self.merchant, 100_00, day=MONDAY)
        row = self.settled()
        later: UUID = pay_on(self.merchant, 5_00, day=MONDAY)
        insert = "INSERT INTO settlement_line (settlement_id, transfer_id, kind, amount, fee) VALUES (%s, %s, 'capture', 500, 0)"
        self.assertEqual(refused_by(insert, row.id, later), "settlement_line_closed")
        self.assertEqual(refused_by("DELETE FROM settlement_line"), "settlement_line_closed")
        self.assertEqual(refused_by("UPDATE settlement_line SET amount = 1"), "settlement_line_fixed")
        self.assertEqual(refused_by("UPDATE settlement SET status = 'open', closed_at = NULL"), "state_rule")
        # What was posted late for a day that is closed is settled with the next one.
        self.assertEqual(self.settled(TUESDAY).total, 5_00)

    def test_a_line_of_another_merchant_is_refused(self) -> None:
        pay_on(self.merchant, 100_00, day=MONDAY)
        row, foreign = self.open(), pay_on(make_merchant(), 5_00, day=MONDAY)
        insert = "INSERT INTO settlement_line (settlement_id, transfer_id, kind, amount, fee) VALUES (%s, %s, 'capture', 500, 0)"
        self.assertEqual(refused_by(insert, row.id, foreign), "settlement_line_merchant")


class Profiles(SettlementCase):
    def test_what_is_refused(self) -> None:
        for changes in (
            {"schedule": "hourly"},
            {"delays": {"mobile": -1}},
            {"delays": {"cash": 1}},
            {"reserve_bps": 100},
            {"month_day": 29},
            {"hold": True},
            {"destination_id": new_id()},
        ):
            with self.subTest(changes), self.assertRaises(ProfileInvalid):
                set_profile(self.merchant.id, actor="tests", **changes)
