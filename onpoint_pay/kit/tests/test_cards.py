"""Card numbers in free text: the networks' own test numbers are found, everyday numbers are not."""

from unittest import TestCase

from onpoint_pay.kit.cards import holds_card_number

CARDS = (
    "4242424242424242",
    "4222222222222",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "30569309025904",
    "3566002020360505",
    "6011111111111117",
    "6200000000000005",
    "6759649826438453",
)
NONE = (
    "254712345678",
    "254712345678 254712345678",
    "1763712345678",
    "1763712345674",
    "20261121000000011",
    "4242424242424241",
    "42424242424242424242424242",
    "0000000000000000",
    "4444444444444444",
    "ORDER-2026-11-21-0001",
    "600123 174379",
    "",
)


class Cards(TestCase):
    def test_found_however_it_is_written(self) -> None:
        for number in CARDS:
            groups = [number[start : start + 4] for start in range(0, len(number), 4)]
            for text in (
                number,
                " ".join(groups),
                "-".join(groups),
                f"card:{number}, exp 12/29",
                f"x{number}y",
                f"2 {number} 3",
            ):
                with self.subTest(text):
                    self.assertTrue(holds_card_number(text))

    def test_everyday_numbers_are_none(self) -> None:
        for text in NONE:
            with self.subTest(text):
                self.assertFalse(holds_card_number(text))
