"""Results in all their spellings: what decides, what is only told, and whose money it was."""

import json
import unittest
from datetime import UTC, datetime
from typing import Any

from onpoint_pay.kit.money import Money
from providers.errors import CallbackMalformed
from providers.mpesa.codes import TABLE, Api
from providers.mpesa.results import DOORS, NOTICE_DOORS
from providers.mpesa.tests.shapes import CREDENTIAL, shape
from providers.mpesa.tests.test_result_shapes import CONVERSATION, ORIGINATOR, event_at
from providers.types import AccountBalance, CallbackEvent, ClosesAs, EventKind, FailureCode, Outcome, OutcomeStatus

NAMES = {
    "result-b2c": "b2c_result_success", "result-reversal": "reversal_result_success",
    "result-status": "transaction_status_result_completed", "result-balance": "account_balance_result",
}  # fmt: skip


def changed(door: str, **changes: Any) -> CallbackEvent:
    """The success of a door with parts of `Result` changed; a change to ... leaves the key out."""
    document = json.loads(shape(NAMES[door]))
    document["Result"] |= changes
    document["Result"] = {name: value for name, value in document["Result"].items() if value is not ...}
    return event_at(door, json.dumps(document).encode())


def told(door: str, *pairs: tuple[str, Any]) -> Outcome:
    """The outcome with these parameters; a value of ... leaves it out."""
    items = [{"Key": key} | ({} if value is ... else {"Value": value}) for key, value in pairs]
    return changed(door, ResultParameters={"ResultParameter": items}).outcome


class EnvelopeTests(unittest.TestCase):
    def test_the_code_decides_and_not_the_words(self) -> None:
        for door in ("result-b2c", "result-reversal"):
            with self.subTest(door=door):
                failed = changed(door, ResultCode=21, ResultDesc="The service request is processed successfully.")
                self.assertIs(failed.outcome.status, OutcomeStatus.FAILED)
                paid = changed(door, ResultCode="0", ResultDesc="Failed")
                self.assertIs(paid.outcome.status, OutcomeStatus.SUCCEEDED)

    def test_codes_as_numbers_and_text(self) -> None:
        for code in (0, "0", " 0 ", "00000000"):
            with self.subTest(code=code):
                self.assertIs(changed("result-b2c", ResultCode=code).outcome.status, OutcomeStatus.SUCCEEDED)
        self.assertIs(changed("result-b2c", ResultCode="0.0").outcome.status, OutcomeStatus.UNKNOWN)

    def test_codes_nobody_documented_decide_nothing(self) -> None:
        for door in DOORS:
            for code in (7777, "X9", -1, "1032", 4999):
                with self.subTest(door=door, code=code):
                    outcome = changed(door, ResultCode=code, ResultDesc="Something new").outcome
                    self.assertEqual((outcome.status, outcome.failure), (OutcomeStatus.UNKNOWN, None))
                    self.assertEqual((outcome.provider_code, outcome.provider_message), (str(code), "Something new"))

    def test_doubtful_codes_decide_nothing(self) -> None:
        for door, code in (
            ("result-b2c", 15), ("result-b2c", 19), ("result-b2c", 1014), ("result-b2c", 100000003),
            ("result-reversal", "R000001"), ("result-reversal", "r000001"),
        ):  # fmt: skip
            with self.subTest(door=door, code=code):
                self.assertIs(changed(door, ResultCode=code).outcome.status, OutcomeStatus.UNKNOWN)

    def test_every_code_of_the_table_by_its_door(self) -> None:
        for (code, api), meaning in TABLE.items():
            if api not in (Api.B2C, Api.REVERSAL):
                continue
            door = "result-b2c" if api is Api.B2C else "result-reversal"
            outcome = changed(door, ResultCode=code).outcome
            with self.subTest(code=code, door=door):
                self.assertEqual(outcome.failure, meaning.failure)
                self.assertEqual(outcome.status is OutcomeStatus.FAILED, meaning.failure is not None)
                self.assertEqual(outcome.status is OutcomeStatus.SUCCEEDED, code == "0")

    def test_one_of_the_two_ids_is_enough(self) -> None:
        event = changed("result-b2c", ConversationID=...)
        self.assertEqual((event.provider_reference, event.our_reference), ("", "600987_PO_01HF3Q7Z2M"))
        event = changed("result-b2c", OriginatorConversationID=None)
        self.assertEqual((event.provider_reference, event.our_reference), (CONVERSATION, None))

    def test_what_cannot_be_matched_is_malformed(self) -> None:
        cases: list[dict[str, Any]] = [
            {"ConversationID": ..., "OriginatorConversationID": ...}, {"ConversationID": "", "OriginatorConversationID": "a b"},
            {"ConversationID": 5, "OriginatorConversationID": ["x"]}, {"ResultCode": ...}, {"ResultCode": None},
            {"ResultCode": True}, {"ResultCode": []}, {"ResultCode": ""},
        ]  # fmt: skip
        for door in DOORS:
            for changes in cases:
                with self.subTest(door=door, changes=changes), self.assertRaises(CallbackMalformed):
                    changed(door, **changes)
            for body in (
                b"",
                b"{}",
                b"[]",
                b'{"Result":[]}',
                b'{"Result":null}',
                b'{"Body":{}}',
                b'{"Result":{},"Result":{}}',
            ):
                with self.subTest(door=door, body=body), self.assertRaises(CallbackMalformed):
                    event_at(door, body)

    def test_names_with_blanks(self) -> None:
        event = changed(
            "result-status",
            ConversationID=...,
            OriginatorConversationID=...,
            **{"Conversation ID": "AG_2", "Originator Conversation ID": "x-2"},
        )
        self.assertEqual((event.provider_reference, event.our_reference), ("AG_2", "x-2"))

    def test_the_same_result_by_another_door_is_another_claim(self) -> None:
        keys = {changed(door, ResultCode=1).dedupe_key for door in DOORS}
        self.assertEqual(len(keys), len(DOORS))
        self.assertNotEqual(
            changed("result-b2c", ResultCode=0).dedupe_key, changed("result-b2c", ResultCode=1).dedupe_key
        )
        self.assertEqual(
            changed("result-b2c", ResultCode=0).dedupe_key, changed("result-b2c", ResultCode="0").dedupe_key
        )


