"""Each part of an invariant for itself: what only that part can see, it sees."""

from datetime import date, datetime

from merchants.tests.factories import make_merchant
from onpoint_pay.kit.clock import NAIROBI
from payments.models import Payment
from payments.tests.base import CommittingPaymentTestCase
from payments.tests.factories import make_payment
from payments.tests.planting import broken, found_after
from settlements.models import DayStatement, Settlement
from settlements.services.batches import run_settlement
from settlements.tests.settlements import MONDAY, NOON, TUESDAY, WEDNESDAY, move_to, pay_on

REFUND = """INSERT INTO refunds (id, payment_id, merchant_id, mode, reference, amount, currency, status, route, reason,
  held_from, requested_by, created_at, version)
  SELECT gen_random_uuid(), id, merchant_id, mode, 'RFD-%s', 1000, 'KES', '%s', 'b2c', 'x', '{}', 'x', now(), 1
  FROM transactions WHERE captured > 0"""
TRY = """INSERT INTO money_op (id, refund_id, merchant_id, mode, provider, kind, amount, currency, client_ref, status,
  checks, answered_checks, created_at)
  SELECT gen_random_uuid(), id, merchant_id, mode, 'daraja', 'b2c', amount, currency, reference || '-1', '%s', 0, 0, now()
  FROM refunds"""

PAID_OUT = """INSERT INTO money_op (id, payout_id, merchant_id, mode, provider, kind, amount, currency, client_ref, status,
  checks, answered_checks, created_at, receipt)
  SELECT gen_random_uuid(), gen_random_uuid(), merchant_id, mode, '%s', 'b2c', 1000, 'KES', 'PAID-OUT', 'succeeded',
  0, 0, now(), 'UKLTWICE01' FROM transactions WHERE captured > 0"""


