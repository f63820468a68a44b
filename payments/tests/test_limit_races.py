"""Fifty threads at one limit: exactly as many get in as there is room for, and nothing is left of the others."""

from collections import Counter
from unittest import mock

from django.db import connection
from django.http import HttpResponse

from merchants.models import IdempotencyKey
from merchants.services import provider_accounts
from merchants.tests.factories import make_limits
from merchants.tests.threads import at_once
from onpoint_pay.kit.ids import to_public
from payments.models import BulkLine, MoneyOp, Payment
from payments.services.bulk import send_bulk
from payments.services.proof import prove
from payments.tests.base import CommittingPaymentTestCase, events_of, next_key
from payments.tests.factories import StandInProvider, make_payment, next_phone, payment_of, succeed
from settlements.models import LedgerTransfer
from tests.simulator_process import simulator
from webhooks.models import Event

THREADS = 50


class Races(CommittingPaymentTestCase):
    def assert_ten_began(self, answers: list[HttpResponse], name: str, *, prompts: int) -> list[Payment]:
        self.assertEqual(Counter(answer.status_code for answer in answers), {201: 10, 403: THREADS - 10})
        refused = [answer.json() for answer in answers if answer.status_code == 403]
        self.assertEqual({(each["code"], each["limit"]["name"]) for each in refused}, {("limit_exceeded", name)})
        rows = [Payment.objects.count(), MoneyOp.objects.count(), IdempotencyKey.objects.count()]
        self.assertEqual((rows, prompts), ([10, 10, 10], 10))
        began = [payment_of(answer.json()["id"]) for answer in answers if answer.status_code == 201]
        for payment in began:
            self.assertEqual(events_of(payment), ["payment.created", "payment.pending"])
        self.assertEqual(Event.objects.count(), 20)
        return began

    def test_a_day(self) -> None:
        make_limits(self.merchant, own_per_day=1000_00)
        answers = at_once(THREADS, lambda _: self.initiate(amount=100, key=next_key()))
        began = self.assert_ten_began(answers, "per_day", prompts=simulator().summary()["pushes_received"])
        for payment in began:
            succeed(payment)
            self.assert_one_capture(payment)
        self.assertEqual(LedgerTransfer.objects.filter(kind="capture").count(), 10)
        self.assertEqual([finding.invariant.name for finding in prove() if finding.rows], [])

    def test_one_payers_payments(self) -> None:
        make_limits(self.merchant, cap_payments_per_payer_day=10)
        phone = next_phone()
        # The simulator's phones take one prompt at a time.
        provider = StandInProvider()
        with mock.patch.object(provider_accounts, "_provider", lambda code, mode: provider):
            answers = at_once(THREADS, lambda _: self.initiate(phone=phone, key=next_key()))
        self.assert_ten_began(answers, "payments_per_payer_day", prompts=len(provider.charges))

    def test_new_ones_and_new_attempts_of_old_ones(self) -> None:
        old = [make_payment(self.merchant, status="failed", amount=100) for _ in range(12)]
        make_limits(self.merchant, own_per_month=1000_00)

        def ask(number: int) -> HttpResponse:
            if number < len(old):
                return self.post(f"payments/{to_public('pay', old[number].id)}/resend/", {}, self.headers)
            return self.initiate(amount=100)

        answers = at_once(24, ask)
        self.assertEqual(Counter(answer.status_code for answer in answers), {201: 10, 403: 14})
        self.assertEqual(Payment.objects.filter(status="pending").count(), 10)
        self.assertEqual(simulator().summary()["pushes_received"], 10)
        self.assertEqual([finding.invariant.name for finding in prove() if finding.rows], [])

    def test_a_bulk_run_beside_them(self) -> None:
        make_limits(self.merchant, own_per_day=300_00)
        items = [self.body(amount=100) for _ in range(5)]
        self.assertEqual(self.post("payments/bulk/", {"items": items}, self.headers).status_code, 202)
        answers = at_once(6, lambda number: None if number == 0 and send_bulk() else self.initiate(amount=100))
        began = sum(answer is not None and answer.status_code == 201 for answer in answers)
        self.assertEqual(began + BulkLine.objects.filter(status="sent").count(), 3)
        refused = BulkLine.objects.filter(status="refused").values_list("problem__code", flat=True)
        self.assertEqual(set(refused), {"limit_exceeded"})
        self.assertEqual((Payment.objects.count(), simulator().summary()["pushes_received"]), (3, 3))

    def test_nobody_keeps_the_lock(self) -> None:
        make_limits(self.merchant, own_per_day=100_00)
        self.start(amount=100)
        self.initiate(amount=100)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
            self.assertEqual(cursor.fetchone(), (0,))
