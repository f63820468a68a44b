"""One operation per Idempotency-Key: repeats get the first answer, a crash is resumed, nothing is sent twice."""

from datetime import timedelta
from typing import Any
from unittest import mock

from django.http import HttpResponse
from django.test import override_settings

from merchants.models import IdempotencyKey
from merchants.services import provider_accounts
from merchants.services.provider_accounts import provider_for
from merchants.tests.factories import key_headers, make_api_key, make_member, make_merchant, person_headers
from onpoint_pay.kit.clock import now
from payments.models import MoneyOp, Payment
from payments.tests.base import INITIATE, NOBODY, PaymentTestCase, events_of, next_key
from payments.tests.claims import success_body
from payments.tests.factories import Died, StandInProvider, next_phone, op_of, payment_of
from payments.tests.test_initiate import provider_settings
from providers.types import ChargeRequest, Outcome
from tests.simulator_process import simulator


class DiesAfterSending(StandInProvider):
    """The prompt is out, and the process ends before it could say so."""

    def __init__(self) -> None:
        super().__init__(error=Died())
        self.real = provider_for("daraja", "test")

    def charge(self, request: ChargeRequest) -> Outcome:
        self.real.charge(request)
        return super().charge(request)


class Replays(PaymentTestCase):
    def assert_replay(self, answer: HttpResponse, first: HttpResponse) -> None:
        self.assertEqual((answer.status_code, answer.content), (first.status_code, first.content))
        self.assertEqual(answer["Content-Type"], first["Content-Type"])
        self.assertEqual(answer["Idempotent-Replayed"], "true")
        self.assertEqual(answer["Idempotent-Original-Request"], first["Request-Id"])
        self.assertNotEqual(answer["Request-Id"], first["Request-Id"])
        self.assertNotIn("Idempotent-Replayed", first)

    def test_a_repeat_gets_the_first_answer(self) -> None:
        body, key = self.body(reference="ORDER-1"), next_key()
        first = self.initiate(body, key=key)
        self.pay(payment_of(first.json()["id"]))
        repeat = self.initiate(body, key=key)
        self.assertEqual(repeat.json()["status"], "pending")
        self.assert_replay(repeat, first)
        self.assertEqual(repeat["Location"], first["Location"])
        self.assertEqual((Payment.objects.count(), MoneyOp.objects.count(), len(simulator().prompts())), (1, 1, 1))
        self.assertEqual(events_of(Payment.objects.get()), ["payment.created", "payment.pending", "payment.completed"])

    def test_other_spellings_of_the_same_request(self) -> None:
        phone, key = next_phone(), next_key()
        first = self.initiate({"amount": 100, "payment_method": "mpesa", "phone": phone}, key=key)
        reordered = f'{{"phone": "{phone}", "amount": 100.00, "payment_method": "mpesa"}}'
        headers = self.headers | {"Idempotency-Key": f'"{key}"'}
        repeat = self.client.post(f"/api/v1/{INITIATE.rstrip('/')}", reordered, "application/json", headers=headers)
        self.assert_replay(repeat, first)

    def test_a_refusal_by_the_provider_is_an_answer_too(self) -> None:
        body, key = self.body(), next_key()
        first = self.initiate(body, key=key, scenario="push=busy")
        self.assert_problem(first, 402, "payment_failed")
        repeat = self.initiate(body, key=key)
        self.assert_problem(repeat, 402, "payment_failed")
        self.assert_replay(repeat, first)
        self.assertEqual((Payment.objects.count(), simulator().summary()["pushes_received"]), (1, 1))

    def test_a_doubtful_hand_over_is_an_answer_too(self) -> None:
        body, key = self.body(), next_key()
        first = self.initiate(body, key=key, scenario="push=reset")
        self.assert_replay(self.initiate(body, key=key), first)
        self.assertEqual(simulator().summary()["pushes_received"], 1)

    def test_another_request_under_the_key(self) -> None:
        body, key = self.body(), next_key()
        self.initiate(body, key=key)
        for change in ({"amount": 101}, {"phone": next_phone()}, {"description": "x"}, {"metadata": {"a": 1}}):
            with self.subTest(change=change):
                self.assert_problem(self.initiate(body | change, key=key), 422, "idempotency_key_reused")
        self.assertEqual((Payment.objects.count(), len(simulator().prompts())), (1, 1))

    def test_without_a_key_each_request_is_its_own(self) -> None:
        body = self.body()
        self.start(**body)
        simulator().reset()
        self.start(**body)
        self.assertEqual((Payment.objects.count(), IdempotencyKey.objects.count()), (2, 0))


