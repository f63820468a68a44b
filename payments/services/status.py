"""Asking the provider what became of a payment; the answer goes the same way as every callback."""

import time
from datetime import timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.core.cache import cache

from merchants.services.provider_accounts import provider_for
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.jobs import nudge
from onpoint_pay.kit.money import Money
from payments.models import MoneyOp, Payment
from payments.services.evidence import Answer
from payments.services.outcome import apply_outcome
from payments.states import OP_ACCEPTED, OP_EXPIRED, OP_FAILED, OP_OPEN, OP_UNKNOWN, PAID, PENDING
from providers.errors import ProviderError
from providers.types import Outcome, QueryRequest

log = structlog.get_logger(__name__)
STALE_AFTER = timedelta(seconds=10)
REFRESH_DEADLINE_SECONDS = 3.0
SHORTEST_QUESTION_SECONDS = 0.2


def refreshed(payment: Payment) -> Payment:
    """The payment after asking the provider, when it is pending and its last word is over 10 s old.

    At most one question per payment in 5 s and 3 s of waiting; a question without an answer changes nothing.
    """
    if payment.status != PENDING or payment.provider_reference is None:
        return payment
    op = payment.ops.filter(status__in=OP_OPEN, provider_ref__isnull=False).order_by("-id").first()
    if op is None or not _is_due(op):
        return payment
    ask(op, deadline_seconds=REFRESH_DEADLINE_SECONDS)
    fresh: Payment = Payment.objects.scoped(payment.merchant_id, payment.mode).get(id=payment.id)
    return fresh


def synced(payment: Payment) -> Payment:
    """The payment after asking the provider now about every attempt that may still turn out paid, the newest first.

    Closed attempts are asked about too: providers have said no and taken the money all the same. At most one question
    per attempt in 5 s and 3 s of waiting; a question without an answer changes nothing. An attempt the provider cannot
    be asked about by name is looked up in its list right after.
    """
    deadline = time.monotonic() + REFRESH_DEADLINE_SECONDS
    for op in _may_be_paid(payment):
        left = deadline - time.monotonic()
        if left <= SHORTEST_QUESTION_SECONDS:
            break
        if not _may_ask(op):
            continue
        if op.provider_ref is None:
            _look_soon(op)
        else:
            ask(op, deadline_seconds=left)
    fresh: Payment = Payment.objects.scoped(payment.merchant_id, payment.mode).get(id=payment.id)
    return fresh


def _may_be_paid(payment: Payment) -> list[MoneyOp]:
    states = OP_OPEN if payment.status in PAID else (*OP_OPEN, OP_FAILED, OP_EXPIRED)
    return list(payment.ops.filter(kind__in=("charge", "c2b"), status__in=states).order_by("-id"))


def _look_soon(op: MoneyOp) -> None:
    MoneyOp.objects.filter(id=op.id, status__in=(OP_ACCEPTED, OP_UNKNOWN)).update(next_check=now())
    nudge("payments.sweep")


def _is_due(op: MoneyOp) -> bool:
    heard = op.last_answer_at or op.sent_at or op.created_at
    return now() - heard >= STALE_AFTER and _may_ask(op)


def _may_ask(op: MoneyOp) -> bool:
    try:
        return bool(cache.add(f"asked:{op.id}", 1, settings.PROVIDER_QUERY_FLOOR_SECONDS))
    except Exception:  # noqa: BLE001 - without the shared floor the provider is not asked on demand
        return False


def ask(op: MoneyOp, *, deadline_seconds: float | None = None) -> str | None:
    """Ask about one operation and apply the answer; None when there was no answer to apply."""
    outcome = question(op, deadline_seconds=deadline_seconds)
    return None if outcome is None else apply_answer(op.id, outcome)


def question(op: MoneyOp, *, deadline_seconds: float | None = None) -> Outcome | None:
    """The provider's answer, with no database work; None when it gave none. Needs the provider's own reference."""
    if op.provider_ref is None:
        return None
    try:
        return provider_for(op.provider, op.mode, op.provider_account_id).query(
            QueryRequest(
                reference=op.client_ref,
                provider_reference=op.provider_ref,
                amount=Money(op.amount, op.currency),
                deadline_seconds=deadline_seconds,
            )
        )
    except ProviderError as error:
        log.info("query_without_answer", op=str(op.id), error=type(error).__name__)
        return None


def apply_answer(op_id: UUID, outcome: Outcome) -> str:
    """Keep the answer as evidence and apply it."""
    at = now()
    dedupe = f"{outcome.provider_code}:{at.timestamp():.6f}"
    answer = Answer(door="query", body=outcome.raw, dedupe=dedupe)
    return apply_outcome(op_id, outcome, evidence=answer, source="query")
