"""Payments that payers make by themselves, in all their spellings: a number, a name or a typo spoils none of them."""

import json
import unittest
from datetime import UTC, datetime
from typing import Any

from onpoint_pay.kit.money import Money
from providers.errors import CallbackMalformed
from providers.mpesa.callbacks import MpesaCallbacks
from providers.mpesa.tests.shapes import shape
from providers.mpesa.tests.test_result_shapes import event_at
from providers.types import CallbackEvent, Receipt, ValidationRefusal

HASH = "bbff37cea44ac0b2d964ee0dfb8d2df8513dc7ba1b36129a929fc3fbd6dd4af4"


def confirmed(door: str = "confirm", **changes: Any) -> CallbackEvent:
    """The v1 confirmation with changes; a change to ... leaves the key out."""
    document = json.loads(shape("c2b_confirmation_v1")) | changes
    document = {name: value for name, value in document.items() if value is not ...}
    return event_at(door, json.dumps(document).encode())


def received(**changes: Any) -> Receipt:
    found = confirmed(**changes).received
    assert found
    return found


class NumberTests(unittest.TestCase):
    def number(self, value: Any) -> tuple[str | None, str | None, str | None]:
        found = received(MSISDN=value)
        return found.phone, found.phone_hash, found.phone_masked

    def test_clear_hashed_and_masked_are_told_apart(self) -> None:
        for value, number in (
            ("254708374149", ("254708374149", None, None)), (254708374149, ("254708374149", None, None)),
            ("0708374149", ("254708374149", None, None)), ("+254708374149", ("254708374149", None, None)),
            (HASH, (None, HASH, None)), (HASH.upper(), (None, HASH, None)), ("1" * 64, (None, "1" * 64, None)),
            ("2547 ***** 149", (None, None, "2547 ***** 149")), ("25470****149", (None, None, "25470****149")),
            ("2547****149", (None, None, "2547****149")), ("*********149", (None, None, "*********149")),
        ):  # fmt: skip
            with self.subTest(value=value):
                self.assertEqual(self.number(value), number)

    def test_no_number_spoils_a_payment(self) -> None:
        values: list[Any] = [
            "", None, ..., 0, True, [], {}, "abc", HASH[:-1], HASH + "0", "g" * 64, "*" * 100, "254708*x", "600987", "-1",
            "2547083741490000", "<script>",
        ]  # fmt: skip
        for value in values:
            with self.subTest(value=value):
                self.assertEqual(self.number(value), (None, None, None))
                self.assertEqual(received(MSISDN=value).money, Money(75_000))


