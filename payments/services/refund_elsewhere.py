"""Money that went back to a payer past us: sent by a person and told of here, or found undone at the provider."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import structlog

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import new_id, new_reference, to_public
from onpoint_pay.kit.money import Money
from payments.models import MoneyOp, Payment, ProviderEvent, Refund
from payments.services.events import announce
from payments.services.evidence import APPLIED, lock_receipt
from payments.services.out_outcome import look_again
from payments.services.refund_closing import call_off_refund, complete_refund, freeze_tries_of_others
from payments.services.refund_routes import REVERSAL
from payments.services.refund_rows import Locked, add_try, lock_refund, money_of
from payments.states import (
    COMPLETED,
    EXTERNAL,
    MANUAL,
    OP_CANCELLED,
    OP_CREATED,
    OP_OPEN,
    OP_SENDING,
    OP_SUCCEEDED,
    REFUND_COMPLETED,
    REFUND_OPEN,
    REFUND_PENDING,
    REFUND_REQUIRES_APPROVAL,
)
from providers.types import Outcome, OutcomeStatus
from settlements.services.refunds import hold_refund_gone

log = structlog.get_logger(__name__)
# What becomes of a reversal that was found. Booked now; known before; perhaps ours, so the provider is asked about our
# own try; of a payment whose money is not here; more than is left of the payment; under a receipt that is booked as
# something else. The last three are for a person.
BOOKED, KNOWN, ASKED, NOT_PAID, TOO_MUCH = "booked", "known", "asked", "not_paid", "too_much"
ANOTHERS = "anothers"
BY_PROVIDER = "provider"


# --- sent by hand -----------------------------------------------------------------------------------------------------


def refuse_used_proof(payment: Payment, proof: str, *, besides: UUID | None = None) -> None:
    """One transfer proves one refund. Holds the proof's lock until the commit. Raises Problem receipt_already_used."""
    lock_receipt(payment.provider, payment.mode, proof)
    waiting = Refund.objects.filter(
        payment__provider=payment.provider, mode=payment.mode, proof=proof, status__in=REFUND_OPEN
    )
    used = payment.refunds.filter(receipt=proof).exists() or _is_of_another(payment, proof)
    if used or waiting.exclude(id=besides).exists():
        raise Problem("receipt_already_used", "The proof is that of other money that moved.", param="proof")


def _is_of_another(payment: Payment, receipt: str) -> bool:
    """Whether the receipt is booked as anything but a refund of this payment: a network's code means one thing."""
    place = {"provider": payment.provider, "mode": payment.mode, "receipt": receipt}
    refunds = Refund.objects.filter(payment__provider=payment.provider, mode=payment.mode, receipt=receipt)
    return (
        refunds.exclude(payment_id=payment.id).exists()
        or Payment.objects.filter(**place).exists()
        or MoneyOp.objects.filter(**place, payout__isnull=False).exists()
    )


def book_sent_by_hand(locked: Locked, *, actor: str) -> None:
    """Two people say that the payer has the money: it left the float that the payment came to. Holds the locks."""
    refund = locked.refund
    told = {"decided": MANUAL, "refund": to_public("ref", refund.id), "asked": refund.requested_by, "approved": actor}
    event = _keep(locked.payment, door="operator", told=told | {"proof": refund.proof})
    outcome = Outcome(status=OutcomeStatus.SUCCEEDED, receipt=refund.proof)
    _complete(locked, event, outcome=outcome, kind=MANUAL, actor=actor)


# --- found at the provider --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideReversal:
    """A reversal nobody here asked for. `receipt` is the reversal's own, None where only the payment is known undone.

    `source` says where it was found (`statement`, `pull`, `transaction_status`), `told` what was read there.
    """

    payment_id: UUID
    amount: Money
    receipt: str | None
    occurred_at: datetime | None
    source: str
    told: dict[str, Any]


def book_outside_reversal(found: OutsideReversal) -> str:
    """Book a reversal made past us, once: a refund with the route `external`, and the event `payment.reversed`.

    What the merchant's balance lacks becomes a debt. Returns BOOKED, KNOWN, ASKED, NOT_PAID, TOO_MUCH or ANOTHERS; only
    BOOKED has changed the books, and the last three are for a person to look at.
    """
    return retry_unit(lambda: _book(found))


def _book(found: OutsideReversal) -> str:
    place = Payment.objects.values_list("provider", "mode").get(id=found.payment_id)
    if found.receipt is not None:
        lock_receipt(*place, found.receipt)
    ops, payment = _lock_payment(found.payment_id)
    if payment.status != COMPLETED:
        return NOT_PAID
    if found.receipt is not None and _is_of_another(payment, found.receipt):
        return ANOTHERS
    if _is_known(payment, found):
        return KNOWN
    ours = [op for op in ops if op.kind == REVERSAL and op.status in OP_OPEN and op.status != OP_CREATED]
    if ours:
        look_again(ours[-1], at=now())
        return ASKED
    locked = _place_for(payment, found, ops)
    if locked is None:
        log.error("reversal_exceeds_payment", payment=payment.reference, receipt=found.receipt)
        return TOO_MUCH
    told = found.told | {"reversal": found.receipt, "payment": to_public("pay", payment.id)}
    event = _keep(payment, door=found.source, told=told)
    outcome = Outcome(status=OutcomeStatus.SUCCEEDED, receipt=found.receipt, occurred_at=found.occurred_at)
    _complete(locked, event, outcome=outcome, kind=EXTERNAL, actor=found.source)
    nth = payment.refunds.filter(route=EXTERNAL, status=REFUND_COMPLETED).count() - 1
    announce(
        payment,
        previous={"status": COMPLETED},
        evidence_id=event.id,
        actor=found.source,
        news="reversed",
        nth=payment.attempts + nth,
    )
    return BOOKED


