"""How Daraja writes ids, receipts, amounts, numbers and times; what cannot be read is None, never a guess."""

import re
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal

from onpoint_pay.kit.clock import NAIROBI, parse_nairobi_stamp
from onpoint_pay.kit.money import Money, MoneyError
from onpoint_pay.kit.phone import PhoneInvalid, is_canonical, parse_phone
from providers.errors import CallbackMalformed
from providers.strict_json import JsonObject, NotStrict, load_object

CURRENCY = "KES"
LONGEST_REFERENCE = 12
_ID = re.compile(r"[!-~]{1,100}")
_RECEIPT = re.compile(r"[0-9A-Z]{6,20}")
# Daraja: the date letters and zeros, where an operation has no receipt because it failed or moved no money.
_PLACEHOLDER = re.compile(r"[0-9A-Z]{3}0{7}")
_DOTTED = re.compile(r"[0-9]{2}\.[0-9]{2}\.[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_CHARGE_FIELDS = 3
_DOTTED_FORMAT = "%d.%m.%Y %H:%M:%S"


def callback_document(body: bytes) -> JsonObject:
    """The object in a callback. Raises CallbackMalformed."""
    try:
        return load_object(body)
    except NotStrict as error:
        raise CallbackMalformed(str(error)) from None


def plain_names(document: JsonObject) -> JsonObject:
    """The document by names in lower case without blanks: both have been seen to vary. The first of a name counts."""
    found: JsonObject = {}
    for name, value in document.items():
        found.setdefault(name.replace(" ", "").lower(), value)
    return found


def text(value: object) -> str:
    """Text without blanks around it, or a whole number written out; empty for anything else."""
    return str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def identifier(value: object) -> str | None:
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def receipt(value: object) -> str | None:
    """A receipt in upper case; None also for the placeholder of operations that have none."""
    found = value.strip().upper() if isinstance(value, str) else ""
    return found if _RECEIPT.fullmatch(found) and not _PLACEHOLDER.fullmatch(found) else None


def money(value: object, currency: str = CURRENCY) -> Money | None:
    """Zero or more units as text or number."""
    if isinstance(value, str):
        value = value.strip()
    try:
        return Money.parse(value, currency) if isinstance(value, (str, int, Decimal)) else None
    except MoneyError:
        return None


def balance(value: object, currency: str = CURRENCY) -> Money | None:
    """As money, and below zero with a minus."""
    found = str(value).strip() if isinstance(value, (str, int, Decimal)) and not isinstance(value, bool) else ""
    amount = money(found.removeprefix("-"), currency)
    return -amount if amount is not None and found.startswith("-") else amount


def charges(value: object) -> Money | None:
    """The sum of what was taken; None when it cannot be read.

    Daraja: name|currency|amount, joined with & where there are several, or nothing.
    """
    parts = [part.split("|") for part in text(value).split("&") if part.strip()]
    found = [money(part[2], part[1].strip()) if len(part) == _CHARGE_FIELDS else None for part in parts]
    known = [amount for amount in found if amount is not None and amount.currency == CURRENCY]
    return Money(sum(amount.minor for amount in known), CURRENCY) if parts and len(known) == len(parts) else None


def clear_phone(value: object) -> str | None:
    """The number of a customer in any spelling of its digits; None when it is masked or hashed."""
    found = text(value)
    if is_canonical(found):
        return found
    try:
        return parse_phone(found)
    except PhoneInvalid:
        return None


def moment(value: object) -> datetime | None:
    """Daraja: 14 digits as text or number, or DD.MM.YYYY HH:mm:ss; both on a clock in Nairobi."""
    found = text(value)
    if not _DOTTED.fullmatch(found):
        return parse_nairobi_stamp(found)
    try:
        return datetime.strptime(found, _DOTTED_FORMAT).replace(tzinfo=NAIROBI).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def clean_reference(words: str) -> str:
    """Letters, digits and hyphens, at most 12: others have made requests fail without a word."""
    return re.sub(r"[^0-9A-Za-z-]", "", plain_letters(words))[:LONGEST_REFERENCE]


def clean_words(words: str, *, longest: int) -> str:
    """Letters, digits, blanks and hyphens, for the same reason; may end up empty."""
    return re.sub(r"[^0-9A-Za-z -]", "", plain_letters(words)).strip()[:longest].strip()


def plain_letters(words: str) -> str:
    """Without accents and without what no plain letter stands for."""
    return unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