class ParameterTests(unittest.TestCase):
    def test_one_object_in_place_of_a_list(self) -> None:
        one = {"ResultParameter": {"Key": "TransactionAmount", "Value": 2500}}
        self.assertEqual(changed("result-b2c", ResultParameters=one).outcome.money, Money(250_000))

    def test_parameters_that_say_nothing(self) -> None:
        values: list[Any] = [
            ..., None, "", [], {}, {"ResultParameter": None}, {"ResultParameter": []}, {"ResultParameter": "x"},
            {"ResultParameter": [None, 5, "x", [], {}, {"Key": None}, {"Key": 5, "Value": 1}, {"Key": "Amount"}]},
        ]  # fmt: skip
        for value in values:
            with self.subTest(value=value):
                outcome = changed("result-b2c", ResultParameters=value).outcome
                self.assertIs(outcome.status, OutcomeStatus.SUCCEEDED)
                self.assertEqual((outcome.receipt, outcome.money), ("UKE4W9C1TF", None))

    def test_numbers_and_text_mean_the_same(self) -> None:
        for amount in (2500, "2500", "2500.00", " 2500.0 ", 2500.0):
            with self.subTest(amount=amount):
                self.assertEqual(told("result-b2c", ("TransactionAmount", amount)).money, Money(250_000))
        for amount in ("", "abc", "-2500", "2,500", 1e300, True, [], {}, None, ...):
            with self.subTest(amount=amount):
                self.assertIsNone(told("result-b2c", ("TransactionAmount", amount)).money)

    def test_times_in_both_spellings(self) -> None:
        at = datetime(2026, 11, 14, 9, 48, 52, tzinfo=UTC)
        for key, value in (
            ("TransactionCompletedDateTime", "14.11.2026 12:48:52"), ("TransCompletedTime", 20261114124852),
            ("TransCompletedTime", "20261114124852"), ("FinalisedTime", "20261114124852"), ("FinalizedTime", 20261114124852),
        ):  # fmt: skip
            with self.subTest(key=key, value=value):
                self.assertEqual(told("result-b2c", (key, value)).occurred_at, at)
        for value in ("14.13.2026 12:48:52", "2026-11-14", "", 5, ...):
            with self.subTest(value=value):
                self.assertIsNone(told("result-b2c", ("TransactionCompletedDateTime", value)).occurred_at)

    def test_placeholders_are_no_receipts(self) -> None:
        for transaction in ("UKE0000000", "OAK0000000", "0000000000", "", None, 5, ...):
            with self.subTest(transaction=transaction):
                outcome = changed("result-b2c", TransactionID=transaction, ResultParameters=...).outcome
                self.assertIsNone(outcome.receipt)
        self.assertIsNone(changed("result-b2c", ResultCode=1).outcome.receipt)

    def test_the_receiver_of_a_payout(self) -> None:
        for name, phone in (
            ("254708374149 - AMINA WAIRIMU OTIENO", "254708374149"), ("254708374149", "254708374149"),
            ("0708374149 - AMINA", "254708374149"), ("2547****149 - AMINA", None), ("AMINA", None), ("", None),
        ):  # fmt: skip
            with self.subTest(name=name):
                outcome = told("result-b2c", ("ReceiverPartyPublicName", name))
                self.assertEqual((outcome.phone, outcome.details.get("receiver_phone")), (phone, phone))


