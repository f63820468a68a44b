"""The time: now in UTC, and the stamps of East Africa Time (UTC+3, no daylight saving)."""

import re
from datetime import UTC, datetime, timedelta, timezone

# A fixed offset rather than a zone file: slim images have none, and Kenya has not moved its clocks since 1960.
NAIROBI = timezone(timedelta(hours=3), "EAT")
_STAMP = re.compile(r"[0-9]{14}")
_STAMP_FORMAT = "%Y%m%d%H%M%S"


def now() -> datetime:
    """The current instant, aware, in UTC: the one place the product asks for it."""
    return datetime.now(UTC)


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
