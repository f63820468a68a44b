"""The client over a real connection: tokens that go bad, answers that are none, and what was or was not sent."""

import unittest
from concurrent.futures import ThreadPoolExecutor

from onpoint_pay.kit.http import HttpClient
from onpoint_pay.kit.money import Money
from onpoint_pay.kit.tests.local_server import (
    LocalServer,
    Reply,
    answer,
    cut_short,
    drip,
    hang_up,
    json_answer,
    reset,
    unused_port,
)
from onpoint_pay.kit.tokens import Fetch, TokenUnavailable
from providers.errors import ProviderError, ProviderRejected, ProviderTimeout, ProviderUnavailable
from providers.mpesa.provider import MpesaProvider
from providers.mpesa.tests.shapes import CHECKOUT_ID, make_config, shape
from providers.mpesa.tests.test_shapes import make_request
from providers.tests.tokens import PlainTokens
from providers.types import FailureCode, Outcome, OutcomeStatus, QueryRequest

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"
TOKEN = answer(200, shape("oauth_generate_success"))
ACCEPTED = answer(200, shape("stk_push_response_accepted"))


class ClientTestCase(unittest.TestCase):
    def setUp(self) -> None:
        self.server = self.enterContext(LocalServer())
        self.http = HttpClient("mpesa", allow_private=True, deadline_seconds=1)
        self.addCleanup(self.http.close)
        self.tokens = PlainTokens()

    def provider(self, base_url: str | None = None) -> MpesaProvider:
        return MpesaProvider(make_config(base_url or self.server.url), tokens=self.tokens, http=self.http)

    def push(self, *replies: Reply) -> Outcome:
        self.server.received.clear()
        self.server.script(*replies)
        return self.provider().charge(make_request())

    def ask(self, *replies: Reply) -> Outcome:
        self.server.received.clear()
        self.server.script(*replies)
        return self.provider().query(QueryRequest(provider_reference=CHECKOUT_ID, amount=Money(150_000)))

    def methods(self) -> str:
        return " ".join(seen.method for seen in self.server.received)


