"""People and C2B money: matching by hand, taking a match back, and learning from both."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import new_id, to_public
from onpoint_pay.kit.money import Money
from payments.matching import fold, payer_key
from payments.models import C2bAccount, C2bAlias, C2bReceipt, MoneyOp, Payment, ProviderEvent
from payments.selectors.c2b_candidates import paid_of
from payments.services.c2b_credit import give_to_account, give_to_payment
from payments.services.c2b_events import note_alias, tell_receipt
from payments.services.c2b_ops import CHANNEL
from payments.services.c2b_suspense import CONFIRMED, MATCHED, PENDING, UNMATCHED, Match, money_of, received_as
from payments.services.events import announce
from payments.services.evidence import APPLIED, close_event, lock_receipt
from payments.services.questions import ask_about_receipt
from payments.states import COMPLETED, OP_OPEN, OP_SUCCEEDED, PAID, REVERSED
from settlements.errors import BalanceTooLow
from settlements.services.suspense import Captured, return_to_suspense

BY_HAND, BY_CLAIM = "by_hand", "claim"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Whose the money shall be: one of both, of one merchant."""

    account: C2bAccount | None = None
    payment: Payment | None = None

    @property
    def public_id(self) -> str:
        if self.account is not None:
            return to_public("acc", self.account.id)
        assert self.payment is not None  # noqa: S101 - a target is one of both
        return to_public("pay", self.payment.id)


# --- matching ---------------------------------------------------------------------------------------------------------


def match_receipt(caller: Caller, row: C2bReceipt, target: Target, *, learn: bool) -> C2bReceipt:
    """A person says whose the money is; with `learn` the same text of the same payer is known from now on.

    Raises Problem state_conflict: the receipt has an owner, is not confirmed yet, or the target cannot take it.
    """
    return retry_unit(lambda: _match(caller, row, target, learn=learn))


def _match(caller: Caller, row: C2bReceipt, target: Target, *, learn: bool) -> C2bReceipt:
    fresh = _locked(row)
    if fresh.state == MATCHED:
        raise Problem("state_conflict", "The receipt is matched already; take the match back first.")
    _refuse_unconfirmed(fresh)
    objection = hand_over(fresh, target, rule=BY_HAND, actor=caller.actor)
    if objection:
        raise Problem("state_conflict", f"The money was not taken: {objection}.")
    if learn and target.account is not None:
        _learn(fresh, target.account, actor=caller.actor)
    return fresh


def hand_over(row: C2bReceipt, target: Target, *, rule: str, actor: str) -> str:
    """Give the money to the target on a person's word; the objection, empty if none. Holds `lock_receipt`."""
    objection = _objection(row, target)
    if objection:
        return objection
    how = row.verified_by or "callback"
    evidence = keep_decision(row, {"decided": rule, "target": target.public_id, "by": actor})
    match = Match(
        rule=rule,
        reason="A person said whose it is." if rule == BY_HAND else "The one who paid named the receipt.",
        reason_sw="Mtu alisema ni za nani." if rule == BY_HAND else "Aliyelipa alitaja risiti.",
        decided_by=actor,
        account_id=target.account.id if target.account else None,
    )
    if target.account is not None:
        return give_to_account(row, target.account, match, evidence=evidence.id, source=how)
    assert target.payment is not None  # noqa: S101 - a target is one of both
    return give_to_payment(row, target.payment, match, evidence=evidence.id, source=how)


def _objection(row: C2bReceipt, target: Target) -> str:
    """Why the target cannot take money by a person's word; the rest is asked by the one place that completes it."""
    if target.account is not None:
        is_here = (target.account.provider, target.account.shortcode) == (row.provider, row.shortcode)
        if not is_here:
            return "the account is of another shortcode"
        return "" if target.account.is_open else "the account is closed"
    assert target.payment is not None  # noqa: S101 - a target is one of both
    payment = Payment.objects.get(id=target.payment.id)
    if (payment.amount, payment.currency) != (row.amount, row.currency):
        asked, came = (Money(minor, row.currency).decimal_text() for minor in (payment.amount, row.amount))
        return f"the payment asks for {asked}, but {came} came"
    if payment.status in PAID and (payment.receipt is not None or payment.status == REVERSED):
        return "the payment is paid already"
    is_asked = payment.channel != CHANNEL and payment.ops.filter(status__in=OP_OPEN).exists()
    return "its prompt is still open: wait for the payer's answer to it" if is_asked else ""


def _refuse_unconfirmed(row: C2bReceipt) -> None:
    if row.verification in CONFIRMED:
        return
    if row.verification == PENDING:
        ask_about_receipt(row)
        raise Problem("state_conflict", "M-Pesa has not confirmed this receipt yet; it is asked again now.")
    raise Problem("state_conflict", "M-Pesa denies this receipt.")


