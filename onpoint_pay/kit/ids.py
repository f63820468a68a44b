"""Identifiers: UUIDv7 keys, their public form (`pay_` and 26 letters), and references people read aloud."""

import secrets
import uuid
from datetime import datetime

from uuid_utils.compat import uuid7

from onpoint_pay.kit.clock import nairobi

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 26
_VALUES = {letter: value for value, letter in enumerate(ALPHABET)}
# Letters people mistype for digits are read as those digits (Crockford base 32).
_VALUES |= {"I": 1, "L": 1, "O": 0}


class PublicIdInvalid(ValueError):
    """The text is not a public id of the asked kind."""


def new_id() -> uuid.UUID:
    """A time-ordered 128-bit key."""
    return uuid7()


def to_public(prefix: str, key: uuid.UUID) -> str:
    """`pay` and a key give `pay_01K…`: the same 128 bits in Crockford base 32."""
    number = key.int
    letters = [ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5)]
    return f"{prefix}_{''.join(letters)}"


def from_public(prefix: str, text: str) -> uuid.UUID:
    """The key inside a public id. Raises PublicIdInvalid for another kind, length or letter."""
    found, separator, letters = text.partition("_")
    if found != prefix or not separator or len(letters) != LENGTH:
        raise PublicIdInvalid(text)
    number = 0
    for letter in letters.upper():
        if letter not in _VALUES:
            raise PublicIdInvalid(text)
        number = number << 5 | _VALUES[letter]
    if number >> 128:
        raise PublicIdInvalid(text)
    return uuid.UUID(int=number)


def random_letters(length: int) -> str:
    """Letters and digits that cannot be confused, drawn from the system's secure source."""
    # 32 letters share 256 byte values evenly.
    return "".join([ALPHABET[byte & 31] for byte in secrets.token_bytes(length)])


def new_reference(prefix: str, at: datetime) -> str:
    """`TXN20261121K7Q2ZD`: prefix, day in Nairobi, six letters. Unique only because the database says so."""
    return f"{prefix}{nairobi(at):%Y%m%d}{random_letters(6)}"