class TokenTests(ClientTestCase):
    def test_one_token_serves_many_calls(self) -> None:
        self.push(TOKEN, ACCEPTED)
        self.push(ACCEPTED)
        self.assertEqual(self.methods(), "POST")

    def test_wrong_key_or_secret(self) -> None:
        for body in (b"", b"  \n"):
            with self.subTest(body=body), self.assertRaises(ProviderRejected) as raised:
                self.push(answer(400, body))
            self.assertEqual(raised.exception.failure.code, FailureCode.CREDENTIALS_REJECTED)
            self.assertEqual(self.methods(), "GET")
            self.assertEqual(self.tokens.kept, {})

    def test_any_other_trouble_with_the_token_sent_nothing(self) -> None:
        troubles: list[Reply] = [
            reset, hang_up, drip(HEAD), cut_short(b"{", promised=99), answer(200), answer(200, b"<html></html>"),
            answer(400, b"<html></html>"), answer(500), answer(503), answer(403), json_answer({}), json_answer([]),
            answer(200, b"x" * 1_000_000), json_answer({"access_token": ""}), json_answer({"access_token": None}),
            json_answer({"access_token": 5}), json_answer({"access_token": ["a"]}), json_answer({"access_token": "a b"}),
            json_answer({"access_token": "a\r\nX: y"}), json_answer({"access_token": "x" * 5_000}),
            json_answer({"access_token": "abc"}, 500), answer(429), answer(500, shape("error_system_busy_500_003_02")),
        ]  # fmt: skip
        for number, trouble in enumerate(troubles):
            with self.subTest(number=number), self.assertRaises(ProviderUnavailable):
                self.push(trouble)
            self.assertEqual(self.methods(), "GET")
            self.assertEqual(self.tokens.kept, {})

    def test_the_life_of_a_token(self) -> None:
        lives: list[tuple[object, int]] = [
            ("3599", 3599), (3599, 3599), (" 60 ", 60), ("", 0), (None, 0), ("soon", 0), (-5, 0), (True, 0), (3.5, 0),
            (10**6, 0), (999_999, 86_400), ([], 0),
        ]  # fmt: skip
        for given, seconds in lives:
            told: list[int] = []

            class Telling(PlainTokens):
                def get_or_fetch(self, key: str, fetch: Fetch, told: list[int] = told) -> str:
                    token, life = fetch()
                    told.append(life)
                    return token

            self.tokens = Telling()
            with self.subTest(given=given):
                self.push(json_answer({"access_token": "abc", "expires_in": given}), ACCEPTED)
                self.assertEqual(told, [seconds])

    def test_others_are_fetching_for_too_long(self) -> None:
        class Waiting(PlainTokens):
            def get_or_fetch(self, key: str, fetch: Fetch) -> str:
                raise TokenUnavailable("no token within 10 s")

        self.tokens = Waiting()
        with self.assertRaises(ProviderUnavailable):
            self.push()
        self.assertEqual(self.server.received, [])

    def test_a_bare_401_renews_the_token_once(self) -> None:
        for refused in (answer(401), answer(401, b"<html></html>")):
            self.tokens.kept.clear()
            self.assertIs(self.push(TOKEN, refused, TOKEN, ACCEPTED).status, OutcomeStatus.PENDING)
            self.assertEqual(self.methods(), "GET POST GET POST")

    def test_a_401_for_ever_is_a_refusal(self) -> None:
        with self.assertRaises(ProviderRejected) as raised:
            self.push(TOKEN, answer(401), TOKEN, answer(401))
        self.assertEqual(raised.exception.failure.code, FailureCode.CREDENTIALS_REJECTED)
        self.assertEqual(self.methods(), "GET POST GET POST")

    def test_no_product_is_not_cured_by_a_new_token(self) -> None:
        with self.assertRaises(ProviderRejected) as raised:
            self.push(TOKEN, answer(401, shape("error_no_apiproduct_match_401_003_01")))
        self.assertEqual(raised.exception.failure.code, FailureCode.SHORTCODE_MISCONFIGURED)
        self.assertEqual(self.methods(), "GET POST")

    def test_trouble_with_the_second_token_still_sent_nothing(self) -> None:
        with self.assertRaises(ProviderUnavailable):
            self.push(TOKEN, answer(401), answer(500))
        self.assertEqual(self.methods(), "GET POST GET")

    def test_trouble_with_the_repeated_push_is_unclear(self) -> None:
        with self.assertRaises(ProviderTimeout):
            self.push(TOKEN, answer(401), TOKEN, reset)

    def test_credentials_share_a_token_only_when_both_halves_agree(self) -> None:
        self.server.default = ACCEPTED
        for changes, methods in (
            ({}, "GET POST"), ({"consumer_key": "other"}, "GET POST"), ({"consumer_secret": "other"}, "GET POST"),
            ({"shortcode": "174379"}, "POST"),
        ):  # fmt: skip
            self.server.received.clear()
            self.server.script(*([TOKEN] if methods.startswith("GET") else []))
            config = make_config(self.server.url, **changes)
            MpesaProvider(config, tokens=self.tokens, http=self.http).charge(make_request())
            self.assertEqual(self.methods(), methods)
        self.assertEqual(len(self.tokens.kept), 3)
        for key in self.tokens.kept:
            self.assertNotIn("contract", key)


