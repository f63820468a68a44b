"""The guard of legal moves, compared with states.py move by move, and every trigger that holds a rule."""

from itertools import product
from typing import Any
from uuid import UUID

from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import TestCase

from audit.models import StateHistory, StateRule
from merchants.states import KYC_DOCUMENT_MOVES, KYC_DOCUMENT_STATES
from onpoint_pay.kit.ids import new_id
from payments.states import (
    DOUBT_MOVES,
    DOUBT_STATES,
    OP_MOVES,
    OP_STATES,
    PAYMENT_MOVES,
    PAYMENT_STATES,
    REFUND_MOVES,
    REFUND_STATES,
)
from settlements.states import (
    BATCH_MOVES,
    BATCH_STATES,
    PAYOUT_MOVES,
    PAYOUT_STATES,
    RECON_EXCEPTION_MOVES,
    RECON_EXCEPTION_STATES,
    SETTLEMENT_MOVES,
    SETTLEMENT_STATES,
)

MACHINES = {
    "payment": (PAYMENT_STATES, PAYMENT_MOVES),
    "op": (OP_STATES, OP_MOVES),
    "refund": (REFUND_STATES, REFUND_MOVES),
    "doubt_decision": (DOUBT_STATES, DOUBT_MOVES),
    "payout": (PAYOUT_STATES, PAYOUT_MOVES),
    "payout_batch": (BATCH_STATES, BATCH_MOVES),
    "settlement": (SETTLEMENT_STATES, SETTLEMENT_MOVES),
    "recon_exception": (RECON_EXCEPTION_STATES, RECON_EXCEPTION_MOVES),
    "kyc_document": (KYC_DOCUMENT_STATES, KYC_DOCUMENT_MOVES),
}
# Where the rows of each are, and the state in which every one of them begins.
GUARDED = {
    "transactions": ("payment", "initiated"),
    "money_op": ("op", "created"),
    "refunds": ("refund", "requires_approval"),
    "doubt_decision": ("doubt_decision", "proposed"),
    "payouts": ("payout", "requires_approval"),
    "payout_batch": ("payout_batch", "requires_approval"),
    "settlement": ("settlement", "open"),
    "recon_exception": ("recon_exception", "open"),
    "merchants_kyc_document": ("kyc_document", "uploaded"),
}
STARTS = dict(GUARDED.values())


def kept(table: str) -> set[str]:
    """Of a table whose rows are added and never changed or removed."""
    return {f"{table}_keep", f"{table}_keep_all"}


def fixed(table: str, *more: str) -> set[str]:
    """Of a table whose rows are not removed, and say for ever what they are about."""
    return {f"{table}_{name}" for name in ("fixed", "stays", *more)}


TRIGGERS = {
    "data_key": {"data_key_stays"},
    "request_log": {"request_log_keep"},
    "merchants_kyc_document": fixed("merchants_kyc_document", "state"),
    "transactions": fixed("transactions", "state", "captured"),
    "money_op": fixed("money_op", "state"),
    "refunds": fixed("refunds", "state", "told"),
    "doubt_decision": fixed("doubt_decision", "state", "decided", "told"),
    "payouts": fixed("payouts", "state", "sealed", "told"),
    "payout_batch": fixed("payout_batch", "state"),
    "payout_destination": fixed("payout_destination", "gone", "sealed"),
    "settlement": fixed("settlement", "state", "summed", "returned"),
    "recon_line": fixed("recon_line", "told"),
    "recon_match": fixed("recon_match", "booked", "decided"),
    "recon_exception": fixed("recon_exception", "state", "closed"),
    "fee_plan": kept("fee_plan"),
    "audit_event": {"audit_chain"} | kept("audit_event"),
    "state_history": kept("state_history"),
    "ledger_account": {"ledger_account_guard"},
    "ledger_transfer": {"ledger_transfer_balanced"} | kept("ledger_transfer"),
    "ledger_entry": {"ledger_entry_post"} | kept("ledger_entry"),
    "fee_plan_version": {"fee_plan_version_guard"} | kept("fee_plan_version"),
    "fee_rule": {"fee_rule_guard"} | kept("fee_rule"),
    "settlement_line": {"settlement_line_guard"},
    "day_statement": kept("day_statement"),
    "closed_day": kept("closed_day"),
    "bank_file": kept("bank_file"),
    "bank_result": kept("bank_result"),
    "webhooks_attempt": kept("webhooks_attempt"),
    "webhooks_endpoint": {"webhooks_endpoint_lane"},
}


def execute(sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall()) if cursor.description else []


