"""Answers to our questions, as they come to the doors of questions: whose they are, and who applies them."""

from django.db import transaction

from payments.models import MoneyOp, ProviderEvent, ProviderQuestion
from payments.services.c2b_answers import apply_receipt_answer
from payments.services.evidence import APPLIED, IGNORED, QUARANTINED, close_event, read_claim
from payments.services.out_answers import apply_out_answer
from payments.services.questions import BALANCE, close_question
from payments.states import OP_OPEN
from providers.errors import CallbackMalformed
from providers.types import EventKind


def apply_status_claim(event: ProviderEvent) -> str:
    """Decide what one answer may do, and do it; returns the status the claim ends in.

    An answer is believed for its address alone: only we and the provider know it. Without one it says nothing.
    """
    question = event.question
    if question is None or not event.token_ok:
        return close_event(event, QUARANTINED, "untrusted: the address it came to has no question of ours")
    try:
        claim = read_claim(event)
    except CallbackMalformed as error:
        return close_event(event, QUARANTINED, f"cannot be read: {error}", op=question.op)
    if claim.kind is EventKind.NOTICE:
        return close_event(event, IGNORED, "the answer is late; the question is put again", op=question.op)
    if question.kind == BALANCE:
        return _keep_balance(event, question)
    if question.op_id is None:
        return apply_receipt_answer(event, question, claim)
    return _about_operation(event, question)


def _keep_balance(event: ProviderEvent, question: ProviderQuestion) -> str:
    """What the shortcode holds is kept with its question, and moves nothing."""
    with transaction.atomic():
        close_question(question, evidence=event.id)
        return close_event(event, APPLIED, "the balance was told")


def _about_operation(event: ProviderEvent, question: ProviderQuestion) -> str:
    verdict = apply_out_answer(question, read_claim(event).outcome, evidence=event.id)
    if not MoneyOp.objects.filter(questions=question, status__in=OP_OPEN).exists():
        close_question(question, evidence=event.id)
    return verdict
