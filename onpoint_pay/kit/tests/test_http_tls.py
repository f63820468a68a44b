"""TLS at the network door: the certificate is checked against the name, whatever address was called."""

import datetime
import socket
import ssl
import tempfile
import unittest
import warnings
from pathlib import Path
from unittest import mock

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from onpoint_pay.kit import addresses, clock
from onpoint_pay.kit.http import HttpClient, NoAnswer, NotSent
from onpoint_pay.kit.sockets import tls_context
from onpoint_pay.kit.tests.local_server import LocalServer, drip, reset

HOST = "provider.example"


def make_certificate(folder: Path, host: str) -> Path:
    """A self-signed certificate and its key in one PEM file, trusted by whoever loads it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    today = clock.now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{host}.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


class TlsTests(unittest.TestCase):
    def setUp(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        certificate = make_certificate(folder, HOST)
        self.names_asked: list[str | None] = []
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        self.tls, self.ca_file = tls, str(certificate)
        tls.sni_callback = lambda connection, name, context: self.names_asked.append(name)
        self.server = self.enterContext(LocalServer(tls=tls))
        here = [addresses.Address(socket.AF_INET, ("127.0.0.1", self.server.port))]
        self.enterContext(mock.patch.object(addresses, "resolve", return_value=here))
        self.client = HttpClient("test", allow_private=True, ca_file=str(certificate))
        self.addCleanup(self.client.close)

    def test_the_name_is_kept_for_host_header_sni_and_certificate(self) -> None:
        for _ in range(2):
            self.assertEqual(self.client.send("POST", f"https://{HOST}/", headers={}, body=b"x").status, 200)
        self.assertEqual(self.server.received[0].headers["host"], HOST)
        self.assertEqual(self.names_asked, [HOST])
        self.assertEqual(len({seen.peer_port for seen in self.server.received}), 1)

    def test_another_name_is_not_sent(self) -> None:
        with self.assertRaises(NotSent):
            self.client.send("POST", "https://other.example/", headers={}, body=b"x")
        self.assertEqual(self.server.received, [])

    def test_an_unknown_issuer_is_not_sent(self) -> None:
        client = HttpClient("test", allow_private=True)
        with self.assertRaises(NotSent):
            client.send("POST", f"https://{HOST}/", headers={}, body=b"x")
        self.assertEqual(self.server.received, [])

    def test_old_tls_is_not_sent(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self.tls.set_ciphers("ALL:@SECLEVEL=0")
            self.tls.minimum_version = ssl.TLSVersion.TLSv1
            self.tls.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises(NotSent) as raised:
            self.client.send("POST", f"https://{HOST}/", headers={}, body=b"x")
        self.assertEqual(raised.exception.reason, "tls_failed")
        self.assertEqual(self.server.received, [])

    def test_all_clients_of_a_process_share_one_context(self) -> None:
        self.assertIs(tls_context(self.ca_file), tls_context(self.ca_file))
        self.assertEqual(tls_context(self.ca_file).verify_mode, ssl.CERT_REQUIRED)
        self.assertTrue(tls_context(self.ca_file).check_hostname)

    def test_a_drip_and_a_reset_are_no_answer(self) -> None:
        self.server.script(drip(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"), reset)
        with self.assertRaises(NoAnswer):
            self.client.send("POST", f"https://{HOST}/", headers={}, body=b"x", deadline_seconds=0.5)
        with self.assertRaises(NoAnswer):
            self.client.send("POST", f"https://{HOST}/", headers={}, body=b"x")
