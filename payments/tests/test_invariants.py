"""`prove`: silent on a clean book, and each invariant sees its own violation, planted past every guard."""

from io import StringIO
from uuid import UUID

from django.core.management import call_command
from django.db import connection
from django.test import override_settings

from merchants.services.platform_accounts import platform_account
from merchants.tests.accounts import make_account
from merchants.tests.factories import make_merchant
from payments.invariants import INVARIANTS
from payments.models import C2bReceipt, Payment
from payments.tests.base import CommittingPaymentTestCase
from payments.tests.c2b import make_receipt
from payments.tests.claims import success_body
from payments.tests.factories import fail, make_payment, op_of, succeed
from payments.tests.planting import broken, execute, unguarded
from settlements.chart import refund_hold_legs
from settlements.tests.base import post
from webhooks.models import Delivery


class PlantedTestCase(CommittingPaymentTestCase):
    """A paid payment and an open one, in books that hold."""

    def setUp(self) -> None:
        super().setUp()
        self.paid = make_payment(self.merchant, status="completed")
        self.open = make_payment(self.merchant)
        self.assertEqual(broken(), set())

    def drop(self, table: str, name: str) -> None:
        """Without this constraint for the test; afterwards the table is emptied and has it again."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [name])
            found = cursor.fetchone()
            if found is None:
                cursor.execute("SELECT pg_get_indexdef(%s::regclass)", [name])
                remove, restore = f"DROP INDEX {name}", cursor.fetchone()[0]
            else:
                remove = f"ALTER TABLE {table} DROP CONSTRAINT {name}"
                restore = f"ALTER TABLE {table} ADD CONSTRAINT {name} {found[0]}"
        execute(remove)
        self.addCleanup(lambda: (execute(f"TRUNCATE {table} CASCADE"), execute(restore)))

    def assert_seen(self, *names: str) -> None:
        self.assertEqual(broken(), set(names))


class Planted(PlantedTestCase):
    def test_i01_a_transfer_without_entries(self) -> None:
        with unguarded("ledger_transfer"):
            execute(
                "INSERT INTO ledger_transfer (idem, kind, currency, mode, reason, actor) VALUES ('x', 'x', 'KES', 'test', '', '')"
            )
        self.assert_seen("I01")

    def test_i01_a_transfer_that_does_not_balance(self) -> None:
        with unguarded("ledger_entry", "ledger_account"):
            execute("UPDATE ledger_entry SET amount = amount + 1 WHERE side = 'C' AND amount > 1000")
        self.assert_seen("I01", "I02", "I03", "I36")

    def test_i02_a_balance_changed_by_hand(self) -> None:
        with unguarded("ledger_account"):
            execute("UPDATE ledger_account SET debits = debits + 5, credits = credits + 5 WHERE kind = 'pending'")
        self.assert_seen("I02")

    def test_i03_a_running_balance_that_jumps(self) -> None:
        with unguarded("ledger_entry"):
            execute("UPDATE ledger_entry SET credits_after = credits_after + 1 WHERE side = 'C'")
        self.assert_seen("I03")

    def test_i04_a_book_that_is_not_at_zero(self) -> None:
        with unguarded("ledger_account"):
            execute("UPDATE ledger_account SET credits = credits + 1 WHERE kind = 'fee_income'")
        self.assert_seen("I02", "I04")

    def test_i05_an_account_below_its_floor(self) -> None:
        self.drop("ledger_account", "ledger_account_floor")
        with unguarded("ledger_account"):
            execute("UPDATE ledger_account SET debits = credits + 1 WHERE kind = 'pending'")
        self.assert_seen("I02", "I04", "I05")

    def test_i06_a_paid_payment_without_its_capture(self) -> None:
        self.drop("transactions", "transactions_completed")
        with unguarded("transactions"):
            execute("UPDATE transactions SET capture_transfer_id = NULL WHERE id = %s", self.paid.id)
        self.assert_seen("I06")

    def test_i06_a_capture_without_a_payment(self) -> None:
        with unguarded("ledger_transfer"):
            execute("UPDATE ledger_transfer SET idem = 'pay:' || %s || ':capture'", UUID(int=1))
        self.assert_seen("I06", "I21")

    def test_i07_a_capture_of_another_amount(self) -> None:
        with unguarded("transactions"):
            execute(
                "UPDATE transactions SET amount = amount + 100, captured = captured + 100 WHERE id = %s", self.paid.id
            )
        self.assert_seen("I07")

    def test_i08_one_receipt_for_two_payments(self) -> None:
        other = make_payment(self.merchant, status="completed")
        self.drop("transactions", "transactions_receipt")
        execute("UPDATE transactions SET receipt = %s WHERE id = %s", self.paid.receipt, other.id)
        self.assert_seen("I08")

    def refund_rows(self, *, status: str = "requires_approval", minor: int = 10_00) -> None:
        """A refund of the paid payment that nobody held money for, told of if it is closed."""
        with unguarded("refunds"):
            execute(
                """INSERT INTO refunds (id, payment_id, merchant_id, mode, reference, amount, currency, status, route,
                     reason, held_from, requested_by, created_at, version)
                   VALUES (%s, %s, %s, 'test', 'RFD1', %s, 'KES', %s, 'b2c', 'x', '{}', 'x', now(), 1)""",
                UUID(int=7), self.paid.id, self.merchant.id, minor, status,
            )  # fmt: skip
        execute("UPDATE webhooks_event SET key = %s WHERE key = %s", f"refund.{status}:{UUID(int=7)}", self.spare_key())

    def spare_key(self) -> str:
        return f"payment.created:{self.paid.id}"

    def test_i09_counters_that_know_of_no_refund(self) -> None:
        execute("UPDATE transactions SET refund_held = 1000 WHERE id = %s", self.paid.id)
        self.assert_seen("I09")

    def test_i09_i11_a_refund_nobody_counted_or_held(self) -> None:
        self.refund_rows()
        self.assert_seen("I09", "I11")

    def test_i10_more_refunded_than_came_in(self) -> None:
        self.drop("transactions", "transactions_refund_cap")
        execute("UPDATE transactions SET refunded = captured + 1 WHERE id = %s", self.paid.id)
        self.assert_seen("I09", "I10")

    def test_i11_money_held_for_nobody(self) -> None:
        legs = refund_hold_legs({"pending": 10_00})
        post(self.merchant, legs)
        self.assert_seen("I11")

    def test_i11_i12_a_completed_refund_without_a_booking_or_a_success(self) -> None:
        execute("UPDATE transactions SET refunded = 1000 WHERE id = %s", self.paid.id)
        self.refund_rows(status="completed")
        self.assert_seen("I11", "I12", "I14")

    def test_i12_a_refund_with_two_successes(self) -> None:
        execute("UPDATE transactions SET refunded = 1000 WHERE id = %s", self.paid.id)
        self.refund_rows(status="completed")
        self.drop("money_op", "money_op_one_refund")
        with unguarded("money_op"):
            for name in ("RFD1-1", "RFD1-2"):
                execute(
                    """INSERT INTO money_op (id, refund_id, merchant_id, mode, provider, kind, amount, currency, client_ref,
                         status, checks, answered_checks, created_at)
                       VALUES (gen_random_uuid(), %s, %s, 'test', 'daraja', 'b2c', 1000, 'KES', %s, 'succeeded', 0, 0,
                         now())""",
                    UUID(int=7), self.merchant.id, name,
                )  # fmt: skip
        self.assert_seen("I11", "I12", "I14")

    def test_i13_an_illegal_step(self) -> None:
        execute(
            "INSERT INTO state_history (entity, entity_id, from_state, to_state) VALUES ('payment', %s, 'completed', 'failed')",
            UUID(int=1),
        )
        self.assert_seen("I13")

    def test_i14_a_state_without_its_history(self) -> None:
        with unguarded("transactions"):
            execute("UPDATE transactions SET status = 'initiated', pending_reason = NULL WHERE id = %s", self.open.id)
        self.assert_seen("I14")

    def test_i14_an_operation_without_its_history(self) -> None:
        with unguarded("money_op"):
            execute("UPDATE money_op SET status = 'unknown' WHERE payment_id = %s", self.open.id)
        self.assert_seen("I14")

    def test_i15_an_operation_nobody_will_look_at(self) -> None:
        self.drop("money_op", "money_op_watched")
        execute("UPDATE money_op SET next_check = NULL WHERE payment_id = %s", self.open.id)
        self.assert_seen("I15")

    def test_i16_i21_success_at_the_provider_and_no_payment(self) -> None:
        with unguarded("money_op"):
            execute("UPDATE money_op SET status = 'succeeded' WHERE payment_id = %s", self.open.id)
        self.assert_seen("I14", "I16", "I21")

    def test_i17_a_claim_that_changed_nothing(self) -> None:
        self.bring(success_body("ws_CO_000000000000000001"), "/api/v1/payments/mpesa/callback/")
        execute("UPDATE provider_event SET status = 'applied' WHERE dedupe LIKE 'ws_CO_000000000000000001%%'")
        self.assert_seen("I17")

    def test_i18_an_audit_link_that_was_edited(self) -> None:
        with unguarded("audit_event"):
            execute("UPDATE audit_event SET actor = 'somebody else' WHERE action = 'payment.completed'")
        self.assert_seen("I18")

    def test_i18_an_audit_link_that_was_removed(self) -> None:
        with unguarded("audit_event"):
            self.assertEqual(
                execute("DELETE FROM audit_event WHERE stream = %s AND seq = 1", f"m{self.merchant.id}"), 1
            )
        self.assert_seen("I18")

    def test_i19_a_head_that_lost_its_last_link(self) -> None:
        with unguarded("audit_event"):
            execute(
                "DELETE FROM audit_event e WHERE seq = (SELECT max(seq) FROM audit_event o WHERE o.stream = e.stream)"
            )
        self.assert_seen("I19")

    def test_i22_an_entry_on_another_merchants_account(self) -> None:
        with unguarded("ledger_account"):
            execute("UPDATE ledger_account SET merchant_id = %s WHERE kind = 'pending'", make_merchant().id)
        self.assert_seen("I22")

    def test_i25_a_closed_payment_that_nobody_was_told_of(self) -> None:
        execute("DELETE FROM webhooks_event WHERE key = %s", f"payment.completed:{self.paid.id}")
        self.assert_seen("I25")

    def test_i26_a_test_payment_at_a_live_account(self) -> None:
        account = make_account(self.merchant, mode="live", shortcode="600300", is_default=False)
        with unguarded("transactions"):
            execute("UPDATE transactions SET provider_account_id = %s WHERE id = %s", account.id, self.paid.id)
        self.assert_seen("I26")

    def test_i26_a_live_operation_at_a_test_account(self) -> None:
        account = make_account(self.merchant, mode="test", shortcode="600300", is_default=False)
        live = make_payment(self.merchant, mode="live")
        with unguarded("money_op"):
            execute("UPDATE money_op SET provider_account_id = %s WHERE payment_id = %s", account.id, live.id)
        self.assert_seen("I26")

    def test_i30_a_live_payment_nobody_asked_about(self) -> None:
        live = make_payment(self.merchant, mode="live", status="completed")
        execute("UPDATE transactions SET confirmed_by = 'callback' WHERE id = %s", live.id)
        with unguarded("provider_event"):
            execute("UPDATE provider_event SET door = 'collect' WHERE op_id = %s", op_of(live).id)
        self.assert_seen("I30")

    def test_i27_a_webhook_given_up_without_a_reason(self) -> None:
        make_payment(self.merchant, callback_url="https://shop.example/paid")
        self.assertTrue(Delivery.objects.update(state="failed", last_error="", last_status=None))
        self.assert_seen("I27")

    def receipt(self) -> C2bReceipt:
        """Money on the platform's shortcode that nobody owns."""
        return make_receipt(platform_account("daraja", "test"))

    def test_i31_money_in_suspense_that_no_receipt_tells_of(self) -> None:
        self.receipt()
        self.assertEqual(broken(), set())
        execute("UPDATE c2b_receipt SET amount = amount + 100")
        self.assert_seen("I31")

    def test_i31_i32_a_receipt_given_away_by_hand(self) -> None:
        self.receipt()
        execute("UPDATE c2b_receipt SET state = 'matched', payment_id = %s", self.paid.id)
        self.assert_seen("I31", "I32")

    def test_i33_a_receipt_in_suspense_and_captured(self) -> None:
        self.receipt()
        execute("UPDATE c2b_receipt SET receipt = %s", self.paid.receipt)
        self.assert_seen("I33")

    def test_i34_a_receipt_of_two_refunds(self) -> None:
        execute("UPDATE transactions SET refunded = 2000 WHERE id = %s", self.paid.id)
        self.refund_rows(status="completed")
        with unguarded("refunds"):
            execute(
                """INSERT INTO refunds (id, payment_id, merchant_id, mode, reference, amount, currency, status, route,
                     reason, held_from, requested_by, created_at, version)
                   SELECT %s, payment_id, merchant_id, mode, 'RFD2', amount, currency, status, route, reason, held_from,
                     requested_by, created_at, version FROM refunds""",
                UUID(int=8),
            )
            execute("UPDATE refunds SET receipt = 'UKL0000034'")
        self.assert_seen("I11", "I12", "I14", "I25", "I34")


