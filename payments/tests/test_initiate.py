"""Starting a payment: the answer, the rows, and what the simulator's book says was really sent."""

from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.core.cache import cache
from django.test import override_settings

from merchants.models import IdempotencyKey
from merchants.services.provider_accounts import _provider
from merchants.tests.factories import key_headers, make_api_key, make_member, person_headers
from onpoint_pay.kit.ids import to_public
from payments.models import MoneyOp, Payment, ProviderEvent
from payments.tests.base import INITIATE, NOBODY, PaymentTestCase, events_of, next_key, steps_of
from payments.tests.factories import next_phone, op_of, payment_of
from tests.simulator_process import simulator
from webhooks.models import Endpoint, Event

LOST = ("push_reset", "push_500_after", "push_empty", "push_html", "push_cut_json")
CARD_REQUEST: dict[str, Any] = {
    "amount": "100.00",
    "currency": "KES",
    "payment_method": "mpesa",
    "email": "customer@example.com",
    "reference": "ORDER-123",
    "description": "Sukuma and ugali",
    "callback_url": "https://shop.example/webhook",
    "metadata": {"order_id": "123", "customer_name": "John Doe"},
}


class provider_settings(AbstractContextManager[None]):  # noqa: N801 - used as a word
    """Other settings, and providers built anew from them, for the time of the block."""

    def __init__(self, **settings: Any) -> None:
        self._changed = override_settings(**settings)

    def __enter__(self) -> None:
        self._changed.enable()
        _provider.cache_clear()

    def __exit__(self, *error: object) -> None:
        self._changed.disable()
        _provider.cache_clear()


