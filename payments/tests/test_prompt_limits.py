"""How often one phone may be asked: counted per merchant and phone, in live mode, and never for what was not sent."""

from typing import Any
from unittest import mock

from django.conf import settings
from django.core.cache import cache
from django.http import HttpResponse
from django.test import override_settings

from merchants.models import IdempotencyKey
from merchants.services import provider_accounts
from merchants.tests.base import AWAY
from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.ratelimit import give_back, spend
from payments.models import MoneyOp, Payment
from payments.tests.base import PaymentTestCase, next_key
from payments.tests.factories import StandInProvider, fail, next_phone, payment_of, refusal
from providers.errors import ProviderUnavailable
from webhooks.models import Event

LIMITS = settings.RATE_LIMITS | {"prompt": "2/1h", "prompt_day": "3/1d"}


@override_settings(RATE_LIMITS=LIMITS, PROMPT_LIMITS_IN_TEST_MODE=True)
class LimitTestCase(PaymentTestCase):
    def setUp(self) -> None:
        super().setUp()
        cache.clear()
        self.addCleanup(cache.clear)
        self.provider = StandInProvider()
        patch = mock.patch.object(provider_accounts, "_provider", lambda code, mode: self.provider)
        self.enterContext(patch)

    def ask(self, phone: str, **more: Any) -> HttpResponse:
        return self.initiate(phone=phone, **more)

    def resend(self, payment: Payment, **body: Any) -> HttpResponse:
        return self.post(f"payments/{to_public('pay', payment.id)}/resend/", body, self.headers)

    def assert_throttled(self, answer: HttpResponse) -> None:
        before = Payment.objects.count(), MoneyOp.objects.count(), Event.objects.count(), len(self.provider.charges)
        found = self.assert_problem(answer, 429, "prompt_throttled")
        self.assertTrue(found["retryable"])
        self.assertGreaterEqual(int(answer["Retry-After"]), 1)
        after = Payment.objects.count(), MoneyOp.objects.count(), Event.objects.count(), len(self.provider.charges)
        self.assertEqual(after, before)


class Prompts(LimitTestCase):
    def test_one_phone_too_often(self) -> None:
        phone = next_phone()
        self.assertEqual([self.ask(phone).status_code for _ in range(2)], [201, 201])
        self.assert_throttled(self.ask(phone))
        self.assertEqual((Payment.objects.count(), len(self.provider.charges)), (2, 2))
        self.assertEqual(self.ask(next_phone()).status_code, 201)

    def test_spellings_of_a_phone_are_one_phone(self) -> None:
        for phone in ("0712000777", "+254 712 000 777"):
            self.assertEqual(self.ask(phone).status_code, 201)
        self.assert_throttled(self.ask("254712000777"))

    def test_a_new_attempt_is_a_prompt_too(self) -> None:
        phone = next_phone()
        payment = payment_of(self.ask(phone).json()["id"])
        fail(payment)
        self.assertEqual(self.resend(payment).status_code, 201)
        fail(payment)
        self.assert_throttled(self.resend(payment))
        self.assert_state(payment, "cancelled", attempts=2)
        self.assertEqual(self.resend(payment, phone=next_phone()).status_code, 201)

    def test_the_day_is_counted_as_well(self) -> None:
        phone = next_phone()
        with override_settings(RATE_LIMITS=LIMITS | {"prompt": "100/1h"}):
            self.assertEqual([self.ask(phone).status_code for _ in range(3)], [201] * 3)
            self.assert_throttled(self.ask(phone))

    def test_merchants_are_counted_apart(self) -> None:
        phone = next_phone()
        for _ in range(2):
            self.ask(phone)
        self.headers = key_headers(make_api_key(make_merchant("Mama Mboga")))
        self.assertEqual(self.ask(phone).status_code, 201)

    def test_test_mode_is_not_counted_by_default(self) -> None:
        phone = next_phone()
        with override_settings(PROMPT_LIMITS_IN_TEST_MODE=False):
            self.assertEqual([self.ask(phone).status_code for _ in range(4)], [201] * 4)

    def test_live_mode_is_counted_always(self) -> None:
        self.provider = StandInProvider(is_test=False)
        self.headers = key_headers(make_api_key(make_merchant(live_enabled=True), mode="live"))
        phone = next_phone()
        with override_settings(PROMPT_LIMITS_IN_TEST_MODE=False):
            self.assertEqual([self.ask(phone).status_code for _ in range(3)], [201, 201, 429])

    def test_the_store_being_away_stops_nobody(self) -> None:
        phone = next_phone()
        with override_settings(CACHES=AWAY):
            self.assertEqual([self.ask(phone).status_code for _ in range(4)], [201] * 4)


class NotCounted(LimitTestCase):
    """Only what was sent to the phone."""

    def test_repeats_of_one_key(self) -> None:
        phone, key = next_phone(), next_key()
        body = self.body(phone=phone)
        first = self.initiate(body, key=key)
        for _ in range(4):
            self.assertEqual(self.initiate(body, key=key).content, first.content)
        self.assertEqual(self.ask(phone).status_code, 201)
        self.assert_throttled(self.ask(phone))
        self.assertEqual(self.initiate(body, key=key)["Idempotent-Replayed"], "true")

    def test_a_throttled_request_frees_its_key(self) -> None:
        phone, key = next_phone(), next_key()
        for _ in range(2):
            self.ask(phone)
        self.assert_throttled(self.initiate(self.body(phone=phone), key=key))
        self.assertFalse(IdempotencyKey.objects.filter(key=key).exists())

    def test_a_reference_in_use(self) -> None:
        phone = next_phone()
        self.ask(phone, reference="ORDER-1")
        for _ in range(3):
            self.assert_problem(self.ask(phone, reference="ORDER-1"), 409, "duplicate_reference")
        self.assertEqual(self.ask(phone).status_code, 201)

    def test_a_payment_in_progress(self) -> None:
        phone = next_phone()
        payment = payment_of(self.ask(phone).json()["id"])
        for _ in range(3):
            self.assert_problem(self.resend(payment), 409, "payment_in_progress")
        self.assertEqual(self.ask(phone).status_code, 201)

    def test_a_provider_that_was_not_reached(self) -> None:
        phone = next_phone()
        self.provider.error = ProviderUnavailable("refused")
        for _ in range(3):
            self.assert_problem(self.ask(phone), 503, "provider_unavailable")
        self.provider.error = None
        self.assertEqual(self.ask(phone).status_code, 201)

    def test_refusals_of_the_provider_do_count(self) -> None:
        """It was asked to ring the phone, and may have."""
        phone = next_phone()
        self.provider.error = refusal()
        for _ in range(2):
            self.assert_problem(self.ask(phone), 402, "payment_failed")
        self.assert_throttled(self.ask(phone))


@override_settings(RATE_LIMITS=LIMITS)
class Spending(LimitTestCase):
    def test_what_is_taken_and_given_back(self) -> None:
        self.assertEqual([spend("prompt", key="a") for _ in range(2)], [None, None])
        wait = spend("prompt", key="a")
        assert wait is not None
        self.assertTrue(0 < wait <= 3600)
        give_back("prompt", key="a")
        self.assertEqual((spend("prompt", key="a"), spend("prompt", key="b")), (None, None))
        self.assertIsNotNone(spend("prompt", key="a"))

    def test_giving_back_what_nobody_took(self) -> None:
        give_back("prompt", key="c")
        self.assertEqual([spend("prompt", key="c") for _ in range(2)], [None, None])
        self.assertIsNotNone(spend("prompt", key="c"))
