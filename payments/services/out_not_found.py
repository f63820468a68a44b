"""Money in doubt that never left: the provider says so twice, a day later, and its statement of that day agrees."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
import structlog
from django.db.models import Count, F, Q

from onpoint_pay.kit.clock import nairobi, now
from payments.models import MoneyOp, ProviderEvent
from payments.services.evidence import APPLIED, WAITING, Answer
from payments.services.failures import NEVER_LEFT
from payments.services.out_outcome import NOT_THERE, STATEMENT, apply_out_outcome
from payments.services.refund_routes import REVERSAL
from payments.states import OP_ACCEPTED, OP_OUT, OP_UNKNOWN
from providers.types import Outcome, OutcomeStatus
from settlements.schedule import end_of
from settlements.selectors.statement_cover import is_covered, may_have_left
from settlements.services.destinations import details_of
from settlements.services.recon_sources import party_digest

log = structlog.get_logger(__name__)
JOB = "payments.close_not_found"
ASKED_AFTER = timedelta(hours=24)
ANSWERS = 2
# The provider's clock may be behind ours, and what was sent at midnight is done after it.
CLOCKS, DONE_WITHIN = timedelta(minutes=5), timedelta(hours=1)
MOST_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """Where a try would be seen if it had left: the account, and what a line of its statement might say."""

    account: str
    undoes: tuple[str, ...]
    phone: str


def close_not_found() -> int:
    """End every try that is proved never to have left: its payout or refund fails and the money is free again.

    Returns how many. Nothing is sent again. Whatever the statement leaves open stays a doubt, for two people.
    """
    ops = _not_found()[:MOST_AT_ONCE]
    return sum(_close(op) for op in ops if _is_on_no_statement(op))


def _not_found() -> list[MoneyOp]:
    """Sent a day ago or longer, and twice since then not to be found there."""
    answers = Q(claims__note=NOT_THERE, claims__received_at__gte=F("sent_at") + ASKED_AFTER)
    rows = MoneyOp.objects.filter(
        kind__in=OP_OUT, status__in=(OP_ACCEPTED, OP_UNKNOWN), sent_at__lte=now() - ASKED_AFTER
    )
    found = rows.annotate(answers=Count("claims", filter=answers)).filter(answers__gte=ANSWERS)
    said_otherwise = ProviderEvent.objects.filter(status__in=WAITING, op_id__isnull=False)
    return list(found.exclude(id__in=said_otherwise.values("op_id")).order_by("id"))


def _is_on_no_statement(op: MoneyOp) -> bool:
    trail = trail_of(op)
    assert op.sent_at is not None  # noqa: S101 - what was not sent is not asked about
    start = op.sent_at - CLOCKS
    if not is_covered(trail.account, op.mode, start=start, end=_until(op.sent_at)):
        return False
    return not may_have_left(
        trail.account,
        op.mode,
        start=start,
        amount=op.amount,
        names=[op.client_ref, *filter(None, [op.provider_ref])],
        undoes=trail.undoes,
        party=party_digest(trail.phone),
    )


def _until(sent_at: datetime) -> datetime:
    return max(end_of(nairobi(sent_at).date()), sent_at + DONE_WITHIN)


def trail_of(op: MoneyOp) -> Trail:
    """Where to look for a try on statements."""
    if op.payout is not None:
        return Trail(account=op.payout.paid_from, undoes=(), phone=details_of(op.payout).get("phone", ""))
    assert op.refund is not None  # noqa: S101 - money goes out for refunds and payouts only
    payment = op.refund.payment
    undoes = (payment.receipt,) if op.kind == REVERSAL and payment.receipt else ()
    account = f"{payment.provider}:{payment.shortcode}"
    return Trail(account=account, undoes=undoes, phone=op.refund.phone or payment.phone or "")


def _close(op: MoneyOp) -> bool:
    body = orjson.dumps({"try": op.client_ref, "account": trail_of(op).account, "sent_at": op.sent_at})
    evidence = Answer(door=STATEMENT, body=body, dedupe="not found")
    outcome = Outcome(status=OutcomeStatus.FAILED, failure=NEVER_LEFT)
    verdict = apply_out_outcome(op.id, outcome, evidence=evidence, source=STATEMENT)
    log.warning("never_left", op=op.client_ref, verdict=verdict)
    return verdict == APPLIED
