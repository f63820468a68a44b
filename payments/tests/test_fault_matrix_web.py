"""The fault matrix, web processes killed (kill -9) between any two steps: a repeat gets one answer, and there is one
operation."""

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.test import override_settings

from merchants.models import IdempotencyKey
from onpoint_pay.kit.clock import now
from payments.models import MoneyOp, Payment, Refund
from payments.services.proof import prove
from payments.tests.base import INITIATE, NOBODY, next_key
from payments.tests.fault_matrix import FaultMatrixCase
from payments.tests.refund_base import REFUND, CommittingRefundTestCase
from tests.simulator_process import simulator

# Another web process: it answers one request, and dies as soon as it is before or after the nth call of a function.
CHILD = """
import json, os, signal, sys
from importlib import import_module
import django
django.setup()
from django.test import Client

where, path, headers, body = sys.argv[1:]
place, nth, moment = where.split("#")
module, name = place.rsplit(".", 1)
module = import_module(module)
real, calls = getattr(module, name), 0

def deadly(*args, **more):
    global calls
    calls += 1
    if calls == int(nth) and moment == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    answer = real(*args, **more)
    if calls == int(nth) and moment == "after":
        os.kill(os.getpid(), signal.SIGKILL)
    return answer

setattr(module, name, deadly)
client = Client(SERVER_NAME="127.0.0.1")
print(client.post(path, body, "application/json", headers=json.loads(headers)).content)
"""


def die_at(where: str, path: str, headers: dict[str, str], body: dict[str, Any]) -> int:
    """Ask in a process of its own that dies at `module.function#nth#before|after`; how it ended."""
    database = connection.settings_dict
    password = quote(database["PASSWORD"], safe="")
    url = f"postgres://{quote(database['USER'])}:{password}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    environ = os.environ | {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "onpoint_pay.settings",
        "SIMULATOR_URL": simulator().url,
        "BASE_URL": NOBODY,
    }
    command = [sys.executable, "-c", CHILD, where, f"/api/v1/{path}", json.dumps(headers), json.dumps(body)]
    return subprocess.run(command, env=environ, cwd=settings.BASE_DIR, timeout=120, check=False).returncode


@override_settings(IDEMPOTENCY_WAIT_SECONDS=0.1)
class F22Payments(FaultMatrixCase):
    def ask_and_die(self, where: str) -> tuple[dict[str, str], dict[str, Any]]:
        headers, body = self.headers | {"Idempotency-Key": next_key()}, self.body(reference="ORDER-22")
        self.assertEqual(die_at(where, INITIATE, headers, body), -signal.SIGKILL)
        return headers, body

    def repeat(self, headers: dict[str, str], body: dict[str, Any]) -> HttpResponse:
        return self.post(INITIATE, body, headers)

    def assert_one(self, headers: dict[str, str], body: dict[str, Any], *, prompts: int) -> Payment:
        """A repeat is answered with the one payment there is, and so is the next; nothing is sent again."""
        IdempotencyKey.objects.update(lease_until=now() - timedelta(seconds=1))
        first = self.repeat(headers, body)
        self.assertEqual(first.status_code, 201, first.content)
        payment = self.only_payment()
        self.assertEqual(self.repeat(headers, body).content, first.content)
        self.assertEqual(MoneyOp.objects.count(), 1)
        self.assertEqual(len(self.lines(payment)), prompts)
        self.assertEqual([found.invariant.name for found in prove() if found.rows], [])
        return payment

    def test_F22_before_the_claim_row(self) -> None:
        headers, body = self.ask_and_die("payments.services.initiate.fetch_one#1#before")
        self.assertFalse(Payment.objects.exists() or IdempotencyKey.objects.exists())
        payment = self.assert_one(headers, body, prompts=1)
        self.pay(payment)
        self.assert_paid_once(payment)

    def test_F22_after_the_intent_is_committed(self) -> None:
        """Whether the prompt is out is not known: it is not sent again, and the provider is asked."""
        headers, body = self.ask_and_die("payments.services.initiate.fetch_one#1#after")
        self.assertEqual(self.only_payment().status, "initiated")
        self.assert_problem(self.repeat(headers, body), 409, "idempotency_in_progress")
        payment = self.assert_one(headers, body, prompts=0)
        self.assert_state(payment, "pending", pending_reason="reconciling")
        self.assert_no_money(payment)

    def test_F22_after_the_call(self) -> None:
        """The provider has the prompt, and we do not know it: its callback finds the payment by its address."""
        headers, body = self.ask_and_die("payments.services.initiate._handed_over#1#before")
        self.assertEqual(self.only_payment().status, "initiated")
        payment = self.assert_one(headers, body, prompts=1)
        (line,) = self.lines(payment)
        simulator().approve(line["checkout_request_id"])
        (callback,) = simulator().callbacks(line["checkout_request_id"])
        door = callback["url"].removeprefix(NOBODY)
        self.bring(callback["body"].encode(), door)
        self.apply()
        self.assert_paid_once(payment)

    def test_F22_after_the_answer_is_committed(self) -> None:
        headers, body = self.ask_and_die("payments.services.initiate.fetch_one#2#after")
        self.assertEqual(self.only_payment().status, "pending")
        payment = self.assert_one(headers, body, prompts=1)
        self.pay(payment)
        self.assert_paid_once(payment)


@override_settings(IDEMPOTENCY_WAIT_SECONDS=0.1)
class F22Refunds(CommittingRefundTestCase):
    """A part of a payment: asked for twice it would go out twice, were it not for the key."""

    def assert_once(self, where: str, *, exists: bool) -> None:
        payment = self.paid()
        headers = self.headers | {"Idempotency-Key": next_key()}
        body = {"reference": payment.reference, "reason": "Returned", "amount": "40.00"}
        self.assertEqual(die_at(where, REFUND, headers, body), -signal.SIGKILL)
        self.assertEqual(Refund.objects.exists(), exists, where)
        self.assert_clean()
        IdempotencyKey.objects.update(lease_until=now() - timedelta(seconds=1))
        first = self.post(REFUND, body, headers)
        self.assertEqual(first.status_code, 201, first.content)
        self.assertEqual(self.post(REFUND, body, headers).content, first.content)
        refund = Refund.objects.get()
        self.assert_ops(refund, ("b2c", "created"))
        self.assert_counters(payment, held=40_00)
        self.assert_told(refund, "created")
        self.assert_clean()

    def test_F22_before_the_claim_row(self) -> None:
        self.assert_once("merchants.idempotency._take#1#before", exists=False)

    def test_F22_after_the_claim_row(self) -> None:
        self.assert_once("merchants.idempotency._take#1#after", exists=False)

    def test_F22_with_the_money_held_and_nothing_committed(self) -> None:
        self.assert_once("payments.services.refunds._hold#1#after", exists=False)

    def test_F22_before_the_answer_is_kept(self) -> None:
        self.assert_once("merchants.idempotency._keep#1#before", exists=False)

    def test_F22_after_the_answer_is_committed(self) -> None:
        self.assert_once("merchants.idempotency._run#1#after", exists=True)
