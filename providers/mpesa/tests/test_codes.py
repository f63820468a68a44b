"""Result codes: the whole documented table, what differs from API to API, and what decides nothing."""

import unittest
from decimal import Decimal
from typing import Any

from providers.mpesa import gateway, receiver_words, words
from providers.mpesa.codes import FROM_US, TABLE, Api, End, Kind, code_text, decision, is_success, lookup
from providers.types import ClosesAs, Failure, FailureCode, OutcomeStatus, RetryAdvice

ALL = "*"
# Words that only somebody who pays understands.
OF_PAYERS = r"(?i)\bpayer|\bprompt|\bPIN\b|charged|to pay\b|pay another|\bpay less|mlipaji|hujatozwa|kulipa|\blipa\b"
# Code, APIs, class, end: the documented table written down a second time, as (codes, APIs) to (class, end).
DOCUMENTED = {
    ("0", ALL): ("ok", "completed"),
    ("1", ALL): ("funds", "failed"),
    ("2 3 4 8", "stk b2c"): ("limit", "failed"),
    ("5", ALL): ("limit", "failed"),
    ("6 7 9 10 12 13 14 18 20 22 24 25 29", ALL): ("config", "failed"),
    ("11 2006", "b2c reversal"): ("config", "failed"),
    ("15 19", ALL): ("unknown", "unknown"),
    ("17 26", ALL): ("wait", "failed"),
    ("21", "b2b b2c reversal"): ("config", "failed"),
    ("1001", "stk ratiba"): ("wait", "failed"),
    ("1014", ALL): ("unknown", "unknown"),
    ("1019 1037 2026", "stk"): ("user", "expired"),
    ("1025 2029", "stk"): ("wait", "failed"),
    ("1031 1032", "stk"): ("user", "cancelled"),
    ("1036", "stk"): ("unknown", "expired"),
    ("1050 1051", "ratiba"): ("config", "failed"),
    ("1101 1102 2002 E3008", "stk"): ("config", "failed"),
    ("2001", "stk"): ("user", "failed"),
    ("2001", "b2c b2b b2b_express reversal status ratiba"): ("config", "failed"),
    ("2008 9999", "stk"): ("unknown", "failed"),
    ("2028", "stk b2b b2c reversal"): ("config", "failed"),
    ("2040", "b2c"): ("config", "failed"),
    ("4001", "b2b_express"): ("user", "cancelled"),
    ("4999", "stk"): ("pending", "pending"),
    ("8006", ALL): ("config", "failed"),
    ("R000001", "reversal"): ("unknown", "unknown"),
    ("R000002", "reversal"): ("config", "failed"),
    ("SFC_IC0003", "stk b2b b2c status"): ("config", "failed"),
    (" ".join(str(code) for code in range(100_000_000, 100_000_012)), ALL): ("unknown", "unknown"),
}


def documented() -> dict[tuple[str, Api], tuple[str, str]]:
    found = {}
    for (codes, apis), rule in DOCUMENTED.items():
        for code in codes.split():
            for api in Api if apis == ALL else map(Api, apis.split()):
                found[code, api] = rule
    return found


def all_failures() -> list[Failure]:
    return [
        value for module in (words, receiver_words) for value in vars(module).values() if isinstance(value, Failure)
    ]


class TableTests(unittest.TestCase):
    def test_is_the_documented_table(self) -> None:
        self.assertEqual({key: (found.kind, found.end) for key, found in TABLE.items()}, documented())

    def test_the_same_code_differs_by_api(self) -> None:
        expected = {
            "1": (FailureCode.INSUFFICIENT_FUNDS, FailureCode.INSUFFICIENT_FUNDS),
            "8": (FailureCode.LIMIT_MERCHANT, FailureCode.LIMIT_CUSTOMER),
            "17": (FailureCode.DUPLICATE_REQUEST, FailureCode.PROVIDER_BUSY),
            "2001": (FailureCode.WRONG_PIN, FailureCode.CREDENTIALS_REJECTED),
            "8006": (FailureCode.PIN_LOCKED, FailureCode.CREDENTIALS_REJECTED),
        }
        for code, failure_codes in expected.items():
            prompt, payout = lookup(code, Api.STK), lookup(code, Api.B2C)
            assert prompt and prompt.failure and payout and payout.failure
            with self.subTest(code=code):
                self.assertEqual((prompt.failure.code, payout.failure.code), failure_codes)
                self.assertNotEqual(prompt.failure, payout.failure)

    def test_words_of_the_prompt(self) -> None:
        expected = {
            "1": FailureCode.INSUFFICIENT_FUNDS, "4": FailureCode.LIMIT_CUSTOMER, "26": FailureCode.PROVIDER_BUSY,
            "1001": FailureCode.CUSTOMER_BUSY, "1019": FailureCode.PROMPT_EXPIRED,
            "1032": FailureCode.CANCELLED_BY_CUSTOMER, "1037": FailureCode.CUSTOMER_UNREACHABLE,
            "2028": FailureCode.SHORTCODE_MISCONFIGURED, "SFC_IC0003": FailureCode.SHORTCODE_MISCONFIGURED,
        }  # fmt: skip
        for code, failure_code in expected.items():
            found = lookup(code, Api.STK)
            assert found and found.failure
            with self.subTest(code=code):
                self.assertEqual(found.failure.code, failure_code)

    def test_undocumented_codes_have_no_meaning(self) -> None:
        for code in ("", "7777", "-1", "1032.0", "1032 ", "zero", "2040", "R000001", "4001", "100000012"):
            with self.subTest(code=code):
                self.assertIsNone(lookup(code, Api.STK))

    def test_letters_match_in_any_case(self) -> None:
        self.assertEqual(lookup("sfc_ic0003", Api.STK), lookup("SFC_IC0003", Api.STK))

    def test_only_success_completes(self) -> None:
        for (code, api), found in TABLE.items():
            with self.subTest(code=code, api=api):
                self.assertEqual(found.end is End.COMPLETED, code == "0")
                self.assertEqual(found.failure is None, found.end in (End.COMPLETED, End.PENDING, End.UNKNOWN))
                self.assertEqual(found.asks_first, found.kind is Kind.UNKNOWN)

    def test_every_bad_end_says_why_in_two_languages_and_what_to_do(self) -> None:
        for (code, api), found in TABLE.items():
            if found.end in (End.COMPLETED, End.PENDING, End.UNKNOWN):
                continue
            failure = found.failure
            assert failure
            with self.subTest(code=code, api=api):
                self.assertIsInstance(failure.code, FailureCode)
                self.assertIsInstance(failure.retry_advice, RetryAdvice)
                self.assertIs(decision(code, api, was_asked=True)[1], failure)
                for english, swahili in (
                    (failure.reason, failure.reason_sw),
                    (failure.customer_message, failure.customer_message_sw),
                ):
                    self.assertTrue(english and swahili and english != swahili)
                self.assertTrue(failure.merchant_action)

    def test_unknown_codes_end_unknown_by_every_api(self) -> None:
        for api in Api:
            documented_codes = {code for code, known in TABLE if known is api}
            for code in ("7777", "-1", "X", "1014", "100000012", *(code for code, _ in TABLE)):
                if code in documented_codes - {"1014"}:
                    continue
                for was_asked in (True, False):
                    with self.subTest(code=code, api=api, was_asked=was_asked):
                        self.assertEqual(decision(code, api, was_asked=was_asked), (OutcomeStatus.UNKNOWN, None))

    def test_doubtful_codes_decide_only_when_we_asked(self) -> None:
        for (code, api), found in TABLE.items():
            if found.asks_first:
                with self.subTest(code=code, api=api):
                    self.assertEqual(decision(code, api, was_asked=False), (OutcomeStatus.UNKNOWN, None))


