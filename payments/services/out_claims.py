"""Claims about tries that send money out: what is believed, what asked back first, what only a reason to look."""

from onpoint_pay.kit.clock import now
from payments import schedule
from payments.models import MoneyOp, ProviderEvent
from payments.services.charge_claims import confirms_success
from payments.services.evidence import WAITING, close_event, read_claim, wait_for_owner
from payments.services.out_answers import WAITS_FOR_ANSWER
from payments.services.out_outcome import CALLBACK, apply_out_notice, apply_out_outcome, look_again
from payments.services.questions import ask_about_operation
from payments.services.refund_routes import REVERSAL
from payments.states import OP_OUT, OP_SUCCEEDED
from providers.errors import CallbackMalformed
from providers.types import CallbackEvent, EventKind, OutcomeStatus

# A claim that waits for the provider's confirmation is looked at again after 30 s, later once an hour.
CONFIRM_WAITS = (30, 30, 60, 120, 300, 900, 3600)


def apply_out_claim(event: ProviderEvent) -> str:
    """Decide what one claim about such a try may do, and do it; returns the status the claim ends in."""
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
    _learn_name(op, claim)
    if claim.kind is EventKind.NOTICE:
        return apply_out_notice(op.id, event.id)
    if claim.outcome.status is OutcomeStatus.SUCCEEDED and op.status != OP_SUCCEEDED and confirms_success(op):
        return _ask_first(event, op)
    return apply_out_outcome(op.id, claim.outcome, evidence=event.id, source=CALLBACK)


def _owner(event: ProviderEvent, claim: CallbackEvent) -> MoneyOp | None:
    """The try the claim is about: by its path token, else by a name of it."""
    if event.op_id is not None:
        return MoneyOp.objects.get(id=event.op_id)
    ours = MoneyOp.objects.filter(provider=event.provider, kind__in=OP_OUT)
    by_theirs = ours.filter(provider_ref=claim.provider_reference or "").first()
    return by_theirs or ours.filter(client_ref=claim.our_reference or "").first()


def _distrust(event: ProviderEvent, claim: CallbackEvent, op: MoneyOp) -> str:
    """Why the claim may not be applied as it stands; empty when it may."""
    if not event.token_ok:
        return "untrusted: the address it came to has no token of ours"
    if _is_of_another(op, claim):
        return "the token belongs to another operation than the claim names"
    return ""


def _is_of_another(op: MoneyOp, claim: CallbackEvent) -> bool:
    if claim.provider_reference:
        if op.provider_ref is not None:
            return claim.provider_reference != op.provider_ref
        # The answer to the sending is still out or was lost; whose the reference is may be known all the same.
        others = MoneyOp.objects.filter(provider=op.provider, mode=op.mode, kind=op.kind).exclude(id=op.id)
        if others.filter(provider_ref=claim.provider_reference).exists():
            return True
    # Where the provider knows the try by our name, no other name will do; of a reversal it knows only its own.
    return op.kind == "b2c" and claim.our_reference not in (None, op.client_ref)


def _learn_name(op: MoneyOp, claim: CallbackEvent) -> None:
    """A reversal whose acceptance was lost can be asked about by the name its result or notice brings."""
    name = claim.our_reference
    if op.kind != REVERSAL or op.query_ref is not None or name in (None, op.client_ref):
        return
    if not MoneyOp.objects.filter(provider=op.provider, mode=op.mode, kind=op.kind, query_ref=name).exists():
        op.query_ref = name
        op.save(update_fields=["query_ref"])


def _ask_ourselves(op: MoneyOp) -> None:
    """An untrusted claim makes us look for the truth, it never tells it."""
    look_again(op, at=now())


def _ask_first(event: ProviderEvent, op: MoneyOp) -> str:
    """The provider must say the same when we ask. Its answer books the money; the claim then adds its receipt."""
    waits = CONFIRM_WAITS[min(event.tries, len(CONFIRM_WAITS)) - 1]
    waiting = ProviderEvent.objects.filter(id=event.id, status__in=WAITING)
    waiting.update(op_id=op.id, note=WAITS_FOR_ANSWER, next_try=now() + schedule.scaled(waits))
    ask_about_operation(op)
    return "new"
