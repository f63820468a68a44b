"""How often one merchant may call: rates of its own, what the headers tell, and what happens without the store."""

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from merchants.services.limits import allow
from merchants.tests.base import AWAY
from merchants.tests.factories import key_headers, make_api_key, make_limits, make_merchant
from onpoint_pay.kit.caller import LIVE, TEST
from onpoint_pay.kit.ratelimit import RAISABLE, give_back, headers, spend, telling
from payments.models import Payment
from payments.tests.base import PaymentTestCase, next_key
from payments.tests.factories import make_payment, next_phone
from tests.simulator_process import simulator

RATES = settings.RATE_LIMITS | {"api": "5/1m", "initiate": "2/1m", "prompt": "2/5m", "prompt_day": "4/1d"}


class RateTestCase(PaymentTestCase):
    def setUp(self) -> None:
        super().setUp()
        cache.clear()
        self.addCleanup(cache.clear)


class Contract(RateTestCase):
    def test_every_policy_is_a_setting(self) -> None:
        usual = {
            "api": "600/1m",
            "initiate": "120/1m",
            "status": "300/1m",
            "prompt": "3/5m",
            "prompt_day": "10/1d",
            "auth": "10/1m",
            "login": "5/15m",
            "export": "10/1h",
            "checkout": "60/1m",
        }
        self.assertEqual({policy: settings.RATE_LIMITS[policy] for policy in usual}, usual)
        self.assertEqual(settings.STRANGE_CALLBACKS_PER_MINUTE, 120)
        # Who signs in belongs to no merchant yet.
        self.assertEqual({*usual} - {*RAISABLE}, {"auth", "login"})
        self.assertLessEqual({*RAISABLE}, {*settings.RATE_LIMITS})


@override_settings(RATE_LIMITS=RATES)
class OwnRates(RateTestCase):
    def test_one_merchant_may_call_more_often(self) -> None:
        make_limits(self.merchant, rates={"initiate": "4/1m"})
        answers = [self.initiate() for _ in range(5)]
        self.assertEqual([answer.status_code for answer in answers], [201] * 4 + [429])
        self.assertEqual(answers[0]["RateLimit-Policy"], '"api";q=5;w=60, "initiate";q=4;w=60')
        self.assertRegex(answers[0]["RateLimit"], r'^"initiate";r=3;t=\d+$')
        self.assertEqual((Payment.objects.count(), simulator().summary()["pushes_received"]), (4, 4))

    def test_or_less_often(self) -> None:
        make_limits(self.merchant, rates={"api": "1/1h"})
        first = self.get("payments/", self.headers)
        self.assertEqual((first.status_code, first["RateLimit-Policy"]), (200, '"api";q=1;w=3600'))
        self.assertEqual((first["X-RateLimit-Limit"], first["X-RateLimit-Remaining"]), ("1", "0"))
        refused = self.get("payments/", self.headers)
        self.assert_problem(refused, 429, "rate_limited")
        self.assertTrue(1 <= int(refused["Retry-After"]) <= 3600)

    def test_neither_others_nor_the_other_mode(self) -> None:
        make_limits(self.merchant, mode=LIVE, rates={"initiate": "9/1m"})
        self.assertIn('"initiate";q=2;w=60', self.initiate()["RateLimit-Policy"])
        make_limits(self.merchant, rates={"initiate": "9/1m"})
        other = key_headers(make_api_key(make_merchant()))
        self.assertIn('"initiate";q=2;w=60', self.post("payments/initiate/", self.body(), other)["RateLimit-Policy"])

    def test_a_change_is_in_force_at_once_and_reading_it_costs_nothing(self) -> None:
        self.initiate()
        with self.captureOnCommitCallbacks(execute=True):
            allow(self.merchant.id, TEST, caps={}, rates={"initiate": "50/1m"}, actor="operator")
        self.assertIn('"initiate";q=50;w=60', self.initiate()["RateLimit-Policy"])
        cache.clear()
        self.get("payments/", self.headers)
        with CaptureQueriesContext(connection) as sent:
            self.initiate()
        self.assertFalse([each["sql"] for each in sent if "merchants_limits" in each["sql"]])

    def test_what_nobody_can_read_lets_requests_pass(self) -> None:
        """The command stores no such thing; a row made by hand must not stop a merchant."""
        make_limits(self.merchant, rates={"api": "often"})
        self.assertEqual(self.get("payments/", self.headers).status_code, 200)


