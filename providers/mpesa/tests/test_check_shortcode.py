"""Proving shortcode and passkey by a question about a prompt that never was."""

from onpoint_pay.kit.tests.local_server import Reply, answer, json_answer, reset
from providers.errors import ProviderRejected, ProviderTimeout, ProviderUnavailable
from providers.mpesa.tests.shapes import shape
from providers.mpesa.tests.test_registration_shapes import TOKEN, RegistrationTestCase
from providers.types import FailureCode


def told(code: str, message: str, status: int = 500) -> Reply:
    return json_answer({"requestId": "1", "errorCode": code, "errorMessage": message}, status)


class CheckShortcodeTests(RegistrationTestCase):
    def check(self, *replies: Reply) -> None:
        self.provider(TOKEN, *replies).check_shortcode()

    def test_an_unknown_prompt_means_that_the_password_was_taken(self) -> None:
        self.check(told("500.001.1001", "The transaction does not exist"))
        self.check(answer(200, shape("stk_query_cancelled")))
        asked = self.server.received[1]
        self.assertTrue(asked.path.endswith("/mpesa/stkpushquery/v1/query"))
        self.assertRegex(asked.json()["CheckoutRequestID"], "^ws_CO_0101")

    def test_what_is_refused_is_told_apart(self) -> None:
        for reply, code in (
            (told("500.001.1001", "[MerchantValidate] - Wrong credentials"), FailureCode.CREDENTIALS_REJECTED),
            (told("500.001.1001", "Merchant does not exist"), FailureCode.SHORTCODE_MISCONFIGURED),
            (
                told("401.003.01", "Invalid API call as no apiproduct match found", 401),
                FailureCode.SHORTCODE_MISCONFIGURED,
            ),
            (answer(403), FailureCode.SHORTCODE_MISCONFIGURED),
        ):
            with self.subTest(code=code), self.assertRaises(ProviderRejected) as raised:
                self.check(reply)
            self.assertEqual(raised.exception.failure.code, code)

    def test_what_tells_neither(self) -> None:
        for reply in (
            told("500.003.02", "System is busy. Please try again in few minutes."),
            told("400.002.02", "Bad Request - Invalid CheckoutRequestID", 400),
            answer(503),
            reset,
        ):
            with self.subTest(reply=reply), self.assertRaises((ProviderTimeout, ProviderUnavailable)):
                self.check(reply)
