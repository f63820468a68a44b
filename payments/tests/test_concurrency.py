"""Real threads at the same rows: whoever comes first, money is booked once and told once."""

from collections import Counter

from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from merchants.tests.threads import at_once
from onpoint_pay.kit.clock import now
from payments.models import Payment, ProviderEvent
from payments.services.callbacks import apply_callbacks, process_callback
from payments.services.proof import prove
from payments.services.sweep import sweep
from payments.tests.base import CommittingPaymentTestCase, events_of, make_due, next_key
from payments.tests.claims import failure_body, success_body
from payments.tests.factories import fail, make_payment, op_of, succeed
from settlements.models import LedgerTransfer
from tests.simulator_process import simulator


class Races(CommittingPaymentTestCase):
    def assert_clean(self) -> None:
        self.assertEqual([finding.invariant.name for finding in prove() if finding.rows], [])

    def test_one_claim_sixteen_times(self) -> None:
        payment = self.start()
        self.bring(success_body(op_of(payment).provider_ref or ""), self.door_of(payment))
        claim = ProviderEvent.objects.get()
        verdicts = at_once(16, lambda _: process_callback(ProviderEvent.objects.get(id=claim.id)))
        self.assertEqual(Counter(verdicts), {"applied": 16})
        self.assert_state(payment, "completed", version=3)
        self.assert_one_capture(payment)
        self.assert_clean()

    def test_one_callback_received_sixteen_times(self) -> None:
        payment = self.start()
        body, door = success_body(op_of(payment).provider_ref or ""), self.door_of(payment)
        answers = at_once(16, lambda _: self.client_class().post(door, body, "application/json").status_code)
        self.assertEqual(Counter(answers), {200: 16})
        self.assertEqual(ProviderEvent.objects.count(), 1)
        looked_at = at_once(8, lambda _: apply_callbacks())
        self.assertEqual(sum(looked_at), 1)
        self.assert_one_capture(payment)
        self.assert_clean()

    def test_the_merchants_audit_chain_is_the_last_thing_taken(self) -> None:
        """Its head is locked until the commit, and all payments of a merchant want it."""
        for close in (succeed, fail):
            payment = self.start()
            with CaptureQueriesContext(connection) as sent:
                self.assertEqual(close(payment), "applied")
            written = [each["sql"] for each in sent if not each["sql"].startswith(("COMMIT", "RELEASE"))]
            self.assertTrue(written[-1].lstrip().startswith("INSERT INTO audit_event"), written[-1])
            self.assertEqual(sum("INTO audit_event" in each for each in written), 1)

    def test_many_claims_and_several_workers(self) -> None:
        payments = [self.start() for _ in range(24)]
        for number, payment in enumerate(payments):
            body = success_body(op_of(payment).provider_ref or "", receipt=f"UKLMANY{number:03d}")
            self.bring(body, self.door_of(payment))
        self.assertEqual(sum(at_once(6, lambda _: apply_callbacks())), 24)
        for payment in payments:
            self.assert_one_capture(payment)
        self.assert_clean()

    def test_success_and_failure_at_once(self) -> None:
        """The success stands, whether it came first or late."""
        for _ in range(4):
            payment = self.start()
            checkout = op_of(payment).provider_ref or ""
            self.bring(success_body(checkout, receipt=f"UK{payment.id.hex[-8:]}".upper()), self.door_of(payment))
            self.bring(failure_body(checkout), self.door_of(payment))
            claims = list(ProviderEvent.objects.filter(op=op_of(payment)).order_by("id"))
            at_once(2, lambda number, claims=claims: process_callback(ProviderEvent.objects.get(id=claims[number].id)))
            self.assert_state(payment, "completed", failure=None)
            self.assert_one_capture(payment)
            self.assertFalse(ProviderEvent.objects.filter(status="new").exists())
        self.assert_clean()

    def test_a_callback_and_the_sweeper_at_once(self) -> None:
        for _ in range(4):
            payment = self.start()
            line = simulator().approve(op_of(payment).provider_ref or "")
            (callback,) = simulator().callbacks(line["checkout_request_id"])
            self.bring(callback["body"].encode(), self.door_of(payment))
            make_due(op=op_of(payment))
            at_once(2, lambda number: sweep() if number else apply_callbacks())
            found = self.assert_state(payment, "completed", receipt=line["receipt"], late=False)
            self.assertIn(found.confirmed_by, ("callback", "query"))
            self.assert_one_capture(payment)
        self.assert_clean()

    def test_two_sweepers_ask_each_operation_once(self) -> None:
        payments = [self.start() for _ in range(30)]
        make_due()
        self.assertEqual(sum(at_once(4, lambda _: sweep())), 30)
        self.assertEqual(
            {simulator().prompt(op_of(payment).provider_ref or "")["queries"] for payment in payments}, {1}
        )

    def test_two_payments_with_one_receipt(self) -> None:
        """Only one of them can have it; the other waits for its own truth."""
        payments = [self.start() for _ in range(6)]
        for payment in payments:
            self.bring(success_body(op_of(payment).provider_ref or "", receipt="UKLSHARED1"), self.door_of(payment))
        ids = list(ProviderEvent.objects.order_by("id").values_list("id", flat=True))
        verdicts = at_once(6, lambda number: process_callback(ProviderEvent.objects.get(id=ids[number])))
        self.assertEqual(Counter(verdicts), {"applied": 1, "quarantined": 5})
        self.assertEqual(Payment.objects.filter(status="completed").count(), 1)
        self.assertEqual(LedgerTransfer.objects.count(), 1)
        self.assert_clean()

    def test_late_money_and_a_new_payment_of_the_same_order(self) -> None:
        for number in range(4):
            reference = f"ORDER-{number}"
            first = make_payment(self.merchant, status="failed", reference=reference)
            results = at_once(
                2,
                lambda who, first=first, reference=reference: (
                    self.initiate(reference=reference) if who else succeed(first)
                ),
            )
            paid = self.assert_state(first, "completed", late=True)
            self.assert_one_capture(first)
            self.assertEqual(results[0], "applied")
            self.assertIn(results[1].status_code, (201, 409))
            self.assertEqual(paid.surplus, results[1].status_code == 201)
        self.assert_clean()


