"""Hashing, HMAC and sealed texts: AES-256-GCM under a merchant's own data key, bound to the place they stand in."""

import hashlib
import hmac
from typing import Any
from uuid import UUID

from django.conf import settings

from onpoint_pay.kit import data_keys
from onpoint_pay.kit.keyring import CannotOpen as CannotOpen
from onpoint_pay.kit.keyring import KeyringInvalid as KeyringInvalid
from onpoint_pay.kit.keyring import close, keyring, open_with

FIRST, SECOND = "v1", "v2"


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"\x00".join(parts)).digest()


def keyed_digest(text: str) -> bytes:
    """HMAC-SHA-256 under API_KEY_PEPPER: what is stored of an API key."""
    return hmac.new(settings.API_KEY_PEPPER.encode(), text.encode(), hashlib.sha256).digest()


def same(left: bytes, right: bytes) -> bool:
    return hmac.compare_digest(left, right)


def seal(plain: str, *, bound_to: str, merchant_id: UUID | None = None) -> str:
    """`v2.data key.base64(nonce + ciphertext)`. `bound_to` names table, column and row, `merchant_id` whose it is.

    Anywhere else it does not open. None stands for the platform. Raises KeyringInvalid.
    """
    number, key = data_keys.sealing_key(merchant_id)
    return f"{SECOND}.{number}.{close(key, plain.encode(), bound_to=_place(bound_to, merchant_id))}"


def unseal(sealed: str, *, bound_to: str, merchant_id: UUID | None = None) -> str:
    """Raises CannotOpen for a foreign or destroyed key, a changed text, or the text of another row or merchant.

    Texts of the first version, sealed by the keyring itself and bound to their row alone, open as well.
    """
    version, _, rest = sealed.partition(".")
    name, _, encoded = rest.partition(".")
    if version == SECOND and name.isascii() and name.isdigit() and len(name) < 19:
        key = data_keys.opening_key(int(name))
        return _text(open_with(key, encoded, bound_to=_place(bound_to, merchant_id)))
    if version == FIRST and name in keyring():
        return _text(open_with(keyring()[name], encoded, bound_to=bound_to))
    raise CannotOpen("unknown version or key")


def _place(bound_to: str, merchant_id: UUID | None) -> str:
    return f"{bound_to}|{merchant_id or 'platform'}"


def _text(plain: bytes) -> str:
    try:
        return plain.decode()
    except UnicodeDecodeError as error:
        raise CannotOpen("sealed text does not open") from error


def fingerprint(value: Any) -> str:
    """Hex SHA-256 of canonical JSON: sorted keys, no blanks."""
    import orjson

    canonical = orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str)
    return hashlib.sha256(canonical).hexdigest()
