"""Our types to Daraja's JSON and back: what is cleaned, what is refused, and callbacks in all their spellings."""

import json
import unittest
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from onpoint_pay.kit.money import Money
from providers.errors import CallbackMalformed, ProviderRejected
from providers.mpesa.gateway import GatewayAnswer
from providers.mpesa.mapping import clean_description, push_callback, push_document, push_outcome
from providers.mpesa.tests.shapes import CHECKOUT_ID, make_config, shape
from providers.mpesa.tests.test_shapes import make_request
from providers.mpesa.values import clean_reference
from providers.strict_json import JsonObject, load_object
from providers.types import CallbackEvent, FailureCode, OutcomeStatus

PHONE = "254708374149"
AT = datetime(2026, 11, 14, 22, 0, 0, tzinfo=UTC)


class PushDocumentTests(unittest.TestCase):
    def document(self, *, config: Any = None, **changes: Any) -> JsonObject:
        return push_document(replace(make_request(), **changes), config or make_config(), at=AT)

    def test_the_stamp_is_of_nairobi(self) -> None:
        self.assertEqual(self.document()["Timestamp"], "20261115010000")

    def test_phones_as_text_or_as_numbers(self) -> None:
        self.assertEqual(self.document()["PartyA"], "254708374149")
        numbers = self.document(config=make_config(phone_as_number=True))
        self.assertEqual((numbers["PartyA"], numbers["PhoneNumber"]), (254708374149, 254708374149))

    def test_the_amount_is_a_whole_number(self) -> None:
        self.assertEqual(self.document(amount=Money(100))["Amount"], 1)
        for amount in (Money(150_050), Money(0), Money(-100), Money(100, "USD")):
            with self.subTest(amount=amount), self.assertRaises(ProviderRejected) as raised:
                self.document(amount=amount)
            self.assertEqual(raised.exception.failure.code, FailureCode.VALIDATION_REFUSED)

    def test_only_canonical_phones(self) -> None:
        for phone in ("", "0708374149", "254812345678", "+254708374149", "2547083741490"):
            with self.subTest(phone=phone), self.assertRaises(ProviderRejected) as raised:
                self.document(phone=phone)
            self.assertEqual(raised.exception.failure.code, FailureCode.INVALID_ACCOUNT)
            self.assertNotIn(phone or PHONE, str(raised.exception.outcome))

    def test_references_are_cleaned(self) -> None:
        cases = {
            "INV-20418": "INV-20418", "ab c#1": "abc1", "ORDER/2026/000123": "ORDER2026000", "Wanjikũ": "Wanjiku", "#&@": "",
            "a\x00b": "ab",
        }  # fmt: skip
        for text, cleaned in cases.items():
            with self.subTest(text=text):
                self.assertEqual(clean_reference(text), cleaned)
        self.assertEqual(self.document(account_reference="#")["AccountReference"], "DukaBora")
        self.assertEqual(self.document(account_reference="#", payee="")["AccountReference"], "Payment")

    def test_descriptions_are_cleaned_and_never_empty(self) -> None:
        cases = {
            "Order 20418": "Order 20418", "Café & bar": "Cafe  bar", "a very long description": "a very long d",
            "exactly twelve x": "exactly twelv", "": "Payment", "###": "Payment", "  ": "Payment", "twelve chars and": "twelve chars",
        }  # fmt: skip
        for text, cleaned in cases.items():
            with self.subTest(text=text):
                self.assertEqual(clean_description(text), cleaned)

    def test_the_payer_is_told_in_their_language(self) -> None:
        body = shape("stk_push_response_accepted")
        answer = GatewayAnswer(status=200, document=load_object(body), body=body)
        for language, payee, told in (
            ("en", "Duka Bora", "Check your phone and enter your M-Pesa PIN to pay KES 1500 to Duka Bora."),
            ("sw", "Duka Bora", "Angalia simu yako na uweke PIN ya M-Pesa kulipa KES 1500 kwa Duka Bora."),
            ("en", "", "Check your phone and enter your M-Pesa PIN to pay KES 1500 to the merchant."),
        ):
            request = replace(make_request(), language=language, payee=payee)
            with self.subTest(language=language, payee=payee):
                self.assertEqual(push_outcome(answer, request, make_config()).customer_message, told)


def callback(**changes: Any) -> CallbackEvent:
    """The success callback with parts of `stkCallback` changed."""
    document = json.loads(shape("stk_callback_success"))
    document["Body"]["stkCallback"] |= changes
    return push_callback(json.dumps(document).encode())


def with_items(*items: Any) -> CallbackEvent:
    return callback(CallbackMetadata={"Item": list(items)})


def item(name: Any, value: Any) -> dict[str, Any]:
    return {"Name": name, "Value": value}