@override_settings(IDEMPOTENCY_WAIT_SECONDS=10)
class Starts(CommittingPaymentTestCase):
    def test_one_key_sixteen_times(self) -> None:
        body, key = self.body(), next_key()
        answers = at_once(16, lambda _: self.initiate(body, key=key))
        self.assertEqual({answer.status_code for answer in answers}, {201})
        self.assertEqual(len({answer.content for answer in answers}), 1)
        self.assertEqual(sum("Idempotent-Replayed" in answer for answer in answers), 15)
        payment = Payment.objects.get()
        self.assertEqual((len(simulator().prompts()), simulator().summary()["pushes_received"]), (1, 1))
        self.assertEqual(events_of(payment), ["payment.created", "payment.pending"])

    def test_one_reference_sixteen_times(self) -> None:
        answers = at_once(16, lambda _: self.initiate(reference="ORDER-1"))
        self.assertEqual(Counter(answer.status_code for answer in answers), {201: 1, 409: 15})
        self.assertEqual((Payment.objects.count(), len(simulator().prompts())), (1, 1))
        winner = next(answer.json()["id"] for answer in answers if answer.status_code == 201)
        self.assertEqual({answer.json()["existing"] for answer in answers if answer.status_code == 409}, {winner})

    def test_a_repeat_after_a_dead_lease_while_the_callback_comes(self) -> None:
        """Resuming and completing meet at the same rows."""
        for _ in range(4):
            payment = make_payment(self.merchant, status="initiated")
            body = success_body(f"ws_CO_{payment.id.hex}", receipt=f"UK{payment.id.hex[-8:]}".upper())
            self.bring(body, payment.door)  # type: ignore[attr-defined]
            type(op_of(payment)).objects.filter(payment=payment).update(lease_until=now(), next_check=now())
            at_once(2, lambda who: sweep() if who else apply_callbacks())
            self.assert_state(payment, "completed")
            self.assert_one_capture(payment)
