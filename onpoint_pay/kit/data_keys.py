"""One data key for each merchant, which seals that merchant's rows and is itself sealed by a key of the keyring.

Opened keys stay in the process for a minute: a key that was destroyed opens nothing after that.
"""

import os
import time
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection, transaction

from onpoint_pay.kit.keyring import CannotOpen, close, keyring, newest, open_with

KEPT_SECONDS = 60.0
KEPT_KEYS = 10_000
CURRENT = "SELECT id, ring_key, wrapped FROM data_key WHERE merchant_id IS NOT DISTINCT FROM %s AND is_current"
BY_ID = "SELECT merchant_id, ring_key, wrapped FROM data_key WHERE id = %s"
NEXT = "SELECT nextval(pg_get_serial_sequence('data_key', 'id'))"
ADD = """
INSERT INTO data_key (id, merchant_id, ring_key, wrapped) VALUES (%s, %s, %s, %s)
ON CONFLICT (merchant_id) WHERE is_current DO NOTHING RETURNING id
"""

_keys: dict[int, tuple[AESGCM, float]] = {}
_current: dict[UUID | None, tuple[int, float]] = {}


def forget() -> None:
    """What this process knows of keys; the next use reads it anew."""
    _keys.clear()
    _current.clear()


def sealing_key(merchant_id: UUID | None) -> tuple[int, AESGCM]:
    """The merchant's current data key (None: the platform's) and its number; made at the first use."""
    known = _current.get(merchant_id)
    if known is not None and known[1] > time.monotonic():
        return known[0], opening_key(known[0])
    number, key = _find(merchant_id) or _make(merchant_id)
    if not _is_young(number):
        _keep(number, key, merchant_id)
    return number, key


def opening_key(number: int) -> AESGCM:
    """Raises CannotOpen for a key that is not there, is destroyed, or whose own key has left the keyring."""
    known = _keys.get(number)
    if known is not None and known[1] > time.monotonic():
        return known[0]
    row = _asked(BY_ID, [number])
    if row is None:
        raise CannotOpen(f"data key {number} is not there")
    key = unwrapped(number, *row)
    if not _is_young(number):
        _keep(number, key)
    return key


def wrap(number: int, merchant_id: UUID | None, secret: bytes) -> tuple[str, str]:
    """The id of the key of the ring that seals now, and the data key sealed by it for its own row."""
    ring_key = newest()
    return ring_key, close(keyring()[ring_key], secret, bound_to=_place(number, merchant_id))


def unwrap(number: int, merchant_id: UUID | None, ring_key: str, wrapped: str | None) -> bytes:
    """The bytes of a data key. Raises CannotOpen."""
    if wrapped is None:
        raise CannotOpen(f"data key {number} is destroyed")
    if ring_key not in keyring():
        raise CannotOpen(f"data key {number} needs {ring_key}, which is not in ENCRYPTION_KEYS")
    return open_with(keyring()[ring_key], wrapped, bound_to=_place(number, merchant_id))


def unwrapped(number: int, merchant_id: UUID | None, ring_key: str, wrapped: str | None) -> AESGCM:
    """As unwrap, ready for use."""
    return AESGCM(unwrap(number, merchant_id, ring_key, wrapped))


def _place(number: int, merchant_id: UUID | None) -> str:
    return f"data_key.wrapped:{number}:{merchant_id or 'platform'}"


def _find(merchant_id: UUID | None) -> tuple[int, AESGCM] | None:
    row = _asked(CURRENT, [merchant_id])
    return None if row is None else (row[0], unwrapped(row[0], merchant_id, row[1], row[2]))


def _make(merchant_id: UUID | None) -> tuple[int, AESGCM]:
    """A new key, unless somebody else makes it at this moment: then theirs."""
    (number,) = _asked(NEXT, [])
    secret = os.urandom(32)
    if _asked(ADD, [number, merchant_id, *wrap(number, merchant_id, secret)]) is None:
        found = _find(merchant_id)
        assert found is not None  # noqa: S101 - it was in the way
        return found
    _note_young(number)
    return number, AESGCM(secret)


def _asked(sql: str, values: list[Any]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()


def _keep(number: int, key: AESGCM, *merchant: UUID | None) -> None:
    if len(_keys) > KEPT_KEYS:
        forget()
    until = time.monotonic() + KEPT_SECONDS
    _keys[number] = key, until
    for merchant_id in merchant:
        _current[merchant_id] = number, until


# --- keys that this transaction has made ------------------------------------------------------------------------------
# Should it be undone, the key is gone: nothing may be sealed with it afterwards.


def _young() -> set[int]:
    found: set[int] = connection.__dict__.setdefault("onpoint_young_keys", set())
    return found


def _note_young(number: int) -> None:
    if connection.in_atomic_block:
        young = _young()
        young.add(number)
        transaction.on_commit(lambda: young.discard(number), robust=True)


def _is_young(number: int) -> bool:
    return number in _young()
