"""M-Pesa's list of money received: every known body, its oddities, and that a bad list is never an empty one."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

from onpoint_pay.kit.money import Money
from onpoint_pay.kit.tests.local_server import Reply, answer, json_answer, reset
from providers.errors import NotSupported, ProviderTimeout, ProviderUnavailable
from providers.mpesa.statement import PAGE_ROWS, pull_document
from providers.mpesa.tests.shapes import make_config, shape
from providers.mpesa.tests.test_shapes import AT, ShapeTestCase
from providers.types import StatementLine

TOKEN = answer(200, shape("oauth_generate_success"))
START, END = datetime(2026, 11, 14, 5, 36, tzinfo=UTC), datetime(2026, 11, 14, 7, 10, tzinfo=UTC)
ROW = {
    "transactionId": "UKE7Q2M9XB", "trxDate": "2026-11-14T10:31:02Z", "msisdn": 708374149, "sender": "AMINA",
    "transactiontype": "c2b-pay-bill-debit", "billreference": "INV-20418", "amount": "1500.00",
    "organizationname": "ONPOINT DEMO",
}  # fmt: skip
LINE = StatementLine(
    receipt="UKE7Q2M9XB",
    money=Money(150_000),
    occurred_at=datetime(2026, 11, 14, 7, 31, 2, tzinfo=UTC),
    account_reference="INV-20418",
    phone="254708374149",
    description="c2b-pay-bill-debit",
)
EMPTY = answer(200, shape("pull_query_response_empty"))


def page(*rows: Any, code: object = "1000") -> Reply:
    return json_answer({"ResponseCode": code, "ResponseMessage": "Success", "Response": [list(rows)]})


def full_page(number: int) -> Reply:
    return page(*(ROW | {"transactionId": f"UKE{number:03}{row:04}"} for row in range(PAGE_ROWS)))


class StatementTestCase(ShapeTestCase):
    def fetch(self, *replies: Reply) -> list[StatementLine]:
        return self.provider(TOKEN, *replies).fetch_statement(START, END)

    def fetch_row(self, **changes: Any) -> StatementLine:
        """The line of ROW with changes; a change to None leaves the key out."""
        (line,) = self.fetch(page({name: value for name, value in (ROW | changes).items() if value is not None}))
        return line

    def assert_unavailable(self, *replies: Reply) -> None:
        with self.assertRaises(ProviderUnavailable):
            self.fetch(*replies)


class ShapeTests(StatementTestCase):
    def test_pull_query_request(self) -> None:
        self.fetch(EMPTY)
        seen = self.server.received[1]
        self.assertEqual((seen.method, seen.path), ("POST", "/pulltransactions/v1/query"))
        self.assertEqual(seen.json(), json.loads(shape("pull_query_request")))

    def test_pull_query_response(self) -> None:
        first, second = self.fetch(answer(200, shape("pull_query_response")))
        self.assertEqual(first, LINE)
        self.assertEqual((second.receipt, second.money), ("UKE3M8T4ZC", Money(75_000)))

    def test_pull_query_response_empty(self) -> None:
        self.assertEqual(self.fetch(EMPTY), [])

    def test_a_window_is_widened_to_whole_seconds(self) -> None:
        part = timedelta(microseconds=1)
        document = pull_document(make_config(), start=START + part, end=END + part, offset=100)
        self.assertEqual(document["StartDate"], "2026-11-14 08:36:00")
        self.assertEqual(document["EndDate"], "2026-11-14 10:10:01")
        self.assertEqual(document["OffSetValue"], "100")

    def test_a_line_shows_no_phone(self) -> None:
        self.assertNotIn("708374149", repr(LINE))


class OddityTests(StatementTestCase):
    def test_forms_of_the_list(self) -> None:
        for response in ([[ROW]], [ROW], [[], [ROW]]):
            for code in ("1000", 1000):
                with self.subTest(response=response, code=code):
                    got = self.fetch(json_answer({"ResponseCode": code, "Response": response}))
                    self.assertEqual(got, [LINE])

    def test_names_with_blanks_and_in_other_case(self) -> None:
        row = {name.upper(): value for name, value in ROW.items()}
        self.assertEqual(self.fetch(json_answer({"Response Code": "1000", "Response": [[row]]})), [LINE])

    def test_forms_of_nothing(self) -> None:
        for more in ({}, {"Response": None}, {"Response": []}, {"Response": [[]]}):
            with self.subTest(more=more):
                self.assertEqual(self.fetch(json_answer({"ResponseCode": 1001} | more)), [])

    def test_phones(self) -> None:
        for value, phone in (
            (708374149, "254708374149"), ("708374149", "254708374149"), (254708374149, "254708374149"),
            ("254708374149", "254708374149"), (110000001, "254110000001"), ("2547 ***** 149", None), ("", None),
            ("1a2b3c4d5e6f708374149a0b1c2d3e4f5061728394a5b6c7d8e9f00112233445", None), (None, None), (7, None),
            (True, None), ([708374149], None),
        ):  # fmt: skip
            with self.subTest(value=value):
                self.assertEqual(self.fetch_row(msisdn=value).phone, phone)

    def test_amounts(self) -> None:
        for value, minor in (
            ("1500.00", 150_000),
            ("1500", 150_000),
            (1500, 150_000),
            (1500.5, 150_050),
            (" 10.5 ", 1_050),
        ):
            with self.subTest(value=value):
                self.assertEqual(self.fetch_row(amount=value).money, Money(minor))

    def test_times(self) -> None:
        for value in ("2026-11-14T10:31:02Z", "2026-11-14T10:31:02", "2026-11-14 10:31:02", "2026-11-14T10:31:02.000Z"):
            with self.subTest(value=value):
                self.assertEqual(self.fetch_row(trxDate=value).occurred_at, LINE.occurred_at)
        for value in ("2026-13-14T10:31:02Z", "14.11.2026", "2026-11-14T10:31:02+00:00", 20261114103102, "", None):
            with self.subTest(value=value):
                self.assertIsNone(self.fetch_row(trxDate=value).occurred_at)

    def test_references(self) -> None:
        for value, reference in (("INV-20418", "INV-20418"), (20418, "20418"), (None, ""), ([], "")):
            with self.subTest(value=value):
                self.assertEqual(self.fetch_row(billreference=value).account_reference, reference)

    def test_a_row_without_a_receipt_is_left_out(self) -> None:
        for value in ("", " ", None):
            with self.subTest(value=value):
                self.assertEqual(self.fetch(page(ROW | {"transactionId": value}, ROW)), [LINE])


class UnreadableTests(StatementTestCase):
    def setUp(self) -> None:
        super().setUp()
        # These answers do not get better by asking again.
        self.enterContext(mock.patch("providers.mpesa.provider.PAGE_PAUSES", ()))

    def test_an_unreadable_amount_spoils_the_whole_list(self) -> None:
        for value in ("", "abc", "-5", "1,500.00", "1.005", None, True, [], {}):
            with self.subTest(value=value):
                self.assert_unavailable(page(ROW, ROW | {"transactionId": "UKE3M8T4ZC", "amount": value}))
        self.assert_unavailable(page({"transactionId": "UKE3M8T4ZC"}))

    def test_an_unreadable_receipt_does_too(self) -> None:
        self.assert_unavailable(page(ROW | {"transactionId": "no receipt"}))

    def test_other_answers_are_not_an_empty_list(self) -> None:
        documents: list[dict[str, Any]] = [
            {}, {"Response": [[]]}, {"Response": [[ROW]]}, {"ResponseCode": "0", "Response": [[ROW]]},
            {"ResponseCode": "1002", "Response": [[]]}, {"ResponseCode": "1000"}, {"ResponseCode": "1000", "Response": [[]]},
            {"ResponseCode": "1000", "Response": "none"}, {"ResponseCode": "1000", "Response": [[ROW, "x"]]},
            {"ResponseCode": "1000", "Response": {"0": [ROW]}}, {"ResponseCode": "1001", "Response": [[ROW]]},
            {"ResponseCode": "1001", "Response": "x"}, {"ResponseCode": "1001", "errorCode": "500.003.1001"},
            {"ResponseCode": True}, {"ResponseCode": None},
        ]  # fmt: skip
        for document in documents:
            with self.subTest(document=document):
                self.assert_unavailable(json_answer(document))

    def test_errors(self) -> None:
        for status, name in (
            (500, "error_internal_500_003_1001"), (500, "error_spike_arrest_500_003_02"),
            (429, "error_gateway_fault_rate_limit"), (401, "error_no_apiproduct_match_401_003_01"),
            (400, "error_bad_request_400_003_02"), (500, "pull_query_response"), (503, "pull_query_response_empty"),
        ):  # fmt: skip
            with self.subTest(name=name):
                self.assert_unavailable(answer(status, shape(name)))

    def test_a_refused_token_is_renewed_once(self) -> None:
        refused = answer(400, shape("error_invalid_access_token_400_003_01"))
        self.assertEqual(self.fetch(refused, TOKEN, page(ROW)), [LINE])
        self.assert_unavailable(refused, TOKEN, refused)

    def test_refused_credentials_and_lost_answers(self) -> None:
        with self.assertRaises(ProviderUnavailable):
            self.provider(answer(400)).fetch_statement(START, END)
        with self.assertRaises(ProviderTimeout):
            self.fetch(reset)

    def test_what_lies_too_far_back_is_not_asked_for(self) -> None:
        with self.assertRaises(NotSupported):
            self.provider(TOKEN).fetch_statement(AT - timedelta(hours=48, seconds=1), AT)
        self.assertEqual(self.server.received, [])


class PageTests(StatementTestCase):
    def offsets(self) -> list[str]:
        return [seen.json()["OffSetValue"] for seen in self.server.received[1:]]

    def test_pages_until_one_is_not_full(self) -> None:
        self.assertEqual(len(self.fetch(full_page(0), full_page(1), page(ROW))), 201)
        self.assertEqual(self.offsets(), ["0", "100", "200"])

    def test_a_page_without_an_answer_is_asked_for_again(self) -> None:
        self.enterContext(mock.patch("providers.mpesa.provider.PAGE_PAUSES", (0, 0)))
        busy = json_answer({"errorCode": "500.003.02", "errorMessage": "Error Occurred: Spike Arrest Violation"}, 500)
        self.assertEqual(len(self.fetch(full_page(0), busy, reset, page(ROW))), 101)
        self.assertEqual(self.offsets(), ["0", "100", "100", "100"])

    def test_a_last_page_that_is_full(self) -> None:
        self.assertEqual(len(self.fetch(full_page(0), EMPTY)), 100)

    def test_a_row_on_two_pages_is_one_line(self) -> None:
        self.assertEqual(len(self.fetch(full_page(0), page(ROW | {"transactionId": "UKE0000007"}, ROW))), 101)

    def test_a_failing_page_spoils_the_list(self) -> None:
        self.assert_unavailable(full_page(0), answer(500))

    def test_a_page_that_comes_again_and_again(self) -> None:
        self.assert_unavailable(full_page(0), full_page(0))
        self.assertEqual(self.offsets(), ["0", "100"])

    def test_a_list_without_end(self) -> None:
        self.enterContext(mock.patch("providers.mpesa.provider.MOST_PAGES", 20))
        self.assert_unavailable(*(full_page(number) for number in range(21)))
        self.assertEqual(len(self.offsets()), 20)
