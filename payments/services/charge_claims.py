"""Claims about prompts: what may be believed, what is asked back first, and what is only a reason to look."""

from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.jobs import nudge
from payments.models import MoneyOp, ProviderEvent
from payments.services.evidence import Answer, close_event, keep_answer, read_claim, wait_for_owner
from payments.services.outcome import apply_outcome
from payments.services.status import question
from payments.services.surplus import money_beside
from payments.states import OP_OPEN, OP_SUCCEEDED
from providers.errors import CallbackMalformed
from providers.types import CallbackEvent, OutcomeStatus

# What the proof of the books looks for: every success in live mode has one of the two.
CONFIRMS = "confirms the callback"
BELIEVED_UNASKED = "believed unasked: so the merchant wants it"


def apply_charge_claim(event: ProviderEvent) -> str:
    """Decide what one claim about a prompt may do, and do it; returns the status the claim ends in."""
    try:
        claim = read_claim(event)
    except CallbackMalformed as error:
        if event.op is not None:
            _ask_ourselves(event.op)
        return close_event(event, "quarantined", f"cannot be read: {error}")
    op = _owner(event, claim)
    if op is None:
        return wait_for_owner(event)
    doubt = _distrust(event, claim, op)
    if doubt:
        _ask_ourselves(op)
        return close_event(event, "quarantined", doubt, op=op)
    if claim.outcome.status is OutcomeStatus.SUCCEEDED and _is_news(op, claim):
        if confirms_success(op):
            return _confirm_then_apply(event, claim, op)
        if op.mode == LIVE:
            ProviderEvent.objects.filter(id=event.id).update(note=BELIEVED_UNASKED)
    return apply_outcome(op.id, claim.outcome, evidence=event.id, source="callback")


def _owner(event: ProviderEvent, claim: CallbackEvent) -> MoneyOp | None:
    """The operation the claim is about: by its path token, else by the provider's reference."""
    if event.op_id is not None:
        return MoneyOp.objects.get(id=event.op_id)
    return MoneyOp.objects.filter(
        provider=event.provider, kind="charge", provider_ref=claim.provider_reference or ""
    ).first()


def _distrust(event: ProviderEvent, claim: CallbackEvent, op: MoneyOp) -> str:
    """Why the claim may not be applied as it stands; empty when it may."""
    if not event.token_ok:
        return "untrusted: the address it came to has no token of ours"
    if _is_of_another(op, claim):
        return "the token belongs to another operation than the claim names"
    return ""


def _is_of_another(op: MoneyOp, claim: CallbackEvent) -> bool:
    if op.provider_ref is not None:
        return claim.provider_reference != op.provider_ref
    # The answer to the hand-over is still out or was lost; whose the reference is may be known all the same.
    others = MoneyOp.objects.filter(provider=op.provider, mode=op.mode, kind=op.kind)
    return others.filter(provider_ref=claim.provider_reference).exists()


def _ask_ourselves(op: MoneyOp) -> None:
    """An untrusted claim makes us look for the truth, it never tells it."""
    MoneyOp.objects.filter(id=op.id, status__in=OP_OPEN).update(next_check=now())
    nudge("payments.sweep")


def _is_news(op: MoneyOp, claim: CallbackEvent) -> bool:
    """The success would book money: the first word of it, or one that names other money than what is booked."""
    if op.status != OP_SUCCEEDED:
        return True
    assert op.payment is not None  # noqa: S101 - only refunds have operations without one
    return money_beside(op, op.payment, claim.outcome) is not None


def confirms_success(op: MoneyOp) -> bool:
    """Whether this merchant wants every success asked for again; by default in live mode: callbacks are unsigned."""
    policy = op.merchant.confirm_policy
    return policy == "always" or (policy == "default" and op.mode == LIVE)


def _confirm_then_apply(event: ProviderEvent, claim: CallbackEvent, op: MoneyOp) -> str:
    """The provider must say the same when we ask: then the claim is applied, with the receipt it brought."""
    if op.provider_ref is None:
        op.provider_ref = claim.provider_reference
    answer = question(op)
    if answer is None or answer.status in (OutcomeStatus.PENDING, OutcomeStatus.UNKNOWN):
        # The claim stays where it is and is looked at again when its lease ends.
        return "new"
    if answer.status is OutcomeStatus.FAILED:
        # Not applied either: two words of the provider disagree, and that is for the schedule and a person to settle.
        return close_event(event, "quarantined", "the provider says otherwise when asked", op=op)
    kept = Answer(door="query", body=answer.raw, dedupe=f"confirms:{event.id}:{event.tries}")
    keep_answer(op, kept, status="duplicate", note=CONFIRMS)
    return apply_outcome(op.id, claim.outcome, evidence=event.id, source="callback")