@override_settings(RATE_LIMITS=RATES | {"api": "100/1m", "initiate": "100/1m"}, PROMPT_LIMITS_IN_TEST_MODE=True)
class Prompts(RateTestCase):
    def test_what_is_left_for_the_phone_is_told(self) -> None:
        answer = self.initiate()
        self.assertEqual(
            answer["RateLimit-Policy"],
            '"api";q=100;w=60, "initiate";q=100;w=60, "prompt";q=2;w=300, "prompt_day";q=4;w=86400',
        )
        self.assertRegex(answer["RateLimit"], r'^"prompt";r=1;t=\d+$')

    def test_the_tightest_when_it_is_refused(self) -> None:
        phone = next_phone()
        for _ in range(2):
            spend("prompt", key=f"{self.merchant.id}:{TEST}:{phone}")
        answer = self.initiate(phone=phone)
        self.assert_problem(answer, 429, "prompt_throttled")
        self.assertRegex(answer["RateLimit"], r'^"prompt";r=0;t=\d+$')
        self.assertNotIn("prompt_day", answer["RateLimit-Policy"])
        self.assertEqual((Payment.objects.count(), simulator().summary()["pushes_received"]), (0, 0))

    def test_what_was_not_sent_is_not_told(self) -> None:
        key, body = next_key(), self.body()
        self.assertEqual(self.initiate(body, key=key).status_code, 201)
        again = self.initiate(body, key=key)
        self.assertEqual(again["Idempotent-Replayed"], "true")
        self.assertEqual(again["RateLimit-Policy"], '"api";q=100;w=60, "initiate";q=100;w=60')

    def test_a_merchant_whose_payers_are_asked_more_often(self) -> None:
        make_limits(self.merchant, rates={"prompt": "3/5m"})
        phone = next_phone()
        self.assertIn('"prompt";q=3;w=300', self.initiate(phone=phone)["RateLimit-Policy"])
        own = {"prompt": "3/5m"}
        place = f"{self.merchant.id}:{TEST}:{phone}"
        self.assertEqual([spend("prompt", key=place, own=own) for _ in range(2)], [None, None])
        self.assert_problem(self.initiate(phone=phone), 429, "prompt_throttled")
        give_back("prompt", key=place, own=own)
        # Now the phone may be asked, and its other prompt is open at the simulator: what failed was sent.
        self.assert_problem(self.initiate(phone=phone), 402, "payment_failed")


class Away(RateTestCase):
    @override_settings(RATE_LIMITS=RATES, CACHES=AWAY, PROMPT_LIMITS_IN_TEST_MODE=True)
    def test_without_the_store_requests_pass_and_limits_of_money_hold(self) -> None:
        make_limits(self.merchant, own_per_day=300_00, rates={"initiate": "1/1m"})
        with self.assertLogs("onpoint_pay.kit", "WARNING") as caught:
            answers = [self.initiate(amount=100) for _ in range(4)]
        self.assertEqual([answer.status_code for answer in answers], [201, 201, 201, 403])
        self.assert_problem(answers[3], 403, "limit_exceeded")
        self.assertNotIn("RateLimit", answers[0])
        told = {(record.msg["event"], record.msg.get("policy")) for record in caught.records}  # type: ignore[index]
        away = {("rate_limit_store_away", policy) for policy in ("api", "initiate", "prompt", "prompt_day")}
        self.assertLessEqual(away, told)
        self.assertEqual((Payment.objects.count(), simulator().summary()["pushes_received"]), (3, 3))


class Telling(RateTestCase):
    def test_a_job_has_nobody_to_tell(self) -> None:
        spend("prompt", key="a job", is_told=True)
        self.assertEqual(headers(), {})
        make_payment(self.merchant)
        with telling():
            self.assertEqual(headers(), {})
            spend("prompt", key="a request", is_told=True)
            self.assertIn("prompt", headers()["RateLimit"])
        self.assertEqual(headers(), {})
