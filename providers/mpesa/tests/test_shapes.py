"""Every body of prompts and of the gateway, played by a real server or sent to the door: what we make of each."""

import json
import unittest
from datetime import UTC, datetime
from typing import Any
from unittest import mock

from onpoint_pay.kit import clock
from onpoint_pay.kit.http import HttpClient
from onpoint_pay.kit.money import Money
from onpoint_pay.kit.tests.local_server import LocalServer, Reply, answer
from providers.errors import ProviderRejected, ProviderTimeout
from providers.mpesa.mapping import password, push_callback
from providers.mpesa.provider import MpesaProvider
from providers.mpesa.tests.shapes import CHECKOUT_ID, MERCHANT_REQUEST_ID, make_config, shape
from providers.tests.tokens import PlainTokens
from providers.types import ChargeRequest, ClosesAs, FailureCode, Outcome, OutcomeStatus, QueryRequest

TOKEN = "p4tYkq0Gd7mZsB1wRc9VnE2uLhXa"
# The passkey whose passwords stand in the request shapes.
PASSKEY = "b1946ac92492d2347c6235b4d2611184a1b2c3d4e5f60718293a4b5c6d7e8f90"
AT = datetime(2026, 11, 14, 7, 30, 45, tzinfo=UTC)
UNCLEAR = "unclear"

# What a push makes of an answer: the HTTP status it comes with, then the failure or UNCLEAR.
PUSH_ERRORS: dict[str, tuple[int, FailureCode | str]] = {
    "stk_push_error_invalid_amount": (400, FailureCode.VALIDATION_REFUSED),
    "stk_push_error_invalid_callback_url": (400, FailureCode.SHORTCODE_MISCONFIGURED),
    "stk_push_error_merchant_does_not_exist": (500, FailureCode.SHORTCODE_MISCONFIGURED),
    "stk_push_error_missing_description": (400, FailureCode.VALIDATION_REFUSED),
    "stk_push_error_subscriber_locked": (500, FailureCode.CUSTOMER_BUSY),
    "stk_push_error_wrong_credentials": (500, FailureCode.CREDENTIALS_REJECTED),
    "stk_query_pending_500": (500, UNCLEAR),
    "error_bad_request_400_003_02": (400, FailureCode.VALIDATION_REFUSED),
    "error_bad_request_invalid_field_400_002_02": (400, FailureCode.INVALID_ACCOUNT),
    "error_duplicate_originator_500_002_1001": (500, UNCLEAR),
    "error_gateway_fault_rate_limit": (429, FailureCode.PROVIDER_BUSY),
    "error_internal_500_003_1001": (500, UNCLEAR),
    "error_invalid_authentication_header_404_001_04": (404, FailureCode.VALIDATION_REFUSED),
    "error_invalid_request_payload_400_002_05": (400, FailureCode.VALIDATION_REFUSED),
    "error_method_not_allowed_405_001": (405, FailureCode.VALIDATION_REFUSED),
    "error_no_apiproduct_match_401_003_01": (401, FailureCode.SHORTCODE_MISCONFIGURED),
    "error_quota_violation_500_003_03": (500, FailureCode.PROVIDER_BUSY),
    "error_resource_not_found_404_001_01": (404, FailureCode.SHORTCODE_MISCONFIGURED),
    "error_soap_fault_register_url": (500, UNCLEAR),
    "error_spike_arrest_500_003_02": (500, FailureCode.PROVIDER_BUSY),
    "error_system_busy_500_003_02": (500, FailureCode.PROVIDER_BUSY),
}
TOKEN_REFUSALS = {
    "error_invalid_access_token_400_003_01": (400,),
    "error_invalid_access_token_401_002_01": (401,),
    "error_invalid_access_token_404_001_03": (404, 401),
}
ACCEPTED = {
    "stk_push_response_accepted": CHECKOUT_ID,
    "stk_push_response_accepted_legacy_ids": "ws_CO_191220191020363925",
}
TOKENS = ("oauth_generate_success", "oauth_generate_success_numeric_expiry")
TOKEN_ERRORS = ("oauth_error_invalid_auth_type", "oauth_error_invalid_grant_type")
QUERIES: dict[str, tuple[int, OutcomeStatus, FailureCode | None]] = {
    "stk_query_cancelled": (200, OutcomeStatus.FAILED, FailureCode.CANCELLED_BY_CUSTOMER),
    "stk_query_pending_4999": (200, OutcomeStatus.PENDING, None),
    "stk_query_pending_500": (500, OutcomeStatus.PENDING, None),
    "stk_query_sandbox_foreign_number": (200, OutcomeStatus.FAILED, FailureCode.DECLINED),
    "stk_query_success": (200, OutcomeStatus.SUCCEEDED, None),
    "stk_query_timeout": (200, OutcomeStatus.FAILED, FailureCode.CUSTOMER_UNREACHABLE),
}
STATEMENTS = ("pull_query_request", "pull_query_response", "pull_query_response_empty")
CALLBACKS_PAID = ("stk_callback_success", "stk_callback_success_documented")
CALLBACKS_FAILED = {
    "stk_callback_failed_cancelled": (FailureCode.CANCELLED_BY_CUSTOMER, ClosesAs.CANCELLED),
    "stk_callback_failed_expired": (FailureCode.PROMPT_EXPIRED, ClosesAs.EXPIRED),
    "stk_callback_failed_insufficient_funds": (FailureCode.INSUFFICIENT_FUNDS, ClosesAs.FAILED),
    "stk_callback_failed_operator_missing": (FailureCode.SHORTCODE_MISCONFIGURED, ClosesAs.FAILED),
    "stk_callback_failed_product_not_assigned": (FailureCode.SHORTCODE_MISCONFIGURED, ClosesAs.FAILED),
    "stk_callback_failed_push_failed": (FailureCode.PROVIDER_BUSY, ClosesAs.FAILED),
    "stk_callback_failed_rule_limited": (FailureCode.DUPLICATE_REQUEST, ClosesAs.FAILED),
    "stk_callback_failed_subscriber_locked": (FailureCode.CUSTOMER_BUSY, ClosesAs.FAILED),
    "stk_callback_failed_timeout_no_response": (FailureCode.CUSTOMER_UNREACHABLE, ClosesAs.EXPIRED),
    "stk_callback_failed_timeout_unreachable": (FailureCode.CUSTOMER_UNREACHABLE, ClosesAs.EXPIRED),
    "stk_callback_failed_wrong_pin": (FailureCode.WRONG_PIN, ClosesAs.FAILED),
}
CALLBACKS_IN_DOUBT = ("stk_callback_failed_smsc_ack_timeout", "stk_callback_failed_system_error")
REQUESTS = ("stk_push_request_paybill", "stk_push_request_till", "stk_query_request", "oauth_generate_request")
PLAYED_HERE = {
    *PUSH_ERRORS, *TOKEN_REFUSALS, *ACCEPTED, *TOKENS, *TOKEN_ERRORS, *QUERIES, *CALLBACKS_PAID, *CALLBACKS_FAILED,
    *CALLBACKS_IN_DOUBT, *REQUESTS, *STATEMENTS,
}  # fmt: skip


