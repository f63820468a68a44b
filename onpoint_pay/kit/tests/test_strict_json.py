"""Strict JSON: what is read, what is refused, and numbers that keep their digits."""

import io
from typing import Any

from django.test import SimpleTestCase, override_settings

from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.strict_json import DecimalText, FastJSONRenderer, StrictJSONParser, parse_json, plain_number


class Parsing(SimpleTestCase):
    def assert_refused(self, body: bytes) -> None:
        with self.assertRaises(Problem) as raised:
            parse_json(body)
        self.assertEqual(raised.exception.code, "invalid_json")
        self.assertTrue(raised.exception.detail.isprintable())

    def test_what_is_read(self) -> None:
        body = '{"a": [1, true, null, "é", {"b": {}}], "c": "\\u00e9\\ud83d\\ude00"}'.encode()
        self.assertEqual(parse_json(body), {"a": [1, True, None, "é", {"b": {}}], "c": "é😀"})

    def test_fractions_keep_their_digits(self) -> None:
        for text in ("100.00", "0.1", "1e2", "1.10", "-0.0", "123456789012345678901234567890.12"):
            found = parse_json(text.encode())
            self.assertIsInstance(found, DecimalText)
            self.assertEqual(found, text)
        self.assertIs(type(parse_json(b"100")), int)

    def test_what_is_refused(self) -> None:
        cases = {
            "nothing": b"",
            "cut": b'{"a": 1',
            "two": b"{} {}",
            "NaN": b'{"a": NaN}',
            "Infinity": b"[-Infinity]",
            "twins": b'{"a": 1, "a": 1}',
            "twins inside": b'{"x": [{"a": 1, "b": 2, "a": 3}]}',
            "NUL": b'{"a": "\\u0000"}',
            "NUL in a key": b'{"\\u0000": 1}',
            "half a pair": b'{"a": "\\ud800"}',
            "half a pair in a key": b'{"\\udc00": 1}',
            "not UTF-8": b'{"a": "\xff"}',
            "a byte order mark": b"\xef\xbb\xbf{}",
            "single quotes": b"{'a': 1}",
            "a trailing comma": b"[1,]",
            "a comment": b"{} // done",
            "a huge integer": b"9" * 5000,
            "a raw control character": b'{"a": "\n"}',
        }
        for name, body in cases.items():
            with self.subTest(name=name):
                self.assert_refused(body)

    def test_depth(self) -> None:
        self.assertTrue(parse_json(b"[" * 20 + b"]" * 20))
        for depth in (22, 1_000, 100_000):
            with self.subTest(depth=depth):
                self.assert_refused(b"[" * depth + b"]" * depth)
                self.assert_refused(b'{"a":' * depth + b"1" + b"}" * depth)


class Bodies(SimpleTestCase):
    def parse(self, body: bytes) -> Any:
        return StrictJSONParser().parse(io.BytesIO(body))

    def test_an_empty_body_is_an_empty_object(self) -> None:
        self.assertEqual((self.parse(b""), self.parse(b" \n")), ({}, {}))

    @override_settings(MAX_BODY_BYTES=10)
    def test_the_largest_body(self) -> None:
        self.assertEqual(self.parse(b'"12345678"'), "12345678")
        with self.assertRaises(Problem) as raised:
            self.parse(b'"123456789"')
        self.assertEqual(raised.exception.code, "body_too_large")


class Numbers(SimpleTestCase):
    def test_plain_numbers(self) -> None:
        self.assertEqual(plain_number(DecimalText("1.50")), 1.5)
        self.assertEqual(plain_number(DecimalText("1e400")), "1e400")
        for value in ("1.50", 7, True, None, ["1.5"]):
            self.assertIs(plain_number(value), value)


class Rendering(SimpleTestCase):
    def test_answers(self) -> None:
        renderer = FastJSONRenderer()
        self.assertEqual(renderer.render(None), b"")
        self.assertEqual(renderer.render({"a": "é", "n": DecimalText("1.50")}), '{"a":"é","n":"1.50"}'.encode())
