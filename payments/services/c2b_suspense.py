"""The money of one receipt: in suspense while it is nobody's, and a payment's as soon as one takes it."""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import TypeGuard
from uuid import UUID

from django.db.models import Q

from onpoint_pay.kit.money import Money
from payments.matching import fold
from payments.matching.payers import PayerFit, payer_fit
from payments.models import C2bReceipt, MoneyOp, Payment
from payments.services.c2b_events import tell_receipt
from providers.types import Outcome, OutcomeStatus
from settlements.services.suspense import SuspenseMoney, book_suspense, undo_suspense

UNMATCHED, SUGGESTED, MATCHED = "unmatched", "suggested", "matched"
PENDING, VERIFIED, WAIVED, REFUTED = "pending", "verified", "waived", "refuted"
CONFIRMED = (VERIFIED, WAIVED)
# Clocks differ a little.
MARGIN = timedelta(minutes=5)
TWINS_WITHIN = timedelta(hours=72)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Why a receipt is a payment's, in English and Swahili. `account_id`: of the account that took the money."""

    rule: str
    reason: str
    reason_sw: str
    score: Decimal = Decimal("1.00")
    decided_by: str = "system"
    account_id: UUID | None = None


BY_RECEIPT = Match(
    rule="receipt",
    reason="The provider named this receipt in its word about the payment.",
    reason_sw="Mtoa huduma alitaja risiti hii alipoeleza kuhusu malipo.",
)
BY_REFERENCE = Match(
    rule="reference",
    reason="The text with the money is the payment's own reference.",
    reason_sw="Maandishi yaliyokuja na pesa ni kumbukumbu ya malipo yenyewe.",
)
# The money of a prompt, told of a second time.
OF_PROMPTS = (BY_RECEIPT.rule, BY_REFERENCE.rule)


# --- where the money is -----------------------------------------------------------------------------------------------


def received_as(provider: str, mode: str, receipt: str) -> C2bReceipt | None:
    """The row of a receipt that came by itself. Whoever writes it holds `lock_receipt`."""
    rows = C2bReceipt.objects.select_related("provider_account")
    found: C2bReceipt | None = rows.filter(provider=provider, mode=mode, receipt=receipt).first()
    return found


def is_in_suspense(row: C2bReceipt | None) -> TypeGuard[C2bReceipt]:
    return row is not None and row.state != MATCHED and row.suspense_transfer_id is not None


def hold(row: C2bReceipt) -> None:
    """Book the money before anybody knows whose it is."""
    row.suspense_transfer_id = book_suspense(money_of(row), occurred_at=row.occurred_at)
    row.save(update_fields=["suspense_transfer"])


def money_of(row: C2bReceipt) -> SuspenseMoney:
    return SuspenseMoney(
        receipt_id=row.id,
        merchant_id=row.merchant_id,
        mode=row.mode,
        amount=Money(row.amount, row.currency),
        float_name=f"{row.provider}:{row.shortcode}",
    )


# --- taken by a payment -----------------------------------------------------------------------------------------------


def objection(row: C2bReceipt, payment: Payment) -> str:
    """Why this payment may not take this receipt's money; empty when it may."""
    if row.state == MATCHED:
        return "" if row.payment_id == payment.id else "receipt already credited to another payment"
    if (row.amount, row.currency) != (payment.amount, payment.currency):
        return "the receipt came with another amount"
    if (row.merchant_id or payment.merchant_id) != payment.merchant_id or row.shortcode != payment.shortcode:
        return "the receipt came to another account"
    return "the provider has denied this receipt" if row.verification == REFUTED else ""


def attach(row: C2bReceipt, payment: Payment, match: Match, *, source: str) -> None:
    """The receipt is this payment's, whose capture has taken the money. `source` is how its money was confirmed."""
    was = {"match": {"state": row.state}}
    row.merchant_id, row.payment = payment.merchant_id, payment
    row.state, row.account_id, row.suggestions = MATCHED, match.account_id, []
    row.rule, row.score, row.decided_by = match.rule, match.score, match.decided_by
    row.reason, row.reason_sw = match.reason, match.reason_sw
    if row.verification == PENDING:
        row.verification, row.verified_by = VERIFIED, source
    row.version += 1
    row.save()
    if payment.channel == "c2b" or row.suspense_transfer_id is not None:
        # The confirmation of a prompt that is paid is no news.
        tell_receipt(row, MATCHED, previous=was, actor=match.decided_by)


