"""Asking the provider what became of a payment; the answer goes the same way as every callback."""

from datetime import timedelta
from uuid import UUID

import structlog
from django.core.cache import cache

from merchants.services.provider_accounts import provider_for
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.money import Money
from payments.models import MoneyOp, Payment
from payments.services.evidence import Answer
from payments.services.outcome import apply_outcome
from payments.states import OP_OPEN, PENDING
from providers.errors import ProviderError
from providers.types import Outcome, QueryRequest

log = structlog.get_logger(__name__)
STALE_AFTER = timedelta(seconds=10)
ASK_FLOOR_SECONDS = 5
REFRESH_DEADLINE_SECONDS = 3.0


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


def _is_due(op: MoneyOp) -> bool:
    heard = op.last_answer_at or op.sent_at or op.created_at
    if now() - heard < STALE_AFTER:
        return False
    try:
        return bool(cache.add(f"asked:{op.id}", 1, ASK_FLOOR_SECONDS))
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
