"""The mark: how far a merchant is settled, and that nothing is ever left behind it, however late it commits."""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from threading import Event
from unittest.mock import patch
from uuid import UUID

from django.db import connection, transaction

from onpoint_pay.kit.clock import NAIROBI
from onpoint_pay.kit.ids import new_id
from onpoint_pay.kit.money import Money
from payments.services.proof import prove
from settlements.chart import Leg, capture_legs
from settlements.models import LedgerAccount, LedgerEntry, Settlement, SettlementMark
from settlements.selectors.settlement_terms import shops, terms_of
from settlements.services.batches import open_batch, run_settlement, what_is_due
from settlements.services.ledger import post_transfer
from settlements.tests.base import execute, refused_by
from settlements.tests.settlements import (
    MONDAY,
    NOON,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    give_back_on,
    move_to,
    pay_on,
    post_on,
)
from settlements.tests.test_roles import as_application
from settlements.tests.test_settlement_batches import SettlementCase

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


class MarkCase(SettlementCase):
    def row(self, sub: str = "") -> LedgerAccount:
        return LedgerAccount.objects.get(merchant=self.merchant, kind="pending", sub=sub, mode="test")

    def mark(self, sub: str = "") -> int:
        """How many entries of the row are settled."""
        return SettlementMark.objects.get(account=self.row(sub)).version

    def version_of(self, transfer_id: UUID, sub: str = "") -> int:
        return LedgerEntry.objects.get(transfer_id=transfer_id, account=self.row(sub)).account_version

    def due(self, day: date) -> tuple[int, int]:
        """How many transfers a batch of the day would hold, and their sum."""
        found = []
        # By the marks, and by one look at all transfers.
        for cost in (0, 10**9):
            with patch("settlements.selectors.due.LOOKUP_COST", cost):
                (due,) = what_is_due(shops(self.merchant.id), day=day).values()
                found.append(due)
        self.assertEqual(found[0], found[1])
        return found[0].lines, found[0].total


