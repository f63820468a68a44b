"""What initiate refuses before anything happens: each fault by its code, and nothing stored, sent or told."""

import json
from typing import Any

from django.http import HttpResponse
from django.test import override_settings

from merchants.models import IdempotencyKey
from merchants.tests.factories import key_headers, make_api_key, make_limits, make_member, make_merchant, person_headers
from payments.models import MoneyOp, Payment
from payments.tests.base import INITIATE, PaymentTestCase, next_key
from tests.simulator_process import simulator
from webhooks.models import Event

GONE = object()


class Refusals(PaymentTestCase):
    def raw(self, body: bytes | str, **headers: str) -> HttpResponse:
        return self.client.post(f"/api/v1/{INITIATE}", body, "application/json", headers=self.headers | headers)

    def assert_silence(self) -> None:
        """No row, no event, no prompt."""
        counts = [model.objects.count() for model in (Payment, MoneyOp, Event, IdempotencyKey)]
        self.assertEqual(counts, [0, 0, 0, 0])
        self.assertEqual(simulator().summary()["pushes_received"], 0)

    def refuse(self, code: str, param: str | None, **fields: Any) -> dict[str, Any]:
        body = {name: value for name, value in (self.body() | fields).items() if value is not GONE}
        found = self.assert_problem(
            self.post(INITIATE, body, self.headers | {"Idempotency-Key": next_key()}), 400, code
        )
        self.assertEqual(found["param"], param)
        self.assertEqual([(fault["param"], fault["code"]) for fault in found["errors"]], [(param, code)])
        return found

    def test_a_missing_or_empty_parameter(self) -> None:
        for name in ("amount", "payment_method", "phone"):
            for value in (GONE, None):
                with self.subTest(name=name, value=value):
                    self.refuse("parameter_missing", name, **{name: value})
        self.refuse("parameter_missing", "payment_method", payment_method="")
        self.assert_silence()

    def test_an_unknown_parameter(self) -> None:
        self.refuse("unknown_parameter", "ammount", ammount=100)
        self.refuse("unknown_parameter", "status", status="completed")
        self.assert_silence()

    def test_amounts(self) -> None:
        cases: list[tuple[Any, str]] = [
            (-1, "amount_invalid"),
            ("-100", "amount_invalid"),
            ("+5", "amount_invalid"),
            ("1e2", "amount_invalid"),
            ("1,000", "amount_invalid"),
            ("100.000", "amount_invalid"),
            ("0100", "amount_invalid"),
            ("NaN", "amount_invalid"),
            ("Infinity", "amount_invalid"),
            ("١٠٠", "amount_invalid"),
            ("9" * 30, "amount_invalid"),
            (10**30, "amount_invalid"),
            (True, "amount_invalid"),
            ([100], "amount_invalid"),
            ({"value": 100}, "amount_invalid"),
            (0, "amount_too_small"),
            ("0.00", "amount_too_small"),
            ("0.99", "amount_too_small"),
            ("100.50", "amount_not_whole"),
            (250_001, "amount_too_large"),
            ("250000.01", "amount_too_large"),
        ]
        for amount, code in cases:
            with self.subTest(amount=amount):
                self.refuse(code, "amount", amount=amount)
        self.assert_silence()

    def test_amounts_as_json_numbers(self) -> None:
        for text, code in (("1e2", "amount_invalid"), ("100.50", "amount_not_whole"), ("-0.5", "amount_invalid")):
            with self.subTest(text=text):
                body = f'{{"amount": {text}, "payment_method": "mpesa", "phone": "254712345678"}}'
                self.assert_problem(self.raw(body), 400, code)
        self.assert_silence()

    def test_the_merchant_may_have_a_lower_ceiling(self) -> None:
        make_limits(self.merchant, cap_largest=500_00)
        self.assert_problem(self.initiate(amount=501), 403, "limit_exceeded")
        self.assert_silence()
        self.assertEqual(self.start(amount=500).amount, 500_00)

    @override_settings(MPESA_MIN_AMOUNT=10, MPESA_MAX_AMOUNT=1000)
    def test_the_installation_may_have_other_bounds(self) -> None:
        self.refuse("amount_too_small", "amount", amount=9)
        self.refuse("amount_too_large", "amount", amount=1001)
        self.assert_silence()

    def test_currencies_methods_and_providers(self) -> None:
        self.refuse("currency_unsupported", "currency", currency="USD")
        self.refuse("currency_unsupported", "currency", currency="kes")
        for method in ("card", "cash", "MPESA"):
            self.refuse("payment_method_unsupported", "payment_method", payment_method=method)
        self.refuse("parameter_invalid", "provider", provider="paystack")
        self.assert_silence()

    def test_phones(self) -> None:
        cases = (
            "25471234567",
            "2547123456789",
            "0812345678",
            "+1 202 555 0143",
            "abc",
            "0712 345 67８",
            254712345678,
            1.5,
        )
        for phone in cases:
            with self.subTest(phone=phone):
                self.refuse("phone_invalid", "phone", phone=phone)
        self.assert_silence()

    def test_references(self) -> None:
        for reference in ("ORDER 1", "a" * 65, "ÖRDER", "a\nb", "#1"):
            with self.subTest(reference=reference):
                self.refuse("reference_invalid", "reference", reference=reference)
        self.assert_silence()

    def test_other_texts(self) -> None:
        self.refuse("email_invalid", "email", email="nobody at home")
        self.refuse("parameter_invalid", "email", email=f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.com")
        self.refuse("parameter_invalid", "description", description="a" * 256)
        self.refuse("parameter_invalid", "description", description="ring \x07 the bell")
        self.refuse("parameter_invalid", "account_reference", account_reference="a" * 13)
        self.refuse("parameter_invalid", "account_reference", account_reference="café")
        self.refuse("parameter_invalid", "language", language="fr")
        for seconds in (59, 86_401, "soon", 90.5):
            self.refuse("parameter_invalid", "expires_in", expires_in=seconds)
        self.assert_silence()

    def test_metadata(self) -> None:
        cases: list[Any] = [
            [],
            "text",
            {f"key{number}": 1 for number in range(51)},
            {"k" * 41: 1},
            {"": 1},
            {"a b": 1},
            {"list": [1]},
            {"object": {"a": 1}},
            {"nothing": None},
            {"long": "a" * 501},
            {"huge": 10**30},
            {f"key{number}": "a" * 500 for number in range(40)},
        ]
        for metadata in cases:
            with self.subTest(metadata=str(metadata)[:60]):
                self.refuse("metadata_invalid", "metadata", metadata=metadata)
        self.assert_silence()

    def test_no_card_number_is_taken_or_repeated(self) -> None:
        number = "4242 4242 4242 4242"
        for given in (
            {"description": f"card {number}"},
            {"metadata": {"note": number}},
            {"metadata": {"card": 4242424242424242}},
            {"metadata": {"4242424242424242": "yes"}},
        ):
            with self.subTest(given=given):
                found = self.refuse("card_data_not_accepted", next(iter(given)), **given)
                self.assertNotIn("4242", str(found))
        self.assert_silence()

    def test_callback_urls(self) -> None:
        for url in (
            "shop.example/hook",
            "ftp://shop.example/",
            "https://u:p@shop.example/",
            "https://shop.example/a b",
        ):
            with self.subTest(url=url):
                found = self.post(INITIATE, self.body(callback_url=url), self.headers)
                self.assertEqual(self.assert_problem(found, 400, "callback_url_invalid")["param"], "callback_url")
        for url in (
            "https://127.0.0.1/",
            "https://localhost/",
            "http://10.0.0.1/",
            "https://0x7f.1/",
            "https://shop.example:22/",
        ):
            with self.subTest(url=url):
                found = self.post(INITIATE, self.body(callback_url=url), self.headers)
                self.assertEqual(self.assert_problem(found, 400, "callback_url_forbidden")["param"], "callback_url")
        self.assert_silence()

    def test_all_faults_come_together(self) -> None:
        answer = self.post(INITIATE, {"amount": "x", "phone": "1", "reference": "#", "colour": "red"}, self.headers)
        found = self.assert_problem(answer, 400, "validation_failed")
        self.assertEqual(
            {(fault["param"], fault["code"]) for fault in found["errors"]},
            {
                ("amount", "amount_invalid"),
                ("phone", "phone_invalid"),
                ("reference", "reference_invalid"),
                ("payment_method", "parameter_missing"),
                ("colour", "unknown_parameter"),
            },
        )
        self.assertTrue(all(fault["detail"] for fault in found["errors"]))
        self.assert_silence()

    def test_bodies_that_are_no_json_object(self) -> None:
        cases = [
            b"{",
            b"[]",
            b'"text"',
            b"null",
            b'{"amount": NaN, "payment_method": "mpesa", "phone": "254712345678"}',
            b'{"amount": Infinity}',
            b'{"amount": 100, "amount": 1}',
            b'{"description": "\\u0000"}',
            b'{"description": "\\ud800"}',
            b"\xff\xfe",
            b"[" * 10_000,
            b'{"a":' * 10_000,
            b'{"amount": ' + b"9" * 10_000 + b"}",
        ]
        for body in cases:
            with self.subTest(body=body[:40]):
                self.assert_problem(self.raw(body), 400, "invalid_json")
        self.assert_silence()

    def test_other_content_types_and_sizes(self) -> None:
        address = f"/api/v1/{INITIATE}"
        answer = self.client.post(address, {"amount": "100"}, headers=self.headers)
        self.assert_problem(answer, 415, "unsupported_media_type")
        answer = self.client.post(address, "amount=100", "application/x-www-form-urlencoded", headers=self.headers)
        self.assert_problem(answer, 415, "unsupported_media_type")
        self.assert_problem(self.raw(json.dumps(self.body(description="a" * 300_000))), 413, "body_too_large")
        self.assert_silence()

    def test_idempotency_keys(self) -> None:
        for key in ("short", "a" * 256, "with blanks in it", "clés-étranges", '"short"'):
            with self.subTest(key=key):
                answer = self.post(INITIATE, self.body(), self.headers | {"Idempotency-Key": key})
                self.assert_problem(answer, 400, "idempotency_key_invalid")
        self.assert_silence()

    def test_callers_who_may_not(self) -> None:
        self.assert_problem(self.post(INITIATE, self.body()), 401, "authentication_required")
        reader = key_headers(make_api_key(self.merchant, scopes=["payments:read"]))
        found = self.assert_problem(self.post(INITIATE, self.body(), reader), 403, "insufficient_scope")
        self.assertEqual(found["required_scope"], "payments:write")
        viewer = person_headers(make_member(self.merchant, "viewer"))
        self.assert_problem(self.post(INITIATE, self.body(), viewer), 403, "insufficient_scope")
        self.assert_problem(self.get(INITIATE, self.headers), 405, "method_not_allowed")
        self.assert_silence()

    def test_live_mode_without_credentials(self) -> None:
        self.merchant = make_merchant(live_enabled=True)
        self.headers = key_headers(make_api_key(self.merchant, mode="live"))
        answer = self.initiate(key=next_key())
        self.assert_problem(answer, 503, "provider_not_configured")
        self.assert_silence()


class Acceptances(PaymentTestCase):
    def test_spellings_of_an_amount(self) -> None:
        for text in ("100", "100.00", "100.0", '"100"', '"100.00"'):
            with self.subTest(text=text):
                body = json.dumps(self.body()).replace('"amount": 100', f'"amount": {text}')
                answer = self.client.post(f"/api/v1/{INITIATE}", body, "application/json", headers=self.headers)
                self.assertEqual((answer.status_code, answer.json()["amount"]), (201, "100.00"))

    def test_the_bounds_themselves(self) -> None:
        self.assertEqual(self.start(amount=1).amount, 1_00)
        self.assertEqual(self.start(amount=250_000).amount, 250_000_00)

    def test_spellings_of_a_phone(self) -> None:
        spellings = ("0712345601", "712345601", "254712345601", "+254712345601", "+254 712 345 601", "0712-345-601")
        for number, spelling in enumerate(spellings):
            with self.subTest(spelling=spelling):
                phone = spelling[:-1] + str(number)
                self.assertEqual(self.start(phone=phone).phone, f"25471234560{number}")
        self.assertEqual(self.start(phone="0110123456").phone, "254110123456")

    def test_texts_are_trimmed_and_composed(self) -> None:
        payment = self.start(description="  Cafe\u0301  ", reference="  A-1  ", email=" kamau@example.com ")
        self.assertEqual(payment.description, "Caf\u00e9")
        self.assertEqual(payment.merchant_reference, "A-1")
        self.assertEqual(payment.email, "kamau@example.com")

    def test_metadata_comes_back_unchanged(self) -> None:
        metadata = {"text": "a", "number": 5, "fraction": 1.25, "yes": True, "big": 2**53, "minus": -1, "a.b-c_d": ""}
        answer = self.initiate(metadata=metadata)
        self.assertEqual((answer.status_code, answer.json()["metadata"]), (201, metadata))
        detail = self.get(f"payments/{answer.json()['id']}/", self.headers)
        self.assertEqual(detail.json()["metadata"], metadata)
