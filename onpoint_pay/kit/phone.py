"""Kenyan mobile numbers in one canonical form: 2547XXXXXXXX or 2541XXXXXXXX."""

import re

import phonenumbers

REGION = "KE"
LONGEST_INPUT = 24
# ASCII only: the number library also reads letters, other alphabets' digits and extensions, none of which is a payer.
_PLAIN = re.compile(r"\+?[0-9(][0-9 ().-]*")
_CANONICAL = re.compile(r"254[17][0-9]{8}")


class PhoneInvalid(ValueError):
    """Not a Kenyan mobile number; `code` is the word of the public API."""

    code = "phone_invalid"


def parse_phone(text: str) -> str:
    """Canonical digits for 0712…, 712…, 254712… and +254 712 …, also 01xx. Raises PhoneInvalid.

    Any 07 or 01 number passes: which operator serves a prefix changes, so only the payment itself can tell.
    """
    trimmed = text.strip()
    if len(trimmed) > LONGEST_INPUT or not _PLAIN.fullmatch(trimmed):
        raise PhoneInvalid("A phone number has digits only, such as 0712345678 or +254712345678.")
    try:
        number = phonenumbers.parse(trimmed, REGION)
    except phonenumbers.NumberParseException:
        raise PhoneInvalid("The phone number cannot be read.") from None
    canonical = f"{number.country_code}{number.national_number}"
    if not is_canonical(canonical):
        raise PhoneInvalid("Only Kenyan mobile numbers are taken: 07XXXXXXXX or 01XXXXXXXX.")
    return canonical


def is_canonical(text: str) -> bool:
    return _CANONICAL.fullmatch(text) is not None