class GuardTestCase(TestCase):
    """A table with nothing but the columns the guard looks at; rows get into any state past it."""

    def setUp(self) -> None:
        execute(
            "CREATE TEMP TABLE probe (id uuid, status text, evidence_id bigint, other int DEFAULT 0) ON COMMIT DROP"
        )
        self.evidence = 0

    def guard(self, entity: str, *, event: str = "UPDATE") -> None:
        execute("DROP TRIGGER IF EXISTS probe_state ON probe")
        execute(
            f"CREATE TRIGGER probe_state BEFORE {event} ON probe FOR EACH ROW"
            f" EXECUTE FUNCTION state_guard('{entity}', '{STARTS[entity]}')"
        )

    def new_evidence(self) -> int:
        self.evidence += 1
        return self.evidence

    def row(self, status: str, evidence: int | None = None) -> UUID:
        key = new_id()
        execute("INSERT INTO probe VALUES (%s, %s, %s)", key, status, evidence)
        return key

    def move(self, key: UUID, status: str, evidence: int | None = None) -> str:
        """`moved`, or the name of the rule that was in the way."""
        try:
            with transaction.atomic():
                execute(
                    "UPDATE probe SET status = %s, evidence_id = coalesce(%s, evidence_id) WHERE id = %s",
                    status,
                    evidence,
                    key,
                )
        except IntegrityError as error:
            return str(error.__cause__.diag.constraint_name)  # type: ignore[union-attr]
        return "moved"


class Moves(GuardTestCase):
    def test_every_pair_of_states(self) -> None:
        for entity, (states, moves) in MACHINES.items():
            self.guard(entity)
            for before, after in product(states, repeat=2):
                with self.subTest(entity=entity, before=before, after=after):
                    is_legal = before == after or (before, after) in moves
                    key = self.row(before)
                    self.assertEqual(self.move(key, after, self.new_evidence()), "moved" if is_legal else "state_rule")
                    steps = list(
                        StateHistory.objects.filter(entity_id=key).values_list("entity", "from_state", "to_state")
                    )
                    self.assertEqual(steps, [(entity, before, after)] if is_legal and before != after else [])

    def test_a_state_nobody_has_heard_of(self) -> None:
        self.guard("payment")
        self.assertEqual(self.move(self.row("pending"), "paid", 1), "state_rule")

    def test_which_moves_need_evidence(self) -> None:
        for entity, (_, moves) in MACHINES.items():
            self.guard(entity)
            for (before, after), needs in moves.items():
                with self.subTest(entity=entity, before=before, after=after):
                    key = self.row(before)
                    self.assertEqual(self.move(key, after), "state_evidence" if needs else "moved")
                    if needs:
                        self.assertEqual(self.move(key, after, self.new_evidence()), "moved")
                        self.assertEqual(StateHistory.objects.get(entity_id=key).evidence_id, self.evidence)

    def test_old_evidence_is_no_evidence(self) -> None:
        self.guard("payment")
        key = self.row("failed", self.new_evidence())
        self.assertEqual(self.move(key, "completed", self.evidence), "state_evidence")
        self.assertEqual(self.move(key, "completed", self.new_evidence()), "moved")

    def test_evidence_moves_one_row_of_a_kind(self) -> None:
        self.guard("payment")
        first, second = self.row("pending"), self.row("pending")
        self.assertEqual(self.move(first, "completed", 7), "moved")
        self.assertEqual(self.move(second, "completed", 7), "state_history_evidence")
        self.guard("op")
        operation = self.row("accepted")
        self.assertEqual(self.move(operation, "succeeded", 7), "moved")

    def test_evidence_that_a_move_does_not_need_is_not_used_up(self) -> None:
        self.guard("payment")
        self.assertEqual(self.move(self.row("initiated"), "failed", 9), "moved")
        self.assertEqual(self.move(self.row("pending"), "failed", 9), "moved")

    def test_other_changes_need_no_rule(self) -> None:
        self.guard("payment")
        key = self.row("completed")
        execute("UPDATE probe SET other = 1 WHERE id = %s", key)
        self.assertFalse(StateHistory.objects.filter(entity_id=key).exists())

    def test_where_every_row_begins(self) -> None:
        for entity, (states, _) in MACHINES.items():
            self.guard(entity, event="INSERT")
            for state in states:
                with self.subTest(entity=entity, state=state):
                    is_start = state == STARTS[entity]
                    try:
                        with transaction.atomic():
                            self.row(state)
                        self.assertTrue(is_start)
                    except IntegrityError as error:
                        self.assertFalse(is_start)
                        self.assertEqual(error.__cause__.diag.constraint_name, "state_start")  # type: ignore[union-attr]


