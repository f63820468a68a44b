"""Somebody in the application's place rewrites what a payment, payout, batch or statement is about: all of it refused."""

from datetime import datetime, timedelta
from typing import Any

from merchants.tests.factories import make_member
from onpoint_pay.kit.clock import NAIROBI, now
from onpoint_pay.kit.ids import from_public, new_id
from payments.models import MoneyOp
from settlements.fees import Rule, Terms
from settlements.models import DayStatement, Payout, PayoutBatch, PayoutDestination, ReconLine, ReconMatch
from settlements.services.batches import run_settlement
from settlements.services.fee_plans import set_plan
from settlements.services.payouts import cancel_payout
from settlements.tests.base import execute, pay
from settlements.tests.hostile import DENIED, PICTURE, Hostile
from settlements.tests.payouts import make_batch, make_destination, make_payout, person_of
from settlements.tests.recon import Paper, bring, make_exception, next_code
from settlements.tests.settlements import MONDAY, NOON, move_to

# What somebody might want another value in, as SQL.
OTHER = {
    "merchant_id": "(SELECT id FROM merchants_merchant ORDER BY id DESC LIMIT 1)",
    "mode": "'live'",
    "currency": "'USD'",
    "day": "day - 1",
    "makers": "'{}'",
    "approval_reasons": "'{}'",
    "digest": "'\\x00'",
    "shown": "'{}'",
    "destination": "'{}'",
    "batch_id": "NULL",
    "release_transfer_id": "NULL",
    "capture_transfer_id": "NULL",
    "occurred_at": "now()",
}


class HostileRows(Hostile):
    table: str

    def assert_fixed(self, *columns: str, by: str = "fixed", **values: str) -> None:
        """No row's column can be given another value."""
        for column in (*columns, *values):
            other = values.get(column) or OTHER.get(column) or f"{column} || 'x'"
            with self.subTest(column=column):
                self.assert_refused(f"UPDATE {self.table} SET {column} = {other}", by=f"{self.table}_{by}")

    def assert_stays(self, *, by: str = "stays") -> None:
        self.assert_refused(f"DELETE FROM {self.table}", by=f"{self.table}_{by}")
        self.assert_refused(f"TRUNCATE {self.table} CASCADE", by=DENIED)


class Payments(HostileRows):
    table = "transactions"

    def test_what_a_payment_is(self) -> None:
        self.assert_fixed("merchant_id", "mode", "currency", "reference", "account_reference", "provider", "shortcode")
        self.assert_fixed(amount="amount + 100", fee="fee + 1", tax="tax + 1")

    def test_what_a_payment_has_brought(self) -> None:
        self.assert_fixed("capture_transfer_id", captured="0", by="captured")
        self.assert_stays()

    def test_what_a_try_is(self) -> None:
        self.table = "money_op"
        self.assert_fixed("merchant_id", "mode", "currency", "client_ref", "provider", kind="'c2b'", part="1")
        self.assert_fixed(
            amount="amount + 100", payment_id="NULL", payout_id=f"'{new_id()}'", refund_id=f"'{new_id()}'"
        )
        self.assert_stays()


class Settled(HostileRows):
    table = "settlement"

    def setUp(self) -> None:
        super().setUp()
        assert self.payment.capture_transfer_id is not None
        move_to(self.payment.capture_transfer_id, datetime.combine(MONDAY, NOON, NAIROBI))
        (self.row,) = run_settlement(day=MONDAY, merchant_id=self.merchant.id)
        self.free = pay(self.merchant, 7_00)
        self.before = execute(PICTURE)

    def test_whose_batch_it_is_and_of_which_day(self) -> None:
        self.assert_fixed("merchant_id", "mode", "currency", "day")
        self.assert_stays()

    def test_what_it_came_to(self) -> None:
        sums = ("gross", "fee", "total", "debt", "reserve", "available", "returned")
        self.assert_fixed("release_transfer_id", by="summed", **{name: f"{name} + 1" for name in sums})

    def test_a_batch_that_is_opened_again(self) -> None:
        self.assert_refused("UPDATE settlement SET status = 'open', closed_at = NULL", by="")

    def test_paid_with_no_word_of_it(self) -> None:
        """The state may move so: the totals may not, and the money is where the ledger says."""
        self.assert_refused("UPDATE settlement SET status = 'paid', available = 1, total = 1", by="settlement_summed")

    def test_lines(self) -> None:
        self.assert_refused("UPDATE settlement_line SET amount = amount + 1", by="settlement_line_fixed")
        self.assert_refused("DELETE FROM settlement_line", by="settlement_line_closed")
        self.assert_refused("TRUNCATE settlement_line", by=DENIED)
        self.assert_refused(
            "INSERT INTO settlement_line (settlement_id, transfer_id, kind, amount, fee) VALUES (%s, %s, 'capture', 700, 0)",
            values=(self.row.id, self.free),
            by="settlement_line_closed",
        )

    def test_the_balances_of_a_day_that_is_over(self) -> None:
        closing = {"total": self.row.total}
        DayStatement.objects.create(
            merchant=self.merchant, mode="test", currency="KES", day=MONDAY, opening={"total": 0}, closing=closing
        )
        for statement in ("UPDATE day_statement SET closing = '{}'", "DELETE FROM day_statement"):
            self.assert_refused(statement, by="append-only")