class Moving(MarkCase):
    def test_all_of_a_settled_row_is_behind_it_the_release_too(self) -> None:
        for _ in range(3):
            pay_on(self.merchant, 10_00, day=MONDAY)
        self.settled()
        self.assertEqual((self.row().version, self.mark()), (4, 4))
        pay_on(self.merchant, 5_00, day=TUESDAY)
        self.assertEqual(self.due(TUESDAY), (1, 5_00))

    def test_it_waits_before_what_is_not_due(self) -> None:
        pay_on(self.merchant, 10_00, day=MONDAY)
        card = pay_on(self.merchant, 7_00, day=MONDAY, card=True)
        pay_on(self.merchant, 20_00, day=MONDAY)
        self.assertEqual(self.settled().total, 30_00)
        self.assertEqual(self.mark(), self.version_of(card) - 1)
        self.assertEqual(self.settled(TUESDAY).total, 7_00)
        self.assertEqual(self.mark(), self.row().version)
        self.assert_clean()

    def test_an_open_batch_does_not_move_it_and_a_failed_one_neither(self) -> None:
        pay_on(self.merchant, 10_00, day=MONDAY)
        (shop,) = shops(self.merchant.id)
        open_batch(shop, day=MONDAY, terms=terms_of(self.merchant.id))
        execute("SELECT settlement_advance(%s, 'test', 'KES')", self.merchant.id)
        self.assertEqual(self.mark(), 0)
        give_back_on(self.merchant, 10_00, day=TUESDAY)
        self.assertEqual(self.settled().status, "failed")
        self.assertEqual(self.mark(), 0)
        pay_on(self.merchant, 3_00, day=TUESDAY)
        self.assertEqual(self.settled(TUESDAY).total, 3_00)
        self.assertEqual(self.mark(), self.row().version)
        self.assert_clean()

    def test_what_was_settled_before_there_were_marks(self) -> None:
        pay_on(self.merchant, 10_00, day=MONDAY)
        self.settled()
        marked = self.mark()
        SettlementMark.objects.all().delete()
        pay_on(self.merchant, 5_00, day=TUESDAY)
        self.assertEqual(self.due(TUESDAY), (1, 5_00))
        execute("SELECT settlement_advance(%s, 'test', 'KES')", self.merchant.id)
        self.assertEqual(self.mark(), marked)

    def test_money_moved_between_rows_is_nobodys_due_on_either_side_of_it(self) -> None:
        """It comes to nothing, though one row's mark is behind it and the other's before."""
        pay_on(self.merchant, 10_00, day=MONDAY, row="00")
        pay_on(self.merchant, 7_00, day=MONDAY, row="01", card=True)
        moved = [
            Leg(kind="pending", side="D", amount=2_00, sub="00"),
            Leg(kind="pending", side="C", amount=2_00, sub="01"),
        ]
        transfer = post_on(self.merchant, moved, day=MONDAY, kind="adjustment")
        # The later debit is due with the batch, and one row can give it no more than it has.
        self.assertEqual(self.due(MONDAY), (1, 10_00))
        self.assertEqual(self.settled().total, 10_00)
        self.assertGreaterEqual(self.mark("00"), self.version_of(transfer, "00"))
        self.assertLess(self.mark("01"), self.version_of(transfer, "01"))
        self.assertEqual(self.due(TUESDAY), (1, 7_00))
        self.assertEqual(self.settled(TUESDAY).total, 7_00)
        self.assertEqual((self.mark("00"), self.mark("01")), (self.row("00").version, self.row("01").version))

    def test_a_refund_taken_from_two_rows_is_whole_when_one_is_marked(self) -> None:
        pay_on(self.merchant, 10_00, day=MONDAY, row="00")
        pay_on(self.merchant, 10_00, day=MONDAY, row="01", card=True)
        legs = [
            Leg(kind="pending", side="D", amount=4_00, sub="00"),
            Leg(kind="pending", side="D", amount=3_00, sub="01"),
            Leg(kind="provider_float", side="C", amount=7_00, sub="daraja:174379:00"),
        ]
        post_on(self.merchant, legs, day=MONDAY, kind="refund_hold")
        self.assertEqual(self.due(MONDAY), (2, 3_00))
        self.assertEqual(self.settled().total, 3_00)
        self.assertEqual(self.settled(TUESDAY).total, 10_00)
        self.assertEqual((self.mark("00"), self.mark("01")), (self.row("00").version, self.row("01").version))

    def test_the_application_may_not_move_it_past_what_is_not_settled(self) -> None:
        pay_on(self.merchant, 10_00, day=MONDAY)
        self.settled()
        pay_on(self.merchant, 5_00, day=TUESDAY)
        with as_application():
            for statement in ("UPDATE settlement_mark SET version = 99", "DELETE FROM settlement_mark"):
                self.assertEqual(refused_by(statement), "permission denied for table settlement_mark")
            execute("SELECT settlement_advance(%s, 'test', 'KES')", self.merchant.id)
        self.assertEqual(self.mark(), 2)
        self.assertEqual(self.settled(TUESDAY).total, 5_00)


