"""What money that came by itself may be for: every account and payment of the shortcode that a rule could hit."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from string import digits
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.money import Money
from payments.account_codes import LONGEST, is_gateway_code
from payments.matching import Candidate, Kind, LearnedAlias, Paid, fold, payer_key, search_keys
from payments.matching.evidence import CLOCK_SKEW
from payments.matching.payers import PayerFit, payer_fit
from payments.models import C2bAccount, C2bAlias, C2bReceipt, MoneyOp, Payment
from payments.states import COMPLETED, INITIATED, PENDING

PROMPT = "stk_push"
# How far back a prompt may lie whose receipt we still miss.
REACH = timedelta(hours=72)
MOST_BY_AMOUNT = 500
SHORTEST_WORD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A shortcode, in one mode."""

    provider: str
    mode: str
    shortcode: str


def place_of(row: C2bReceipt) -> Place:
    return Place(provider=row.provider, mode=row.mode, shortcode=row.shortcode)


def paid_of(row: C2bReceipt) -> Paid:
    """The receipt as the matching rules look at it."""
    return Paid(
        receipt=row.receipt,
        amount=Money(row.amount, row.currency),
        typed=row.bill_ref,
        phone=row.phone,
        phone_hash=row.phone_hash,
        phone_masked=row.phone_masked,
        payer_name=row.payer_name,
        at=row.occurred_at,
        merchant=row.merchant_id,
    )


def payment_named(paid: Paid, place: Place) -> Payment | None:
    """The payment whose own reference the payer's text is; it stands on prompts and in payment instructions."""
    return _payments(paid, place).filter(account_reference=paid.typed.strip().upper()[:20]).first()


def candidates_for(paid: Paid, place: Place) -> tuple[list[Candidate], list[LearnedAlias]]:
    """Accounts and payments, open ones and closed ones of a near code, and what was learned of this payer's text."""
    aliases = _aliases(paid, place)
    accounts = {account.id: account for account in _accounts(paid, place, aliases)}
    payments = {payment.id: payment for payment in _payments_near(paid, place)}
    at = paid.at or now()
    found = [_of_account(account, at) for account in accounts.values()]
    return found + [_of_payment(payment) for payment in payments.values()], aliases


# --- accounts ---------------------------------------------------------------------------------------------------------


def has_accounts(place: Place, merchant_id: UUID | None) -> bool:
    return _accounts_of(place, merchant_id).exists()


def _accounts_of(place: Place, merchant_id: UUID | None) -> QuerySet[C2bAccount]:
    rows = C2bAccount.objects.filter(provider=place.provider, mode=place.mode, shortcode=place.shortcode)
    return rows if merchant_id is None else rows.filter(merchant_id=merchant_id)


def _accounts(paid: Paid, place: Place, aliases: Iterable[LearnedAlias]) -> Iterator[C2bAccount]:
    rows = _accounts_of(place, paid.merchant)
    keys = search_keys(paid.typed)
    if keys:
        yield from rows.filter(search_keys__overlap=list(keys))
    learned = [alias.candidate_id for alias in aliases]
    if learned:
        yield from rows.filter(id__in=learned)
    named = _one_of_words(paid.payer_name)
    if named:
        yield from rows.filter(named, is_open=True, expected_amount=paid.amount.minor)[:MOST_BY_AMOUNT]


def _one_of_words(name: str | None) -> Q:
    found = Q()
    for word in (name or "").split():
        if len(word) >= SHORTEST_WORD:
            found |= Q(name__icontains=word)
    return found


def _of_account(account: C2bAccount, at: datetime) -> Candidate:
    expected = account.expected_amount
    return Candidate(
        id=account.id,
        merchant=account.merchant_id,
        kind=Kind.ACCOUNT,
        code=account.code,
        aliases=tuple(account.aliases),
        expected_amount=None if expected is None else Money(expected),
        phone=account.phone,
        payer_name=account.name,
        is_open=account.is_open and (account.expires_at is None or account.expires_at > at),
        opened_at=account.created_at,
    )