def undo_hold(row: C2bReceipt) -> None:
    """A payment was booked without its receipt, and this is it: the money came once, and is booked once."""
    assert row.suspense_transfer_id is not None  # noqa: S101 - is_in_suspense was asked
    undo_suspense(money_of(row), booked=row.suspense_transfer_id)


def may_be_credited(op: MoneyOp, payment: Payment) -> bool:
    """Whether the money of a prompt may have been given to another payment already, by hand or by what was typed.

    Asked for a success that names no receipt: what agrees in text, amount, payer and time may be the same money.
    """
    since = (op.sent_at or op.created_at) - MARGIN
    rows = C2bReceipt.objects.filter(
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        provider=payment.provider,
        shortcode=payment.shortcode,
        state=MATCHED,
        amount=op.amount,
        received_at__gte=since,
    )
    rivals = rows.exclude(payment_id=payment.id).exclude(rule__in=OF_PROMPTS)
    typed = fold(payment.shown_reference or payment.account_reference)
    return any(fold(row.bill_ref) == typed and fit_of(row, payment.phone) is not PayerFit.DIFFERENT for row in rivals)


def with_held_receipt(op_id: UUID, outcome: Outcome) -> Outcome:
    """A success that names no receipt, with the one that lies in suspense and can only be of this prompt.

    It was not believed when it came, or not told apart from another; now the provider says that the prompt was paid.
    """
    if outcome.status is not OutcomeStatus.SUCCEEDED or outcome.receipt:
        return outcome
    op = MoneyOp.objects.select_related("payment").get(id=op_id)
    held = _held_for(op, op.payment) if op.payment is not None and op.payment.receipt is None else None
    return outcome if held is None else replace(outcome, receipt=held.receipt)


def _held_for(op: MoneyOp, payment: Payment) -> C2bReceipt | None:
    rows = C2bReceipt.objects.filter(
        Q(merchant_id=payment.merchant_id) | Q(merchant_id=None),
        mode=payment.mode,
        provider=payment.provider,
        shortcode=payment.shortcode,
        amount=op.amount,
        received_at__gte=(op.sent_at or op.created_at) - MARGIN,
        suspense_transfer_id__isnull=False,
    )
    rows = rows.exclude(state=MATCHED).exclude(verification=REFUTED)
    alike: list[C2bReceipt] = [row for row in rows if _is_prompts(row, payment)]
    if len(alike) != 1 or (payment.shown_reference is not None and _has_twin(payment)):
        return None
    return alike[0]


def _is_prompts(row: C2bReceipt, payment: Payment) -> bool:
    """Our own reference is on one prompt only; a text of the merchant's needs the payer to agree."""
    if payment.shown_reference is None:
        return row.bill_ref.strip().upper() == payment.account_reference
    return fold(row.bill_ref) == fold(payment.shown_reference) and fit_of(row, payment.phone) >= PayerFit.COMPATIBLE


def _has_twin(payment: Payment) -> bool:
    """Another prompt of the same text, amount and payer, that may have been paid and whose receipt is not known."""
    others = Payment.objects.filter(
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        amount=payment.amount,
        phone=payment.phone,
        receipt=None,
        shown_reference__isnull=False,
        created_at__gte=payment.created_at - TWINS_WITHIN,
    )
    others = others.exclude(id=payment.id).exclude(status__in=("failed", "cancelled"))
    return any(fold(str(other.shown_reference)) == fold(str(payment.shown_reference)) for other in others)


def fit_of(row: C2bReceipt, phone: str | None) -> PayerFit:
    """How the payer of the money stands to a number on file."""
    return payer_fit(phone, phone=row.phone, phone_hash=row.phone_hash, phone_masked=row.phone_masked)
