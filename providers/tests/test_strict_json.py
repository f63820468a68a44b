"""Strict JSON: what is read exactly, and what is not read at all."""

import unittest
from decimal import Decimal

from providers.strict_json import MAX_BYTES, MAX_DEPTH, NotStrict, load_object
from providers.tests.contract import UNREADABLE

READABLE_ALL_THE_SAME = (b"{}", b'{"Body":null}', b'{"Body":[]}', b'{"event":1,"data":2}')


class LoadObjectTests(unittest.TestCase):
    def test_numbers_are_exact(self) -> None:
        read = load_object(b'{"a":1500.00,"b":20261114103102,"c":0.1,"d":-5}')
        self.assertEqual(read, {"a": Decimal("1500.00"), "b": 20261114103102, "c": Decimal("0.1"), "d": -5})
        self.assertEqual(str(read["a"]), "1500.00")

    def test_text_of_any_language(self) -> None:
        self.assertEqual(
            load_object('{"a":"Wanjikũ 🙂","b":"\\ud83d\\ude42"}'.encode()), {"a": "Wanjikũ 🙂", "b": "🙂"}
        )

    def test_a_byte_order_mark_is_overlooked(self) -> None:
        self.assertEqual(load_object(b"\xef\xbb\xbf{}"), {})

    def test_depth_has_a_limit(self) -> None:
        fits, over = MAX_DEPTH - 1, MAX_DEPTH
        self.assertTrue(load_object(b'{"a":' * fits + b"1" + b"}" * fits))
        with self.assertRaises(NotStrict):
            load_object(b'{"a":' * over + b"1" + b"}" * over)

    def test_size_has_a_limit(self) -> None:
        body = b'{"a":"' + b"x" * (MAX_BYTES - 8) + b'"}'
        self.assertEqual(len(body), MAX_BYTES)
        self.assertTrue(load_object(body))
        with self.assertRaises(NotStrict):
            load_object(body + b" ")

    def test_numbers_have_a_limit(self) -> None:
        for number in (b"9" * 21, b"-" + b"9" * 20, b"9" * 5_000, b"0." + b"1" * 40, b"1e" + b"9" * 30):
            with self.subTest(length=len(number)), self.assertRaises(NotStrict):
                load_object(b'{"a":' + number + b"}")

    def test_keys_are_checked_like_any_text(self) -> None:
        for body in (b'{"a\\u0000":1}', b'{"a":{"\\udfff":1}}', b'{"a":[["\\u0000"]]}', b'{"a":{"b":1,"b":1}}'):
            with self.subTest(body=body), self.assertRaises(NotStrict):
                load_object(body)

    def test_all_else_is_not_read(self) -> None:
        for body in UNREADABLE:
            if body in READABLE_ALL_THE_SAME:
                continue
            with self.subTest(body=body[:20]), self.assertRaises(NotStrict):
                load_object(body)
