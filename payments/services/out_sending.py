"""Sending money out: a try is taken and committed, sent with no transaction open, and its answer committed. Once."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import structlog
from django.conf import settings

from merchants.services.provider_accounts import provider_for
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import new_id
from onpoint_pay.kit.money import Money
from payments import schedule
from payments.models import MoneyOp, Refund
from payments.services.evidence import Answer
from payments.services.failures import CANNOT_SEND
from payments.services.intent import SEND_LEASE
from payments.services.out_locking import lock_order
from payments.services.out_outcome import ANSWER, apply_out_outcome, doubt, free_reference
from payments.services.refund_next import SEND_REFUNDS
from payments.services.refund_routes import REVERSAL
from payments.states import OP_ACCEPTED, OP_CANCELLED, OP_CREATED, OP_OUT, OP_SENDING
from providers.errors import NotSupported, ProviderRejected, ProviderTimeout, ProviderUnavailable
from providers.types import Outcome, OutcomeStatus, PayoutPurpose, PayoutRequest, RefundRequest
from settlements.services.destinations import details_of

log = structlog.get_logger(__name__)
JOB = SEND_REFUNDS
MOST_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """A try that is ours to send, and the secret part of the addresses its result comes to."""

    op: MoneyOp
    token: str


def send_out() -> int:
    """Send every try that is due, one by one; returns how many. Two senders at once send each once."""
    for sent in range(MOST_AT_ONCE):
        sending = take_one()
        if sending is None:
            return sent
        send(sending)
    return MOST_AT_ONCE


def take_one() -> Sending | None:
    """The next due try, `sending` from now on: whoever dies with it leaves a doubt, never a second sending."""
    return retry_unit(_take)


def _take() -> Sending | None:
    at = now()
    due = MoneyOp.objects.select_for_update(skip_locked=True).filter(
        kind__in=OP_OUT, status=OP_CREATED, next_check__lte=at
    )
    op = due.order_by("next_check").first()
    if op is None:
        return None
    token = secrets.token_hex(16)
    op.status, op.sent_at, op.token_hash = OP_SENDING, at, sha256(token.encode()).digest()
    op.lease_until = op.next_check = at + SEND_LEASE
    op.save(update_fields=["status", "sent_at", "token_hash", "lease_until", "next_check"])
    return Sending(op=op, token=token)


def send(sending: Sending) -> None:
    """Speak to the provider, and store what it said. Anything unclear is a doubt: it may have left."""
    op = sending.op
    try:
        outcome = _call(sending)
    except ProviderRejected as refusal:
        _conclude(op.id, refusal.outcome)
    except NotSupported as error:
        _conclude(op.id, Outcome(status=OutcomeStatus.FAILED, failure=CANNOT_SEND, provider_message=str(error)))
    except (ProviderUnavailable, Problem) as error:
        log.warning("not_sent", op=op.client_ref, error=str(error)[:200])
        postpone(op.id)
    except ProviderTimeout as error:
        log.warning("sending_in_doubt", op=op.client_ref, error=str(error)[:200])
        doubt_sending(op.id)
    except Exception:
        log.exception("sending_in_doubt", op=op.client_ref)
        doubt_sending(op.id)
    else:
        _told(op.id, outcome)


def _call(sending: Sending) -> Outcome:
    op = sending.op
    provider = provider_for(op.provider, op.mode, op.provider_account_id)
    amount = Money(op.amount, op.currency)
    urls = {f"{door}_url": _address(sending.token, door, op.kind) for door in ("result", "timeout")}
    if op.kind == REVERSAL:
        refund = Refund.objects.select_related("payment").get(id=op.refund_id)
        receipt = refund.payment.receipt or ""
        return provider.refund(
            RefundRequest(reference=op.client_ref, receipt=receipt, amount=amount, reason=refund.reason, **urls)
        )
    to = _receiver(op)
    return provider.pay_out(
        PayoutRequest(
            reference=op.client_ref,
            amount=amount,
            phone=to.phone,
            description=to.description,
            purpose=to.purpose,
            **urls,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Who is sent money, and what it is for."""

    phone: str
    description: str
    purpose: PayoutPurpose


def _receiver(op: MoneyOp) -> Receiver:
    if op.refund is not None:
        refund = op.refund
        return Receiver(phone=refund.phone or "", description=refund.reason, purpose=PayoutPurpose.REFUND)
    assert op.payout is not None  # noqa: S101 - money goes out for refunds and payouts only
    payout = op.payout
    phone = details_of(payout)["phone"]
    return Receiver(phone=phone, description=payout.reason, purpose=PayoutPurpose(payout.purpose))


def _address(token: str, door: str, kind: str) -> str:
    return f"{settings.BASE_URL}/api/v1/hooks/{token}/{door}/{kind}/"


def _told(op_id: UUID, outcome: Outcome) -> None:
    """The provider's answer to the sending: usually only that it will tell."""
    if outcome.status in (OutcomeStatus.SUCCEEDED, OutcomeStatus.FAILED):
        _conclude(op_id, outcome)
    elif outcome.status is OutcomeStatus.PENDING and outcome.provider_reference:
        accept(op_id, outcome)
    else:
        doubt_sending(op_id)


def _conclude(op_id: UUID, outcome: Outcome) -> None:
    answer = Answer(door="push", body=outcome.raw, dedupe=str(new_id()))
    apply_out_outcome(op_id, outcome, evidence=answer, source=ANSWER)


def accept(op_id: UUID, outcome: Outcome) -> None:
    """Accepted is not done: the result comes by callback. One that was faster stands."""

    def unit() -> None:
        order = lock_order(op_id)
        op, at = order.op(op_id), now()
        op.provider_ref = op.provider_ref or free_reference(op, outcome.provider_reference)
        op.query_ref, op.lease_until = outcome.query_reference, None
        if op.status == OP_SENDING:
            op.status, op.last_answer_at = OP_ACCEPTED, at
            op.next_check = schedule.next_check_at(op.sent_at or at, at, kind=op.kind)
            order.wait_because("awaiting_provider")
        op.save(update_fields=["provider_ref", "query_ref", "lease_until", "status", "last_answer_at", "next_check"])

    retry_unit(unit)


def postpone(op_id: UUID) -> None:
    """Nothing left the server: this try is withdrawn, and another stands in its place."""

    def unit() -> None:
        order = lock_order(op_id)
        op = order.op(op_id)
        if op.status == OP_SENDING:
            op.status, op.lease_until = OP_CANCELLED, None
            op.save(update_fields=["status", "lease_until"])
            order.same_again(op, now()).take()

    retry_unit(unit)


def doubt_sending(op_id: UUID, *, ask_at: datetime | None = None) -> None:
    """No answer, or none that can be read: the money may be out. It waits for the provider's word.

    It is asked for at `ask_at`, or else at the next step of the schedule.
    """

    def unit() -> None:
        order = lock_order(op_id)
        op, at = order.op(op_id), now()
        if op.status == OP_SENDING:
            doubt(order, op, ask_at=ask_at or schedule.next_check_at(op.sent_at or at, at, kind=op.kind))

    retry_unit(unit)
