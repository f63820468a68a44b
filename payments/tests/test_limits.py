"""What a merchant may take: whatever would pass a limit is refused, by every way a payment begins, and leaves nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

from django.core.cache import cache
from django.db import connection
from django.http import HttpResponse
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from merchants.models import IdempotencyKey
from merchants.services.limits import allow
from merchants.tests.factories import key_headers, make_api_key, make_limits, make_merchant
from onpoint_pay.kit.caller import LIVE, TEST
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import to_public
from payments.models import BulkLine, MoneyOp, Payment
from payments.tests.base import INITIATE, PaymentTestCase, next_key
from payments.tests.factories import fail, make_payment, next_phone, succeed
from settlements.models import LedgerTransfer
from tests.simulator_process import simulator
from webhooks.models import Event

SETTINGS_CAPS = {"per_day": 0, "per_month": 0, "per_payer_day": 0, "payments_per_payer_day": 0}


class LimitTestCase(PaymentTestCase):
    def counts(self) -> list[int]:
        rows = [model.objects.count() for model in (Payment, MoneyOp, Event, IdempotencyKey, LedgerTransfer)]
        return [*rows, simulator().summary()["pushes_received"]]

    def limit(self, **sizes: int) -> None:
        make_limits(self.merchant, **{f"own_{kind}": size for kind, size in sizes.items()})

    def assert_refused(self, name: str, *, key: str | None = None, **fields: Any) -> dict[str, Any]:
        """Nothing stored, nothing sent, and the refusal says which limit."""
        before = self.counts()
        answer = self.initiate(key=key or next_key(), **fields)
        self.assertEqual(self.counts(), before)
        return self.assert_limit(answer, name)

    def assert_limit(self, answer: HttpResponse, name: str) -> dict[str, Any]:
        found = self.assert_problem(answer, 403, "limit_exceeded")
        self.assertEqual((found["limit"]["name"], found["param"], found["retryable"]), (name, "amount", False))
        return dict(found["limit"])

    def at(self, moment: datetime) -> Any:
        """The database's clock says so, to whoever makes a payment."""
        return mock.patch("payments.services.intent.now", lambda: moment)


class Sums(LimitTestCase):
    def test_one_payment(self) -> None:
        self.limit(largest=500_00)
        found = self.assert_refused("largest", amount=501)
        self.assertEqual((found["limit"], found["left"], found["opens_at"]), ("500.00", None, None))
        self.start(amount=500)

    def test_a_day(self) -> None:
        self.limit(per_day=1000_00)
        self.start(amount=600)
        self.start(amount=350)
        found = self.assert_refused("per_day", amount=51)
        self.assertEqual((found["limit"], found["left"]), ("1000.00", "50.00"))
        opens_at = datetime.fromisoformat(found["opens_at"])
        self.assertEqual((opens_at + timedelta(hours=3)).strftime("%H:%M:%S"), "00:00:00")
        self.assertTrue(timedelta(0) < opens_at - now() <= timedelta(days=1))
        self.start(amount=50)
        self.assertEqual(self.assert_refused("per_day", amount=1)["left"], "0.00")

    def test_a_month_is_told_before_a_day(self) -> None:
        self.limit(per_day=1000_00, per_month=1000_00)
        self.start(amount=1000)
        found = self.assert_refused("per_month", amount=1)
        self.assertEqual(datetime.fromisoformat(found["opens_at"]).astimezone(UTC).hour, 21)

    def test_one_payers_day(self) -> None:
        self.limit(per_payer_day=1000_00)
        phone = next_phone()
        make_payment(self.merchant, amount=1000, phone=phone)
        self.assert_refused("per_payer_day", amount=1, phone=phone)
        self.assert_refused("per_payer_day", amount=1, phone=f"+{phone}")
        self.start(amount=1000)

    def test_one_payers_payments(self) -> None:
        self.limit(payments_per_payer_day=2)
        phone = next_phone()
        for _ in range(2):
            make_payment(self.merchant, phone=phone)
        found = self.assert_refused("payments_per_payer_day", phone=phone)
        self.assertEqual((found["limit"], found["left"]), (2, 0))
        self.start()

    def test_what_closed_unpaid_gives_its_share_back(self) -> None:
        self.limit(per_day=300_00, payments_per_payer_day=3)
        phone = next_phone()
        closed = [
            make_payment(self.merchant, status=status, phone=phone) for status in ("failed", "cancelled", "expired")
        ]
        self.assertEqual({each.status for each in closed}, {"failed", "cancelled", "expired"})
        waiting = make_payment(self.merchant, phone=phone)
        for status in ("reconciling", "completed"):
            make_payment(self.merchant, status=status, phone=phone)
        self.assert_refused("per_day", amount=1)
        fail(waiting)
        self.start(amount=100, phone=phone)

    def test_money_that_comes_late_is_taken_and_counts(self) -> None:
        self.limit(per_day=100_00)
        given_up = make_payment(self.merchant, status="failed")
        self.start(amount=100)
        self.assertEqual(succeed(given_up), "applied")
        self.assert_state(given_up, "completed", late=True)
        self.assert_one_capture(given_up)
        self.assertEqual(self.assert_refused("per_day", amount=1)["left"], "0.00")

    def test_others_and_the_other_mode_have_their_own(self) -> None:
        self.limit(per_day=100_00)
        make_limits(self.merchant, mode=LIVE, own_per_day=1_00)
        other = make_merchant()
        make_payment(other)
        make_payment(self.merchant, mode=LIVE, amount=1)
        self.start(amount=100)
        self.assert_refused("per_day", amount=1)
        answer = self.post(INITIATE, self.body(amount=5000), key_headers(make_api_key(other)))
        self.assertEqual(answer.status_code, 201)

    def test_the_operators_word_is_the_last(self) -> None:
        make_limits(self.merchant, own_per_day=1000_00, cap_per_day=100_00)
        self.assert_refused("per_day", amount=101)

    def test_the_installations_word(self) -> None:
        with override_settings(PAYMENT_CAPS=SETTINGS_CAPS | {"per_day": 100_00}):
            self.assert_refused("per_day", amount=101)
            make_limits(self.merchant, cap_per_day=200_00)
            self.start(amount=101)
            self.assert_refused("per_day", amount=100)

    @override_settings(MPESA_MAX_AMOUNT=1000)
    def test_nobody_may_take_more_at_once_than_the_method(self) -> None:
        make_limits(self.merchant, own_largest=9000_00, cap_largest=9000_00)
        self.assert_problem(self.initiate(amount=1001), 400, "amount_too_large")

    def test_a_change_is_in_force_at_once(self) -> None:
        self.start(amount=100)
        with self.captureOnCommitCallbacks(execute=True):
            allow(self.merchant.id, TEST, caps={"per_day": 150_00}, rates={}, actor="operator")
        self.assert_refused("per_day", amount=51)


