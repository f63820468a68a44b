"""The tables of legal moves: what Python says and what the database enforces are the same."""

from audit.models import StateRule
from payments.states import (
    CLOSED_UNPAID,
    INITIATED,
    OP_MOVES,
    OP_STATES,
    PAYMENT_MOVES,
    PAYMENT_STATES,
    REFUND_MOVES,
    REFUND_STATES,
)
from payments.tests.base import PaymentTestCase

MACHINES = {
    "payment": (PAYMENT_MOVES, PAYMENT_STATES),
    "op": (OP_MOVES, OP_STATES),
    "refund": (REFUND_MOVES, REFUND_STATES),
}


class Agreement(PaymentTestCase):
    def test_the_database_knows_exactly_these_moves(self) -> None:
        for entity, (moves, _) in MACHINES.items():
            with self.subTest(entity=entity):
                rows = StateRule.objects.filter(entity=entity)
                found = {(row.from_state, row.to_state): row.evidence for row in rows}
                self.assertEqual(found, moves)

    def test_moves_are_among_the_states(self) -> None:
        for entity, (moves, states) in MACHINES.items():
            with self.subTest(entity=entity):
                self.assertLessEqual({state for move in moves for state in move}, set(states))

    def test_a_new_attempt_begins_only_after_an_end_without_money(self) -> None:
        starts = {before for before, after in PAYMENT_MOVES if after == INITIATED}
        self.assertEqual(starts, set(CLOSED_UNPAID))