def _locked(row: C2bReceipt) -> C2bReceipt:
    lock_receipt(row.provider, row.mode, row.receipt)
    fresh = received_as(row.provider, row.mode, row.receipt)
    assert fresh is not None  # noqa: S101 - receipts are never deleted
    return fresh


def keep_decision(row: C2bReceipt, decision: dict[str, Any]) -> ProviderEvent:
    """What a person decided, as evidence of the change it makes."""
    at = now()
    return ProviderEvent.objects.create(
        provider=row.provider,
        door="operator",
        dedupe=f"c2b:{new_id()}",
        mode=row.mode,
        body=orjson.dumps(decision | {"c2b_receipt": to_public("c2b", row.id)}),
        token_ok=True,
        provider_account=row.provider_account,
        received_at=at,
        next_try=at,
        status="new",
    )


def _learn(row: C2bReceipt, account: C2bAccount, *, actor: str) -> None:
    key, folded = payer_key(paid_of(row)), fold(row.bill_ref)
    if key is None or not folded:
        return
    C2bAlias.objects.update_or_create(
        merchant_id=account.merchant_id,
        mode=account.mode,
        folded=folded,
        payer_key=key,
        defaults={"account": account, "created_by": actor, "created_at": now()},
    )
    note_alias(merchant_id=account.merchant_id, account=account, actor=actor)


# --- taking it back ---------------------------------------------------------------------------------------------------


def unmatch_receipt(caller: Caller, row: C2bReceipt, *, reason: str) -> C2bReceipt:
    """A person says that the money went to the wrong owner: the payment is reversed, the money waits again.

    Raises Problem state_conflict (not matched, a prompt's own money, refunded), insufficient_balance.
    """
    return retry_unit(lambda: _unmatch(caller, row, reason=reason))


def _unmatch(caller: Caller, row: C2bReceipt, *, reason: str) -> C2bReceipt:
    fresh = _locked(row)
    if fresh.payment_id is None:
        raise Problem("state_conflict", "The receipt is not matched.")
    op, payment = _lock_payment(fresh.payment_id)
    evidence = keep_decision(fresh, {"decided": "unmatch", "by": caller.actor, "reason": reason})
    transfer = _give_back(fresh, payment, actor=caller.actor)
    _reverse(payment, evidence, actor=caller.actor)
    _forget(fresh)
    was = {"match": {"state": fresh.state, "payment": to_public("pay", payment.id)}}
    fresh.state, fresh.payment, fresh.account, fresh.suspense_transfer_id = UNMATCHED, None, None, transfer
    fresh.rule, fresh.score, fresh.decided_by = None, None, caller.actor
    fresh.reason, fresh.reason_sw = "A person took the match back.", "Mtu aliondoa uoanishaji."
    fresh.version += 1
    fresh.save()
    tell_receipt(fresh, UNMATCHED, previous=was, actor=caller.actor)
    close_event(evidence, APPLIED, reason, op=op)
    return fresh


def _lock_payment(payment_id: UUID) -> tuple[MoneyOp, Payment]:
    """The payment and the try that paid it, if its money may be taken from it at all."""
    op = MoneyOp.objects.select_for_update().filter(payment_id=payment_id, status=OP_SUCCEEDED).first()
    payment: Payment = Payment.objects.select_for_update().get(id=payment_id)
    if op is None or op.kind != CHANNEL:
        raise Problem("state_conflict", "The payer approved a prompt for this payment; refund it instead.")
    if payment.status != COMPLETED or payment.refund_held or payment.refunded:
        raise Problem("state_conflict", "The payment was refunded or reversed, or is being refunded.")
    return op, payment


def _give_back(row: C2bReceipt, payment: Payment, *, actor: str) -> UUID:
    assert payment.capture_transfer_id is not None  # noqa: S101 - completed payments have one
    captured = Captured(
        payment_id=payment.id,
        transfer_id=payment.capture_transfer_id,
        fee=Money(0 if payment.surplus else payment.fee, payment.currency),
        tax=Money(0 if payment.surplus else payment.tax, payment.currency),
        is_surplus=payment.surplus,
    )
    try:
        return return_to_suspense(money_of(row), captured, actor=actor)
    except BalanceTooLow:
        raise Problem("insufficient_balance", "The money has left the balance already.") from None


def _reverse(payment: Payment, evidence: ProviderEvent, *, actor: str) -> None:
    payment.status, payment.evidence, payment.receipt = REVERSED, evidence, None
    payment.version += 1
    payment.save(update_fields=["status", "evidence", "receipt", "version"])
    announce(payment, previous={"status": COMPLETED}, evidence_id=evidence.id, actor=actor)


def _forget(row: C2bReceipt) -> None:
    """What led to the wrong account is not known any more."""
    key = payer_key(paid_of(row))
    if key is not None and row.account_id is not None:
        C2bAlias.objects.filter(account_id=row.account_id, folded=fold(row.bill_ref), payer_key=key).delete()