class KeysOfOthers(PaymentTestCase):
    def test_merchants_and_modes_have_keys_of_their_own(self) -> None:
        key, body = next_key(), self.body()
        self.initiate(body, key=key)
        self.headers = key_headers(make_api_key(make_merchant("Mama Mboga")))
        simulator().reset()
        other = self.initiate(body, key=key)
        self.assertEqual((other.status_code, Payment.objects.count()), (201, 2))
        self.assertNotIn("Idempotent-Replayed", other)
        self.assertEqual(
            set(IdempotencyKey.objects.values_list("merchant_id", "mode")),
            {(payment.merchant_id, "test") for payment in Payment.objects.all()},
        )

    def test_live_and_test_do_not_share(self) -> None:
        merchant = make_merchant(live_enabled=True)
        key, body = next_key(), self.body()
        self.headers = key_headers(make_api_key(merchant))
        self.initiate(body, key=key)
        self.headers = key_headers(make_api_key(merchant, mode="live"))
        with mock.patch.object(provider_accounts, "_provider", lambda code, mode: StandInProvider(is_test=False)):
            live = self.initiate(body, key=key)
        found = live.json()
        self.assertEqual((live.status_code, found["livemode"], found["simulated"]), (201, True, False))
        self.assertNotIn("Idempotent-Replayed", live)
        self.assertCountEqual(IdempotencyKey.objects.values_list("mode", flat=True), ["live", "test"])

    def test_the_keys_of_one_merchant_share_their_answers(self) -> None:
        body, key = self.body(), next_key()
        first = self.initiate(body, key=key)
        self.headers = person_headers(make_member(self.merchant))
        self.assertEqual(self.initiate(body, key=key).content, first.content)


class NotKept(PaymentTestCase):
    def assert_free(self, key: str, body: dict[str, Any]) -> None:
        self.assertFalse(IdempotencyKey.objects.filter(key=key).exists())
        answer = self.initiate(body, key=key)
        self.assertEqual(answer.status_code, 201, answer.content)
        self.assertNotIn("Idempotent-Replayed", answer)

    def test_faults_of_the_request(self) -> None:
        key = next_key()
        self.assert_problem(self.initiate(amount="1e2", key=key), 400, "amount_invalid")
        self.assert_free(key, self.body())

    def test_refused_callers(self) -> None:
        key, body = next_key(), self.body()
        self.assert_problem(self.post(INITIATE, body, {"Idempotency-Key": key}), 401, "authentication_required")
        self.assert_free(key, body)

    def test_a_reference_in_use(self) -> None:
        first = self.start(reference="ORDER-1")
        key, body = next_key(), self.body(reference="ORDER-1")
        self.assert_problem(self.initiate(body, key=key), 409, "duplicate_reference")
        simulator().cancel(op_of(first).provider_ref or "")
        self.bring_callbacks(first)
        self.assert_free(key, body)

    def test_a_provider_that_was_not_reached(self) -> None:
        key, body = next_key(), self.body()
        with provider_settings(SIMULATOR_URL=NOBODY):
            self.assert_problem(self.initiate(body, key=key), 503, "provider_unavailable")
        self.assert_free(key, body)