class StatusTests(unittest.TestCase):
    def fate(self, word: Any) -> Outcome:
        return told("result-status", ("TransactionStatus", word), ("ReceiptNo", "UKE7Q2M9XB"), ("Amount", 1500))

    def test_fates(self) -> None:
        for word, status, closes_as in (
            ("Completed", OutcomeStatus.SUCCEEDED, None), ("completed ", OutcomeStatus.SUCCEEDED, None),
            ("Declined", OutcomeStatus.FAILED, ClosesAs.FAILED), ("Cancelled", OutcomeStatus.FAILED, ClosesAs.CANCELLED),
            ("Expired", OutcomeStatus.FAILED, ClosesAs.EXPIRED), ("Authorized", OutcomeStatus.PENDING, None),
            ("Pending Authorized", OutcomeStatus.PENDING, None), ("Initiated", OutcomeStatus.PENDING, None),
            ("Something new", OutcomeStatus.PENDING, None), ("Not Completed", OutcomeStatus.PENDING, None),
        ):  # fmt: skip
            with self.subTest(word=word):
                outcome = self.fate(word)
                self.assertIs(outcome.status, status)
                self.assertEqual(outcome.failure.closes_as if outcome.failure else None, closes_as)
                self.assertEqual((outcome.receipt, outcome.money), ("UKE7Q2M9XB", Money(150_000)))
                self.assertEqual(outcome.details["transaction_status"], word.strip())

    def test_only_the_word_itself_says_that_the_money_went_back(self) -> None:
        for word, is_reversed in (
            ("Reversed", True),
            ("reversed ", True),
            ("Completed", False),
            ("Not Reversed", False),
        ):
            with self.subTest(word=word):
                self.assertIs(self.fate(word).is_reversed, is_reversed)
        self.assertIs(self.fate("Reversed").status, OutcomeStatus.PENDING)
        self.assertFalse(changed("result-b2c", ResultCode="R000001").outcome.is_reversed)

    def test_no_fate_decides_nothing(self) -> None:
        for word in (..., "", None, []):
            with self.subTest(word=word):
                outcome = self.fate(word)
                self.assertEqual((outcome.status, outcome.receipt), (OutcomeStatus.UNKNOWN, None))

    def test_a_question_that_failed_tells_nothing_about_the_transaction(self) -> None:
        for code in (1, 21, 25, 2001, "SFC_IC0003", 7777):
            with self.subTest(code=code):
                outcome = changed("result-status", ResultCode=code, ResultDesc="x").outcome
                self.assertEqual((outcome.status, outcome.failure), (OutcomeStatus.UNKNOWN, None))
                self.assertEqual((outcome.receipt, outcome.money), (None, None))
                self.assertFalse(outcome.is_unknown_there)

    def test_a_transaction_that_is_not_there(self) -> None:
        for code, message, is_unknown in (
            (7777, "The transaction does not exist", True), (7777, "Transaction not found.", True),
            (7777, "The transaction receipt number does not exist.", True), ("R000002", "The OriginalTransactionID is invalid.", True),
            (7777, "Original conversation ID could not be found", True),
            (7777, "The initiator of the transaction does not exist", False), (7777, "Receiver party not found", False),
            (2001, "The initiator information is invalid.", False), (7777, "", False), (0, "The transaction does not exist", False),
        ):  # fmt: skip
            with self.subTest(code=code, message=message):
                outcome = changed("result-status", ResultCode=code, ResultDesc=message, ResultParameters=...).outcome
                self.assertEqual((outcome.status, outcome.is_unknown_there), (OutcomeStatus.UNKNOWN, is_unknown))

    def test_what_was_taken_for_sending(self) -> None:
        ours = ("DebitPartyName", "600987 - ONPOINT DEMO")
        for value, minor in (
            ("Fee For B2C Payment|KES|33.00", 33_00), ("Fee For B2C Payment|KES|22.4", 22_40),
            ("Fee For B2C Payment|KES|33.00&Excise|KES|4.95", 37_95), ("Fee|KES|0.00", 0),
            ("", None), (..., None), ("33.00", None), ("Fee|USD|33.00", None), ("Fee|KES|x", None),
            ("Fee|KES|33.00&Excise", None), ("Fee|KES|-33.00", None), ([], None),
        ):  # fmt: skip
            with self.subTest(value=value):
                outcome = told("result-status", ("TransactionStatus", "Completed"), ours, ("DebitPartyCharges", value))
                self.assertEqual(outcome.fee, None if minor is None else Money(minor))
        theirs = ("DebitPartyName", "254708374149 - AMINA OTIENO")
        charge = ("DebitPartyCharges", "Fee|KES|33.00")
        self.assertIsNone(told("result-status", ("TransactionStatus", "Completed"), theirs, charge).fee)

    def parties(self, *pairs: tuple[str, Any]) -> dict[str, str]:
        outcome = told("result-status", ("TransactionStatus", "Completed"), *pairs)
        names = ("payer_phone", "receiver_phone", "debit_shortcode", "credit_shortcode", "shortcode")
        return {name: outcome.details[name] for name in names if name in outcome.details}

    def test_money_in_and_money_out_are_told_apart(self) -> None:
        customer, business = "254708374149 - AMINA OTIENO", "600987 - ONPOINT DEMO"
        self.assertEqual(
            self.parties(("DebitPartyName", customer), ("CreditPartyName", business)),
            {"payer_phone": "254708374149", "credit_shortcode": "600987", "shortcode": "600987"},
        )
        self.assertEqual(
            self.parties(("DebitPartyName", business), ("CreditPartyName", customer)),
            {"receiver_phone": "254708374149", "debit_shortcode": "600987", "shortcode": "600987"},
        )
        self.assertEqual(
            self.parties(("DebitPartyName", "5204861 - OTHER"), ("CreditPartyName", business)),
            {"debit_shortcode": "5204861", "credit_shortcode": "600987", "shortcode": "600987"},
        )

    def test_of_two_debit_parties_the_second_is_credited(self) -> None:
        customer, business = "254708374149 - AMINA OTIENO", "600987 - ONPOINT DEMO"
        expected = {"payer_phone": "254708374149", "credit_shortcode": "600987", "shortcode": "600987"}
        self.assertEqual(self.parties(("DebitPartyName", customer), ("DebitPartyName", business)), expected)
        third = ("DebitPartyName", "999999 - THIRD")
        self.assertEqual(self.parties(("DebitPartyName", customer), ("DebitPartyName", business), third), expected)
        self.assertEqual(
            self.parties(("DebitPartyName", ...), ("DebitPartyName", business)),
            {"credit_shortcode": "600987", "shortcode": "600987"},
        )

    def test_names_without_numbers_tell_nothing(self) -> None:
        for name in ("ONPOINT DEMO", "- 600987", "600987ONPOINT", "60 - X", "2547****149 - AMINA", 600987, ...):
            with self.subTest(name=name):
                self.assertEqual(self.parties(("CreditPartyName", name)), {})


