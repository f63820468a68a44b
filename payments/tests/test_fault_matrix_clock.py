"""The fault matrix, hosts whose clock is wrong: leases, schedules, expiry and batches go by the database's clock."""

from collections import Counter
from datetime import date, time, timedelta
from typing import Any

from django.test import TransactionTestCase

from merchants.tests.factories import make_merchant
from onpoint_pay.kit.clock import nairobi, now
from payments.models import MoneyOp, Refund
from payments.services.proof import prove
from payments.tests.base import INITIATE, make_due, next_key
from payments.tests.factories import make_payment, op_of
from payments.tests.fault_matrix import FaultMatrixCase
from payments.tests.refund_base import CommittingRefundTestCase
from settlements.models import Settlement, SettlementLine
from settlements.schedule import ONE_DAY, end_of, last_due
from settlements.selectors.settlement_terms import holidays
from settlements.tests.settlements import LAST_INSTANT, pay_on
from tests.simulator_process import simulator
from tests.workers import FINISHED, KILLED, workers

SWEEP = "payments.services.sweep.sweep"
SEND_OUT, SETTLE = "payments.services.out_sending.send_out", "settlements.services.settling.settle"
ASK = "tests.workers.ask"
TEN_MINUTES, HOUR = 600.0, 3600.0
WRONG = (TEN_MINUTES, -TEN_MINUTES, -HOUR)
FIRST_INSTANT = time(0)


def work(job: str, *, clock: float, **order: Any) -> list[str]:
    """The steps of a worker on a host whose clock is wrong by so many seconds."""
    ended, steps = workers().run(job, clock=clock, **order)
    assert ended == FINISHED
    return steps


class F26Payments(FaultMatrixCase):
    def test_F26_what_is_due_is_asked_about(self) -> None:
        """Also by a host whose clock has jumped back to before it was due."""
        for clock in WRONG:
            with self.subTest(clock=clock):
                payment = self.start()
                simulator().approve(op_of(payment).provider_ref or "")
                make_due(op=op_of(payment))
                work(SWEEP, clock=clock)
                self.assert_paid_once(payment)

    def test_F26_what_is_not_due_is_left_alone(self) -> None:
        self.start()
        before = simulator().summary()["queries"]
        work(SWEEP, clock=TEN_MINUTES)
        self.assertEqual(simulator().summary()["queries"], before)

    def test_F26_a_sending_that_lives_is_not_taken_for_dead(self) -> None:
        """Its lease ends a minute after it began, whoever looks."""
        payment = make_payment(self.merchant, status="initiated")
        work(SWEEP, clock=TEN_MINUTES)
        self.assertEqual(op_of(payment).status, "sending")
        self.assert_state(payment, "initiated")

    def test_F26_a_sending_by_a_host_that_is_behind_or_ahead(self) -> None:
        for clock in WRONG:
            with self.subTest(clock=clock):
                headers = self.headers | {"Idempotency-Key": next_key()}
                order = {"path": f"/api/v1/{INITIATE}", "headers": headers, "body": self.body()}
                work(ASK, clock=clock, arguments=order)
                op = MoneyOp.objects.latest("id")
                self.assertEqual(op.status, "accepted")
                self.assertLess(abs(op.next_check - op.sent_at), timedelta(minutes=1))
                self.assertLess(abs(op.created_at - op.sent_at), timedelta(minutes=1))

    def test_F26_nothing_expires_before_its_hour(self) -> None:
        """51 minutes after the prompt the provider says for the second time that it is open."""
        payment = self.start()
        self.sweep_due(age=timedelta(minutes=51))
        MoneyOp.objects.update(next_check=now())
        work(SWEEP, clock=TEN_MINUTES)
        self.assertEqual(op_of(payment).answered_checks, 2)
        self.assert_state(payment, "pending")

    def test_F26_the_hour_ends_on_a_host_that_is_behind(self) -> None:
        payment = self.start()
        self.sweep_due(age=timedelta(minutes=61))
        MoneyOp.objects.update(next_check=now())
        work(SWEEP, clock=-TEN_MINUTES)
        self.assert_unpaid(payment, "expired", booked=1)


class F26Refunds(CommittingRefundTestCase):
    def test_F26_what_waits_is_sent(self) -> None:
        payment = self.paid(amount=1000)
        for clock in WRONG:
            with self.subTest(clock=clock):
                refund = self.refund(payment, amount=40)
                work(SEND_OUT, clock=clock)
                self.bring_results(refund)
                self.assert_refund(refund, "completed")
                self.assert_paid_once(refund, minor=40_00)
        self.assert_clean()

    def test_F26_a_sending_that_lives_is_not_doubted(self) -> None:
        self.refund(self.paid(), amount=40)
        self.assertEqual(workers().run(SEND_OUT, die_at=4)[0], KILLED)
        work(SWEEP, clock=TEN_MINUTES)
        self.assertEqual(MoneyOp.objects.get(refund__isnull=False).status, "sending")
        self.assert_refund(Refund.objects.get(), "pending", pending_reason="awaiting_provider")


class F26Settlements(TransactionTestCase):
    """The database's clock cannot be set in a test: the days move instead."""

    # Around a leap day, the end of a month, and the end of a year.
    DAYS = tuple(date.fromisoformat(day) for day in ("2024-02-28", "2024-02-29", "2025-04-30", "2025-12-31"))

    def settle_on_both_hosts(self, day: date) -> None:
        for clock in (TEN_MINUTES, -TEN_MINUTES):
            work(SETTLE, clock=clock, arguments={"day": day.isoformat(), "by_hand": True})

    def test_F26_a_day_ends_at_its_last_instant(self) -> None:
        """Each transfer is in one batch: that of the first day, of those settled, by which it was due."""
        merchant, wanted = make_merchant(), Counter[date]()
        runs = [day + n * ONE_DAY for day in self.DAYS for n in range(4)]
        for number, day in enumerate(self.DAYS):
            for gross, at in ((100_00 + number, FIRST_INSTANT), (7_00 + number, LAST_INSTANT)):
                pay_on(merchant, gross, day=day, at=at)
                wanted[next(run for run in sorted(runs) if last_due(run + ONE_DAY, 1, holidays()) >= day)] += gross
        for run in sorted(set(runs)):
            self.settle_on_both_hosts(run)
        self.assertEqual(dict(Settlement.objects.values_list("day", "total")), wanted)
        self.assertEqual(SettlementLine.objects.count(), 2 * len(self.DAYS))
        self.assertEqual([found.invariant.name for found in prove() if found.rows], [])

    def test_F26_the_day_that_is_over(self) -> None:
        """Yesterday may be settled some minutes after midnight. Hosts ten minutes off agree about when that is."""
        yesterday, merchant = nairobi(now()).date() - ONE_DAY, make_merchant()
        minutes = (now() - end_of(yesterday)).total_seconds() / 60
        for opens_in, clock, wanted in ((5, TEN_MINUTES, 0), (-5, -TEN_MINUTES, 1)):
            with self.subTest(clock=clock):
                pay_on(merchant, 100_00, day=yesterday - 7 * ONE_DAY)
                opens = {"SETTLEMENT_OPENS_MINUTES": minutes + opens_in}
                work(SETTLE, clock=clock, settings=opens, arguments={"by_hand": True})
                self.assertEqual(Settlement.objects.filter(day=yesterday).count(), wanted)
