"""Prompts sent again by an operator: the payments that were picked, one after another, each with its own answer."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from audit.services import record
from merchants.models import Merchant
from merchants.services.live_mode import require_live
from merchants.services.operator_callers import caller_for
from onpoint_pay.kit.caller import LIVE, Caller
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.operator import OperatorCard
from payments.models import Payment
from payments.services.resend import resend_prompt

MOST = 20
# A provider that is slow must not keep whoever waits for the answer: the rest is left for the next time.
SECONDS = 25.0
SENT, REFUSED, LEFT = "sent", "refused", "left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resent:
    """What became of one of them: `sent`, `refused` or `left`; `code` and `words` say why it was not sent."""

    payment: Payment
    outcome: str
    code: str = ""
    words: str = ""


def resend_picked(card: OperatorCard, payments: Sequence[Payment]) -> list[Resent]:
    """Send a new prompt for each, to the same phone, as its merchant itself could at this moment; in their order.

    Limits of prompts to one phone hold as for merchants. Raises Problem limit_exceeded, before anything is sent, for
    more than MOST.
    """
    if len(payments) > MOST:
        raise Problem("limit_exceeded", f"At most {MOST} prompts at a time: nothing was sent.")
    ends_at = time.monotonic() + SECONDS
    found = [_resent(card, payment) if time.monotonic() < ends_at else _left(payment) for payment in payments]
    _note(card, found)
    return found


def _resent(card: OperatorCard, payment: Payment) -> Resent:
    try:
        caller = caller_for(card, payment.merchant_id, payment.mode)
        _refuse_standing(caller)
        stored = resend_prompt(caller, payment, phone=None, claim=None)
    except Problem as problem:
        return Resent(payment=payment, outcome=REFUSED, code=problem.code, words=problem.detail)
    if stored.status != 201:
        return Resent(payment=payment, outcome=REFUSED, code="payment_failed", words="The provider refused the prompt.")
    return Resent(payment=payment, outcome=SENT)


def _left(payment: Payment) -> Resent:
    return Resent(payment=payment, outcome=LEFT, words="The provider is slow: nothing was sent for this one yet.")


def _refuse_standing(caller: Caller) -> None:
    """A merchant that may take no money is asked for none by others either."""
    if caller.merchant.status == Merchant.Status.SUSPENDED:
        raise Problem("merchant_suspended")
    if caller.mode == LIVE:
        require_live(caller.merchant)


def _note(card: OperatorCard, found: Sequence[Resent]) -> None:
    """The prompts that went out stand in their merchants' chains; what was asked for, and came to nothing, here."""
    detail = {
        "asked": [to_public("pay", each.payment.id) for each in found],
        "outcomes": dict(Counter(each.code or each.outcome for each in found)),
        **card.told,
    }
    with transaction.atomic():
        record(merchant_id=None, actor=card.actor, action="operator.prompts_resent", detail=detail)