class BalanceTests(unittest.TestCase):
    def balances(self, text: Any) -> tuple[AccountBalance, ...]:
        return changed(
            "result-balance", ResultParameters={"ResultParameter": {"Key": "AccountBalance", "Value": text}}
        ).balances

    def test_accounts(self) -> None:
        (account,) = self.balances("Merchant Account|KES|-10.50|7|3.00|0.00")
        self.assertEqual(account, AccountBalance(name="Merchant Account", current=Money(-1_050), available=Money(700)))

    def test_an_account_that_cannot_be_read_is_not_an_empty_one(self) -> None:
        for text in ("Working Account|KES||5.00|0|0", "Working Account|KES|abc|5.00", "|KES|5|5", "Working Account|ksh|5|5",
                     "Working Account|KES|5", "", 5, None, []):  # fmt: skip
            with self.subTest(text=text):
                self.assertEqual(self.balances(text), ())
        (account,) = self.balances("Working Account|KES|?|?|0|0&Utility Account|KES|5.00|5.00|0|0")
        self.assertEqual(account.name, "Utility Account")

    def test_a_success_that_tells_no_balance_is_none(self) -> None:
        event = changed("result-balance", ResultParameters=...)
        self.assertEqual((event.outcome.status, event.balances), (OutcomeStatus.UNKNOWN, ()))

    def test_a_refused_question(self) -> None:
        event = changed("result-balance", ResultCode=2001)
        assert event.outcome.failure
        self.assertEqual((event.outcome.status, event.balances), (OutcomeStatus.FAILED, ()))
        self.assertIs(event.outcome.failure.code, FailureCode.CREDENTIALS_REJECTED)