class FieldTests(unittest.TestCase):
    def test_amounts(self) -> None:
        for value, minor in (
            ("750.00", 75_000), ("750", 75_000), (750, 75_000), (750.0, 75_000), (" 750.5 ", 75_050), ("0.01", 1),
            ("250000.00", 25_000_000),
        ):  # fmt: skip
            with self.subTest(value=value):
                self.assertEqual(received(TransAmount=value).money, Money(minor))

    def test_without_money_a_receipt_or_a_shortcode_it_is_malformed(self) -> None:
        cases: list[tuple[str, list[Any]]] = [
            ("TransAmount", ["", None, ..., "abc", "-1", "0", "0.00", 0, "1,000", "1.005", True, [], {}]),
            ("TransID", ["", None, ..., "a b", 5, "x" * 21, "UKE0000000", []]),
            ("BusinessShortCode", ["", None, ..., "abc", "1", True, [], "60 0987"]),
        ]
        for name, values in cases:
            for value in values:
                for door in ("confirm", "validate"):
                    with self.subTest(name=name, value=value, door=door), self.assertRaises(CallbackMalformed):
                        confirmed(door, **{name: value})

    def test_a_shortcode_as_number(self) -> None:
        self.assertEqual(received(BusinessShortCode=600987).shortcode, "600987")

    def test_what_the_payer_typed_is_untouched(self) -> None:
        for value, reference in (
            ("INV-20418", "INV-20418"), (" inv 20418. ", " inv 20418. "), ("", ""), (None, ""), (..., ""), (20418, "20418"),
            ("Wanjikũ #4", "Wanjikũ #4"), ("254708374149", "254708374149"), ([], ""), ("x" * 500, "x" * 100),
        ):  # fmt: skip
            with self.subTest(value=value):
                self.assertEqual(received(BillRefNumber=value).account_reference, reference)

    def test_names(self) -> None:
        for names, name in (
            (("AMINA", "WAIRIMU", "OTIENO"), "AMINA WAIRIMU OTIENO"), (("AMINA", "", ""), "AMINA"),
            (("AMINA", None, ...), "AMINA"), ((..., ..., "OTIENO"), "OTIENO"), (("", "", ""), None),
            ((None, None, None), None), ((..., ..., ...), None), ((" ", 5, []), None), (("A\x07\r\nB", "", ""), "A   B"),
        ):  # fmt: skip
            with self.subTest(names=names):
                changes = dict(zip(("FirstName", "MiddleName", "LastName"), names, strict=True))
                self.assertEqual(received(**changes).payer_name, name)

    def test_times_of_nairobi(self) -> None:
        for value in ("20261114111530", 20261114111530):
            self.assertEqual(received(TransTime=value).occurred_at, datetime(2026, 11, 14, 8, 15, 30, tzinfo=UTC))
        for value in ("", None, ..., "20261314111530", "2026-11-14", 5):
            with self.subTest(value=value):
                self.assertIsNone(received(TransTime=value).occurred_at)

    def test_our_balance_afterwards(self) -> None:
        for value, money in (
            ("48230.00", Money(4_823_000)), (48230, Money(4_823_000)), ("-5.00", Money(-500)), ("", None), (None, None),
            (..., None), ("{Amount={}}", None), (True, None),
        ):  # fmt: skip
            with self.subTest(value=value):
                self.assertEqual(received(OrgAccountBalance=value).float_after, money)

    def test_kinds_and_unknown_fields_change_nothing(self) -> None:
        for kind in ("Pay Bill", "Buy Goods", "", None, ..., "Organization To Organization Transfer", 5):
            with self.subTest(kind=kind):
                self.assertEqual(received(TransactionType=kind, New=[1, {"a": None}]), received())

    def test_the_receipt_is_the_key(self) -> None:
        self.assertEqual(confirmed().dedupe_key, confirmed(TransID="uke3m8t4zc", MSISDN=HASH).dedupe_key)
        self.assertNotEqual(confirmed().dedupe_key, confirmed("validate").dedupe_key)

    def test_nothing_personal_is_shown_or_kept_clear(self) -> None:
        for number in ("254708374149", 254708374149, "0708374149", HASH):
            event = confirmed(MSISDN=number)
            for text in (repr(event), repr(event.received), event.outcome.raw.decode()):
                with self.subTest(number=number):
                    self.assertNotIn("708374149", text)
                    self.assertNotIn(HASH, text)


class ReplyTests(unittest.TestCase):
    def test_every_refusal_has_its_code(self) -> None:
        codes = {
            ValidationRefusal.PAYER: "C2B00011", ValidationRefusal.ACCOUNT: "C2B00012", ValidationRefusal.AMOUNT: "C2B00013",
            ValidationRefusal.KYC: "C2B00014", ValidationRefusal.SHORTCODE: "C2B00015", ValidationRefusal.OTHER: "C2B00016",
        }  # fmt: skip
        self.assertEqual(codes.keys(), set(ValidationRefusal))
        for refusal, code in codes.items():
            reply = MpesaCallbacks().reply_to_validation(refusal)
            self.assertEqual((reply.status, json.loads(reply.body)["ResultCode"]), (200, code))

    def test_a_validation_that_is_not_taken(self) -> None:
        event = confirmed("validate")
        self.assertEqual(
            MpesaCallbacks().reply_to_callback(event, accepted=False),
            MpesaCallbacks().reply_to_validation(ValidationRefusal.OTHER),
        )
