"""Asking for a closed payment again: a new attempt of the same payment, committed first and sent after that."""

import secrets
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db import IntegrityError

from merchants.services.provider_accounts import provider_for
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import broke, retry_unit
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from payments.errors import duplicate_reference, payment_in_progress
from payments.models import MoneyOp, Payment
from payments.services.events import announce
from payments.services.initiate import Start, begin_within_limits, send_prompt
from payments.services.intent import make_charge
from payments.services.limits import hold_limits
from payments.services.replay import Claim, Stored, replay, take_claim
from payments.services.status import refreshed
from payments.states import CLOSED_UNPAID, INITIATED, OP_OPEN, OP_SENDING, PAID, PENDING

# What a new attempt begins with: nothing of the last one's end is left on the payment, its operations keep it all.
BEGUN_ANEW: dict[str, Any] = {
    "status": INITIATED,
    "pending_reason": None,
    "failure": None,
    "customer_message": None,
    "provider_reference": None,
    "provider_details": {},
    "confirmed_by": None,
    "submitted_at": None,
    "cancel_requested_at": None,
    "cancel_requested_by": None,
}


def resend_prompt(
    caller: Caller, payment: Payment, *, phone: str | None, claim: Claim | None, scenario: str | None = None
) -> Stored:
    """Send a new prompt for a payment that closed unpaid for certain, to `phone` or to the same phone as before.

    A pending payment is asked about first: once the provider has said no, it is closed. Raises Problem
    payment_in_progress while the last prompt may still be paid, state_conflict when the payment is paid or nobody knows
    what became of the last prompt, duplicate_reference when its reference is another's by now, and what
    initiate_payment raises.
    """
    if payment.channel != "stk_push":
        raise Problem("state_conflict", "This payment has no prompt that could be sent again.")
    if payment.status == PENDING and payment.expires_at <= now():
        payment = refreshed(payment)
    # Asked again under the lock; a repeat of a key is answered as the first time, whatever the payment is by now.
    if claim is None:
        _refuse_unless_closed(payment, list(payment.ops.order_by("id")))
    payment.phone = phone or payment.phone
    token = secrets.token_hex(16)
    # Payment and operation as they would be; under the lock they are replaced by the rows that are stored.
    attempt = Start(
        payment=payment,
        op=make_charge(payment, token_hash=sha256(token.encode()).digest()),
        token=token,
        payee=caller.merchant.business_name,
        claim=claim,
        provider=provider_for(payment.provider, payment.mode, payment.provider_account_id),
        rates=caller.rates,
    )
    found = begin_within_limits(caller, payment, claim, begin=lambda: _begin(caller, attempt))
    if found is not None:
        return replay(caller, found, claim)
    return send_prompt(attempt, scenario=scenario)


def _begin(caller: Caller, attempt: Start) -> dict[str, Any] | None:
    """First commit: the payment initiated again, a further operation, event and key; or the key of a repeat."""
    try:
        return retry_unit(lambda: _begin_unit(caller, attempt))
    except IntegrityError as error:
        if not broke(error, "transactions_live_reference"):
            raise
        raise duplicate_reference(_holder_of_reference(attempt.payment)) from error


def _begin_unit(caller: Caller, attempt: Start) -> dict[str, Any] | None:
    found = take_claim(attempt.claim, attempt.payment) if attempt.claim else None
    if found is not None:
        return found
    at, phone = now(), attempt.payment.phone
    ops = list(MoneyOp.objects.select_for_update().filter(payment_id=attempt.payment.id).order_by("id"))
    payment = Payment.objects.select_for_update().get(id=attempt.payment.id)
    _refuse_unless_closed(payment, ops)
    # Before the payment is live again: whoever begins another one under its reference may hold the limits already.
    hold_limits(caller, Money(payment.amount, payment.currency), phone=phone, at=at)
    before = {"status": payment.status, "attempts": payment.attempts}
    _begin_anew(payment, phone=phone, last=ops[-1], at=at)
    op = make_charge(payment, token_hash=bytes(attempt.op.token_hash or b""), at=at)
    op.save(force_insert=True)
    op.status, op.sent_at = OP_SENDING, at
    op.save(update_fields=["status", "sent_at"])
    announce(payment, previous=before, evidence_id=None, actor=caller.actor, news="prompt_resent")
    attempt.payment, attempt.op = payment, op
    return None


def _begin_anew(payment: Payment, *, phone: str | None, last: MoneyOp, at: datetime) -> None:
    window = payment.expires_at - last.created_at
    for name, value in BEGUN_ANEW.items():
        setattr(payment, name, value)
    payment.phone, payment.expires_at = phone, at + window
    payment.attempts += 1
    payment.version += 1
    payment.save(update_fields=[*BEGUN_ANEW, "phone", "expires_at", "attempts", "version"])


def _refuse_unless_closed(payment: Payment, ops: list[MoneyOp]) -> None:
    if payment.status in PAID:
        raise Problem("state_conflict", "The payment is paid already.")
    if not [op for op in ops if op.kind == "charge"]:
        raise Problem("state_conflict", "This payment was never a prompt, so there is none to send again.")
    if payment.status not in CLOSED_UNPAID:
        asked = [op.next_check for op in ops if op.status in OP_OPEN and op.next_check is not None]
        raise payment_in_progress(to_public("pay", payment.id), asked_again_at=min(asked, default=None))
    if not payment.is_safe_to_retry:
        raise Problem(
            "state_conflict",
            "The provider never said what became of the last prompt, so a new one could charge the payer twice. "
            "Ask the provider with sync, or look into its statement; a definite no makes a new prompt possible.",
        )


def _holder_of_reference(payment: Payment) -> str:
    others = Payment.objects.scoped(payment.merchant_id, payment.mode).filter(
        merchant_reference=payment.merchant_reference, surplus=False
    )
    found = others.exclude(id=payment.id).exclude(status__in=CLOSED_UNPAID).first()
    return to_public("pay", found.id) if found else to_public("pay", payment.id)
