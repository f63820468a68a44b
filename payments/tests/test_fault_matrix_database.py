"""The fault matrix, PostgreSQL refuses or cuts single transactions: what it undid is done again, and nothing twice."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg2
from django.db import connection
from django.http import HttpResponse

from merchants.models import IdempotencyKey
from onpoint_pay.kit.clock import now
from payments.models import MoneyOp, Payment, ProviderEvent, Refund
from payments.tests.base import INITIATE, next_key
from payments.tests.factories import op_of
from payments.tests.fault_matrix import FaultMatrixCase
from payments.tests.refund_base import CommittingRefundTestCase
from tests.cutting_proxy import CuttingProxy
from tests.simulator_process import simulator, wait_for
from tests.workers import FINISHED, database_url, workers

APPLY = "payments.services.callbacks.apply_callbacks"
# A deadlock is looked for after this time; whoever gets none of it is never the victim.
QUICK, PATIENT = "-c deadlock_timeout=20ms", "-c deadlock_timeout=60s"
STRICT = "-c default_transaction_isolation=repeatable\\ read"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
PAYMENT = "SELECT id FROM transactions WHERE id = %s FOR UPDATE"
COPY_KEY = """
INSERT INTO merchants_idempotency_key (merchant_id, mode, key, fingerprint, request_id, phase, object_id, status, body, lease_until)
SELECT merchant_id, mode, %(new)s, fingerprint, request_id, phase, object_id, status, body, lease_until
  FROM merchants_idempotency_key WHERE key = %(old)s
