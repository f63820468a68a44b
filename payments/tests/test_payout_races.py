"""Payouts, refunds and captures of one merchant at the same time: no more than there is, each once, nobody blocked."""

from collections import Counter
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.test import override_settings

from audit.services import record
from merchants.models import Role
from merchants.tests.factories import key_headers, make_api_key, make_member, make_merchant, person_headers
from merchants.tests.threads import at_once, deadlocks
from onpoint_pay.kit.ids import to_public
from payments.models import Refund
from payments.services.payout_start import start_payouts
from payments.tests.payout_base import CommittingSentPayoutTestCase
from payments.tests.refund_base import REFUND
from settlements.chart import release_legs
from settlements.models import Payout, PayoutBatch
from settlements.tests.base import balance, pay, post
from settlements.tests.payouts import BANK, PHONE, give, keyed
from webhooks.models import Event


class Races(CommittingSentPayoutTestCase):
    def people(self, count: int) -> list[dict[str, str]]:
        return [person_headers(make_member(self.merchant, Role.OWNER)) for _ in range(count)]

    def batch(self, lines: int, headers: dict[str, str] | None = None) -> HttpResponse:
        items = [{"amount": 10, "destination": PHONE, "reason": "Ride"} for _ in range(lines)]
        body = {"description": "Riders", "items": items}
        return self.post("payout-batches/", body, keyed(headers or self.headers))

    def captured(self, number: int) -> None:
        """What a payment that completes does to ledger and audit trail, in its order."""
        for _ in range(20):
            with transaction.atomic():
                pay(self.merchant, 100, fee=1)
                record(merchant_id=self.merchant.id, actor="callback", action="payment.completed")


class Balance(Races):
    def test_twenty_at_once_over_the_balance(self) -> None:
        """From keys and from people, to phones and to banks: as many as the balance bears, to the cent."""
        callers = [self.headers, *self.people(1)]
        before = balance("available", self.merchant)
        answers = at_once(
            20,
            lambda n: self.ask_payout(callers[n % 2], amount=900, destination=(PHONE, BANK)[n % 2]),
        )
        self.assertEqual(Counter(answer.status_code for answer in answers), {201: 11, 402: 9})
        self.assertEqual(balance("available", self.merchant), before - 11 * 900_00)
        self.assertEqual(balance("payout_hold", self.merchant), 11 * 900_00)
        self.assertEqual(Payout.objects.count(), 11)
        self.assertEqual(Event.objects.filter(type="payout.created").count(), 11)
        self.assert_clean()

    def ask_payout(self, headers: dict[str, str], **fields: Any) -> HttpResponse:
        return self.post("payouts/", {"reason": "Earnings"} | fields, keyed(headers))

    def test_one_key_twenty_times_at_once(self) -> None:
        headers = keyed(self.headers)
        body = {"amount": 100, "destination": PHONE, "reason": "Earnings"}
        answers = at_once(20, lambda _: self.post("payouts/", body, headers))
        taken = {answer.content for answer in answers if answer.status_code == 201}
        self.assertEqual(len(taken), 1)
        self.assertLessEqual({answer.status_code for answer in answers}, {201, 409})
        self.assertEqual(Payout.objects.count(), 1)
        self.assertEqual(balance("payout_hold", self.merchant), 100_00)
        self.assert_clean()

    def test_one_reference_twenty_times_at_once(self) -> None:
        answers = at_once(20, lambda _: self.ask_payout(self.headers, amount=100, destination=PHONE, reference="E-1"))
        self.assertEqual(Counter(answer.status_code for answer in answers), {201: 1, 409: 19})
        self.assertEqual(balance("payout_hold", self.merchant), 100_00)
        self.assert_clean()

    def test_payouts_and_refunds_of_one_balance(self) -> None:
        """Nothing pending: what is promised to payers and what is paid out come from the same money."""
        payment = self.paid(amount=5000)
        self.release_all()
        before = balance("available", self.merchant)

        def take(number: int) -> HttpResponse:
            if number % 2:
                body = {"reference": payment.reference, "reason": "Returned", "amount": 1000}
                return self.post(REFUND, body, keyed(self.headers))
            return self.ask_payout(self.headers, amount=2000, destination=PHONE)

        answers = at_once(16, take)
        self.assertLessEqual({answer.status_code for answer in answers}, {201, 402, 409, 429})
        held = sum(Refund.objects.values_list("amount", flat=True))
        paid = sum(Payout.objects.values_list("amount", flat=True))
        self.assertEqual(balance("refund_hold", self.merchant), held)
        self.assertEqual(balance("payout_hold", self.merchant), paid)
        self.assertEqual(balance("available", self.merchant), before - held - paid)
        self.assertLess(balance("available", self.merchant), 2000_00)
        self.assert_counters(payment, held=held)
        self.assert_clean()

    def release_all(self) -> None:
        post(self.merchant, release_legs({"pending": balance("pending", self.merchant)}, debt=0, reserve_bps=0))

    def test_many_starters_start_each_once(self) -> None:
        for _ in range(12):
            self.to_phone(amount=10)
        self.assertEqual(sum(at_once(4, lambda _: start_payouts())), 12)
        self.assertEqual([payout.ops.count() for payout in Payout.objects.all()], [1] * 12)
        self.assert_clean()


