"""Approved payouts get their tries: one for each part that the network takes at once, or a line for the next file."""

from uuid import UUID

from django.conf import settings

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.money import MINOR_PER_UNIT
from payments.services.payout_order import add_part_try
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
    at = now()
    is_sent = payout.route in OP_OUT
    parts = split_parts(payout.amount, limit=settings.PAYOUT_PART_LIMIT) if is_sent else [payout.amount]
    for part, amount in enumerate(parts, start=1):
        add_part_try(payout, part, amount=amount, at=at)
    wait_because(payout, "awaiting_provider" if is_sent else "awaiting_file")
    key: UUID = payout.id
    return key


def split_parts(amount: int, *, limit: int) -> list[int]:
    """Whole shillings in as few parts as stay within the limit, as equal as can be; all in minor units.

    Equal, because what is left over after full parts may be less than the network sends.
    """
    units, most = amount // MINOR_PER_UNIT, limit // MINOR_PER_UNIT
    count = -(-units // most)
    base, extra = divmod(units, count)
    return [(base + (part < extra)) * MINOR_PER_UNIT for part in range(count)]