class Edges(LimitTestCase):
    """Days and months begin at midnight in Nairobi, which is 21:00 UTC."""

    LAST = datetime(2026, 10, 31, 20, 59, 59, 999_000, tzinfo=UTC)
    FIRST = datetime(2026, 10, 31, 21, 0, tzinfo=UTC)

    def test_the_last_and_the_first_moment_of_a_month(self) -> None:
        self.limit(per_day=100_00, per_month=150_00)
        with self.at(self.LAST - timedelta(days=1)):
            self.start(amount=50)
        with self.at(self.LAST):
            self.start(amount=100)
            self.assertEqual(self.assert_refused("per_month", amount=1)["opens_at"], "2026-10-31T21:00:00.000Z")
        with self.at(self.FIRST):
            self.start(amount=100)
            self.assertEqual(self.assert_refused("per_day", amount=1)["opens_at"], "2026-11-01T21:00:00.000Z")
        with self.at(self.FIRST + timedelta(days=1)):
            self.assertEqual(self.assert_refused("per_month", amount=51)["opens_at"], "2026-11-30T21:00:00.000Z")
            self.start(amount=50)

    def test_a_clock_that_is_behind_is_held_to_its_own_day(self) -> None:
        self.limit(per_day=100_00)
        with self.at(self.FIRST):
            self.start(amount=100)
        with self.at(self.LAST):
            self.start(amount=100)
            self.assert_refused("per_day", amount=1)

    def test_the_turn_of_the_year(self) -> None:
        self.limit(per_month=100_00)
        with self.at(datetime(2025, 12, 31, 20, 59, tzinfo=UTC)):
            self.start(amount=100)
            self.assertEqual(self.assert_refused("per_month", amount=1)["opens_at"], "2025-12-31T21:00:00.000Z")
        with self.at(datetime(2025, 12, 31, 21, 0, tzinfo=UTC)):
            self.start(amount=100)


