"""The fault matrix, workers killed (kill -9) before every step they take: nothing is lost, and nothing is done twice."""

import os
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.test import TransactionTestCase, override_settings

from merchants.models import Role
from merchants.tests.factories import make_member, make_merchant
from onpoint_pay.kit.clock import now
from payments.models import MoneyOp, Payment, ProviderEvent, ProviderQuestion, Refund
from payments.services.callbacks import apply_callbacks
from payments.services.out_sending import send_out
from payments.services.payout_start import start_payouts
from payments.services.proof import prove
from payments.services.sweep import sweep
from payments.tests.base import NOBODY, make_due
from payments.tests.factories import op_of
from payments.tests.fault_matrix import FaultMatrixCase
from payments.tests.payout_base import CommittingSentPayoutTestCase
from payments.tests.refund_base import CommittingRefundTestCase, RefundCalls
from settlements.models import LedgerTransfer, Payout, Settlement, SettlementLine
from settlements.services.destinations import add_destination
from settlements.services.profiles import set_profile
from settlements.services.settling import settle
from settlements.tests.payouts import BANK, person_of
from settlements.tests.settlements import MONDAY, pay_on
from tests.simulator_process import simulator
from tests.workers import FINISHED, KILLED, workers
from webhooks.models import Delivery, Event, Lane
from webhooks.tests.factories import drain, make_endpoint, publish
from webhooks.tests.receiver import Receiver

APPLY, SWEEP = "payments.services.callbacks.apply_callbacks", "payments.services.sweep.sweep"
SEND_OUT, SEND_PAYOUTS = "payments.services.out_sending.send_out", "payments.tasks.send_payouts"
PUT_QUESTIONS, SETTLE = "payments.services.questions.put_questions", "settlements.services.settling.settle"
DRAIN = "webhooks.services.drain.drain_until_idle"
# Workers that are left alone before others are killed.
WHOLE = 2
B2C, STATUS = "POST /mpesa/b2c/v3/paymentrequest", "POST /mpesa/transactionstatus/v1/query"


def kill_at_every_step(job: str, *, bring_work: Callable[[], Any]) -> tuple[list[str], list[int]]:
    """Workers do the job to its end; then, before each step of it, one is killed. Each has new work to do.

    `bring_work` gives what the worker is told, if anything. Returns the steps, and those somebody died before.
    """
    for _ in range(WHOLE):  # the first one fills the caches
        ended, steps = workers().run(job, **(bring_work() or {}))
        assert ended == FINISHED
    deaths = points(steps)
    for step in deaths:
        assert workers().run(job, die_at=step, **(bring_work() or {}))[0] == KILLED, (step, steps)
    return steps, deaths


def points(steps: list[str]) -> list[int]:
    """The numbers of the steps to die at: before and after whatever cannot be undone, and once inside each transaction.

    EVERY_STEP=1 takes them all. To die elsewhere inside a transaction comes to the same, because it is undone.
    """
    if os.environ.get("EVERY_STEP"):
        return list(range(1, len(steps) + 1))
    lasting = [number for number, step in enumerate(steps, start=1) if is_lasting(step)]
    return sorted({1, *lasting, *(number + 1 for number in lasting if number < len(steps))})


def between(steps: list[str], deaths: list[int]) -> int:
    """How many died with a sending that was committed and not yet sent."""
    sent = steps.index(B2C) + 1
    committed = max(number for number, step in enumerate(steps[:sent], start=1) if step == "COMMIT")
    return sum(committed < death <= sent for death in deaths)


def is_lasting(step: str) -> bool:
    return step == "COMMIT" or step.startswith(("GET ", "POST ", "UPDATE provider_event"))


def broken() -> list[str]:
    return [found.invariant.name for found in prove() if found.rows]