"""
TOUCH = "UPDATE transactions SET version = version WHERE id = %s"


@contextmanager
def rival() -> Iterator[Any]:
    """A transaction of somebody else, with a cursor; what it holds is let go with the block."""
    other = psycopg2.connect(database_url(), options=PATIENT)
    try:
        with other.cursor() as cursor:
            yield cursor
    finally:
        other.close()


def wait_until_somebody_waits() -> None:
    def look() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(WAITING)
            return bool(cursor.fetchone()[0])

    wait_for(look)


@contextmanager
def session(options: str) -> Iterator[None]:
    """What PostgreSQL is told for connections that are opened within."""
    known = connection.settings_dict["OPTIONS"]["options"]
    connection.settings_dict["OPTIONS"]["options"] = f"{known} {options}"
    try:
        yield
    finally:
        connection.settings_dict["OPTIONS"]["options"] = known


def ask_through(marker: bytes, ask: Callable[[], HttpResponse]) -> HttpResponse:
    """The answer to a request whose statement with `marker` was done, but never answered."""
    known = connection.settings_dict
    here = {name: known[name] for name in ("HOST", "PORT")}

    def run() -> HttpResponse:
        try:
            return ask()
        finally:
            connection.close()

    with CuttingProxy(host=known["HOST"], port=int(known["PORT"]), marker=marker) as way, ThreadPoolExecutor(1) as pool:
        known.update(HOST="127.0.0.1", PORT=str(way.port))
        try:
            answer = pool.submit(run).result()
        finally:
            known.update(here)
        assert way.is_cut
    return answer


@contextmanager
def meanwhile(work: Callable[[], HttpResponse], *, options: str) -> Iterator["Future[HttpResponse]"]:
    """A request in a thread with a connection of its own; the block goes on as soon as it waits for a lock."""

    def run() -> HttpResponse:
        try:
            return work()
        finally:
            connection.close()

    with session(options), ThreadPoolExecutor(1) as pool:
        answer = pool.submit(run)
        wait_until_somebody_waits()
        yield answer


class F24Workers(FaultMatrixCase):
    def told(self) -> Payment:
        """A payment whose callback waits to be applied."""
        payment = self.start()
        simulator().approve(op_of(payment).provider_ref or "")
        (callback,) = simulator().callbacks(op_of(payment).provider_ref or "")
        self.bring(callback["body"].encode(), self.door_of(payment))
        return payment

    def test_F24_a_deadlock(self) -> None:
        payment = self.told()
        with rival() as other:
            other.execute(PAYMENT, [payment.id])
            worker = workers().begin(APPLY, session=f" {QUICK}")
            wait_until_somebody_waits()
            other.execute("SELECT id FROM money_op WHERE payment_id = %s FOR UPDATE", [payment.id])
        self.assertEqual(workers().end(worker), FINISHED)
        self.assertEqual(len([step for step in worker.steps if "advisory" in step]), 2)
        self.assert_paid_once(payment)

    def test_F24_a_serialization_failure(self) -> None:
        payment = self.told()
        with rival() as other:
            other.execute(TOUCH, [payment.id])
            worker = workers().begin(APPLY, session=f" {STRICT}")
            wait_until_somebody_waits()
            other.execute("COMMIT")
        self.assertEqual(workers().end(worker), FINISHED)
        self.assertEqual(len([step for step in worker.steps if "advisory" in step]), 2)
        self.assert_paid_once(payment)

    def test_F24_idle_in_transaction(self) -> None:
        """A worker that stops in the middle of a transaction is cut, another one goes on, and the first does no harm."""
        payment = self.told()
        worker = workers().begin(APPLY, stop_at=12, session=" -c idle_in_transaction_session_timeout=100")
        wait_for(worker.is_stopped)
        ProviderEvent.objects.update(next_try=now())
        self.assertEqual(workers().run(APPLY)[0], FINISHED)
        self.assert_paid_once(payment)
        worker.go_on()
        self.assertEqual(workers().end(worker), FINISHED)
        self.assert_paid_once(payment)


class F24Requests(CommittingRefundTestCase):
    def ask_with_key(self, payment: Payment) -> HttpResponse:
        return self.ask(payment, key=next_key(), amount="40.00")

    def assert_asked_once(self, payment: Payment, answer: HttpResponse) -> None:
        self.assertEqual(answer.status_code, 201, answer.content)
        refund = Refund.objects.get()
        self.assert_counters(payment, held=40_00)
        self.assert_told(refund, "created")
        self.assert_clean()

    def test_F24_a_request_that_cannot_be_serialized(self) -> None:
        payment = self.paid()
        with rival() as other:
            other.execute(TOUCH, [payment.id])
            with meanwhile(lambda: self.ask_with_key(payment), options=STRICT) as answer:
                other.execute("COMMIT")
        self.assert_asked_once(payment, answer.result())

    def test_F24_a_repeat_that_cannot_be_serialized(self) -> None:
        """The first request commits its answer while the repeat, which cannot see it yet, waits for it."""
        body, (first_key, key) = self.body(), (next_key(), next_key())
        first = self.post(INITIATE, body, self.headers | {"Idempotency-Key": first_key})
        with rival() as other:
            other.execute(COPY_KEY, {"new": key, "old": first_key})
            with meanwhile(
                lambda: self.post(INITIATE, body, self.headers | {"Idempotency-Key": key}), options=STRICT
            ) as answer:
                other.execute("COMMIT")
        self.assertEqual(answer.result().content, first.content)
        self.assertEqual(len(simulator().prompts()), 1)


class F24LostAnswers(CommittingRefundTestCase):
    """The connection breaks when PostgreSQL has done its work: only a repeat can tell what it did."""

    def test_F24_the_commit_of_a_refund(self) -> None:
        payment, key = self.paid(), next_key()
        lost = ask_through(b"COMMIT", lambda: self.ask(payment, key=key, amount="40.00"))
        self.assert_problem(lost, 500, "internal_error")
        self.assertEqual(self.ask(payment, key=key, amount="40.00").status_code, 201)
        self.assert_told(Refund.objects.get(), "created")
        self.assert_counters(payment, held=40_00)
        self.assert_clean()

    def test_F24_the_intent_of_a_payment(self) -> None:
        """Whether a prompt is out is not known to the repeat: none is sent."""
        self.assert_one_payment_after(b"payment_begin", prompts=0, pending_reason="reconciling")

    def test_F24_the_hand_over_of_a_payment(self) -> None:
        payment = self.assert_one_payment_after(b"payment_handed_over", prompts=1, pending_reason="awaiting_customer")
        self.pay(payment)
        self.assert_state(payment, "completed")

    def assert_one_payment_after(self, marker: bytes, *, prompts: int, pending_reason: str) -> Payment:
        headers, body = self.headers | {"Idempotency-Key": next_key()}, self.body(reference="ORDER-24")
        lost = ask_through(marker, lambda: self.post(INITIATE, body, headers))
        self.assert_problem(lost, 500, "internal_error")
        IdempotencyKey.objects.update(lease_until=now() - timedelta(seconds=1))
        self.assertEqual(self.post(INITIATE, body, headers).status_code, 201)
        payment = Payment.objects.get()
        self.assert_state(payment, "pending", pending_reason=pending_reason)
        self.assertEqual((len(simulator().prompts()), MoneyOp.objects.count()), (prompts, 1))
        self.assert_clean()
        return payment