class CallbackTests(unittest.TestCase):
    def test_items_are_found_by_name(self) -> None:
        items = json.loads(shape("stk_callback_success"))["Body"]["stkCallback"]["CallbackMetadata"]["Item"]
        self.assertEqual(with_items(*reversed(items)).outcome.money, Money(150_000))
        self.assertEqual(with_items(*reversed(items)).outcome.receipt, "UKE7Q2M9XB")

    def test_numbers_and_text_mean_the_same(self) -> None:
        for amount in ("1500.00", "1500", " 1500.0 ", 1500, 1500.0):
            with self.subTest(amount=amount):
                self.assertEqual(with_items(item("Amount", amount)).outcome.money, Money(150_000))
        for stamp in ("20261114103102", 20261114103102):
            moment = with_items(item("TransactionDate", stamp)).outcome.occurred_at
            self.assertEqual(moment, datetime(2026, 11, 14, 7, 31, 2, tzinfo=UTC))

    def test_no_amount_that_could_pass_for_another(self) -> None:
        values: list[Any] = [
            None, "", "abc", "-1500", "1,500", "1e3", 1e300, True, [], {}, "15.001", "{Amount={BasicAmount=5}}",
        ]  # fmt: skip
        for amount in values:
            with self.subTest(amount=amount):
                outcome = with_items(item("Amount", amount), item("MpesaReceiptNumber", "UKE7Q2M9XB")).outcome
                self.assertIs(outcome.status, OutcomeStatus.SUCCEEDED)
                self.assertIsNone(outcome.money)

    def test_one_item_instead_of_a_list(self) -> None:
        event = callback(CallbackMetadata={"Item": item("Amount", 1500)})
        self.assertEqual(event.outcome.money, Money(150_000))

    def test_metadata_that_says_nothing(self) -> None:
        values: list[Any] = [
            None, "", [], {}, {"Item": None}, {"Item": []}, {"Item": "x"}, {"Item": [None, 5, "x", [], {}]},
        ]  # fmt: skip
        for metadata in values:
            with self.subTest(metadata=metadata):
                outcome = callback(CallbackMetadata=metadata).outcome
                self.assertEqual((outcome.money, outcome.receipt, outcome.phone), (None, None, None))

    def test_the_first_of_two_items_counts(self) -> None:
        self.assertEqual(with_items(item("Amount", 1500), item("Amount", 1)).outcome.money, Money(150_000))

    def test_receipts_that_are_none(self) -> None:
        values: list[Any] = [None, "", 5, "a b", "UKE7Q2M9XB\x07", "x" * 21, "UKE", [], "<script>"]
        for receipt in values:
            with self.subTest(receipt=receipt):
                event = with_items(item("MpesaReceiptNumber", receipt))
                self.assertIsNone(event.outcome.receipt)
                self.assertEqual(event.dedupe_key, f"{CHECKOUT_ID}:0:")

    def test_masked_and_hashed_phones_are_left_out(self) -> None:
        for phone in ("2547 ***** 149", "25470****149", "a" * 64, 0, None, True, "0708374149"):
            with self.subTest(phone=phone):
                self.assertIsNone(with_items(item("PhoneNumber", phone)).outcome.phone)
        self.assertEqual(with_items(item("PhoneNumber", "254708374149")).outcome.phone, "254708374149")

    def test_only_zeros_are_success(self) -> None:
        for code in (0, "0", " 0 ", "00"):
            with self.subTest(code=code):
                self.assertIs(callback(ResultCode=code).outcome.status, OutcomeStatus.SUCCEEDED)
        values: list[Any] = ["0.0", 0.0, -1, 7777, "success", "15", 4999, "SFC_IC0003", 1032]
        for code in values:
            with self.subTest(code=code):
                self.assertIsNot(callback(ResultCode=code).outcome.status, OutcomeStatus.SUCCEEDED)

    def test_unknown_codes_keep_their_words_and_decide_nothing(self) -> None:
        outcome = callback(ResultCode=7777, ResultDesc="Something new").outcome
        self.assertIs(outcome.status, OutcomeStatus.UNKNOWN)
        self.assertEqual((outcome.provider_code, outcome.provider_message), ("7777", "Something new"))

    def test_the_words_decide_nothing(self) -> None:
        self.assertIs(callback(ResultDesc="Request cancelled by user").outcome.status, OutcomeStatus.SUCCEEDED)
        self.assertIs(
            callback(ResultCode=1032, ResultDesc="processed successfully").outcome.status, OutcomeStatus.FAILED
        )

    def test_what_lacks_its_id_or_code_is_malformed(self) -> None:
        cases: list[dict[str, Any]] = [
            {"CheckoutRequestID": None}, {"CheckoutRequestID": ""}, {"CheckoutRequestID": 5}, {"CheckoutRequestID": "x" * 101},
            {"CheckoutRequestID": "a b"}, {"CheckoutRequestID": "a\nb"}, {"CheckoutRequestID": "é"}, {"CheckoutRequestID": []},
            {"ResultCode": None}, {"ResultCode": True}, {"ResultCode": []}, {"ResultCode": ""}, {"ResultCode": "x" * 21},
        ]  # fmt: skip
        for changes in cases:
            with self.subTest(changes=changes), self.assertRaises(CallbackMalformed):
                callback(**changes)

    def test_other_envelopes_are_malformed(self) -> None:
        cases: list[Any] = [
            {"stkCallback": {}},
            {"Body": {"stkCallback": []}},
            {"Body": {"stkCallback": None}},
            {"Result": {}},
        ]
        for document in cases:
            with self.subTest(document=document), self.assertRaises(CallbackMalformed):
                push_callback(json.dumps(document).encode())

    def test_words_are_fit_to_be_stored(self) -> None:
        outcome = callback(ResultCode=1032, ResultDesc="a\x07b\r\n254708374149 " + "x" * 1000).outcome
        assert outcome.provider_message
        self.assertTrue(outcome.provider_message.startswith("a b  2547****4149 xxx"))
        self.assertEqual(len(outcome.provider_message), 300)
        self.assertEqual(callback(ResultDesc=None).outcome.provider_message, "")
        self.assertEqual(callback(ResultDesc={"a": 1}).outcome.provider_message, "")

    def test_unknown_fields_do_no_harm(self) -> None:
        self.assertIs(callback(New=[1, {"a": None}], MerchantRequestID=None).outcome.status, OutcomeStatus.SUCCEEDED)
        self.assertNotIn("merchant_request_id", callback(MerchantRequestID=5).outcome.details)

    def test_what_is_kept_is_masked(self) -> None:
        kept = callback().outcome.raw
        self.assertIn(b"UKE7Q2M9XB", kept)
        self.assertNotIn(b"254708374149", kept)
        self.assertNotIn(b"708374149", kept)
