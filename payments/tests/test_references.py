"""A merchant's own reference: refused while open or paid, free again after a failure, unless the policy says otherwise."""

from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit.ids import to_public
from payments.models import Payment
from payments.tests.base import PaymentTestCase, events_of
from payments.tests.factories import make_payment, succeed
from tests.simulator_process import simulator
from webhooks.models import Event

OPEN_OR_PAID = ("initiated", "pending", "reconciling", "completed")
CLOSED = ("refused", "failed", "cancelled", "expired")


class References(PaymentTestCase):
    def use_policy(self, policy: str) -> None:
        self.merchant = make_merchant("Duka Bora", reference_policy=policy)
        self.headers = key_headers(make_api_key(self.merchant))

    def assert_taken(self, reference: str, by: Payment) -> None:
        """Refused, and nothing is stored, sent or told for the second request."""
        before = Payment.objects.count(), Event.objects.count()
        answer = self.initiate(reference=reference)
        found = self.assert_problem(answer, 409, "duplicate_reference")
        self.assertEqual((found["existing"], found["param"]), (to_public("pay", by.id), "reference"))
        self.assertFalse(found["retryable"])
        self.assertEqual((Payment.objects.count(), Event.objects.count()), before)
        self.assertEqual(simulator().summary()["pushes_received"], 0)

    def assert_free(self, reference: str) -> None:
        answer = self.initiate(reference=reference)
        self.assertEqual((answer.status_code, answer.json()["merchant_reference"]), (201, reference))
        simulator().reset()

    def test_taken_while_open_or_paid(self) -> None:
        for status in OPEN_OR_PAID:
            with self.subTest(status=status):
                payment = make_payment(self.merchant, status=status, reference=f"ORDER-{status}")
                self.assert_taken(f"ORDER-{status}", payment)

    def test_free_again_after_a_failure(self) -> None:
        for status in CLOSED:
            with self.subTest(status=status):
                make_payment(self.merchant, status=status, reference=f"ORDER-{status}")
                self.assert_free(f"ORDER-{status}")

    def test_the_newest_payment_is_named(self) -> None:
        make_payment(self.merchant, status="failed", reference="ORDER-1")
        second = make_payment(self.merchant, reference="ORDER-1")
        self.assert_taken("ORDER-1", second)

    def test_case_matters(self) -> None:
        make_payment(self.merchant, reference="order-1")
        self.assert_free("ORDER-1")

    def test_policy_unique_never_frees(self) -> None:
        self.use_policy("unique")
        for status in (*OPEN_OR_PAID, *CLOSED):
            with self.subTest(status=status):
                payment = make_payment(self.merchant, status=status, reference=f"ORDER-{status}")
                self.assert_taken(f"ORDER-{status}", payment)

    def test_policy_any_never_refuses(self) -> None:
        self.use_policy("any")
        for status in OPEN_OR_PAID:
            make_payment(self.merchant, status=status, reference="ORDER-1")
        self.assert_free("ORDER-1")

    def test_the_policy_is_the_one_the_payment_was_made_under(self) -> None:
        self.use_policy("any")
        make_payment(self.merchant, reference="ORDER-1")
        type(self.merchant).objects.filter(id=self.merchant.id).update(reference_policy="unique_unless_failed")
        self.headers = key_headers(make_api_key(self.merchant))
        self.assert_free("ORDER-1")

    def test_other_merchants_and_modes_have_references_of_their_own(self) -> None:
        make_payment(make_merchant("Mama Mboga"), reference="ORDER-1")
        make_payment(self.merchant, mode="live", reference="ORDER-1")
        self.assert_free("ORDER-1")

    def test_without_a_reference_nothing_is_refused(self) -> None:
        for _ in range(2):
            self.assert_free_without()

    def assert_free_without(self) -> None:
        answer = self.initiate()
        self.assertEqual((answer.status_code, answer.json()["merchant_reference"]), (201, None))


class LateMoney(PaymentTestCase):
    """The first payment of an order failed, a second took its place, and then the first is paid after all."""

    def test_money_for_a_replaced_payment_is_one_too_many(self) -> None:
        for second_status in ("pending", "completed"):
            with self.subTest(second=second_status):
                reference = f"ORDER-{second_status}"
                first = make_payment(self.merchant, status="failed", reference=reference)
                second = make_payment(self.merchant, status=second_status, reference=reference)
                self.assertEqual(succeed(first), "applied")
                self.assert_state(first, "completed", late=True, surplus=True)
                self.assert_state(second, second_status, surplus=False)
                self.assert_one_capture(first)

    def test_money_for_a_payment_that_nobody_replaced_is_just_late(self) -> None:
        first = make_payment(self.merchant, status="failed", reference="ORDER-1")
        make_payment(self.merchant, status="cancelled", reference="ORDER-1")
        succeed(first)
        self.assert_state(first, "completed", late=True, surplus=False)
        self.assert_taken_by(first)

    def assert_taken_by(self, payment: Payment) -> None:
        found = self.assert_problem(self.initiate(reference="ORDER-1"), 409, "duplicate_reference")
        self.assertEqual(found["existing"], to_public("pay", payment.id))

    def test_a_surplus_payment_does_not_hold_the_reference(self) -> None:
        first = make_payment(self.merchant, status="failed", reference="ORDER-1")
        second = make_payment(self.merchant, reference="ORDER-1")
        succeed(first)
        self.assert_taken_by(second)
        self.assertEqual(
            events_of(first), ["payment.created", "payment.pending", "payment.failed", "payment.completed"]
        )
