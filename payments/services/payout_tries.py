"""The tries of a payout: one for each part that the network takes at once, or one line of a file."""

from datetime import datetime
from typing import Any

from django.conf import settings

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.money import MINOR_PER_UNIT
from payments.models import MoneyOp
from payments.states import OP_CREATED, OP_OUT
from settlements.models import Payout


def make_tries(payout: Payout) -> list[MoneyOp]:
    """The first try of every part, due now. The caller holds the payout's lock."""
    at, is_sent = now(), payout.route in OP_OUT
    parts = split_parts(payout.amount, limit=settings.PAYOUT_PART_LIMIT) if is_sent else [payout.amount]
    return [add_part_try(payout, part, amount=amount, at=at) for part, amount in enumerate(parts, start=1)]


def add_part_try(payout: Payout, part: int, *, amount: int, at: datetime) -> MoneyOp:
    """A new try of one part, to be sent at `at`; the unique index refuses one beside another that may have left."""
    earlier = MoneyOp.objects.filter(payout_id=payout.id, part=part).count()
    op: Any = MoneyOp.objects.create(
        payout=payout,
        part=part,
        merchant_id=payout.merchant_id,
        mode=payout.mode,
        provider=payout.provider,
        provider_account_id=payout.provider_account_id,
        kind=payout.route,
        amount=amount,
        currency=payout.currency,
        # The name the provider knows it by: a second one under the same name would be refused there.
        client_ref=f"{payout.reference}-{part}-{earlier + 1}",
        status=OP_CREATED,
        next_check=at,
        checks=0,
        answered_checks=0,
        created_at=now(),
    )
    return op  # type: ignore[no-any-return]


def split_parts(amount: int, *, limit: int) -> list[int]:
    """Whole shillings in as few parts as stay within the limit, as equal as can be; all in minor units.

    Equal, because what is left over after full parts may be less than the network sends.
    """
    units, most = amount // MINOR_PER_UNIT, limit // MINOR_PER_UNIT
    count = -(-units // most)
    base, extra = divmod(units, count)
    return [(base + (part < extra)) * MINOR_PER_UNIT for part in range(count)]
