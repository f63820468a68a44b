"""Finding accounts, receipts and claims of money that payers send by themselves, within one merchant and mode."""

from collections.abc import Mapping
from typing import TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet

from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.errors import NotFound
from onpoint_pay.kit.listing import AMOUNT_AND_TIME, Conditions, Page, one_of, page_of, time_range
from payments.matching import fold
from payments.models import C2bAccount, C2bClaim, C2bReceipt
from payments.states import C2B_STATES, CLAIM_STATES, VERIFICATIONS

M = TypeVar("M", bound=Model)


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


def page_of_accounts(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[C2bAccount]:
    """One page by filter, newest first, and the cursor of the next. Raises Invalid, and Problem cursor_invalid."""
    rows = C2bAccount.objects.scoped(caller.merchant_id, caller.mode)
    return page_of(rows, query, ACCOUNT_READERS, by="created_at", limit=limit)


def page_of_receipts(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[C2bReceipt]:
    """As page_of_accounts, by the time we heard of them."""
    return page_of(_receipts(caller), query, RECEIPT_READERS, by="received_at", limit=limit)


def page_of_claims(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[C2bClaim]:
    """As page_of_accounts."""
    rows = C2bClaim.objects.scoped(caller.merchant_id, caller.mode)
    return page_of(rows, query, CLAIM_READERS, by="created_at", limit=limit)


# --- filters ----------------------------------------------------------------------------------------------------------


def _is_open(text: str) -> Q:
    if text not in ("open", "closed"):
        raise ValueError(f"{text[:32]} is none of open, closed.")
    return Q(is_open=text == "open")


def _search_receipts(text: str) -> Q:
    wanted = Q(receipt=text.strip().upper()) | Q(bill_ref__icontains=text) | Q(payer_name__icontains=text)
    return wanted | Q(phone=text.strip())


def _search_accounts(text: str) -> Q:
    return Q(folded=fold(text)) | Q(name__icontains=text) | Q(customer=text)


RECEIVED = time_range("received_at")
ACCOUNT_READERS: Conditions = {
    "status": _is_open,
    "code": lambda text: Q(folded=fold(text)),
    "customer": lambda text: Q(customer=text),
    "q": _search_accounts,
}
RECEIPT_READERS: Conditions = {
    "state": one_of("state", C2B_STATES),
    "verification": one_of("verification", VERIFICATIONS),
    "receipt": lambda text: Q(receipt=text.strip().upper()),
    "shortcode": lambda text: Q(shortcode=text),
    **{name: RECEIVED[name] for name in ("date_from", "date_to")},
    **{name: AMOUNT_AND_TIME[name] for name in ("amount_min", "amount_max")},
    "q": _search_receipts,
}
CLAIM_READERS: Conditions = {
    "status": one_of("status", CLAIM_STATES),
    "receipt": lambda text: Q(receipt=text.strip().upper()),
}
