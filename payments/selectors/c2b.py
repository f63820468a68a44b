"""Finding accounts, receipts and claims of money that payers send by themselves, within one merchant and mode."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet

from onpoint_pay.kit.api import decode_cursor, encode_cursor
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.crypto import fingerprint
from onpoint_pay.kit.errors import Fault, Invalid, NotFound, Problem
from payments.matching import fold
from payments.models import C2bAccount, C2bClaim, C2bReceipt
from payments.selectors.pages import READERS as PAYMENT_READERS
from payments.states import C2B_STATES, CLAIM_STATES, VERIFICATIONS

M = TypeVar("M", bound=Model)
Readers = Mapping[str, Callable[[str], Q]]
NO_FILTERS = ("limit", "cursor")


# --- one --------------------------------------------------------------------------------------------------------------


def account_by_id(caller: Caller, account_id: UUID) -> C2bAccount:
    """Raises NotFound, also for another merchant's or mode's account."""
    return _one(C2bAccount.objects.scoped(caller.merchant_id, caller.mode), account_id)


def receipt_by_id(caller: Caller, receipt_id: UUID) -> C2bReceipt:
    """With its shortcode's account. Raises NotFound, also for money that is nobody's yet."""
    return _one(_receipts(caller), receipt_id)


def claim_by_id(caller: Caller, claim_id: UUID) -> C2bClaim:
    """Raises NotFound, also for another merchant's or mode's claim."""
    return _one(C2bClaim.objects.scoped(caller.merchant_id, caller.mode), claim_id)


def _one(rows: QuerySet[M], key: UUID) -> M:
    found = rows.filter(pk=key).first()
    if found is None:
        raise NotFound
    return found


def _receipts(caller: Caller) -> QuerySet[C2bReceipt]:
    return C2bReceipt.objects.scoped(caller.merchant_id, caller.mode).select_related("provider_account")


# --- pages ------------------------------------------------------------------------------------------------------------


def page_of_accounts(caller: Caller, query: Mapping[str, str], *, limit: int) -> tuple[list[C2bAccount], str | None]:
    """One page by filter, newest first, and the cursor of the next. Raises Invalid, and Problem cursor_invalid."""
    rows = C2bAccount.objects.scoped(caller.merchant_id, caller.mode)
    return _page(rows, query, ACCOUNT_READERS, by="created_at", limit=limit)


def page_of_receipts(caller: Caller, query: Mapping[str, str], *, limit: int) -> tuple[list[C2bReceipt], str | None]:
    """As page_of_accounts, by the time we heard of them."""
    return _page(_receipts(caller), query, RECEIPT_READERS, by="received_at", limit=limit)


def page_of_claims(caller: Caller, query: Mapping[str, str], *, limit: int) -> tuple[list[C2bClaim], str | None]:
    """As page_of_accounts."""
    rows = C2bClaim.objects.scoped(caller.merchant_id, caller.mode)
    return _page(rows, query, CLAIM_READERS, by="created_at", limit=limit)


def _page(
    rows: QuerySet[M], query: Mapping[str, str], readers: Readers, *, by: str, limit: int
) -> tuple[list[M], str | None]:
    rows = rows.filter(_conditions(query, readers))
    mark = fingerprint({name: text for name, text in query.items() if name not in NO_FILTERS})[:16]
    if query.get("cursor"):
        rows = rows.filter(_after(query["cursor"], mark, by=by))
    found = list(rows.order_by(f"-{by}", "-id")[: limit + 1])
    if len(found) <= limit:
        return found, None
    last: Any = found[limit - 1]
    return found[:limit], encode_cursor([mark, getattr(last, by).isoformat(), str(last.id)])


def _after(cursor: str, mark: str, *, by: str) -> Q:
    found, text, key = decode_cursor(cursor, length=3)
    try:
        at, last = datetime.fromisoformat(text), UUID(key)
    except ValueError:
        raise Problem("cursor_invalid", param="cursor") from None
    if found != mark:
        raise Problem("cursor_invalid", "The cursor belongs to other filters; start again without it.", param="cursor")
    return Q(**{f"{by}__lte": at}) & (Q(**{f"{by}__lt": at}) | Q(id__lt=last))


def _conditions(query: Mapping[str, str], readers: Readers) -> Q:
    faults: list[Fault] = []
    wanted = Q()
    for name, text in query.items():
        if "\x00" in name + text:
            faults.append(Fault(param=name[:64], code="parameter_invalid", detail="Holds a NUL character."))
        elif name not in readers and name not in NO_FILTERS:
            faults.append(Fault(param=name[:64], code="parameter_invalid", detail="There is no such filter."))
        elif name in readers and text != "":
            try:
                wanted &= readers[name](text)
            except (ValueError, OverflowError) as error:
                code = "date_invalid" if "date" in name else "parameter_invalid"
                faults.append(Fault(param=name, code=code, detail=str(error) or "Cannot be read."))
    if faults:
        raise Invalid(faults)
    return wanted


# --- filters ----------------------------------------------------------------------------------------------------------


def _one_of(field: str, words: tuple[str, ...]) -> Callable[[str], Q]:
    def read(text: str) -> Q:
        wanted = text.split(",")
        if unknown := [word for word in wanted if word not in words]:
            raise ValueError(f"{unknown[0][:32]} is none of {', '.join(words)}.")
        return Q(**{f"{field}__in": wanted})

    return read


def _day(name: str) -> Callable[[str], Q]:
    """A day in Nairobi, both ends included, of the time a receipt came."""

    def read(text: str) -> Q:
        ((field, value),) = [child for child in PAYMENT_READERS[name](text).children if isinstance(child, tuple)]
        return Q(**{str(field).replace("created_at", "received_at"): value})

    return read


def _is_open(text: str) -> Q:
    if text not in ("open", "closed"):
        raise ValueError(f"{text[:32]} is none of open, closed.")
    return Q(is_open=text == "open")


def _search_receipts(text: str) -> Q:
    wanted = Q(receipt=text.strip().upper()) | Q(bill_ref__icontains=text) | Q(payer_name__icontains=text)
    return wanted | Q(phone=text.strip())


def _search_accounts(text: str) -> Q:
    return Q(folded=fold(text)) | Q(name__icontains=text) | Q(customer=text)


ACCOUNT_READERS: Readers = {
    "status": _is_open,
    "code": lambda text: Q(folded=fold(text)),
    "customer": lambda text: Q(customer=text),
    "q": _search_accounts,
}
RECEIPT_READERS: Readers = {
    "state": _one_of("state", C2B_STATES),
    "verification": _one_of("verification", VERIFICATIONS),
    "receipt": lambda text: Q(receipt=text.strip().upper()),
    "shortcode": lambda text: Q(shortcode=text),
    "date_from": _day("date_from"),
    "date_to": _day("date_to"),
    "amount_min": PAYMENT_READERS["amount_min"],
    "amount_max": PAYMENT_READERS["amount_max"],
    "q": _search_receipts,
}
CLAIM_READERS: Readers = {
    "status": _one_of("status", CLAIM_STATES),
    "receipt": lambda text: Q(receipt=text.strip().upper()),
}
