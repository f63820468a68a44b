"""Account codes with a check digit: every wrong digit and every swap of neighbours is seen."""

import random
import unittest

from payments.account_codes import is_gateway_code, new_code


def codes(count: int, length: int = 8) -> list[str]:
    dice = random.Random(7)
    return [new_code(length, draw=dice.randrange) for _ in range(count)]


class NewCodeTests(unittest.TestCase):
    def test_has_its_length_and_no_leading_zero(self) -> None:
        for length in (6, 7, 8):
            for code in codes(200, length):
                self.assertRegex(code, rf"\A[1-9][0-9]{{{length - 1}}}\Z")
                self.assertTrue(is_gateway_code(code), code)

    def test_the_draw_decides_from_the_smallest_to_the_largest(self) -> None:
        self.assertEqual(new_code(6, draw=lambda bound: 0)[:5], "10000")
        self.assertEqual(new_code(6, draw=lambda bound: bound - 1)[:5], "99999")
        self.assertEqual(new_code(draw=lambda bound: 2345678)[:7], "3345678")

    def test_other_lengths_are_refused(self) -> None:
        for length in (0, 5, 9):
            with self.subTest(length=length), self.assertRaises(ValueError):
                new_code(length, draw=lambda bound: 0)


class CheckDigitTests(unittest.TestCase):
    def test_one_digit_in_ten_fits(self) -> None:
        body = "1234567"
        self.assertEqual(sum(is_gateway_code(f"{body}{last}") for last in range(10)), 1)

    def test_one_computed_by_hand(self) -> None:
        # The digits 1 0 0 0 0 walk through the table's rows 0, 3, 1, 7, 8 and end on 9.
        self.assertEqual(new_code(6, draw=lambda bound: 0), "100009")
        self.assertTrue(is_gateway_code("100009"))

    def test_every_wrong_digit_is_seen(self) -> None:
        for code in codes(150) + codes(100, 6):
            for place, digit in enumerate(code):
                for other in "0123456789".replace(digit, ""):
                    wrong = code[:place] + other + code[place + 1 :]
                    self.assertFalse(is_gateway_code(wrong), f"{code} typed as {wrong}")

    def test_every_swap_of_neighbours_is_seen(self) -> None:
        for code in codes(1000) + codes(500, 7):
            for place in range(len(code) - 1):
                swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
                if swapped != code:
                    self.assertFalse(is_gateway_code(swapped), f"{code} typed as {swapped}")

    def test_what_is_no_such_code(self) -> None:
        good = codes(1)[0]
        self.assertTrue(is_gateway_code(good))
        others = ["", "0", "12345", f"0{codes(1, 7)[0]}", f"{good} ", f" {good}", f"{good[:4]} {good[4:]}", f"{good}\n",
                  f"A{good[1:]}", "١٢٣٤٥٦٧٨", "123456789"]  # fmt: skip
        for text in others:
            with self.subTest(text=text):
                self.assertFalse(is_gateway_code(text))