class PushTests(ClientTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.push(TOKEN, ACCEPTED)

    def test_nobody_listens(self) -> None:
        with self.assertRaises(ProviderUnavailable):
            self.provider(f"http://127.0.0.1:{unused_port()}").charge(make_request())

    def test_unclear_answers(self) -> None:
        without_id = {"ResponseCode": "0", "MerchantRequestID": "x"}
        unclear: list[Reply] = [
            reset, hang_up, drip(HEAD), drip(b"HTTP/1.1 200 OK\r\nX: "), cut_short(shape("stk_push_response_accepted"), promised=999),
            answer(200), answer(200, b"<html></html>", kind="text/html"), answer(200, b"x" * 10_000_000), answer(500),
            answer(502, b"<html></html>"), answer(503), answer(504), answer(404), answer(404, b"<html></html>"), answer(400),
            answer(302), answer(201, shape("stk_push_response_accepted")), answer(500, shape("stk_push_response_accepted")),
            json_answer([]), json_answer({}), json_answer({"ResponseCode": None}), json_answer({"ResponseCode": True}),
            json_answer({"ResponseCode": ["0"]}), json_answer({"ResponseCode": {}}), json_answer({"ResponseCode": ""}),
            json_answer(without_id), json_answer(without_id | {"CheckoutRequestID": None}),
            json_answer(without_id | {"CheckoutRequestID": 5}), json_answer(without_id | {"CheckoutRequestID": ""}),
            json_answer(without_id | {"CheckoutRequestID": "x" * 101}), json_answer(without_id | {"CheckoutRequestID": "a b"}),
            json_answer({"errorCode": 5, "errorMessage": None}, 500), json_answer({"errorCode": "599.001"}, 500),
            json_answer({"errorCode": "500.001.1001", "errorMessage": "Something new"}, 500),
            json_answer({"errorCode": "00.002.1001", "errorMessage": "maintenance"}, 503),
            json_answer({"fault": "text"}, 500), json_answer({"fault": {"detail": []}}, 500),
        ]  # fmt: skip
        for number, reply in enumerate(unclear):
            with self.subTest(number=number), self.assertRaises(ProviderTimeout):
                self.push(reply)
            self.assertEqual(self.methods(), "POST")

    def test_definite_refusals(self) -> None:
        def error(code: str, message: str, status: int) -> Reply:
            return json_answer({"requestId": "1", "errorCode": code, "errorMessage": message}, status)

        refusals: list[tuple[Reply, FailureCode]] = [
            (error("500.001.1001", "Wrong credentials", 500), FailureCode.CREDENTIALS_REJECTED),
            (error("500.001.1001", "[MerchantValidate] - WRONG CREDENTIALS", 500), FailureCode.CREDENTIALS_REJECTED),
            (error("500.003.02", "System is busy. Please try again in few minutes.", 500), FailureCode.PROVIDER_BUSY),
            (error("500.003.02", "Error Occurred: Spike Arrest Violation", 429), FailureCode.PROVIDER_BUSY),
            (error("400.002.02", "Bad Request - Invalid PartyA", 400), FailureCode.INVALID_ACCOUNT),
            (error("400.002.02", "Bad Request - Invalid BusinessShortCode", 400), FailureCode.SHORTCODE_MISCONFIGURED),
            (error("400.002.02", "Bad Request - Invalid Password", 400), FailureCode.CREDENTIALS_REJECTED),
            (error("400.099.99", "Something new", 400), FailureCode.VALIDATION_REFUSED),
            (answer(429), FailureCode.PROVIDER_BUSY),
            (answer(429, b"<html></html>"), FailureCode.PROVIDER_BUSY),
            (answer(403, b"<html></html>"), FailureCode.SHORTCODE_MISCONFIGURED),
            (json_answer({"ResponseCode": "1", "ResponseDescription": "Rejected"}), FailureCode.INSUFFICIENT_FUNDS),
            (json_answer({"ResponseCode": "77", "ResponseDescription": "Rejected"}), FailureCode.VALIDATION_REFUSED),
        ]  # fmt: skip
        for number, (reply, failure_code) in enumerate(refusals):
            with self.subTest(number=number), self.assertRaises(ProviderRejected) as raised:
                self.push(reply)
            self.assertEqual(raised.exception.failure.code, failure_code)
            self.assertTrue(raised.exception.provider_code)
            self.assertEqual(self.methods(), "POST")

    def test_accepted_in_every_spelling(self) -> None:
        for code in ("0", "00", 0, " 0 "):
            with self.subTest(code=code):
                outcome = self.push(
                    json_answer({"ResponseCode": code, "CheckoutRequestID": CHECKOUT_ID, "New": {"a": []}})
                )
                self.assertIs(outcome.status, OutcomeStatus.PENDING)
                self.assertNotIn("merchant_request_id", outcome.details)

    def test_many_at_once(self) -> None:
        self.server.default = ACCEPTED
        provider = self.provider()
        with ThreadPoolExecutor(20) as pool:
            jobs = [pool.submit(provider.charge, make_request()) for _ in range(100)]
            self.assertEqual({job.result().status for job in jobs}, {OutcomeStatus.PENDING})


class QueryTests(ClientTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.push(TOKEN, ACCEPTED)

    def test_answers_that_decide_nothing(self) -> None:
        base = {"ResponseCode": "0", "CheckoutRequestID": CHECKOUT_ID}
        undecided: list[Reply] = [
            answer(200), answer(429), answer(500), answer(503), answer(403), answer(404), answer(200, b"<html></html>"),
            json_answer({}), json_answer(base), json_answer(base | {"ResultCode": None}), json_answer(base | {"ResultCode": True}),
            json_answer(base | {"ResultCode": "0.0"}), json_answer(base | {"ResultCode": "7777"}),
            json_answer(base | {"ResultCode": "0", "CheckoutRequestID": "ws_CO_another"}),
            json_answer(base | {"ResultCode": "0", "ResponseCode": "1"}), json_answer(base | {"ResultCode": "0"}, 500),
            json_answer(base | {"ResultCode": "0", "errorCode": "500.001.1001"}), json_answer(base | {"ResultCode": "1014"}),
            json_answer(base | {"ResultCode": "15"}), json_answer(base | {"ResultCode": "100000003"}),
        ]  # fmt: skip
        for number, reply in enumerate(undecided):
            with self.subTest(number=number):
                outcome = self.ask(reply)
                self.assertIs(outcome.status, OutcomeStatus.UNKNOWN)
                self.assertFalse(outcome.is_unknown_there)

    def test_still_open_in_any_words(self) -> None:
        for code, words in (
            ("4999", ""),
            ("1", "The transaction is still UNDER PROCESSING"),
            ("0", "is being processed"),
        ):
            with self.subTest(code=code):
                outcome = self.ask(json_answer({"ResultCode": code, "ResultDesc": words}))
                self.assertIs(outcome.status, OutcomeStatus.PENDING)

    def test_doubtful_codes_decide_when_we_asked(self) -> None:
        for code, failure_code in (("9999", FailureCode.PROVIDER_BUSY), ("1036", FailureCode.CUSTOMER_UNREACHABLE)):
            with self.subTest(code=code):
                outcome = self.ask(json_answer({"ResultCode": code, "ResultDesc": "x"}))
                assert outcome.failure
                self.assertEqual(outcome.failure.code, failure_code)

    def test_an_id_nobody_knows(self) -> None:
        missing = {"errorCode": "500.001.1001", "errorMessage": "The transaction does not exist"}
        outcome = self.ask(json_answer(missing, 500))
        self.assertEqual((outcome.status, outcome.is_unknown_there), (OutcomeStatus.UNKNOWN, True))

    def test_refused_credentials_are_no_word_about_the_payment(self) -> None:
        self.tokens.kept.clear()
        with self.assertRaises(ProviderUnavailable):
            self.ask(answer(400))
        for error in (reset, drip(HEAD)):
            with self.assertRaises(ProviderError) as raised:
                self.ask(TOKEN, error)
            self.assertIsInstance(raised.exception, ProviderTimeout)
            self.tokens.kept.clear()

    def test_the_deadline_of_the_one_who_asks(self) -> None:
        patient = HttpClient("patient", allow_private=True, deadline_seconds=60)
        provider = MpesaProvider(make_config(self.server.url), tokens=self.tokens, http=patient)
        self.server.script(drip(HEAD))
        request = QueryRequest(provider_reference=CHECKOUT_ID, amount=Money(100), deadline_seconds=0.2)
        with self.assertRaises(ProviderTimeout):
            provider.query(request)
