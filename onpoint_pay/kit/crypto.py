"""Hashing, HMAC and the sealed model field: AES-256-GCM with key ids and associated data."""

import base64
import binascii
import hashlib
import hmac
import os
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE_BYTES = 12


class CannotOpen(Exception):
    """The sealed text was changed, moved to another row, or its key is not in the keyring."""


class KeyringInvalid(Exception):
    """ENCRYPTION_KEYS cannot be read; the text says which entry."""


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"\x00".join(parts)).digest()


def keyed_digest(text: str) -> bytes:
    """HMAC-SHA-256 under API_KEY_PEPPER: what is stored of an API key."""
    return hmac.new(settings.API_KEY_PEPPER.encode(), text.encode(), hashlib.sha256).digest()


def same(left: bytes, right: bytes) -> bool:
    return hmac.compare_digest(left, right)


@lru_cache(maxsize=4)
def _keyring(entries: tuple[str, ...]) -> dict[str, AESGCM]:
    ring: dict[str, AESGCM] = {}
    for entry in entries:
        key_id, _, encoded = entry.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if not key_id or len(key) != 32:
            raise KeyringInvalid(f"ENCRYPTION_KEYS entry {key_id!r} is not `id:` and the base64 of 32 bytes.")
        ring[key_id] = AESGCM(key)
    if not ring:
        raise KeyringInvalid("ENCRYPTION_KEYS is empty: set it to `k1:` and the base64 of 32 random bytes.")
    return ring


def seal(plain: str, *, bound_to: str) -> str:
    """`v1.key id.base64(nonce + ciphertext)`. `bound_to` names table, column, row: elsewhere it does not open."""
    ring = _keyring(tuple(settings.ENCRYPTION_KEYS))
    key_id = next(iter(ring))
    nonce = os.urandom(NONCE_BYTES)
    sealed = ring[key_id].encrypt(nonce, plain.encode(), bound_to.encode())
    return f"v1.{key_id}.{base64.b64encode(nonce + sealed).decode()}"


def unseal(sealed: str, *, bound_to: str) -> str:
    """Raises CannotOpen for a foreign key, a changed text, or another row's text."""
    ring = _keyring(tuple(settings.ENCRYPTION_KEYS))
    try:
        version, key_id, encoded = sealed.split(".", 2)
        raw = base64.b64decode(encoded, validate=True)
        if version != "v1":
            raise CannotOpen("unknown version")
        return ring[key_id].decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], bound_to.encode()).decode()
    except (ValueError, KeyError, InvalidTag) as error:
        raise CannotOpen("sealed text does not open") from error


def fingerprint(value: Any) -> str:
    """Hex SHA-256 of canonical JSON: sorted keys, no blanks."""
    import orjson

    canonical = orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str)
    return hashlib.sha256(canonical).hexdigest()
