"""The fault matrix, F14 to F16: questions and tokens that fail, and the whole book at the end."""

import json
import threading
from datetime import timedelta

from django.core.cache import cache
from django.db import connection
from django.test import Client

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.money import Money
from payments import schedule
from payments.models import Payment
from payments.tests.claims import failure_body
from payments.tests.factories import op_of
from payments.tests.fault_matrix import FaultMatrixCase
from settlements.models import LedgerEntry, LedgerTransfer
from tests.simulator_process import simulator
from webhooks.models import Event

HOUR = timedelta(hours=1)


class QueryFaultsTest(FaultMatrixCase):
    def test_F14_query_that_contradicts_a_callback_takes_nothing_back(self) -> None:
        payment = self.start()
        self.pay(payment)
        self.faults("query_contradicts")
        self.sweep_due()
        self.assertEqual(self.post("payments/status/", {"reference": payment.reference}, self.headers).status_code, 200)
        self.assert_paid_once(payment)

    def test_F14_query_that_says_pending_errs_or_is_throttled_goes_on(self) -> None:
        for kind in ("query_pending", "query_500", "query_spike", "token_invalid"):
            with self.subTest(kind):
                simulator().reset()
                payment = self.start(scenario="callback.lost=1")
                simulator().approve(op_of(payment).provider_ref or "")
                self.faults(kind)
                self.sweep_due()
                self.assert_state(payment, "pending")
                self.assert_no_money(payment)
                self.calm()
                self.sweep_due()
                self.assert_paid_once(payment, confirmed_by="query")

    def test_F14_unknown_id_is_no_failure(self) -> None:
        payment = self.start()
        simulator().reset()
        self.sweep_due()
        self.assert_state(payment, "pending")
        self.assert_no_money(payment)

    def test_F15_a_day_without_answers_decides_nothing_and_heals(self) -> None:
        payment = self.start(scenario="callback.lost=1")
        simulator().approve(op_of(payment).provider_ref or "")
        self.faults("query_500")
        for hours in range(1, 25):
            self.sweep_due(age=hours * HOUR)
            self.assert_state(payment, "pending")
        self.assertEqual(op_of(payment).answered_checks, 0)
        self.assertEqual(op_of(payment).checks, 24)
        self.assert_no_money(payment)
        self.calm()
        self.sweep_due(age=25 * HOUR)
        self.assert_paid_once(payment, confirmed_by="query")

    def test_F15_time_alone_closes_nothing(self) -> None:
        payment = self.start()
        self.faults("query_500")
        self.sweep_due(age=72 * HOUR)
        self.assert_state(payment, "pending")
        self.assertFalse(schedule.may_expire(now() - 72 * HOUR, now(), answered_checks=0))

    def test_F16_fifty_callers_fetch_one_token(self) -> None:
        simulator().call("DELETE", "tokens")
        cache.clear()
        before = simulator().summary()["tokens"]
        amounts = threading.Barrier(50)

        def pay() -> None:
            amounts.wait()
            body = json.dumps(self.body())
            Client().post("/api/v1/payments/initiate/", body, "application/json", headers=self.headers)
            connection.close()

        threads = [threading.Thread(target=pay) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(Payment.objects.filter(status="pending").count(), 50)
        self.assertEqual(simulator().summary()["tokens"] - before, 1)

    def test_F16_a_token_that_cannot_be_had_sends_nothing(self) -> None:
        simulator().call("DELETE", "tokens")
        cache.clear()
        self.faults("token_500")
        answer = self.initiate()
        self.assertEqual(answer.status_code, 503)
        self.assertEqual(simulator().prompts(), [])
        payment = self.only_payment()
        self.assert_state(payment, "failed")
        self.assertEqual(payment.failure["code"], "provider_down")  # type: ignore[index]

    def test_F16_a_dead_token_is_renewed_in_the_same_call(self) -> None:
        self.start()
        simulator().call("DELETE", "tokens")
        payment = self.start()
        self.pay(payment)
        self.assert_paid_once(payment)


class WholeBookTest(FaultMatrixCase):
    def test_everything_paid_there_is_booked_here_to_the_shilling(self) -> None:
        payments = [self.start(amount=10 + n) for n in range(6)]
        for payment in payments[:4]:
            self.pay(payment)
        for payment in payments[4:]:
            self.tell(payment, failure_body(op_of(payment).provider_ref or ""))
        paid = sum(line["amount"] for line in simulator().prompts() if line["status"] == "paid")
        booked = sum(entry.amount for entry in LedgerEntry.objects.filter(account__kind="provider_float", side="D"))
        self.assertEqual(booked, paid * 100)
        self.assertEqual(LedgerTransfer.objects.filter(kind="capture").count(), 4)
        self.assertEqual(Event.objects.filter(type="payment.completed").count(), 4)
        self.assertEqual(Money(booked, "KES").decimal_text(), f"{paid}.00")