def make_request() -> ChargeRequest:
    return ChargeRequest(
        reference="TXN1-1",
        amount=Money(150_000),
        phone="254708374149",
        account_reference="INV-20418",
        description="Order 20418",
        callback_url="https://pay.example.co.ke/api/v1/hooks/5f0c9a61e27b4d3ca8417f20/collect",
        payee="Duka Bora",
    )


class ShapeTestCase(unittest.TestCase):
    def setUp(self) -> None:
        self.server = self.enterContext(LocalServer())
        self.http = HttpClient("shapes", allow_private=True)
        self.addCleanup(self.http.close)
        self.enterContext(mock.patch.object(clock, "now", return_value=AT))

    def provider(self, *replies: Reply, **changes: Any) -> MpesaProvider:
        self.server.received.clear()
        self.server.script(*replies)
        known = {"consumer_key": "demoKey", "consumer_secret": "demoSecret", "passkey": PASSKEY}
        config = make_config(self.server.url, **(known | changes))
        return MpesaProvider(config, tokens=PlainTokens(), http=self.http)

    def push(self, *replies: Reply) -> Outcome:
        return self.provider(answer(200, shape("oauth_generate_success")), *replies).charge(make_request())

    def ask(self, *replies: Reply) -> Outcome:
        request = QueryRequest(provider_reference=CHECKOUT_ID, amount=Money(150_000))
        return self.provider(answer(200, shape("oauth_generate_success")), *replies).query(request)


