"""Callbacks that are what they seem: success, each kind of failure, repeats, and contradictions in any order."""

from datetime import UTC, datetime
from unittest import mock

import orjson

from audit.models import AuditEvent
from merchants.services import provider_accounts
from onpoint_pay.kit.ids import to_public
from payments.models import Payment, ProviderEvent
from payments.services.callbacks import apply_callbacks
from payments.services.sweep import sweep
from payments.tests.base import PaymentTestCase, entries_of, events_of, make_due, steps_of
from payments.tests.claims import CANCELLED, INSUFFICIENT, RECEIPT, UNDOCUMENTED, failure_body, success_body
from payments.tests.factories import StandInProvider, make_payment, op_of
from providers.types import ChargeRequest, Outcome
from tests.simulator_process import simulator
from webhooks.models import Event

FAILURES = [
    # result code, state, failure code
    ("1", "failed", "insufficient_funds"),
    ("1032", "cancelled", "cancelled_by_customer"),
    ("1037", "expired", "customer_unreachable"),
    ("1019", "expired", "prompt_expired"),
    ("2001", "failed", "wrong_pin"),
    ("8006", "failed", "pin_locked"),
    ("1001", "failed", "customer_busy"),
    ("4", "failed", "limit_customer"),
    ("8", "failed", "limit_merchant"),
    ("26", "failed", "provider_busy"),
    ("SFC_IC0003", "failed", "shortcode_misconfigured"),
]


class Success(PaymentTestCase):
    def test_the_payment(self) -> None:
        started = self.start()
        line = self.pay(started)
        payment = self.assert_state(
            started,
            "completed",
            receipt=line["receipt"],
            confirmed_by="callback",
            captured=100_00,
            pending_reason=None,
            failure=None,
            late=False,
            surplus=False,
            version=3,
        )
        op, claim = op_of(payment), ProviderEvent.objects.get()
        self.assertEqual((op.status, op.evidence_id, payment.evidence_id), ("succeeded", claim.id, claim.id))
        self.assertEqual((claim.status, claim.door, claim.token_ok, claim.op_id), ("applied", "collect", True, op.id))
        self.assertEqual((claim.mode, claim.source_ip, claim.tries), ("test", "127.0.0.1", 1))
        self.assertIsNotNone(payment.completed_at)
        self.assertEqual(steps_of(payment), [("initiated", "pending"), ("pending", "completed")])

    def test_the_ledger(self) -> None:
        payment = self.start(amount=1234)
        self.pay(payment)
        self.assert_one_capture(payment)
        self.assertEqual(
            entries_of(self.again(payment)),
            {("provider_float", "D"): 1234_00, ("pending", "C"): 1215_49, ("fee_income", "C"): 18_51},
        )
        found = self.get(f"payments/{to_public('pay', payment.id)}/", self.headers).json()
        money = {
            name: found[name] for name in ("amount_received", "amount_refundable", "fee", "net", "amount_refunded")
        }
        self.assertEqual(
            money,
            {
                "amount_received": "1234.00",
                "amount_refundable": "1234.00",
                "fee": "18.51",
                "net": "1215.49",
                "amount_refunded": "0.00",
            },
        )

    def test_the_webhook_event_and_the_audit_link(self) -> None:
        payment = self.start()
        self.pay(payment)
        event = Event.objects.get(key=f"payment.completed:{payment.id}")
        body = orjson.loads(event.body)["data"]
        shown = self.get(f"payments/{to_public('pay', payment.id)}/", self.headers).json()
        self.assertEqual(body, {"object": shown, "previous": {"status": "pending"}})
        link = AuditEvent.objects.get(action="payment.completed")
        self.assertEqual((link.stream, link.actor), (f"m{self.merchant.id}", "callback"))
        self.assertEqual(link.object, to_public("pay", payment.id))
        self.assertEqual(
            (link.detail["from"], link.detail["to"], link.detail["captured"]), ("pending", "completed", 100_00)
        )
        self.assertNotIn(str(payment.phone), str(link.detail))

    def test_when_it_happened(self) -> None:
        payment = self.start()
        self.tell(payment, success_body(op_of(payment).provider_ref or ""))
        transfer = self.again(payment).capture_transfer
        self.assertEqual(transfer.occurred_at, datetime(2026, 11, 21, 6, 30, tzinfo=UTC))

    def test_amounts_as_providers_write_them(self) -> None:
        for amount in (100, 100.0, "100", "100.00", " 100.0 "):
            with self.subTest(amount=amount):
                payment = self.start()
                claim = self.tell(
                    payment,
                    success_body(op_of(payment).provider_ref or "", amount=amount, receipt=f"UK{payment.id.hex[-8:]}"),
                )
                self.assertEqual(claim.status, "applied", claim.note)

    def test_a_claim_before_the_answer_to_the_hand_over(self) -> None:
        test = self

        class Hasty(StandInProvider):
            """Tells the result before it answers."""

            def charge(self, request: ChargeRequest) -> Outcome:
                outcome = super().charge(request)
                body = success_body(outcome.provider_reference or "")
                test.bring(body, request.callback_url[request.callback_url.index("/api/") :])
                test.apply()
                return outcome

        with mock.patch.object(provider_accounts, "_provider", lambda code, mode: Hasty()):
            answer = self.initiate(key="hasty-key-0001")
        payment = Payment.objects.get()
        self.assertEqual((answer.status_code, answer.json()["status"]), (201, "completed"))
        self.assert_state(payment, "completed", receipt=RECEIPT, customer_message=None)
        self.assertEqual(answer.json()["provider_details"]["shortcode"], "174379")
        self.assert_one_capture(payment)
        self.assertEqual(steps_of(payment), [("initiated", "pending"), ("pending", "completed")])
        op = op_of(payment)
        self.assertEqual((op.status, op.provider_ref), ("succeeded", payment.provider_reference))
        self.assertEqual(self.initiate(self.body(), key="hasty-key-0001").status_code, 422)