class Clean(CommittingPaymentTestCase):
    def test_an_empty_book(self) -> None:
        self.assertEqual(broken(), set())

    @override_settings(WEBHOOK_ALLOW_PRIVATE=True)
    def test_every_state_and_every_odd_way_to_it(self) -> None:
        for status in ("initiated", "pending", "reconciling", "refused", "completed", "failed", "cancelled", "expired"):
            make_payment(self.merchant, status=status, callback_url="https://shop.example/paid")
            make_payment(self.merchant, mode="live", status=status)
        late = make_payment(self.merchant, status="failed", reference="ORDER-1")
        make_payment(self.merchant, reference="ORDER-1")
        succeed(late)
        doubted = self.start(phone="254700000044")
        self.pay(doubted)
        contradicted = self.start(phone="254700000042")
        self.pay(contradicted)
        fail(contradicted)
        self.tell(contradicted, success_body(op_of(contradicted).provider_ref or "", receipt="UKLOTHER01"))
        self.assertEqual(Payment.objects.filter(surplus=True).count(), 1)
        self.assertEqual(broken(), set())

    def test_the_command_says_so(self) -> None:
        make_payment(self.merchant, status="completed")
        said = StringIO()
        call_command("prove", stdout=said)
        self.assertIn(f"All {len(INVARIANTS)} invariants hold.", said.getvalue())
        for invariant in INVARIANTS:
            self.assertIn(f"{invariant.name}      0 rows", said.getvalue())
