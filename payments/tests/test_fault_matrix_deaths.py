"""The fault matrix, processes killed (kill -9) before any of their steps: done again, it is as if nobody had died."""

import json
from datetime import date, timedelta
from typing import Any

from django.test import Client, override_settings

from merchants.models import IdempotencyKey
from merchants.tests.threads import deadlocks
from onpoint_pay.kit.clock import now
from payments.models import MoneyOp
from payments.services.bank_files import export_file
from payments.services.bank_results import import_results
from payments.tests.base import NOBODY, next_key
from payments.tests.payout_base import CommittingSentPayoutTestCase
from settlements.models import Payout
from settlements.tests.base import balance
from settlements.tests.payouts import BANK, PHONE, keyed
from tests.dying import Dying
from tests.simulator_process import simulator
from webhooks.models import Event


def ask(path: str, headers: dict[str, str], body: dict[str, Any]) -> None:
    """A request at a web process of its own."""
    Client(SERVER_NAME="127.0.0.1").post(f"/api/v1/{path}", json.dumps(body), "application/json", headers=headers)


def take_results(text: str) -> None:
    import_results(text.encode(), mode="test", actor="tests")


class Deaths(CommittingSentPayoutTestCase):
    def wait_for_the_dead(self) -> None:
        """What a killed process had begun is undone when the server has noticed."""
        deadlocks()


@override_settings(IDEMPOTENCY_WAIT_SECONDS=0.1)
class F22Payouts(Deaths):
    def assert_asked_once(self, path: str, body: dict[str, Any], *, payouts: int, least: int) -> None:
        """Killed before any step and asked again with its key: one answer, its payouts once, their money held once."""
        headers = self.headers | {"Idempotency-Key": next_key()}
        with Dying("payments.tests.test_fault_matrix_deaths:ask", SIMULATOR_URL=simulator().url, BASE_URL=NOBODY) as it:
            keys = [next_key() for _ in range(it.do(path, headers, body))]
            died = [it.die(path, headers | {"Idempotency-Key": key}, body, before=n) for n, key in enumerate(keys, 1)]
        self.assertGreater(sum(died), least)
        self.wait_for_the_dead()
        IdempotencyKey.objects.update(lease_until=now() - timedelta(seconds=1))
        for number, key in enumerate(keys, 1):
            with self.subTest(killed_before=number):
                answers = [self.post(path, body, headers | {"Idempotency-Key": key}) for _ in range(2)]
                self.assertEqual([answer.status_code for answer in answers], [201, 201])
                self.assertEqual(answers[0].content, answers[1].content)
        asked = (len(keys) + 1) * payouts
        self.assertEqual(Payout.objects.count(), asked)
        self.assertEqual(balance("payout_hold", self.merchant), asked * 10_00)
        self.assertEqual(Event.objects.filter(type="payout.created").count(), Payout.objects.count())
        self.assert_clean()

    def test_F22_a_payout_killed_before_any_step(self) -> None:
        body = {"amount": 10, "destination": PHONE, "reason": "Ride"}
        self.assert_asked_once("payouts/", body, payouts=1, least=10)

    def test_F22_a_batch_killed_before_any_step(self) -> None:
        items = [{"amount": 10, "destination": PHONE, "reason": "Ride"} for _ in range(2)]
        self.assert_asked_once("payout-batches/", {"description": "Riders", "items": items}, payouts=2, least=20)


class F29Results(Deaths):
    def test_F29_results_killed_before_any_step(self) -> None:
        """Lines that were taken in stay so; the next import takes the others, and each counts once."""
        shares, files = 50, []
        items = [{"amount": 10, "destination": BANK, "reason": "Rent"} for _ in range(2 * shares)]
        self.post("payout-batches/", {"description": "Rents", "items": items}, keyed(self.headers))
        export_file("bank", "main", mode="test", day=date(2026, 11, 21), actor="tests")
        refs = list(MoneyOp.objects.order_by("payout__line").values_list("client_ref", flat=True))
        for number, (paid, failed) in enumerate(zip(refs[::2], refs[1::2], strict=True)):
            files.append(f"line,result,amount,receipt,reason\n{paid},paid,10,FT{number},\n{failed},failed,,,x\n")
        with Dying("payments.tests.test_fault_matrix_deaths:take_results") as process:
            steps = process.do(files[0])
            died = [process.die(text, before=number) for number, text in enumerate(files[1 : steps + 1], 1)]
        self.assertGreater(sum(died), 20)
        self.wait_for_the_dead()
        for text in files:
            take_results(text)
        for status, told in (("succeeded", refs[::2]), ("failed", refs[1::2])):
            self.assertEqual(set(MoneyOp.objects.filter(status=status).values_list("client_ref", flat=True)), set(told))
        self.assertEqual(balance("payout_hold", self.merchant), 0)
        self.assertEqual(balance("available", self.merchant), 10_000_00 - shares * 10_00)
        for name in ("completed", "failed"):
            self.assertEqual(Event.objects.filter(type=f"payout.{name}").count(), shares)
        self.assert_clean()