class PushTests(ShapeTestCase):
    def test_accepted(self) -> None:
        for name, checkout_id in ACCEPTED.items():
            with self.subTest(name=name):
                outcome = self.push(answer(200, shape(name)))
                self.assertIs(outcome.status, OutcomeStatus.PENDING)
                self.assertEqual(outcome.provider_reference, checkout_id)
                self.assertEqual(outcome.details["checkout_request_id"], checkout_id)
                self.assertEqual(outcome.details["shortcode"], "600987")

    def test_errors(self) -> None:
        for name, (status, expected) in PUSH_ERRORS.items():
            with self.subTest(name=name), self.assertRaises((ProviderRejected, ProviderTimeout)) as raised:
                self.push(answer(status, shape(name)))
            error = raised.exception
            with self.subTest(name=name):
                got = error.failure.code if isinstance(error, ProviderRejected) else UNCLEAR
                self.assertEqual(got, expected)
                self.assertEqual(len(self.server.received), 2)

    def test_errors_under_http_200_mean_the_same(self) -> None:
        for name, (_, expected) in PUSH_ERRORS.items():
            with self.subTest(name=name), self.assertRaises((ProviderRejected, ProviderTimeout)) as raised:
                self.push(answer(200, shape(name)))
            error = raised.exception
            with self.subTest(name=name):
                self.assertEqual(error.failure.code if isinstance(error, ProviderRejected) else UNCLEAR, expected)

    def test_a_refused_token_is_renewed_once_and_the_push_repeated_once(self) -> None:
        fresh = answer(200, b'{"access_token":"second","expires_in":"3599"}')
        for name, statuses in TOKEN_REFUSALS.items():
            for status in statuses:
                with self.subTest(name=name, status=status):
                    outcome = self.push(
                        answer(status, shape(name)), fresh, answer(200, shape("stk_push_response_accepted"))
                    )
                    self.assertIs(outcome.status, OutcomeStatus.PENDING)
                    bearers = [seen.headers["authorization"] for seen in self.server.received if seen.method == "POST"]
                    self.assertEqual(bearers, [f"Bearer {TOKEN}", "Bearer second"])

    def test_a_token_refused_twice_is_a_refusal_that_shows_no_token(self) -> None:
        for name, (status, *_) in TOKEN_REFUSALS.items():
            refused = answer(status, shape(name))
            with self.subTest(name=name), self.assertRaises(ProviderRejected) as raised:
                self.push(refused, answer(200, shape("oauth_generate_success")), refused)
            with self.subTest(name=name):
                self.assertEqual(raised.exception.failure.code, FailureCode.CREDENTIALS_REJECTED)
                self.assertEqual(len(self.server.received), 4)
                self.assertNotIn(TOKEN, f"{raised.exception} {raised.exception.outcome} {raised.exception.raw!r}")


class QueryTests(ShapeTestCase):
    def test_answers(self) -> None:
        for name, (status, expected, failure_code) in QUERIES.items():
            with self.subTest(name=name):
                outcome = self.ask(answer(status, shape(name)))
                self.assertIs(outcome.status, expected)
                self.assertEqual(outcome.failure.code if outcome.failure else None, failure_code)
                self.assertEqual((outcome.provider_reference, outcome.receipt), (CHECKOUT_ID, None))

    def test_an_error_about_the_question_decides_nothing(self) -> None:
        for name, (status, _) in PUSH_ERRORS.items():
            if name in QUERIES:
                continue
            with self.subTest(name=name):
                outcome = self.ask(answer(status, shape(name)))
                self.assertIs(outcome.status, OutcomeStatus.UNKNOWN)
                self.assertTrue(outcome.provider_code)

    def test_a_refused_token_is_renewed(self) -> None:
        name = "error_invalid_access_token_404_001_03"
        fresh = answer(200, shape("oauth_generate_success"))
        outcome = self.ask(answer(401, shape(name)), fresh, answer(200, shape("stk_query_success")))
        self.assertIs(outcome.status, OutcomeStatus.SUCCEEDED)


