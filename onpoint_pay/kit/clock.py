"""The time: now in UTC by the database's clock, and the stamps of East Africa Time (UTC+3, no daylight saving)."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

# A fixed offset rather than a zone file: slim images have none, and Kenya has not moved its clocks since 1960.
NAIROBI = timezone(timedelta(hours=3), "EAT")
_STAMP = re.compile(r"[0-9]{14}")
_STAMP_FORMAT = "%Y%m%d%H%M%S"


# A time that took longer to reach us is less exact; after so many seconds the newer one is believed all the same.
BELIEVED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the database's clock said, when that was by a counter that nobody can set, and how long we had to wait."""

    said: datetime
    at: float
    took: float


_heard: _Heard | None = None
_ask: Callable[[], object] | None = None


def now() -> datetime:
    """The current instant, aware, in UTC: the one place the product asks for it.

    Clocks of hosts differ, and jump. Leases, schedules and days go by the database's, which all hosts share; this
    process's own clock is read only until the database was heard. It is never ahead of the database.
    """
    global _ask
    if _heard is None and _ask is not None:
        ask, _ask = _ask, None
        ask()
    known = _heard
    if known is None:
        return datetime.now(UTC)
    return known.said + timedelta(seconds=time.monotonic() - known.at)


def ask_first(ask: Callable[[], object]) -> None:
    """Whoever asks for the time before the database was heard has it asked, once, by this."""
    global _ask
    _ask = ask


def hear(said: datetime, took: float) -> None:
    """The database's clock says so just now; the answer took so many seconds."""
    global _heard
    at, known = time.monotonic(), _heard
    if known is None or took <= known.took or at - known.at > BELIEVED_SECONDS:
        _heard = _Heard(said.astimezone(UTC), at, took)


def nairobi(moment: datetime) -> datetime:
    """The same instant on a clock in Nairobi. `moment` must be aware."""
    if moment.tzinfo is None:
        raise ValueError("A moment without a zone has no place on the clock.")
    return moment.astimezone(NAIROBI)


def nairobi_stamp(moment: datetime) -> str:
    """YYYYMMDDHHmmss on a clock in Nairobi."""
    return nairobi(moment).strftime(_STAMP_FORMAT)


def parse_nairobi_stamp(value: object) -> datetime | None:
    """The instant (UTC) of a 14-digit Nairobi stamp given as text or number; None when it is not one."""
    if not isinstance(value, (str, int)):
        return None
    try:
        text = str(value).strip()
        if not _STAMP.fullmatch(text):
            return None
        return datetime.strptime(text, _STAMP_FORMAT).replace(tzinfo=NAIROBI).astimezone(UTC)
    except (ValueError, OverflowError):
        # No such day, a year before the calendar begins, or a number too long to be written out.
        return None


def rfc3339(moment: datetime) -> str:
    """UTC with milliseconds and Z: "2026-11-21T06:30:00.250Z". `moment` must be aware."""
    if moment.tzinfo is None:
        raise ValueError("A moment without a zone has no place on the clock.")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
