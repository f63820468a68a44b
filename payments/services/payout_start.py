"""Approved payouts get their tries: one for each part that the network takes at once, or a line for the next file."""

from uuid import UUID

from onpoint_pay.kit.db import retry_unit
from payments.services.payout_tries import make_tries
from payments.states import OP_OUT
from settlements.models import Payout
from settlements.services.payout_closing import wait_because
from settlements.services.payouts import SEND_PAYOUTS
from settlements.states import PAYOUT_PENDING

JOB = SEND_PAYOUTS
MOST_AT_ONCE = 200


def start_payouts() -> int:
    """Make the tries of every payout that has none yet; returns of how many. Two workers at once do each once."""
    for started in range(MOST_AT_ONCE):
        if retry_unit(_start_one) is None:
            return started
    return MOST_AT_ONCE


def _start_one() -> UUID | None:
    queued = Payout.objects.select_for_update(skip_locked=True).filter(status=PAYOUT_PENDING, pending_reason="queued")
    payout = queued.order_by("created_at").first()
    if payout is None:
        return None
    make_tries(payout)
    wait_because(payout, "awaiting_provider" if payout.route in OP_OUT else "awaiting_file")
    key: UUID = payout.id
    return key