class CallbackTests(unittest.TestCase):
    def test_paid(self) -> None:
        for name in CALLBACKS_PAID:
            with self.subTest(name=name):
                event = push_callback(shape(name))
                outcome = event.outcome
                self.assertEqual(event.dedupe_key, f"{CHECKOUT_ID}:0:UKE7Q2M9XB")
                self.assertIs(outcome.status, OutcomeStatus.SUCCEEDED)
                self.assertEqual((outcome.receipt, outcome.money), ("UKE7Q2M9XB", Money(150_000)))
                self.assertEqual(outcome.phone, "254708374149")
                self.assertEqual(outcome.occurred_at, datetime(2026, 11, 14, 7, 31, 2, tzinfo=UTC))
                self.assertEqual(outcome.details["merchant_request_id"], MERCHANT_REQUEST_ID)

    def test_failed(self) -> None:
        for name, (failure_code, closes_as) in CALLBACKS_FAILED.items():
            with self.subTest(name=name):
                event = push_callback(shape(name))
                told = json.loads(shape(name))["Body"]["stkCallback"]
                assert event.outcome.failure
                self.assertEqual(
                    (event.outcome.failure.code, event.outcome.failure.closes_as), (failure_code, closes_as)
                )
                self.assertEqual(event.outcome.provider_code, str(told["ResultCode"]))
                self.assertEqual(event.outcome.provider_message, told["ResultDesc"])
                self.assertEqual(event.dedupe_key, f"{CHECKOUT_ID}:{told['ResultCode']}:")
                self.assertIsNone(event.outcome.money)

    def test_in_doubt_until_we_have_asked(self) -> None:
        for name in CALLBACKS_IN_DOUBT:
            with self.subTest(name=name):
                self.assertIs(push_callback(shape(name)).outcome.status, OutcomeStatus.UNKNOWN)


class TokenTests(ShapeTestCase):
    def test_both_spellings_of_the_expiry(self) -> None:
        for name in TOKENS:
            with self.subTest(name=name):
                provider = self.provider(answer(200, shape(name)), answer(200, shape("stk_push_response_accepted")))
                provider.charge(make_request())
                self.assertEqual(self.server.received[1].headers["authorization"], f"Bearer {TOKEN}")

    def test_errors_are_refused_credentials(self) -> None:
        for name in TOKEN_ERRORS:
            with self.subTest(name=name), self.assertRaises(ProviderRejected) as raised:
                self.provider(answer(400, shape(name))).charge(make_request())
            self.assertEqual(raised.exception.failure.code, FailureCode.CREDENTIALS_REJECTED)
            self.assertEqual(len(self.server.received), 1)


class RequestTests(ShapeTestCase):
    def test_the_token_request(self) -> None:
        expected = json.loads(shape("oauth_generate_request"))
        self.push(answer(200, shape("stk_push_response_accepted")))
        seen = self.server.received[0]
        self.assertEqual((seen.method, seen.path), ("GET", f"{expected['path']}?grant_type=client_credentials"))
        self.assertEqual(seen.headers["authorization"], expected["headers"]["Authorization"])
        self.assertEqual(seen.body, b"")

    def test_the_push_of_a_paybill_and_of_a_till(self) -> None:
        for name, till in (("stk_push_request_paybill", None), ("stk_push_request_till", "5204861")):
            with self.subTest(name=name):
                token, accepted = shape("oauth_generate_success"), shape("stk_push_response_accepted")
                self.provider(answer(200, token), answer(200, accepted), till=till).charge(make_request())
                seen = self.server.received[1]
                self.assertEqual((seen.method, seen.path), ("POST", "/mpesa/stkpush/v1/processrequest"))
                self.assertEqual(seen.headers["content-type"], "application/json")
                self.assertEqual(seen.json(), json.loads(shape(name)))

    def test_the_query(self) -> None:
        self.ask(answer(200, shape("stk_query_success")))
        seen = self.server.received[1]
        self.assertEqual((seen.method, seen.path), ("POST", "/mpesa/stkpushquery/v1/query"))
        self.assertEqual(seen.json(), json.loads(shape("stk_query_request")))

    def test_the_password_is_the_known_one(self) -> None:
        config = make_config(passkey=PASSKEY)
        self.assertEqual(
            password(config, "20261114103045"),
            "NjAwOTg3YjE5NDZhYzkyNDkyZDIzNDdjNjIzNWI0ZDI2MTExODRhMWIyYzNkNGU1ZjYwNzE4MjkzYTRiNWM2ZDdlOGY5MDIwMjYxMTE0MTAzMDQ1",
        )
