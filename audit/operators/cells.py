"""What stands in the cells of an object's tables: times, amounts, and documents without the people in them."""

import json
import re
from datetime import datetime
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.operators.shown import NOTHING, mask_email, mask_name
from onpoint_pay.kit.clock import nairobi
from onpoint_pay.kit.money import Money
from onpoint_pay.kit.redact import MASK, redact, redact_text

# An address in the middle of a text; bounded, so that a long text without one is read once.
ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,253}")
LONGEST = 20_000


def at(moment: datetime | None) -> str:
    """On a clock in Nairobi."""
    return NOTHING if moment is None else f"{nairobi(moment):%Y-%m-%d %H:%M:%S}"


def amount(minor: int | None, currency: str) -> str:
    return NOTHING if minor is None else str(Money(minor, currency))


def words(value: str | None) -> str:
    """Text somebody else wrote, without phones, addresses and secrets."""
    return ADDRESS.sub(lambda found: mask_email(found[0]), redact_text(value)) if value else NOTHING


def verbatim(text: str) -> SafeString:
    """Line for line as it is, escaped."""
    shown = text if len(text) <= LONGEST else text[:LONGEST] + "\n…"
    return format_html('<pre class="whitespace-pre-wrap break-all text-xs">{}</pre>', shown)


def document(text: str) -> SafeString | str:
    """A JSON text, indented, with phones, names, addresses and secrets masked; only its size where it is no JSON."""
    if not text:
        return NOTHING
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return f"{len(text)} characters that are no JSON"
    return verbatim(json.dumps(_masked(redact(value)), indent=2, ensure_ascii=False))


def _masked(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _masked(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, name) for inner in value]
    if not isinstance(value, str):
        return value
    if name.lower().endswith("name"):
        return mask_name(value) or MASK
    return ADDRESS.sub(lambda found: mask_email(found[0]), value)
