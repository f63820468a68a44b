"""Fee arithmetic: half-even to one cent, never more than the amount."""

from django.test import SimpleTestCase

from onpoint_pay.kit.money import Money
from settlements.fees import fee_for


def fee(amount: int, *, bps: int = 0, flat: int = 0) -> int:
    return fee_for(Money(amount), bps=bps, flat=flat).minor


class Fees(SimpleTestCase):
    def test_parts_of_the_amount(self) -> None:
        self.assertEqual([fee(100_00, bps=bps) for bps in (0, 1, 150, 10_000)], [0, 1, 1_50, 100_00])

    def test_halves_go_to_the_even_cent(self) -> None:
        """50 basis points of 1, 3, 5 and 7 shillings are 0.5, 1.5, 2.5 and 3.5 cents."""
        self.assertEqual([fee(amount, bps=50) for amount in (1_00, 3_00, 5_00, 7_00)], [0, 2, 2, 4])
        self.assertEqual([fee(amount, bps=1) for amount in (49_99, 50_00, 50_01, 150_00)], [0, 0, 1, 2])

    def test_a_flat_part_is_added(self) -> None:
        self.assertEqual(fee(100_00, bps=150, flat=10_00), 11_50)
        self.assertEqual(fee(100_00, flat=5), 5)

    def test_never_more_than_the_amount(self) -> None:
        self.assertEqual(fee(5_00, flat=10_00), 5_00)
        self.assertEqual(fee(1, bps=10_000, flat=1), 1)

    def test_exact_for_the_largest_amounts(self) -> None:
        self.assertEqual(fee(2**63 - 1, bps=10_000), 2**63 - 1)
        self.assertEqual(fee(250_000_00, bps=333), 8_325_00)

    def test_the_currency_stays(self) -> None:
        self.assertEqual(fee_for(Money(100, "USD"), bps=100, flat=0), Money(1, "USD"))
