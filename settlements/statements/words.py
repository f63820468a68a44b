"""What a bank's movement is, by the words that stand with it."""

import re
from datetime import UTC, date, datetime, time

from onpoint_pay.kit.clock import NAIROBI
from onpoint_pay.kit.entries import CHARGE, OTHER, REVERSAL

_CHARGE = re.compile(r"(?i)\b(charges?|fees?|commission|excise|ledger fee)\b")
_RETURN = re.compile(r"(?i)\b(revers(?:al|ed)|returned?|unpaid|rejected)\b")
# Banks write these where there is no reference.
_NO_REFERENCE = frozenset({"", "NONREF", "NOTPROVIDED", "-"})


def bank_kind(words: str) -> str:
    if _RETURN.search(words):
        return REVERSAL
    return CHARGE if _CHARGE.search(words) else OTHER


def reference_or_nothing(text: str | None) -> str:
    found = (text or "").strip()
    return "" if found.upper() in _NO_REFERENCE else found


def start_of(day: date) -> datetime:
    """Banks tell days, on the clock of Nairobi."""
    return datetime.combine(day, time(), NAIROBI).astimezone(UTC)