class NoticeTests(unittest.TestCase):
    def echo(self, door: str, **request: Any) -> CallbackEvent:
        body = {"SecurityCredential": CREDENTIAL, "CommandID": "X"} | request
        return event_at(door, json.dumps(body).encode())

    def test_our_reference_is_found_in_every_request(self) -> None:
        for door, request, reference in (
            ("timeout-b2c", {"OriginatorConversationID": "PO1-1", "Occassion": "business"}, "PO1-1"),
            ("timeout-reversal", {"TransactionID": "UKE7Q2M9XB", "Occasion": "REF1-1"}, "REF1-1"),
            ("timeout-status", {"OriginatorConversationID": "PO1-1", "Occasion": "ASK3"}, "ASK3"),
            ("timeout-balance", {"Remarks": "ASK1"}, "ASK1"),
            ("timeout-b2c", {}, None),
            ("timeout-b2c", {"OriginatorConversationID": 5}, None),
        ):
            with self.subTest(door=door, request=request):
                event = self.echo(door, **request)
                self.assertEqual((event.kind, event.our_reference), (EventKind.NOTICE, reference))
                self.assertEqual((event.outcome.status, event.provider_reference), (OutcomeStatus.UNKNOWN, ""))

    def test_notices_without_a_reference_are_told_apart(self) -> None:
        first, again, other = (self.echo("timeout-b2c", Amount=amount) for amount in ("10", "10", "20"))
        self.assertEqual(first.dedupe_key, again.dedupe_key)
        self.assertNotEqual(first.dedupe_key, other.dedupe_key)

    def test_even_a_success_at_a_timeout_door_is_only_a_notice(self) -> None:
        for door in NOTICE_DOORS:
            with self.subTest(door=door):
                event = event_at(door, shape("b2c_result_success"))
                self.assertEqual((event.kind, event.outcome.status), (EventKind.NOTICE, OutcomeStatus.UNKNOWN))
                self.assertEqual((event.outcome.receipt, event.outcome.money), (None, None))

    def test_the_credential_is_kept_in_no_spelling(self) -> None:
        for body in (
            json.dumps({"CommandID": "X", "SecurityCredential": CREDENTIAL}, indent=8),
            '{"CommandID": "X", "Security\\u0043redential"  :\t\n  "' + CREDENTIAL + '"}',
            json.dumps({"CommandID": "X", "security credential": [CREDENTIAL]}),
            json.dumps(
                {"Result": {"ResultCode": 1, "ConversationID": "AG_1"}, "SecurityCredential": {"a": CREDENTIAL}}
            ),
        ):
            with self.subTest(body=body):
                self.assertNotIn(CREDENTIAL.encode(), event_at("timeout-b2c", body.encode()).outcome.raw)

    def test_anything_else_is_malformed(self) -> None:
        for body in (b"", b"{}", b"[]", b'{"CommandID":""}', b'{"CommandID":[]}', b'{"Result":{}}', b'{"Result":null}',
                     shape("stk_callback_success"), shape("c2b_confirmation_v1")):  # fmt: skip
            for door in NOTICE_DOORS:
                with self.subTest(door=door, body=body), self.assertRaises(CallbackMalformed):
                    event_at(door, body)

    def test_what_was_asked_back(self) -> None:
        event = self.echo("timeout-reversal", TransactionID="UKE7Q2M9XB", Amount="1500", ReceiverParty="600987")
        self.assertEqual(
            event.outcome.details, {"command": "X", "original_receipt": "UKE7Q2M9XB", "shortcode": "600987"}
        )
        self.assertEqual(event.outcome.money, Money(150_000))


class WordsTests(unittest.TestCase):
    def test_words_are_fit_to_be_stored(self) -> None:
        outcome = changed("result-b2c", ResultCode=1, ResultDesc="a\x07b\r\n254708374149 " + "x" * 1000).outcome
        assert outcome.provider_message
        self.assertTrue(outcome.provider_message.startswith("a b  2547****4149 xxx"))
        self.assertEqual(len(outcome.provider_message), 300)

    def test_what_is_kept_is_masked(self) -> None:
        for door in DOORS:
            kept = changed(door).outcome.raw
            self.assertNotIn(b"708374149", kept)
            self.assertTrue(kept)

    def test_the_ids_are_in_the_details(self) -> None:
        details = changed("result-status").outcome.details
        self.assertEqual(
            (details["conversation_id"], details["originator_conversation_id"]), (CONVERSATION, ORIGINATOR)
        )
