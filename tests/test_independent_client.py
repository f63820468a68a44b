"""A client library written by others, pointed at the simulator: what it sends is accepted, what it gets it understands."""

import base64
import tempfile
import unittest
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from mpesakit.auth import TokenManager
from mpesakit.b2c import B2CCommandIDType
from mpesakit.errors import MpesaApiException
from mpesakit.http_client import MpesaHttpClient
from mpesakit.security import generate_security_credential
from mpesakit.services import (
    B2CService,
    BalanceService,
    C2BService,
    DynamicQRCodeService,
    ReversalService,
    StkPushService,
    TransactionService,
)

from tests.simulator_process import simulator

SHORTCODE = 174379
PHONE = "254708374149"
PASSWORD = "simulator-initiator-password"
# Nobody listens there: what the simulator tells is read from its book.
RESULT_URL, TIMEOUT_URL = "http://127.0.0.1:9/result", "http://127.0.0.1:9/timeout"


class IndependentClientTest(unittest.TestCase):
    """mpesakit as its users have it, with another base URL and without the proxies of the environment."""

    def setUp(self) -> None:
        self.simulator = simulator()
        self.simulator.reset()
        self.http = MpesaHttpClient(use_session=True, trust_env=False)
        self.http.base_url = self.simulator.url
        self.addCleanup(self.http.close)
        self.tokens = self.token_manager("simulator-consumer-secret")
        self.certificate = httpx.get(f"{self.simulator.url}/control/certificate", trust_env=False).text

    def token_manager(self, secret: str) -> TokenManager:
        return TokenManager(http_client=self.http, consumer_key="simulator-consumer-key", consumer_secret=secret)

    def service(self, kind: type[Any]) -> Any:
        return kind(http_client=self.http, token_manager=self.tokens)

    def caller(self, **more: Any) -> dict[str, Any]:
        """What every initiator request carries, by the names the library has for it."""
        key = x509.load_pem_x509_certificate(self.certificate.encode()).public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        sealed = base64.b64encode(key.encrypt(PASSWORD.encode(), padding.PKCS1v15())).decode()
        answers = {"result_url": RESULT_URL, "queue_timeout_url": TIMEOUT_URL}
        return {"security_credential": sealed, "remarks": "Order 20418", **answers, **more}

    def push(self) -> Any:
        return self.service(StkPushService).push(
            business_short_code=SHORTCODE,
            transaction_type="CustomerPayBillOnline",
            amount=1500,
            party_a=PHONE,
            party_b=str(SHORTCODE),
            phone_number=PHONE,
            callback_url="http://127.0.0.1:9/collect",
            account_reference="INV-20418",
            transaction_desc="Order 20418",
            passkey="simulator-passkey",
        )

    def pay_in(self) -> str:
        """The receipt of a payment of 1500."""
        return str(self.simulator.approve(self.push().CheckoutRequestID)["receipt"])

    def pay_out(self, originator_conversation_id: str, **more: Any) -> Any:
        return self.service(B2CService).send_payment(
            originator_conversation_id=originator_conversation_id,
            initiator_name="simulator-initiator",
            command_id=B2CCommandIDType.BusinessPayment,
            amount=2500,
            party_a=str(SHORTCODE),
            party_b=PHONE,
            **self.caller(**more),
        )

    def transfer(self, originator_conversation_id: str) -> dict[str, Any]:
        """The book's line of one initiator request."""
        listed = self.simulator.call("GET", "transfers", originator_conversation_id=originator_conversation_id)
        (found,) = listed["transfers"]
        return dict(found)

    def assert_accepted(self, answer: Any, *, kind: str) -> dict[str, Any]:
        self.assertTrue(answer.is_successful())
        line = self.transfer(answer.OriginatorConversationID)
        self.assertEqual((line["kind"], line["conversation_id"]), (kind, answer.ConversationID))
        self.assertEqual((line["status"], line["result_code"]), ("completed", "0"))
        return line

    def test_token(self) -> None:
        first = self.tokens.get_token()
        self.assertEqual(len(first), 28)
        self.assertEqual(self.tokens.get_token(), first)
        self.assertNotEqual(self.tokens.get_token(force_refresh=True), first)

    def test_wrong_secret(self) -> None:
        with self.assertRaises(MpesaApiException) as caught:
            self.token_manager("wrong").get_token()
        self.assertEqual(caught.exception.error.error_code, "AUTH_INVALID_CREDENTIALS")

    def test_push_and_query(self) -> None:
        pushed = self.push()
        self.assertTrue(pushed.is_successful())
        prompt = self.simulator.prompt(pushed.CheckoutRequestID)
        self.assertEqual((prompt["status"], prompt["amount"], prompt["phone"]), ("open", 1500, PHONE))
        query = {
            "business_short_code": SHORTCODE,
            "checkout_request_id": pushed.CheckoutRequestID,
            "passkey": "simulator-passkey",
        }
        with self.assertRaises(MpesaApiException) as caught:
            self.service(StkPushService).query(**query)
        self.assertEqual(caught.exception.error.error_message, "The transaction is being processed")
        self.simulator.approve(pushed.CheckoutRequestID)
        answer = self.service(StkPushService).query(**query)
        self.assertTrue(answer.is_successful())
        self.assertEqual(str(answer.ResultCode), "0")

    def test_c2b_registration(self) -> None:
        self.simulator.call("DELETE", "shortcodes/c2b-urls")
        self.addCleanup(self.simulator.call, "DELETE", "shortcodes/c2b-urls")
        answer = self.service(C2BService).register_url(
            short_code=SHORTCODE,
            response_type="Completed",
            confirmation_url="http://127.0.0.1:9/confirm",
            validation_url="http://127.0.0.1:9/validate",
        )
        self.assertTrue(answer.is_successful())
        urls = self.simulator.call("GET", "shortcodes")["c2b_urls"]
        self.assertEqual((urls["version"], urls["response_type"]), ("v1", "Completed"))
        self.assertEqual(urls["confirmation_url"], "http://127.0.0.1:9/confirm")

    def test_b2c(self) -> None:
        line = self.assert_accepted(self.pay_out("PO-1"), kind="b2c")
        self.assertEqual((line["originator_conversation_id"], line["cents"], line["phone"]), ("PO-1", 250_000, PHONE))

    def test_b2c_sent_twice(self) -> None:
        self.pay_out("PO-1")
        with self.assertRaises(MpesaApiException) as caught:
            self.pay_out("PO-1")
        self.assertEqual(caught.exception.error.error_message, "Duplicate OriginatorConversationID.")
        self.assertEqual(self.simulator.summary()["paid_out_cents"], 250_000)

    def test_the_librarys_own_credential_carries_a_timestamp(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "certificate.pem"
            path.write_text(self.certificate)
            sealed = generate_security_credential(PASSWORD, cert_path=str(path))
        self.assertTrue(self.pay_out("PO-1", security_credential=sealed).is_successful())
        line = self.transfer("PO-1")
        self.assertEqual((line["status"], line["result_code"]), ("failed", "2001"))

    def test_transaction_status(self) -> None:
        service = self.service(TransactionService)
        asked = {"initiator": "simulator-initiator", "party_a": SHORTCODE, "identifier_type": 4, **self.caller()}
        receipt = self.pay_in()
        line = self.assert_accepted(service.query_status(transaction_id=receipt, **asked), kind="status")
        self.assertEqual(line["original"], receipt)
        self.pay_out("PO-1")
        answer = service.query_status(transaction_id="", OriginalConversationID="PO-1", **asked)
        self.assertEqual(self.assert_accepted(answer, kind="status")["original"], "PO-1")

    def test_account_balance(self) -> None:
        answer = self.service(BalanceService).query(
            initiator="simulator-initiator",
            command_id="AccountBalance",
            party_a=SHORTCODE,
            identifier_type=4,
            **self.caller(),
        )
        self.assert_accepted(answer, kind="balance")

    def test_reversal(self) -> None:
        receipt = self.pay_in()
        answer = self.service(ReversalService).reverse(
            initiator="simulator-initiator",
            transaction_id=receipt,
            amount=1500,
            receiver_party=SHORTCODE,
            **self.caller(),
        )
        self.assertEqual(self.assert_accepted(answer, kind="reversal")["original"], receipt)
        self.assertEqual(self.simulator.summary()["reversed_cents"], 150_000)

    def test_dynamic_qr(self) -> None:
        answer = self.service(DynamicQRCodeService).generate(
            merchant_name="ONPOINT DEMO",
            ref_no="INV-20418",
            amount=1500,
            trx_code="PB",
            cpi=str(SHORTCODE),
            size="300",
        )
        self.assertTrue(answer.is_successful())
        self.assertTrue(base64.b64decode(answer.QRCode, validate=True).startswith(b"\x89PNG"))