def _lock_payment(payment_id: UUID) -> tuple[list[MoneyOp], Payment]:
    """Every try of the payment's refunds, then the payment: the order of the house."""
    tries = MoneyOp.objects.filter(refund__payment_id=payment_id).order_by("id")
    ops = list(tries.select_for_update())
    payment = Payment.objects.select_for_update().get(id=payment_id)
    if tries.count() > len(ops):
        # While we waited for the payment, its owner has added another.
        ops = list(tries.select_for_update())
    return ops, payment


def _is_known(payment: Payment, found: OutsideReversal) -> bool:
    """Whether this reversal is booked: under its receipt, or as one of ours that nobody has told us the receipt of."""
    done = payment.refunds.filter(status=REFUND_COMPLETED)
    if found.receipt is None:
        return done.filter(route__in=(REVERSAL, EXTERNAL), amount__gte=found.amount.minor).exists()
    if done.filter(receipt=found.receipt).exists():
        return True
    nameless = done.filter(route__in=(REVERSAL, EXTERNAL), receipt=None, amount=found.amount.minor).first()
    if nameless is None:
        return False
    nameless.receipt = found.receipt
    nameless.version += 1
    nameless.save(update_fields=["receipt", "version"])
    return True


def _place_for(payment: Payment, found: OutsideReversal, ops: list[MoneyOp]) -> Locked | None:
    """The refund this reversal is booked as; None when the payment cannot bear it.

    One that has not left yet and asks for as much is what somebody did by hand. What only waits for a second person is
    called off when there is no room beside it, and what could still leave is stopped.
    """
    for op in ops:
        if op.status == OP_CREATED and op.amount == found.amount.minor:
            op.status = OP_CANCELLED
            op.save(update_fields=["status"])
            assert op.refund_id is not None  # noqa: S101 - a try of a refund
            return _with(payment, lock_refund(op.refund_id))
    for refund in payment.refunds.filter(status=REFUND_REQUIRES_APPROVAL).order_by("-id"):
        if not _has_room(payment, found.amount):
            call_off_refund(_with(payment, lock_refund(refund.id)), actor=found.source)
    new = _new_refund(payment, found)
    if not _has_room(payment, found.amount):
        freeze_tries_of_others(new)
        return None
    new.held_from = hold_refund_gone(money_of(new, payment))
    payment.refund_held += new.amount
    new.save(force_insert=True)
    new.status = REFUND_PENDING
    new.save(update_fields=["status"])
    return Locked(ops=[], payment=payment, refund=new)


def _with(payment: Payment, locked: Locked) -> Locked:
    """One copy of the payment, so that nothing saves an earlier one over it."""
    locked.payment = payment
    return locked


def _has_room(payment: Payment, amount: Money) -> bool:
    return payment.refunded + payment.refund_held + amount.minor <= payment.captured


def _new_refund(payment: Payment, found: OutsideReversal) -> Refund:
    at = now()
    return Refund(
        id=new_id(),
        payment=payment,
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        reference=new_reference("RFD", at),
        amount=found.amount.minor,
        currency=found.amount.currency,
        status=REFUND_REQUIRES_APPROVAL,
        route=EXTERNAL,
        reason="Reversed at the provider.",
        held_from={},
        requested_by=BY_PROVIDER,
        created_at=at,
        version=1,
    )


# --- both -------------------------------------------------------------------------------------------------------------


def _keep(payment: Payment, *, door: str, told: dict[str, Any]) -> ProviderEvent:
    """What was said or found, as evidence of the change it makes."""
    at = now()
    return ProviderEvent.objects.create(
        provider=payment.provider,
        door=door,
        dedupe=f"refund:{new_id()}",
        mode=payment.mode,
        body=orjson.dumps(told),
        token_ok=True,
        provider_account_id=payment.provider_account_id,
        received_at=at,
        next_try=at,
        status=APPLIED,
    )


def _complete(locked: Locked, event: ProviderEvent, *, outcome: Outcome, kind: str, actor: str) -> None:
    """The refund and the try that nobody here made, both closed by the same evidence."""
    op = add_try(locked.refund, locked.payment, kind=kind, at=now())
    op.status = OP_SENDING
    op.save(update_fields=["status"])
    op.status, op.evidence, op.last_answer_at = OP_SUCCEEDED, event, now()
    op.save(update_fields=["status", "evidence", "last_answer_at"])
    complete_refund(locked, op, outcome=outcome, event=event, actor=actor)
