"""The security credential: encrypted as Daraja wants it, once for each password, with certificates of any age."""

import base64
import unittest
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from providers.errors import ProviderRejected
from providers.mpesa.credential import security_credential
from providers.mpesa.tests.shapes import CREDENTIAL, make_config
from providers.types import FailureCode

PASSWORD = "simulator-initiator-password"


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, *, since: int = 2014, until: int = 2016) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "apicrypt.example.co.ke")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(datetime(since, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(until, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


class CredentialTests(unittest.TestCase):
    def credential(self, pem: str, password: str = PASSWORD) -> str:
        return security_credential(make_config(security_credential="", initiator_password=password, certificate=pem))

    def decrypted(self, credential: str) -> bytes:
        return rsa_key().decrypt(base64.b64decode(credential, validate=True), PKCS1v15())

    def test_is_the_password_for_the_holder_of_the_key(self) -> None:
        found = self.credential(certificate(rsa_key()))
        self.assertEqual(self.decrypted(found), PASSWORD.encode())
        self.assertEqual(len(found), 344)

    def test_dates_of_the_certificate_do_not_matter(self) -> None:
        for since, until in ((2014, 2016), (2090, 2091)):
            pem = certificate(rsa_key(), since=since, until=until)
            with self.subTest(until=until):
                self.assertEqual(self.decrypted(self.credential(pem)), PASSWORD.encode())

    def test_is_made_once_for_each_password_and_certificate(self) -> None:
        pem = certificate(rsa_key())
        self.assertEqual(self.credential(pem), self.credential(pem))
        self.assertNotEqual(self.credential(pem), self.credential(pem, "another-password"))
        self.assertNotEqual(self.credential(pem), self.credential(certificate(rsa_key(), until=2017)))

    def test_a_finished_one_is_taken_as_it_is(self) -> None:
        config = make_config(initiator_password=PASSWORD, certificate="never looked at")
        self.assertEqual(security_credential(config), CREDENTIAL)

    def test_certificates_that_are_of_no_use(self) -> None:
        curve = certificate(ec.generate_private_key(ec.SECP256R1()))
        pem = certificate(rsa_key())
        for name, bad in {"text": "certificate", "curve": curve, "cut": pem[:200], "empty": " "}.items():
            with self.subTest(name=name), self.assertRaises(ProviderRejected) as raised:
                self.credential(bad)
            self.assertEqual(raised.exception.failure.code, FailureCode.CREDENTIALS_REJECTED)
            self.assertNotIn(PASSWORD, f"{raised.exception} {raised.exception.outcome}")

    def test_a_password_longer_than_the_key_can_carry(self) -> None:
        with self.assertRaises(ProviderRejected):
            self.credential(certificate(rsa_key()), "x" * 300)

    def test_the_config_shows_none_of_it(self) -> None:
        shown = repr(make_config(initiator_password=PASSWORD, certificate=certificate(rsa_key())))
        for hidden in (PASSWORD, CREDENTIAL, "BEGIN CERTIFICATE"):
            self.assertNotIn(hidden, shown)
