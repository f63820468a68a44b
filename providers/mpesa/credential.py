"""The initiator's password as Daraja wants to see it: encrypted for the operator's certificate."""

import base64
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from providers.errors import ProviderRejected
from providers.mpesa import words
from providers.mpesa.answers import not_sent
from providers.mpesa.config import MpesaConfig
from providers.mpesa.receiver_words import to_receiver

CREDENTIALS_KEPT = 256


def security_credential(config: MpesaConfig) -> str:
    """The finished credential of the config, or the password encrypted; it may be used again and again.

    Raises ProviderRejected when the config has no API user, or a certificate that cannot be used, ProviderUnavailable
    when the certificate could not be fetched.
    """
    if not config.initiator_name:
        raise _no_initiator("no API user is set up")
    if config.security_credential:
        return config.security_credential
    if not config.initiator_password or not config.certificate:
        raise _no_initiator("neither a security credential nor a password and a certificate are set up")
    certificate = config.certificate() if callable(config.certificate) else config.certificate
    try:
        return _encrypted(config.initiator_password, certificate)
    except (ValueError, UnsupportedAlgorithm):
        raise _no_initiator("the certificate cannot be used to encrypt the password") from None


@lru_cache(maxsize=CREDENTIALS_KEPT)
def _encrypted(password: str, certificate: str) -> str:
    """Daraja: RSA with PKCS #1 v1.5 padding, in base64. Both of its certificates are past their dates and in use."""
    key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    if not isinstance(key, RSAPublicKey):
        raise ValueError("not an RSA key")
    return base64.b64encode(key.encrypt(password.encode(), PKCS1v15())).decode()


def _no_initiator(message: str) -> ProviderRejected:
    return not_sent(to_receiver(words.INITIATOR), message)