class Failure(PaymentTestCase):
    def test_each_class(self) -> None:
        simulator().answer_at_once()
        for code, status, reason in FAILURES:
            with self.subTest(code=code):
                payment = self.start(scenario=f"stk={code}", reference=f"ORDER-{code}")
                simulator().wait_decided(op_of(payment).provider_ref or "")
                self.bring_callbacks(payment)
                found = self.assert_state(payment, status, confirmed_by="callback", captured=0, pending_reason=None)
                self.assertEqual((found.failure["code"], found.failure["provider_code"]), (reason, code))
                self.assertEqual(
                    {name for name, value in found.failure.items() if not value},
                    set(),
                    "each part of a failure says something",
                )
                self.assertEqual(events_of(payment)[-1], f"payment.{status}")
                self.assertIn(op_of(payment).status, ("failed", "expired"))
                self.assert_no_money(payment)

    def test_the_webhook_tells_why(self) -> None:
        payment = self.start()
        simulator().cancel(op_of(payment).provider_ref or "")
        self.bring_callbacks(payment)
        body = orjson.loads(Event.objects.get(key=f"payment.cancelled:{payment.id}").body)["data"]
        self.assertEqual(
            (body["previous"], body["object"]["failure"]["provider_code"]), ({"status": "pending"}, "1032")
        )
        self.assertEqual(AuditEvent.objects.filter(action="payment.cancelled").count(), 1)

    def test_the_payer_is_told_in_their_language(self) -> None:
        english, swahili = self.start(), self.start(language="sw")
        for payment in (english, swahili):
            self.tell(payment, failure_body(op_of(payment).provider_ref or "", INSUFFICIENT, "Insufficient"))
        messages = [self.again(payment).failure["customer_message"] for payment in (english, swahili)]
        self.assertIn("M-Pesa", messages[0])
        self.assertNotEqual(*messages)

    def test_an_undocumented_code_decides_nothing_and_is_asked_about(self) -> None:
        payment = self.start()
        before = op_of(payment).next_check
        claim = self.tell(payment, failure_body(op_of(payment).provider_ref or "", UNDOCUMENTED, "What?"))
        self.assertEqual(claim.status, "ignored")
        self.assert_state(payment, "pending")
        self.assertLess(op_of(payment).next_check, before)  # type: ignore[arg-type,operator]
        simulator().cancel(op_of(payment).provider_ref or "")
        sweep()
        self.assert_state(payment, "cancelled", confirmed_by="query")


class Repeats(PaymentTestCase):
    def test_two_copies(self) -> None:
        payment = self.start(phone="254700000041")
        self.pay(payment)
        self.assertEqual(len(simulator().callbacks(op_of(payment).provider_ref or "")), 2)
        self.assertEqual([claim.status for claim in ProviderEvent.objects.all()], ["applied"])
        self.assert_one_capture(payment)

    def test_many_copies_long_after(self) -> None:
        payment = self.start()
        line = self.pay(payment)
        version = self.again(payment).version
        for _ in range(5):
            simulator().call("POST", f"prompts/{line['checkout_request_id']}/resend-callback")
            self.bring_callbacks(payment)
        self.assertEqual((ProviderEvent.objects.count(), self.again(payment).version), (1, version))
        self.assert_one_capture(payment)

    def test_a_failure_twice(self) -> None:
        payment = self.start()
        for _ in range(2):
            self.tell(payment, failure_body(op_of(payment).provider_ref or ""))
        self.assertEqual(ProviderEvent.objects.count(), 1)
        self.assertEqual(events_of(payment), ["payment.created", "payment.pending", "payment.cancelled"])

    def test_another_body_under_a_used_key_is_kept_apart(self) -> None:
        payment = self.start()
        checkout = op_of(payment).provider_ref or ""
        self.tell(payment, success_body(checkout))
        other = self.tell(payment, success_body(checkout, amount=1))
        self.assertEqual(other.status, "quarantined")
        self.assertIn("another body under a used key; first ", other.note)
        self.tell(payment, success_body(checkout, amount=1))
        self.assertEqual(ProviderEvent.objects.count(), 2)
        self.assert_state(payment, "completed", captured=100_00)
        self.assert_one_capture(payment)

    def test_a_claim_is_applied_once_whoever_comes_back_to_it(self) -> None:
        payment = self.start()
        claim = self.tell(payment, success_body(op_of(payment).provider_ref or ""))
        ProviderEvent.objects.update(next_try="2020-01-01T00:00:00Z")
        self.assertEqual(apply_callbacks(), 0)
        self.assertEqual(ProviderEvent.objects.get().tries, claim.tries)


