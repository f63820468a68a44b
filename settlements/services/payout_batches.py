"""Many payouts in one call: checked whole, approved once, told of when the last one is closed."""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from django.conf import settings
from django.db.models import Count

from audit.services import record
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.errors import Fault, Invalid, Problem
from onpoint_pay.kit.ids import new_id, to_public
from onpoint_pay.kit.money import Money
from settlements.models import Payout, PayoutBatch
from settlements.selectors.payouts import batch_by_id
from settlements.serializers.payout_batches import batch_body
from settlements.services.payout_limits import (
    ABOVE_LIMIT,
    NEW_DESTINATION,
    Limits,
    check_day,
    check_size,
    limits_of,
    makers_of,
    reasons_to_ask,
)
from settlements.services.payouts import (
    PayoutAsk,
    Place,
    call_off,
    check_ask,
    check_second_person,
    make_row,
    release_to_send,
    store_and_hold,
    tell_of_waiting,
    way_of,
)
from settlements.services.step_up import require_person, require_proven_person
from settlements.states import BATCH_CANCELLED, BATCH_COMPLETED, BATCH_PENDING, BATCH_REQUIRES_APPROVAL, PAYOUT_OPEN
from webhooks.services.outbox import publish_event


def create_batch(
    caller: Caller,
    asks: Mapping[str, PayoutAsk],
    *,
    description: str,
    request_id: str,
    found: Sequence[Fault] = (),
) -> PayoutBatch:
    """Store a batch with all its payouts, their money held, or nothing of it. `asks` by the name of each, for faults.

    However many there are, the statements are as many. `found` are faults that are known before. Raises Invalid with
    every fault of every line (`items[2].amount`), and Problem insufficient_balance, limit_exceeded,
    provider_not_configured.
    """
    limits = limits_of(caller.merchant_id)
    faults = [*found, *_line_faults(asks, limits), *_shared_references(caller, asks)]
    if faults:
        raise Invalid(faults)

    def unit() -> PayoutBatch:
        batch = _make(caller, list(asks.values()), limits, description=description, request_id=request_id)
        batch.save(force_insert=True)
        payouts = _rows(caller, batch, list(asks.values()))
        store_and_hold(payouts)
        check_day(caller, limits, currency=batch.currency)
        _audit(batch, actor=caller.actor, action="created")
        if batch.approval_reasons:
            tell_of_waiting(payouts)
        else:
            _let_go(batch, payouts, approved_by=None)
        return batch

    return retry_unit(unit)


def _line_faults(asks: Mapping[str, PayoutAsk], limits: Limits) -> Iterator[Fault]:
    for name, ask in asks.items():
        try:
            check_ask(ask)
            check_size(ask.amount, limits)
        except Invalid as invalid:
            yield from (_of_line(name, fault) for fault in invalid.faults)
        except Problem as problem:
            yield _of_line(name, Fault(param=problem.param, code=problem.code, detail=problem.detail))


def _of_line(name: str, fault: Fault) -> Fault:
    return Fault(param=f"{name}.{fault.param}", code=fault.code, detail=fault.detail)


def _shared_references(caller: Caller, asks: Mapping[str, PayoutAsk]) -> Iterator[Fault]:
    """Two live payouts cannot have one reference."""
    given = [ask.reference for ask in asks.values() if ask.reference is not None]
    rows = Payout.objects.scoped(caller.merchant_id, caller.mode).filter(merchant_reference__in=given)
    live = set(
        rows.exclude(status__in=("failed", "cancelled", "returned")).values_list("merchant_reference", flat=True)
    )
    first: dict[str, str] = {}
    for name, ask in asks.items():
        if ask.reference is None:
            continue
        detail = ""
        if ask.reference in live:
            detail = "A payout with this reference is open or paid already."
        elif ask.reference in first:
            detail = f"{first[ask.reference]} has this reference too."
        if detail:
            yield Fault(param=f"{name}.reference", code="duplicate_reference", detail=detail)
        first.setdefault(ask.reference, name)


def _make(
    caller: Caller, asks: Sequence[PayoutAsk], limits: Limits, *, description: str, request_id: str
) -> PayoutBatch:
    whole = Money(sum(ask.amount.minor for ask in asks), asks[0].amount.currency)
    why = {reason for ask in asks for reason in reasons_to_ask(ask.target, whole, limits, mode=caller.mode)}
    return PayoutBatch(
        id=new_id(),
        merchant_id=caller.merchant_id,
        mode=caller.mode,
        description=description,
        status=BATCH_REQUIRES_APPROVAL,
        lines=len(asks),
        amount=whole.minor,
        fee=settings.PAYOUT_FEE * len(asks),
        currency=whole.currency,
        approval_reasons=[reason for reason in (ABOVE_LIMIT, NEW_DESTINATION) if reason in why],
        requested_by=caller.actor,
        makers=makers_of(caller, *[ask.target for ask in asks]),
        request_id=request_id,
        created_at=now(),
        version=1,
    )


