"""Enrolling a shortcode and asking for a code to scan, as sent and as answered; tests bear the names of the shapes."""

import base64
import json

from onpoint_pay.kit.money import Money
from onpoint_pay.kit.tests.local_server import Reply, answer
from providers.errors import ProviderRejected
from providers.mpesa.tests.shapes import shape
from providers.mpesa.tests.test_shapes import ShapeTestCase
from providers.types import CallbackRegistration, CodeRequest, FailureCode

HOOKS = "https://pay.example.co.ke/api/v1/hooks/5f0c9a61e27b4d3ca8417f20"
REGISTRATION = CallbackRegistration(confirmation_url=f"{HOOKS}/confirm", validation_url=f"{HOOKS}/validate")
CODE = CodeRequest(payee="ONPOINT DEMO", account_reference="INV-20418", amount=Money(150_000))
TOKEN = answer(200, shape("oauth_generate_success"))


class RegistrationTestCase(ShapeTestCase):
    def register(self, *replies: Reply, request: CallbackRegistration = REGISTRATION, **changes: str) -> None:
        self.provider(TOKEN, *replies, **changes).register_callbacks(request)

    def enrol(self, *replies: Reply) -> None:
        self.provider(TOKEN, *replies).register_statement(phone="254722000000", callback_url=f"{HOOKS}/collect")

    def code(self, *replies: Reply, request: CodeRequest = CODE, **changes: str) -> bytes:
        return self.provider(TOKEN, *replies, **changes).payment_code(request)

    def assert_sent(self, path: str, name: str) -> None:
        seen = self.server.received[1]
        self.assertEqual((seen.method, seen.path, seen.json()), ("POST", path, json.loads(shape(name))))
        self.assertEqual(len(self.server.received), 2)

    def assert_refused(self, *replies: Reply) -> FailureCode:
        with self.assertRaises(ProviderRejected) as raised:
            self.register(*replies)
        return raised.exception.failure.code


class C2bRegistrationShapeTests(RegistrationTestCase):
    def test_c2b_register_request(self) -> None:
        for version in ("v1", "v2"):
            with self.subTest(version=version):
                self.register(answer(200, shape("c2b_register_success")), c2b_version=version)
                self.assert_sent(f"/mpesa/c2b/{version}/registerurl", "c2b_register_request")

    def test_c2b_register_success(self) -> None:
        self.register(answer(200, shape("c2b_register_success")))
        eight_zeros = shape("c2b_register_success").replace(b'"0"', b'"00000000"')
        self.register(answer(200, eight_zeros))

    def test_c2b_register_error_already_registered(self) -> None:
        self.register(answer(500, shape("c2b_register_error_already_registered")))
        self.assertEqual(len(self.server.received), 2)

    def test_c2b_register_error_duplicate_notification(self) -> None:
        refused = answer(500, shape("c2b_register_error_duplicate_notification"))
        self.assertEqual(self.assert_refused(refused), FailureCode.SHORTCODE_MISCONFIGURED)

    def test_c2b_register_already_registered_legacy(self) -> None:
        refused = answer(200, shape("c2b_register_already_registered_legacy"))
        self.assertEqual(self.assert_refused(refused), FailureCode.SHORTCODE_MISCONFIGURED)

    def test_error_soap_fault_register_url(self) -> None:
        refused = answer(500, shape("error_soap_fault_register_url"))
        self.assertEqual(self.assert_refused(refused), FailureCode.SHORTCODE_MISCONFIGURED)


class PullRegistrationShapeTests(RegistrationTestCase):
    def test_pull_register_request(self) -> None:
        self.enrol(answer(200, shape("pull_register_response")))
        self.assert_sent("/pulltransactions/v1/register", "pull_register_request")

    def test_pull_register_response(self) -> None:
        self.enrol(answer(200, shape("pull_register_response")))

    def test_pull_register_response_spaced_keys(self) -> None:
        self.enrol(answer(200, shape("pull_register_response_spaced_keys")))


class CodeShapeTests(RegistrationTestCase):
    def test_dynamic_qr_request(self) -> None:
        self.code(answer(200, shape("dynamic_qr_response")))
        self.assert_sent("/mpesa/qrcode/v1/generate", "dynamic_qr_request")

    def test_dynamic_qr_response(self) -> None:
        told = json.loads(shape("dynamic_qr_response"))
        picture = base64.b64decode(told["QRCode"])
        self.assertTrue(picture.startswith(b"\x89PNG"))
        for code in ("00", "0", "AG_20261114_20106e9209f64bebd05b"):
            with self.subTest(code=code):
                body = json.dumps(told | {"ResponseCode": code}).encode()
                self.assertEqual(self.code(answer(200, body)), picture)