@override_settings(IDEMPOTENCY_WAIT_SECONDS=0.05)
class Crashes(PaymentTestCase):
    def crash(self, provider: StandInProvider, body: dict[str, Any], key: str) -> Payment:
        """The web process dies between its two commits."""
        with mock.patch.object(provider_accounts, "_provider", lambda code, mode: provider), self.assertRaises(Died):
            self.initiate(body, key=key)
        return Payment.objects.get()

    def end_lease(self) -> None:
        IdempotencyKey.objects.update(lease_until=now() - timedelta(seconds=1))

    def test_while_the_lease_runs_a_repeat_waits(self) -> None:
        body, key = self.body(), next_key()
        payment = self.crash(StandInProvider(error=Died()), body, key)
        row = IdempotencyKey.objects.get(key=key)
        self.assertEqual((row.lease_until - row.created_at, row.object_id), (timedelta(seconds=30), payment.id))
        answer = self.initiate(body, key=key)
        found = self.assert_problem(answer, 409, "idempotency_in_progress")
        self.assertEqual((answer["Retry-After"], found["retryable"]), ("1", True))
        self.assert_problem(self.initiate(body | {"amount": 5}, key=key), 422, "idempotency_key_reused")
        self.assert_state(payment, "initiated")

    def test_a_dead_lease_is_resumed_and_nothing_sent(self) -> None:
        body, key = self.body(), next_key()
        payment = self.crash(StandInProvider(error=Died()), body, key)
        self.end_lease()
        answer = self.initiate(body, key=key)
        self.assertEqual((answer.status_code, answer.json()["status"]), (201, "pending"))
        self.assert_state(payment, "pending", pending_reason="reconciling")
        self.assertEqual(op_of(payment).status, "unknown")
        self.assertEqual(simulator().summary()["pushes_received"], 0)
        self.assertEqual(self.initiate(body, key=key).content, answer.content)
        self.assertEqual(events_of(payment), ["payment.created", "payment.pending"])

    def test_a_prompt_that_was_out_is_paid_once(self) -> None:
        body, key = self.body(), next_key()
        payment = self.crash(DiesAfterSending(), body, key)
        self.end_lease()
        self.assertEqual(self.initiate(body, key=key).json()["pending_reason"], "reconciling")
        (line,) = simulator().prompts()
        self.assertEqual(simulator().summary()["pushes_received"], 1)
        door = line["callback_url"].removeprefix(NOBODY)
        receipt = simulator().approve(line["checkout_request_id"])["receipt"]
        self.bring(success_body(line["checkout_request_id"], receipt=receipt), door)
        self.apply()
        self.assert_state(payment, "completed", receipt=receipt, provider_reference=line["checkout_request_id"])
        self.assert_one_capture(payment)

    def test_a_resumed_payment_that_was_decided_meanwhile(self) -> None:
        body, key = self.body(), next_key()
        payment = self.crash(DiesAfterSending(), body, key)
        (line,) = simulator().prompts()
        self.bring(success_body(line["checkout_request_id"]), line["callback_url"].removeprefix(NOBODY))
        self.apply()
        self.end_lease()
        answer = self.initiate(body, key=key)
        self.assertEqual((answer.status_code, answer.json()["status"]), (201, "completed"))
        self.assert_one_capture(payment)

    def test_the_first_request_after_all_comes_to_its_end(self) -> None:
        """Its lease was over and a repeat has spoken: the late answer of the provider is taken in quietly."""
        body, key = self.body(), next_key()

        class Slow(StandInProvider):
            def charge(slow, request: ChargeRequest) -> Outcome:  # noqa: N805
                self.end_lease()
                self.repeat = self.initiate(body, key=key)
                return super().charge(request)

        slow = Slow()
        with mock.patch.object(provider_accounts, "_provider", lambda code, mode: slow):
            answer = self.initiate(body, key=key)
        payment = Payment.objects.get()
        self.assertEqual(self.repeat.json()["pending_reason"], "reconciling")
        self.assertEqual((answer.status_code, answer.json()["id"]), (201, self.repeat.json()["id"]))
        self.assertEqual(len(slow.charges), 1)
        self.assert_state(payment, "pending", provider_reference=op_of(payment).provider_ref)
        self.assertIsNotNone(payment.provider_reference)
        self.assertEqual(events_of(payment), ["payment.created", "payment.pending"])
