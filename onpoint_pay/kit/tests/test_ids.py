"""Public ids: the same 128 bits there and back, and nothing else is one."""

import uuid
from datetime import UTC, datetime

from django.test import SimpleTestCase

from onpoint_pay.kit.ids import ALPHABET, PublicIdInvalid, from_public, new_id, new_reference, random_letters, to_public


class PublicIds(SimpleTestCase):
    def test_there_and_back(self) -> None:
        for key in (uuid.UUID(int=0), uuid.UUID(int=2**128 - 1), uuid.UUID(int=1), *(new_id() for _ in range(100))):
            text = to_public("pay", key)
            self.assertRegex(text, r"^pay_[0-9A-HJKMNP-TV-Z]{26}$")
            self.assertEqual(from_public("pay", text), key)

    def test_the_ends(self) -> None:
        self.assertEqual(to_public("pay", uuid.UUID(int=0)), "pay_" + "0" * 26)
        self.assertEqual(to_public("pay", uuid.UUID(int=2**128 - 1)), "pay_7" + "Z" * 25)

    def test_typing_mistakes_are_forgiven(self) -> None:
        key = uuid.UUID(int=32**5 + 32 + 1)
        text = to_public("pay", key)
        self.assertEqual(from_public("pay", text.lower().replace("0", "o")), key)
        self.assertEqual(from_public("pay", text.replace("1", "I")), key)
        self.assertEqual(from_public("pay", text.replace("1", "l")), key)

    def test_what_is_none(self) -> None:
        good = to_public("pay", new_id())
        cases = (
            "",
            "pay_",
            good[:-1],
            good + "0",
            good[4:],
            good.replace("pay", "evt"),
            good.replace("_", "-"),
            "pay_8" + "0" * 25,  # one bit too many
            "pay_" + "U" * 26,
            "pay_" + "é" * 26,
            "pay_" + "\x00" * 26,
            "pay_" + "٠" * 26,
            f" {good}",
            f"{good}\n",
        )
        for text in cases:
            with self.subTest(text=text), self.assertRaises(PublicIdInvalid):
                from_public("pay", text)

    def test_they_sort_by_time(self) -> None:
        texts = [to_public("pay", new_id()) for _ in range(50)]
        self.assertEqual(texts, sorted(texts))
        self.assertEqual(new_id().version, 7)


class References(SimpleTestCase):
    def test_the_day_is_nairobis(self) -> None:
        self.assertRegex(new_reference("TXN", datetime(2026, 11, 20, 20, 59, tzinfo=UTC)), r"^TXN20261120.{6}$")
        self.assertRegex(new_reference("TXN", datetime(2026, 11, 20, 21, 0, tzinfo=UTC)), r"^TXN20261121.{6}$")

    def test_letters_cannot_be_confused(self) -> None:
        text = random_letters(2000)
        self.assertEqual(set(text), set(ALPHABET))
        self.assertFalse(set("ILOU") & set(text))
