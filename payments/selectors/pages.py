"""Payments in pages: filters, order, and the cursor that carries both."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from onpoint_pay.kit.api import decode_cursor, encode_cursor
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.crypto import fingerprint
from onpoint_pay.kit.errors import Fault, Invalid, Problem
from onpoint_pay.kit.listing import AMOUNT_AND_TIME, said
from onpoint_pay.kit.phone import PhoneInvalid, parse_phone
from payments.models import Payment
from payments.selectors.find import payments_of
from payments.states import PAYMENT_STATES

WHOLE_NUMBER = re.compile(r"-?[0-9]{1,15}")
SORTS = ("created_at", "amount", "completed_at")
FILTERS = {
    "status",
    "payment_method",
    "provider",
    "reference",
    "phone",
    "currency",
    "amount_min",
    "amount_max",
    "date_from",
    "date_to",
    "created_after",
    "created_before",
    "q",
    "sort",
    "limit",
    "cursor",
    "include",
}


def page_of_payments(caller: Caller, query: Mapping[str, str], *, limit: int) -> tuple[list[Payment], str | None]:
    """One page by filter, newest first unless sorted otherwise, and the cursor of the next.

    Raises Invalid for unknown or unreadable filters, Problem cursor_invalid for a cursor of another query.
    """
    rows = payments_of(caller).filter(_conditions(query))
    field, descending = _sort(query)
    if field == "completed_at":
        rows = rows.filter(completed_at__isnull=False)
    mark = fingerprint({k: v for k, v in query.items() if k not in ("cursor", "limit", "include")})[:16]
    if query.get("cursor"):
        rows = rows.filter(_after(query["cursor"], field, mark, descending=descending))
    sign = "-" if descending else ""
    found = list(rows.order_by(f"{sign}{field}", f"{sign}id")[: limit + 1])
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    value = getattr(last, field)
    text = str(value) if field == "amount" else value.isoformat()
    return found[:limit], encode_cursor([mark, text, str(last.id)])


def _sort(query: Mapping[str, str]) -> tuple[str, bool]:
    text = query.get("sort", "-created_at")
    field, descending = text.removeprefix("-"), text.startswith("-")
    if field not in SORTS:
        raise Problem(
            "parameter_invalid", f"sort must be one of {', '.join(SORTS)}, or one with a minus.", param="sort"
        )
    return field, descending


def _after(cursor: str, field: str, mark: str, *, descending: bool) -> Q:
    found, text, key = decode_cursor(cursor, length=3)
    try:
        value: Any = int(text) if field == "amount" else datetime.fromisoformat(text)
        last = UUID(key)
    except ValueError:
        raise Problem("cursor_invalid", param="cursor") from None
    if found != mark:
        raise Problem("cursor_invalid", "The cursor belongs to other filters; start again without it.", param="cursor")
    way = "lt" if descending else "gt"
    # The first condition alone lets the index begin at the right place.
    return Q(**{f"{field}__{way}e": value}) & (Q(**{f"{field}__{way}": value}) | Q(**{f"id__{way}": last}))


def _conditions(query: Mapping[str, str]) -> Q:
    faults: list[Fault] = []
    wanted = Q()
    for name, text in query.items():
        if "\x00" in name + text:
            faults.append(Fault(param=name[:64], code="parameter_invalid", detail="Holds a NUL character."))
        elif name.startswith("metadata[") and name.endswith("]"):
            wanted &= _metadata(name[9:-1], text)
        elif name not in FILTERS:
            faults.append(Fault(param=name[:64], code="parameter_invalid", detail="There is no such filter."))
        elif name == "include" and text != "total":
            faults.append(Fault(param=name, code="parameter_invalid", detail="Only total can be included."))
        elif name in READERS:
            try:
                wanted &= READERS[name](said(text))
            except (ValueError, OverflowError) as error:
                code = "date_invalid" if "date" in name or "created" in name else "parameter_invalid"
                faults.append(Fault(param=name, code=code, detail=str(error) or "Cannot be read."))
    if faults:
        raise Invalid(faults)
    return wanted


def _metadata(key: str, text: str) -> Q:
    """A value in the address has no type: text and number are both meant."""
    wanted = Q(metadata__contains={key: text})
    if WHOLE_NUMBER.fullmatch(text):
        wanted |= Q(metadata__contains={key: int(text)})
    if text in ("true", "false"):
        wanted |= Q(metadata__contains={key: text == "true"})
    return wanted


def _status(text: str) -> Q:
    states = text.split(",")
    if unknown := [state for state in states if state not in PAYMENT_STATES]:
        raise ValueError(f"{unknown[0][:32]} is not a status; use {', '.join(PAYMENT_STATES)}.")
    return Q(status__in=states)


def _phone(text: str) -> Q:
    try:
        return Q(phone=parse_phone(text))
    except PhoneInvalid:
        raise ValueError("Send a Kenyan mobile number such as 254712345678.") from None


def _search(text: str) -> Q:
    """Exact for references, receipts, phones; part of the text for e-mail and description."""
    wanted = Q(reference=text) | Q(merchant_reference=text) | Q(receipt=text.upper()) | Q(email__iexact=text)
    wanted |= Q(description__icontains=text)
    with suppress(PhoneInvalid):
        wanted |= Q(phone=parse_phone(text))
    return wanted


READERS: dict[str, Callable[[str], Q]] = {
    "status": _status,
    "payment_method": lambda text: Q(payment_method__in=text.split(",")),
    "provider": lambda text: Q(provider__in=text.split(",")),
    "reference": lambda text: Q(merchant_reference=text) | Q(reference=text),
    "phone": _phone,
    "currency": lambda text: Q(currency=text.upper()),
    **AMOUNT_AND_TIME,
    "q": _search,
}

TOTAL_COUNTED = 10_000


def total_of(caller: Caller, query: Mapping[str, str]) -> dict[str, Any]:
    """How many payments the filters match: exact up to 10,000, then an estimate from below."""
    counted = payments_of(caller).filter(_conditions(query))[: TOTAL_COUNTED + 1].count()
    return {"total": min(counted, TOTAL_COUNTED), "total_is_estimate": counted > TOTAL_COUNTED}
