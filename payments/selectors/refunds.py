"""Finding refunds, one or in pages. Always within one merchant and mode."""

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from onpoint_pay.kit.api import decode_cursor, encode_cursor
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.crypto import fingerprint
from onpoint_pay.kit.errors import Fault, Invalid, Problem
from onpoint_pay.kit.ids import PublicIdInvalid, from_public
from payments.errors import refund_missing
from payments.models import Refund
from payments.selectors.pages import READERS as PAYMENT_READERS
from payments.states import REFUND_ROUTES, REFUND_STATES

NO_FILTERS = ("limit", "cursor")


def refunds_of(caller: Caller) -> QuerySet[Refund]:
    return Refund.objects.scoped(caller.merchant_id, caller.mode)


def refund_by_id(caller: Caller, refund_id: UUID) -> Refund:
    """Raises NotFound, also for another merchant's or mode's refund."""
    refund = refunds_of(caller).filter(id=refund_id).first()
    if refund is None:
        raise refund_missing()
    return refund


def page_of_refunds(caller: Caller, query: Mapping[str, str], *, limit: int) -> tuple[list[Refund], str | None]:
    """One page by filter, newest first, and the cursor of the next.

    Raises Invalid for unknown or unreadable filters, Problem cursor_invalid for a cursor of another query.
    """
    rows = refunds_of(caller).filter(_conditions(query))
    mark = fingerprint({name: text for name, text in query.items() if name not in NO_FILTERS})[:16]
    if query.get("cursor"):
        rows = rows.filter(_after(query["cursor"], mark))
    found = list(rows.order_by("-created_at", "-id")[: limit + 1])
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    return found[:limit], encode_cursor([mark, last.created_at.isoformat(), str(last.id)])


def _after(cursor: str, mark: str) -> Q:
    found, text, key = decode_cursor(cursor, length=3)
    try:
        at, last = datetime.fromisoformat(text), UUID(key)
    except ValueError:
        raise Problem("cursor_invalid", param="cursor") from None
    if found != mark:
        raise Problem("cursor_invalid", "The cursor belongs to other filters; start again without it.", param="cursor")
    return Q(created_at__lte=at) & (Q(created_at__lt=at) | Q(id__lt=last))


def _conditions(query: Mapping[str, str]) -> Q:
    faults: list[Fault] = []
    wanted = Q()
    for name, text in query.items():
        if "\x00" in name + text:
            faults.append(Fault(param=name[:64], code="parameter_invalid", detail="Holds a NUL character."))
        elif name not in READERS and name not in NO_FILTERS:
            faults.append(Fault(param=name[:64], code="parameter_invalid", detail="There is no such filter."))
        elif name in READERS and text != "":
            try:
                wanted &= READERS[name](text)
            except (ValueError, OverflowError) as error:
                code = "date_invalid" if "date" in name or "created" in name else "parameter_invalid"
                faults.append(Fault(param=name, code=code, detail=str(error) or "Cannot be read."))
    if faults:
        raise Invalid(faults)
    return wanted


def _one_of(field: str, words: tuple[str, ...]) -> Callable[[str], Q]:
    def read(text: str) -> Q:
        given = text.split(",")
        if unknown := [word for word in given if word not in words]:
            raise ValueError(f"{unknown[0][:32]} is not a {field}; use {', '.join(words)}.")
        return Q(**{f"{field}__in": given})

    return read


def _payment(text: str) -> Q:
    try:
        return Q(payment_id=from_public("pay", text))
    except PublicIdInvalid:
        raise ValueError("Send a payment's id, pay_….") from None


READERS: dict[str, Callable[[str], Q]] = {
    "status": _one_of("status", REFUND_STATES),
    "route": _one_of("route", REFUND_ROUTES),
    "payment": _payment,
    "reference": lambda text: Q(reference=text),
    **{
        name: PAYMENT_READERS[name]
        for name in ("amount_min", "amount_max", "date_from", "date_to", "created_after", "created_before")
    },
}
