"""Going through closed payments again: money the provider did take is booked, dead test payments are cleared away."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import connection
from django.db.models import QuerySet

from audit.services import record
from onpoint_pay.kit.caller import TEST
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.ids import to_public
from payments.models import C2bClaim, Payment, ProviderEvent
from payments.services.callbacks import NotReplayable, replay_callback
from payments.services.evidence import read_claim
from payments.services.status import question
from payments.states import CLOSED_UNPAID
from providers.errors import CallbackMalformed
from providers.types import OutcomeStatus

log = structlog.get_logger(__name__)
BATCH = 500

DELETE = """
WITH ops AS (SELECT id FROM money_op WHERE payment_id = ANY(%(payments)s)),
  unasked AS (DELETE FROM provider_question q USING ops WHERE q.op_id = ops.id),
  untied AS (UPDATE provider_event e SET op_id = NULL FROM ops WHERE e.op_id = ops.id)
DELETE FROM money_op o USING ops WHERE o.id = ops.id
"""


@dataclass(slots=True, kw_only=True)
class Review:
    """What going through closed payments found; the lists hold public ids."""

    by_failure: Counter[str] = field(default_factory=Counter)
    claimed: list[ProviderEvent] = field(default_factory=list)
    deletable: int = 0


def review(*, age_days: int) -> Review:
    """Closed unpaid payments at least `age_days` old: why they closed, which claim money, which are dead tests."""
    before = now() - timedelta(days=age_days)
    found = Review(deletable=_dead_tests(before).count())
    closed = Payment.objects.filter(status__in=CLOSED_UNPAID, created_at__lte=before)
    for mode, status, failure in closed.values_list("mode", "status", "failure__code").iterator():
        found.by_failure[f"{mode} {status} {failure or 'without a reason'}"] += 1
    found.claimed = [event for event in _claims(before) if _claims_money(event)]
    return found


def _claims(before: datetime) -> list[ProviderEvent]:
    """What the provider sent about closed payments and nobody believed."""
    return list(
        ProviderEvent.objects.filter(
            door="collect",
            token_ok=True,
            status__in=("quarantined", "ignored", "orphan"),
            op__payment__status__in=CLOSED_UNPAID,
            op__payment__created_at__lte=before,
        )
        .select_related("op__payment")
        .order_by("id")
    )


def _claims_money(event: ProviderEvent) -> bool:
    try:
        claim = read_claim(event)
    except CallbackMalformed:
        return False
    return claim.outcome.status is OutcomeStatus.SUCCEEDED and claim.outcome.receipt is not None


def complete_claimed(event: ProviderEvent) -> str:
    """Complete a closed payment whose receipt the provider confirms when asked; returns what became of the claim.

    The claim goes through the same door as every callback: another amount or a used receipt is still refused.
    """
    assert event.op is not None  # noqa: S101 - only claims with an operation are listed
    answer = question(event.op)
    if answer is None:
        return "not verified: the provider gave no answer"
    if answer.status is not OutcomeStatus.SUCCEEDED:
        return f"not verified: the provider says {answer.provider_code} {answer.provider_message or ''}".strip()
    try:
        return replay_callback(event.id)
    except NotReplayable as error:
        return str(error)


def _dead_tests(before: datetime) -> QuerySet[Payment]:
    """Failed, cancelled or expired test payments nobody claims money for, and nothing else stands on."""
    closed = Payment.objects.filter(mode=TEST, status__in=CLOSED_UNPAID, created_at__lte=before)
    claimed = C2bClaim.objects.filter(payment__isnull=False).values("payment_id")
    return closed.filter(receipt=None, captured=0, refunds=None, c2b_receipts=None).exclude(id__in=claimed)


def delete_dead_tests(*, age_days: int) -> int:
    """Delete failed test payments without a receipt, a batch per transaction; returns how many. Live is never touched.

    What the provider sent, the events told to the merchant and the audit chain stay.
    """
    before, deleted = now() - timedelta(days=age_days), 0
    claimed = {event.op.payment_id for event in review(age_days=age_days).claimed if event.op is not None}
    while batch := retry_unit(lambda: _delete_batch(before, spared=claimed)):
        deleted += batch
    return deleted


def _delete_batch(before: datetime, *, spared: set[UUID | None]) -> int:
    rows = (
        _dead_tests(before)
        .exclude(id__in=[key for key in spared if key])
        .select_for_update(skip_locked=True, of=("self",))
    )
    taken = {payment.id: payment for payment in rows.order_by("id")[:BATCH]}
    if not taken:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(DELETE, {"payments": list(taken)})
        cursor.execute("DELETE FROM transactions WHERE id = ANY(%s)", [list(taken)])
    for merchant_id in {payment.merchant_id for payment in taken.values()}:
        ids = [to_public("pay", payment.id) for payment in taken.values() if payment.merchant_id == merchant_id]
        record(merchant_id=merchant_id, actor="operator", action="payments.tests_deleted", detail={"payments": ids})
    return len(taken)
