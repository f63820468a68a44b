"""Enrolling a shortcode, proving its credentials and asking for codes: what counts as done and what does not."""

import base64
import json
from dataclasses import replace

from onpoint_pay.kit.money import Money
from onpoint_pay.kit.tests.local_server import Reply, answer, hang_up, json_answer, reset
from providers.errors import ProviderRejected, ProviderTimeout, ProviderUnavailable
from providers.mpesa.provider import MpesaProvider
from providers.mpesa.tests.shapes import make_config, shape
from providers.mpesa.tests.test_registration_shapes import CODE, HOOKS, REGISTRATION, TOKEN, RegistrationTestCase
from providers.tests.tokens import PlainTokens
from providers.types import FailureCode

PICTURE = answer(200, shape("dynamic_qr_response"))
DONE = answer(200, shape("c2b_register_success"))
UNCLEAR: tuple[Reply, ...] = (
    reset, hang_up, answer(500), answer(503), answer(200), answer(200, b"<html></html>"), json_answer({}),
    answer(500, shape("error_internal_500_003_1001")), answer(404), json_answer({"ResponseCode": None}),
)  # fmt: skip


class CallbackRegistrationTests(RegistrationTestCase):
    def test_what_happens_when_we_are_silent(self) -> None:
        for accept, word in ((True, "Completed"), (False, "Cancelled")):
            self.register(DONE, request=replace(REGISTRATION, accept_when_silent=accept))
            self.assertEqual(self.server.received[1].json()["ResponseType"], word)

    def test_an_answer_that_tells_nothing_is_not_done(self) -> None:
        for number, reply in enumerate(UNCLEAR):
            with self.subTest(number=number), self.assertRaises(ProviderTimeout):
                self.register(reply)

    def test_success_without_a_code_is_not_done(self) -> None:
        with self.assertRaises(ProviderTimeout):
            self.register(json_answer({"ResponseDescription": "success"}))

    def test_another_code_is_refused(self) -> None:
        for code in ("1", 1, "0.0", "7777"):
            with self.subTest(code=code):
                refused = json_answer({"ResponseCode": code, "ResponseDescription": "no"})
                self.assertEqual(self.assert_refused(refused), FailureCode.VALIDATION_REFUSED)

    def test_refused_addresses(self) -> None:
        for name in ("ConfirmationURL", "ValidationURL"):
            told = {"errorCode": "400.002.02", "errorMessage": f"Bad Request - Invalid {name}"}
            with self.subTest(name=name):
                self.assertEqual(self.assert_refused(json_answer(told, 400)), FailureCode.SHORTCODE_MISCONFIGURED)

    def test_the_wrong_version(self) -> None:
        refused = answer(401, shape("error_no_apiproduct_match_401_003_01"))
        self.assertEqual(self.assert_refused(refused), FailureCode.SHORTCODE_MISCONFIGURED)
        with self.assertRaises(ProviderRejected):
            self.register(DONE, c2b_version="v3")
        self.assertEqual(self.server.received, [])

    def test_production_refuses_bad_addresses_before_anything_is_sent(self) -> None:
        for bad in (
            HOOKS.replace("pay.", "mpesa.") + "/confirm",
            HOOKS.replace("https", "http"),
            f"{HOOKS}/confirm?x=1",
        ):
            request = replace(REGISTRATION, confirmation_url=bad)
            with self.subTest(bad=bad), self.assertRaises(ProviderRejected) as raised:
                self.register(DONE, request=request, environment="production")
            self.assertEqual(raised.exception.failure.code, FailureCode.SHORTCODE_MISCONFIGURED)
            self.assertEqual(self.server.received, [])
            self.register(DONE, request=request)
            self.assertEqual(len(self.server.received), 2)
        self.register(DONE, environment="production")


