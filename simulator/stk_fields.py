"""Reading a push request: the fields, their rules, and the order in which a bad one is named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from simulator.answers import Refused, invalid_field

PAYBILL = "CustomerPayBillOnline"
BUY_GOODS = "CustomerBuyGoodsOnline"

RESERVED_WORDS = ("m-pesa", "m_pesa", "mpesa", "safaricom", "exe", "exec", "cmd", "sql", "query")

_TRANSACTION_TYPE = re.compile(f"{PAYBILL}|{BUY_GOODS}")
_SHORTCODE = re.compile(r"[0-9]{5,7}")
_TIMESTAMP = re.compile(r"[0-9]{14}")
_PHONE = re.compile(r"254[17][0-9]{8}")
_AMOUNT = re.compile(r"[0-9]{1,9}")
_ANYTHING = re.compile(r".+")


@dataclass(frozen=True, slots=True, kw_only=True)
class PushOrder:
    """A push whose fields are all well formed. Amount in whole KES."""

    shortcode: str
    password: str
    timestamp: str
    transaction_type: str
    amount: int
    party_b: str
    phone: str
    callback_url: str
    account_reference: str
    description: str


def field_text(body: Mapping[str, Any], name: str) -> str:
    """A field as text, `""` when absent. Daraja takes strings and numbers alike, nothing else."""
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    text = str(value).strip()
    return text if text.isprintable() else ""


def require_field(body: Mapping[str, Any], name: str, *, form: re.Pattern[str] = _ANYTHING, called: str = "") -> str:
    """A field that must be there in the given form. Raises Refused, 400.002.02 with the field's name."""
    text = field_text(body, name)
    if form.fullmatch(text) is None:
        raise Refused(invalid_field(called or name))
    return text


def require_credentials(body: Mapping[str, Any]) -> tuple[str, str, str]:
    """Shortcode, password and timestamp, which push and query share. Any 14 digits will do as a timestamp."""
    return (
        require_field(body, "BusinessShortCode", form=_SHORTCODE),
        require_field(body, "Password"),
        require_field(body, "Timestamp", form=_TIMESTAMP),
    )


def read_push(body: Mapping[str, Any], *, strict_urls: bool) -> PushOrder:
    """Checks required fields, then phones, then the amount, then the URL. Raises Refused at the first bad one."""
    shortcode, password, timestamp = require_credentials(body)
    transaction_type = require_field(body, "TransactionType", form=_TRANSACTION_TYPE)
    for name in ("Amount", "PartyA", "PartyB", "PhoneNumber", "CallBackURL"):
        _require_presence(body, name)
    if transaction_type == PAYBILL:
        require_field(body, "AccountReference")
    description = require_field(body, "TransactionDesc", called="Remarks")
    require_field(body, "PartyA", form=_PHONE)
    party_b = require_field(body, "PartyB", form=_SHORTCODE)
    phone = require_field(body, "PhoneNumber", form=_PHONE)
    amount = _read_amount(body)
    return PushOrder(
        shortcode=shortcode,
        password=password,
        timestamp=timestamp,
        transaction_type=transaction_type,
        amount=amount,
        party_b=party_b,
        phone=phone,
        callback_url=_read_callback_url(body, strict=strict_urls),
        account_reference=field_text(body, "AccountReference"),
        description=description,
    )


def _require_presence(body: Mapping[str, Any], name: str) -> None:
    if body.get(name) in (None, ""):
        raise Refused(invalid_field(name))


def _read_amount(body: Mapping[str, Any]) -> int:
    amount = int(require_field(body, "Amount", form=_AMOUNT))
    if amount < 1:
        raise Refused(invalid_field("Amount"))
    return amount


def _read_callback_url(body: Mapping[str, Any], *, strict: bool) -> str:
    url = field_text(body, "CallBackURL")
    if not is_callback_url(url) or (strict and has_reserved_word(url)):
        raise Refused(invalid_field("CallBackURL"))
    return url


def is_callback_url(url: str) -> bool:
    """An absolute http or https address without blanks or template braces."""
    if any(mark in url for mark in " {}<>\\"):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0


def has_reserved_word(url: str) -> bool:
    """Daraja: these words are unwelcome anywhere in a URL, in any case."""
    return any(word in url.lower() for word in RESERVED_WORDS)