def _aliases(paid: Paid, place: Place) -> list[LearnedAlias]:
    key, folded = payer_key(paid), fold(paid.typed)
    if key is None or not folded:
        return []
    rows = C2bAlias.objects.filter(mode=place.mode, folded=folded, payer_key=key)
    rows = rows.filter(account__provider=place.provider, account__shortcode=place.shortcode)
    if paid.merchant is not None:
        rows = rows.filter(merchant_id=paid.merchant)
    return [LearnedAlias(folded=row.folded, payer_key=row.payer_key, candidate_id=row.account_id) for row in rows]


# --- payments ---------------------------------------------------------------------------------------------------------


def _payments(paid: Paid, place: Place) -> QuerySet[Payment]:
    rows = Payment.objects.filter(provider=place.provider, mode=place.mode, shortcode=place.shortcode)
    # A merchant's own account of the same number is elsewhere: every sandbox has the same one.
    return rows.filter(provider_account=None) if paid.merchant is None else rows.filter(merchant_id=paid.merchant)


def _payments_near(paid: Paid, place: Place) -> Iterator[Payment]:
    """Those whose code is near, those that wait for this amount, and those paid with it whose receipt we miss."""
    rows = _payments(paid, place)
    codes = gateway_codes_near(paid.typed)
    if codes:
        yield from rows.filter(account_reference__in=codes, channel="c2b")
    of_amount = rows.filter(amount=paid.amount.minor, created_at__gte=now() - REACH)
    yield from _fitting(of_amount.filter(status__in=(INITIATED, PENDING))[:MOST_BY_AMOUNT], paid)
    # Of a payment that was paid twice and its surplus payment, alike in everything, the payment comes first.
    comes_second = Exists(MoneyOp.objects.filter(surplus_payment_id=OuterRef("pk"), payment__receipt__isnull=True))
    receiptless = of_amount.filter(~comes_second, status=COMPLETED, receipt__isnull=True)
    if paid.at is not None:
        # The money of a payment had come when we heard that it was paid.
        receiptless = receiptless.filter(completed_at__gte=paid.at - CLOCK_SKEW)
    yield from _fitting(receiptless[:MOST_BY_AMOUNT], paid)


def _fitting(payments: Iterable[Payment], paid: Paid) -> Iterator[Payment]:
    """Text that a merchant shows on every prompt says nothing about whose prompt was paid: there the number decides."""
    for payment in payments:
        is_shared_text = payment.channel == PROMPT and payment.shown_reference is not None
        if not is_shared_text or fit_of(paid, payment.phone) is not PayerFit.DIFFERENT:
            yield payment


def fit_of(paid: Paid, phone: str | None) -> PayerFit:
    return payer_fit(phone, phone=paid.phone, phone_hash=paid.phone_hash, phone_masked=paid.phone_masked)


def _of_payment(payment: Payment) -> Candidate:
    is_receiptless = payment.status == COMPLETED and payment.receipt is None
    shown = payment.shown_reference or payment.account_reference
    facts: dict[str, Any] = {
        "is_open": is_receiptless or payment.status in (INITIATED, PENDING),
        "has_prompt": payment.channel == PROMPT,
    }
    return Candidate(
        id=payment.id,
        merchant=payment.merchant_id,
        kind=Kind.PAYMENT,
        # Providers leave out blanks, which a merchant may write.
        code=shown.replace(" ", ""),
        aliases=(shown,) if " " in shown else (),
        expected_amount=Money(payment.amount, payment.currency),
        phone=payment.phone,
        payer_name=payment.payer_name,
        opened_at=payment.created_at,
        **facts,
    )


def gateway_codes_near(typed: str) -> set[str]:
    """The codes of the gateway's own making that are the text or one slip away from it: few, by their check digit."""
    folded = fold(typed)
    if not LONGEST - 1 <= len(folded) <= LONGEST + 1:
        return set()
    near = {folded}
    for place in range(len(folded) + 1):
        before, after = folded[:place], folded[place:]
        near |= {before + digit + after for digit in digits}
        if after:
            near |= {before + after[1:]} | {before + digit + after[1:] for digit in digits}
        if len(after) > 1:
            near.add(before + after[1] + after[0] + after[2:])
    return {code for code in near if len(code) == LONGEST and is_gateway_code(code)}
