"""Reading an initiator request: the fields all of them share, and their rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulator.answers import Refused, invalid_field
from simulator.stk_fields import field_text, is_callback_url, require_field

SHORTCODE = re.compile(r"[0-9]{5,7}")
PHONE = re.compile(r"254[17][0-9]{8}")
IDENTIFIER_TYPE = re.compile("1|2|4")
RECEIPT = re.compile(r"[A-Z0-9]{10}")

_REMARKS = re.compile(r".{2,100}")
_OCCASION = re.compile(r".{0,100}")
_WHOLE = re.compile(r"[0-9]{1,9}")
_DECIMAL = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,2}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, with what proof, and for what."""

    initiator: str
    credential: str
    command_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Where the result and a time-out notice go, and the occasion they may repeat."""

    result_url: str
    timeout_url: str
    occasion: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An initiator request whose fields are all well formed.

    `cents` is KES cents, None where no amount belongs. `original` is the receipt or conversation id it is about.
    `given_id` is the caller's own OriginatorConversationID, empty where the operator makes one up.
    """

    caller: Caller
    shortcode: str
    reply: Reply
    cents: int | None = None
    phone: str = ""
    original: str = ""
    given_id: str = ""


def read_caller(body: Mapping[str, Any], *, name_field: str, commands: tuple[str, ...]) -> Caller:
    """Who asks, and with which command. Raises Refused, 400.002.02 naming the field."""
    return Caller(
        initiator=require_field(body, name_field),
        credential=require_field(body, "SecurityCredential"),
        command_id=require_field(body, "CommandID", form=re.compile("|".join(commands))),
    )


def read_reply(body: Mapping[str, Any], *, occasion_field: str) -> Reply:
    """Remarks, the two URLs and the occasion, which come last everywhere. Daraja: remarks of 2 to 100 characters."""
    require_field(body, "Remarks", form=_REMARKS)
    return Reply(
        timeout_url=_read_url(body, "QueueTimeOutURL"),
        result_url=_read_url(body, "ResultURL"),
        occasion=require_field(body, occasion_field, form=_OCCASION),
    )


def read_whole_amount(body: Mapping[str, Any]) -> int:
    """`Amount` in KES cents, sent as whole shillings of at least 1."""
    return _positive(int(require_field(body, "Amount", form=_WHOLE)) * 100)


def read_amount(body: Mapping[str, Any]) -> int:
    """`Amount` in KES cents, sent with up to two decimals, as text or as a number."""
    value = body.get("Amount")
    found = _DECIMAL.fullmatch(str(value) if isinstance(value, float) else field_text(body, "Amount"))
    if found is None:
        raise Refused(invalid_field("Amount"))
    return _positive(int(found[1]) * 100 + int((found[2] or "").ljust(2, "0")))


def _positive(cents: int) -> int:
    if cents == 0:
        raise Refused(invalid_field("Amount"))
    return cents


def _read_url(body: Mapping[str, Any], name: str) -> str:
    url = require_field(body, name)
    if not is_callback_url(url):
        raise Refused(invalid_field(name))
    return url
