"""Answers about money that came by itself: what they prove, what they deny, and what was never there."""

from merchants.models import ProviderAccount
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.money import Money
from payments.models import C2bClaim, C2bReceipt, ProviderEvent, ProviderQuestion
from payments.services.c2b_claims import refuse_claim, settle_claims
from payments.services.c2b_confirmations import numbers_of
from payments.services.c2b_receipts import Arrival, confirm, refute, take_in
from payments.services.c2b_suspense import received_as
from payments.services.evidence import (
    APPLIED,
    IGNORED,
    QUARANTINED,
    WAITING,
    close_event,
    lock_event,
    lock_receipt,
)
from payments.services.questions import TRANSACTION_STATUS, close_question, count_unknown
from payments.services.refund_elsewhere import OutsideReversal, book_outside_reversal
from providers.types import CallbackEvent, Outcome, OutcomeStatus, Receipt

DENIED = "M-Pesa says otherwise about this receipt: "
DENIED_SW = "M-Pesa inasema vingine kuhusu risiti hii: "
UNKNOWN_THERE = "the provider knows no such transaction"
DECIDED = (OutcomeStatus.SUCCEEDED, OutcomeStatus.FAILED)


def apply_receipt_answer(event: ProviderEvent, question: ProviderQuestion, claim: CallbackEvent) -> str:
    """Apply the answer to a question about a receipt that came by itself; returns the status it ends in."""
    assert question.receipt is not None  # noqa: S101 - what is no operation's is asked by receipt
    if claim.outcome.receipt not in (None, question.receipt):
        return close_event(event, QUARANTINED, "an answer about another receipt than was asked for")
    verdict = retry_unit(lambda: _about_receipt(event.id, question, claim))
    settle_claims(question.provider, question.mode, question.receipt)
    return verdict


def _about_receipt(event_id: int, question: ProviderQuestion, claim: CallbackEvent) -> str:
    event, outcome = lock_event(event_id), claim.outcome
    if event.status not in WAITING:
        return event.status
    assert question.receipt is not None  # noqa: S101 - asked by receipt
    lock_receipt(question.provider, question.mode, question.receipt)
    row = received_as(question.provider, question.mode, question.receipt)
    if outcome.is_reversed and row is not None and row.payment_id is not None:
        close_question(question, evidence=event.id)
        return _undone(event, row, outcome)
    if outcome.status in DECIDED:
        close_question(question, evidence=event.id)
        return _decided(event, question, outcome)
    if not outcome.is_unknown_there:
        return close_event(event, IGNORED, "no decision in it")
    if count_unknown(question, evidence=event.id) and question.claim_id is not None:
        refuse_claim(C2bClaim.objects.get(id=question.claim_id))
    return close_event(event, IGNORED, UNKNOWN_THERE)


def _decided(event: ProviderEvent, question: ProviderQuestion, outcome: Outcome) -> str:
    assert question.receipt is not None  # noqa: S101 - asked by receipt
    row = received_as(question.provider, question.mode, question.receipt)
    account = question.provider_account
    assert account is not None  # noqa: S101 - questions about receipts are asked of their shortcode's account
    doubt = _doubt(outcome, account)
    if row is None:
        return _found(event, question, outcome, account=account, doubt=doubt)
    if (
        not doubt
        and outcome.money is not None
        and (row.amount, row.currency)
        != (
            outcome.money.minor,
            outcome.money.currency,
        )
    ):
        doubt = "another amount"
    if doubt:
        refute(row, reason=f"{DENIED}{doubt}.", reason_sw=f"{DENIED_SW}{doubt}.")
        return close_event(event, QUARANTINED, f"the provider says otherwise: {doubt}")
    confirm(row, evidence=event, how=TRANSACTION_STATUS)
    close_event(event, APPLIED, "the provider confirms the receipt")
    return ProviderEvent.objects.get(id=event.id).status


def _undone(event: ProviderEvent, row: C2bReceipt, outcome: Outcome) -> str:
    """Money that has its owner was taken back past us. The answer names the payment, not what undid it."""
    assert row.payment_id is not None  # noqa: S101 - asked by the caller
    found = OutsideReversal(
        payment_id=row.payment_id,
        amount=Money(row.amount, row.currency),
        receipt=None,
        occurred_at=None,
        source=TRANSACTION_STATUS,
        told={"status": outcome.provider_message, "answer": event.id},
    )
    return close_event(event, IGNORED, f"the payment was taken back: {book_outside_reversal(found)}")


def _doubt(outcome: Outcome, account: ProviderAccount) -> str:
    """Why the answer does not say that this money reached the account; empty when it does."""
    if outcome.status is OutcomeStatus.FAILED:
        return f"the payment is {outcome.provider_message or 'not completed'}"
    if outcome.money is None or not outcome.receipt:
        return "no amount or receipt"
    if outcome.is_reversed:
        return "it was reversed"
    reached = outcome.details.get("credit_shortcode")
    is_elsewhere = reached is not None and reached not in numbers_of(account)
    return "it went elsewhere" if is_elsewhere or "receiver_phone" in outcome.details else ""


def _found(
    event: ProviderEvent, question: ProviderQuestion, outcome: Outcome, *, account: ProviderAccount, doubt: str
) -> str:
    """Money that nobody we trust had told of: somebody claims it, or a stranger said so. Text and name stay unknown."""
    if doubt or outcome.money is None or outcome.receipt is None:
        if question.claim_id is not None:
            refuse_claim(C2bClaim.objects.get(id=question.claim_id))
        return close_event(event, IGNORED, f"not the account's money: {doubt}")
    told = Receipt(
        receipt=outcome.receipt,
        money=outcome.money,
        shortcode=account.shortcode,
        account_reference="",
        phone=outcome.details.get("payer_phone"),
        occurred_at=outcome.occurred_at,
    )
    arrival = Arrival(
        received=told, account=account, evidence=event, source="claim", how=TRANSACTION_STATUS, is_proof=True
    )
    status, note = take_in(arrival)
    close_event(event, status, note)
    return ProviderEvent.objects.get(id=event.id).status
