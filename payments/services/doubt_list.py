"""Tries that send money out and of which nobody knows, or nobody agrees, how they ended: what people must look at."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from onpoint_pay.kit.clock import now
from payments.models import DoubtDecision, MoneyOp, ProviderEvent, Refund
from payments.services.doubts import SILENT_FOR
from payments.services.out_outcome import NOT_THERE, OUT_TWICE
from payments.states import (
    DOUBT_PROPOSED,
    OP_ACCEPTED,
    OP_CANCELLED,
    OP_FAILED,
    OP_FILED,
    OP_OUT,
    OP_REJECTED,
    OP_UNKNOWN,
    REFUND_PENDING,
)
from settlements.models import Payout
from settlements.states import PAYOUT_PENDING

UNKNOWN, SILENT, FROZEN, LATE = "unknown", "no result", "stopped", "paid after all?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A try, why it is here, for how long, how often the provider said it knows none, and what is proposed."""

    op: MoneyOp
    why: str
    age: timedelta
    not_found: int
    proposal: DoubtDecision | None


def doubts(mode: str) -> list[Doubt]:
    """Oldest first, in as many statements however many there are."""
    found = sorted([*_open(mode), *_stopped(mode), *_late(mode)], key=lambda pair: pair[0].id)
    ids = [op.id for op, _ in found]
    said = ProviderEvent.objects.filter(op_id__in=ids, note=NOT_THERE).values_list("op_id").annotate(n=Count("id"))
    proposed = DoubtDecision.objects.filter(op_id__in=ids, status=DOUBT_PROPOSED)
    not_found, proposals = dict(said), {row.op_id: row for row in proposed}
    return [
        Doubt(
            op=op,
            why=why,
            age=now() - (op.sent_at or op.created_at),
            not_found=not_found.get(op.id, 0),
            proposal=proposals.get(op.id),
        )
        for op, why in found
    ]


def _tries(mode: str) -> QuerySet[MoneyOp]:
    return MoneyOp.objects.filter(mode=mode, kind__in=(*OP_OUT, *OP_FILED))


def _open(mode: str) -> list[tuple[MoneyOp, str]]:
    silent = Q(status=OP_ACCEPTED, sent_at__lte=now() - SILENT_FOR)
    rows = _tries(mode).filter(Q(status=OP_UNKNOWN) | silent)
    return [(op, UNKNOWN if op.status == OP_UNKNOWN else SILENT) for op in rows]


def _stopped(mode: str) -> list[tuple[MoneyOp, str]]:
    """Stopped before they left, nothing in their place, and still wanted."""
    later = MoneyOp.objects.filter(id__gt=OuterRef("id"))
    of_refund = Exists(Refund.objects.filter(id=OuterRef("refund_id"), status=REFUND_PENDING))
    of_payout = Exists(Payout.objects.filter(id=OuterRef("payout_id"), status=PAYOUT_PENDING))
    rows = _tries(mode).filter(
        Q(of_refund) & ~Exists(later.filter(refund_id=OuterRef("refund_id")))
        | Q(of_payout) & ~Exists(later.filter(payout_id=OuterRef("payout_id"), part=OuterRef("part"))),
        status=OP_CANCELLED,
    )
    return [(op, FROZEN) for op in rows]


def _late(mode: str) -> list[tuple[MoneyOp, str]]:
    kept = ProviderEvent.objects.filter(op_id=OuterRef("id"), status="quarantined", note__startswith=OUT_TWICE)
    return [(op, LATE) for op in _tries(mode).filter(Exists(kept), status__in=(OP_FAILED, OP_REJECTED))]