class ClauseTestCase(CommittingPaymentTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.paid = make_payment(self.merchant, status="completed")

    def assert_found(self, name: str, *statements: str) -> None:
        self.assertTrue(found_after(name, *statements), f"{name} does not see {statements[-1]}")


class OfPayments(ClauseTestCase):
    def test_i07_of_another_amount_currency_or_mode(self) -> None:
        for change in ("amount = amount + 1, captured = captured + 1", "currency = 'USD'", "mode = 'live'"):
            with self.subTest(change=change):
                self.assert_found("I07", f"UPDATE transactions SET {change} WHERE captured > 0")

    def test_i07_of_another_merchant(self) -> None:
        self.assert_found("I07", f"UPDATE transactions SET merchant_id = '{make_merchant().id}' WHERE captured > 0")

    def test_i12_completed_without_a_success_and_a_success_without_its_end(self) -> None:
        self.assert_found("I12", REFUND % (1, "completed"), TRY % "failed")
        self.assert_found("I12", REFUND % (1, "pending"), TRY % "succeeded")

    def test_i14_a_state_that_no_history_leads_to(self) -> None:
        """Not the one a row begins in, and no step anywhere."""
        self.assert_found("I14", REFUND % (1, "pending"))
        for entity in ("payment", "op"):
            with self.subTest(entity=entity):
                self.assert_found("I14", f"DELETE FROM state_history WHERE entity = '{entity}'")

    def test_i15_in_every_open_state(self) -> None:
        make_payment(self.merchant)
        drop = "ALTER TABLE money_op DROP CONSTRAINT money_op_watched"
        for status in ("created", "sending", "accepted", "unknown"):
            with self.subTest(status=status):
                change = f"UPDATE money_op SET status = '{status}', next_check = NULL WHERE status = 'accepted'"
                self.assert_found("I15", drop, change)

    def test_i19_the_place_and_the_digest(self) -> None:
        for change in ("seq = seq + 1", "hash = '\\x01'"):
            with self.subTest(change=change):
                self.assert_found("I19", f"UPDATE audit_head SET {change}")

    def test_i25_every_end_of_a_payment(self) -> None:
        for status in ("completed", "failed", "cancelled", "expired"):
            with self.subTest(status=status):
                payment = make_payment(self.merchant, status=status)
                self.assert_found("I25", f"DELETE FROM webhooks_event WHERE key = 'payment.{status}:{payment.id}'")

    def test_i25_the_end_of_another_attempt(self) -> None:
        self.assert_found("I25", f"UPDATE transactions SET attempts = 2 WHERE id = '{self.paid.id}'")

    def test_i25_every_end_of_a_refund(self) -> None:
        for status in ("requires_approval", "completed", "failed", "cancelled"):
            with self.subTest(status=status):
                self.assert_found("I25", REFUND % (1, status))

    def test_i27_open_and_never_tried(self) -> None:
        make_payment(self.merchant, callback_url="https://shop.example/paid")
        drop = "ALTER TABLE webhooks_delivery ALTER next_attempt_at DROP NOT NULL"
        self.assert_found("I27", drop, "UPDATE webhooks_delivery SET state = 'open', next_attempt_at = NULL")

    def test_i34_refunds_of_one_receipt_and_refunds_of_none(self) -> None:
        two = (REFUND % (1, "completed"), REFUND % (2, "completed"))
        self.assertEqual(found_after("I34", *two), [])
        self.assert_found("I34", *two, "UPDATE refunds SET receipt = 'UKLTWICE01'")

    def test_i34_one_code_of_two_networks_and_of_one(self) -> None:
        refunded = (REFUND % (1, "completed"), "UPDATE refunds SET receipt = 'UKLTWICE01'")
        self.assertEqual(found_after("I34", *refunded, PAID_OUT % "bank"), [])
        self.assert_found("I34", *refunded, PAID_OUT % "daraja")


class OfSettlements(ClauseTestCase):
    def setUp(self) -> None:
        super().setUp()
        transfer_id = Payment.objects.get(id=self.paid.id).capture_transfer_id
        assert transfer_id is not None
        move_to(transfer_id, datetime.combine(MONDAY, NOON, NAIROBI))
        (self.row,) = run_settlement(day=MONDAY)
        self.assertEqual((self.row.status, broken()), ("closed", set()))

    def test_i14_a_batch_whose_history_is_gone(self) -> None:
        self.assert_found("I14", "DELETE FROM state_history WHERE entity = 'settlement'")

    def test_i23_a_line_of_another_merchants_transfer(self) -> None:
        make_payment(make_merchant(), status="completed")
        self.assert_found(
            "I23",
            "INSERT INTO settlement_line (settlement_id, transfer_id, kind, amount, fee)"
            " SELECT s.id, t.id, 'capture', 1, 0 FROM settlement s"
            " JOIN ledger_transfer t ON t.merchant_id <> s.merchant_id",
        )

    def test_i24_each_of_the_totals(self) -> None:
        for change in ("total = total + 1", "returned = returned + 1", "fee = fee + 1"):
            with self.subTest(change=change):
                drop = "ALTER TABLE settlement DROP CONSTRAINT settlement_split"
                self.assert_found("I24", drop, f"UPDATE settlement SET {change}")

    def test_i24_line_and_total_agree_and_the_transfer_does_not(self) -> None:
        self.assert_found(
            "I24",
            "ALTER TABLE settlement DROP CONSTRAINT settlement_split",
            "UPDATE settlement_line SET amount = amount + 1",
            "UPDATE settlement SET total = total + 1",
        )

    def test_i29_each_of_the_parts(self) -> None:
        for change in (
            "total = total + 1, available = available + 1",
            "debt = debt + 1, available = available - 1",
            "reserve = reserve + 1, available = available - 1",
            "release_transfer_id = NULL",
        ):
            with self.subTest(change=change):
                self.assert_found("I29", f"UPDATE settlement SET {change}")

    def statement(self, day: date, *, opening: int, closing: int) -> None:
        DayStatement.objects.create(
            merchant=self.merchant,
            mode="test",
            currency="KES",
            day=day,
            opening={"total": opening},
            closing={"total": closing},
        )

    def test_i28_each_closing_is_of_its_own_merchant_mode_and_day(self) -> None:
        other, closing = make_merchant(), Settlement.objects.get().total
        pay_on(other, 70_00, day=MONDAY)
        pay_on(self.merchant, 40_00, day=MONDAY, mode="live")
        pay_on(self.merchant, 30_00, day=WEDNESDAY)
        self.statement(MONDAY, opening=0, closing=closing)
        self.assertEqual(broken(), set())
        self.statement(TUESDAY, opening=closing, closing=closing)
        self.assertEqual(broken(), set())
        for change in ("day = day + 10", "mode = 'live'", f"merchant_id = '{other.id}'"):
            with self.subTest(change=change):
                self.assert_found("I28", f"UPDATE day_statement SET {change} WHERE day = '{TUESDAY}'")