class Late(MarkCase):
    """A transaction that began on Monday and commits when Monday's batch is closed, or would be."""

    def setUp(self) -> None:
        super().setUp()
        self.pool = ThreadPoolExecutor(2)
        self.addCleanup(self.pool.shutdown)

    def post_and_wait(self, amount: int, *, until: Event, posted: Event, undo: bool = False) -> UUID:
        """Post in a transaction that stays open until it is told to end."""
        try:
            with transaction.atomic():
                key = new_id()
                legs = capture_legs(
                    payment_id=key, gross=Money(amount), fee=Money(0), tax=Money(0), float_name="x:1", surplus=False
                )
                transfer = post_transfer(
                    legs, idem=f"tests:{key}", kind="capture", merchant_id=self.merchant.id, currency="KES", mode="test"
                )
                posted.set()
                until.wait(60)
                transaction.set_rollback(undo)
                return transfer
        finally:
            connection.close()

    def late(self, amount: int, *, undo: bool = False) -> Callable[[], None]:
        """A transfer that is posted and not committed; call what is returned to end its transaction."""
        until, posted = Event(), Event()
        future = self.pool.submit(self.post_and_wait, amount, until=until, posted=posted, undo=undo)
        self.assertTrue(posted.wait(60))

        def end() -> None:
            until.set()
            # It says Monday: it began before the day was over.
            move_to(future.result(60), datetime.combine(MONDAY, NOON, NAIROBI))

        return end

    def wait_for_waiters(self, count: int = 1) -> None:
        """Until so many transactions wait for a lock of another."""
        deadline = time.monotonic() + 60
        while execute(WAITING) != [(count,)]:
            self.assertLess(time.monotonic(), deadline, "nobody waits")
            time.sleep(0.01)

    def test_it_is_settled_with_the_next_day_not_lost(self) -> None:
        pay_on(self.merchant, 10_00, day=MONDAY)
        (shop,) = shops(self.merchant.id)
        # As it stands without the row's lock: the day is read while the other transaction is open.
        end = self.late(5_00)
        batch = open_batch(shop, day=MONDAY, terms=terms_of(self.merchant.id))
        assert batch is not None
        self.assertEqual(batch.total, 10_00)
        closing = self.pool.submit(self.close_monday)
        self.wait_for_waiters()
        self.assertEqual(Settlement.objects.get().status, "open")
        end()
        closing.result(60)
        self.assertEqual((Settlement.objects.get().status, Settlement.objects.get().total), ("closed", 10_00))
        # Before the late one, which nobody has settled.
        self.assertEqual(self.mark(), 1)
        self.assertEqual(self.due(TUESDAY), (1, 5_00))
        self.assertEqual(self.settled(TUESDAY).total, 5_00)
        self.assertEqual(self.mark(), self.row().version)
        self.assert_clean()

    def close_monday(self) -> None:
        try:
            run_settlement(day=MONDAY, merchant_id=self.merchant.id)
        finally:
            connection.close()

    def test_versions_are_given_in_the_order_of_commits_without_a_gap(self) -> None:
        """What the mark stands on: nobody gets a version above one that is not decided yet."""
        pay_on(self.merchant, 1_00, day=MONDAY)
        for undo, taken in ((False, [1, 2, 3]), (True, [1, 2, 3, 4])):
            end = self.late(5_00, undo=undo)
            after = self.pool.submit(self.pay_now, 7_00)
            self.wait_for_waiters()
            end()
            after.result(60)
            versions = LedgerEntry.objects.filter(account=self.row()).order_by("id")
            self.assertEqual(sorted(versions.values_list("account_version", flat=True)), taken)

    def pay_now(self, amount: int) -> None:
        try:
            pay_on(self.merchant, amount, day=MONDAY)
        finally:
            connection.close()


class Sequences(MarkCase):
    def test_with_the_mark_and_without_it_the_same_is_due(self) -> None:
        drawn = random.Random(20260608)
        for _ in range(4):
            self.setUp()
            for day in (MONDAY, TUESDAY, WEDNESDAY, THURSDAY):
                self.trade(drawn, day)
                run_settlement(day=day, merchant_id=self.merchant.id)
                later = [self.due(day + timedelta(days=n)) for n in range(4)] if shops(self.merchant.id) else []
                with transaction.atomic():
                    SettlementMark.objects.all().delete()
                    whole = [self.due(day + timedelta(days=n)) for n in range(4)] if shops(self.merchant.id) else []
                    transaction.set_rollback(True)
                self.assertEqual(later, whole)
            self.assertEqual([finding.invariant.name for finding in prove() if finding.rows], [])

    def trade(self, drawn: random.Random, day: date) -> None:
        """Payments of both classes on three rows, and refunds out of one or two of them."""
        rows = ["", "00", "01"]
        for _ in range(drawn.randrange(3, 9)):
            row = drawn.choice(rows)
            pay_on(self.merchant, drawn.randrange(5_00, 50_00), day=day, row=row, card=drawn.random() < 0.3, fee=10)
        for _ in range(drawn.randrange(3)):
            legs = [
                Leg(kind="pending", side="D", amount=drawn.randrange(1, 1_00), sub=row)
                for row in drawn.sample(rows, drawn.randrange(1, 3))
                if self.has(row)
            ]
            whole = sum(leg.amount for leg in legs)
            if legs:
                cash = Leg(kind="provider_float", side="C", amount=whole, sub="daraja:174379:00")
                post_on(self.merchant, [*legs, cash], day=day, kind="refund_hold")

    def has(self, row: str) -> bool:
        found = LedgerAccount.objects.filter(merchant=self.merchant, kind="pending", sub=row).first()
        return found is not None and found.credits - found.debits >= 5_00
