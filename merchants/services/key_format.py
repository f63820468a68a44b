"""How a key is written, so that a scanner, and whoever reads a request, can tell one from other text offline."""

import secrets
import string
import zlib

from merchants.models import ApiKey
from onpoint_pay.kit.caller import MODES

LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM_LETTERS = 32
CHECK_LETTERS = 6
STARTS = {ApiKey.Kind.SECRET: "sk", ApiKey.Kind.RESTRICTED: "rk", ApiKey.Kind.PUBLISHABLE: "pk"}
PREFIXES = tuple(f"{start}_{mode}_" for start in STARTS.values() for mode in MODES)


def checksum(text: str) -> str:
    """CRC-32 in six base 62 letters: lets a scanner tell a real key from a made-up one offline."""
    number = zlib.crc32(text.encode())
    letters = []
    for _ in range(CHECK_LETTERS):
        number, rest = divmod(number, len(LETTERS))
        letters.append(LETTERS[rest])
    return "".join(reversed(letters))


def new_key(kind: str, mode: str) -> str:
    """`sk_test_`, 32 random base 62 letters, and the checksum of all before it."""
    text = f"{STARTS[ApiKey.Kind(kind)]}_{mode}_" + "".join(secrets.choice(LETTERS) for _ in range(RANDOM_LETTERS))
    return text + checksum(text)


def is_well_formed(text: str) -> bool:
    """Whether the text can be a key at all, told without the database."""
    prefix = next((prefix for prefix in PREFIXES if text.startswith(prefix)), None)
    if prefix is None or len(text) != len(prefix) + RANDOM_LETTERS + CHECK_LETTERS or not text.isascii():
        return False
    return checksum(text[:-CHECK_LETTERS]) == text[-CHECK_LETTERS:]
