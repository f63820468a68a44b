"""Payments in pages: filters, order, and the cursor that carries both."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress

from django.db.models import Q

from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.errors import Fault, Invalid
from onpoint_pay.kit.listing import AMOUNT_AND_TIME, SORTED, Page, page_sorted, said
from onpoint_pay.kit.phone import PhoneInvalid, parse_phone
from payments.models import Payment
from payments.selectors.find import payments_of
from payments.states import PAYMENT_STATES

WHOLE_NUMBER = re.compile(r"-?[0-9]{1,15}")


def page_of_payments(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[Payment]:
    """One page by filter, newest first unless sorted otherwise.

    Raises Invalid for unknown or unreadable filters, Problem cursor_invalid for a cursor of another query.
    """
    rows = payments_of(caller).filter(_conditions(query))
    return page_sorted(rows, query, by="created_at", limit=limit)


def _conditions(query: Mapping[str, str]) -> Q:
    faults: list[Fault] = []
    wanted = Q()
    for name, text in query.items():
        if "\x00" in name + text:
            faults.append(Fault(param=name[:64], code="parameter_invalid", detail="Holds a NUL character."))
        elif name.startswith("metadata[") and name.endswith("]"):
            wanted &= _metadata(name[9:-1], text)
        elif name not in READERS and name not in SORTED:
            faults.append(Fault(param=name[:64], code="parameter_invalid", detail="There is no such filter."))
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