class Payouts(HostileRows):
    table = "payouts"

    def setUp(self) -> None:
        super().setUp()
        self.open = Payout.objects.get(id=from_public("pyt", make_payout(self.merchant, "test")))
        self.waits = Payout.objects.get(id=from_public("pyt", make_payout(self.merchant, "test", waits=True)))
        self.before = execute(PICTURE)

    def test_what_is_paid_to_whom(self) -> None:
        self.assert_fixed("merchant_id", "mode", "currency", "reference", "destination", "paid_from")
        self.assert_fixed(by="told", merchant_reference="'another'")
        self.assert_fixed("destination_sealed", by="sealed")
        self.assert_fixed(by="sealed", destination_sealed="'v2.0.AAAA'")
        self.assert_fixed("provider", amount="amount + 100", fee="fee + 1", route="'b2c'", purpose="'refund'")
        self.assert_stays()

    def test_who_must_agree(self) -> None:
        self.assert_fixed("makers", "approval_reasons", "requested_by")

    def test_approved_by_whoever_asked(self) -> None:
        statement = "UPDATE payouts SET status = 'pending', approved_by = requested_by WHERE id = %s"
        self.assert_refused(statement, values=(self.waits.id,), by="payouts_second_person")

    def test_sent_with_nobodys_agreement(self) -> None:
        statement = "UPDATE payouts SET status = 'pending' WHERE id = %s"
        self.assert_refused(statement, values=(self.waits.id,), by="payouts_agreed")

    def test_completed_with_no_evidence(self) -> None:
        statement = "UPDATE payouts SET status = 'completed', paid = amount WHERE id = %s"
        self.assert_refused(statement, values=(self.open.id,), by="state_evidence")

    def test_more_paid_than_asked(self) -> None:
        self.assert_refused("UPDATE payouts SET paid = amount + 1", by="payouts_sums")
        self.assert_refused("UPDATE payouts SET released = 1, paid = amount", by="payouts_sums")

    def test_back_from_where_it_ended(self) -> None:
        person = person_of(self.merchant, make_member(self.merchant), "owner")
        cancel_payout(person, self.waits.id)
        self.before = execute(PICTURE)
        for status in ("requires_approval", "pending", "completed", "failed"):
            with self.subTest(status=status):
                statement = "UPDATE payouts SET status = %s, approved_by = 'x' WHERE id = %s"
                self.assert_refused(statement, values=(status, self.waits.id), by="state_rule")

    def test_a_second_try_beside_one_that_may_have_left(self) -> None:
        op = """INSERT INTO money_op (id, payout_id, part, merchant_id, mode, provider, kind, amount, currency, client_ref,
                  status, checks, answered_checks, created_at, next_check)
                VALUES (gen_random_uuid(), %s, 1, %s, 'test', 'bank', 'bank', 10000, 'KES', %s, 'created', 0, 0, now(), now())"""
        execute(op, self.open.id, self.merchant.id, "ONE")
        MoneyOp.objects.update(next_check=now())
        self.assert_refused(op, values=(self.open.id, self.merchant.id, "TWO"), by="money_op_one_payout")

    def test_batches(self) -> None:
        self.table = "payout_batch"
        batch = PayoutBatch.objects.get(id=from_public("bat", make_batch(self.merchant, "test")))
        self.before = execute(PICTURE)
        self.assert_fixed("merchant_id", "mode", "currency", "makers", "approval_reasons", "requested_by")
        self.assert_fixed(amount="amount + 1", fee="fee + 1", lines="lines + 1")
        self.assert_stays()
        statement = "UPDATE payout_batch SET status = 'pending', approved_by = %s WHERE id = %s"
        for name, by in ((batch.requested_by, "second_person"), (None, "agreed")):
            self.assert_refused(statement, values=(name, batch.id), by=f"payout_batch_{by}")

    def test_destinations(self) -> None:
        self.table = "payout_destination"
        key = from_public("dst", make_destination(self.merchant, "test"))
        self.before = execute(PICTURE)
        self.assert_fixed("merchant_id", "mode", "shown", "digest", "created_by", type="'till'")
        self.assert_fixed("sealed", by="sealed")
        self.assert_stays()
        PayoutDestination.objects.filter(id=key).update(status="deleted", deleted_at=now())
        self.assert_refused("UPDATE payout_destination SET status = 'active'", by="payout_destination_gone")