class Rules(TestCase):
    def test_the_table_says_what_states_py_says(self) -> None:
        for entity, (states, moves) in MACHINES.items():
            rows = StateRule.objects.filter(entity=entity).values_list("from_state", "to_state", "evidence")
            self.assertEqual({(before, after): needs for before, after, needs in rows}, moves)
            self.assertLessEqual({state for pair in moves for state in pair}, set(states))
        self.assertEqual(set(StateRule.objects.values_list("entity", flat=True)), set(MACHINES))

    def test_after_the_hand_over_nothing_ends_without_evidence(self) -> None:
        """Spelled out once more, apart from states.py: what may happen on our own word alone."""
        payment = {("initiated", "pending"), ("initiated", "failed"), ("initiated", "cancelled")}
        # A new attempt of a payment that closed unpaid.
        payment |= {("failed", "initiated"), ("cancelled", "initiated"), ("expired", "initiated")}
        operation = {
            ("created", "sending"),
            ("created", "cancelled"),
            ("sending", "accepted"),
            ("sending", "cancelled"),
            ("sending", "unknown"),
            ("accepted", "unknown"),
        }
        refund = {("requires_approval", "pending"), ("requires_approval", "cancelled")}
        own_word = {"payment": payment, "op": operation, "refund": refund, "payout": refund}
        for entity, wanted in own_word.items():
            rows = StateRule.objects.filter(entity=entity, evidence=False).values_list("from_state", "to_state")
            self.assertEqual(set(rows), wanted, entity)
        rules = StateRule.objects.filter(entity__in=own_word)
        ways_to_money = rules.filter(to_state__in=("completed", "succeeded"))
        self.assertEqual(set(ways_to_money.values_list("entity", flat=True)), set(own_word))
        self.assertEqual(set(ways_to_money.values_list("evidence", flat=True)), {True})
        ways_from_money = rules.filter(from_state__in=("completed", "succeeded", "reversed", "returned"))
        self.assertEqual(
            set(ways_from_money.values_list("entity", "from_state", "to_state", "evidence")),
            {("payment", "completed", "reversed", True), ("payout", "completed", "returned", True)},
        )

    def test_what_is_only_counted_or_looked_into_has_no_evidence(self) -> None:
        """A batch or a settlement is as far as its payouts are; no provider speaks of one, and none moves money itself."""
        counted = StateRule.objects.filter(entity__in=("payout_batch", "settlement", "recon_exception"))
        self.assertEqual(set(counted.values_list("evidence", flat=True)), {False})
        ends = counted.filter(entity="payout_batch").values_list("from_state", "to_state")
        self.assertEqual(
            set(ends),
            {("requires_approval", "pending"), ("requires_approval", "cancelled"), ("pending", "completed")},
        )

    def test_history_cannot_be_changed_or_removed(self) -> None:
        execute(
            "INSERT INTO state_history (entity, entity_id, from_state, to_state) VALUES ('payment', %s, 'a', 'b')",
            new_id(),
        )
        for statement in ("UPDATE state_history SET to_state = 'c'", "DELETE FROM state_history"):
            with (
                self.subTest(statement=statement),
                self.assertRaisesMessage(DatabaseError, "state_history is append-only"),
                transaction.atomic(),
            ):
                execute(statement)


class Triggers(TestCase):
    def test_each_exists_and_is_enabled(self) -> None:
        found: dict[str, set[str]] = {}
        # Partitions have those of their table.
        rows = execute(
            "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal AND tgparentid = 0"
            " AND tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)"
        )
        for table, name, enabled in rows:
            found.setdefault(table, set()).add(name)
            self.assertEqual(enabled, "O", f"{name} on {table}")
        self.assertEqual(found, TRIGGERS)

    def test_each_guard_knows_its_entity_and_where_it_begins(self) -> None:
        rows = execute(
            "SELECT tgrelid::regclass::text, tgargs FROM pg_trigger"
            " WHERE tgfoid = 'state_guard'::regproc AND tgparentid = 0"
        )
        # Each argument ends with a zero byte.
        found = {table: tuple(bytes(arguments).decode().split("\0")[:-1]) for table, arguments in rows}
        self.assertEqual(found, GUARDED)

    def test_the_balance_is_checked_at_commit(self) -> None:
        rows = execute("SELECT tgdeferrable, tginitdeferred FROM pg_trigger WHERE tgname = 'ledger_transfer_balanced'")
        self.assertEqual(rows, [(True, True)])

    def test_functions_with_the_owners_rights_have_a_fixed_search_path(self) -> None:
        rows = execute(
            "SELECT proname, proconfig FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace ORDER BY 1"
        )
        self.assertEqual(
            [name for name, _ in rows],
            [
                "audit_chain",
                "ledger_entry_post",
                "ledger_lock_rows",
                "ledger_open_account",
                "ledger_post",
                "recon_count_lines",
                "request_log_tend",
                "settlement_advance",
                "state_guard",
                "webhooks_tend_attempts",
            ],
        )
        for name, options in rows:
            self.assertEqual(options, ["search_path=public, pg_temp"], name)