class Accepted(PaymentTestCase):
    def test_the_answer(self) -> None:
        phone = next_phone()
        answer = self.initiate(CARD_REQUEST | {"phone": phone})
        self.assertEqual(answer.status_code, 201)
        found = answer.json()
        payment = payment_of(found["id"])
        (line,) = simulator().prompts()
        self.assertEqual(answer["Location"], f"/api/v1/payments/{found['id']}/")
        self.assertEqual(answer["Content-Type"], "application/json")
        self.assertNotIn("Idempotent-Replayed", answer)
        self.assertRegex(found["reference"], r"^TXN2\d{7}[0-9A-HJKMNP-TV-Z]{6}$")
        moments = {name: found.pop(name) for name in ("created_at", "submitted_at", "expires_at")}
        self.assertEqual(
            found,
            {
                "id": to_public("pay", payment.id),
                "object": "payment",
                "livemode": False,
                "simulated": True,
                "reference": payment.reference,
                "merchant_reference": "ORDER-123",
                "amount": "100.00",
                "currency": "KES",
                "amount_received": "0.00",
                "amount_refunded": "0.00",
                "amount_refundable": "0.00",
                "refund_status": "none",
                "fee": None,
                "net": None,
                "payment_method": "mpesa",
                "channel": "stk_push",
                "provider": "daraja",
                "status": "pending",
                "pending_reason": "awaiting_customer",
                "failure": None,
                "safe_to_retry": False,
                "late": False,
                "surplus": False,
                "amount_check": "exact",
                "phone": phone,
                "phone_hash": None,
                "payer_name": None,
                "email": "customer@example.com",
                "description": "Sukuma and ugali",
                "customer_message": "Check your phone and enter your M-Pesa PIN to pay KES 100 to Duka Bora.",
                "next_action": {"type": "approve_on_phone", "expires_at": moments["expires_at"]},
                "provider_receipt": None,
                "provider_details": {
                    "checkout_request_id": line["checkout_request_id"],
                    "merchant_request_id": line["merchant_request_id"],
                    "shortcode": "174379",
                },
                "attempts": 1,
                "confirmed_by": None,
                "callback_url": "https://shop.example/webhook",
                "metadata": {"order_id": "123", "customer_name": "John Doe"},
                "completed_at": None,
                "cancel_requested_at": None,
                "settlement": None,
                "version": 2,
            },
        )
        begun, ends = (datetime.fromisoformat(moments[name]) for name in ("created_at", "expires_at"))
        self.assertEqual(ends - begun, timedelta(seconds=120))
        self.assertTrue(all(moment.endswith("Z") for moment in moments.values()))

    def test_the_answer_is_what_reading_gives(self) -> None:
        found = self.initiate().json()
        self.assertEqual(self.get(f"payments/{found['id']}/", self.headers).json(), found)

    def test_the_rows(self) -> None:
        payment = self.start(**CARD_REQUEST, expires_in=600)
        (line,) = simulator().prompts()
        op = op_of(payment)
        self.assert_state(
            payment,
            "pending",
            fee=150,
            tax=0,
            captured=0,
            receipt=None,
            attempts=1,
            evidence_id=None,
            idempotency_key=None,
        )
        self.assertEqual(payment.expires_at - payment.created_at, timedelta(seconds=600))
        self.assertEqual(
            (op.status, op.kind, op.amount, op.provider_ref),
            ("accepted", "charge", 100_00, line["checkout_request_id"]),
        )
        self.assertEqual((op.client_ref, op.lease_until), (f"{payment.reference}-1", None))
        self.assertEqual(steps_of(payment), [("initiated", "pending")])
        self.assertEqual(events_of(payment), ["payment.created", "payment.pending"])
        self.assertEqual(ProviderEvent.objects.count(), 0)
        self.assert_no_money(payment)

    def test_the_event_holds_the_answer(self) -> None:
        answer = self.initiate(callback_url="https://shop.example/webhook", key="an-idempotency-key")
        payment = payment_of(answer.json()["id"])
        created, pending = Event.objects.filter(key__endswith=f":{payment.id}").order_by("id")
        body = orjson.loads(pending.body)
        self.assertEqual(body["data"], {"object": answer.json(), "previous": {"status": "initiated"}})
        self.assertEqual(body["request"], {"id": answer["Request-Id"], "idempotency_key": "an-idempotency-key"})
        self.assertEqual(orjson.loads(created.body)["data"]["object"]["status"], "initiated")
        endpoint = Endpoint.objects.get(id=payment.callback_endpoint)
        self.assertEqual((endpoint.kind, endpoint.url), ("inline", "https://shop.example/webhook"))
        self.assertEqual([event.deliveries.get().endpoint_id for event in (created, pending)], [endpoint.id] * 2)

    def test_what_is_sent(self) -> None:
        payment = self.start(amount=250, account_reference="TABLE 7", description="Dinner for two people")
        (line,) = simulator().prompts()
        self.assertEqual((line["amount"], line["phone"], line["shortcode"]), (250, payment.phone, "174379"))
        self.assertEqual(line["account_reference"], "TABLE7")
        address = urlsplit(line["callback_url"])
        token = address.path.split("/")[4]
        self.assertEqual(f"{address.scheme}://{address.netloc}", NOBODY)
        self.assertRegex(address.path, r"^/api/v1/hooks/[0-9a-f]{32}/collect/$")
        self.assertEqual(bytes(op_of(payment).token_hash or b""), sha256(token.encode()).digest())

    def test_each_payment_has_its_own_token_and_account_reference(self) -> None:
        payments = [self.start() for _ in range(3)]
        self.assertEqual(len({self.door_of(payment) for payment in payments}), 3)
        shown = {line["account_reference"] for line in simulator().prompts()}
        self.assertEqual(shown, {payment.account_reference for payment in payments})

    def test_the_payers_language(self) -> None:
        found = self.initiate(language="sw").json()
        self.assertIn("weka PIN", found["customer_message"].replace("uweke PIN", "weka PIN"))

    def test_a_person_of_the_merchant_may_too(self) -> None:
        member = make_member(self.merchant, "developer")
        self.headers = person_headers(member)
        payment = self.start()
        self.assertEqual((payment.merchant_id, payment.created_by), (self.merchant.id, member.public_id))

    def test_paths_without_their_slash(self) -> None:
        answer = self.post(INITIATE.rstrip("/"), self.body(), self.headers)
        self.assertEqual(answer.status_code, 201)

    @override_settings(MPESA_CALLBACK_URL="https://pay.example/api/v1/payments/mpesa/callback/")
    def test_a_configured_callback_address(self) -> None:
        self.start()
        (line,) = simulator().prompts()
        self.assertEqual(line["callback_url"], "https://pay.example/api/v1/payments/mpesa/callback/")

    def test_a_dead_access_token_is_replaced_and_one_prompt_sent(self) -> None:
        self.start()
        simulator().call("DELETE", "tokens")
        self.start()
        self.assertEqual(len(simulator().prompts()), 2)


class Refused(PaymentTestCase):
    def test_402_carries_the_failed_payment(self) -> None:
        answer = self.initiate(scenario="push=busy", reference="ORDER-1")
        found = self.assert_problem(answer, 402, "payment_failed")
        payment = self.assert_state(Payment.objects.get(), "failed", pending_reason=None, captured=0)
        self.assertEqual(found["payment"], self.get(f"payments/{to_public('pay', payment.id)}/", self.headers).json())
        failure = found["payment"]["failure"]
        self.assertEqual(failure["code"], "provider_busy")
        self.assertEqual((found["detail"], found["customer_message"]), (failure["reason"], failure["customer_message"]))
        self.assertTrue(found["payment"]["safe_to_retry"])
        self.assertFalse(found["retryable"])
        op = op_of(payment)
        self.assertEqual((op.status, op.lease_until), ("rejected", None))
        self.assertEqual(events_of(payment), ["payment.created", "payment.failed"])
        self.assertEqual(steps_of(payment), [("initiated", "failed")])
        self.assertEqual(simulator().prompts(), [])
        evidence = ProviderEvent.objects.get(id=op.evidence_id)
        self.assertEqual((evidence.door, evidence.status, evidence.op_id), ("push", "applied", op.id))

    def test_a_payer_with_an_open_prompt(self) -> None:
        first = self.start()
        found = self.assert_problem(self.initiate(phone=first.phone), 402, "payment_failed")
        self.assertEqual(found["payment"]["failure"]["code"], "customer_busy")
        self.assert_state(first, "pending")

    def test_the_reference_is_free_again(self) -> None:
        self.initiate(scenario="push=busy", reference="ORDER-1")
        self.assertEqual(self.start(reference="ORDER-1").status, "pending")