class Fees(HostileRows):
    table = "fee_plan_version"

    def setUp(self) -> None:
        super().setUp()
        rule = Rule(method="mpesa", start=0, end=None, terms=Terms(bps=100, flat=0))
        self.version = set_plan(
            [rule], merchant_id=self.merchant.id, currency="KES", effective_from=None, actor="tests"
        )
        self.before = execute(PICTURE)

    def test_a_version_stays_as_it_was_made(self) -> None:
        for statement in (
            "UPDATE fee_plan_version SET effective_from = effective_from - interval '1 year'",
            "UPDATE fee_rule SET bps = 0",
            f"UPDATE fee_plan SET merchant_id = '{self.other.id}'",
            "DELETE FROM fee_rule",
            "DELETE FROM fee_plan_version",
            "DELETE FROM fee_plan",
        ):
            with self.subTest(statement=statement):
                self.assert_refused(statement, by="append-only")

    def test_a_version_that_begins_in_the_past(self) -> None:
        self.assert_refused(
            "INSERT INTO fee_plan_version (id, plan_id, effective_from, created_by) VALUES (%s, %s, %s, 'x')",
            values=(new_id(), self.version.plan_id, now() - timedelta(seconds=1)),
            by="fee_plan_version_forward",
        )

    def test_one_more_rule(self) -> None:
        self.assert_refused(
            "INSERT INTO fee_rule (version_id, method, amount_from, bps, flat, least, tax_bps)"
            " VALUES (%s, 'card', 0, 0, 0, 0, 0)",
            values=(self.version.id,),
            by="fee_rule_closed",
        )


class Statements(HostileRows):
    def setUp(self) -> None:
        super().setUp()
        paper = Paper()
        paper.add(next_code(), 100_00)
        bring(paper.text())
        self.line = ReconLine.objects.get()
        self.before = execute(PICTURE)

    def match(self, state: str) -> dict[str, Any]:
        return {
            "rule": "receipt",
            "object_type": "payment",
            "object_id": new_id(),
            "state": state,
            "family": "statement",
        }

    def test_what_was_read_from_a_file(self) -> None:
        self.table = "recon_line"
        self.assert_fixed("account", "mode", "currency", "external_id", "occurred_at", "kind")
        self.assert_fixed("client_ref", "linked_id", "account_reference", by="told")
        self.assert_fixed(amount="amount + 1", direction="'out'", balance_after="0", line_no="line_no + 1")
        self.assert_stays()

    def test_what_was_decided_of_it(self) -> None:
        self.table = "recon_match"
        ReconMatch.objects.create(line=self.line, **self.match("confirmed"))
        self.assert_fixed("rule", object_id=f"'{new_id()}'")
        self.assert_fixed(by="decided", state="'proposed'")
        self.assert_stays()

    def test_an_exception_that_two_people_closed(self) -> None:
        self.table = "recon_exception"
        make_exception(self.merchant, float_effect=100)
        self.assert_fixed("account", "mode", "currency", kind="'overpaid'")
        by_one = "UPDATE recon_exception SET status = %s, proposed_by = 'a', closed_by = 'a'"
        execute(by_one, "proposed")
        self.before = execute(PICTURE)
        self.assert_refused(by_one, values=("closed",), by="recon_exception_two_people")
        execute("UPDATE recon_exception SET status = 'closed', closed_by = 'b'")
        self.before = execute(PICTURE)
        self.assert_refused("UPDATE recon_exception SET status = 'open'", by="state_rule")
        self.assert_fixed(by="closed", amount="amount + 1", float_effect="0", transfer_id=f"'{new_id()}'")
        self.assert_stays()
