"""The keys that seal keys: id and 32 bytes each, from ENCRYPTION_KEYS, the newest first."""

import base64
import binascii
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE_BYTES = 12


class CannotOpen(Exception):
    """The sealed text was changed, moved to another place, or its key is not there any more."""


class KeyringInvalid(Exception):
    """ENCRYPTION_KEYS cannot be read; the text says which entry."""


def keyring() -> dict[str, AESGCM]:
    """By id, the newest first. Raises KeyringInvalid."""
    return _read(tuple(settings.ENCRYPTION_KEYS))


def newest() -> str:
    """The id of the key that seals."""
    return next(iter(keyring()))


@lru_cache(maxsize=4)
def _read(entries: tuple[str, ...]) -> dict[str, AESGCM]:
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


def close(key: AESGCM, plain: bytes, *, bound_to: str) -> str:
    """Base64 of nonce and ciphertext, which opens with the same key and `bound_to` only."""
    nonce = os.urandom(NONCE_BYTES)
    return base64.b64encode(nonce + key.encrypt(nonce, plain, bound_to.encode())).decode()


def open_with(key: AESGCM, encoded: str, *, bound_to: str) -> bytes:
    """Raises CannotOpen."""
    try:
        raw = base64.b64decode(encoded, validate=True)
        return key.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], bound_to.encode())
    except (ValueError, InvalidTag) as error:
        raise CannotOpen("sealed text does not open") from error