class PullRegistrationTests(RegistrationTestCase):
    def test_what_counts_as_enrolled(self) -> None:
        for told in ({"ResponseStatus": 1000}, {"Response Status": "1001"}, {"responsestatus": " 1000 "}):
            with self.subTest(told=told):
                self.enrol(json_answer(told))

    def test_what_does_not(self) -> None:
        for told in ({"ResponseStatus": "1002"}, {"ResponseStatus": "0"}, {"Response Status": 400}):
            with self.subTest(told=told), self.assertRaises(ProviderRejected):
                self.enrol(json_answer(told))
        for number, reply in enumerate((*UNCLEAR, answer(500, shape("pull_register_response")))):
            with self.subTest(number=number), self.assertRaises(ProviderTimeout):
                self.enrol(reply)

    def test_a_number_that_is_none_is_not_sent(self) -> None:
        for phone in ("", "0722000000", "600987"):
            with self.subTest(phone=phone), self.assertRaises(ProviderRejected):
                self.provider().register_statement(phone=phone, callback_url=f"{HOOKS}/collect")
            self.assertEqual(self.server.received, [])


class CodeTests(RegistrationTestCase):
    def test_for_a_till(self) -> None:
        self.code(PICTURE, till="5204861")
        sent = self.server.received[1].json()
        self.assertEqual((sent["TrxCode"], sent["CPI"]), ("BG", "5204861"))

    def test_without_an_amount_the_payer_enters_it(self) -> None:
        self.code(PICTURE, request=replace(CODE, amount=None, size_pixels=500))
        sent = self.server.received[1].json()
        self.assertNotIn("Amount", sent)
        self.assertEqual(sent["Size"], "500")

    def test_names_are_clean_and_never_empty(self) -> None:
        self.code(PICTURE, request=replace(CODE, payee="Café #1 & co", account_reference="a b/c"))
        sent = self.server.received[1].json()
        self.assertEqual((sent["MerchantName"], sent["RefNo"]), ("Cafe 1  co", "abc"))
        self.code(PICTURE, request=replace(CODE, payee="#", account_reference=""))
        sent = self.server.received[1].json()
        self.assertEqual((sent["MerchantName"], sent["RefNo"]), ("Payment", "Payment"))

    def test_amounts_that_no_code_can_carry(self) -> None:
        for amount in (Money(150), Money(0), Money(100, "USD")):
            with self.subTest(amount=amount), self.assertRaises(ProviderRejected):
                self.provider().payment_code(replace(CODE, amount=amount))
            self.assertEqual(self.server.received, [])

    def test_no_picture_no_code(self) -> None:
        told = json.loads(shape("dynamic_qr_response"))
        for picture in (None, "", "abc", "!!!!", 5, base64.b64encode(b"GIF89a").decode(), "é"):
            with self.subTest(picture=picture), self.assertRaises(ProviderTimeout):
                self.code(json_answer(told | {"QRCode": picture}))
        for number, reply in enumerate(UNCLEAR):
            with self.subTest(number=number), self.assertRaises(ProviderTimeout):
                self.code(reply)

    def test_refused(self) -> None:
        with self.assertRaises(ProviderRejected):
            self.code(answer(400, shape("error_invalid_request_payload_400_002_05")))


class CredentialCheckTests(RegistrationTestCase):
    def check(self, *replies: Reply, tokens: PlainTokens | None = None) -> None:
        self.server.received.clear()
        self.server.script(*replies)
        provider = MpesaProvider(make_config(self.server.url), tokens=tokens or PlainTokens(), http=self.http)
        provider.check_credentials()

    def test_good_ones_by_a_token_of_their_own(self) -> None:
        tokens = PlainTokens()
        tokens.kept["mpesa:of somebody"] = "in use"
        self.check(TOKEN, tokens=tokens)
        self.check(TOKEN, tokens=tokens)
        self.assertEqual([seen.method for seen in self.server.received], ["GET"])
        self.assertEqual(tokens.kept, {"mpesa:of somebody": "in use"})

    def test_bad_ones(self) -> None:
        for reply in (
            answer(400),
            answer(400, b" \n"),
            answer(401),
            answer(400, shape("oauth_error_invalid_auth_type")),
        ):
            with self.assertRaises(ProviderRejected) as raised:
                self.check(reply)
            self.assertEqual(raised.exception.failure.code, FailureCode.CREDENTIALS_REJECTED)
            self.assertNotIn("contract-consumer", f"{raised.exception} {raised.exception.outcome}")

    def test_nobody_can_tell(self) -> None:
        for reply in (answer(500), answer(503), answer(403), answer(429), answer(200), json_answer({}), reset, hang_up):
            with self.assertRaises(ProviderUnavailable):
                self.check(reply)
