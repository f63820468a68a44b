"""The fault matrix, a settlement killed (kill -9) before any of its steps: the next run ends with the same to the cent."""

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.test import TransactionTestCase

from merchants.models import Merchant, Role
from merchants.tests.factories import make_merchant, make_user
from merchants.tests.threads import deadlocks
from payments.services.proof import prove
from settlements.models import LedgerTransfer, Payout, Settlement, SettlementLine
from settlements.services.batches import run_settlement
from settlements.services.destinations import add_destination
from settlements.services.profiles import set_profile
from settlements.services.settling import settle
from settlements.tests.base import balance, execute
from settlements.tests.payouts import BANK, person_of
from settlements.tests.settlements import MONDAY, TUESDAY, give_back_on, pay_on
from tests.dying import Dying
from webhooks.models import Event

DETAILS = {name: text for name, text in BANK.items() if name != "type"}


def settle_one(merchant_id: str) -> None:
    """What each of the processes does. The proof of the books changes nothing; it is asked at the end, of everything."""
    settings.SETTLEMENT_PROOF = "builtins.str"
    settle(day=TUESDAY, merchant_id=UUID(merchant_id))


class SettlementCase(TransactionTestCase):
    def shops(self, count: int) -> list[Merchant]:
        """Each with a batch of Monday whose reserve comes back, and money of Tuesday: in, some of it given back."""
        user = make_user()
        merchants = [make_merchant() for _ in range(count)]
        for merchant in merchants:
            person = person_of(merchant, user, Role.OWNER)
            kept = add_destination(person, type="bank", details=DETAILS, label="Main")
            set_profile(merchant.id, actor="tests", destination_id=kept.id, reserve_bps=1_000, reserve_days=1)
            pay_on(merchant, 50_00, day=MONDAY)
        run_settlement(day=MONDAY)
        for merchant in merchants:
            pay_on(merchant, 200_00, fee=2_00, day=TUESDAY)
            give_back_on(merchant, 10_00, day=TUESDAY)
        return merchants


class F28Killed(SettlementCase):
    def assert_settled(self, merchant: Merchant) -> None:
        """188 released, a tenth kept back, Monday's tenth returned, all that may be used on its way."""
        row = Settlement.objects.get(merchant=merchant, day=TUESDAY)
        self.assertEqual(
            (row.status, row.total, row.fee, row.reserve, row.available, row.returned),
            ("processing", 188_00, 2_00, 18_80, 169_20, 5_00),
        )
        self.assertEqual(sorted(row.lines.values_list("kind", "amount")), [
            ("capture", 198_00), ("refund", -10_00), ("reserve_return", 5_00),
        ])  # fmt: skip
        payout = Payout.objects.get(merchant=merchant)
        self.assertEqual((payout.id, payout.amount), (row.payout_id, 219_20))
        kinds = ("pending", "reserve", "available", "payout_hold")
        self.assertEqual([balance(kind, merchant) for kind in kinds], [0, 18_80, 0, 219_20])

    def test_F28_killed_before_any_step(self) -> None:
        with Dying("settlements.tests.test_fault_matrix_settlement:settle_one") as process:
            steps = process.do(str(self.shops(1)[0].id))
            died = [process.die(str(shop.id), before=number) for number, shop in enumerate(self.shops(steps), 1)]
        self.assertEqual(died, sorted(died, reverse=True))
        self.assertGreater(sum(died), 25)
        settle(day=TUESDAY)
        for number, merchant in enumerate(Merchant.objects.order_by("created_at")):
            with self.subTest(killed_before=number):
                self.assert_settled(merchant)
        self.assert_once(steps + 1)
        settle(day=TUESDAY)
        self.assert_once(steps + 1)

    def assert_once(self, shops: int) -> None:
        kinds = LedgerTransfer.objects.values_list("kind", flat=True)
        self.assertEqual(sum(kind == "settlement_release" for kind in kinds), 2 * shops)
        self.assertEqual(sum(kind == "payout_hold" for kind in kinds), shops)
        self.assertEqual(SettlementLine.objects.count(), 4 * shops)
        for name in ("created", "closed"):
            self.assertEqual(Event.objects.filter(type=f"settlement.{name}").count(), 2 * shops)
        self.assertEqual(Event.objects.filter(type="payout.created").count(), shops)
        self.assertEqual([finding.invariant.name for finding in prove() if finding.rows], [])


class InOrder(SettlementCase):
    def test_a_release_beside_a_payout(self) -> None:
        """Both want Monday's batch, whose reserve comes back and whose money goes out, and the merchant's accounts."""
        (merchant,) = self.shops(1)
        monday, before = Settlement.objects.get(day=MONDAY), deadlocks()

        def settle_tuesday() -> None:
            try:
                run_settlement(day=TUESDAY)
            finally:
                connection.close()

        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic():
                Settlement.objects.select_for_update().get(id=monday.id)
                settling = pool.submit(settle_tuesday)
                while not execute("SELECT count(*) FROM pg_locks WHERE NOT granted")[0][0]:
                    time.sleep(0.005)
                execute("SELECT 1 FROM ledger_account WHERE kind = 'available' FOR UPDATE")
            settling.result()
        self.assertEqual(deadlocks(), before)
        self.assertEqual(Settlement.objects.get(merchant=merchant, day=TUESDAY).returned, 5_00)
