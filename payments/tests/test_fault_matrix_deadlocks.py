"""The fault matrix, a deadlock injected: whoever must give way does its whole work again, and the caller never knows."""

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from django.db import connection, transaction
from django.http import HttpResponse

from merchants.tests.threads import deadlocks
from payments.models import Refund
from payments.tests.payout_base import CommittingSentPayoutTestCase
from payments.tests.refund_base import REFUND
from settlements.models import LedgerAccount, Payout
from settlements.tests.base import balance, execute
from settlements.tests.payouts import PHONE, keyed

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


class F24Deadlocks(CommittingSentPayoutTestCase):
    def ask_in_its_way(
        self, path: str, body: dict[str, object], *, first: str, then: str, key: UUID | int
    ) -> HttpResponse:
        """Ask while somebody holds the row that is taken later, and then wants the one that was taken before."""

        def ask() -> HttpResponse:
            try:
                return self.post(path, body, keyed(self.headers))
            finally:
                connection.close()

        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic():
                # Whose patience ends first is not left to chance: the asker must give way.
                execute("SET LOCAL deadlock_timeout = '60s'")
                execute("SET LOCAL lock_timeout = '60s'")
                self.assertTrue(execute(first))
                asked = pool.submit(ask)
                while not execute(WAITING)[0][0]:
                    time.sleep(0.005)
                self.assertTrue(execute(then, key))
            return asked.result()

    def test_F24_a_refund_that_must_give_way(self) -> None:
        payment = self.paid()
        before = deadlocks()
        answer = self.ask_in_its_way(
            REFUND,
            {"reference": payment.reference, "reason": "Returned", "amount": 40},
            first="SELECT 1 FROM ledger_account WHERE kind = 'available' FOR UPDATE",
            then="SELECT 1 FROM transactions WHERE id = %s FOR UPDATE",
            key=payment.id,
        )
        self.assertEqual(answer.status_code, 201, answer.content)
        self.assertEqual(deadlocks(), before + 1)
        self.assertEqual(Refund.objects.get().amount, 40_00)
        self.assertEqual(balance("refund_hold", self.merchant), 40_00)
        self.assert_clean()

    def test_F24_a_payout_that_must_give_way(self) -> None:
        before = deadlocks()
        account = LedgerAccount.objects.get(kind="available", merchant=self.merchant)
        self.payout(amount=10)
        answer = self.ask_in_its_way(
            "payouts/",
            {"amount": 100, "destination": PHONE, "reason": "Earnings"},
            first=f"SELECT 1 FROM audit_head WHERE stream = 'm{self.merchant.id}' FOR UPDATE",
            then="SELECT 1 FROM ledger_account WHERE id = %s FOR UPDATE",
            key=account.id,
        )
        self.assertEqual(answer.status_code, 201, answer.content)
        self.assertEqual(deadlocks(), before + 1)
        self.assertEqual(Payout.objects.count(), 2)
        self.assertEqual(balance("payout_hold", self.merchant), 110_00)
        self.assert_clean()