class NothingSent(PaymentTestCase):
    def test_503_closes_the_payment_and_frees_reference_and_key(self) -> None:
        body, key = self.body(reference="ORDER-1"), next_key()
        with provider_settings(SIMULATOR_URL=NOBODY):
            found = self.assert_problem(self.initiate(body, key=key), 503, "provider_unavailable")
        self.assertTrue(found["retryable"])
        closed = payment_of(found["existing"])
        self.assert_state(closed, "failed")
        self.assertEqual(closed.failure["code"], "provider_down")
        self.assertEqual(op_of(closed).status, "cancelled")
        self.assertEqual(events_of(closed), ["payment.created", "payment.failed"])
        self.assertFalse(IdempotencyKey.objects.exists())
        answer = self.initiate(body, key=key)
        self.assertEqual(answer.status_code, 201, answer.content)
        self.assertNotEqual(answer.json()["id"], found["existing"])

    def test_no_access_token(self) -> None:
        simulator().call("POST", "faults", {"seed": 1, "rate": 1.0, "kinds": ["token_500"]})
        self.assert_problem(self.initiate(), 503, "provider_unavailable")
        self.assertEqual(simulator().prompts(), [])
        self.assert_state(Payment.objects.get(), "failed")


class HandOverInDoubt(PaymentTestCase):
    def assert_reconciling(self) -> None:
        """Whatever came back: pending, asked about later, and sent exactly once."""
        payment = Payment.objects.get()
        self.assert_state(payment, "pending", pending_reason="reconciling", failure=None, provider_reference=None)
        self.assertEqual((op_of(payment).status, op_of(payment).lease_until), ("unknown", None))
        self.assertEqual(events_of(payment), ["payment.created", "payment.pending"])
        self.assertEqual(simulator().summary()["pushes_received"], 1)
        self.assertEqual(len(simulator().prompts()), 1)
        self.assert_no_money(payment)

    def test_answers_that_are_none(self) -> None:
        for kind in LOST:
            with self.subTest(kind=kind):
                MoneyOp.objects.all().delete()
                Payment.objects.all().delete()
                simulator().reset()
                simulator().call("POST", "faults", {"seed": 7, "rate": 1.0, "kinds": [kind]})
                answer = self.initiate()
                found = answer.json()
                self.assertEqual((answer.status_code, found["status"]), (201, "pending"))
                self.assertEqual(found["pending_reason"], "reconciling")
                self.assertEqual(found["next_action"], {"type": "none", "expires_at": None})
                self.assertFalse(found["safe_to_retry"])
                self.assert_reconciling()

    def test_no_answer_within_the_deadline(self) -> None:
        with provider_settings(PROVIDER_DEADLINE_SECONDS=0.5):
            self.start(phone="254700000047")
        self.assert_reconciling()

    def test_an_error_of_the_provider_that_says_nothing(self) -> None:
        """Refused before it was booked, in words that do not say so: it is not sent again either way."""
        payment = self.start(phone="254700000046")
        self.assert_state(payment, "pending", pending_reason="reconciling")
        self.assertEqual(simulator().summary()["pushes_received"], 1)

    def test_the_reference_stays_taken(self) -> None:
        payment = self.start(scenario="push=reset", reference="ORDER-1")
        found = self.assert_problem(self.initiate(reference="ORDER-1"), 409, "duplicate_reference")
        self.assertEqual(found["existing"], to_public("pay", payment.id))


class Limits(PaymentTestCase):
    @override_settings(RATE_LIMITS={"api": "600/1m", "initiate": "2/1m", "status": "300/1m"})
    def test_prompts_are_counted_per_merchant(self) -> None:
        second_key = key_headers(make_api_key(self.merchant))
        self.start()
        answer = self.initiate()
        self.assertIn('"initiate";q=2;w=60', answer["RateLimit-Policy"])
        self.assertRegex(answer["RateLimit"], r'^"initiate";r=0;t=\d+$')
        refused = self.post(INITIATE, self.body(), second_key)
        self.assert_problem(refused, 429, "rate_limited")
        self.assertGreaterEqual(int(refused["Retry-After"]), 1)
        self.assertEqual(Payment.objects.count(), 2)
        self.assertEqual(simulator().summary()["pushes_received"], 2)
        cache.clear()
        self.assertEqual(self.post(INITIATE, self.body(), second_key).status_code, 201)
