"""Payouts that must not leave any more, because the one they were asked for in place of may have paid after all."""

import structlog

from payments.models import MoneyOp
from payments.services.payout_tries import make_tries
from payments.states import OP_CANCELLED, OP_CREATED
from settlements.models import Payout
from settlements.services.payout_closing import wait_because
from settlements.services.payouts import call_off
from settlements.states import (
    PAYOUT_CANCELLED,
    PAYOUT_COMPLETED,
    PAYOUT_OPEN,
    PAYOUT_PENDING,
    PAYOUT_REQUIRES_APPROVAL,
)

log = structlog.get_logger(__name__)
WHY = "The payout that it was asked for in place of may have been paid after all."


def newest_retry(payout: Payout) -> Payout | None:
    """The last payout asked for in place of this one, or of one of its retries, whose money may arrive or has."""
    newest, found = payout, None
    while (found := newest.retries.exclude(status=PAYOUT_CANCELLED).first()) is not None:
        newest = found
    return newest if newest.id != payout.id and newest.status in (*PAYOUT_OPEN, PAYOUT_COMPLETED) else None


def freeze(payout: Payout) -> None:
    """What has not left of it stays here until people have looked; what waits for approval is called off."""
    tries = MoneyOp.objects.filter(payout_id=payout.id)
    waiting = list(tries.select_for_update(skip_locked=True).filter(status=OP_CREATED))
    locked: Payout = Payout.objects.select_for_update().get(id=payout.id)
    if locked.status == PAYOUT_REQUIRES_APPROVAL:
        call_off([locked], actor="system", reason=WHY)
        return
    if locked.status == PAYOUT_PENDING and not tries.exists():
        waiting = make_tries(locked)
    for op in waiting:
        op.status = OP_CANCELLED
        op.save(update_fields=["status"])
    if waiting:
        log.error("payout_frozen", payout=locked.reference)
        wait_because(locked, "reconciling")
