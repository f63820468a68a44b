"""What is left of a body names nobody: asked of every body of Daraja that we know, and of those we do not."""

import json
import re
import unittest
from typing import Any

from providers.mpesa.callbacks import MpesaCallbacks
from providers.mpesa.tests.shapes import FOLDER

without_personal = MpesaCallbacks().without_personal
PHONE = re.compile(r"(?<![0-9])(254[0-9]{9}|0[17][0-9]{8})(?![0-9])")
WORD = re.compile(r"\b(AMINA|WAIRIMU|OTIENO|JOHN|DOE)\b|@", re.IGNORECASE)


def leaves(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {leaf for inner in value.values() for leaf in leaves(inner)}
    if isinstance(value, list):
        return {leaf for inner in value for leaf in leaves(inner)}
    return {str(value)}


class EveryShape(unittest.TestCase):
    def test_nobody_is_named(self) -> None:
        seen = 0
        for path in sorted(FOLDER.glob("*.json")):
            body = path.read_bytes()
            left = without_personal(body).decode()
            with self.subTest(shape=path.stem):
                self.assertIsNone(WORD.search(left), left)
                self.assertIsNone(PHONE.search(left), left)
            seen += bool(WORD.search(body.decode()) or PHONE.search(body.decode()))
        self.assertGreater(seen, 10)

    def test_the_money_is_still_there(self) -> None:
        for name, wanted in (
            ("stk_callback_success", {"0"}),
            ("c2b_confirmation_v2_masked", set()),
            ("transaction_status_result_completed", {"UKE7Q2M9XB", "1500", "Completed"}),
            ("b2c_result_success", {"UKE4W9C1TF", "2500"}),
        ):
            body = (FOLDER / f"{name}.json").read_bytes()
            with self.subTest(shape=name):
                self.assertLessEqual(wanted, leaves(json.loads(without_personal(body))))

    def test_what_cannot_be_read_goes_as_a_whole(self) -> None:
        for body in (b"", b"not json", b'"0712345678"', b"254712345678", b"\xff\xfe", b"[" * 100_000):
            self.assertEqual(without_personal(body), b"")

    def test_what_we_have_not_met_goes(self) -> None:
        body = {"Nickname": "Jo", "Amount": 5, "Note": {"Key": "MiddleName", "Value": "Jo"}, "IDs": [["12345678"]]}
        left = json.loads(without_personal(json.dumps(body).encode()))
        wanted = {"Nickname": None, "Amount": 5, "Note": {"Key": "MiddleName", "Value": None}, "IDs": [[None]]}
        self.assertEqual(left, wanted)

    def test_a_number_inside_a_known_word_is_masked(self) -> None:
        body = {"ResultDesc": "Sent to 254712345678", "CheckoutRequestID": "ws_CO_21112026093000123712345678"}
        left = without_personal(json.dumps(body).encode()).decode()
        self.assertNotIn("712345678", left)
        self.assertIn("ws_CO_21112026093000123", left)