class Repeats(LimitTestCase):
    def test_a_repeat_is_answered_as_the_first_time(self) -> None:
        self.limit(per_day=100_00)
        key, body = next_key(), self.body(amount=100)
        first = self.initiate(body, key=key)
        self.assertEqual(first.status_code, 201)
        make_limits(self.merchant, mode=LIVE)
        with self.captureOnCommitCallbacks(execute=True):
            allow(self.merchant.id, TEST, caps={"largest": 10_00, "per_day": 10_00}, rates={}, actor="operator")
        before = self.counts()
        again = self.initiate(body, key=key)
        self.assertEqual((again.status_code, again.content), (201, first.content))
        self.assertEqual(again["Idempotent-Replayed"], "true")
        self.assertEqual(self.counts(), before)

    def test_a_refused_key_is_free(self) -> None:
        self.limit(per_day=100_00)
        key = next_key()
        waiting = self.start(amount=100)
        self.assert_refused("per_day", key=key, amount=60)
        fail(waiting)
        self.assertEqual(self.initiate(key=key, amount=60).status_code, 201)

    def test_an_order_that_has_a_payment_is_told_of_it(self) -> None:
        self.limit(per_day=100_00)
        first = self.start(amount=100, reference="ORDER-1")
        found = self.assert_problem(self.initiate(amount=100, reference="ORDER-1"), 409, "duplicate_reference")
        self.assertEqual(found["existing"], to_public("pay", first.id))

    @override_settings(PROMPT_LIMITS_IN_TEST_MODE=True)
    def test_the_phones_count_is_given_back(self) -> None:
        self.limit(per_day=100_00)
        phone = next_phone()
        for _ in range(5):
            self.assert_refused("per_day", amount=101, phone=phone)
        self.assertEqual(self.initiate(amount=1, phone=phone).status_code, 201)


class OtherWays(LimitTestCase):
    """Whatever else begins a payment is held to the same limits."""

    def resend(self, payment: Payment, **body: Any) -> HttpResponse:
        return self.post(f"payments/{to_public('pay', payment.id)}/resend/", body, self.headers)

    def test_a_payment_asked_for_again(self) -> None:
        self.limit(per_day=100_00)
        payment = make_payment(self.merchant, status="cancelled", amount=60)
        other = self.start(amount=60)
        before = self.counts()
        self.assertEqual(self.assert_limit(self.resend(payment), "per_day")["left"], "40.00")
        self.assertEqual(self.counts(), before)
        self.assert_state(payment, "cancelled", attempts=1)
        fail(other)
        self.assertEqual(self.resend(payment).status_code, 201)
        self.assert_refused("per_day", amount=41)

    def test_it_counts_on_the_day_it_is_asked_for_again(self) -> None:
        self.limit(per_day=100_00)
        with self.at(now() - timedelta(days=2)):
            payment = make_payment(self.merchant, status="failed")
        self.assertEqual(self.resend(payment).status_code, 201)
        self.assertEqual(self.assert_refused("per_day", amount=1)["left"], "0.00")

    def test_to_another_phone(self) -> None:
        self.limit(payments_per_payer_day=1)
        phone = next_phone()
        make_payment(self.merchant, phone=phone)
        payment = make_payment(self.merchant, status="failed")
        self.assert_limit(self.resend(payment, phone=phone), "payments_per_payer_day")
        self.assertEqual(self.resend(payment).status_code, 201)

    def test_one_that_has_become_too_large(self) -> None:
        payment = self.start(amount=100)
        fail(payment)
        self.limit(largest=50_00)
        self.assert_limit(self.resend(payment), "largest")

    def test_a_payment_made_by_hand(self) -> None:
        self.limit(per_day=100_00, largest=90_00)
        self.assert_refused("largest", payment_method="mpesa_c2b", phone=None, amount=91)
        self.start(payment_method="mpesa_c2b", phone=None, amount=90)
        self.assert_refused("per_day", payment_method="mpesa_c2b", phone=None, amount=11)
        self.assert_refused("per_day", amount=11)

    def test_many_at_once(self) -> None:
        self.limit(per_day=150_00, largest=100_00)
        items = [self.body(amount=100) for _ in range(2)]
        self.assert_problem(
            self.post("payments/bulk/", {"items": [*items, self.body(amount=101)]}, self.headers), 403, "limit_exceeded"
        )
        self.assertFalse(BulkLine.objects.exists())

    def test_a_quote(self) -> None:
        self.limit(largest=100_00)
        answer = self.post("payments/quote/", {"amount": "101", "payment_method": "mpesa"}, self.headers)
        self.assert_limit(answer, "largest")


class Costs(LimitTestCase):
    def test_who_has_no_limits_adds_nothing_up(self) -> None:
        self.start()
        with CaptureQueriesContext(connection) as sent:
            self.start()
        begun = [each["sql"] for each in sent if "payment_begin" in each["sql"]]
        self.assertEqual(len(begun), 1)
        self.assertTrue(begun[0].endswith(", NULL)"), begun[0][-40:])
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
            self.assertEqual(cursor.fetchone(), (0,))

    def test_limits_take_no_further_statement(self) -> None:
        self.start()
        with CaptureQueriesContext(connection) as without:
            self.start()
        self.limit(per_day=10_000_00, per_month=10_000_00, payments_per_payer_day=5)
        cache.clear()
        self.start()
        with CaptureQueriesContext(connection) as with_limits:
            self.start()
        self.assertEqual(len(with_limits), len(without))