class Decisions(Races):
    def test_two_approvals_at_once(self) -> None:
        people = self.people(4)
        for _ in range(4):
            with override_settings(PAYOUT_APPROVAL_ABOVE=1):
                payout = self.to_phone()
            answers = at_once(4, lambda n, payout=payout: self.decide(payout, "approve", people[n]))
            self.assertEqual(sorted(answer.status_code for answer in answers), [200, 409, 409, 409])
            self.assert_told(payout, "created", "requires_approval", "approved")
        self.assertEqual(start_payouts(), 4)
        self.assert_clean()

    def test_a_batch_approved_and_called_off_at_once(self) -> None:
        people = self.people(4)
        for _ in range(3):
            with override_settings(PAYOUT_APPROVAL_ABOVE=1):
                path = f"payout-batches/{self.batch(5).json()['id']}"
            doors = [f"{path}/{verb}/" for verb in ("approve", "cancel", "approve", "cancel")]
            answers = at_once(4, lambda n, doors=doors: self.post(doors[n], {}, keyed(people[n])))
            self.assertEqual(sorted(answer.status_code for answer in answers), [200, 409, 409, 409])
            batch = PayoutBatch.objects.latest("id")
            wanted = {"pending": "pending", "cancelled": "cancelled"}[batch.status]
            self.assertEqual(set(batch.payouts.values_list("status", flat=True)), {wanted})
            self.assertEqual(self.get(f"payout-batches/{to_public('bat', batch.id)}/", self.headers).status_code, 200)
            self.assert_clean()


@override_settings(PAYOUT_FEE=1_00)
class NobodyBlocked(Races):
    """Whoever takes several accounts, or an account and the audit trail, takes them in the order of everybody."""

    def test_batches_beside_captures(self) -> None:
        before = deadlocks()
        answers = at_once(4, lambda n: self.batch(30) if n < 2 else self.captured(n))
        self.assertEqual([answer.status_code for answer in answers if answer is not None], [201, 201])
        self.assertEqual(deadlocks(), before)
        self.assert_clean()

    def test_batches_of_many_merchants(self) -> None:
        """They share the rows that our fees go to."""
        headers = []
        for _ in range(4):
            merchant = make_merchant()
            give(merchant, 1_000_00)
            headers.append(key_headers(make_api_key(merchant)))
        before = deadlocks()
        answers = at_once(4, lambda n: self.batch(40, headers[n]))
        self.assertEqual([answer.status_code for answer in answers], [201] * 4)
        self.assertEqual(deadlocks(), before)
        self.assert_clean()

    def test_batches_that_wait_for_approval_and_are_called_off(self) -> None:
        before = deadlocks()
        with override_settings(PAYOUT_APPROVAL_ABOVE=1):
            made = at_once(4, lambda n: self.batch(30) if n < 2 else self.captured(n))
        paths = [f"payout-batches/{answer.json()['id']}/cancel/" for answer in made if answer is not None]
        answers = at_once(4, lambda n: self.post(paths[n], {}, keyed(self.headers)) if n < 2 else self.captured(n))
        self.assertEqual([answer.status_code for answer in answers if answer is not None], [200, 200])
        self.assertEqual(balance("payout_hold", self.merchant), 0)
        self.assertEqual(deadlocks(), before)
        self.assert_clean()
