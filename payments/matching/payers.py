"""Who paid, as far as a confirmation tells: numbers in clear, hashed or with stars, and names in any order."""

import hashlib
import re
import unicodedata
from enum import IntEnum

FEWEST_WORDS = 2
# Three digits of the end are shared by one number in a thousand; fewer say nothing.
FEWEST_VISIBLE = 3
_STARS = re.compile(r"([0-9]*)([^0-9]+)([0-9]*)")
_APOSTROPHES = re.compile(r"['’‘`´]")
_WORD = re.compile(r"[^\W\d_]{2,}")


class PayerFit(IntEnum):
    """How a payer's number stands to one on file; greater is better."""

    DIFFERENT = 0
    UNKNOWN = 1
    COMPATIBLE = 2
    SAME = 3


def phone_digest(phone: str) -> str:
    """Lower-case hex SHA-256 of the 12 digits as text: the form in which networks hide a number."""
    return hashlib.sha256(phone.encode()).hexdigest()


def payer_fit(
    on_file: str | None, *, phone: str | None = None, phone_hash: str | None = None, phone_masked: str | None = None
) -> PayerFit:
    """Compare a canonical number on file with what a confirmation shows: its clear form first, then hash, then stars.

    Stars never prove a number: at best it is COMPATIBLE, and only when three digits of its end are visible.
    """
    if not on_file:
        return PayerFit.UNKNOWN
    if phone:
        return PayerFit.SAME if phone == on_file else PayerFit.DIFFERENT
    if phone_hash:
        return PayerFit.SAME if phone_hash.lower() == phone_digest(on_file) else PayerFit.DIFFERENT
    return _masked_fit(on_file, phone_masked or "")


def _masked_fit(on_file: str, masked: str) -> PayerFit:
    """`2547 ***** 126` and `07** *** 126`: only the digits before and behind the stars are believed."""
    shown = _STARS.fullmatch("".join(masked.split()).lstrip("+"))
    if shown is None:
        return PayerFit.UNKNOWN
    head, _, tail = shown.groups()
    head = f"254{head[1:]}" if head.startswith("0") else head
    if not on_file.startswith(head) or not on_file.endswith(tail):
        return PayerFit.DIFFERENT
    return PayerFit.COMPATIBLE if len(tail) >= FEWEST_VISIBLE else PayerFit.UNKNOWN


def is_same_name(left: str | None, right: str | None) -> bool:
    """Two words or more in common and none of the shorter name left over: order, case and accents do not count."""
    shorter, longer = sorted((_words(left), _words(right)), key=len)
    return len(shorter) >= FEWEST_WORDS and shorter <= longer


def _words(name: str | None) -> set[str]:
    plain = unicodedata.normalize("NFKD", _APOSTROPHES.sub("", name or ""))
    without_accents = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return set(_WORD.findall(without_accents.casefold()))