class ReceiverWordsTests(unittest.TestCase):
    def assert_speaks_of_no_payer(self, failure: Failure) -> None:
        for text in (failure.reason, failure.reason_sw, failure.customer_message, failure.customer_message_sw):
            self.assertNotRegex(text, OF_PAYERS)
        self.assertNotRegex(failure.merchant_action, r"(?i)\bpayer|\bprompt")

    def test_results_of_our_own_orders(self) -> None:
        for (code, api), found in TABLE.items():
            if api in FROM_US and found.failure:
                with self.subTest(code=code, api=api):
                    self.assert_speaks_of_no_payer(found.failure)

    def test_what_was_written_for_receivers(self) -> None:
        for failure in vars(receiver_words).values():
            if isinstance(failure, Failure):
                with self.subTest(reason=failure.reason):
                    self.assert_speaks_of_no_payer(failure)
                    self.assertEqual(receiver_words.to_receiver(failure), failure)

    def test_setup_faults_and_a_busy_gateway(self) -> None:
        of_prompts = (words.CUSTOMER_BUSY, words.PHONE_REFUSED)
        for _, _, _, failure in gateway.ORDER_RULES + gateway.RULES:
            if failure and failure not in of_prompts:
                with self.subTest(reason=failure.reason):
                    self.assert_speaks_of_no_payer(receiver_words.to_receiver(failure))


class WordsTests(unittest.TestCase):
    def test_everybody_is_told_something_in_both_languages(self) -> None:
        for failure in all_failures():
            texts = (
                failure.reason, failure.reason_sw, failure.customer_message, failure.customer_message_sw,
                failure.merchant_action,
            )  # fmt: skip
            for text in texts:
                with self.subTest(code=failure.code, text=text):
                    self.assertRegex(text, r"^[A-Z].*\.$")
            self.assertNotEqual(failure.reason, failure.reason_sw)
            self.assertNotEqual(failure.customer_message, failure.customer_message_sw)

    def test_advice_fits_the_reason(self) -> None:
        for failure in all_failures():
            with self.subTest(reason=failure.reason):
                if failure.code in (FailureCode.CREDENTIALS_REJECTED, FailureCode.SHORTCODE_MISCONFIGURED):
                    self.assertIs(failure.retry_advice, RetryAdvice.FIX_SETUP)
                if failure.code in (FailureCode.PROVIDER_BUSY, FailureCode.CUSTOMER_BUSY):
                    self.assertIs(failure.retry_advice, RetryAdvice.WAIT)
                if failure.closes_as is not ClosesAs.FAILED:
                    self.assertIs(failure.retry_advice, RetryAdvice.ASK_CUSTOMER)


class CodeTextTests(unittest.TestCase):
    def test_codes_as_text(self) -> None:
        cases: list[tuple[Any, str | None]] = [
            (0, "0"), ("0", "0"), (" 0 ", "0"), (1032, "1032"), ("SFC_IC0003", "SFC_IC0003"), (Decimal("0.0"), "0.0"),
            (None, None), (True, None), (False, None), (0.0, None), ("", None), (" ", None), ([], None), ({}, None),
            ("x" * 21, None), ("é", None), ("0\x00", None),
        ]  # fmt: skip
        for value, text in cases:
            with self.subTest(value=value):
                self.assertEqual(code_text(value), text)

    def test_success_is_zeros_only(self) -> None:
        for code in ("0", "00", "00000000"):
            self.assertTrue(is_success(code))
        for code in ("", "0.0", "-0", "+0", "0x0", "O", "１", "1", "10", "01", "0 0", "false", "None"):
            with self.subTest(code=code):
                self.assertFalse(is_success(code))
