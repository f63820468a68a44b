"""Money: what is read as an amount, what is refused, and arithmetic that never mixes currencies."""

import operator
import unittest
from decimal import Decimal
from typing import Any

from onpoint_pay.kit.money import LARGEST_MINOR, Money, MoneyError, NotWhole


class ParseTests(unittest.TestCase):
    def test_reads_decimals_exactly(self) -> None:
        cases: list[tuple[str | int | Decimal, int]] = [
            ("100.00", 10_000), ("100.0", 10_000), ("100", 10_000), (100, 10_000), (Decimal("100.00"), 10_000),
            ("0.01", 1), ("0.10", 10), ("0.1", 10), ("0", 0), ("19.99", 1_999), (Decimal("250000"), 25_000_000),
        ]  # fmt: skip
        for given, minor in cases:
            with self.subTest(given=given):
                self.assertEqual(Money.parse(given).minor, minor)

    def test_refuses_everything_else(self) -> None:
        cases: list[Any] = [
            "1e2", "NaN", "+5", "Infinity",
            "-5", "1,000", "", " ", " 5", "5 ", "5\n", ".5", "5.", "1.234", "007", "0x10",
            "١٠٠", "100,00", "KES 5", "9" * 17, "9" * 5000, 10**30, 10**5000, -1, True, None, 1.5, 100.0, b"5", [], {},
            Decimal("NaN"), Decimal("Infinity"), Decimal("-1"), Decimal("1E+2"), Decimal("1E+999999"), Decimal("0.001"),
        ]  # fmt: skip
        for given in cases:
            with self.subTest(given=str(type(given))), self.assertRaises(MoneyError) as raised:
                Money.parse(given)
            self.assertEqual(raised.exception.code, "amount_invalid")

    def test_text_of_an_amount_reads_back_as_the_same_amount(self) -> None:
        for minor in (0, 1, 9, 10, 99, 100, 101, 123_456_789, 999_999_999_999_999_999):
            with self.subTest(minor=minor):
                self.assertEqual(Money.parse(Money(minor).decimal_text()).minor, minor)


class MoneyTests(unittest.TestCase):
    def test_text_has_two_decimals_and_one_sign(self) -> None:
        self.assertEqual(Money(10_000).decimal_text(), "100.00")
        self.assertEqual(Money(-1).decimal_text(), "-0.01")
        self.assertEqual(str(Money(-150)), "KES -1.50")

    def test_whole_units_refuses_cents(self) -> None:
        self.assertEqual(Money(10_000).whole_units(), 100)
        self.assertEqual(Money(-10_000).whole_units(), -100)
        with self.assertRaises(NotWhole) as raised:
            Money(10_050).whole_units()
        self.assertEqual(raised.exception.code, "amount_not_whole")

    def test_adds_and_compares_one_currency(self) -> None:
        self.assertEqual(Money(150) + Money(50), Money(200))
        self.assertEqual(Money(150) - Money(200), Money(-50))
        self.assertEqual(-Money(5), Money(-5))
        self.assertTrue(Money(1) < Money(2) <= Money(2) and Money(3) > Money(2) >= Money(2))

    def test_currencies_do_not_mix(self) -> None:
        for mix in (operator.add, operator.sub, operator.lt, operator.le, operator.gt, operator.ge):
            with self.assertRaises(MoneyError):
                mix(Money(1, "KES"), Money(1, "USD"))
        self.assertNotEqual(Money(1, "KES"), Money(1, "USD"))

    def test_other_kinds_do_not_mix(self) -> None:
        five: Any = 5
        with self.assertRaises(TypeError):
            Money(5) + five

    def test_signs(self) -> None:
        self.assertTrue(Money(1).is_positive and not Money(0).is_positive)
        self.assertTrue(Money(-1).is_negative and not Money(0).is_negative)
        self.assertTrue(Money(1) and not Money(0))

    def test_construction_is_strict(self) -> None:
        bad: list[tuple[Any, str]] = [
            (True, "KES"), (1.0, "KES"), ("1", "KES"), (LARGEST_MINOR + 1, "KES"), (1, "kes"), (1, "KESX"), (1, ""),
        ]  # fmt: skip
        for minor, currency in bad:
            with self.subTest(minor=minor, currency=currency), self.assertRaises(MoneyError):
                Money(minor, currency)

    def test_is_frozen_and_hashable(self) -> None:
        amount: Any = Money(5)
        with self.assertRaises(AttributeError):
            amount.minor = 6
        self.assertEqual(len({Money(5), Money(5), Money(6)}), 2)