class F23Payments(FaultMatrixCase):
    def approved(self) -> Payment:
        """The payer has paid, and nobody has told us."""
        payment = self.start()
        simulator().approve(op_of(payment).provider_ref or "")
        return payment

    def assert_all_paid_once(self) -> None:
        for payment in Payment.objects.all():
            self.assert_paid_once(payment)
        self.assertEqual(broken(), [])

    def test_F23_applying_callbacks(self) -> None:
        def bring_one() -> None:
            payment = self.approved()
            (callback,) = simulator().callbacks(op_of(payment).provider_ref or "")
            self.bring(callback["body"].encode(), callback["url"].removeprefix(NOBODY))

        steps, _ = kill_at_every_step(APPLY, bring_work=bring_one)
        self.assertIn("COMMIT", steps)
        ProviderEvent.objects.update(next_try=now())
        apply_callbacks()
        self.assertEqual(set(ProviderEvent.objects.values_list("status", flat=True)), {"applied"})
        self.assert_all_paid_once()

    def test_F23_sweeping(self) -> None:
        steps, _ = kill_at_every_step(SWEEP, bring_work=lambda: make_due(op=op_of(self.approved())))
        self.assertIn("POST /mpesa/stkpushquery/v1/query", steps)
        make_due()
        sweep()
        self.assert_all_paid_once()

    def test_F23_two_sweepers(self) -> None:
        for _ in range(12):
            self.approved()
        before = simulator().summary()["queries"]
        make_due()
        workers().run_together(SWEEP, count=2)
        self.assertEqual(simulator().summary()["queries"] - before, 12)
        self.assert_all_paid_once()


class MoneyOut(RefundCalls):
    def conclude(self) -> None:
        """Long after: leases are over, the provider is asked about every doubt, and all it says has come."""
        MoneyOp.objects.exclude(lease_until=None).update(lease_until=now() - timedelta(seconds=1))
        for _ in range(2):
            MoneyOp.objects.exclude(next_check=None).update(next_check=now())
            sweep()
            start_payouts()
            send_out()
            self.bring_answers()
        lines = [line for line in self.book() if line["status"] == "completed"]
        self.bring_all([told for line in lines for told in self.told(line)])

    def sendings(self) -> Counter[str]:
        """How often the provider was told to send money, by our names."""
        return Counter(line["originator_conversation_id"] for line in self.book(kind="b2c"))

    def assert_each_once_or_not_at_all(self, *, never_sent: int) -> None:
        """Completed here and paid there, or still held here and never sent."""
        sendings = self.sendings()
        self.assertEqual(set(sendings.values()), {1})  # type: ignore[attr-defined]
        ops = dict(MoneyOp.objects.filter(kind="b2c").values_list("client_ref", "status"))
        self.assertEqual({ops[name] for name in sendings}, {"succeeded"})  # type: ignore[attr-defined]
        left = [status for name, status in ops.items() if name not in sendings]
        self.assertEqual(left, ["unknown"] * never_sent)  # type: ignore[attr-defined]
        self.assert_clean()


