"""Redaction: phones and secrets vanish from every shape of value, ordinary values stay."""

import json
import unittest
from decimal import Decimal

from onpoint_pay.kit.redact import DEEPEST, MASK, TOO_DEEP, mask_phone, redact

OPAQUE = "p4tYkq0Gd7mZsB1wRc9VnE2uLhXa"


class PhoneTests(unittest.TestCase):
    def test_one_mask_for_every_spelling(self) -> None:
        for phone in ("254712345678", "+254712345678", "0712345678", "712345678", "+254 712 345 678"):
            with self.subTest(phone=phone):
                self.assertEqual(mask_phone(phone), "2547****5678")
        self.assertEqual(mask_phone("254110345678"), "2541****5678")

    def test_short_text_shows_nothing(self) -> None:
        self.assertEqual(mask_phone("12345"), MASK)

    def test_phones_inside_text(self) -> None:
        cases = {
            "paid by 254712345678.": "paid by 2547****5678.",
            "call +254 712 345 678 now": "call 2547****5678 now",
            "0712345678,0110345678": "2547****5678,2541****5678",
            "phone=%2B254712345678&x=1": "phone=%2B2547****5678&x=1",
            '{"PhoneNumber":254708374149}': '{"PhoneNumber":2547****4149}',
        }
        for text, masked in cases.items():
            with self.subTest(text=text):
                self.assertEqual(redact(text), masked)

    def test_phones_as_numbers(self) -> None:
        self.assertEqual(redact({"PhoneNumber": 254708374149}), {"PhoneNumber": "2547****4149"})

    def test_what_only_looks_like_a_phone_stays(self) -> None:
        for value in (
            20261114103102,
            "20261114103102",
            1500,
            "TXN20261121K7Q2ZD",
            "600987",
            Decimal("712345678"),
            True,
        ):
            with self.subTest(value=value):
                self.assertEqual(redact(value), value)

    def test_checkout_id_stays_recognisable_without_the_phone(self) -> None:
        masked = redact("ws_CO_14112026103046312708374149")
        self.assertEqual(masked, "ws_CO_14112026103046312*****4149")
        for older in ("ws_CO_191220191020363925", "ws_CO_DMZ_190417717_26112018210044373", "29115-34620561-1"):
            self.assertEqual(redact(older), older)


class SecretTests(unittest.TestCase):
    def test_names_hide_their_values(self) -> None:
        names = [
            "Authorization", "password", "Password", "PASSKEY", "secret", "client_secret", "token", "access_token",
            "access", "refresh", "SecurityCredential",
            "security_credential", "consumer_key", "ConsumerSecret", "api_key", "Cookie",
            "challenge", "recovery_codes", "otpauth_url", "qr_svg",
        ]  # fmt: skip
        for name in names:
            for value in ("plain words", 12, ["a"], {"b": 1}):
                with self.subTest(name=name, value=value):
                    self.assertEqual(redact({name: value}), {name: MASK})

    def test_absence_and_flags_stay_visible(self) -> None:
        self.assertEqual(redact({"token": None, "token_ok": False}), {"token": None, "token_ok": False})

    def test_secrets_inside_text(self) -> None:
        cases = {
            "sk_test_0123456789": f"sk_{MASK}",
            "challenge mfa_0123456789ABCDEFGHJKMNPQRS": f"challenge mfa_{MASK}",
            "key rk_live_abcdef.": f"key rk_{MASK}.",
            "whsec_bWFkZSB1cA==": f"whsec_{MASK}",
            f"Error Occurred - Invalid Access Token - {OPAQUE}": f"Error Occurred - Invalid Access Token - {MASK}",
            f"Bearer {OPAQUE}": f"Bearer {MASK}",
            "Basic ZGVtb0tleTpkZW1vU2VjcmV0": f"Basic {MASK}",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln": MASK,
            '{"Password": "bmV2ZXI=", "Amount": 5}': f'{{"Password": {MASK}, "Amount": 5}}',
            "password=open&amount=5": f"password={MASK}&amount=5",
        }
        for text, masked in cases.items():
            with self.subTest(text=text):
                self.assertEqual(redact(text), masked)

    def test_ordinary_words_stay(self) -> None:
        no_product = "Error Occurred - Invalid Access Token - Invalid API call as no apiproduct match found"
        for text in (no_product, "Basic authentication", "risk_level high", "task_runner", "Invalid Access Token"):
            self.assertEqual(redact(text), text)


class ShapeTests(unittest.TestCase):
    def test_reaches_every_depth_and_keeps_the_shape(self) -> None:
        given = {"a": [{"b": ("0712345678", b"0712345678")}], "0712345678": 1, "n": None, "f": 1.5}
        self.assertEqual(
            redact(given), {"a": [{"b": ("2547****5678", b"2547****5678")}], "2547****5678": 1, "n": None, "f": 1.5}
        )

    def test_leaves_the_original_alone(self) -> None:
        given = {"phones": ["0712345678"]}
        redact(given)
        self.assertEqual(given, {"phones": ["0712345678"]})

    def test_bytes_that_are_not_text_survive(self) -> None:
        self.assertEqual(redact(b"\xff\x00 254712345678 \xfe"), b"\xff\x00 2547****5678 \xfe")

    def test_bottomless_content_is_cut(self) -> None:
        given: object = "0712345678"
        for _ in range(5000):
            given = [given]
        text = json.dumps(redact(given))
        self.assertIn(TOO_DEEP, text)
        self.assertLess(text.count("["), DEEPEST + 2)

    def test_hostile_text_comes_back(self) -> None:
        for piece in (
            "254",
            "07",
            "eyJ",
            "eyJaaaaaaaaa.",
            "ws_CO_1",
            "password:'",
            'secret="',
            "sk_",
            "bearer ",
            "+254 7",
        ):
            with self.subTest(piece=piece):
                self.assertIsInstance(redact(piece * (400_000 // len(piece))), str)
