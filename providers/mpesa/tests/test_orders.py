"""Orders of the API user: what is refused here, what M-Pesa's answers prove, and what nobody may be told or shown."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from onpoint_pay.kit.money import Money
from onpoint_pay.kit.tests.local_server import Reply, answer, hang_up, json_answer, reset
from providers.errors import ProviderRejected, ProviderTimeout, ProviderUnavailable
from providers.mpesa.tests.shapes import shape
from providers.mpesa.tests.test_order_shapes import BALANCE, PAYOUT, REFUND, STATUS, TAKEN, TOKEN, OrderTestCase
from providers.mpesa.tests.test_shapes import PUSH_ERRORS, TOKEN_REFUSALS
from providers.types import (
    FailureCode,
    Outcome,
    OutcomeStatus,
    PayoutPurpose,
    PayoutRequest,
    RefundRequest,
    RetryAdvice,
)

# Refusals that come from before M-Pesa, for every order: the HTTP status, then the failure.
REFUSED = {
    "error_bad_request_400_003_02": (400, FailureCode.VALIDATION_REFUSED),
    "error_gateway_fault_rate_limit": (429, FailureCode.PROVIDER_BUSY),
    "error_invalid_authentication_header_404_001_04": (404, FailureCode.VALIDATION_REFUSED),
    "error_invalid_request_payload_400_002_05": (400, FailureCode.VALIDATION_REFUSED),
    "error_method_not_allowed_405_001": (405, FailureCode.VALIDATION_REFUSED),
    "error_no_apiproduct_match_401_003_01": (401, FailureCode.SHORTCODE_MISCONFIGURED),
    "error_quota_violation_500_003_03": (500, FailureCode.PROVIDER_BUSY),
    "error_resource_not_found_404_001_01": (404, FailureCode.SHORTCODE_MISCONFIGURED),
    "error_spike_arrest_500_003_02": (500, FailureCode.PROVIDER_BUSY),
    "error_system_busy_500_003_02": (500, FailureCode.PROVIDER_BUSY),
}
UNCLEAR = ("error_duplicate_originator_500_002_1001", "error_internal_500_003_1001", "error_soap_fault_register_url")


def error(code: str, message: str, status: int = 500) -> Reply:
    return json_answer({"requestId": "1", "errorCode": code, "errorMessage": message}, status)


class AnswerTests(OrderTestCase):
    def test_definite_refusals(self) -> None:
        for name, (status, code) in REFUSED.items():
            for order, call in self.orders().items():
                with self.subTest(name=name, order=order), self.assertRaises(ProviderRejected) as raised:
                    call(answer(status, shape(name)))
                with self.subTest(name=name, order=order):
                    self.assertEqual(raised.exception.failure.code, code)
                    self.assertEqual(len(self.server.received), 2)
                    self.assertNotIn("pay", raised.exception.failure.customer_message)
                    self.assertNotIn("charged", raised.exception.failure.customer_message)

    def test_a_field_that_is_refused(self) -> None:
        for field, code in (
            ("PartyB", FailureCode.INVALID_ACCOUNT), ("PartyA", FailureCode.SHORTCODE_MISCONFIGURED),
            ("InitiatorName", FailureCode.CREDENTIALS_REJECTED), ("Initiator", FailureCode.CREDENTIALS_REJECTED),
            ("SecurityCredential", FailureCode.CREDENTIALS_REJECTED), ("TransactionID", FailureCode.INVALID_ACCOUNT),
            ("ResultURL", FailureCode.SHORTCODE_MISCONFIGURED), ("Amount", FailureCode.VALIDATION_REFUSED),
            ("QueueTimeOutURL", FailureCode.SHORTCODE_MISCONFIGURED), ("Remarks", FailureCode.VALIDATION_REFUSED),
            ("ReceiverParty", FailureCode.SHORTCODE_MISCONFIGURED),
        ):  # fmt: skip
            with self.subTest(field=field), self.assertRaises(ProviderRejected) as raised:
                self.pay_out(error("400.002.02", f"Bad Request - Invalid {field}", 400))
            self.assertEqual(raised.exception.failure.code, code)

    def test_what_may_have_been_taken(self) -> None:
        without_id = {"ResponseCode": "0", "OriginatorConversationID": "x"}
        unclear: list[Reply] = [
            reset, hang_up, answer(500), answer(502, b"<html></html>"), answer(503), answer(504), answer(404), answer(400),
            answer(200), answer(201, shape("async_accepted_response")), answer(500, shape("async_accepted_response")),
            json_answer({}), json_answer({"ResponseCode": None}), json_answer({"ResponseCode": ["0"]}),
            json_answer(without_id), json_answer(without_id | {"ConversationID": ""}),
            json_answer(without_id | {"ConversationID": 5}), json_answer(without_id | {"ConversationID": "a b"}),
            json_answer({"ResponseCode": "15"}), json_answer({"ResponseCode": "7777"}),
            json_answer({"ResponseCode": "100000003"}), json_answer({"ResponseCode": "0", "errorCode": "599"}),
            error("500.001.1001", "Internal Server Error"), error("500.003.1001", "Internal Server Error"),
            error("00.002.1001", "maintenance", 503), error("500.002.1001", "duplicate originatorconversationid"),
            error("400.002.02", "Duplicate OriginatorConversationID", 400), error("500.001.1001", "is being processed"),
            *(answer(500, shape(name)) for name in UNCLEAR),
        ]  # fmt: skip
        for number, reply in enumerate(unclear):
            for order, call in self.orders().items():
                with self.subTest(number=number, order=order), self.assertRaises(ProviderTimeout):
                    call(reply)
                self.assertEqual([seen.method for seen in self.server.received], ["GET", "POST"])

    def test_a_known_code_in_the_answer_is_a_refusal(self) -> None:
        with self.assertRaises(ProviderRejected) as raised:
            self.pay_out(json_answer({"ResponseCode": "2001", "ResponseDescription": "The initiator is invalid"}))
        refusal = raised.exception
        self.assertEqual(refusal.failure.code, FailureCode.CREDENTIALS_REJECTED)
        self.assertEqual((refusal.provider_code, refusal.provider_message), ("2001", "The initiator is invalid"))

    def test_no_error_of_the_gateway_passes_for_accepted(self) -> None:
        for name, (status, _) in PUSH_ERRORS.items():
            for order, call in self.orders().items():
                with self.subTest(name=name, order=order), self.assertRaises((ProviderRejected, ProviderTimeout)):
                    call(answer(status, shape(name)))

    def test_a_refused_token_is_renewed_once_and_the_same_order_put_once_more(self) -> None:
        for name, (status, *_) in TOKEN_REFUSALS.items():
            with self.subTest(name=name):
                outcome = self.pay_out(answer(status, shape(name)), TOKEN, TAKEN)
                self.assertIs(outcome.status, OutcomeStatus.PENDING)
                posted = [seen.json() for seen in self.server.received if seen.method == "POST"]
                self.assertEqual(posted[0], posted[1])

    def test_refused_credentials_are_told_to_one_who_waits_for_money(self) -> None:
        with self.assertRaises(ProviderRejected) as raised:
            self.provider(answer(400)).pay_out(PAYOUT)
        self.assertEqual(raised.exception.failure.code, FailureCode.CREDENTIALS_REJECTED)
        self.assertIn("could not be sent", raised.exception.failure.customer_message)
        self.assertEqual([seen.method for seen in self.server.received], ["GET"])

    def test_no_token_so_nothing_was_sent(self) -> None:
        with self.assertRaises(ProviderUnavailable):
            self.provider(answer(500)).refund(REFUND)
        self.assertEqual([seen.method for seen in self.server.received], ["GET"])

    def test_names_with_blanks(self) -> None:
        told = {"Conversation ID": "AG_1", "Originator Conversation ID": "x-1", "ResponseCode": "00000000"}
        outcome = self.ask_status(json_answer(told))
        self.assertEqual(outcome.details, {"conversation_id": "AG_1", "originator_conversation_id": "x-1"})

    def test_words_of_prompts_mean_something_else_for_orders(self) -> None:
        for message, code in (
            ("Wrong credentials", FailureCode.CREDENTIALS_REJECTED),
            ("Unable to lock subscriber", FailureCode.PROVIDER_BUSY),
            ("Merchant does not exist", FailureCode.SHORTCODE_MISCONFIGURED),
        ):
            with self.subTest(message=message), self.assertRaises(ProviderRejected) as raised:
                self.pay_out(error("500.001.1001", message))
            self.assertEqual(raised.exception.failure.code, code)
            self.assertNotIn("passkey", raised.exception.failure.reason)
            self.assertNotIn("payer", raised.exception.failure.reason)


class PayoutTests(OrderTestCase):
    def document(self, **changes: Any) -> dict[str, Any]:
        self.provider(TOKEN, TAKEN).pay_out(replace(PAYOUT, **changes))
        document: dict[str, Any] = self.sent()
        return document

    def refusal(self, **changes: Any) -> ProviderRejected:
        request: PayoutRequest = replace(PAYOUT, **changes)
        with self.assertRaises(ProviderRejected) as raised:
            self.provider().pay_out(request)
        self.assertEqual(self.server.received, [])
        return raised.exception

    def test_the_reference_goes_out_exactly_as_committed(self) -> None:
        for reference in ("PO1-1", "600987_PO_01HF3Q7Z2M", "po.1/x~y", "x" * 100):
            with self.subTest(reference=reference):
                self.assertEqual(self.document(reference=reference)["OriginatorConversationID"], reference)

    def test_without_a_reference_nothing_is_sent(self) -> None:
        for reference in ("", "a b", "é", "x" * 101, "a\n"):
            with self.subTest(reference=reference):
                self.assertEqual(self.refusal(reference=reference).failure.code, FailureCode.VALIDATION_REFUSED)

    def test_the_command_by_purpose(self) -> None:
        commands = {
            PayoutPurpose.BUSINESS: "BusinessPayment", PayoutPurpose.SALARY: "SalaryPayment",
            PayoutPurpose.PROMOTION: "PromotionPayment", PayoutPurpose.REFUND: "BusinessPayment",
        }  # fmt: skip
        self.assertEqual(commands.keys(), set(PayoutPurpose))
        for purpose, command in commands.items():
            with self.subTest(purpose=purpose):
                document = self.document(purpose=purpose)
                self.assertEqual((document["CommandID"], document["Occassion"]), (command, purpose.value))

    def test_amounts(self) -> None:
        for minor, text in ((1_000, "10"), (25_000_000, "250000"), (123_400, "1234")):
            with self.subTest(minor=minor):
                self.assertEqual(self.document(amount=Money(minor))["Amount"], text)
        for amount, code in (
            (Money(999), FailureCode.VALIDATION_REFUSED), (Money(900), FailureCode.LIMIT_MERCHANT),
            (Money(0), FailureCode.LIMIT_MERCHANT), (Money(-1_000), FailureCode.LIMIT_MERCHANT),
            (Money(25_000_100), FailureCode.LIMIT_MERCHANT), (Money(100_050), FailureCode.VALIDATION_REFUSED),
            (Money(100_000, "USD"), FailureCode.VALIDATION_REFUSED),
        ):  # fmt: skip
            with self.subTest(amount=amount):
                refusal = self.refusal(amount=amount)
                self.assertEqual((refusal.failure.code, refusal.provider_code), (code, "not sent"))

    def test_phones(self) -> None:
        self.assertEqual(self.document(phone="254110000001")["PartyB"], "254110000001")
        for phone in ("", "0708374149", "254812345678", "+254708374149", "600987"):
            with self.subTest(phone=phone):
                refusal = self.refusal(phone=phone)
                self.assertEqual(refusal.failure.code, FailureCode.INVALID_ACCOUNT)
                self.assertNotIn(phone or "254708374149", str(refusal.outcome))

    def test_remarks_are_clean_and_never_empty(self) -> None:
        for text, remarks in (
            ("Wages & bonus #4", "Wages  bonus 4"), ("", "Payout"), ("@#&", "Payout"), ("x", "Payout"), ("ok", "ok"),
            ("Café", "Cafe"), ("é" * 200, "e" * 100),
        ):  # fmt: skip
            with self.subTest(text=text):
                self.assertEqual(self.document(description=text)["Remarks"], remarks)

    def test_only_the_simulator_hears_the_scenario(self) -> None:
        for simulated, told in ((True, "b2c=2040"), (False, None)):
            for order in ("pay_out", "refund"):
                provider = self.provider(TOKEN, TAKEN, simulated=simulated)
                if order == "pay_out":
                    provider.pay_out(replace(PAYOUT, scenario="b2c=2040"))
                else:
                    provider.refund(replace(REFUND, scenario="b2c=2040"))
                with self.subTest(order=order, simulated=simulated):
                    self.assertEqual(self.server.received[1].headers.get("onpoint-scenario"), told)


class RefundTests(OrderTestCase):
    def document(self, **changes: Any) -> dict[str, Any]:
        self.provider(TOKEN, TAKEN).refund(replace(REFUND, **changes))
        document: dict[str, Any] = self.sent()
        return document

    def test_amounts_down_to_the_cent(self) -> None:
        for minor, text in ((100, "1"), (98_050, "980.50"), (1, "0.01")):
            with self.subTest(minor=minor):
                self.assertEqual(self.document(amount=Money(minor))["Amount"], text)

    def test_receipts_in_upper_case(self) -> None:
        self.assertEqual(self.document(receipt="uke7q2m9xb")["TransactionID"], "UKE7Q2M9XB")

    def test_what_no_reversal_can_be_of(self) -> None:
        for changes, code in (
            ({"receipt": ""}, FailureCode.INVALID_ACCOUNT), ({"receipt": "no receipt"}, FailureCode.INVALID_ACCOUNT),
            ({"receipt": "UKE0000000"}, FailureCode.INVALID_ACCOUNT), ({"amount": Money(0)}, FailureCode.VALIDATION_REFUSED),
            ({"amount": Money(100, "USD")}, FailureCode.VALIDATION_REFUSED),
        ):  # fmt: skip
            request: RefundRequest = replace(REFUND, **changes)
            with self.subTest(changes=changes), self.assertRaises(ProviderRejected) as raised:
                self.provider().refund(request)
            self.assertEqual(raised.exception.failure.code, code)
            self.assertEqual(self.server.received, [])

    def test_words(self) -> None:
        document = self.document(reason="", reference="")
        self.assertEqual((document["Remarks"], document["Occasion"]), ("Refund", "Refund"))


class InitiatorTests(OrderTestCase):
    def test_without_an_api_user_nothing_is_sent(self) -> None:
        for changes in (
            {"initiator_name": ""}, {"security_credential": ""},
            {"security_credential": "", "initiator_password": "simulator-initiator-password"},
            {"security_credential": "", "certificate": "x"},
            {"security_credential": "", "initiator_password": "simulator-initiator-password", "certificate": "none"},
        ):  # fmt: skip
            provider = self.provider(**changes)
            orders: list[Callable[[], Outcome]] = [
                partial(provider.pay_out, PAYOUT), partial(provider.refund, REFUND),
                partial(provider.ask_status, STATUS), partial(provider.ask_balance, BALANCE),
            ]  # fmt: skip
            for order in orders:
                with self.subTest(changes=changes), self.assertRaises(ProviderRejected) as raised:
                    order()
                refusal = raised.exception
                self.assertEqual(refusal.failure.code, FailureCode.CREDENTIALS_REJECTED)
                self.assertIs(refusal.failure.retry_advice, RetryAdvice.FIX_SETUP)
                self.assertNotIn("simulator-initiator-password", f"{refusal} {refusal.outcome}")
                self.assertEqual(self.server.received, [])

    def test_what_was_sent_is_shown_nowhere(self) -> None:
        with self.assertRaises(ProviderTimeout) as raised:
            self.pay_out(error("500.001.1001", "Internal Server Error"))
        self.assertNotIn(PAYOUT.phone, f"{raised.exception} {raised.exception.raw!r}")
        self.assertNotIn(json.dumps(self.sent()["SecurityCredential"]), f"{raised.exception} {raised.exception.raw!r}")