def _rows(caller: Caller, batch: PayoutBatch, asks: Sequence[PayoutAsk]) -> list[Payout]:
    """The payouts of a batch, which are decided with it: nobody who has had a hand in one of them approves any."""
    ways = {ask.target.type: way_of(caller, ask.target) for ask in {ask.target.type: ask for ask in asks}.values()}
    return [
        make_row(
            caller,
            ask,
            ways[ask.target.type],
            why=batch.approval_reasons,
            makers=batch.makers,
            request_id=batch.request_id,
            place=Place(batch=batch, line=line),
        )
        for line, ask in enumerate(asks, start=1)
    ]


# --- approved, or called off ------------------------------------------------------------------------------------------


def approve_batch(caller: Caller, batch_id: UUID) -> PayoutBatch:
    """Let all payouts of a waiting batch go out.

    Raises NotFound, Problem permission_denied (a key), step_up_required, own_request_approval and state_conflict.
    """
    batch_by_id(caller, batch_id)
    require_proven_person(caller, to="approve a batch")
    return approve_batch_as_second(caller, batch_id)


def approve_batch_as_second(caller: Caller, batch_id: UUID) -> PayoutBatch:
    """The same of a person who proved elsewhere who they are. Raises Problem own_request_approval, state_conflict."""

    def unit() -> PayoutBatch:
        batch, payouts = _waiting(caller, batch_id)
        check_second_person(caller, batch.makers, what="batch")
        _let_go(batch, payouts, approved_by=caller.actor)
        return batch

    return retry_unit(unit)


def reject_batch(caller: Caller, batch_id: UUID, *, reason: str = "") -> PayoutBatch:
    """A person refuses to approve a waiting batch. Raises NotFound, Problem permission_denied and state_conflict."""
    batch_by_id(caller, batch_id)
    require_person(caller, to="refuse a batch")
    return cancel_batch(caller, batch_id, reason=reason)


def cancel_batch(caller: Caller, batch_id: UUID, *, reason: str = "") -> PayoutBatch:
    """Call a waiting batch off whole. Raises NotFound and Problem state_conflict."""

    def unit() -> PayoutBatch:
        batch, payouts = _waiting(caller, batch_id)
        call_off(payouts, actor=caller.actor, reason=reason)
        _move(batch, BATCH_CANCELLED)
        _audit(batch, actor=caller.actor, action="cancelled", reason=reason)
        return batch

    return retry_unit(unit)


def _waiting(caller: Caller, batch_id: UUID) -> tuple[PayoutBatch, list[Payout]]:
    """Locked in the order of the house: the payouts, then what they belong to."""
    batch_by_id(caller, batch_id)
    payouts = list(Payout.objects.select_for_update().filter(batch_id=batch_id).order_by("id"))
    batch: PayoutBatch = PayoutBatch.objects.select_for_update().get(id=batch_id)
    if batch.status != BATCH_REQUIRES_APPROVAL:
        raise Problem("state_conflict", f"The batch is {batch.status}; only one that waits can be decided.")
    return batch, payouts


def _let_go(batch: PayoutBatch, payouts: Sequence[Payout], *, approved_by: str | None) -> None:
    release_to_send(payouts, approved_by=approved_by)
    batch.approved_by = approved_by
    batch.save(update_fields=["approved_by"])
    _move(batch, BATCH_PENDING)
    if approved_by is not None:
        _audit(batch, actor=approved_by, action="approved")


def close_batch_of(payout: Payout) -> None:
    """After the last payout of a batch was closed: the batch is complete, whatever became of each, and told of."""
    if payout.batch_id is None:
        return
    batch: PayoutBatch = PayoutBatch.objects.select_for_update().get(id=payout.batch_id)
    if batch.status != BATCH_PENDING or batch.payouts.filter(status__in=PAYOUT_OPEN).exists():
        return
    batch.completed_at = now()
    batch.save(update_fields=["completed_at"])
    _move(batch, BATCH_COMPLETED)
    publish_event(
        merchant_id=batch.merchant_id,
        mode=batch.mode,
        type="payout_batch.completed",
        object_id=batch.id,
        body_object=batch_body(batch, counts=counts_of(batch)),
        previous={"status": BATCH_PENDING},
        request_id=batch.request_id,
    )
    _audit(batch, actor="system", action="completed")


def counts_of(batch: PayoutBatch) -> dict[str, int]:
    """How many payouts of the batch are in each state."""
    rows = Payout.objects.filter(batch_id=batch.id).values("status").annotate(n=Count("id")).order_by("status")
    return {row["status"]: row["n"] for row in rows}


def _move(batch: PayoutBatch, status: str) -> None:
    batch.status = status
    batch.version += 1
    batch.save(update_fields=["status", "version"])


def _audit(batch: PayoutBatch, *, actor: str, action: str, reason: str = "") -> None:
    detail = {"lines": batch.lines, "amount": batch.amount, "currency": batch.currency}
    record(
        merchant_id=batch.merchant_id,
        actor=actor,
        action=f"payout_batch.{action}",
        object_id=to_public("bat", batch.id),
        detail=detail | ({"reason": reason} if reason else {}),
    )
