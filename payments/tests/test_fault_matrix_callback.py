"""The fault matrix, F05 to F12: what can go wrong with callbacks."""

import json
import threading
from urllib.parse import urlsplit

from django.db import connection
from django.test import Client

from merchants.tests.factories import key_headers, make_api_key, make_merchant
from payments.models import MoneyOp, ProviderEvent
from payments.tests.base import NO_SUCH_TOKEN, events_of
from payments.tests.claims import failure_body, success_body
from payments.tests.factories import op_of
from payments.tests.fault_matrix import FaultMatrixCase
from tests.simulator_process import simulator


class CallbackFaultsTest(FaultMatrixCase):
    def test_F05_dropped_callback_is_found_out_by_asking(self) -> None:
        payment = self.start(scenario="callback.lost=1")
        simulator().approve(op_of(payment).provider_ref or "")
        self.assertEqual(simulator().callbacks(op_of(payment).provider_ref or ""), [])
        self.sweep_due()
        self.assert_paid_once(payment, confirmed_by="query")

    def test_F06_copies_at_once_count_once(self) -> None:
        payment = self.start()
        line = simulator().approve(op_of(payment).provider_ref or "")
        body = success_body(line["checkout_request_id"], amount=line["amount"], receipt=line["receipt"])
        door = self.door_of(payment)
        statuses: list[int] = []

        def copy() -> None:
            for _ in range(10):
                statuses.append(Client().post(f"{door}", body, "application/json").status_code)
            self.apply()
            connection.close()

        threads = [threading.Thread(target=copy) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(statuses, [200] * 80)
        self.assertEqual(ProviderEvent.objects.filter(door="collect").count(), 1)
        self.assert_paid_once(payment, confirmed_by="callback")

    def test_F07_callback_before_the_push_is_answered(self) -> None:
        """The claim comes while nobody here knows the provider's id: its path token finds the operation."""
        payment = self.start(scenario="push=reset")
        (line,) = self.lines(payment)
        self.assertIsNone(op_of(payment).provider_ref)
        body = success_body(line["checkout_request_id"], amount=line["amount"], receipt="UKL4Q7ZX2A")
        self.bring(body, urlsplit(line["callback_url"]).path)
        self.apply()
        self.assert_state(payment, "completed", receipt="UKL4Q7ZX2A", confirmed_by="callback")
        self.assert_one_capture(payment)

    def test_F07_claim_of_an_id_nobody_knows_yet_waits_for_it(self) -> None:
        payment = self.start()
        op = op_of(payment)
        known = op.provider_ref
        MoneyOp.objects.filter(id=op.id).update(provider_ref=None)
        self.bring(failure_body(known or ""), "/api/v1/payments/mpesa/callback/")
        self.apply()
        event = ProviderEvent.objects.latest("id")
        self.assertEqual(event.status, "orphan")
        self.assert_state(payment, "pending")

    def test_F08_failure_after_success_changes_nothing(self) -> None:
        payment = self.start()
        self.pay(payment)
        event = self.tell(payment, failure_body(op_of(payment).provider_ref or ""))
        self.assertEqual(event.status, "duplicate")
        self.assert_paid_once(payment, late=False)

    def test_F08_success_after_failure_is_taken(self) -> None:
        payment = self.start()
        self.tell(payment, failure_body(op_of(payment).provider_ref or ""))
        self.assert_state(payment, "cancelled")
        self.pay(payment)
        self.assert_paid_once(payment, late=True)
        self.assertEqual(
            events_of(payment), ["payment.created", "payment.pending", "payment.cancelled", "payment.completed"]
        )

    def test_F09_another_amount_is_kept_apart(self) -> None:
        payment = self.start()
        event = self.tell(payment, success_body(op_of(payment).provider_ref or "", amount=101))
        self.assertEqual(event.status, "quarantined")
        self.assert_state(payment, "pending")
        self.assert_no_money(payment)

    def test_F09_used_receipt_is_kept_apart(self) -> None:
        paid = self.start()
        line = self.pay(paid)
        other = self.start()
        event = self.tell(other, success_body(op_of(other).provider_ref or "", receipt=line["receipt"]))
        self.assertEqual(event.status, "quarantined")
        self.assert_state(other, "pending")
        self.assert_no_money(other)

    def test_F09_foreign_checkout_id_is_kept_apart(self) -> None:
        payment = self.start()
        event = self.tell(payment, success_body("ws_CO_21112026093000123799999999"))
        self.assertEqual(event.status, "quarantined")
        self.assert_state(payment, "pending")
        self.assert_no_money(payment)

    def test_F10_wrong_token_is_told_nothing_and_changes_nothing(self) -> None:
        payment = self.start()
        body = success_body(op_of(payment).provider_ref or "")
        answer = self.bring(body, f"/api/v1/hooks/{NO_SUCH_TOKEN}/collect/")
        self.assertEqual(answer.status_code, 404)
        self.assertEqual(self.bring(body, "/api/v1/payments/mpesa/callback/").status_code, 200)
        self.apply()
        self.assert_state(payment, "pending")
        self.assert_no_money(payment)

    def test_F11_token_of_another_payment_and_merchant_is_kept_apart(self) -> None:
        payment = self.start()
        stranger = make_merchant("Another shop")
        self.headers = key_headers(make_api_key(stranger))
        theirs = self.start()
        event = self.tell(theirs, success_body(op_of(payment).provider_ref or ""))
        self.assertEqual(event.status, "quarantined")
        for one in (payment, theirs):
            self.assert_state(one, "pending")
            self.assert_no_money(one)

    def test_F12_malformed_bodies_are_stored_or_refused_and_the_worker_lives(self) -> None:
        payment = self.start()
        reference = op_of(payment).provider_ref or ""
        bodies = [
            b"",
            b"{",
            b"[" * 10_000 + b"]" * 10_000,
            b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
            b'{"Body": null}',
            b"\x00\x01\x02",
            b"\xff\xfe not utf-8",
            json.dumps({"Body": {"stkCallback": {"CheckoutRequestID": reference + "\x00", "ResultCode": 0}}}).encode(),
            b'{"Body":{"stkCallback":{"CheckoutRequestID":"x","ResultCode":0,"ResultCode":1}}}',
            b'{"Body":{"stkCallback":{"CheckoutRequestID":"x","ResultCode":' + b"9" * 5_000 + b"}}}",
            b'{"Body":{"stkCallback":{"CheckoutRequestID":"x","ResultCode":NaN}}}',
            b'{"Body":{"stkCallback":{"CheckoutRequestID":["x"],"ResultCode":{}}}}',
        ]
        door = self.door_of(payment)
        for body in bodies:
            self.assertEqual(self.bring(body, door).status_code, 200, body[:60])
        self.assertEqual(self.bring(b" " * (64 * 1024 + 1), door).status_code, 413)
        self.assertEqual(ProviderEvent.objects.filter(door="collect").count(), len(bodies))
        self.apply()
        self.assertFalse(ProviderEvent.objects.filter(status="applied").exists())
        self.assert_state(payment, "pending")
        self.pay(payment)
        self.assert_paid_once(payment)
