"""Giving money that came by itself to its owner: through the same one place as every payment."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id, new_reference, random_letters, to_public
from onpoint_pay.kit.money import Money
from payments.models import C2bAccount, C2bReceipt, MoneyOp, Payment, ProviderEvent
from payments.services.c2b_ops import CHANNEL, make_op
from payments.services.c2b_suspense import MATCHED, Match
from payments.services.intent import ACCOUNT_LETTERS, NOTHING_YET
from payments.services.outcome import apply_outcome
from payments.states import COMPLETED, OP_CANCELLED, OP_OPEN, OP_SUCCEEDED
from providers.types import Outcome, OutcomeStatus
from settlements.services.fee_plans import fee_of

METHOD = "mpesa_c2b"
DRAWS = 5


class NotTaken(Exception):
    """The one place that completes payments had an objection, its text: nothing of the attempt may stay."""


def give_to_payment(row: C2bReceipt, payment: Payment, match: Match, *, evidence: int, source: str) -> str:
    """Complete a payment that waits for this money, or fill in the receipt it misses; the objection, empty if none.

    The caller holds `lock_receipt`. `evidence` is a waiting ProviderEvent, `source` how the money was confirmed.
    """
    try:
        with transaction.atomic():
            _apply(row, _op_for(row, payment, match), match, evidence=evidence, source=source)
    except NotTaken as objection:
        return str(objection)
    return ""


def give_to_account(row: C2bReceipt, account: C2bAccount, match: Match, *, evidence: int, source: str) -> str:
    """Make a payment of it for the account's merchant, completed. As give_to_payment."""
    try:
        with transaction.atomic():
            payment = _store_payment(row, account)
            _apply(row, make_op(row, payment), match, evidence=evidence, source=source)
    except NotTaken as objection:
        return str(objection)
    return ""


def _apply(row: C2bReceipt, op: MoneyOp, match: Match, *, evidence: int, source: str) -> None:
    outcome = Outcome(
        status=OutcomeStatus.SUCCEEDED,
        receipt=row.receipt,
        money=Money(row.amount, row.currency),
        phone=row.phone,
        occurred_at=row.occurred_at,
    )
    apply_outcome(op.id, outcome, evidence=evidence, source=source, match=match)
    row.refresh_from_db()
    if row.state != MATCHED:
        raise NotTaken(ProviderEvent.objects.get(id=evidence).note or "not taken")


# --- operations -------------------------------------------------------------------------------------------------------


def _op_for(row: C2bReceipt, payment: Payment, match: Match) -> MoneyOp:
    """The payment's open try, or the one whose receipt is missed, or its last one; a new one when that never left.

    A surplus payment's try is one of the payment that was paid twice. A person who gives money to a closed prompt's
    payment does not say that the prompt was paid.
    """
    of_payment = Q(payment_id=payment.id, surplus_payment=None) | Q(surplus_payment_id=payment.id)
    ops = list(MoneyOp.objects.filter(of_payment).order_by("-id"))
    is_by_person = match.decided_by != "system"
    if is_by_person and payment.channel != CHANNEL and payment.status != COMPLETED:
        return make_op(row, payment)
    wanted = (OP_SUCCEEDED,) if payment.status == COMPLETED else OP_OPEN
    for op in ops:
        if op.status in wanted:
            return op
    return ops[0] if ops and ops[0].status != OP_CANCELLED else make_op(row, payment)


# --- payments made of receipts ----------------------------------------------------------------------------------------


def _store_payment(row: C2bReceipt, account: C2bAccount) -> Payment:
    payment = _make_payment(row, account)
    for _ in range(DRAWS):
        try:
            with transaction.atomic():
                payment.save(force_insert=True)
            return payment
        except IntegrityError:
            # Random letters met a reference that exists: draw again.
            payment.reference = new_reference("TXN", payment.created_at)
            payment.account_reference = random_letters(ACCOUNT_LETTERS)
    raise NotTaken("no free reference was found")


def _make_payment(row: C2bReceipt, account: C2bAccount) -> Payment:
    at = now()
    price = fee_of(account.merchant_id, method=METHOD, amount=Money(row.amount, row.currency), at=at)
    source = row.provider_account
    facts: dict[str, Any] = {
        "tax": price.tax.minor,
        "amount_check": amount_check(row.amount, account.expected_amount),
        "provider_details": details_of(row) | {"account": to_public("acc", account.id), "account_code": account.code},
        "simulated": source is not None and source.is_simulated,
        "provider_account_id": source.id if source is not None and source.merchant_id is not None else None,
    }
    return Payment(
        id=new_id(),
        merchant_id=account.merchant_id,
        mode=row.mode,
        reference=new_reference("TXN", at),
        reference_policy="any",
        account_reference=random_letters(ACCOUNT_LETTERS),
        amount=row.amount,
        currency=row.currency,
        fee=price.fee.minor,
        fee_version_id=price.version_id,
        payment_method=METHOD,
        channel=CHANNEL,
        provider=row.provider,
        shortcode=row.shortcode,
        phone=row.phone,
        phone_hash=row.phone_hash,
        payer_name=row.payer_name,
        description=account.name,
        language="en",
        metadata={},
        created_by="system",
        created_at=at,
        expires_at=at,
        **(NOTHING_YET | facts),
    )


def amount_check(paid: int, expected: int | None) -> str:
    """How what was paid stands to what was asked for, in minor units each: `exact`, `under` or `over`."""
    if expected is None or paid == expected:
        return "exact"
    return "under" if paid < expected else "over"


def details_of(row: C2bReceipt) -> dict[str, str]:
    till = row.provider_account.till if row.provider_account else None
    paid_to = {"till": till} if till else {"paybill": row.shortcode}
    return {"shortcode": row.shortcode, "bill_ref": row.bill_ref, "c2b_receipt": to_public("c2b", row.id)} | paid_to