class F23Refunds(MoneyOut, CommittingRefundTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.payment = self.paid(amount=10_000)

    def ask_one(self) -> None:
        self.refund(self.payment, amount=40)

    def test_F23_sending_refunds(self) -> None:
        """Whoever died between the commit of a sending and the request itself leaves a doubt, and no second sending."""
        never_sent = between(*kill_at_every_step(SEND_OUT, bring_work=self.ask_one))
        self.assertGreaterEqual(never_sent, 2)
        self.conclude()
        self.assert_each_once_or_not_at_all(never_sent=never_sent)
        states = Counter(Refund.objects.values_list("status", flat=True))
        self.assertEqual(states["pending"], never_sent)
        self.assertEqual(set(states), {"pending", "completed"})
        self.assert_counters(self.payment, held=never_sent * 40_00, refunded=states["completed"] * 40_00)

    def test_F23_putting_questions(self) -> None:
        """About money whose sending and result both got no answer."""

        def doubt_one() -> None:
            self.faults("send_reset", "result_lost")
            refund = self.sent(self.payment, amount=40)
            self.calm()
            MoneyOp.objects.filter(refund=refund).update(next_check=now())
            sweep()

        steps, _ = kill_at_every_step(PUT_QUESTIONS, bring_work=doubt_one)
        self.assertIn(STATUS, steps)
        self.assertLess(ProviderQuestion.objects.filter(status="answered").count(), len(steps))
        self.conclude()
        self.assert_each_once_or_not_at_all(never_sent=0)
        self.assert_counters(self.payment, refunded=Refund.objects.count() * 40_00)

    def test_F23_two_senders(self) -> None:
        for _ in range(8):
            self.ask_one()
        workers().run_together(SEND_OUT, count=2)
        self.conclude()
        self.assert_each_once_or_not_at_all(never_sent=0)
        self.assert_counters(self.payment, refunded=8 * 40_00)


class F23Payouts(MoneyOut, CommittingSentPayoutTestCase):
    def test_F23_sending_payouts(self) -> None:
        def ask_one() -> None:
            # What the dead have not begun would be begun first.
            start_payouts()
            send_out()
            self.to_phone()

        never_sent = between(*kill_at_every_step(SEND_PAYOUTS, bring_work=ask_one))
        self.assertGreaterEqual(never_sent, 2)
        self.conclude()
        self.assert_each_once_or_not_at_all(never_sent=never_sent)
        states = Counter(Payout.objects.values_list("status", flat=True))
        self.assertEqual(states, {"pending": never_sent, "completed": Payout.objects.count() - never_sent})
        paid = states["completed"] * 100_00
        self.assert_balances(payout_hold=never_sent * 100_00, available=10_000_00 - paid - never_sent * 100_00)


class F23Settlements(TransactionTestCase):
    def shop(self) -> dict[str, Any]:
        """A merchant with money that falls due, part of it kept back, and the rest to be paid out."""
        merchant = make_merchant()
        owner = person_of(merchant, make_member(merchant, Role.OWNER), Role.OWNER)
        kept = add_destination(
            owner, type="bank", details={name: BANK[name] for name in BANK if name != "type"}, label="Main"
        )
        set_profile(merchant.id, actor="tests", reserve_bps=500, reserve_days=30, destination_id=kept.id)
        for gross in (100_00, 250_55):
            pay_on(merchant, gross, fee=5, day=MONDAY)
        return {"arguments": {"day": MONDAY.isoformat(), "merchant_id": str(merchant.id)}}

    def test_F23_settling(self) -> None:
        _, deaths = kill_at_every_step(SETTLE, bring_work=self.shop)
        shops = WHOLE + len(deaths)
        settle(day=MONDAY)
        settle(day=MONDAY)
        rows = Settlement.objects.values_list("status", "total", "reserve", "available")
        self.assertEqual(Counter(rows), {("processing", 350_45, 17_52, 332_93): shops})
        self.assertEqual(SettlementLine.objects.count(), 2 * shops)
        self.assertEqual(LedgerTransfer.objects.filter(kind="settlement_release").count(), shops)
        self.assertEqual(Counter(Payout.objects.values_list("amount", "status")), {(332_93, "pending"): shops})
        told = Counter(Event.objects.filter(type__startswith="settlement.").values_list("type", flat=True))
        self.assertEqual(told, {"settlement.created": shops, "settlement.closed": shops})
        self.assertEqual(broken(), [])


@override_settings(WEBHOOK_ALLOW_PRIVATE=True)
class F23Webhooks(TransactionTestCase):
    def test_F23_draining(self) -> None:
        """Each event comes at least once, and twice only when the drain died with the answer in its hands."""
        with Receiver() as receiver:

            def publish_one() -> dict[str, Any]:
                merchant = make_merchant()
                make_endpoint(merchant, url=f"{receiver.url}/{merchant.id}")
                publish(merchant)
                return {"arguments": {"seconds": 30}, "settings": {"WEBHOOK_ALLOW_PRIVATE": True}}

            _, deaths = kill_at_every_step(DRAIN, bring_work=publish_one)
            before = Counter(received.headers["webhook-id"] for received in receiver.received)
            self.assertEqual(set(before.values()), {1})
            Lane.objects.update(lease_until=now() - timedelta(seconds=1))
            drain()
            came = Counter(received.headers["webhook-id"] for received in receiver.received)
        self.assertEqual(set(Delivery.objects.values_list("state", flat=True)), {"delivered"})
        self.assertEqual(len(came), WHOLE + len(deaths))
        self.assertLessEqual(max(came.values()), 2)