class Contradictions(PaymentTestCase):
    def test_success_after_failure_is_late_money(self) -> None:
        payment = self.start(phone="254700000042")
        line = self.pay(payment)
        self.assertEqual([claim.status for claim in ProviderEvent.objects.order_by("id")], ["applied", "applied"])
        self.assert_state(payment, "completed", late=True, surplus=False, failure=None, receipt=line["receipt"])
        self.assertEqual(
            steps_of(payment), [("initiated", "pending"), ("pending", "cancelled"), ("cancelled", "completed")]
        )
        body = orjson.loads(Event.objects.get(key=f"payment.completed:{payment.id}").body)["data"]
        self.assertEqual((body["previous"], body["object"]["late"]), ({"status": "cancelled"}, True))
        self.assert_one_capture(payment)

    def test_success_after_every_closed_state(self) -> None:
        for status in ("failed", "cancelled", "expired", "refused"):
            with self.subTest(status=status):
                payment = make_payment(self.merchant, status=status)
                checkout = payment.provider_reference or f"ws_CO_{payment.id.hex}"
                self.bring(success_body(checkout, receipt=f"UK{payment.id.hex[-8:]}"), payment.door)  # type: ignore[attr-defined]
                self.apply()
                self.assert_state(payment, "completed", late=True)
                self.assert_one_capture(payment)

    def test_failure_after_success_changes_nothing(self) -> None:
        payment = self.start()
        self.pay(payment)
        paid = self.again(payment)
        claim = self.tell(payment, failure_body(op_of(payment).provider_ref or "", CANCELLED))
        self.assertEqual((claim.status, claim.note), ("duplicate", "contradicts a success, which stays"))
        self.assert_state(payment, "completed", version=paid.version, failure=None)
        self.assert_one_capture(payment)
        self.assertEqual(op_of(payment).status, "succeeded")

    def test_another_failure_after_a_failure_changes_nothing(self) -> None:
        payment = self.start()
        self.tell(payment, failure_body(op_of(payment).provider_ref or "", CANCELLED))
        self.tell(payment, failure_body(op_of(payment).provider_ref or "", INSUFFICIENT, "Insufficient"))
        self.assertEqual(self.assert_state(payment, "cancelled").failure["provider_code"], "1032")

    def test_late_money_for_a_replaced_payment_is_owed_to_the_payer(self) -> None:
        first = self.start(reference="ORDER-1")
        self.tell(first, failure_body(op_of(first).provider_ref or ""))
        second = self.start(reference="ORDER-1")
        self.tell(first, success_body(op_of(first).provider_ref or ""))
        paid = self.assert_state(first, "completed", late=True, surplus=True)
        self.assertEqual(entries_of(paid), {("provider_float", "D"): 100_00, ("overpaid", "C"): 100_00})
        self.pay(second)
        self.assert_state(second, "completed", surplus=False)
        self.assert_one_capture(second)


class Receipts(PaymentTestCase):
    def test_the_first_claim_with_a_receipt_fills_it_in(self) -> None:
        payment = self.start()
        receipt = simulator().approve(op_of(payment).provider_ref or "")["receipt"]
        make_due()
        sweep()
        before = self.assert_state(payment, "completed", confirmed_by="query", receipt=None)
        (claim,) = self.bring_callbacks(payment)
        self.assertEqual((claim.status, claim.note), ("duplicate", "receipt filled in"))
        self.assert_state(payment, "completed", confirmed_by="query", receipt=receipt, version=before.version + 1)
        self.assert_one_capture(payment)

    def test_another_receipt_for_a_paid_payment_is_kept_apart(self) -> None:
        payment = self.start()
        line = self.pay(payment)
        claim = self.tell(payment, success_body(line["checkout_request_id"], receipt="UKLOTHER01"))
        self.assertEqual((claim.status, claim.note), ("quarantined", "another receipt than the one on record"))
        self.assert_state(payment, "completed", receipt=line["receipt"])
        self.assert_one_capture(payment)
