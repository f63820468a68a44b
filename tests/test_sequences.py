"""Whatever happens to money in whatever order, the proofs of the books hold; `make faults ARGS="--sequences 5000"` asks
more of it."""

from django.test import TransactionTestCase
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faults.sequences import LONGEST, Step, play

EXAMPLES = 50
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
