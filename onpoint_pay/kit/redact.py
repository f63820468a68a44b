"""Masks phone numbers and secrets in anything about to be logged, stored as evidence or shown."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

MASK = "****"
DEEPEST = 24
TOO_DEEP = "(deeper content left out)"

_SECRET_WORDS = (
    "authorization", "password", "passkey", "passphrase", "secret", "token", "securitycredential", "consumer", "apikey",
    "cookie", "encryptionkey",
)  # fmt: skip
_SECRET_NAMES = frozenset({"access", "refresh", "pin", "challenge", "recoverycodes", "otpauthurl", "qrsvg"})
_NAME_NOISE = str.maketrans("", "", "_- .")

# Every pattern starts at a place that cannot lie inside its own match and has no nested repeats: time stays linear.
_PHONE = re.compile(r"(?<![0-9])(?:\+?254[ -]?|(?<![0-9A-Za-z.])0)([17][0-9]{2}[ -]?[0-9]{3}[ -]?[0-9]{3})(?![0-9])")
# The M-Pesa checkout id: a stamp of 14 digits, a fraction of one to three, then the payer's last nine digits.
_CHECKOUT_ID = re.compile(r"(ws_CO_[0-9]{15,17})[17][0-9]{4}([0-9]{4})(?![0-9])")
_API_KEY = re.compile(r"(?<![0-9A-Za-z])(sk_|rk_|whsec_|mfa_)[0-9A-Za-z_+/=-]{4,}")
_BEARER = re.compile(r"(?i)(?<![a-z])(bearer |basic |access token ?- ?)[0-9a-z._~+/=-]{16,}")
_WEB_TOKEN = re.compile(r"(?<![0-9A-Za-z_-])eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]*")
_NAMED = re.compile(
    r"(?i)((?:password|passkey|secret|token|securitycredential|consumer_?key)[\"']? ?[:=] ?)"
    r"(\"[^\"]*\"|'[^']*'|[^\s\"',;&}]+)"
)
_SECRET_IN_QUERY = re.compile(
    r"(?i)^(?:api[_-]?key|(?:access|refresh)[_-]?token|secret[_-]?key|authorization)="
    r"|(?<![0-9a-z])(?:(?:sk|rk|pk)_(?:test|live)_|whsec_|eyJ[0-9a-z_-]{8,}\.[0-9a-z_-]+\.)"
)
# Patterns that ignore case are slow. Most texts have none of their words, which is quickly seen.
_NAMED_WORDS = ("password", "passkey", "secret", "token", "securitycredential", "consumer")
_BEARER_WORDS = ("bearer ", "basic ", "access token")
_LONGEST_KEPT_NAME = 64


def mask_phone(phone: str) -> str:
    """2547****5678 for any spelling of a Kenyan number; other text keeps at most its last four characters."""
    digits = "".join(character for character in phone if character in "0123456789")
    if len(digits) >= 9:
        return f"254{digits[-9]}{MASK}{digits[-4:]}"
    return MASK + phone[-4:] if len(phone) > 8 else MASK


def redact(value: Any) -> Any:
    """A copy of `value` with phone numbers and secrets masked, through dicts, lists, tuples, text, bytes and numbers.

    Content nested deeper than DEEPEST levels is replaced by a note.
    """
    return _redact(value, 0)


def _redact(value: Any, depth: int) -> Any:
    if depth > DEEPEST:
        return TOO_DEEP
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return dict(_redact_pair(key, item, depth + 1) for key, item in value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        return _redact_items(value, depth + 1)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return redact_text(bytes(value).decode("latin-1")).encode("latin-1")
    if isinstance(value, int) and not isinstance(value, bool):
        return _redact_number(value)
    return value


def _redact_items(items: Any, depth: int) -> Any:
    masked = [_redact(item, depth) for item in items]
    return tuple(masked) if isinstance(items, tuple) else masked


def _redact_number(number: int) -> int | str:
    """Providers send phone numbers as JSON numbers too."""
    is_phone = 254_100_000_000 <= number <= 254_799_999_999
    return redact_text(str(number)) if is_phone else number


def _redact_pair(key: Any, item: Any, depth: int) -> tuple[Any, Any]:
    """A secret's name hides whatever it holds, unless that is nothing or a plain yes or no."""
    shown, is_secret = _judge_name(key) if isinstance(key, str) else (key, False)
    if is_secret and not (item is None or isinstance(item, bool)):
        return shown, MASK
    return shown, _redact(item, depth)


def _judge_name(name: str) -> tuple[str, bool]:
    """The name as it may be shown, and whether it is a secret's. The same few names come again and again."""
    return _kept_judgement(name) if len(name) <= _LONGEST_KEPT_NAME else (redact_text(name), is_secret_name(name))


@lru_cache(maxsize=1024)
def _kept_judgement(name: str) -> tuple[str, bool]:
    return redact_text(name), is_secret_name(name)


def is_secret_name(name: str) -> bool:
    plain = name.lower().translate(_NAME_NOISE)
    return plain in _SECRET_NAMES or any(word in plain for word in _SECRET_WORDS)


def query_holds_secret(query: str) -> bool:
    """Whether a query string, percent-encoded or not, names a secret or holds a key, a webhook secret or a token."""
    return bool(query) and any(_SECRET_IN_QUERY.search(unquote_plus(pair)) for pair in query.split("&"))


def redact_text(text: str) -> str:
    """The text with every phone number, API key, bearer token, web token and `secret=value` masked."""
    text = _CHECKOUT_ID.sub(_mask_checkout, text)
    if _may_hold(text, _NAMED_WORDS):
        text = _NAMED.sub(_keep_start, text)
    if _may_hold(text, _BEARER_WORDS):
        text = _BEARER.sub(_keep_start, text)
    text = _API_KEY.sub(_keep_start, text)
    text = _WEB_TOKEN.sub(MASK, text)
    return _PHONE.sub(_mask_found_phone, text)


def _may_hold(text: str, words: tuple[str, ...]) -> bool:
    """False only when no pattern of these words can match. Other alphabets have letters that fold into ours."""
    if not text.isascii():
        return True
    lower = text.lower()
    return any([word in lower for word in words])


def _keep_start(found: re.Match[str]) -> str:
    return found[1] + MASK


def _mask_checkout(found: re.Match[str]) -> str:
    return f"{found[1]}*****{found[2]}"


def _mask_found_phone(found: re.Match[str]) -> str:
    return mask_phone(found[1])
