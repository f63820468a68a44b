"""Whatever happens to money in whatever order, the proofs of the books hold, and the books are what our own count says;
`make faults ARGS="--sequences 5000"` asks more of it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.test import TransactionTestCase
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faults.moves import World, differences, earn, make_world, settled_here
from faults.moves.payments import pay
from faults.moves.refunds import ask
from faults.sequences import LONGEST, Step, broken_proofs, play
from settlements.chart import Leg

EXAMPLES = 30
numbers = st.integers(0, 255)
sequences = st.lists(st.tuples(numbers, numbers, numbers), min_size=5, max_size=LONGEST)


class Sequences(TransactionTestCase):
    def test_the_books_hold(self) -> None:
        """Each sequence rolls back what it did, so they share one database."""

        @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(sequences)
        def holds(steps: list[Step]) -> None:
            self.assertEqual(play(steps).faults, [])

        holds()


class OwnCount(TransactionTestCase):
    """It is another way to the same figures: what it finds, no proof of the books need find."""

    @contextmanager
    def world(self) -> Iterator[World]:
        with settled_here, transaction.atomic():
            world = make_world()
            earn(world)
            pay(world, 0, 2)
            ask(world, 1, 1)
            self.assertEqual(differences(world), [])
            yield world
            transaction.set_rollback(True)

    def test_a_cent_on_the_wrong_account(self) -> None:
        with self.world() as world:
            world.post(
                [Leg(kind="available", side="D", amount=1), Leg(kind="fee_income", side="C", amount=1, sub="00")]
            )
            self.assertEqual({found.partition(":")[0] for found in differences(world)}, {"free", "fee_income"})
            self.assertEqual(broken_proofs(), [])

    def test_money_that_nobody_brought(self) -> None:
        with self.world() as world:
            world.post(
                [Leg(kind="provider_float", side="D", amount=1, sub="x:00"), Leg(kind="pending", side="C", amount=1)]
            )
            self.assertEqual({found.partition(":")[0] for found in differences(world)}, {"free", "provider_float"})
            self.assertEqual(broken_proofs(), [])

    def test_a_fee_that_was_reckoned_otherwise(self) -> None:
        with self.world() as world:
            world.own.bps += 1
            pay(world, 0, 4)
            self.assertEqual({found.partition(":")[0] for found in differences(world)}, {"free", "fee_income"})
