"""Phone numbers: every spelling a payer uses, and what is not a Kenyan mobile number."""

import unittest

from onpoint_pay.kit.phone import PhoneInvalid, parse_phone


class ParsePhoneTests(unittest.TestCase):
    def test_every_spelling_has_one_form(self) -> None:
        spellings = [
            "0712345678", "712345678", "254712345678", "+254712345678", "+254 712 345 678", "0712 345 678",
            "0712-345-678", " 0712345678 ", "+254 (0) 712345678", "(0712) 345678",
        ]  # fmt: skip
        for text in spellings:
            with self.subTest(text=text):
                self.assertEqual(parse_phone(text), "254712345678")

    def test_the_newer_range(self) -> None:
        for text in ("0110345678", "110345678", "254110345678", "+254 110 345 678"):
            with self.subTest(text=text):
                self.assertEqual(parse_phone(text), "254110345678")

    def test_no_prefix_of_the_range_is_refused(self) -> None:
        for prefix in range(100):
            for leading in "17":
                number = f"254{leading}{prefix:02d}345678"
                with self.subTest(number=number):
                    self.assertEqual(parse_phone(number), number)

    def test_refuses_what_is_not_a_kenyan_mobile(self) -> None:
        others = [
            "", " ", "0", "07123", "071234567", "07123456789", "0812345678",
            "0202345678", "254812345678", "+255712345678",
            "+1 202 555 0123", "0712FLOWER", "0712345678 ext 5", "tel:0712345678", "٠٧١٢٣٤٥٦٧٨", "0712345678\x00",
            "07123\n45678", "2547123456789", "+2540712345678901", "0" * 5000, "++254712345678",
        ]  # fmt: skip
        for text in others:
            with self.subTest(text=text[:30]), self.assertRaises(PhoneInvalid) as raised:
                parse_phone(text)
            self.assertEqual(raised.exception.code, "phone_invalid")
