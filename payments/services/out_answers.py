"""Answers to our questions about tries that send money out: what they decide, and what they contradict."""

from dataclasses import replace

import structlog

from onpoint_pay.kit.clock import now
from payments.models import MoneyOp, ProviderEvent, ProviderQuestion
from payments.services.evidence import IGNORED, QUARANTINED, WAITING, close_event, read_claim
from payments.services.out_names import ALREADY_REVERSED, DECLINED
from payments.services.out_outcome import QUESTION, apply_out_outcome, look_again
from payments.services.refund_routes import REVERSAL
from providers.types import Outcome, OutcomeStatus

log = structlog.get_logger(__name__)
WAITS_FOR_ANSWER = "waits for the provider to say the same when asked"
CONTRADICTED = "the provider says otherwise when asked"
ANOTHER = "the answer is about another transaction than was asked about"


def apply_out_answer(question: ProviderQuestion, outcome: Outcome, *, evidence: int) -> str:
    """Apply what the provider says of a try when asked; returns what became of the answer, the event `evidence`.

    An answer that contradicts a claim of success decides nothing: both are kept for a person.
    """
    op = MoneyOp.objects.get(questions=question)
    event = ProviderEvent.objects.get(id=evidence)
    if question.receipt is not None:
        return apply_out_outcome(op.id, _of_the_payment(op, outcome), evidence=evidence, source=QUESTION)
    if outcome.provider_reference is not None and op.provider_ref not in (None, outcome.provider_reference):
        return close_event(event, QUARANTINED, ANOTHER, op=op)
    if outcome.status is OutcomeStatus.FAILED:
        claims = list(ProviderEvent.objects.filter(op_id=op.id, status__in=WAITING, note=WAITS_FOR_ANSWER))
        if claims:
            return _keep_apart([*claims, event], op)
        if op.kind == REVERSAL:
            return _ask_about_the_payment(event, op)
    return apply_out_outcome(op.id, outcome, evidence=evidence, source=QUESTION)


def _of_the_payment(op: MoneyOp, outcome: Outcome) -> Outcome:
    """What the state of the payment says about the reversal that should undo it.

    Undone: done, whoever did it. Standing: no reversal so far, and no decision, unless the provider has declined ours
    besides.
    """
    if outcome.is_reversed:
        # The names in the answer are the payment's, not those of the reversal.
        return replace(outcome, status=OutcomeStatus.SUCCEEDED, failure=None, receipt=None, provider_reference=None)
    told = ProviderEvent.objects.filter(op_id=op.id)
    declined = told.filter(note=DECLINED).order_by("-id").first()
    stands = outcome.status is OutcomeStatus.SUCCEEDED
    if stands and declined is not None and not told.filter(note=ALREADY_REVERSED).exists():
        return read_claim(declined).outcome
    return Outcome(
        status=OutcomeStatus.UNKNOWN,
        provider_code=outcome.provider_code,
        provider_message=outcome.provider_message,
        is_unknown_there=stands,
    )


def _ask_about_the_payment(event: ProviderEvent, op: MoneyOp) -> str:
    """Declined may also mean: undone already. No reason is told, so the payment must tell."""
    close_event(event, IGNORED, DECLINED, op=op)
    look_again(op, at=now())
    return IGNORED


def _keep_apart(events: list[ProviderEvent], op: MoneyOp) -> str:
    log.error("refund_words_disagree", op=op.client_ref)
    for event in events:
        close_event(event, QUARANTINED, CONTRADICTED, op=op)
    return QUARANTINED
