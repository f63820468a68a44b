"""Ids, receipts, tokens and times in the exact forms the operator gives them."""

from __future__ import annotations

import secrets
import string
import time
from datetime import UTC, datetime, timedelta, timezone

EAT = timezone(timedelta(hours=3), "EAT")

_UPPER_AND_DIGITS = string.ascii_uppercase + string.digits
_LETTERS_AND_DIGITS = string.ascii_letters + string.digits
_RECEIPT_YEAR_OF_A = 2006
_TOKEN_LENGTH = 28


class Clock:
    """Epoch seconds that never step back while the process lives, whatever happens to the host's clock."""

    def __init__(self) -> None:
        self._started_at = time.time()
        self._started_monotonic = time.monotonic()

    def now(self) -> float:
        return self._started_at + time.monotonic() - self._started_monotonic


def eat_digits(at: float) -> str:
    """`YYYYMMDDHHmmss` in East Africa Time (UTC+3, no summer time), the operator's usual form."""
    return datetime.fromtimestamp(at, EAT).strftime("%Y%m%d%H%M%S")


def iso_utc(at: float | None) -> str | None:
    """The control API's form of a time; None stays None."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def receipt_prefix(at: float) -> str:
    """The three characters every receipt of that day starts with: year, month and day in East Africa Time."""
    day = datetime.fromtimestamp(at, EAT)
    year = string.ascii_uppercase[(day.year - _RECEIPT_YEAR_OF_A) % 26]
    month = string.ascii_uppercase[day.month - 1]
    return year + month + (string.digits + string.ascii_uppercase)[day.day]


def new_receipt(at: float) -> str:
    """Ten upper-case letters and digits, dated by the East African day. The caller checks it is not taken."""
    return receipt_prefix(at) + "".join(secrets.choice(_UPPER_AND_DIGITS) for _ in range(7))


def new_access_token() -> str:
    """28 opaque characters."""
    return "".join(secrets.choice(_LETTERS_AND_DIGITS) for _ in range(_TOKEN_LENGTH))


class IdFactory:
    """Gives request and checkout ids, each only once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counter = 10_000 + secrets.randbelow(80_000)
        self._last_millisecond = 0

    def request_id(self) -> str:
        """`hhhh-hhhh-hhhh-` + 12 hex + a decimal counter: MerchantRequestID, and requestId of errors."""
        self._counter += 1
        digits = secrets.token_hex(12)
        return f"{digits[:4]}-{digits[4:8]}-{digits[8:12]}-{digits[12:]}{self._counter}"

    def conversation_id(self) -> str:
        """`AG_` + YYYYMMDD + `_` + 20 hex."""
        return f"AG_{eat_digits(self._clock.now())[:8]}_{secrets.token_hex(10)}"

    def response_ref_id(self) -> str:
        """The older form, decimal numbers: ResponseRefID of Pull."""
        self._counter += 1
        return f"{self._counter}-{10_000_000 + secrets.randbelow(90_000_000)}-1"

    def checkout_request_id(self, phone: str) -> str:
        """`ws_CO_` + DDMMYYYYHHmmss + 1 to 3 digits of fraction + the nine-digit subscriber number."""
        self._last_millisecond = max(int(self._clock.now() * 1000), self._last_millisecond + 1)
        seconds, millisecond = divmod(self._last_millisecond, 1000)
        moment = datetime.fromtimestamp(seconds, EAT).strftime("%d%m%Y%H%M%S")
        return f"ws_CO_{moment}{millisecond}{phone[-9:]}"
