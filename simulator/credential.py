"""Security credentials: the operator's key pair and certificate, and the initiators who may use the APIs."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from simulator.book import Book

WRONG_CREDENTIAL = "2001"
LOCKED = "8006"
MOST_FAILURES = 3

_KEY_BITS = 2048
_LIFE = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Initiator:
    """The API user of one shortcode."""

    name: str
    password: str


def initiator_of(book: Book, shortcode: str) -> Initiator | None:
    rows = book.rows("SELECT name, password FROM initiators WHERE shortcode = ?", (shortcode,))
    return Initiator(**dict(rows[0])) if rows else None


def save_initiator(book: Book, shortcode: str, initiator: Initiator) -> None:
    """The one initiator of a shortcode from now on; a lock is taken off."""
    book.change("INSERT OR REPLACE INTO initiators VALUES (?, ?, ?)", (shortcode, initiator.name, initiator.password))
    _forget_failures(book, shortcode)


def refuse_initiator(book: Book, shortcode: str, *, name: str, credential: str) -> str | None:
    """Result code for a wrong initiator, None for the right one; inside the caller's transaction.

    Daraja: a wrong name, password or padding is accepted at first and ends as 2001; after repeated failures
    the initiator is locked, and even the right credential ends as 8006.
    """
    if _failures(book, shortcode) >= MOST_FAILURES:
        return LOCKED
    initiator = initiator_of(book, shortcode)
    if initiator is not None and initiator.name == name and _opens(book, credential, initiator.password):
        _forget_failures(book, shortcode)
        return None
    _count_failure(book, shortcode)
    return WRONG_CREDENTIAL


def certificate(book: Book) -> str:
    """The operator's certificate as PEM: what a security credential is encrypted with."""
    return _key_pair(book)[1]


def _failures(book: Book, shortcode: str) -> int:
    rows = book.rows("SELECT failures FROM initiator_failures WHERE shortcode = ?", (shortcode,))
    return int(rows[0]["failures"]) if rows else 0


def _count_failure(book: Book, shortcode: str) -> None:
    book.change(
        "INSERT INTO initiator_failures VALUES (?, 1) ON CONFLICT (shortcode) DO UPDATE SET failures = failures + 1",
        (shortcode,),
    )


def _forget_failures(book: Book, shortcode: str) -> None:
    book.change("DELETE FROM initiator_failures WHERE shortcode = ?", (shortcode,))


def _opens(book: Book, credential: str, password: str) -> bool:
    try:
        sealed = base64.b64decode(credential, validate=True)
        opened = _load_key(_key_pair(book)[0]).decrypt(sealed, padding.PKCS1v15())
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(opened, password.encode())


def _key_pair(book: Book) -> tuple[str, str]:
    """Private key and certificate as PEM, made the first time they are needed."""
    rows = book.rows("SELECT private_key, certificate FROM key_pair")
    if not rows:
        book.change("INSERT INTO key_pair VALUES (1, ?, ?)", _make_key_pair())
        rows = book.rows("SELECT private_key, certificate FROM key_pair")
    return rows[0]["private_key"], rows[0]["certificate"]


@lru_cache(maxsize=8)
def _load_key(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("the book holds a key that is not RSA")
    return key


def _make_key_pair() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    private_key = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private_key.decode(), _self_sign(key).public_bytes(serialization.Encoding.PEM).decode()


def _self_sign(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "OnPoint Pay simulator")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFE)
        .sign(key, hashes.SHA256())
    )
